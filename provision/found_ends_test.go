package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
)

// What histories of the simulator found about accounts that end, and what was found beside it.

const teamEnds = `
version: 1
apps:
  desk:
    connection: desk-prod
    mode: enforce
    grants: [{group: Support, role: agent, teams: [Tier 1]}]
    when_deactivated: [{action: delete, after: 0s}]
    when_ungranted: [{action: delete, after: 0s}]
`

// account returns the ledger's newest entry of a person.
func (w *world) account(name string) provision.Account {
	w.t.Helper()
	x, err := w.engine.Why(w.t.Context(), w.users[name].String(), "desk")
	w.must(err)
	if len(x.Accounts) == 0 {
		w.t.Fatalf("%s has no account", name)
	}
	return x.Accounts[len(x.Accounts)-1]
}

// Seed 23399.
func TestAnAccountTurnsUnwantedInTimeThoughItsWorkWaits(t *testing.T) {
	t.Parallel()
	kept := strings.ReplaceAll(plainMapping, "after: 0s", "after: 7d")
	for name, wait := range map[string]func(*world){
		"for a switch": func(w *world) {
			_, err := w.engine.Pause(t.Context(), admin, provision.PauseApp, "desk", provision.PauseOptions{Reason: "a look"})
			w.must(err)
			w.rename("ann", "Annabel", "")
		},
		"for a retry": func(w *world) {
			w.vendor.fail("update", &adapters.Error{Kind: adapters.Retry, Scope: adapters.OneAccount, After: 48 * time.Hour, Op: "update", Message: "busy"})
			w.rename("ann", "Annabel", "")
		},
		"for a person to mend it": func(w *world) {
			w.vendor.fail("update", problem(adapters.Invalid, "update"))
			w.rename("ann", "Annabel", "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, kept, "ann", "bob", "cat", "dan")
			w.deleteGroup("Support")
			w.settle()
			wait(w)
			w.settle()
			if a := w.account("ann"); !a.UnwantedSince.IsZero() {
				t.Fatalf("unwanted since %s, though a group that was deleted goes on for a day", a.UnwantedSince)
			}
			w.now = w.now.Add(24 * time.Hour)
			w.settle()
			if a := w.account("ann"); !a.UnwantedSince.Equal(w.now) {
				t.Errorf("unwanted since %s, want %s\n%s", a.UnwantedSince, w.now, w.story())
			}
		})
	}
}

// Beside seed 23399: a failure of somebody's update must not keep that person in for ever.
func TestWhoseUpdateFailedIsOutWhenTheGrantEnds(t *testing.T) {
	t.Parallel()
	doc := strings.Replace(plainMapping, "- {group: Leads, role: admin}", "- {person: ann@acme.example, role: agent, until: 2026-03-04}", 1)
	w := newWorld(t)
	w.apply(doc)
	w.hire("ann", "bob")
	w.group("Support", "bob")
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent", "bob": "active agent"})
	w.vendor.fail("update", problem(adapters.Invalid, "update"))
	w.rename("ann", "Annabel", "")
	w.pass(7 * 24 * time.Hour)
	w.wantVendor(map[string]string{"bob": "active agent"})
}

// Seed 22983.
func TestWhoIsWantedAgainBeforeTheCallIsSentKeepsTheAccount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ ends, back func(*world) }{
		"reinstated": {
			func(w *world) { w.terminate("ann", 0) },
			func(w *world) { w.must(w.engine.Reinstate(w.t.Context(), admin, w.users["ann"], "a mistake")) },
		},
		"activated": {
			func(w *world) { w.activate("ann", false) },
			func(w *world) { w.activate("ann", true) },
		},
		"in the group again": {
			func(w *world) { w.members(directory.RemoveMembers, "Support", "ann") },
			func(w *world) { w.members(directory.AddMembers, "Support", "ann") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, plainMapping, "ann", "bob", "cat")
			c.ends(w)
			w.vendor.calls = nil
			w.vendor.slow = func() { // while the removal waits for its turn
				if n := len(w.vendor.calls); n > 0 && strings.HasPrefix(w.vendor.calls[n-1], "remove") {
					w.vendor.slow = nil
					c.back(w)
				}
			}
			w.settle()
			w.pass(time.Minute)
			w.wantVendor(map[string]string{"ann": "active agent", "bob": "active agent", "cat": "active agent"})
			if got := w.vendor.count("remove"); got != 1 {
				t.Errorf("got %d removals begun, want 1", got)
			}
			if got := w.vendor.count("create"); got > 0 {
				t.Errorf("the account was made anew: %q", w.vendor.calls)
			}
		})
	}
}

// Beside seed 22983: who is reinstated and has left all the same goes as any leaver does, after the quiet time.
func TestAReinstatedLeaverPassesTheQuietTime(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob", "cat")
	w.quiet = provision.QuietTime{Pause: time.Minute, AtMost: time.Hour}
	w.start()
	w.activate("ann", false)
	w.terminate("ann", 0)
	w.vendor.slow = func() {
		if n := len(w.vendor.calls); n > 0 && strings.HasPrefix(w.vendor.calls[n-1], "remove") {
			w.vendor.slow = nil
			w.must(w.engine.Reinstate(t.Context(), admin, w.users["ann"], "not for this reason"))
		}
	}
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent", "bob": "active agent", "cat": "active agent"})
	w.pass(2 * time.Minute)
	w.wantVendor(map[string]string{"bob": "active agent", "cat": "active agent"})
}

// Beside seed 24104.
func TestAReturnGivesBackWhatAReductionTookBeforeItWasRefused(t *testing.T) {
	t.Parallel()
	for op, c := range map[string]struct {
		steps string
		err   error
	}{
		"demote":            {"[demote]", problem(adapters.Retry, "demote")},
		"demote, for good":  {"[demote]", problem(adapters.Invalid, "demote")},
		"suspend":           {"[suspend]", problem(adapters.Retry, "suspend")},
		"suspend, for good": {"[suspend]", problem(adapters.Conflict, "suspend")},
		"remove":            {"[{action: delete, after: 0s}]", problem(adapters.Retry, "remove")},
		"remove, for good":  {"[{action: delete, after: 0s}]", problem(adapters.Conflict, "remove")},
	} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, strings.Replace(teamEnds, "when_deactivated: [{action: delete, after: 0s}]", "when_deactivated: "+c.steps, 1), "ann", "bob", "cat")
			w.vendor.failPart(strings.TrimSuffix(op, ", for good"), c.err, func() {
				w.vendor.accounts["v1"].Role = "observer"
				if c.steps != "[suspend]" { // which leaves teams as they are
					w.vendor.teams["Tier 1"] = []string{"v2", "v3"}
				}
			})
			w.activate("ann", false)
			w.settle()
			if got := w.vendor.have()["ann@acme.example"]; !strings.HasPrefix(got, "active observer") {
				t.Fatalf("got %q, want a reduction in part", got)
			}
			w.activate("ann", true)
			w.pass(time.Minute)
			w.wantVendor(map[string]string{"ann": "active agent in Tier 1", "bob": "active agent in Tier 1", "cat": "active agent in Tier 1"})
		})
	}
}

// Beside seed 24104: what was written down before a call does not say that the person is out.
func TestASuspensionOrRemovalThatMayNotHaveTakenPlaceIsRepeatedForWhoIsTerminated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		op      string
		actions []adapters.Action
		want    map[string]string
	}{
		"suspended first": {"suspend", []adapters.Action{adapters.Suspend, adapters.Delete}, map[string]string{"ann": "suspended agent"}},
		"deleted at once": {"remove", []adapters.Action{adapters.Delete}, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.vendor.can.Actions = c.actions
			w.start()
			w.apply(later)
			w.hire("ann")
			w.group("Support", "ann")
			w.settle()
			w.vendor.fail(c.op, problem(adapters.Uncertain, c.op))
			w.terminate("ann", 0)
			w.pass(time.Minute)
			w.wantVendor(c.want)
			if cuts, err := w.engine.Cuts(t.Context(), w.users["ann"]); err != nil || len(cuts) != 1 || !cuts[0].Done {
				t.Errorf("got %+v, %v, want a cut that is done", cuts, err)
			}
		})
	}
}

// Beside seed 24104: the same of a leaver whose removal waits for somebody to receive the data.
func TestASuspensionThatMayNotHaveTakenPlaceIsRepeatedWhileAReceiverIsMissing(t *testing.T) {
	t.Parallel()
	w := staffed(t, transferMapping, "ann")
	w.vendor.fail("suspend", problem(adapters.Uncertain, "suspend"))
	w.activate("ann", false)
	w.pass(time.Minute)
	w.wantVendor(map[string]string{"ann": "suspended agent"})
	w.wantHolds(provision.HoldTransfer)
}

// Beside seed 24104: and of one whose resumption was not answered when the person was terminated.
func TestAResumptionThatWasNotAnsweredIsEndedForWhoIsTerminated(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.Replace(later, "when_ungranted: [{action: delete, after: 24h}]", "when_ungranted: [suspend]", 1), "ann", "bob", "cat")
	w.members(directory.RemoveMembers, "Support", "ann")
	w.settle()
	w.wantVendor(map[string]string{"ann": "suspended agent", "bob": "active agent", "cat": "active agent"})
	w.vendor.failAfter("resume", problem(adapters.Uncertain, "resume"))
	w.members(directory.AddMembers, "Support", "ann")
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent", "bob": "active agent", "cat": "active agent"})
	w.terminate("ann", 0)
	w.pass(time.Minute)
	w.wantVendor(map[string]string{"ann": "suspended agent", "bob": "active agent", "cat": "active agent"})
}
