package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
)

// An adapter sends what differs from what it reads. So a step waits until the vendor's reads show the one before: whoever returns and leaves
// within a moment would be taken for suspended still, and stay inside.
func TestAStepWaitsUntilReadsShowTheOneBefore(t *testing.T) {
	t.Parallel()
	suspends := strings.Replace(plainMapping, "when_deactivated: [{action: delete, after: 0s}]", "when_deactivated: [suspend]", 1)
	for _, tc := range []struct {
		name  string
		first func(w *world)
		then  func(w *world)
		call  string
	}{
		{"a suspension after a creation", func(*world) {}, func(w *world) { w.activate("ann", false) }, "suspend"},
		{"a return after a suspension", func(w *world) { w.activate("ann", false) }, func(w *world) { w.activate("ann", true) }, "resume"},
		{"a change after a creation", func(*world) {}, func(w *world) { w.members(directory.AddMembers, "Leads", "ann") }, "update"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.lags()
			w.apply(suspends)
			w.hire("ann")
			w.group("Leads")
			w.group("Support", "ann")
			w.settle()
			if tc.call == "resume" {
				w.pass(time.Hour)
			}
			tc.first(w)
			w.settle()
			tc.then(w)
			w.settle()
			if n := w.vendor.count(tc.call); n != 0 {
				t.Errorf("%s before reads have caught up\n%s", tc.call, w.story())
			}
			w.pass(10 * time.Second)
			if n := w.vendor.count(tc.call); n != 1 {
				t.Errorf("%s: got %d, want one\n%s", tc.call, n, w.story())
			}
		})
	}
}

// After the clock was set back nobody can tell how long ago the account was seen: the wait for reads begins anew, and is no longer than that.
func TestTheWaitForReadsBeginsAnewWhenTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.Replace(plainMapping, "when_deactivated: [{action: delete, after: 0s}]", "when_deactivated: [suspend]", 1), "ann")
	w.lags()
	w.now = w.now.Add(-25 * time.Hour)
	w.activate("ann", false)
	w.settle()
	if n := w.vendor.count("suspend"); n != 0 {
		t.Errorf("suspended before reads have caught up\n%s", w.story())
	}
	w.pass(10 * time.Second)
	if n := w.vendor.count("suspend"); n != 1 {
		t.Errorf("suspensions: got %d, want one\n%s", n, w.story())
	}
}

// Seed 40094: whoever is wanted again after a removal without an answer is looked at twice, as the first look may show the time before it.
func TestALookThatLagsIsNoSignThatARemovalFailed(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.lags()
	w.pass(10 * time.Second)
	w.vendor.failAfter("remove", problem(adapters.Uncertain, "remove"))
	w.vendor.stale = 1
	w.activate("ann", false)
	w.settle()
	if n := w.vendor.count("remove"); n != 1 {
		t.Fatalf("removals: got %d, want one without an answer\n%s", n, w.story())
	}
	w.activate("ann", true)
	w.pass(20 * time.Second)
	if w.vendor.stale != 0 {
		t.Fatalf("nobody looked\n%s", w.story())
	}
	w.wantVendor(map[string]string{"ann": "active agent"})
	if n := w.vendor.count("create"); n != 2 {
		t.Errorf("creations: got %d, want the account made anew\n%s", n, w.story())
	}
}

// Of a removal without an answer nothing but a first part took place: the account stands, also when it is looked at again, and is told to be kept. The
// teams, which are left first, are entered again.
func TestAnAccountThatStandsAfterARemovalWithoutAnAnswerIsKept(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.Replace(plainMapping, "role: agent}", "role: agent, teams: [Tier 1]}", 1), "ann")
	w.lags()
	w.pass(10 * time.Second)
	w.vendor.teams["Tier 1"] = nil
	w.vendor.fail("remove", problem(adapters.Uncertain, "remove"))
	w.activate("ann", false)
	w.settle()
	w.activate("ann", true)
	w.now = w.now.Add(10 * time.Second)
	w.settle()
	w.must(w.engine.Maintain(t.Context()))
	w.now = w.now.Add(-25 * time.Hour) // between the two looks, which delays nothing
	w.must(w.engine.Maintain(t.Context()))
	w.pass(10 * time.Second)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1"})
	if got := len(w.facts(audit.AccountKept)); got != 1 {
		t.Errorf("got %d facts that the account was kept, want one", got)
	}
	if x, err := w.engine.Why(t.Context(), w.users["ann"].String(), "desk"); err != nil || x.Item != nil || x.Accounts[0].State != provision.Active {
		t.Errorf("got %v, want the account in use and nothing to do\n%s", err, w.story())
	}
}
