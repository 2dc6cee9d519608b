package provision_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

// slowStore lets the next update wait, before anything of it has run, while everybody else goes on.
type slowStore struct {
	store.Store
	armed         atomic.Bool
	waits, goesOn chan struct{}
}

func (s *slowStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.armed.CompareAndSwap(true, false) {
		close(s.waits)
		<-s.goesOn
	}
	return s.Store.Update(ctx, fn)
}

// Two administrators lose the role at the same time. The first one's execution has seen that the second one stays, and has not
// written down yet what it is about to do: the second one's waits until it has ended, and then there is nobody else.
func TestAdministratorsAreCutDownOneAfterTheOther(t *testing.T) {
	t.Parallel()
	for name, stopped := range map[string]bool{"the second one waits": false, "the second one is stopped while it waits": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				slow := &slowStore{Store: storetest.New(t), waits: make(chan struct{}), goesOn: make(chan struct{})}
				w, first, second := twoAdministrators(t, slow)
				slow.armed.Store(true)
				go func() {
					if err := w.engine.Execute(t.Context(), *first); err != nil {
						t.Errorf("the first: %v", err)
					}
				}()
				<-slow.waits
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				ended := make(chan error, 1)
				go func() { ended <- w.engine.Execute(ctx, *second) }()
				synctest.Wait() // everybody waits for something
				select {
				case err := <-ended:
					t.Fatalf("the second did not wait: %v\n%s", err, w.story())
				default:
				}
				if stopped {
					stop()
					if err := <-ended; !errors.Is(err, context.Canceled) {
						t.Errorf("the second: got %v, want that it was stopped", err)
					}
					close(slow.goesOn)
				} else {
					close(slow.goesOn)
					if err := <-ended; err != nil {
						t.Errorf("the second: %v", err)
					}
				}
				synctest.Wait()
				w.settle()
				w.wantHolds(provision.HoldLastAdmin)
				admins := 0
				for _, a := range w.vendor.accounts {
					if a.Role == "admin" {
						admins++
					}
				}
				if admins != 1 {
					t.Errorf("administrators: got %d, want one\n%s", admins, w.story())
				}
			})
		})
	}
}

// twoAdministrators is a world with two administrators, and the items that take the role from both.
func twoAdministrators(t *testing.T, s store.Store) (w *world, first, second *provision.Item) {
	t.Helper()
	w = newWorldOn(t, s)
	w.vendor.can.AdminRoles = []string{"admin"}
	w.start()
	w.apply(plainMapping)
	w.hire("ann", "bob")
	w.group("Support", "ann", "bob")
	w.group("Leads", "ann", "bob")
	w.settle()
	for _, h := range w.wantHolds(provision.HoldAdmin, provision.HoldAdmin) {
		w.approve(h, false)
	}
	w.settle()
	w.wantVendor(map[string]string{"ann": "active admin", "bob": "active admin"})
	w.members(directory.RemoveMembers, "Leads", "ann", "bob")
	_, err := w.engine.Expand(t.Context())
	w.must(err)
	_, err = w.engine.Triage(t.Context(), "desk")
	w.must(err)
	first = w.next()
	second = w.next()
	return w, first, second
}

// next is the item that should be executed now.
func (w *world) next() *provision.Item {
	w.t.Helper()
	it, err := w.engine.Next(w.t.Context(), "desk")
	w.must(err)
	if it == nil {
		w.t.Fatalf("nothing is due\n%s", w.story())
	}
	return it
}
