package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// ErrNoDrift means that no drift has that id.
var ErrNoDrift = errors.New("no such drift")

// Correct hands a drift to the queue, whatever the mapping says of its kind, and lifts it where it is contested. The
// vendor is asked first how the account is now. What needs a link or is somebody else's cannot be corrected.
func (e *Engine) Correct(ctx context.Context, actor audit.Actor, id string) (Drift, error) {
	d, err := e.drift(ctx, id)
	if err != nil {
		return Drift{}, err
	}
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return d, err
	}
	app, ok := m.App(d.App)
	switch {
	case !ok || app.Mode != mapping.Enforce:
		return d, &DecisionError{fmt.Sprintf("drift %s cannot be corrected: the mapping does not enforce %s", id, d.App)}
	case !d.State.Open():
		return d, &DecisionError{fmt.Sprintf("drift %s is not open any more: %s", id, d.State)}
	case d.Account == uuid.Nil && d.Kind != DriftUnlinked && d.Kind != DriftExtra, d.State == DriftQuestion:
		return d, &DecisionError{fmt.Sprintf("drift %s is about an account that the ledger does not have: `usher link` it to its owner, or `usher ignore` it", id)}
	}
	conn, err := e.open(ctx, app)
	if err != nil {
		return d, err
	}
	r := &run{judge: judge{Engine: e, mapping: m, app: app, can: conn.Can, now: e.o.Now()}, conn: conn, kept: map[DriftKind]int{}}
	r.rec.Run, r.rec.Started = d.Run, r.now
	err = e.commit(ctx, func(tx *txn) error {
		now, err := drifts.Get(tx, d.key())
		if err != nil {
			return err
		}
		now.Forced, now.State, now.Turned, now.By = true, DriftFound, nil, actor.Name
		if err := putDrift(tx, now); err != nil {
			return err
		}
		fact := tx.fact(audit.DriftForced, now.App, now.Person, now.Account, nil, map[string]string{"drift": now.ID, "kind": string(now.Kind), "changed": now.Field})
		fact.Actor = actor
		return audit.Record(tx, fact)
	})
	if err != nil {
		return d, err
	}
	d.Forced, d.State, d.Turned = true, DriftFound, nil
	if err := r.act(ctx, &d); err != nil {
		return d, err
	}
	e.Wake()
	return e.drift(ctx, id)
}

func (e *Engine) drift(ctx context.Context, id string) (Drift, error) {
	var d *Drift
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		var err error
		d, err = drifts.Lookup(r, byDriftID, []byte(id))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return Drift{}, fmt.Errorf("%w: %q", ErrNoDrift, id)
	}
	if err != nil {
		return Drift{}, err
	}
	return *d, nil
}
