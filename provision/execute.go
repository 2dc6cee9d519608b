package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

const (
	maxAttempts   = 20
	maxRounds     = 8 // successful executions without a new mark after which something must be wrong
	firstRetry    = 5 * time.Second
	maxRetry      = time.Hour
	longestSnooze = 5 * time.Minute // between two tries of a team that somebody in it keeps waiting
	seatRetry     = 15 * time.Minute
	holdRetry     = time.Hour // how often a hold found out at the vendor is looked at again
	writeGrace    = 10 * time.Second
)

// Execute plans an item anew and carries the plan out. The item must come from Next.
// Whatever happens ends in the item's new state; an error means that the store takes nothing or ctx
// ended, and that the ledger's intents tell the rest.
func (e *Engine) Execute(ctx context.Context, it Item) error {
	defer e.release(&it)
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return err
	}
	app, ok := m.App(it.App)
	_, team := it.Team()
	if !ok || app.Mode == mapping.Paused || team && app.Mode == mapping.Observe {
		return nil // it stays where it is in the queue
	}
	if off, err := e.switchedOff(ctx, &it); err != nil || off {
		return err
	}
	checks := e.checks(it.App)
	conn, err := e.open(ctx, app)
	if err != nil {
		return e.failed(ctx, m, app, &it, err, false)
	}
	checked := e.checks(it.App) != checks
	x := &execution{judge: judge{Engine: e, mapping: m, app: app, can: conn.Can, now: e.o.Now()}, conn: conn, item: &it}
	ctx = adapters.WithCallLog(adapters.WithLane(ctx, it.Lane.vendor()), x.note)
	defer x.unguard()
	ctx = adapters.WithPermit(ctx, x.permit)
	if team, ok := it.Team(); ok {
		err = x.changeTeam(ctx, team)
	} else {
		err = x.pair(ctx)
	}
	if err != nil {
		return e.failed(ctx, m, app, &it, err, checked)
	}
	if x.settled {
		return nil
	}
	if err := e.finish(ctx, m, app, &it); err != nil {
		return e.failed(ctx, m, app, &it, err, checked)
	}
	return nil
}

// execution carries out one item's plan.
type execution struct {
	judge
	conn Connection
	item *Item
	// guarding: this execution has the app's turn to cut an administrator down, which Execute gives back.
	guarding chan struct{}

	op     Op        // of the step under way
	person uuid.UUID // whom it is about
	last   bool      // no step comes after it

	settled bool // the item was settled together with what the last step wrote

	mu      sync.Mutex
	calls   []string  // to the vendor, of the step under way; for its fact
	effects int       // of them, those that may have changed something since the last intent
	ending  uuid.UUID // the account that the last intent reduces or ends; uuid.Nil for other work
}

// maxCalls is how many vendor calls a fact lists.
const maxCalls = 20

// note keeps a vendor call for the record of the step. Adapters may call in parallel.
func (x *execution) note(c adapters.Call) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if c.MayHaveEffect() {
		x.effects++
	}
	if len(x.calls) < maxCalls {
		x.calls = append(x.calls, fmt.Sprintf("%s %s %d %s", c.Method, c.Route, c.Status, c.Request))
	}
}

// inPart reports whether something of what was intended last may have taken effect. Adapters make several calls for one operation, and
// a definite no to one of them says nothing of those before it.
func (x *execution) inPart() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.effects > 0
}

// told returns the calls noted since it was last asked.
func (x *execution) told() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := strings.Join(x.calls, "; ")
	x.calls = nil
	return s
}

func (x *execution) pair(ctx context.Context) error {
	person, ok := x.item.Person()
	if !ok {
		return nil
	}
	var s Situation
	err := x.o.Store.View(ctx, func(r store.Reader) error {
		var err error
		s, err = x.situation(r, person)
		return err
	})
	if err != nil {
		return err
	}
	steps := s.Plan().Steps
	for i, step := range steps {
		x.last = i == len(steps)-1
		if err := x.step(ctx, &s, step); err != nil {
			return err
		}
	}
	return nil
}

// step carries out one step and tells the observer.
func (x *execution) step(ctx context.Context, s *Situation, step Step) error {
	began := x.o.Now()
	x.op, x.person = step.Op, s.Person.ID
	err := x.do(ctx, s, step)
	outcome := "ok"
	if err != nil {
		outcome = string(adapters.KindOf(err))
		var h *heldError
		var p *pausedError
		switch {
		case errors.As(err, &h):
			outcome = "held"
		case errors.As(err, &p):
			outcome = "paused"
		case errors.Is(err, errStale):
			outcome = "stale"
		}
	} else if step.Op != OpAbandon && step.Op != OpTeams {
		x.vendorAnswered()
	}
	x.o.Observe(x.app.Key, step.Op, outcome, x.o.Now().Sub(began))
	return err
}

func (x *execution) do(ctx context.Context, s *Situation, step Step) error {
	if step.Op == OpLook || (step.Op == OpObtain && step.Account == uuid.Nil) {
		return x.obtain(ctx, s, step)
	}
	a, err := x.account(ctx, step.Account)
	if err != nil {
		return err
	}
	if a.State.Over() {
		return nil // a step before found it gone
	}
	switch step.Op {
	case OpObtain:
		return x.create(ctx, s, step, a)
	case OpAbandon:
		return x.end(ctx, a, Gone, audit.AccountRemoved, "the create was never sent")
	case OpVerify:
		return x.verify(ctx, a)
	case OpConfirm:
		return x.confirmMissed(ctx, s, a)
	case OpUpdate:
		return x.update(ctx, s, step, a)
	case OpTeams:
		return x.queueTeams(ctx, s.App, step, a)
	case OpResume:
		return x.resume(ctx, s, step, a)
	case OpDemote, OpSuspend:
		return x.reduce(ctx, step, a)
	case OpRemove:
		return x.remove(ctx, s, step, a)
	default:
		return fmt.Errorf("step %q is not known", step.Op)
	}
}

func (x *execution) account(ctx context.Context, id uuid.UUID) (*Account, error) {
	var a *Account
	err := x.o.Store.View(ctx, func(r store.Reader) error {
		var err error
		a, err = accounts.Get(r, accountKey(id))
		return err
	})
	return a, err
}

// save writes an account, with a fact when act is not empty. An address or vendor id that is another
// entry's becomes a hold. It goes on for a little while after ctx ended: what a vendor has
// answered should not be forgotten for a shutdown.
func (x *execution) save(ctx context.Context, a *Account, act audit.Act, detail map[string]string) error {
	return x.put(ctx, a, act, detail, func(store.Reader) error { return nil })
}

// put is save under a condition that is looked at in the same transaction.
func (x *execution) put(ctx context.Context, a *Account, act audit.Act, detail map[string]string, check func(store.Reader) error) error {
	write := x.writing(a, act, detail)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeGrace)
	defer cancel()
	return x.claimed(ctx, a, x.o.Store.Update(ctx, func(tx store.Tx) error {
		if err := check(tx); err != nil {
			return err
		}
		return write(tx)
	}))
}

// conclude is save by a step that has nothing left to do. After the last one of a plan the item is settled with it, in one
// transaction; where that cannot be, the account is written all the same.
func (x *execution) conclude(ctx context.Context, a *Account, act audit.Act, detail map[string]string) error {
	write := x.writing(a, act, detail)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeGrace)
	defer cancel()
	if !x.last {
		return x.claimed(ctx, a, x.o.Store.Update(ctx, write))
	}
	settle := x.settling(x.mapping, x.app, x.can, x.item)
	var unsettled error
	err := x.commit(ctx, func(tx *txn) error {
		unsettled = nil
		if err := write(tx); err != nil {
			return err
		}
		unsettled = settle(tx)
		return unsettled
	})
	if unsettled != nil {
		return x.claimed(ctx, a, x.o.Store.Update(ctx, write))
	}
	x.settled = err == nil
	return x.claimed(ctx, a, err)
}

// writing returns what writes an account, with its fact, in a transaction.
func (x *execution) writing(a *Account, act audit.Act, detail map[string]string) func(store.Tx) error {
	a.Modified = x.o.Now()
	a.administers(x.can)
	var fact audit.Change
	if act != "" {
		if calls := x.told(); calls != "" {
			detail["calls"] = calls
		}
		fact = x.fact(act, a.App, a.Person, a.ID, x.item.Causes, detail)
	}
	return func(tx store.Tx) error {
		if err := keepApp(tx, a); err != nil {
			return err
		}
		if err := accounts.Put(tx, a); err != nil {
			return err
		}
		if act == "" {
			return nil
		}
		return audit.Record(tx, fact)
	}
}

// keepApp leaves an account under the key that its app got by a rename while the vendor was called.
func keepApp(r store.Reader, a *Account) error {
	now, err := accounts.Get(r, accountKey(a.ID))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	a.App = now.App
	return nil
}

// intend writes down what is about to be sent, unless a switch forbids it. Where the look-ups before it took
// long, the connection may reach another tenant by now: it is confirmed once more.
func (x *execution) intend(ctx context.Context, a *Account, op Op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := x.open(ctx, x.app); err != nil {
		return err
	}
	probes := 0
	if a.Intent != nil && a.Intent.Op == op {
		probes = a.Intent.Probes
	}
	a.Intent = &Intent{Op: op, At: x.o.Now(), Sent: true, Probes: probes}
	x.mu.Lock()
	x.effects, x.ending = 0, uuid.Nil
	if takesAway(op) {
		x.ending = a.ID
	}
	x.mu.Unlock()
	return x.put(ctx, a, "", nil, func(r store.Reader) error { return x.allowed(r, op, a.Person) })
}

// end closes a ledger entry.
func (x *execution) end(ctx context.Context, a *Account, state AccountState, act audit.Act, why string) error {
	a.State, a.Intent, a.Teams = state, nil, nil
	return x.save(ctx, a, act, map[string]string{"vendorId": a.VendorID, "why": why})
}

// heldError ends an execution with a hold.
type heldError struct {
	spec  HoldSpec
	again time.Time // when to look again; zero for never by itself
}

func (e *heldError) Error() string { return e.spec.Text }

// waitError ends an execution until a time; it is no failure.
type waitError struct {
	until time.Time
	why   string
}

func (e *waitError) Error() string { return e.why }

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

// vendorAnswered opens the app's gate fully again.
func (x *execution) vendorAnswered() {
	x.gateFor(x.app.Key, func(g *gate) {
		if g.probing() {
			g.ok()
		}
	})
}
