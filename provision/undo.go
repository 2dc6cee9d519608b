package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// ErrNoChange means that no change has that id.
var ErrNoChange = errors.New("no such change")

// MaxUndoReason bounds the reason of an undo, in bytes.
const MaxUndoReason = 500

// UndoOptions go with an undo.
type UndoOptions struct {
	// Reason is what the audit shows, at most MaxUndoReason bytes. It is needed where the person is not active: the undo then
	// lets somebody in who has left as far as the sources know.
	Reason string
	// Plan: say what it would do, and do nothing.
	Plan bool
}

// Undoing is what undoing a change means.
type Undoing struct {
	Change  audit.Change `json:"change"` // what is undone
	App     string       `json:"app"`
	Person  uuid.UUID    `json:"person"`
	Account string       `json:"account,omitempty"` // the app's own id of it
	Text    string       `json:"text"`              // what comes back, one sentence
	Steps   []Step       `json:"steps,omitempty"`   // what is left to do at the app for it, at this moment
	Asks    []HoldSpec   `json:"asks,omitempty"`    // what somebody has to decide before all of it is back
	Hold    string       `json:"hold,omitempty"`    // the hold that keeps it so; absent in a plan
	// Already: it was undone before and is kept so; nothing was written.
	Already bool `json:"already,omitempty"`
}

// Undo brings back what a change took from one account, and keeps it so: an account that turned unwanted, was demoted or suspended gets
// the state that was kept before the first reduction, a changed role or licence is changed back, a team is entered again (or left).
// What is to be done goes through the queue like all work. It is kept by a hold of the kind HoldUndone, see Undone.
//
// It is one transaction and may be repeated. What cannot be undone is a *DecisionError that says what can be done instead: a deleted
// account, a termination (Reinstate), a version of the mapping (a rollback), what a source said. An unknown id is ErrNoChange.
func (e *Engine) Undo(ctx context.Context, actor audit.Actor, change uuid.UUID, o UndoOptions) (Undoing, error) {
	o.Reason = strings.TrimSpace(o.Reason)
	if len(o.Reason) > MaxUndoReason {
		return Undoing{}, &DecisionError{fmt.Sprintf("the reason is longer than %d bytes", MaxUndoReason)}
	}
	c, j, err := e.undoable(ctx, change)
	if err != nil {
		return Undoing{}, err
	}
	u := undo{judge: j, change: c, actor: actor, o: o}
	if o.Plan {
		err = e.o.Store.View(ctx, u.prepare)
		return u.told, err
	}
	err = e.commit(ctx, func(tx *txn) error {
		u.fact = tx.newID()
		if err := u.prepare(tx); err != nil || u.told.Already {
			return err
		}
		return u.write(tx)
	})
	if err != nil {
		return Undoing{}, err
	}
	if !u.told.Already {
		e.o.Logger.Warn("undone", "change", c.ID, "act", c.Act, "app", c.App, "person", u.told.Person, "by", actor.Name)
		e.Wake()
	}
	return u.told, nil
}

// undoable reads a change and refuses those that are not about what one account has.
func (e *Engine) undoable(ctx context.Context, id uuid.UUID) (audit.Change, judge, error) {
	var c audit.Change
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		var err error
		if c, err = audit.Get(r, id); errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: %q", ErrNoChange, id)
		}
		if err == nil {
			c, err = e.o.OpenFact(r, c)
		}
		if err == nil {
			err = e.refuseUndo(r, &c)
		}
		return err
	})
	if err != nil {
		return c, judge{}, err
	}
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return c, judge{}, err
	}
	app, ok := m.App(c.App)
	switch {
	case !ok:
		return c, judge{}, &DecisionError{fmt.Sprintf("the mapping has no app %s any more, so nothing is sent to it", c.App)}
	case app.Mode == mapping.Observe:
		return c, judge{}, &DecisionError{fmt.Sprintf("%s is in observe: nothing is changed there, so nothing can be brought back", c.App)}
	}
	can, err := e.describe(ctx, app)
	return c, judge{Engine: e, mapping: m, app: app, can: can, now: e.o.Now()}, err
}

// refuseUndo says of a change why it cannot be undone, and what can be done instead.
func (e *Engine) refuseUndo(r store.Reader, c *audit.Change) error {
	switch c.Act {
	case audit.AccountUnwanted, audit.AccountDemoted, audit.AccountSuspended, audit.AccountUpdated, audit.AccountTeams,
		audit.AccountRemoved, audit.AccountLost: // of the last two, what can be done depends on the person
		if len(c.Persons) == 1 && c.Account != uuid.Nil {
			return nil
		}
	case audit.MappingApplied, audit.MappingBound, audit.MappingRolled:
		return &DecisionError{"a version of the mapping is taken back as a whole: usher rollback; usher versions lists them"}
	case audit.PersonTerminated:
		return &DecisionError{"a termination is taken back with usher reinstate"}
	case audit.WorkPaused:
		return &DecisionError{"a pause is lifted with usher resume"}
	case audit.AccountUnlinked, audit.AccountIgnored:
		return &DecisionError{"who owns an account is said with usher link"}
	case audit.AccountCreated, audit.AccountAdopted, audit.AccountLinked, audit.AccountResumed, audit.AccountWanted:
		return &DecisionError{"this change gave something and took nothing: to end the account, take away what grants it, or usher terminate the person"}
	case audit.ChangeUndone:
		return &DecisionError{"an undo is lifted by approving its hold: usher holds --kind undone"}
	}
	if c.Actor.Kind != audit.BySource {
		return &DecisionError{fmt.Sprintf("%s is not a change of what an account has", c.Act)}
	}
	followed, err := followed(r, c)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("what %s says is changed there", c.Actor.Name)
	if len(followed) > 0 {
		text += ", and what followed from it can be undone one by one: usher undo " + strings.Join(followed, ", or ")
	}
	return &DecisionError{text}
}

// maxFollowed is how many changes that followed from another are named.
const maxFollowed = 5

// followed names the changes of accounts that followed from what a source said of one person.
func followed(r store.Reader, c *audit.Change) ([]string, error) {
	if len(c.Persons) != 1 {
		return nil, nil
	}
	var out []string
	for f, err := range audit.OfPerson(r, c.Persons[0]) {
		if err != nil {
			return nil, err
		}
		if f.At.Before(c.At) || len(out) == maxFollowed {
			break
		}
		switch f.Act {
		case audit.AccountDemoted, audit.AccountSuspended, audit.AccountUpdated:
			if slices.Contains(f.Causes, c.ID) {
				out = append(out, fmt.Sprintf("%s (%s, %s)", f.ID, f.App, f.Act))
			}
		}
	}
	return out, nil
}

// undo is one undo as it is prepared and written.
type undo struct {
	judge
	change audit.Change
	actor  audit.Actor
	o      UndoOptions
	fact   uuid.UUID // of the undo itself

	// What prepare found; it starts anew each time.
	s    Situation
	hold Hold // to be written
	told Undoing
}

// told is what a fact about an account tells, as far as an undo needs it.
type toldOf struct {
	Role          string `json:"role"`
	Licence       string `json:"licence"`
	RoleBefore    string `json:"roleBefore"`
	LicenceBefore string `json:"licenceBefore"`
	Joined        string `json:"joined"`
	Left          string `json:"left"`
}

// prepare finds out what the undo means at this moment, or why it cannot be.
func (u *undo) prepare(r store.Reader) error {
	c := &u.change
	person := c.Persons[0]
	u.told = Undoing{Change: *c, App: c.App, Person: person}
	var err error
	if u.s, err = u.situation(r, person); err != nil {
		var we *wantError
		if errors.As(err, &we) {
			return &DecisionError{we.Error()}
		}
		return err
	}
	if t := u.s.Person.Terminated; t != nil {
		return &DecisionError{fmt.Sprintf("the person was terminated by %s on %s (%s): usher reinstate takes that back, and nothing else does", t.By, t.At.Format(time.DateOnly), t.Reason)}
	}
	i := slices.IndexFunc(u.s.Accounts, func(a Account) bool { return a.ID == c.Account })
	if i < 0 || c.Act == audit.AccountRemoved || c.Act == audit.AccountLost {
		return u.gone()
	}
	a := u.s.Accounts[i]
	u.told.Account = a.VendorID
	for n := range u.s.Holds {
		h := &u.s.Holds[n]
		if h.keeps(&u.s) == nil || (h.Undone.Change != c.ID && !(h.Undone.Ending && h.Undone.Account == a.ID && ends(c.Act))) {
			continue
		}
		u.told.Already, u.told.Hold, u.told.Text = true, h.ID, h.Text
		u.left()
		return nil
	}
	if !u.s.Person.Active && u.o.Reason == "" {
		return &DecisionError{fmt.Sprintf("the person is not active (%s), and the undo would let them in again: say why, with a reason", u.s.Person.Inactive)}
	}
	keep, what, err := u.kept(&a)
	if err != nil {
		return err
	}
	keep.Account, keep.Change, keep.Fact, keep.Mapped = a.ID, c.ID, u.fact, mapped(u.s.Mapped, &u.s.Person)
	u.hold = Hold{
		App: c.App, Person: person, Kind: HoldUndone, Fingerprint: c.ID.String(), State: HoldOpen, Opened: u.now, Undone: &keep,
		Text: fmt.Sprintf("%s undid %s of %s: the %s account %s %s", orUsher(u.actor.Name), undoWord(c.Act), c.At.Format(time.DateOnly), u.can.Title, a.Email, what),
		Fix: "approve to let go on what was undone; it also ends by itself when the sources or the mapping say something else of this person, " +
			"or a source takes something away again",
	}
	u.told.Text = u.hold.Text
	u.s.Holds = append(slices.Clone(u.s.Holds), u.hold)
	u.s.Want = u.s.Mapped
	u.s.undone()
	u.left()
	return nil
}

// left notes what is to be done at this moment.
func (u *undo) left() {
	plan := u.s.Plan()
	u.told.Steps, u.told.Asks = plan.Steps, plan.Holds
}

// undoWord names what is undone.
func undoWord(act audit.Act) string {
	switch act {
	case audit.AccountSuspended:
		return "the suspension"
	case audit.AccountDemoted:
		return "the demotion"
	case audit.AccountTeams:
		return "the change of teams"
	case audit.AccountUpdated:
		return "the change"
	default:
		return "the end"
	}
}

func ends(act audit.Act) bool {
	return act == audit.AccountUnwanted || act == audit.AccountDemoted || act == audit.AccountSuspended
}

// kept says what the undo keeps of an account, and that in words, or why there is nothing to keep.
func (u *undo) kept(a *Account) (Undone, string, error) {
	c := &u.change
	if ends(c.Act) {
		return u.keptEnding(a)
	}
	var d toldOf
	if len(c.Detail) > 0 {
		if err := json.Unmarshal(c.Detail, &d); err != nil {
			return Undone{}, "", fmt.Errorf("read what the change %s was: %w", c.ID, err)
		}
	}
	since := &DecisionError{"that account has been changed since: usher why shows what it has and the later changes"}
	if !u.s.Mapped.Wanted || a.unwanted() {
		return Undone{}, "", &DecisionError{"the account is on its way out by now; that is another change: usher why shows it"}
	}
	switch {
	case c.Act == audit.AccountTeams && d.Left != "":
		if slices.Contains(a.Teams, d.Left) {
			return Undone{}, "", since
		}
		return Undone{Teams: []string{d.Left}}, "stays in the team " + d.Left, nil
	case c.Act == audit.AccountTeams && d.Joined != "":
		if !slices.Contains(a.Teams, d.Joined) {
			return Undone{}, "", since
		}
		return Undone{Without: []string{d.Joined}}, "stays out of the team " + d.Joined, nil
	case d.RoleBefore == "" && d.LicenceBefore == "":
		return Undone{}, "", &DecisionError{"this change took no role, licence or team: names, addresses and the like are what the directory says, and are changed there"}
	case d.RoleBefore != "" && a.Role != d.Role, d.LicenceBefore != "" && a.Licence != d.Licence:
		return Undone{}, "", since
	}
	var words []string
	if d.RoleBefore != "" {
		words = append(words, "the role "+d.RoleBefore)
	}
	if d.LicenceBefore != "" {
		words = append(words, "the licence "+d.LicenceBefore)
	}
	return Undone{Role: d.RoleBefore, Licence: d.LicenceBefore}, "keeps " + strings.Join(words, " and "), nil
}

func (u *undo) keptEnding(a *Account) (Undone, string, error) {
	switch {
	case u.s.Mapped.Wanted:
		return Undone{}, "", &DecisionError{"the account is wanted again: what it had comes back by itself, usher why shows how far that is"}
	case !a.unwanted():
		return Undone{}, "", &DecisionError{"that was taken back already, and nothing has been taken from the account since"}
	case u.change.At.Before(a.UnwantedSince.Truncate(time.Millisecond)):
		return Undone{}, "", &DecisionError{fmt.Sprintf("that was taken back already; the account is on its way out anew since %s: usher why shows the later change", a.UnwantedSince.Format(time.RFC3339))}
	}
	keep := Undone{Ending: true, Role: a.Role, Licence: a.Licence, Teams: slices.Clone(a.Teams)}
	if b := a.Before; b != nil {
		keep.Role, keep.Licence, keep.Teams = b.Role, b.Licence, slices.Clone(b.Teams)
	}
	return keep, "stays as it was before, though " + u.s.Mapped.Text, nil
}

// gone says what can be done where the account is not there any more.
func (u *undo) gone() error {
	text := fmt.Sprintf("the account is gone at %s, and nobody can bring it back", u.can.Title)
	switch {
	case len(u.s.Accounts) > 0:
		text += "; the person has another one there by now"
	case u.s.Want.Wanted:
		text += "; the person is entitled to one, and gets a new one as the mapping says"
	case !u.s.Person.Active:
		text += fmt.Sprintf("; a new one follows when the person is active again and a grant applies (now: %s)", u.s.Person.Inactive)
	default:
		text += fmt.Sprintf("; a new one follows when a grant of the mapping applies to the person (now: %s)", u.s.Want.Text)
	}
	return &DecisionError{text}
}

// write keeps what was prepared, tells the audit and marks the pair.
func (u *undo) write(tx *txn) error {
	h := u.hold
	switch old, err := holds.Lookup(tx, byPairKind, holdKey(h.App, h.Person, h.Kind, h.Fingerprint)); {
	case err == nil:
		h.ID = old.ID
	case errors.Is(err, store.ErrNotFound):
		if h.ID, err = tx.newHoldID(); err != nil {
			return err
		}
	default:
		return err
	}
	u.told.Hold = h.ID
	if err := holds.Put(tx, &h); err != nil {
		return err
	}
	detail := map[string]string{"kind": string(u.change.Act), "hold": h.ID}
	if u.o.Reason != "" {
		detail["reason"] = u.o.Reason
	}
	fact := factOf(u.fact, tx.now, audit.ChangeUndone, h.App, h.Person, h.Undone.Account, []uuid.UUID{u.change.ID}, detail)
	fact.Actor = u.actor
	if err := audit.Record(tx, fact); err != nil {
		return err
	}
	return mark(tx, h.App, personSubject(h.Person), &fact, tx.now)
}
