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

// vendorAnswered opens the app's gate fully again.
func (x *execution) vendorAnswered() {
	x.gateFor(x.app.Key, func(g *gate) {
		if g.probing() {
			g.ok()
		}
	})
}
