package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/usher-scim/usher/store"
)

// Faults is a store whose updates fail as told; make it with [Faulty].
type Faults struct {
	store.Store

	mu     sync.Mutex
	n      int
	before func(n int) error
	after  func(n int) error
}

var _ store.Store = (*Faults)(nil)

// Faulty wraps s so that its updates can be made to fail. Until a hook is set it does what s does.
func Faulty(s store.Store) *Faults { return &Faults{Store: s} }

// BeforeCommit has hook called when an update has run and is about to be committed. When the
// hook returns an error the update has no effect and returns the error, as after a crash just
// before the commit. n counts the updates that came so far since the store was wrapped,
// from 1. Nil removes the hook. The hook may be called from several goroutines.
func (f *Faults) BeforeCommit(hook func(n int) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = hook
}

// AfterCommit has hook called when an update is durable. When the hook returns an
// error the update returns it, although its effect is there, as after a crash just behind the
// commit; wrap store.ErrUncertain in it to be true to the contract. Otherwise it is as BeforeCommit.
func (f *Faults) AfterCommit(hook func(n int) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after = hook
}

// Update implements [store.Store].
func (f *Faults) Update(ctx context.Context, fn func(store.Tx) error) error {
	f.mu.Lock()
	f.n++
	n, before, after := f.n, f.before, f.after
	f.mu.Unlock()
	err := f.Store.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil || before == nil {
			return err
		}
		return before(n)
	})
	if err != nil || after == nil {
		return err
	}
	return after(n)
}

// errAgain undoes the first run of an update.
var errAgain = errors.New("run again")

// rerun is what Rerun makes.
type rerun struct{ store.Store }

// Rerun wraps s so that the function of every update runs twice, as a backend may run it after a conflict: once
// on a state that comes to nothing, then for good. What relies on one run breaks.
func Rerun(s store.Store) store.Store { return rerun{s} }

// Update implements [store.Store].
func (r rerun) Update(ctx context.Context, fn func(store.Tx) error) error {
	err := r.Store.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return errAgain
	})
	if !errors.Is(err, errAgain) {
		return err
	}
	return r.Store.Update(ctx, fn)
}
