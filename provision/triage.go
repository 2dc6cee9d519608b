package provision

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// triageSlice is how many marks one transaction judges.
const triageSlice = 50

// Triage judges the app's marks, and what waited for a time that has come: it clears
// those with nothing to do and gives the others their place in the queue. It calls
// no vendor. It returns how many it judged; fewer than triageSlice means that none are left.
func (e *Engine) Triage(ctx context.Context, app string) (int, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return 0, err
	}
	a, ok := m.App(app)
	if !ok {
		return 0, nil
	}
	can, err := e.describe(ctx, a)
	if err != nil {
		return 0, e.ignoreStop(e.stop(ctx, app, "the connection "+a.Connection+" cannot be opened: "+err.Error(), "run `usher connect "+a.Connection+"`"))
	}
	j := judge{Engine: e, mapping: m, app: a, can: can, now: e.o.Now()}
	due, err := e.toJudge(ctx, app, j.now)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	j.reads = m.Reads()
	if err := j.judge(ctx, due); err == nil || ctx.Err() != nil || len(due) == 1 {
		return len(due), err
	}
	// One that cannot be judged must not keep the others waiting.
	for i := range due {
		if err := j.judge(ctx, due[i:i+1]); err != nil {
			if err := j.giveUp(ctx, due[i], err); err != nil {
				return i, err
			}
		}
	}
	return len(due), nil
}

// judge settles items, unless they wait for something else since they were seen, in one transaction.
func (j *judge) judge(ctx context.Context, due []dueItem) error {
	return j.commit(ctx, func(tx *txn) error {
		j.books = j.Engine.books(j.mapping, j.app, j.now)
		var err error
		if j.pending, err = audit.Urgent(tx, changeBatch); err != nil {
			return err
		}
		if j.state, err = appState(tx, j.ledgerKey()); err != nil {
			return err
		}
		j.people = j.o.Directory.People(tx, j.reads)
		for _, d := range due {
			was, err := d.still(tx, j.now)
			if err != nil {
				return err
			}
			if was == nil {
				continue
			}
			it := *was
			if it.turned(j.now) {
				it.anew(j.now) // whoever is executing it by now does not settle it
			}
			if err := j.settle(tx, was, &it); err != nil {
				return err
			}
		}
		return nil
	})
}

// still returns the item if it is to be judged for the reason for which it was found, else nil.
func (d dueItem) still(r store.Reader, now time.Time) (*Item, error) {
	it, err := items.Get(r, d.key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	due := it.State == Marked || it.State != Ready && !it.Due.After(now)
	if it.class() != d.class || !due && !it.turned(now) {
		return nil, nil
	}
	return it, nil
}

// giveUp lets an item wait, visibly, that cannot be judged because something of it cannot be read.
func (j *judge) giveUp(ctx context.Context, seen dueItem, cause error) error {
	if ctx.Err() != nil {
		return cause
	}
	j.o.Logger.Error("an item cannot be judged", "app", j.app.Key, "subject", seen.subject(), "err", cause)
	return j.o.Store.Update(ctx, func(tx store.Tx) error {
		was, err := seen.still(tx, j.now)
		if err != nil || was == nil {
			return err
		}
		it := *was
		it.State, it.Due = Failed, never
		it.Failure = &Failure{
			At: j.now, Kind: adapters.Invalid, Text: "what is kept of this person or account cannot be read",
			Fix: "see the server's log, restore a backup or report it; then `usher retry`",
		}
		return items.Replace(tx, was, &it)
	})
}

func (e *Engine) ignoreStop(err error) error {
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

// dueItem is an item to judge, with the class under which it was found.
type dueItem struct {
	key   []byte
	class class
}

// subject is the item's, for the log.
func (d dueItem) subject() string {
	parts, err := store.SplitKey(d.key)
	if err != nil || len(parts) != 2 {
		return ""
	}
	return string(parts[1])
}

// toJudge lists marks and items whose time has come, but not those at a vendor at this moment.
func (e *Engine) toJudge(ctx context.Context, app string, now time.Time) ([]dueItem, error) {
	var due []dueItem
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		due = due[:0]
		for _, c := range []class{classUrgent, classMarked} { // a mark waits for nothing, whatever a clock that was set back says
			for key, err := range items.FindKeys(r, byDue, classPrefix(app, c)) {
				if err != nil {
					return err
				}
				if len(due) == triageSlice {
					break
				}
				if !e.isRunning(key) {
					due = append(due, dueItem{key, c})
				}
			}
		}
		for _, c := range []class{classLater, classHeld} {
			for it, err := range items.Find(r, byDue, classPrefix(app, c)) {
				if err != nil {
					return err
				}
				if it.Due.After(now) || len(due) == triageSlice {
					break
				}
				if key := itemKey(app, it.Subject); !e.isRunning(key) {
					due = append(due, dueItem{key, c})
				}
			}
		}
		for it, err := range items.Find(r, byTurn, store.Key([]byte(app))) {
			if err != nil {
				return err
			}
			if it.Turns.After(now) || len(due) == triageSlice {
				break
			}
			if key := itemKey(app, it.Subject); !e.isRunning(key) {
				due = append(due, dueItem{key, it.class()})
			}
		}
		return nil
	})
	return due, err
}

// judge settles items of one app under one mapping at one moment.
type judge struct {
	*Engine
	mapping *mapping.Mapping
	app     *mapping.App
	can     adapters.Description
	now     time.Time
	reads   []string // of profiles, by the mapping
	// pending are the urgent changes that are not expanded to their end.
	pending []audit.Change
	books   *books // of the transaction; set where items are settled
	// ledger is the key under which the app's ledger stands; "" for the app's own.
	ledger string
	// What many items share in one transaction, nil where each reads for itself.
	state  *AppState         // the app's
	people *directory.People // knows of profiles only what the mapping reads
}

func (j *judge) ledgerKey() string {
	if j.ledger != "" {
		return j.ledger
	}
	return j.app.Key
}

// person reads a person as far as judging looks at one.
func (j *judge) person(r store.Reader, id uuid.UUID) (directory.Person, error) {
	if j.people != nil {
		return j.people.Person(id)
	}
	return j.o.Directory.PersonIn(r, id)
}

// want is the mapping's answer. Where many are judged, its sentence is left out for those who have no account that it
// could be about, or keep theirs.
func (j *judge) want(p *directory.Person, have []Account) (want mapping.Want, err error) {
	told := j.people == nil
	if !told {
		want, err = j.mapping.Decide(j.app.Key, p, j.now)
		told = len(have) > 0 && (!want.Wanted || slices.ContainsFunc(have, func(a Account) bool { return a.unwanted() }))
	}
	if told && err == nil {
		want, err = j.mapping.Want(j.app.Key, p, j.now)
	}
	if err != nil {
		return mapping.Want{}, &wantError{err}
	}
	return want, nil
}

// situation loads what a plan for the pair depends on.
func (j *judge) situation(r store.Reader, person uuid.UUID) (Situation, error) {
	p, err := j.person(r, person)
	if err != nil {
		return Situation{}, err
	}
	all, err := accountsOf(r, j.ledgerKey(), person)
	if err != nil {
		return Situation{}, err
	}
	held, err := holdsOf(r, j.ledgerKey(), person)
	if err != nil {
		return Situation{}, err
	}
	admitted, err := admissionsOf(r, j.ledgerKey(), person)
	if err != nil {
		return Situation{}, err
	}
	state := j.state
	if state == nil {
		if state, err = appState(r, j.ledgerKey()); err != nil {
			return Situation{}, err
		}
	}
	have := standing(all)
	for i := range have {
		if err := joined(r, &have[i]); err != nil {
			return Situation{}, err
		}
	}
	want, err := j.want(&p, have)
	if err != nil {
		return Situation{}, err
	}
	app, ok := j.mapping.AppFor(j.app.Key, &p)
	if !ok {
		app = j.app
	}
	var namesake *directory.Termination
	if len(have) == 0 && want.Wanted {
		if namesake, err = j.o.Directory.NamesakeIn(r, &p); err != nil {
			return Situation{}, err
		}
	}
	var missing *Account
	if len(have) == 0 && want.Wanted {
		if missing, err = missingSinceRestore(r, all); err != nil {
			return Situation{}, err
		}
	}
	s := Situation{
		App: app, Can: j.can, Person: p, Want: want, Accounts: have, Missing: missing,
		Holds: held, Self: state.Self, Namesake: namesake, Now: j.now, Guarded: j.app.Mode != mapping.Observe, Admitted: admitted,
	}
	s.undone()
	return s, nil
}

// wantError is a mapping expression that failed for one person.
type wantError struct{ err error }

func (e *wantError) Error() string { return "the mapping cannot be evaluated: " + e.err.Error() }
func (e *wantError) Unwrap() error { return e.err }

// settle judges one item anew, stamps its accounts, keeps its holds true, and writes or removes the item. Was is the item as
// it was read in this transaction.
func (j *judge) settle(tx *txn, was, it *Item) error {
	if team, ok := it.Team(); ok {
		return j.settleTeam(tx, was, it, team)
	}
	person, ok := it.Person()
	if !ok {
		return items.Remove(tx, was)
	}
	s, err := j.situation(tx, person)
	var we *wantError
	if errors.As(err, &we) {
		it.State, it.Due = Failed, never
		it.Failure = &Failure{At: j.now, Kind: adapters.Invalid, Text: we.Error(), Fix: "guard the expression in the mapping, or complete the user at the identity provider"}
		return items.Replace(tx, was, it)
	}
	if err == nil {
		s, err = j.heed(tx, it, s)
	}
	if err != nil {
		return err
	}
	plan := s.Plan()
	if len(plan.Hardened) > 0 {
		it.Marked = j.now // a source speaks only now, and what it says is weighed whole
	}
	if len(plan.Unwanted)+len(plan.Returned)+len(plan.Hardened) > 0 && j.app.Mode != mapping.Observe {
		if err := j.stamp(tx, it, &s, plan); err != nil {
			return err
		}
		plan = s.Plan()
	}
	if len(plan.Pending) > 0 && j.app.Mode != mapping.Observe {
		if err := j.weighPending(tx, it, &s, plan.Pending); err != nil {
			return err
		}
		plan = s.Plan()
	}
	if err := j.syncHolds(tx, it, &s, plan); err != nil {
		return err
	}
	if err := j.consume(tx, &s, plan); err != nil {
		return err
	}
	it.Urgent, it.Approved, it.Exceeds, it.Edited, it.Fresh = false, false, false, false, 0
	it.Cut = s.Person.Terminated != nil
	it.Turns = time.Time{}
	if plan.Next.After(j.now) {
		it.Turns = plan.Next
	}
	switch {
	case plan.Waiting && j.app.Mode != mapping.Observe:
		it.State, it.Lane, it.Due, it.Marked, it.Work = Quiet, Removal, j.now, quietSince(it, &s, j.now), plan.Work
	case len(plan.Steps) > 0 && (j.app.Mode != mapping.Observe || it.Rounds == 0):
		it.State, it.Lane, it.Due = Ready, plan.Lane(), j.now
		switch {
		case it.Lane != Removal && it.NotBefore.After(j.now):
			it.Due = it.NotBefore
		case it.Lane == Removal && s.Person.Terminated != nil:
			it.Due = time.Time{} // before all others
		}
	case len(plan.Holds) > 0:
		it.State, it.Due = Held, never
		if !plan.Next.IsZero() {
			it.Due = plan.Next
		}
	case !plan.Next.IsZero():
		it.State, it.Due, it.Failure, it.Attempts, it.Turns = Later, plan.Next, nil, 0, time.Time{}
	default:
		return items.Remove(tx, was)
	}
	return items.Replace(tx, was, it)
}

// quietSince is when an item's quiet time began: with the account that turned unwanted first, and not before the item.
func quietSince(it *Item, s *Situation, now time.Time) time.Time {
	oldest := now
	for i := range s.Accounts {
		if a := &s.Accounts[i]; a.unwanted() && a.UnwantedSince.Before(oldest) {
			oldest = a.UnwantedSince
		}
	}
	if it.Marked.After(oldest) && !it.Marked.After(now) {
		return it.Marked
	}
	return oldest
}

// stamp records in the ledger, and as facts, which accounts turned unwanted or wanted again.
func (j *judge) stamp(tx *txn, it *Item, s *Situation, plan Plan) error {
	confirmed, edited := it.Approved && j.alone(it), it.Edited || j.editUnderWay(it)
	for i := range s.Accounts {
		a := &s.Accounts[i]
		act := audit.AccountUnwanted
		switch {
		case contains(plan.Unwanted, a.ID):
			a.UnwantedSince, a.UnwantedWhy = j.now, s.Want.Reason
			a.Done, a.Admitted = nil, time.Time{}
			a.Unconfirmed = edited && s.Want.Reason != mapping.Deactivated
			if confirmed && s.Want.Reason != mapping.Deactivated {
				a.Admitted = j.now
			}
		case contains(plan.Returned, a.ID):
			act = audit.AccountWanted
			a.UnwantedSince, a.UnwantedWhy, a.Admitted, a.Unconfirmed = time.Time{}, "", time.Time{}, false
		case contains(plan.Hardened, a.ID):
			// Who said no to the lesser reason was not asked about a leaver. The steps go on counting.
			a.UnwantedWhy = s.Want.Reason
			if err := j.askAgain(tx, s); err != nil {
				return err
			}
		default:
			continue
		}
		if err := accounts.Put(tx, a); err != nil {
			return err
		}
		fact := tx.fact(act, it.App, a.Person, a.ID, it.Causes, map[string]string{"reason": string(s.Want.Reason), "text": s.Want.Text})
		if err := audit.Record(tx, fact); err != nil {
			return err
		}
	}
	return nil
}

// alone reports whether the mapping edit that marked the item is all that happened to it since it was last judged. What a
// source did at the same time was not what the administrator looked at who confirmed the edit: it passes the quiet time and
// the budget like anything else. The two confirmations, of removals (Item.Approved) and of the rest (Item.Exceeds), do not
// stand for each other.
func (j *judge) alone(it *Item) bool {
	if it.Fresh != 1 || len(j.pending) == changeBatch {
		return false // there may be more than were read
	}
	person, _ := it.Person()
	return !slices.ContainsFunc(j.pending, func(c audit.Change) bool {
		return !slices.Contains(it.Causes, c.ID) && (large(&c) || slices.Contains(c.Persons, person))
	})
}

// editUnderWay reports whether an edit of the mapping that nobody confirmed is in force already, and
// its expansion has not reached the item yet.
func (j *judge) editUnderWay(it *Item) bool {
	return slices.ContainsFunc(j.pending, func(c audit.Change) bool {
		return edits(&c) && !c.Confirmed && (c.App == "" || c.App == it.App)
	})
}

// askAgain closes rejections, so that what they stood for becomes a question again.
func (j *judge) askAgain(tx store.Tx, s *Situation) error {
	for i := range s.Holds {
		h := &s.Holds[i]
		if h.State != HoldRejected {
			continue
		}
		h.State, h.Decided = HoldClosed, j.now
		if err := holds.Put(tx, h); err != nil {
			return err
		}
	}
	return nil
}

func contains(ids []uuid.UUID, id uuid.UUID) bool {
	for _, i := range ids {
		if i == id {
			return true
		}
	}
	return false
}

// planned are the kinds of hold that the planner itself asks for; the others are found out at the vendor.
func planned(k HoldKind) bool {
	switch k {
	case HoldBudget, HoldAdmin, HoldMapping, HoldReduction, HoldProtected, HoldEmail, HoldSuspended, HoldProfile, HoldNamesake,
		HoldRestored, HoldLeaver, HoldReturned:
		return true
	default:
		return false
	}
}

// syncHolds opens what the plan asks for and closes what it does not ask for any more.
func (j *judge) syncHolds(tx *txn, it *Item, s *Situation, plan Plan) error {
	for i := range s.Holds {
		h := &s.Holds[i]
		if h.State != HoldOpen {
			continue
		}
		asked := !planned(h.Kind) && stillMatters(h, plan) || h.keeps(s) != nil
		for _, spec := range plan.Holds {
			asked = asked || (spec.Kind == h.Kind && spec.Fingerprint == h.Fingerprint)
		}
		if asked {
			continue
		}
		h.State, h.Decided = HoldClosed, j.now
		if err := holds.Put(tx, h); err != nil {
			return err
		}
	}
	if j.app.Mode == mapping.Observe {
		return nil
	}
	for _, spec := range plan.Holds {
		if err := j.openHold(tx, it, s.Person.ID, spec); err != nil {
			return err
		}
	}
	return nil
}

// stillMatters reports whether a hold that was found out at the vendor still stands in the way of a step.
func stillMatters(h *Hold, plan Plan) bool {
	for _, s := range plan.Steps {
		switch h.Kind {
		case HoldForeign, HoldAdopt:
			if s.Op == OpObtain || s.Op == OpLook {
				return true
			}
		case HoldTransfer, HoldRefused:
			if s.Op == OpRemove {
				return true
			}
		case HoldLastAdmin:
			if s.Op == OpRemove || s.Op == OpSuspend || s.Op == OpDemote || (s.Op == OpUpdate && s.Change.Role != nil) {
				return true
			}
		}
	}
	return false
}

// openHold makes sure that a hold stands and tells the audit when it is new.
func (e *Engine) openHold(tx *txn, it *Item, person uuid.UUID, spec HoldSpec) error {
	h, err := holds.Lookup(tx, byPairKind, holdKey(it.App, person, spec.Kind, spec.Fingerprint))
	switch {
	case errors.Is(err, store.ErrNotFound):
		id, err := tx.newHoldID()
		if err != nil {
			return err
		}
		h = &Hold{ID: id, App: it.App, Person: person, Kind: spec.Kind, Fingerprint: spec.Fingerprint}
	case err != nil:
		return err
	case h.State == HoldOpen && h.Text == spec.Text:
		return nil
	case h.State == HoldOpen:
		h.Text, h.Fix = spec.Text, spec.Fix
		return holds.Put(tx, h)
	}
	h.Text, h.Fix, h.Source, h.Work, h.Leaver = spec.Text, spec.Fix, it.Source, spec.Work, spec.Leaver
	h.State, h.Opened, h.Decided, h.By, h.WithoutTransfer = HoldOpen, tx.now, time.Time{}, "", false
	if err := holds.Put(tx, h); err != nil {
		return err
	}
	detail := map[string]string{"hold": h.ID, "kind": string(h.Kind)}
	if h.Work != "" {
		detail["work"] = string(h.Work)
	}
	act := audit.HoldOpened
	if h.Leaver {
		act = audit.HoldLeaver
	}
	return audit.Record(tx, tx.fact(act, it.App, person, uuid.Nil, it.Causes, detail))
}

// group reads a group outside of a transaction.
func (e *Engine) group(ctx context.Context, id uuid.UUID) (directory.Group, error) {
	var g directory.Group
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		var err error
		g, err = e.o.Directory.GroupIn(r, id)
		return err
	})
	return g, err
}
