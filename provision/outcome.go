package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// What becomes of an item after its execution: done and judged anew, held, waiting, or tried again.

// finish settles an item after a successful execution, unless it was marked meanwhile.
func (e *Engine) finish(ctx context.Context, m *mapping.Mapping, app *mapping.App, it *Item) error {
	can, err := e.describe(ctx, app)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeGrace)
	defer cancel()
	return e.commit(ctx, e.settling(m, app, can, it))
}

// settling returns what settles an item in a transaction.
func (e *Engine) settling(m *mapping.Mapping, app *mapping.App, can adapters.Description, it *Item) func(*txn) error {
	now := e.o.Now()
	return func(tx *txn) error {
		was, err := items.Get(tx, itemKey(it.App, it.Subject))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		done := *was
		if _, team := done.Team(); team {
			done.Marked = now // whoever waits from now on waits for the next write
			done.Rounds = 0   // fewer wait after each write, so many writes of one large team are no sign of trouble
		}
		if done.Generation != it.Generation {
			return items.Replace(tx, was, &done) // marked meanwhile: triage judges it anew
		}
		done.Prompt = false
		done.Attempts, done.Failure, done.NotBefore = 0, nil, time.Time{}
		if done.Rounds++; done.Rounds > maxRounds {
			done.State, done.Due = Ready, now
			done.fail(now)
			done.Failure = &Failure{At: now, Kind: adapters.Conflict, Text: "the app does not keep what was written to it: the same work came up " + fmt.Sprint(maxRounds) + " times", Fix: "see whether another tool changes the account back"}
			return items.Replace(tx, was, &done)
		}
		j := judge{Engine: e, mapping: m, app: app, can: can, now: now, books: e.books(m, app, now)}
		if j.pending, err = audit.Urgent(tx, changeBatch); err != nil {
			return err
		}
		return j.settle(tx, was, &done)
	}
}

// checks counts how often the app's connection was confirmed.
func (e *Engine) checks(app string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.run(app).checks
}

// failed decides what follows from an execution's error. checked says that the app itself answered
// well just before: then a vendor that is down or forbids something does so for this item alone, and the others must not wait for it.
func (e *Engine) failed(ctx context.Context, m *mapping.Mapping, app *mapping.App, it *Item, cause error, checked bool) error {
	if ctx.Err() != nil && !isAdapterError(cause) {
		return ctx.Err()
	}
	now := e.o.Now()
	var held *heldError
	var wait *waitError
	var paused *pausedError
	var we *wantError
	switch {
	case errors.As(cause, &held):
		return e.park(ctx, it, func(tx *txn, i *Item) error {
			person, _ := i.Person()
			i.State, i.Due, i.Failure = Held, never, nil
			if !held.again.IsZero() {
				i.Due = held.again
			}
			return e.openHold(tx, i, person, held.spec)
		})
	case errors.As(cause, &wait):
		return e.park(ctx, it, func(_ *txn, i *Item) error {
			i.State, i.Due = Ready, wait.until
			return nil
		})
	case errors.As(cause, &paused):
		return e.park(ctx, it, func(_ *txn, i *Item) error {
			i.State, i.Lane = Ready, paused.lane // due as it was
			return nil
		})
	case errors.Is(cause, errStale):
		return e.park(ctx, it, func(_ *txn, i *Item) error {
			i.State, i.Due = Marked, now
			return nil
		})
	case errors.As(cause, &we):
		return e.finish(ctx, m, app, it)
	case !isAdapterError(cause):
		return e.setAside(ctx, it, cause, now)
	}
	var a *adapters.Error
	errors.As(cause, &a)
	if a.Kind == adapters.Retry && a.After <= 0 {
		a.After = e.jitter(firstRetry)
	}
	checked = checked && !errors.Is(cause, errStopped)
	if a.Kind == adapters.Unauthorized && !checked && !errors.Is(cause, errStopped) {
		if err := e.ignoreStop(e.stop(ctx, it.App, a.Error(), a.Fix)); err != nil {
			return err
		}
	}
	e.holdBack(it.App, a, now, checked)
	return e.park(ctx, it, func(tx *txn, i *Item) error { return e.decide(tx, i, a, now, checked) })
}

// setAside lets an item wait, visibly, that could not be carried out for a reason which no vendor gave: something of it cannot be read, or
// an adapter is broken. The app's other work goes on. Where the store takes nothing, nothing can be written about it, and it is the cause that is returned.
func (e *Engine) setAside(ctx context.Context, it *Item, cause error, now time.Time) error {
	spread := e.jitter(time.Minute)
	err := e.park(ctx, it, func(_ *txn, i *Item) error {
		i.Attempts++
		i.State, i.Due = Ready, now.Add(backoff(i.Attempts)+spread)
		if i.Attempts >= maxAttempts && i.Lane != Removal {
			i.State, i.Due = Failed, never
		}
		i.Failure = &Failure{
			At: now, Kind: adapters.Invalid, Text: "the work could not be carried out, for a reason within Usher",
			Fix: "see the server's log and report it; then `usher retry`",
		}
		return nil
	})
	if err != nil {
		return cause
	}
	e.o.Logger.Error("an item cannot be carried out", "app", it.App, "subject", it.Subject, "err", cause)
	return nil
}

// holdBack closes the app's gate when an error reaches further than its item.
func (e *Engine) holdBack(app string, a *adapters.Error, now time.Time, checked bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	run := e.run(app)
	g := &run.gate
	switch {
	case a.Kind == adapters.Retry && a.Scope == adapters.WholeApp:
		g.wait(now.Add(a.After), a.Error())
	case a.Kind == adapters.Unavailable:
		g.fail(now, a.Error(), e.jitterLocked)
		run.checked = time.Time{} // the next execution asks first whether it is the app or the item
	case a.Kind == adapters.Unauthorized && !checked:
		g.wait(now.Add(stoppedRetry), a.Error())
	}
}

func isAdapterError(err error) bool {
	var a *adapters.Error
	return errors.As(err, &a)
}

// park writes an item's new state, unless it was marked meanwhile: then only what
// change opens beside the item stays, and triage judges the item anew.
func (e *Engine) park(ctx context.Context, it *Item, change func(*txn, *Item) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeGrace)
	defer cancel()
	return e.commit(ctx, func(tx *txn) error {
		now, err := items.Get(tx, itemKey(it.App, it.Subject))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		marked := *now
		if err := change(tx, now); err != nil {
			return err
		}
		if now.Generation != it.Generation {
			now.State, now.Due, now.Urgent = marked.State, marked.Due, marked.Urgent
		}
		return items.Replace(tx, &marked, now)
	})
}

// decide turns an adapter's error into the item's next state, by its kind.
func (e *Engine) decide(tx *txn, i *Item, a *adapters.Error, now time.Time, checked bool) error {
	before := i.Failure
	i.Failure = &Failure{At: now, Kind: a.Kind, Text: a.Error(), Fix: a.Fix, Request: a.Request}
	i.State, i.Due = Ready, now
	kind := a.Kind
	if _, some := errors.AsType[*adapters.PartialError](a); some {
		i.Attempts = 0 // the others of a team write came where they should be, and more may wait behind those who did not
		if kind == adapters.Invalid || kind == adapters.NotFound || kind == adapters.Protected || kind == adapters.Unsupported {
			kind = adapters.Conflict
		}
	}
	switch kind {
	case adapters.Retry: // a snooze, not an attempt
		i.Due = now.Add(a.After)
		if _, team := i.Team(); team && before != nil && before.Kind == a.Kind && before.Text == i.Failure.Text {
			// Whoever keeps a team waiting may do so for days, as an invitation does that somebody withdrew: it is asked for ever less often.
			i.Due = now.Add(max(a.After, min(2*now.Sub(before.At), longestSnooze)))
		}
	case adapters.Unavailable, adapters.Unauthorized: // the gate holds it back
		if checked {
			i.Attempts++
			i.Due = now.Add(e.jitter(backoff(i.Attempts)))
			if a.Kind == adapters.Unauthorized {
				i.Due = now.Add(holdRetry) // a permission is missing for this
			}
		}
	case adapters.NoSeat:
		i.Due = now.Add(e.jitter(seatRetry))
	case adapters.Uncertain, adapters.NotFound, adapters.AlreadyExists:
		i.Attempts++
		i.Due = now.Add(e.jitter(backoff(i.Attempts)))
		if i.Attempts >= maxAttempts && i.Lane != Removal {
			i.State, i.Due = Failed, never
		}
	case adapters.Conflict:
		if _, team := i.Team(); team {
			// One account cannot enter; the others did. It is left out once the ledger learns why.
			i.Attempts++
			i.Due = now.Add(e.jitter(backoff(i.Attempts)))
			break
		}
		i.fail(now)
		if again := now.Add(holdRetry); i.Turns.IsZero() || again.Before(i.Turns) {
			i.Turns = again // what is in the way may go away: whoever has the address leaves, say
		}
	default: // Invalid, Protected, Unsupported: repeating cannot help
		i.fail(now)
	}
	if before != nil && before.Kind == a.Kind && before.Text == i.Failure.Text {
		return nil // the same thing again is no news
	}
	return audit.Record(tx, failureFact(tx, i, a))
}

// fail ends the repetitions. A removal is never given up: it is tried every hour, as nobody should stay inside for a fault.
func (i *Item) fail(now time.Time) {
	if i.Lane == Removal {
		i.Due = now.Add(holdRetry)
		return
	}
	i.State, i.Due = Failed, never
}

func failureFact(tx *txn, i *Item, a *adapters.Error) audit.Change {
	person, _ := i.Person()
	detail := map[string]string{"kind": string(a.Kind), "error": a.Error(), "request": a.Request}
	if team, ok := i.Team(); ok {
		detail["team"] = team
	}
	return tx.fact(audit.AccountStepFailed, i.App, person, uuid.Nil, i.Causes, detail)
}

func backoff(attempts int) time.Duration {
	return min(maxRetry, firstRetry<<min(max(attempts-1, 0), 12))
}

// gateFor changes an app's gate under the engine's lock; the change uses jitterLocked if it needs one.
func (e *Engine) gateFor(app string, change func(*gate)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.run(app).gate)
}

func (e *Engine) jitterLocked(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.85 + 0.3*e.random.Float64()))
}
