package provision_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

// The goroutines around the engine's steps, against people who are pushed, edits, decisions and vendor faults at the
// same time, in real time and under the race detector. The process stops and starts in between.
func TestRunAgainstEverybodyAtOnce(t *testing.T) {
	t.Parallel()
	w := newRaceWorld(t)
	w.apply(documents[0])
	names := people(24)
	w.hire(names...)
	w.group("Support", names[:12]...)
	w.group("Leads")
	w.group("Interns")

	for round := range 3 {
		ctx, stop := context.WithCancel(t.Context())
		var engine sync.WaitGroup
		engine.Go(func() {
			if err := w.engine.Run(ctx); err != nil {
				t.Errorf("run: %v", err)
			}
		})
		var pushers sync.WaitGroup
		for n := range 3 {
			pushers.Go(func() { w.push(t, rand.New(rand.NewPCG(uint64(round), uint64(n))), names[n*8:n*8+8]) })
		}
		pushers.Go(func() { w.administrate(t) })
		pushers.Wait()
		if round < 2 {
			stop() // in the middle of the work
		} else {
			w.awaitRest(t)
		}
		stop()
		engine.Wait()
		w.start()
	}
	w.judgeAll(t, names)
}

type raceWorld struct{ *world }

// newRaceWorld is a world in real time, with a vendor that takes a moment for each call.
func newRaceWorld(t *testing.T) *raceWorld {
	t.Helper()
	w := &raceWorld{newWorldOn(t, storetest.New(t))}
	w.vendor.can.Concurrency, w.vendor.can.ReadLag = 8, time.Millisecond
	w.vendor.strict = true
	w.start()
	return w
}

// start makes the engine anew, on the clock of the machine.
func (w *raceWorld) start() {
	ids := audit.IDs(time.Now)
	w.dir = directory.New(w.store, time.Now, ids)
	w.maps = versions.New(w.store, w.dir, func() mapping.Catalog { return catalog{w.vendor} }, time.Now, ids)
	w.engine = provision.New(provision.Options{
		Store: w.store, Directory: w.dir, Mappings: w.maps, Connections: connections{w.vendor},
		Quiet: provision.QuietTime{Pause: 2 * time.Millisecond, AtMost: 20 * time.Millisecond},
		Now:   time.Now, NewID: ids, Rand: rand.New(rand.NewPCG(1, 2)), Logger: slog.New(slog.DiscardHandler),
	})
}

// push changes its own people as an identity provider would.
func (w *raceWorld) push(t *testing.T, r *rand.Rand, names []string) {
	ctx := t.Context()
	for range 60 {
		name, group := names[r.IntN(len(names))], groupNames[r.IntN(2)]
		var err error
		switch r.IntN(5) {
		case 0, 1:
			active := r.IntN(3) > 0
			_, _, err = w.dir.UpdateUser(ctx, w.okta, "req", w.users[name], func(directory.User) (directory.UserWrite, error) { return w.write(name, active), nil })
		case 4:
			w.vendor.mu.Lock()
			w.vendor.faults["update"] = append(w.vendor.faults["update"], fault{err: problem(adapters.Uncertain, "update"), after: true})
			w.vendor.faults["create"] = append(w.vendor.faults["create"], fault{err: problem(adapters.Retry, "create")})
			w.vendor.mu.Unlock()
		default:
			kind := []directory.MemberOpKind{directory.AddMembers, directory.RemoveMembers}[r.IntN(2)]
			_, _, err = w.dir.UpdateGroup(ctx, w.okta, "req", w.groups[group], directory.MemberPolicy{}, func(g directory.Group) (directory.GroupWrite, error) {
				return directory.GroupWrite{Name: g.Name, ExternalID: g.ExternalID, Attributes: g.Attributes, Members: []directory.MemberOp{{Kind: kind, Members: w.refs([]string{name})}}}, nil
			})
		}
		if err != nil {
			t.Errorf("push: %v", err)
		}
		w.engine.Wake()
	}
}

// administrate applies mappings, answers questions, retries and looks.
func (w *raceWorld) administrate(t *testing.T) {
	ctx := t.Context()
	for n := range 12 {
		if _, err := w.maps.Apply(ctx, admin, []byte(documents[n%2*5]), versions.ApplyOptions{Confirmed: n % 2}); err != nil {
			t.Errorf("apply: %v", err)
		}
		w.approveAll(t)
		if _, err := w.engine.Status(ctx); err != nil {
			t.Errorf("status: %v", err)
		}
		if _, err := w.engine.Retry(ctx, admin, "desk", [16]byte{}); err != nil {
			t.Errorf("retry: %v", err)
		}
	}
	if _, err := w.maps.Apply(ctx, admin, []byte(documents[0]), versions.ApplyOptions{Confirmed: 1}); err != nil {
		t.Errorf("apply: %v", err)
	}
	w.engine.Wake()
}

func (w *raceWorld) approveAll(t *testing.T) (open int) {
	all, err := w.engine.Holds(t.Context(), provision.HoldFilter{}, 1000)
	if err != nil {
		t.Errorf("holds: %v", err)
	}
	for _, h := range all {
		if !h.Kind.Approvable() {
			continue
		}
		open++
		_, err := w.engine.Approve(t.Context(), admin, h.ID, false)
		var gone *provision.DecisionError
		if err != nil && !errors.As(err, &gone) {
			t.Errorf("approve: %v", err)
		}
	}
	return open
}

// awaitRest waits until nothing is due any more, approving what is asked.
func (w *raceWorld) awaitRest(t *testing.T) {
	w.vendor.mu.Lock()
	clear(w.vendor.faults)
	w.vendor.mu.Unlock()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for calm := 0; calm < 5; {
		select {
		case <-limit.C:
			t.Errorf("no rest within a minute\n%s", w.story())
			return
		case <-tick.C:
		}
		if _, err := w.engine.Retry(t.Context(), admin, "desk", [16]byte{}); err != nil {
			t.Errorf("retry: %v", err)
		}
		calm++
		if w.approveAll(t) > 0 || !w.resting(t) {
			calm = 0
		}
	}
}

func (w *raceWorld) resting(t *testing.T) bool {
	st, err := w.engine.Status(t.Context())
	if err != nil {
		t.Errorf("status: %v", err)
		return true
	}
	pending := 0
	err = w.store.View(t.Context(), func(r store.Reader) error {
		p, err := audit.Pending(r, 1)
		pending = len(p)
		return err
	})
	if err != nil {
		t.Errorf("outbox: %v", err)
	}
	q := st[0].Queue
	return pending == 0 && q["marked"]+q["quiet"]+q["removal"]+q["update"]+q["joiner"]+q["failed"] == 0
}

// judgeAll compares the vendor with what is wanted of everybody.
func (w *raceWorld) judgeAll(t *testing.T, names []string) {
	w.now = time.Now()
	h := &history{world: w.world, byHand: map[string]bool{}}
	have := w.vendor.have()
	for _, name := range names {
		want, _, err := h.want(w.users[name])
		w.must(err)
		got, there := have[name+"@acme.example"]
		expect := "active " + want.Role
		for i, team := range want.Teams {
			expect += []string{" in ", ","}[min(i, 1)] + team
		}
		switch {
		case want.Wanted && got != expect:
			t.Errorf("%s: got %q, want %q", name, got, expect)
		case !want.Wanted && there && got == fmt.Sprint("active ", "agent"):
			x, err := w.engine.Why(t.Context(), w.users[name].String(), "desk")
			w.must(err)
			if x.Item == nil {
				t.Errorf("%s is not wanted (%s), has %q, and nothing is on its way", name, want.Reason, got)
			}
		}
	}
}
