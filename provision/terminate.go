package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// cut ends the account of a terminated person: no quiet time, budget, confirmation or `after` stands in between.
// Sign-in ends now. What the mapping does later (a deletion after some days) keeps its time; where the app
// cannot suspend, its ending is not waited for, as the person would stay inside. What may not have taken place (Account.out, removing) is
// repeated. Only the guards stay: a protected account is a hold.
func (p *planner) cut(a *Account) {
	before := len(p.plan.Steps)
	p.ending(a)
	if a.cutOff() || slices.ContainsFunc(p.plan.Steps[before:], func(s Step) bool {
		return s.Op == OpSuspend || s.Op == OpRemove
	}) {
		return
	}
	if slices.Contains(p.Can.Actions, adapters.Suspend) {
		if !a.did(adapters.Suspend) {
			p.step(Step{Op: OpSuspend, Account: a.ID, Action: adapters.Suspend})
		}
		return
	}
	p.plan.Steps = p.plan.Steps[:before]
	for _, s := range p.App.Steps(p.Want) {
		if final(adapters.Action(s.Action)) {
			p.remove(a, s)
			return
		}
	}
	// The mapping never ends accounts of this app: the weakest role is all that is left to do.
	if slices.Contains(p.Can.Actions, adapters.Demote) && !a.did(adapters.Demote) {
		p.step(Step{Op: OpDemote, Account: a.ID, Action: adapters.Demote})
	}
}

// newcomer reports whether a person without an account may get one: whoever has the name of somebody who
// was terminated is a question, or a source could let that person in again under another id.
func (p *planner) newcomer() bool {
	t := p.Namesake
	return t == nil || p.hold(HoldSpec{
		Kind: HoldNamesake, Fingerprint: t.Person.String(),
		Text: fmt.Sprintf("this person has a name or address of %s, whom %s terminated on %s", t.Person, t.By, t.At.Format("2006-01-02")),
		Fix:  "approve if it is somebody else; if it is the same person, terminate this one too, or `usher reinstate` the first",
	})
}

// Cut is what a termination means in one app.
type Cut struct {
	App      string       `json:"app"`
	Mode     mapping.Mode `json:"mode"`
	Accounts int          `json:"accounts"` // that stand there
	// Text says what happens or what is in the way, one sentence.
	Text string `json:"text"`
	// Done: sign-in is ended there, or there is no account.
	Done bool `json:"done"`
}

// Terminate ends a person's access everywhere, now and ahead of everything else, and returns what that means in each app at
// this moment; what is still to be done there is under way. It may be repeated: then it reports how far that has come.
func (e *Engine) Terminate(ctx context.Context, actor audit.Actor, person uuid.UUID, o directory.TerminateOptions) (directory.Termination, []Cut, error) {
	t, change, err := e.o.Directory.Terminate(ctx, actor, person, o)
	if err != nil {
		return t, nil, err
	}
	if change != nil {
		if err := e.expandNow(ctx, *change); err != nil {
			return t, nil, err
		}
	}
	e.Wake()
	cuts, err := e.Cuts(ctx, person)
	return t, cuts, err
}

// Reinstate takes a termination back. What the person gets then is for the sources and the mapping to say.
func (e *Engine) Reinstate(ctx context.Context, actor audit.Actor, person uuid.UUID, reason string) error {
	defer e.Wake()
	return e.o.Directory.Reinstate(ctx, actor, person, reason)
}

// Cuts says for each app whether a terminated person is out of it.
func (e *Engine) Cuts(ctx context.Context, person uuid.UUID) ([]Cut, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return nil, err
	}
	var cuts []Cut
	for _, app := range m.Apps() {
		x, err := e.Why(ctx, person.String(), app.Key)
		if err != nil {
			return nil, err
		}
		cuts = append(cuts, cutOf(app, x))
	}
	left, err := e.disconnected(ctx, m, person)
	return append(cuts, left...), err
}

// disconnected lists the person's accounts in apps that the mapping does not name any more: only a person can end those.
func (e *Engine) disconnected(ctx context.Context, m *mapping.Mapping, person uuid.UUID) ([]Cut, error) {
	var cuts []Cut
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		cuts = nil
		for s, err := range appStates.Scan(r, nil) {
			if err != nil {
				return err
			}
			if _, known := m.App(s.App); known {
				continue
			}
			all, err := accountsOf(r, s.App, person)
			if err != nil {
				return err
			}
			if have := standing(all); len(have) > 0 {
				cuts = append(cuts, Cut{
					App: s.App, Accounts: len(have),
					Text: fmt.Sprintf("not cut: the mapping does not name this app any more; end the account %s there by hand", have[0].VendorID),
				})
			}
		}
		return nil
	})
	return cuts, err
}

// expandNow marks the persons of a change at once, whatever waits before it in the outbox.
func (e *Engine) expandNow(ctx context.Context, c audit.Change) error {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return err
	}
	err = e.expandSmall(ctx, m, []audit.Change{c})
	if errors.Is(err, store.ErrNotFound) {
		return nil // a pass of the engine was faster
	}
	return err
}

func cutOf(app *mapping.App, x Explanation) Cut {
	c := Cut{App: app.Key, Mode: app.Mode, Done: true, Text: "no account"}
	for i := range x.Accounts {
		a := &x.Accounts[i]
		if a.State.Over() {
			if c.Accounts == 0 {
				c.Text = "the account is gone"
			}
			continue
		}
		c.Accounts++
		if a.cutOff() {
			c.Text = "sign-in is ended, the account is suspended"
			continue
		}
		c.Done, c.Text = false, "being cut now"
	}
	if c.Done {
		return c
	}
	for _, h := range x.Holds {
		if h.State == HoldOpen {
			c.Text = "not cut: " + h.Text
		}
	}
	switch it := x.Item; {
	case app.Mode == mapping.Observe:
		c.Text = "not cut: the app is in observe, nothing is changed there; end it by hand, or set mode: enforce"
	case app.Mode == mapping.Paused:
		c.Text = "not cut: the app is paused, nothing is sent to it; end it by hand, or let it go on"
	case x.Paused != nil:
		c.Text = fmt.Sprintf("not cut: %s paused by %s (%s); end it by hand, or let it go on: %s", x.Paused.What(), x.Paused.By, x.Paused.Reason, x.Paused.Command())
	case it != nil && it.Failure != nil:
		c.Text = "not cut yet: " + it.Failure.Text
	}
	return c
}
