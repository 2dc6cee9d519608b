package provision_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
)

// More of what histories of the simulator found, as in found_test.go.

// Seed 46339: an edit that nobody confirmed takes two people's accounts away, which waits for a person. Then both are deactivated: that is
// weighed whole like any other burst, though they have been unwanted for long.
func TestWhoWasUnwantedBeforePassesTheQuietTimeWhenDeactivated(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob")
	w.quiet = provision.QuietTime{Pause: 5 * time.Second, AtMost: 2 * time.Minute}
	w.start()
	w.apply(strings.Replace(plainMapping, "{group: Support, role: agent}", "{group: Nobody, role: agent}", 1))
	w.pass(time.Hour)
	w.wantHolds(provision.HoldMapping, provision.HoldMapping)
	w.activate("ann", false)
	w.settle()
	w.now = w.now.Add(time.Second)
	w.activate("bob", false)
	w.settle()
	w.pass(time.Minute)
	w.wantVendor(map[string]string{"ann": "active agent", "bob": "active agent"})
	for _, h := range w.wantHolds(provision.HoldBudget, provision.HoldBudget) {
		if !strings.Contains(h.Text, "all who have desk") {
			t.Errorf("got %q, want that the app would be emptied", h.Text)
		}
	}
}

// Seed 30849: a comparison begins at the moment at which somebody comes to be entitled again. Nothing was written to the account then, so it
// is compared like any other.
func TestWhoIsWantedAgainAtThatMomentIsCompared(t *testing.T) {
	t.Parallel()
	w := staffed(t, later, "ann", "bob")
	w.activate("ann", false)
	w.settle()
	w.now = w.now.Add(10 * time.Minute)
	w.at("ann").State = adapters.Suspended // by hand
	w.activate("ann", true)
	w.settle()
	_, err := w.engine.Reconcile(t.Context(), "desk")
	w.must(err)
	w.wantDrift("suspended state correcting ann")
}

// Seed 105623: two are held as their group would be empty. A list that leaves them out has each of them looked up once more; they stay held
// together, and do not go one by one.
func TestWhoIsHeldWithOthersStaysHeldWhileLookedUp(t *testing.T) {
	t.Parallel()
	doc := strings.Replace(plainMapping, "{group: Leads, role: admin}", "{group: Leads, role: agent}", 1)
	w := staffed(t, doc, "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ida")
	w.hire("ann")
	w.hire("kim")
	w.group("Leads", "ann", "kim")
	w.settle()
	w.members(directory.RemoveMembers, "Leads", "ann", "kim")
	w.pass(time.Minute)
	w.wantHolds(provision.HoldBudget, provision.HoldBudget)
	all := maps.Clone(w.vendor.accounts)
	maps.DeleteFunc(w.vendor.accounts, func(_ string, a *adapters.Account) bool {
		return a.Email == "ann@acme.example" || a.Email == "kim@acme.example"
	})
	w.now = w.now.Add(time.Hour)
	_, err := w.engine.Reconcile(t.Context(), "desk")
	w.must(err)
	w.vendor.accounts = all
	looked := w.vendor.count("find")
	w.vendor.fail("find", problem(adapters.Uncertain, "find")) // so that one of them is looked up later
	w.pass(time.Hour)
	if w.vendor.count("find") < looked+2 {
		t.Errorf("they were not looked up again: %s", w.story())
	}
	if n := w.vendor.count("remove"); n != 0 {
		t.Errorf("%d accounts were removed unasked: %s", n, w.story())
	}
	w.wantHolds(provision.HoldBudget, provision.HoldBudget)
}
