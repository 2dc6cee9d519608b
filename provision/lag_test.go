package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/directory"
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
