package provision

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// firstSpread spreads the first runs of apps that are enforced when Usher first sees them.
const firstSpread = time.Hour

// RequestReconcile asks for a run of an app, now. The request is durable; Run carries it out, and one that is under way
// is followed by another.
func (e *Engine) RequestReconcile(ctx context.Context, actor audit.Actor, app string) (Reconciliation, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return Reconciliation{}, err
	}
	a, ok := m.App(app)
	switch {
	case !ok:
		return Reconciliation{}, &DecisionError{"the mapping has no app " + app}
	case a.Mode == mapping.Paused:
		return Reconciliation{}, &DecisionError{"the app " + app + " is paused: nothing is asked of it before the mapping says observe or enforce"}
	}
	now := e.o.Now()
	var rec *Reconciliation
	err = e.o.Store.Update(ctx, func(tx store.Tx) error {
		rec, err = requestRun(tx, app, actor.Name, now)
		return err
	})
	if err != nil {
		return Reconciliation{}, err
	}
	e.Wake()
	return *rec, nil
}

// requestRun notes that a run of an app is asked for, now, and by whom.
func requestRun(tx store.Tx, app, by string, now time.Time) (*Reconciliation, error) {
	rec, err := reconciliationIn(tx, app)
	if err != nil {
		return nil, err
	}
	rec.Requested, rec.By = now, by
	if !now.After(rec.Started) { // the clock was set back: it is asked for nevertheless
		rec.Requested = rec.Started.Add(time.Millisecond)
	}
	return rec, reconciliations.Put(tx, rec)
}

// ReconcileDue reconciles the apps whose time has come, one after the other, and returns how many. It is complete by
// itself; Run starts the runs of several apps side by side.
func (e *Engine) ReconcileDue(ctx context.Context) (int, error) {
	due, err := e.reconcilesDue(ctx)
	if err != nil {
		return 0, err
	}
	for i, app := range due {
		if _, err := e.Reconcile(ctx, app); err != nil {
			return i, err
		}
	}
	return len(due), nil
}

// startReconciles starts the runs that are due beside the passes.
func (e *Engine) startReconciles(ctx context.Context, workers *sync.WaitGroup) error {
	due, err := e.reconcilesDue(ctx)
	if err != nil {
		return err
	}
	for _, app := range due {
		workers.Go(func() {
			var refused *DecisionError
			if _, err := e.Reconcile(ctx, app); err != nil && ctx.Err() == nil && !errors.As(err, &refused) {
				e.o.Logger.Error("reconciling failed; trying again", "app", app, "err", err)
			}
		})
	}
	return nil
}

// reconcilesDue lists the apps whose run is due. An app that it sees for the first time gets its place in the
// schedule: an observed one at once, as nothing is known of its accounts yet, others within firstSpread.
func (e *Engine) reconcilesDue(ctx context.Context) ([]string, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return nil, err
	}
	var due []string
	var fresh []*mapping.App
	now := e.o.Now()
	err = e.o.Store.View(ctx, func(r store.Reader) error {
		due, fresh = nil, nil
		// After a restore the ledger is compared by that (aftermath.go) until somebody lets the work go on.
		if restored, err := RestoredIn(r); err != nil || restored != nil {
			return err
		}
		for _, app := range m.Apps() {
			if app.Mode == mapping.Paused || e.reconciling(app.Key) {
				continue
			}
			rec, err := reconciliationIn(r, app.Key)
			if err != nil {
				return err
			}
			asked := rec.Requested.After(rec.Started)
			switch {
			case asked:
			case rec.Next.IsZero():
				fresh = append(fresh, app)
				continue
			case e.Waiting(app.Key):
				continue
			case rec.State != RunGoing && now.Before(rec.due(app.Reconcile, now)):
				continue
			}
			due = append(due, app.Key)
		}
		return nil
	})
	if err != nil || len(fresh) == 0 {
		return due, err
	}
	return due, e.o.Store.Update(ctx, func(tx store.Tx) error {
		for _, app := range fresh {
			rec, err := reconciliationIn(tx, app.Key)
			if err != nil {
				return err
			}
			rec.Next = now
			if app.Mode != mapping.Observe {
				rec.Next = now.Add(e.upTo(min(firstSpread, app.Reconcile)))
			}
			if err := reconciliations.Put(tx, rec); err != nil {
				return err
			}
		}
		return nil
	})
}

// due is when the schedule runs next; a mapping that shortened the interval meanwhile counts. What was planned while the clock ran ahead
// is due now.
func (r *Reconciliation) due(every time.Duration, now time.Time) time.Time {
	ahead := now.Add(max(every+every*15/100, firstSpread) + clockTolerance)
	if r.Started.After(now.Add(clockTolerance)) || r.Next.After(ahead) {
		return now
	}
	if latest := r.Started.Add(every + every*15/100); !r.Started.IsZero() && latest.Before(r.Next) {
		return latest
	}
	return r.Next
}

func (e *Engine) reconciling(app string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.run(app).reconciling
}

// upTo is a random part of d.
func (e *Engine) upTo(d time.Duration) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Duration(e.random.Float64() * float64(d))
}
