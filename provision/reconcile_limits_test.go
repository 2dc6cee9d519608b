package provision_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/provision"
)

// What a run keeps in memory does not depend on the length of the list. It runs alone, for the heap is that of the process.
func TestMemoryDoesNotGrowWithTheList(t *testing.T) { //nolint:paralleltest // measures the heap
	const length, allowed = 100_000, 4 << 20
	w := newWorld(t)
	w.apply(driftTeamMapping)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var early, late uint64
	w.vendor.stream = func(yield func(adapters.Account, error) bool) {
		for i := range length {
			switch i {
			case length / 10: // as much drift as is kept has been written by now
				early = heap()
			case length - 1:
				late = heap()
			}
			a := adapters.Account{ID: fmt.Sprintf("v%d", i), Email: fmt.Sprintf("stranger%d@acme.example", i), State: adapters.Active}
			if !yield(a, nil) {
				return
			}
		}
	}
	rec, err := w.engine.Reconcile(t.Context(), "desk")
	w.must(err)
	if rec.State != provision.RunDone || rec.Listed != length || rec.Found[provision.DriftForeign]+rec.Untold != length {
		t.Errorf("got %+v, want %d accounts listed, each told or counted", rec, length)
	}
	if late > early+allowed {
		t.Errorf("the heap grew from %d to %d bytes while nine tenths of the list were read, want at most %d more", early, late, allowed)
	}
}

// Comparing only reads: it goes on under every switch, and what follows waits until the switch is lifted.
func TestReconcileUnderSwitches(t *testing.T) {
	t.Parallel()
	for _, s := range []struct {
		kind provision.SwitchKind
		app  string
	}{{provision.PauseWrites, ""}, {provision.PauseApp, "desk"}} {
		t.Run(string(s.kind), func(t *testing.T) {
			t.Parallel()
			w := staffed(t, correcting("{changed: correct}"), "ann", "bob", "cem")
			w.at("ann").Role = "observer"
			w.pause(s.kind, s.app, 0)
			if rec := w.reconcile(); rec.State != provision.RunDone || rec.Followed != 1 {
				t.Errorf("got %+v, want a run that handed one drift to the queue", rec)
			}
			if got := w.at("ann").Role; got != "observer" {
				t.Errorf("paused: ann has the role %q at the vendor, want what somebody made of it", got)
			}
			w.resume(s.kind, s.app)
			w.settle()
			if got := w.at("ann").Role; got != "agent" {
				t.Errorf("resumed: ann has the role %q at the vendor, want agent", got)
			}
		})
	}
}

// An ignored account stays ignored when its owner is forgotten; what was known of it by name goes.
func TestAForgottenPersonLeavesNoDriftBehind(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob", "cem")
	w.activate("ann", false)
	w.settle()
	w.vendor.accounts["x1"] = &adapters.Account{ID: "x1", Email: "ann@acme.example", State: adapters.Active}
	_, err := w.engine.Ignore(t.Context(), admin, "desk", "x1", false)
	w.must(err)
	forgotten, err := w.engine.Forget(t.Context(), admin, w.users["ann"])
	w.must(err)
	if forgotten.Texts != 1 {
		t.Errorf("got %+v, want one drift without its names", forgotten)
	}
	all, err := w.engine.Drifts(t.Context(), provision.DriftFilter{App: "desk", All: true}, 10)
	w.must(err)
	if len(all) != 1 || all[0].State != provision.DriftIgnored || all[0].Email != "" || all[0].Shown != nil || all[0].VendorID != "x1" {
		t.Errorf("got %+v, want one ignored account without a name", all)
	}
	w.reconcile()
	if diff := cmp.Diff(w.drift(), []string{}); diff != "" {
		t.Errorf("an ignored account is reported again (-got +want):\n%s", diff)
	}
}
