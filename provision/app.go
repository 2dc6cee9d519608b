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

// AppState is what is durably known of a connected app.
type AppState struct {
	App string `json:"app"`
	// Tenant is the vendor tenant that the app's ledger is bound to, since the first check.
	// "Not found" in another one proves nothing.
	Tenant     string    `json:"tenant,omitempty"`
	Former     string    `json:"former,omitempty"` // the key it had before a rename, for a rollback across it
	TenantName string    `json:"tenantName,omitempty"`
	Self       []string  `json:"self,omitempty"` // the connector's own account
	Missing    []string  `json:"missing,omitempty"`
	Stopped    bool      `json:"stopped,omitempty"` // nothing is sent until a check succeeds
	Reason     string    `json:"reason,omitempty"`
	Fix        string    `json:"fix,omitempty"`
	Since      time.Time `json:"since,omitzero"`
	// Elsewhere says that a check has shown another tenant since the last one that succeeded. What was written in the minute before
	// may stand there, so the app is compared when it goes on.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

var appStates = store.NewTable("apps", func(s *AppState) []byte { return []byte(s.App) }, nil)

// appState returns what is known of an app, a zero state for one never seen.
func appState(r store.Reader, app string) (*AppState, error) {
	s, err := appStates.Get(r, []byte(app))
	if errors.Is(err, store.ErrNotFound) {
		return &AppState{App: app}, nil
	}
	return s, err
}

// errStopped means that the app is stopped and it is not yet time to try again.
var errStopped = errors.New("the app is stopped")

// open returns the app's connection after making sure that it reaches the tenant
// the ledger is bound to. Between two checks of the same connection lies at most tenantTrust. Of several that
// come at once, one checks and the others wait for it.
func (e *Engine) open(ctx context.Context, app *mapping.App) (Connection, error) {
	conn, err := e.o.Connections.Open(ctx, app.Connection)
	if err != nil {
		return Connection{}, e.stop(ctx, app.Key, fmt.Sprintf("the connection %q cannot be opened: %v", app.Connection, err), "run `usher connect "+app.Connection+"`")
	}
	for {
		fresh, checking, done := e.believed(app.Key, conn)
		switch {
		case fresh:
			return conn, nil
		case checking != nil:
			select {
			case <-checking.over:
			case <-ctx.Done():
				return conn, ctx.Err()
			}
			if err := checking.err; err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
				return conn, err // the answer is everybody's; only an asker who was stopped has none
			}
			continue
		}
		err := e.confirm(ctx, app, conn)
		done(err)
		return conn, err
	}
}

// check is a question for an app's tenant that is under way.
type check struct {
	over chan struct{} // closed when it has an answer
	err  error         // the answer, from then on
}

// believed reports whether the app's tenant was confirmed a moment ago. Else checking tells what whoever confirms it finds; with
// nobody at it, it is the caller's to do, who calls done afterwards.
func (e *Engine) believed(app string, conn Connection) (fresh bool, checking *check, done func(error)) {
	now := e.o.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	run := e.run(app)
	run.can = conn.Can
	if run.revision == conn.Revision && now.Sub(run.checked) < tenantTrust && !run.checked.IsZero() {
		return true, nil, nil
	}
	if run.checking != nil {
		return false, run.checking, nil
	}
	mine := &check{over: make(chan struct{})}
	run.checking = mine
	return false, nil, func(err error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		mine.err, run.checking = err, nil
		close(mine.over)
	}
}

// confirm checks the connection now and compares the tenant with the one the ledger is
// bound to. An app that shows another tenant, or whose credentials fail, is stopped. One that is back from another tenant is
// compared with the vendor's list: until the check that noticed, a check of at most tenantTrust ago was believed.
func (e *Engine) confirm(ctx context.Context, app *mapping.App, conn Connection) error {
	id, err := conn.Adapter.Check(ctx)
	if err != nil {
		if adapters.IsKind(err, adapters.Unauthorized) {
			return e.stop(ctx, app.Key, message(err), fix(err))
		}
		return err
	}
	var state *AppState
	mismatch, resumed, back := "", false, false
	now := e.o.Now()
	fact := e.fact(audit.AppResumed, app.Key, uuid.Nil, uuid.Nil, nil, nil)
	err = e.o.Store.Update(ctx, func(tx store.Tx) error {
		mismatch, resumed, back = "", false, false
		var err error
		if state, err = appState(tx, app.Key); err != nil {
			return err
		}
		if state.Tenant != "" && state.Tenant != id.Tenant {
			mismatch = state.Tenant
			if state.Elsewhere {
				return nil
			}
			state.Elsewhere = true
			return appStates.Put(tx, state)
		}
		resumed, back = state.Stopped, state.Elsewhere
		next := AppState{App: app.Key, Former: state.Former, Tenant: id.Tenant, TenantName: id.Name, Self: id.Self, Missing: id.Missing}
		if err := appStates.Put(tx, &next); err != nil {
			return err
		}
		if back {
			if _, err := requestRun(tx, app.Key, engineActor.Name, now); err != nil {
				return err
			}
		}
		if resumed {
			return audit.Record(tx, fact)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if mismatch != "" {
		return e.stop(ctx, app.Key,
			fmt.Sprintf("the connection now reaches the tenant %q, but this app's accounts are in %q", id.Tenant, mismatch),
			"point the connection back to the first tenant, or connect the new one as an app of its own")
	}
	if back {
		e.Wake()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	run := e.run(app.Key)
	run.revision, run.checked, run.self = conn.Revision, e.o.Now(), id.Self
	run.checks++
	if resumed {
		e.o.Logger.Info("app resumed", "app", app.Key)
	}
	return nil
}

// stop records that nothing is sent to the app until a check succeeds, and says so
// once. It returns an error of kind Unauthorized for the whole app.
func (e *Engine) stop(ctx context.Context, app, reason, fix string) error {
	now := e.o.Now()
	fact := e.fact(audit.AppStopped, app, uuid.Nil, uuid.Nil, nil, map[string]string{"reason": reason})
	news := false
	err := e.o.Store.Update(ctx, func(tx store.Tx) error {
		s, err := appState(tx, app)
		if err != nil {
			return err
		}
		news = !s.Stopped || !sameCause(s.Reason, reason)
		if !news {
			return nil
		}
		s.Stopped, s.Reason, s.Fix, s.Since = true, reason, fix, now
		if err := appStates.Put(tx, s); err != nil {
			return err
		}
		return audit.Record(tx, fact)
	})
	if err != nil {
		return err
	}
	if news {
		e.o.Logger.Error("app stopped", "app", app, "reason", reason)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	run := e.run(app)
	run.checked = time.Time{}
	run.gate.wait(now.Add(stoppedRetry), reason)
	return &adapters.Error{Kind: adapters.Unauthorized, Scope: adapters.WholeApp, Op: "check " + app, Message: reason, Fix: fix, Err: errStopped}
}

// Recheck makes sure, now, which tenant a changed connection reaches, and lets the apps on it go
// on or stops them. It returns the first app's error of kind Unauthorized when one stays stopped.
func (e *Engine) Recheck(ctx context.Context, connection string) error {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return err
	}
	defer e.Wake()
	for _, app := range m.Apps() {
		if app.Connection != connection {
			continue
		}
		e.mu.Lock()
		run := e.run(app.Key)
		run.gate.lift()
		run.checked = time.Time{}
		e.mu.Unlock()
		if _, err := e.open(ctx, app); err != nil {
			return err
		}
	}
	return nil
}

// describe returns what the app's adapter can do, opening the connection without calling the vendor.
func (e *Engine) describe(ctx context.Context, app *mapping.App) (adapters.Description, error) {
	can, _ := e.knows(app.Key)
	if can.Name != "" {
		return can, nil
	}
	conn, err := e.o.Connections.Open(ctx, app.Connection)
	if err != nil {
		return adapters.Description{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.run(app.Key).can = conn.Can
	return conn.Can, nil
}

// message and fix are the parts of an error that people read.
func message(err error) string {
	var a *adapters.Error
	if errors.As(err, &a) {
		return a.Error()
	}
	return err.Error()
}

func fix(err error) string {
	var a *adapters.Error
	if errors.As(err, &a) {
		return a.Fix
	}
	return ""
}
