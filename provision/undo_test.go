package provision_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

// last is the newest change of an act about somebody.
func (w *world) last(name string, act audit.Act) audit.Change {
	w.t.Helper()
	var found audit.Change
	w.must(w.store.View(w.t.Context(), func(r store.Reader) error {
		for c, err := range audit.OfPerson(r, w.users[name]) {
			if err != nil {
				return err
			}
			if c.Act == act {
				found = c
				break
			}
		}
		return nil
	}))
	if found.ID == uuid.Nil {
		w.t.Fatalf("%s has no fact %s\n%s", name, act, w.story())
	}
	return found
}

func (w *world) undo(c audit.Change) provision.Undoing {
	w.t.Helper()
	u, err := w.engine.Undo(w.t.Context(), admin, c.ID, provision.UndoOptions{Reason: "HR-7"})
	w.must(err)
	return u
}

func (w *world) undoRefused(c audit.Change, words string) {
	w.t.Helper()
	_, err := w.engine.Undo(w.t.Context(), admin, c.ID, provision.UndoOptions{Reason: "HR-7"})
	var refused *provision.DecisionError
	if !errors.As(err, &refused) || !strings.Contains(refused.Text, words) {
		w.t.Fatalf("undo: got %v, want a refusal with %q", err, words)
	}
}

func TestUndoBringsBackWhatWasTakenAndKeepsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps, gone string
		act         audit.Act
	}{
		"a suspension":                   {"[suspend]", "suspended admin in Tier 1,VIP", audit.AccountSuspended},
		"a demotion":                     {"[demote]", "active observer", audit.AccountDemoted},
		"both":                           {"[demote, suspend]", "suspended observer", audit.AccountSuspended},
		"both, by the first of them":     {"[demote, suspend]", "suspended observer", audit.AccountDemoted},
		"both, by the turn":              {"[demote, suspend]", "suspended observer", audit.AccountUnwanted},
		"one before its deletion is due": {"[suspend, {action: delete, after: 72h}]", "suspended admin in Tier 1,VIP", audit.AccountSuspended},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := byHand(t, storetest.New(t), c.steps)
			w.members(directory.RemoveMembers, "Support", "ann")
			w.pass(time.Hour)
			w.wantVendor(map[string]string{"ann": c.gone})

			change := w.last("ann", c.act)
			plan, err := w.engine.Undo(t.Context(), admin, change.ID, provision.UndoOptions{Plan: true})
			w.must(err)
			if len(plan.Steps) == 0 || plan.Hold != "" || plan.Text == "" {
				t.Errorf("plan: got %+v", plan)
			}
			w.pass(time.Minute)
			w.wantHolds()
			w.wantVendor(map[string]string{"ann": c.gone})

			first := w.undo(change)
			again := w.undo(change)
			if first.Already || !again.Already || first.Hold != again.Hold {
				t.Errorf("undone twice: got %+v and %+v", first, again)
			}
			fact := w.last("ann", audit.ChangeUndone)
			if len(fact.Causes) != 1 || fact.Causes[0] != change.ID || fact.Actor != admin {
				t.Errorf("fact: got %+v", fact)
			}
			w.pass(96 * time.Hour)
			w.wantVendor(map[string]string{"ann": "active admin in Tier 1,VIP"})
			held := w.wantHolds(provision.HoldUndone)
			_, err = w.engine.Reconcile(t.Context(), "desk")
			w.must(err)
			w.pass(time.Hour)
			w.wantVendor(map[string]string{"ann": "active admin in Tier 1,VIP"})

			// Whoever lifts it lets go on what was undone, from the beginning.
			w.approve(held[0], false)
			w.pass(time.Hour)
			w.wantVendor(map[string]string{"ann": c.gone})
			w.wantHolds()
			w.undoRefused(change, "was taken back already")

			// What came after it can be undone as well.
			w.undo(w.last("ann", c.act))
			w.pass(time.Hour)
			w.wantVendor(map[string]string{"ann": "active admin in Tier 1,VIP"})
		})
	}
}

func TestWhatIsGoneCannotBeUndone(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.members(directory.RemoveMembers, "Support", "ann")
	w.pass(time.Hour)
	w.wantVendor(map[string]string{})
	w.undoRefused(w.last("ann", audit.AccountRemoved), "a new one follows when a grant of the mapping applies")
	w.undoRefused(w.last("ann", audit.AccountUnwanted), "nobody can bring it back")
	w.activate("ann", false)
	w.settle()
	w.undoRefused(w.last("ann", audit.AccountRemoved), "a new one follows when the person is active again")
	w.activate("ann", true)
	w.members(directory.AddMembers, "Support", "ann")
	gone := w.last("ann", audit.AccountRemoved)
	w.pass(time.Second)
	w.undoRefused(gone, "has another one there by now")
	w.undoRefused(w.last("ann", audit.AccountCreated), "gave something")
}

func TestUndoEndsWithNewsOfThePerson(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		news func(*world)
		want string
	}{
		"back in the group": {func(w *world) { w.members(directory.AddMembers, "Support", "ann") }, "active admin in Tier 1,VIP"},
		"back, and out again": {func(w *world) {
			w.members(directory.AddMembers, "Support", "ann")
			w.pass(time.Hour)
			w.members(directory.RemoveMembers, "Support", "ann")
		}, "suspended admin in Tier 1,VIP"},
		"deactivated":               {func(w *world) { w.activate("ann", false) }, "suspended admin in Tier 1,VIP"},
		"out of another group":      {func(w *world) { w.members(directory.RemoveMembers, "Others", "ann") }, "suspended admin in Tier 1,VIP"},
		"deleted":                   {func(w *world) { w.deleteUser("ann") }, "suspended admin in Tier 1,VIP"},
		"somebody else's departure": {func(w *world) { w.members(directory.RemoveMembers, "Others", "bob") }, "active admin in Tier 1,VIP"},
		"terminated": {func(w *world) {
			_, _, err := w.engine.Terminate(w.t.Context(), admin, w.users["ann"], directory.TerminateOptions{Reason: "HR-1"})
			w.must(err)
		}, "suspended admin in Tier 1,VIP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := byHand(t, storetest.New(t), "[suspend]")
			w.hire("bob")
			w.group("Others", "ann", "bob")
			w.members(directory.RemoveMembers, "Support", "ann")
			w.pass(time.Hour)
			cut := w.last("ann", audit.AccountSuspended)
			w.undo(cut)
			w.pass(time.Hour)
			w.wantVendor(map[string]string{"ann": "active admin in Tier 1,VIP"})
			c.news(w)
			w.pass(time.Hour)
			w.wantVendor(map[string]string{"ann": c.want})
			if name == "somebody else's departure" {
				w.wantHolds(provision.HoldUndone)
				return
			}
			w.wantHolds()
			if name == "terminated" {
				w.undoRefused(cut, "usher reinstate")
				w.undoRefused(w.last("ann", audit.PersonTerminated), "usher reinstate")
			}
		})
	}
}

func TestUndoForSomebodyInactiveNeedsAReason(t *testing.T) {
	t.Parallel()
	w := byHand(t, storetest.New(t), "[suspend]")
	w.activate("ann", false)
	w.pass(time.Hour)
	cut := w.last("ann", audit.AccountSuspended)
	_, err := w.engine.Undo(t.Context(), admin, cut.ID, provision.UndoOptions{})
	var refused *provision.DecisionError
	if !errors.As(err, &refused) || !strings.Contains(refused.Text, "okta says active: false") {
		t.Fatalf("without a reason: got %v", err)
	}
	w.undo(cut)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active admin in Tier 1,VIP"})
	w.wantHolds(provision.HoldUndone)
	// A rejection keeps it so, and is heard of no more until something new is said.
	_, err = w.engine.Reject(t.Context(), admin, w.holds()[0].ID)
	w.must(err)
	w.pass(time.Hour)
	w.wantHolds()
	w.wantVendor(map[string]string{"ann": "active admin in Tier 1,VIP"})
	w.deleteUser("ann")
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "suspended admin in Tier 1,VIP"})
}

const leadMapping = `
version: 1
apps:
  desk:
    connection: desk-prod
    mode: enforce
    grants:
      - {group: Support, role: observer}
      - {group: Leads, role: agent, teams: [Tier 2]}
    when_ungranted: [suspend]
    when_deactivated: [suspend]
`

func TestUndoOfARoleAndOfATeam(t *testing.T) {
	t.Parallel()
	w := staffed(t, leadMapping, "ann")
	w.group("Leads", "ann")
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent in Tier 2"})
	raised := w.last("ann", audit.AccountUpdated)
	w.members(directory.RemoveMembers, "Leads", "ann")
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active observer"})
	w.undoRefused(raised, "has been changed since")
	w.undoRefused(w.last("ann", audit.GroupMembers), "is changed there, and what followed from it can be undone one by one: usher undo "+w.last("ann", audit.AccountUpdated).ID.String())

	w.undo(w.last("ann", audit.AccountUpdated))
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent"})
	w.undo(w.last("ann", audit.AccountTeams))
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 2"})
	w.wantHolds(provision.HoldUndone, provision.HoldUndone)

	// The mapping says something else of her: both end.
	w.members(directory.RemoveMembers, "Support", "ann")
	w.pass(time.Hour)
	w.wantHolds()
	w.members(directory.AddMembers, "Support", "ann")
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active observer"})
}

// Who becomes an administrator again is a question, as ever.
func TestUndoGivesAnAdministratorsRoleOnlyAfterApproval(t *testing.T) {
	t.Parallel()
	w := byHand(t, storetest.New(t), "[demote]")
	w.vendor.can.AdminRoles = []string{"admin"}
	w.vendor.seed(adapters.Account{Email: "boss@acme.example", Role: "admin", Admin: true})
	w.start()
	w.members(directory.RemoveMembers, "Support", "ann")
	w.pass(time.Hour)
	u := w.undo(w.last("ann", audit.AccountDemoted))
	if len(u.Asks) != 1 || u.Asks[0].Kind != provision.HoldAdmin {
		t.Errorf("asks: got %+v", u.Asks)
	}
	w.pass(time.Hour)
	for _, h := range w.wantHolds(provision.HoldAdmin, provision.HoldUndone) {
		if h.Kind == provision.HoldAdmin {
			w.approve(h, false)
		}
	}
	w.pass(time.Hour)
	if got := w.vendor.have()["ann@acme.example"]; got != "active admin in Tier 1,VIP" {
		t.Errorf("ann: got %q", got)
	}
}

func TestUndoRefusesWhatItIsNotFor(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	_, err := w.engine.Undo(t.Context(), admin, uuid.Must(uuid.NewV7()), provision.UndoOptions{})
	if !errors.Is(err, provision.ErrNoChange) {
		t.Errorf("an unknown change: got %v", err)
	}
	var applied audit.Change
	w.must(w.store.View(t.Context(), func(r store.Reader) error {
		for c, err := range audit.Read(r, time.Time{}, time.Time{}) {
			if err != nil {
				return err
			}
			if c.Act == audit.MappingApplied {
				applied = c
			}
		}
		return nil
	}))
	w.undoRefused(applied, "usher rollback")
	_, err = w.engine.Undo(t.Context(), admin, applied.ID, provision.UndoOptions{Reason: strings.Repeat("x", provision.MaxUndoReason+1)})
	if err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a long reason: got %v", err)
	}
}

func TestUndoSurvivesACrashAnywhere(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"before call", "after call", "before commit", "after commit"} {
		for n := 1; n <= 10; n++ {
			t.Run(fmt.Sprintf("%s %d", at, n), func(t *testing.T) {
				t.Parallel()
				f := storetest.Faulty(storetest.New(t))
				w := byHand(t, f, "[demote, suspend]")
				w.members(directory.RemoveMembers, "Support", "ann")
				w.pass(time.Hour)
				w.wantVendor(map[string]string{"ann": "suspended observer"})
				change := w.last("ann", audit.AccountSuspended)
				w.crashAt(f, at, n)
				w.inEngine = true
				_, err := w.engine.Undo(t.Context(), admin, change.ID, provision.UndoOptions{})
				if errors.Is(err, errCrash) { // whoever asked asks again
					w.crashed = false
					w.start()
					_, err = w.engine.Undo(t.Context(), admin, change.ID, provision.UndoOptions{})
				}
				w.must(err)
				w.step(2 * time.Hour)
				w.wantVendor(map[string]string{"ann": "active admin in Tier 1,VIP"})
				w.wantHolds(provision.HoldUndone)
			})
		}
	}
}
