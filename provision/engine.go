package provision

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/store"
)

// Mappings is where the engine gets the mapping in force.
type Mappings interface {
	// Current returns the mapping in force; its version is 0 when none was applied.
	Current(ctx context.Context) (*mapping.Mapping, error)
	// Rollout returns the version that is being rolled out in rings, nil for none; Current then follows both.
	Rollout(ctx context.Context) (*versions.Rollout, error)
	// StopRollout keeps the version of a number that is rolled out from reaching more people. It may be repeated.
	StopRollout(ctx context.Context, actor audit.Actor, number int, why string) (versions.Rollout, error)
	// ResumeRollout lets it go on; forgiven is how many people in trouble were seen then.
	ResumeRollout(ctx context.Context, actor audit.Actor, forgiven int) (versions.Rollout, error)
	// Bind ties waiting group names to a group that was created or renamed. It may be repeated.
	Bind(ctx context.Context, group directory.Group) ([]mapping.Binding, error)
}

// Connections opens what the mapping's apps are connected to.
type Connections interface {
	// Open returns the connection of that name. It is called before each piece of work, so it must be cheap
	// when nothing changed.
	Open(ctx context.Context, name string) (Connection, error)
}

// Connection is an opened vendor tenant.
type Connection struct {
	Adapter adapters.Adapter
	Can     adapters.Description
	// Revision changes when credentials or address change; the tenant is then checked anew.
	Revision string
}

// QuietTime is how long pushed removals wait so that a burst is seen whole.
type QuietTime struct {
	Pause  time.Duration // without another removal of the same source; 0 for no wait
	AtMost time.Duration // since the first of them
}

// Options are what an Engine is made of. Nothing may be nil but OpenFact, Administrators and Observe.
type Options struct {
	Store       store.Store
	Directory   *directory.Directory
	Mappings    Mappings
	Connections Connections
	Quiet       QuietTime
	Now         func() time.Time
	NewID       func() uuid.UUID
	Rand        *rand.Rand // jitter
	Logger      *slog.Logger
	// OpenFact shows the personal values of a sealed fact, as the audit's chain does; nil: they stay shut.
	OpenFact func(store.Reader, audit.Change) (audit.Change, error)
	// Administrators are the names of those who may decide, where they are known: with two or more, nobody approves what
	// that person caused.
	Administrators []string
	// Observe is told of every step carried out at a vendor, with its outcome: "ok" or the error's kind.
	Observe func(app string, op Op, outcome string, took time.Duration)
}

// Engine is the provisioning engine. Its steps — Expand, Triage, Admit, Execute —
// are complete by themselves and may be called one at a time; Run is the shell of
// goroutines that calls them. One engine works on one store at a time.
type Engine struct {
	o    Options
	wake chan struct{}
	pace pace

	astray  atomic.Bool  // the last expansion failed
	renamed atomic.Int64 // the version of the mapping whose renamed apps have their ledger

	mu      sync.Mutex
	running map[string]bool // items being executed, by item key
	apps    map[string]*appRun
	random  *rand.Rand
}

// appRun is what the engine remembers of an app between two steps. All of it can be lost.
type appRun struct {
	gate     gate
	revision string
	checked  time.Time // when the tenant was last confirmed
	checks   int       // how often it was
	self     []string
	can      adapters.Description
	workers  int  // that carry out its items one after the other
	yielded  bool // the last pass started nothing, as something pressing had come in
	// admins has room for one: whoever cuts an administrator down, so that two of them are not each other's last.
	admins      chan struct{}
	checking    *check          // nil: nobody asks for the tenant at this moment
	reconciling bool            // in this process
	teams       map[string]bool // that this process has written
}

// New returns an engine that does nothing yet.
func New(o Options) *Engine {
	if o.Observe == nil {
		o.Observe = func(string, Op, string, time.Duration) {}
	}
	if o.OpenFact == nil {
		o.OpenFact = func(_ store.Reader, c audit.Change) (audit.Change, error) { return c, nil }
	}
	return &Engine{
		o: o, wake: make(chan struct{}, 1), random: o.Rand,
		running: map[string]bool{}, apps: map[string]*appRun{},
	}
}

// Wake tells the engine that there may be something new. It never blocks.
func (e *Engine) Wake() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

const (
	idlePoll      = 250 * time.Millisecond // for changes that nobody announced
	tenantTrust   = time.Minute            // how long a confirmed tenant is believed
	stoppedRetry  = 5 * time.Minute        // how often a stopped app is tried
	maintainEvery = time.Minute
	rolloutEvery  = 5 * time.Second // how often a rollout is looked at
)

// Run works until ctx ends. It then starts nothing new, waits for the steps that
// are at a vendor — their calls end with ctx — and returns; whatever was cut is taken up from the
// ledger's intents at the next start.
func (e *Engine) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var r regular
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.wake:
		case <-timer.C:
		}
		for more := true; more && ctx.Err() == nil; {
			began := e.o.Now()
			e.keepRegular(ctx, &r, &workers)
			var err error
			if more, err = e.pass(ctx, &workers); err != nil && ctx.Err() == nil {
				e.o.Logger.Error("provisioning pass failed; trying again", "err", err)
				break
			}
			if more {
				e.breathe(ctx, began)
			}
		}
		r.compared = time.Time{}
		e.keepRegular(ctx, &r, &workers)
		timer.Reset(idlePoll)
	}
}

// regular is when what is done from time to time was last done.
type regular struct{ maintained, watched, compared time.Time }

// keepRegular does what is due of that. It is asked before every pass: a heap of work, or changes that do not stop, must not keep a rollout from
// being stopped or a comparison from beginning.
func (e *Engine) keepRegular(ctx context.Context, r *regular, workers *sync.WaitGroup) {
	now := e.o.Now()
	due := func(last *time.Time, every time.Duration) bool {
		if !now.Before(*last) && now.Sub(*last) < every { // a clock that was set back delays nothing
			return false
		}
		*last = now
		return true
	}
	failed := func(what string, err error) {
		if err != nil && ctx.Err() == nil {
			e.o.Logger.Error(what+" failed; trying again", "err", err)
		}
	}
	if due(&r.maintained, maintainEvery) {
		failed("maintenance", e.Maintain(ctx))
	}
	if due(&r.watched, rolloutEvery) {
		failed("looking at the rollout", e.WatchRollout(ctx))
	}
	if due(&r.compared, idlePoll) {
		failed("looking for reconciliations that are due", e.startReconciles(ctx, workers))
	}
}

// pass moves everything a bounded piece on and starts the work that is due. It reports whether more is
// waiting already: nothing is worked off to its end before what came in meanwhile had its turn, least of all a removal.
func (e *Engine) pass(ctx context.Context, workers *sync.WaitGroup) (more bool, err error) {
	// A change that cannot be expanded does not keep the apps from what is known already.
	began := e.o.Now()
	expanded, expandErr := e.Expand(ctx)
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return false, errors.Join(expandErr, err)
	}
	more = expanded > 0
	errs := []error{expandErr}
	burst := false // removals came in that no app has seen yet
	if expandErr == nil {
		if burst, err = e.unseen(ctx); err != nil {
			return more, err
		}
	}
	for _, app := range m.Apps() {
		if more {
			e.breathe(ctx, began)
		}
		began = e.o.Now()
		busy, err := e.appPass(ctx, app, burst, workers)
		more = more || busy
		errs = append(errs, err)
	}
	return more, errors.Join(errs...)
}

func (e *Engine) appPass(ctx context.Context, app *mapping.App, burst bool, workers *sync.WaitGroup) (more bool, err error) {
	judged, err := e.Triage(ctx, app.Key)
	if err != nil {
		return false, err
	}
	more = judged == triageSlice
	if restored, err := e.afterRestore(ctx); err != nil || restored {
		if err == nil {
			err = e.startAftermath(ctx, app.Key, workers)
		}
		return more, err
	}
	if app.Mode == mapping.Paused {
		return more, nil
	}
	if !burst {
		burst, err = e.unjudged(ctx, app.Key)
	}
	if err == nil && !burst { // a burst is weighed when all of it is seen
		var admitted int
		admitted, err = e.Admit(ctx, app.Key)
		more = more || admitted > 0
		if err == nil && admitted > 0 { // what was let through goes before what starts now
			_, err = e.Triage(ctx, app.Key)
		}
	}
	if err != nil {
		return more, err
	}
	// What came in meanwhile and takes access away goes first, too; but a stream of it keeps the others waiting for no more than one pass.
	pressing, err := e.pressing(ctx, app.Key)
	if err != nil {
		return more, err
	}
	if e.yields(app.Key, pressing) {
		return true, nil
	}
	return more, e.employ(ctx, app.Key, workers)
}

// unseen reports whether changes that take access away wait to be expanded.
func (e *Engine) unseen(ctx context.Context) (bool, error) {
	unseen := false
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		urgent, err := audit.Urgent(r, 1)
		unseen = len(urgent) > 0
		return err
	})
	return unseen, err
}

// unjudged reports whether marks of the app that take access away wait for triage; those of pairs at the
// vendor at this moment wait for their call and do not count.
func (e *Engine) unjudged(ctx context.Context, app string) (bool, error) {
	unjudged := false
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		var err error
		unjudged, err = e.unjudgedIn(r, app)
		return err
	})
	return unjudged, err
}

func (e *Engine) unjudgedIn(r store.Reader, app string) (bool, error) {
	for key, err := range items.FindKeys(r, byDue, classPrefix(app, classUrgent)) {
		if err != nil || !e.isRunning(key) {
			return err == nil, err
		}
	}
	return false, nil
}

// run returns what is remembered of an app; e.mu must be held.
func (e *Engine) run(app string) *appRun {
	r := e.apps[app]
	if r == nil {
		r = &appRun{admins: make(chan struct{}, 1)}
		e.apps[app] = r
	}
	return r
}

// Next picks the item that should be executed now and marks it as running: terminated persons' first, then the
// lanes in order, within a lane by due time. It returns nil when nothing is due, and
// for an app that the mapping pauses or does not know. What a switch stops is not due.
// Every item it returns must be given to Execute.
func (e *Engine) Next(ctx context.Context, app string) (*Item, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return nil, err
	}
	a, ok := m.App(app)
	if !ok || a.Mode == mapping.Paused {
		return nil, nil
	}
	for {
		found, err := e.claimNext(ctx, app, a.Mode == mapping.Observe)
		if err != nil || found == nil {
			return nil, err
		}
		still, err := e.stillDue(ctx, found)
		if err != nil || !still {
			e.release(found)
		}
		if err != nil {
			return nil, err
		}
		if still {
			return found, nil
		}
	}
}

// stillDue reports whether a claimed item is what it was when it was read: another
// execution of it may have ended between the reading and the claim.
func (e *Engine) stillDue(ctx context.Context, it *Item) (bool, error) {
	still := false
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		now, err := items.Get(r, itemKey(it.App, it.Subject))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			still = now.State == Ready && now.Generation == it.Generation && !now.Due.After(e.o.Now())
		}
		return err
	})
	return still, err
}

// claimNext claims the first item that is due. Where the app is only observed, teams wait until it is enforced again.
func (e *Engine) claimNext(ctx context.Context, app string, observes bool) (*Item, error) {
	now := e.o.Now()
	var found *Item
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		found = nil
		stopped, err := switchesIn(r, now)
		if err != nil {
			return err
		}
		for _, queue := range stopped.queues(r, app) {
			for key, err := range queue {
				if err != nil {
					return err
				}
				if e.isRunning(key) {
					continue
				}
				it, err := items.Get(r, key)
				if err != nil {
					return err
				}
				if it.Due.After(now) {
					break
				}
				if _, team := it.Team(); team && observes {
					continue
				}
				if e.claim(it) {
					found = it
					return nil
				}
			}
		}
		return nil
	})
	return found, err
}

// claim marks an item as running; false if it already is.
func (e *Engine) claim(it *Item) bool {
	key := string(itemKey(it.App, it.Subject))
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running[key] {
		return false
	}
	e.running[key] = true
	return true
}

// Waiting reports whether the app is held back: by the vendor's wish, after a fault, or because it is stopped.
func (e *Engine) Waiting(app string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.run(app).gate.closed(e.o.Now())
}

// Release gives an item that came from Next back without executing it.
func (e *Engine) Release(it *Item) { e.release(it) }

func (e *Engine) release(it *Item) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.running, string(itemKey(it.App, it.Subject)))
}

// isRunning reports whether the item under a key is being executed.
func (e *Engine) isRunning(key []byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.running[string(key)]
}

// knows returns what the engine last learnt of an app's abilities and of the connector's own account.
func (e *Engine) knows(app string) (adapters.Description, []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	run := e.run(app)
	return run.can, slices.Clone(run.self)
}

// jitter spreads a wait over 85 to 115 percent of d.
func (e *Engine) jitter(d time.Duration) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Duration(float64(d) * (0.85 + 0.3*e.random.Float64()))
}

var engineActor = audit.Actor{Kind: audit.ByEngine, Name: "usher"}
