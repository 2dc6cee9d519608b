package provision_test

import (
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store/storetest"
)

// A clock that ran a year ahead and is set right must not let retries and open questions wait for a year. Nobody is removed any sooner by it.
func TestAClockThatIsSetBackDelaysNothing(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]bool{"the same process": false, "the next process": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(plainMapping)
			w.hire("ann", "bob")
			w.group("Support", "bob")
			w.pass(time.Minute)
			right := w.now
			w.now = w.now.AddDate(1, 0, 0)
			w.vendor.fail("create", problem(adapters.Retry, "create"))
			w.members(directory.AddMembers, "Support", "ann")
			w.settle()
			w.must(w.engine.Maintain(t.Context()))
			w.wantVendor(map[string]string{"bob": "active agent"})

			w.now = right
			if restart {
				w.start()
			}
			w.pass(10 * time.Minute)
			w.wantVendor(map[string]string{"bob": "active agent"}) // nobody has looked at the clock
			w.now = right
			w.must(w.engine.Maintain(t.Context()))
			w.pass(10 * time.Minute)
			w.wantVendor(map[string]string{"ann": "active agent", "bob": "active agent"})
		})
	}
}

// What is to be done on a day keeps its day.
func TestAClockThatIsSetBackHastensNoRemoval(t *testing.T) {
	t.Parallel()
	f := storetest.Faulty(storetest.New(t))
	w := byHand(t, f, "[{action: delete, after: 48h}]")
	w.activate("ann", false)
	w.pass(time.Hour)
	w.must(w.engine.Maintain(t.Context()))
	w.now = w.now.Add(-30 * time.Minute)
	w.must(w.engine.Maintain(t.Context()))
	w.pass(47 * time.Hour)
	if n := w.vendor.count("remove"); n != 0 {
		t.Errorf("removed before its time: %s", w.story())
	}
	w.pass(3 * time.Hour)
	if n := w.vendor.count("remove"); n != 1 {
		t.Errorf("removals: got %d, want 1\n%s", n, w.story())
	}
}
