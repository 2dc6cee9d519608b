package provision

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// follows says what becomes of a drift that was found, by the mapping's policy. It reads nothing else.
func (d *Drift) follows(app *mapping.App) DriftState {
	unknown := d.Account == uuid.Nil
	if unknown && d.Doubt != "" && d.Kind != DriftDuplicated && d.Kind != DriftForeign {
		return DriftQuestion
	}
	correct := func(act mapping.DriftAct) DriftState {
		if act == mapping.Correct || d.Forced {
			return DriftCorrecting
		}
		return DriftReported
	}
	observe := app.Mode != mapping.Enforce
	switch d.Kind {
	case DriftUnlinked:
		switch {
		case app.Drift.Unlinked != mapping.Adopt && !d.Forced:
			return DriftReported
		case observe:
			return DriftAdopted
		}
		return DriftCorrecting
	case DriftExtra:
		if observe || app.Drift.Extra != mapping.Adopt && !d.Forced {
			return DriftReported
		}
		return DriftAdopted
	case DriftDuplicated, DriftForeign:
		return DriftReported
	}
	if observe {
		return DriftReported
	}
	switch d.Kind {
	case DriftReturned, DriftLeaver:
		return DriftCorrecting
	case DriftMissing:
		return correct(app.Drift.Missing)
	case DriftSuspended:
		return correct(app.Drift.Suspended)
	}
	switch {
	case d.Field == "state":
		return DriftCorrecting // the ledger follows; nothing is sent
	case len(d.Turned) >= contestedAfter && !d.Forced:
		return DriftContested
	}
	return correct(app.Drift.Changed)
}

// follow acts on what the run has found: leavers first, then the rest.
func (r *run) follow(ctx context.Context) error {
	for _, urgent := range []bool{true, false} {
		var after []byte
		for {
			var slice []*Drift
			var last []byte
			n := 0
			err := r.o.Store.View(ctx, func(reader store.Reader) error {
				slice, n = nil, 0
				for d, err := range drifts.ScanAfter(reader, store.Key([]byte(r.app.Key)), after) {
					if err != nil {
						return err
					}
					last = d.key()
					if d.State == DriftFound && d.Run == r.rec.Run && urgent == (d.Kind == DriftReturned || d.Kind == DriftLeaver) {
						slice = append(slice, d)
					}
					if n++; n == reconcileSlice {
						break
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			for _, d := range slice {
				if err := r.act(ctx, d); err != nil {
					return err
				}
			}
			if n < reconcileSlice {
				break
			}
			after = last
		}
	}
	return nil
}

// act does what follows from one drift, with all that was found of the same account. A pair that an execution works on
// at this moment is left to the next run.
func (r *run) act(ctx context.Context, d *Drift) error {
	if d.Person != uuid.Nil {
		it := &Item{App: r.app.Key, Subject: personSubject(d.Person)}
		if !r.claim(it) {
			return nil
		}
		defer r.release(it)
	}
	var seen *adapters.Account
	next := d.follows(r.app)
	if next == DriftCorrecting && d.Kind != DriftMissing && d.Kind != DriftUnlinked {
		// The list may be older than what happened since.
		v, err := r.conn.Adapter.Find(ctx, adapters.Probe{ID: d.VendorID})
		if adapters.IsKind(err, adapters.NotFound) {
			return nil // gone meanwhile: the next run sees it
		}
		if err != nil {
			return err
		}
		seen = &v
	}
	followed := 0
	err := r.commit(ctx, func(tx *txn) error {
		followed = 0
		now, err := drifts.Get(tx, d.key())
		if err != nil || now.State != DriftFound {
			return ignoreNotFound(err)
		}
		if d.Account != uuid.Nil {
			followed, err = r.actOnLedger(tx, now, seen)
		} else {
			followed, err = r.actOnUnknown(tx, now, seen)
		}
		return err
	})
	r.rec.Followed += followed
	return err
}

// set writes a drift's new state.
func (r *run) set(tx *txn, d *Drift, s DriftState) error {
	d.State, d.Last = s, tx.now
	return putDrift(tx, d)
}

// actOnLedger acts on what differs in an account of the ledger, and reports how much of it was handed to the queue.
func (r *run) actOnLedger(tx *txn, d *Drift, seen *adapters.Account) (int, error) {
	a, err := accounts.Get(tx, accountKey(d.Account))
	if err != nil {
		return 0, err
	}
	all, err := driftsOf(tx, r.app.Key, ledgerSubject(a.ID))
	if err != nil || a.State.Over() {
		return 0, err
	}
	if !r.still(a) {
		return 0, nil // worked on meanwhile
	}
	now := tx.now
	c := comparison{App: r.app, Can: r.can, Account: a}
	if seen != nil {
		if c, err = r.comparison(tx, a, seen); err != nil {
			return 0, err
		}
		if seen.Teams == nil { // a look-up does not tell them everywhere; the list did
			for _, o := range all {
				if o.Field == "teams" {
					seen.Teams = unmanagedAnd(c.App, a.Teams, o.Teams)
				}
			}
		}
	}
	still := c.stillFound(seen)
	changed := false
	removing := false
	var fields, ids []string
	for _, o := range all {
		if o.State != DriftFound || o.Run != d.Run {
			continue
		}
		next := o.follows(r.app)
		if o.Kind == DriftMissing && a.Missed == nil {
			a.Missed = &Missed{At: now, Correct: next == DriftCorrecting}
			changed = true
		} else if o.Kind == DriftMissing && next == DriftCorrecting && !a.Missed.Correct {
			a.Missed = &Missed{At: a.Missed.At, Correct: true}
			changed = true
		}
		if next == DriftCorrecting && o.Kind != DriftMissing {
			if seen == nil || !slices.ContainsFunc(still, o.same) {
				continue // not so any more, or not confirmed yet
			}
			changed = c.take(o, now) || changed
			if o.Kind == DriftReturned {
				removing = true
			}
			fields = append(fields, o.Field)
		}
		if next == DriftCorrecting {
			ids = append(ids, o.ID)
		}
		if err := r.set(tx, o, next); err != nil {
			return 0, err
		}
	}
	if !changed {
		return 0, nil
	}
	act := audit.DriftCorrected
	if removing {
		a.Returns = append(a.Returns, now)
		act = audit.AccountReturned
	}
	a.Modified, a.Seen = now, now
	fact := tx.fact(act, r.app.Key, a.Person, a.ID, nil, map[string]string{"vendorId": a.VendorID, "changed": strings.Join(fields, ", "), "drift": strings.Join(ids, ", ")})
	fact.Removing = removing
	var unique *store.UniqueError
	switch err := accounts.Put(tx, a); {
	case errors.As(err, &unique):
		// Its new address is another person's in the ledger: a question that the queue cannot answer.
		return 0, r.set(tx, d, DriftReported)
	case err != nil:
		return 0, err
	}
	if err := audit.Record(tx, fact); err != nil {
		return 0, err
	}
	return len(ids), mark(tx, r.app.Key, personSubject(a.Person), &fact, now)
}

func (c comparison) stillFound(seen *adapters.Account) []*Drift {
	if seen == nil {
		return nil
	}
	var out []*Drift
	for _, d := range c.differences() {
		out = append(out, &d)
	}
	return out
}

// unmanagedAnd joins the teams that are the app's own business with those that the list showed of the managed ones.
func unmanagedAnd(app *mapping.App, have, seen []string) []string {
	managed := app.ManagedTeams()
	out := append([]string{}, seen...)
	for _, t := range have {
		if !slices.Contains(managed, t) {
			out = append(out, t)
		}
	}
	return out
}

// actOnUnknown acts on an account that the ledger does not have.
func (r *run) actOnUnknown(tx *txn, d *Drift, seen *adapters.Account) (int, error) {
	if d.Kind == DriftDuplicated {
		// Where the first one was not in the list, this is the same account under another id; looking for that one follows it.
		if dup, err := r.reallyDuplicated(tx, d); err != nil || !dup {
			if err == nil {
				err = drifts.Delete(tx, d.key())
			}
			return 0, err
		}
	}
	next := d.follows(r.app)
	now := tx.now
	if next != DriftCorrecting && next != DriftAdopted {
		return 0, r.set(tx, d, next)
	}
	if d.Kind == DriftUnlinked && next == DriftCorrecting {
		fact := tx.fact(audit.DriftCorrected, r.app.Key, d.Person, uuid.Nil, nil, map[string]string{"drift": d.ID, "kind": string(d.Kind)})
		if err := audit.Record(tx, fact); err != nil {
			return 0, err
		}
		if err := r.set(tx, d, next); err != nil {
			return 0, err
		}
		return 1, mark(tx, r.app.Key, personSubject(d.Person), &fact, now)
	}
	if seen == nil {
		seen = d.Shown
	}
	entered, err := r.enter(tx, d, seen, now)
	if err != nil || !entered {
		return 0, err
	}
	return 1, r.set(tx, d, DriftAdopted)
}

func (r *run) reallyDuplicated(tx *txn, d *Drift) (bool, error) {
	a, err := accounts.Lookup(tx, byVendor, store.Key([]byte(r.app.Key), []byte(d.Ledger)))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return r.stamped(tx, a.ID)
}

// enter takes an account into the ledger as it is; false where it cannot be the person's after all.
func (r *run) enter(tx *txn, d *Drift, seen *adapters.Account, now time.Time) (bool, error) {
	if seen == nil || seen.ID != d.VendorID {
		return false, nil
	}
	all, err := accountsOf(tx, r.app.Key, d.Person)
	if err != nil || len(standing(all)) > 0 {
		return false, err
	}
	if why, err := r.foreignIn(tx, r.app.Key, d.Person, *seen); err != nil || why != "" {
		return false, err
	}
	p, err := r.o.Directory.PersonIn(tx, d.Person)
	if err != nil {
		return false, err
	}
	a := &Account{ID: tx.newID(), App: r.app.Key, Person: d.Person, Created: now, Kind: kindOf(p)}
	a.adopt(*seen, now)
	a.administers(r.can)
	a.Origin = Adopted
	act := audit.AccountAdopted
	if d.Kind == DriftReturned || d.Kind == DriftLeaver {
		a.Origin = Found
		a.UnwantedSince, a.UnwantedWhy = now, mapping.Deactivated
	}
	if d.Kind == DriftReturned {
		act = audit.AccountReturned
		a.Origin, a.Enforced = Created, true
		for i := range all {
			if len(all[i].Returns) > 0 {
				a.Returns = slices.Clone(all[i].Returns)
			}
		}
		a.Returns = append(a.Returns, now)
	}
	if err := accounts.Put(tx, a); err != nil {
		return false, err
	}
	fact := tx.fact(act, r.app.Key, a.Person, a.ID, nil, map[string]string{"vendorId": a.VendorID, "role": a.Role, "licence": a.Licence, "state": string(a.State), "drift": d.ID})
	fact.Removing = !a.UnwantedSince.IsZero()
	if err := audit.Record(tx, fact); err != nil {
		return false, err
	}
	return true, mark(tx, r.app.Key, personSubject(a.Person), &fact, now)
}
