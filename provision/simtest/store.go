package simtest

import (
	"context"
	"fmt"

	"github.com/usher-scim/usher/store"
)

// commits is the store as one process sees it: each update is a point where others may run, and
// where the process may die. A process that died reaches it no more.
type commits struct {
	store.Store
	p *process
}

// View implements [store.Store].
func (c commits) View(ctx context.Context, fn func(store.Reader) error) error {
	if c.p.dead {
		return errCrash
	}
	return c.Store.View(ctx, fn)
}

// Update implements [store.Store].
func (c commits) Update(ctx context.Context, fn func(store.Tx) error) error {
	park(ctx, "commit")
	if c.p.dead {
		return errCrash
	}
	if c.p.dies(beforeCommit) {
		return errCrash
	}
	leave := enter(ctx)
	err := c.Store.Update(ctx, fn)
	leave()
	if err == nil && c.p.dies(afterCommit) {
		return fmt.Errorf("%w: %w", store.ErrUncertain, errCrash)
	}
	return err
}
