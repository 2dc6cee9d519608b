package provision

import (
	"context"
	"slices"
	"sync"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// employ starts workers while the app has room for another and something for it to do. Each carries out one item
// after the other, so that the app does not wait for the next pass.
func (e *Engine) employ(ctx context.Context, app string, workers *sync.WaitGroup) error {
	for e.hire(app) {
		it, err := e.Next(ctx, app)
		if err != nil || it == nil {
			e.dismiss(app)
			return err
		}
		workers.Go(func() {
			defer e.Wake()
			defer e.dismiss(app)
			for it != nil {
				it = e.carryOut(ctx, it)
			}
		})
	}
	return nil
}

// carryOut executes an item, and returns what its worker does next: nil for nothing.
func (e *Engine) carryOut(ctx context.Context, it *Item) *Item {
	if err := e.Execute(ctx, *it); err != nil {
		if ctx.Err() == nil {
			e.o.Logger.Error("execution failed; trying again", "app", it.App, "subject", it.Subject, "err", err)
			// Whatever it is, the vendor must not be called in a loop for it.
			e.gateFor(it.App, func(g *gate) { g.fail(e.o.Now(), "the last execution could not be recorded", e.jitterLocked) })
		}
		return nil
	}
	e.Wake() // what follows from it is judged
	if ctx.Err() != nil || !e.goesOn(it.App) {
		return nil
	}
	if restored, err := e.afterRestore(ctx); err != nil || restored {
		return nil // the pass meets the error, too
	}
	if pressing, err := e.pressing(ctx, it.App); err != nil || pressing {
		return nil // the pass looks at it first
	}
	next, err := e.Next(ctx, it.App)
	if err != nil {
		return nil
	}
	return next
}

// hire counts another worker of the app, if there is room for one.
func (e *Engine) hire(app string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	run := e.run(app)
	if run.workers >= run.room() || run.gate.closed(e.o.Now()) {
		return false
	}
	run.workers++
	return true
}

func (e *Engine) dismiss(app string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.run(app).workers--
}

// goesOn reports whether a worker of the app may begin another item.
func (e *Engine) goesOn(app string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	run := e.run(app)
	return run.workers <= run.room() && !run.gate.closed(e.o.Now())
}

// room is how many workers the app may have.
func (r *appRun) room() int {
	if r.gate.probing() {
		return 1
	}
	return max(1, r.can.Concurrency)
}

// yields reports whether a pass starts nothing because something pressing came in, which it does once and not again before it has
// started something.
func (e *Engine) yields(app string, pressing bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	run := e.run(app)
	run.yielded = pressing && !run.yielded
	return run.yielded
}

// pressing reports whether something came in that takes access away in the app and was not looked at yet: a change that is not
// expanded to its end, or a mark that is not judged. Changes that cannot be expanded press nobody.
func (e *Engine) pressing(ctx context.Context, app string) (bool, error) {
	pressing := false
	err := e.o.Store.View(ctx, func(r store.Reader) (err error) {
		pressing, err = e.unjudgedIn(r, app)
		if err != nil || pressing || e.astray.Load() {
			return err
		}
		takes := func(c audit.Change) bool { return c.Removing && (c.App == "" || c.App == app) }
		for _, most := range []int{1, changeBatch} { // the first of them nearly always tells
			urgent, err := audit.Urgent(r, most)
			if err != nil {
				return err
			}
			if pressing = slices.ContainsFunc(urgent, takes); pressing || len(urgent) < most {
				return nil
			}
		}
		return nil
	})
	return pressing, err
}
