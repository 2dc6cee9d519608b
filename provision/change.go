package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
)

// update writes what differs. An empty change calls nobody and records that the account is as wanted.
func (x *execution) update(ctx context.Context, s *Situation, step Step, a *Account) error {
	c := step.Change
	act, suspended, was := audit.Act(""), false, *a
	if c.Role != nil && !x.can.Administrates(*c.Role) {
		if err := x.notLast(ctx, a); err != nil {
			return err
		}
	}
	if !empty(c) {
		if err := x.caughtUp(ctx, a); err != nil {
			return err
		}
		before := a.Intent
		if err := x.intend(ctx, a, OpUpdate); err != nil {
			return err
		}
		shown, err := x.conn.Adapter.Update(ctx, a.VendorID, c)
		if adapters.IsKind(err, adapters.NotFound) {
			return x.vanished(ctx, s, a)
		}
		if err != nil {
			return errors.Join(x.notWhole(ctx, a, before, c, err), err)
		}
		act, suspended = audit.AccountUpdated, shown.State == adapters.Suspended
		a.observed(shown, x.o.Now())
		a.wrote(c)
		a.rendered(c.Attributes, shown.Attributes)
	}
	a.State, a.Done, a.Intent = Active, nil, nil
	if step.Settles || suspended {
		a.Before = nil // what waits for an approval is given back after it
	}
	if suspended {
		a.State, a.SuspendedAt = Suspended, x.o.Now() // by somebody else: the next plan asks about it
	}
	detail := x.detail(a)
	detail["changed"] = strings.Join(changed(c), ", ")
	if c.Role != nil && was.Role != "" && was.Role != a.Role {
		detail["roleBefore"] = was.Role
	}
	if c.Licence != nil && was.Licence != "" && was.Licence != a.Licence {
		detail["licenceBefore"] = was.Licence
	}
	a.Enforced = a.Enforced || step.Settles
	return x.save(ctx, a, act, detail)
}

// notWhole keeps what is known after an update that failed: nothing was done, or a part of it, which a fact then tells.
func (x *execution) notWhole(ctx context.Context, a *Account, before *Intent, c adapters.Change, cause error) error {
	switch {
	case adapters.KindOf(cause) == adapters.Uncertain:
		return nil
	case x.inPart():
		detail := x.detail(a)
		detail["why"] = fmt.Sprintf("a part of %s was done, another was refused: %s", strings.Join(changed(c), ", "), cause)
		return x.save(ctx, a, audit.AccountUpdated, detail)
	case severalParts(c):
		return nil
	}
	a.Intent = before // this one did nothing; an earlier one of unknown outcome stays unknown
	return x.save(ctx, a, "", nil)
}

// caughtUp makes a step wait that depends on what a read of the account shows, until reads show what was last written or seen. An
// adapter sends what differs from what it reads: after a suspension and a return within a moment it would take the account for
// active still, and send nothing. Where the clock was set back since, nobody can tell how long ago that was, and the wait begins now.
func (x *execution) caughtUp(ctx context.Context, a *Account) error { return x.shows(ctx, a, &a.Seen) }

// shows is caughtUp for what happened at a time that stands in the account.
func (x *execution) shows(ctx context.Context, a *Account, since *time.Time) error {
	now := x.o.Now()
	if since.After(now) {
		*since = now
		if err := x.save(ctx, a, "", nil); err != nil {
			return err
		}
	}
	if caught := since.Add(x.can.ReadLag); now.Before(caught) {
		return &waitError{until: caught, why: "waits for the vendor's reads to catch up"}
	}
	return nil
}

// severalParts reports whether a vendor may take one part of a change and refuse another. The refusal then leaves the
// intent as it is: what is wanted is written whole the next time.
func severalParts(c adapters.Change) bool {
	n := 0
	for _, set := range []bool{c.ExternalID != nil, c.Email != nil, c.Role != nil, c.Licence != nil, len(c.Attributes) > 0} {
		if set {
			n++
		}
	}
	return n > 1
}

// changed names what a change sets; never the values, which may be personal.
func changed(c adapters.Change) []string {
	names := slices.Sorted(maps.Keys(c.Attributes))
	for _, f := range []struct {
		name string
		set  bool
	}{{"licence", c.Licence != nil}, {"role", c.Role != nil}, {"external id", c.ExternalID != nil}, {"e-mail", c.Email != nil}} {
		if f.set {
			names = append([]string{f.name}, names...)
		}
	}
	return names
}

// wrote takes over what a change set, so that the vendor's way of writing it is no difference.
func (a *Account) wrote(c adapters.Change) {
	if c.Email != nil {
		a.Email = directory.Fold(*c.Email)
	}
	if c.ExternalID != nil {
		a.ExternalID = *c.ExternalID
	}
	if c.Role != nil {
		a.Role = *c.Role
	}
	if c.Licence != nil {
		a.Licence = *c.Licence
	}
	if len(c.Attributes) > 0 {
		profile := maps.Clone(a.Profile)
		if profile == nil {
			profile = map[string]string{}
		}
		maps.Copy(profile, c.Attributes)
		a.Profile = profile
	}
}

// rendered remembers how the vendor writes what was sent, where it is not as it was sent.
func (a *Account) rendered(sent, shown map[string]string) {
	kept := maps.Clone(a.Shown)
	for field, value := range sent {
		delete(kept, field)
		if theirs, covered := shown[field]; covered && theirs != value {
			if kept == nil {
				kept = map[string]string{}
			}
			kept[field] = theirs
		}
	}
	a.Shown = kept
}

// vanished handles an account that the vendor does not know by its id any more though
// we did not remove it. If the person has one under another id (an accepted invitation, a
// sign-in that made a new one), the entry follows; else it is lost.
func (x *execution) vanished(ctx context.Context, s *Situation, a *Account) error {
	if err := x.caughtUp(ctx, a); err != nil {
		return err
	}
	if err := x.sameTenant(ctx); err != nil {
		return err
	}
	found, err := x.conn.Adapter.Find(ctx, adapters.Probe{ExternalID: a.Person.String(), Email: a.Email})
	switch {
	case err == nil && found.ID != a.VendorID:
		why, err := x.foreign(ctx, a.Person, found)
		if err != nil {
			return err
		}
		if why != "" && !s.Want.Wanted {
			break // its address is somebody else's by now
		}
		if why != "" {
			return x.foreignHold(found.Email, why)
		}
		unwanted := *a
		a.adopt(found, x.o.Now())
		a.Enforced, a.Before, a.Done, a.Missed = unwanted.Enforced, unwanted.Before, nil, nil
		return x.save(ctx, a, audit.AccountAdopted, x.detail(a))
	case err == nil:
		return &adapters.Error{Kind: adapters.Uncertain, Scope: adapters.OneAccount, Op: "look at the account again", Message: "the app both shows the account and says it is not there"}
	case !adapters.IsKind(err, adapters.NotFound):
		return err
	}
	if s.Want.Wanted {
		return x.end(ctx, a, Lost, audit.AccountLost, "the vendor does not have it any more, and we did not remove it")
	}
	return x.end(ctx, a, Gone, audit.AccountRemoved, "the vendor does not have it any more")
}

// resume gives sign-in back, with what the account had before it was first reduced. A role that is left out is remembered, where the
// mapping names none: it follows when somebody says yes.
func (x *execution) resume(ctx context.Context, s *Situation, step Step, a *Account) error {
	suspender, ok := x.conn.Adapter.(adapters.Suspender)
	if !ok {
		return x.cannot("resume")
	}
	demoted := a.did(adapters.Demote) || a.unsure(OpDemote)
	if err := x.caughtUp(ctx, a); err != nil {
		return err
	}
	if err := x.intend(ctx, a, OpResume); err != nil {
		return err
	}
	before := adapters.Account{ID: a.VendorID}
	if a.Before != nil {
		before = *a.Before
	}
	state, kept := Active, (*adapters.Account)(nil)
	if step.WithoutRole {
		before.Role, before.Admin = "", false
		if s.Want.Role == "" {
			kept = a.Before
		}
	}
	if demoted {
		state, kept = Demoted, a.Before // sign-in is back; what the demotion took follows
	}
	shown, err := suspender.Resume(ctx, a.VendorID, before)
	if adapters.IsKind(err, adapters.NotFound) {
		return x.vanished(ctx, s, a)
	}
	if err != nil {
		return err
	}
	a.observed(shown, x.o.Now())
	a.State, a.Role, a.Licence = state, shown.Role, shown.Licence
	a.Done, a.Before, a.Intent, a.SuspendedAt = nil, kept, nil, time.Time{}
	return x.save(ctx, a, audit.AccountResumed, x.detail(a))
}

func (x *execution) cannot(what string) error {
	return &adapters.Error{
		Kind: adapters.Unsupported, Scope: adapters.OneAccount, Op: what + " account",
		Message: fmt.Sprintf("%s has no such operation", x.can.Title),
	}
}
