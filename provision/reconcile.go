package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// Reconciliation is what came of the last comparison of an app's ledger with the vendor's own list of accounts.
type Reconciliation struct {
	App     string    `json:"app"`
	Run     uuid.UUID `json:"run"`
	State   RunState  `json:"state"`
	Text    string    `json:"text,omitempty"` // why nothing was corrected, or how the run failed
	Fix     string    `json:"fix,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	Next    time.Time `json:"next,omitzero"` // when the schedule runs it again
	// Requested is when somebody asked for a run, and By who; a run that began later has done it.
	Requested time.Time `json:"requested,omitzero"`
	By        string    `json:"by,omitempty"`
	// Complete is when the last run began that saw the whole list.
	Complete time.Time    `json:"complete,omitzero"`
	Mode     mapping.Mode `json:"mode,omitempty"`     // of the app, during the run
	Listed   int          `json:"listed"`             // accounts that the vendor listed
	Known    int          `json:"known"`              // of those, how many the ledger has
	Expected int          `json:"expected"`           // accounts of the ledger that the list should have shown
	Found    driftCounts  `json:"found,omitempty"`    // drift by kind
	Followed int          `json:"followed,omitempty"` // drift that was handed to the queue or adopted
	Left     int          `json:"left,omitempty"`     // found accounts that are left alone: extra, foreign, ignored
	Asks     int          `json:"asks,omitempty"`     // drift that needs a decision
	Untold   int          `json:"untold,omitempty"`   // drift beyond what is kept
}

type driftCounts map[DriftKind]int

// RunState says how a reconciliation ended.
type RunState string

const (
	RunNever   RunState = ""        // the app was not compared yet
	RunGoing   RunState = "running" // or cut by the end of the process; then it begins anew
	RunDone    RunState = "done"
	RunPartial RunState = "partial" // the list ended with an error: nothing was corrected
	RunSmall   RunState = "small"   // the list lacked too much: nothing was corrected
	RunFailed  RunState = "failed"  // the app could not be asked
)

var reconciliations = store.NewTable("reconciliations", func(r *Reconciliation) []byte { return []byte(r.App) }, nil)

// stamps is the table of which run's list showed a ledger account last: account id to run id. It stands apart from the
// ledger, so that a run writes no account that is as it should be, and cannot undo what an execution writes meanwhile.
const stamps = "listed"

// run is one comparison under way.
type run struct {
	judge
	conn Connection
	rec  Reconciliation
	kept map[DriftKind]int // drift records written by this run
}

// Reconcile compares an app's ledger with the vendor's list of accounts, now, and acts on what differs as the
// mapping's `drift` says: through the queue, never by itself. Memory does not grow with the list. The tenant is checked
// first. A list that ends with an error, or that lacks much of what the ledger has, corrects nothing; the result says so.
// It may be cut at any moment and repeated. An error means that the store failed or ctx ended; a vendor's failure
// stands in the result.
func (e *Engine) Reconcile(ctx context.Context, app string) (Reconciliation, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return Reconciliation{}, err
	}
	a, ok := m.App(app)
	if !ok {
		return Reconciliation{}, &DecisionError{"the mapping has no app " + app}
	}
	if a.Mode == mapping.Paused {
		return Reconciliation{}, &DecisionError{"the app " + app + " is paused: nothing is asked of it before the mapping says observe or enforce"}
	}
	if !e.beginRun(app) {
		return e.Reconciliation(ctx, app)
	}
	defer e.endRun(app)
	r := &run{judge: judge{Engine: e, mapping: m, app: a, now: e.o.Now()}, kept: map[DriftKind]int{}}
	if err := r.begin(ctx); err != nil {
		return r.rec, err
	}
	ctx = adapters.WithLane(ctx, adapters.LaneUpdate)
	err = r.compare(ctx)
	switch {
	case err == nil:
		r.rec.State = RunDone
	case ctx.Err() != nil && !isAdapterError(err):
		return r.rec, ctx.Err()
	case errors.Is(err, errSmall):
		r.rec.State = RunSmall
	case !isAdapterError(err):
		return r.rec, err
	case r.rec.Listed == 0:
		r.rec.State, r.rec.Text, r.rec.Fix = RunFailed, "the accounts could not be listed: "+message(err), fix(err)
	default:
		r.rec.State, r.rec.Fix = RunPartial, fix(err)
		r.rec.Text = fmt.Sprintf("the list ended with an error after %d accounts, so nothing was corrected: %s", r.rec.Listed, message(err))
	}
	return r.rec, r.end(ctx)
}

// errSmall means that the list lacked too much to be believed.
var errSmall = errors.New("the list is suspiciously small")

// beginRun reports whether no other run of the app is under way in this process.
func (e *Engine) beginRun(app string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.run(app).reconciling {
		return false
	}
	e.run(app).reconciling = true
	return true
}

func (e *Engine) endRun(app string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.run(app).reconciling = false
}

// Reconciliation returns what came of the app's last run; its state is RunNever before the first.
func (e *Engine) Reconciliation(ctx context.Context, app string) (Reconciliation, error) {
	var rec *Reconciliation
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		var err error
		rec, err = reconciliationIn(r, app)
		return err
	})
	if err != nil {
		return Reconciliation{}, err
	}
	return *rec, nil
}

func reconciliationIn(r store.Reader, app string) (*Reconciliation, error) {
	rec, err := reconciliations.Get(r, []byte(app))
	if errors.Is(err, store.ErrNotFound) {
		return &Reconciliation{App: app}, nil
	}
	return rec, err
}

func (r *run) begin(ctx context.Context) error {
	id, every := r.o.NewID(), r.app.Reconcile
	next := r.now.Add(r.jitter(every))
	return r.o.Store.Update(ctx, func(tx store.Tx) error {
		last, err := reconciliationIn(tx, r.app.Key)
		if err != nil {
			return err
		}
		// A request that was made before the clock was set back must not ask for run after run until that time.
		r.rec = Reconciliation{
			App: r.app.Key, Run: id, State: RunGoing, Started: r.now, Next: next, Mode: r.app.Mode,
			Requested: earlier(last.Requested, r.now), By: last.By, Complete: last.Complete, Found: driftCounts{},
		}
		return reconciliations.Put(tx, &r.rec)
	})
}

// failedRetry is when a run is tried again that could not see the whole list.
const failedRetry = time.Hour

func (r *run) end(ctx context.Context) error {
	if err := r.counts(ctx); err != nil {
		return err
	}
	r.rec.Ended = r.o.Now()
	switch r.rec.State {
	case RunDone:
		r.rec.Complete = r.rec.Started
	default:
		if again := r.rec.Ended.Add(r.jitter(failedRetry)); again.Before(r.rec.Next) {
			r.rec.Next = again
		}
	}
	detail := map[string]string{"state": string(r.rec.State), "listed": fmt.Sprint(r.rec.Listed), "followed": fmt.Sprint(r.rec.Followed)}
	for kind, n := range r.rec.Found {
		detail[string(kind)] = fmt.Sprint(n)
	}
	fact := r.fact(audit.AppReconciled, r.app.Key, uuid.Nil, uuid.Nil, nil, detail)
	err := r.o.Store.Update(ctx, func(tx store.Tx) error {
		now, err := reconciliationIn(tx, r.app.Key)
		if err != nil {
			return err
		}
		r.rec.Requested, r.rec.By = now.Requested, now.By
		rec := r.rec
		rec.Found = maps.Clone(r.rec.Found)
		if err := reconciliations.Put(tx, &rec); err != nil {
			return err
		}
		return audit.Record(tx, fact)
	})
	if err == nil && r.rec.State != RunDone {
		r.o.Logger.Warn("reconciling corrected nothing", "app", r.app.Key, "state", r.rec.State, "reason", r.rec.Text)
	}
	r.Wake()
	return err
}

// compare is the run itself: the tenant, the list, what the list lacks, and what follows.
func (r *run) compare(ctx context.Context) error {
	var err error
	checks := r.checks(r.app.Key)
	if r.conn, err = r.open(ctx, r.app); err != nil {
		return err
	}
	r.can = r.conn.Can
	if r.checks(r.app.Key) == checks { // it was believed; a comparison asks
		if err := r.confirm(ctx, r.app, r.conn); err != nil {
			return err
		}
	}
	if err := r.list(ctx, r.slice); err != nil {
		return err
	}
	if err := r.missing(ctx); err != nil {
		return err
	}
	// The list is believed from here on. What it shows is counted before anything follows from it, as that may be over in a moment.
	if err := r.counts(ctx); err != nil {
		return err
	}
	if err := r.follow(ctx); err != nil {
		return err
	}
	return r.settleOld(ctx)
}

// list reads the vendor's list and hands it on in slices.
func (r *run) list(ctx context.Context, each func(context.Context, []adapters.Account) error) error {
	slice := make([]adapters.Account, 0, reconcileSlice)
	for v, err := range r.conn.Adapter.List(ctx) {
		if err != nil {
			return errors.Join(each(ctx, slice), err)
		}
		if v.ID == "" || len(v.ID) > maxVendorID {
			continue // an invitation without a handle; nothing can be said of it
		}
		if r.rec.Listed++; r.rec.Listed > maxListed {
			return &adapters.Error{Kind: adapters.Unavailable, Scope: adapters.WholeApp, Op: "list accounts", Message: "the list does not end"}
		}
		if slice = append(slice, v); len(slice) == reconcileSlice {
			if err := each(ctx, slice); err != nil {
				return err
			}
			slice = slice[:0]
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return each(ctx, slice)
}

// Reconciling:
//   - reconcile.go: one run, from the tenant to its result
//   - reconcilecompare.go: the pure judgement on one account
//   - reconcileslice.go: what the list shows, against ledger and directory
//   - reconcilemissing.go: what the list lacks
//   - reconcileact.go: what follows
//   - reconcileschedule.go: when
