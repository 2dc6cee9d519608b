package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
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
