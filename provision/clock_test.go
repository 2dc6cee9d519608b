package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
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

// What was written down while the clock ran ahead must keep nobody inside until that time comes, and nobody outside.
func TestAClockThatIsSetBackKeepsNobodyInside(t *testing.T) {
	t.Parallel()
	suspends := strings.Replace(plainMapping, "when_deactivated: [{action: delete, after: 0s}]", "when_deactivated: [suspend]", 1)
	teams := strings.Replace(plainMapping, "role: agent}", "role: agent, teams: [Tier 1]}", 1)
	compares := plainMapping + "    drift: {missing: correct}\n"
	for name, c := range map[string]struct {
		doc   string
		ahead func(w *world) // while the clock runs a year ahead
		after time.Duration  // of right time
		want  map[string]string
	}{
		"a leaver whose account ends at once": {
			doc:   plainMapping,
			ahead: func(w *world) { w.vendor.fail("remove", problem(adapters.Retry, "remove")); w.activate("ann", false) },
			want:  map[string]string{"bob": "active agent"},
		},
		"a leaver whose account ends after a day": {
			doc:   later,
			ahead: func(w *world) { w.activate("ann", false) },
			after: 25 * time.Hour, want: map[string]string{"bob": "active agent"},
		},
		"a creation without an answer": {
			doc: plainMapping,
			ahead: func(w *world) {
				w.hire("eve")
				w.vendor.fail("create", problem(adapters.Uncertain, "create"))
				w.members(directory.AddMembers, "Support", "eve")
				w.settle()
				w.now = w.now.Add(10 * time.Second) // looked up once
			},
			want: map[string]string{"ann": "active agent", "bob": "active agent", "eve": "active agent"},
		},
		"an account that a list lacks": {
			doc: compares,
			ahead: func(w *world) {
				w.now = w.now.Add(time.Minute)
				delete(w.vendor.accounts, w.vendor.made[0])
				w.vendor.fail("find", problem(adapters.NotFound, "find"))
				_, err := w.engine.Reconcile(w.t.Context(), "desk")
				w.must(err)
				w.vendor.fail("check", problem(adapters.Unavailable, "check"))
				w.now = w.now.Add(2 * time.Minute)
			},
			want: map[string]string{"ann": "active agent", "bob": "active agent"},
		},
		"a team that was written without an answer": {
			doc: teams,
			ahead: func(w *world) {
				w.hire("eve")
				w.vendor.fail("team", problem(adapters.Uncertain, "team"))
				w.members(directory.AddMembers, "Support", "eve")
			},
			want: map[string]string{"ann": "active agent in Tier 1", "bob": "active agent in Tier 1", "eve": "active agent in Tier 1"},
		},
		"a suspended leaver whom somebody lets in again": {
			doc: suspends,
			ahead: func(w *world) {
				w.activate("ann", false)
				w.settle()
				_, err := w.engine.ReconcileDue(w.t.Context())
				w.must(err)
				w.vendor.accounts[w.vendor.made[0]].State = adapters.Active
			},
			after: 28 * time.Hour, want: map[string]string{"ann": "suspended agent", "bob": "active agent"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, c.doc, "ann", "bob")
			w.lags()
			w.pass(time.Minute)
			right := w.now
			w.now = w.now.AddDate(1, 0, 0)
			c.ahead(w)
			w.settle()
			w.must(w.engine.Maintain(t.Context()))
			w.now = right
			for end := w.now.Add(max(c.after, 10*time.Minute)); w.now.Before(end); {
				w.must(w.engine.Maintain(t.Context()))
				_, err := w.engine.ReconcileDue(t.Context())
				w.must(err)
				w.pass(2 * time.Minute)
			}
			w.wantVendor(c.want)
		})
	}
}

// What was decided about somebody on the way out stays decided.
func TestAClockThatIsSetBackKeepsDecisions(t *testing.T) {
	t.Parallel()
	w := company(t, 40)
	right := w.now
	w.now = w.now.AddDate(1, 0, 0)
	for _, p := range people(20) {
		w.activate(p, false)
	}
	w.pass(time.Minute)
	var rejected string
	for _, h := range w.holds()[1:] {
		_, err := w.engine.Reject(t.Context(), admin, h.ID)
		w.must(err)
		rejected = h.ID
	}
	open := w.wantHolds(provision.HoldBudget)
	w.must(w.engine.Maintain(t.Context()))
	w.now = right
	w.must(w.engine.Maintain(t.Context()))
	w.pass(10 * time.Minute)
	if again := w.wantHolds(provision.HoldBudget); again[0].ID != open[0].ID || again[0].ID == rejected {
		t.Errorf("the open question: got %s, want %s", again[0].ID, open[0].ID)
	}
	if n := w.vendor.count("remove"); n != 0 {
		t.Errorf("removals: got %d, want none", n)
	}
}
