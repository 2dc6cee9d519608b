package provision_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
)

// Nobody's work waits for ever behind somebody else's.

// Work that cannot be carried out for a reason that no vendor gave is told, and keeps nobody else of the app waiting: the next removal goes on.
func TestWhatCannotBeCarriedOutKeepsNobodyElseWaiting(t *testing.T) {
	t.Parallel()
	w := staffed(t, transferMapping, "ann", "bob", "boss", "it")
	broken := w.vendor.made[0]
	w.vendor.receives = func(leaver, _ string, _ []string) error {
		if leaver == broken {
			return errors.New("an index out of its range")
		}
		return nil
	}
	w.activate("ann", false)
	w.activate("bob", false)
	_, err := w.engine.Expand(t.Context())
	w.must(err)
	for range 3 {
		_, err = w.engine.Triage(t.Context(), "desk")
		w.must(err)
		_, err = w.engine.Admit(t.Context(), "desk")
		w.must(err)
	}
	for range 4 {
		it, err := w.engine.Next(t.Context(), "desk")
		w.must(err)
		if it == nil {
			break
		}
		if err := w.engine.Execute(t.Context(), *it); err != nil {
			t.Logf("executing %s: %v", it.Subject, err)
		}
	}
	if _, there := w.vendor.have()["bob@acme.example"]; there {
		t.Errorf("bob's removal waits behind ann's\n%s", w.story())
	}
	f, err := w.engine.Failures(t.Context(), "desk", 10)
	w.must(err)
	if len(f.List) != 1 || f.List[0].Person != w.users["ann"] || f.List[0].Next.IsZero() {
		t.Errorf("failures: got %+v, want ann's, which is tried again", f.List)
	}
	w.vendor.receives = nil // mended
	w.pass(3 * time.Hour)
	w.wantVendor(map[string]string{"boss": "active agent", "it": "active agent"})
}

// An app's new key gets its ledger before anybody is looked at under it, however much waits in front of the change of the mapping.
func TestARenamedAppsLedgerIsThereBeforeAnybodyIsJudged(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob")
	w.hire(people(300)...)
	w.group("Extra", "ann")
	w.settle()
	w.members(directory.RemoveMembers, "Extra", "ann")
	for _, p := range people(300) {
		w.activate(p, false)
	}
	w.apply(strings.Replace(plainMapping, "  desk:\n", "  help:\n    renamed_from: desk\n", 1))
	for range 2 { // as the engine's loop does: a piece of the outbox, then the app
		_, err := w.engine.Expand(t.Context())
		w.must(err)
		_, err = w.workOn(t.Context(), "help")
		w.must(err)
	}
	w.settle()
	x, err := w.engine.Why(t.Context(), w.users["ann"].String(), "help")
	w.must(err)
	if len(x.Accounts) != 1 || x.Accounts[0].Origin != provision.Created {
		t.Errorf("accounts: got %+v, want the one that was made", x.Accounts)
	}
	w.wantVendor(map[string]string{"ann": "active agent", "bob": "active agent"})
}

// stream is a mapping whose engine finds something new each time that it looks.
type stream struct {
	*versions.Versions
	mu      sync.Mutex
	looks   int
	watched int // how often the rollout was looked at
	each    func(look int)
}

func (s *stream) Current(ctx context.Context) (*mapping.Mapping, error) {
	s.mu.Lock()
	s.looks++
	s.each(s.looks)
	s.mu.Unlock()
	return s.Versions.Current(ctx)
}

func (s *stream) Rollout(ctx context.Context) (*versions.Rollout, error) {
	s.mu.Lock()
	s.watched++
	s.mu.Unlock()
	return s.Versions.Rollout(ctx)
}

// Changes that do not stop keep no rollout from being watched, and no comparison that was asked for from beginning.
func TestAStreamOfChangesDoesNotKeepTheRegularWorkWaiting(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob")
	w.hire(people(5)...) // in no group
	w.vendor.calls = nil
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var clock sync.Mutex
	now := func() time.Time {
		clock.Lock()
		defer clock.Unlock()
		return w.now
	}
	s := &stream{Versions: w.maps}
	s.each = func(look int) {
		clock.Lock()
		w.now = w.now.Add(time.Second)
		clock.Unlock()
		w.rename(fmt.Sprintf("p%02d", look%5), fmt.Sprint("Name ", look), "")
		if look == 600 {
			stop()
		}
	}
	ids := audit.IDs(now)
	e := provision.New(provision.Options{
		Store: w.store, Directory: w.dir, Mappings: s, Connections: connections{w.vendor},
		Now: now, NewID: ids, Rand: rand.New(rand.NewPCG(1, 2)), Logger: slog.New(slog.DiscardHandler),
	})
	if _, err := w.engine.RequestReconcile(ctx, admin, "desk"); err != nil {
		t.Fatal(err)
	}
	w.must(e.Run(ctx))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watched < 5 {
		t.Errorf("the rollout was looked at %d times in ten minutes, want every few seconds", s.watched)
	}
	if n := w.vendor.count("list"); n == 0 {
		t.Error("no comparison began")
	}
}
