package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/store"
)

// listedStates are those of accounts that a complete list shows.
func listedStates() []AccountState { return []AccountState{Active, Demoted, Suspended} }

// missing finds the accounts of the ledger that the list left out. First they are counted: a list that lacks too much is
// not believed. Then each is looked up by its id, as a list may shift while it is read.
func (r *run) missing(ctx context.Context) error {
	lacking := 0
	err := r.unlisted(ctx, r.expects, func(all []Account) error { lacking += len(all); return nil })
	if err != nil {
		return err
	}
	if limit := tolerable(r.rec.Expected); lacking > limit || r.rec.Listed == 0 && r.rec.Expected > 0 {
		r.rec.Text = fmt.Sprintf("the list shows %d accounts and lacks %d of the %d that it should show, more than %d: nothing was corrected", r.rec.Listed, lacking, r.rec.Expected, limit)
		r.rec.Fix = "look whether the connection still sees the whole tenant, then run `usher reconcile " + r.app.Key + "`; accounts that really are gone are noticed one by one as they are worked on"
		return errSmall
	}
	return r.unlisted(ctx, r.expects, func(all []Account) error {
		for i := range all {
			if err := r.lookFor(ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// tolerable is how many accounts a list may lack and still be believed.
func tolerable(expected int) int { return max(3, (expected+9)/10) }

// unlisted hands out, in slices, the accounts that this run's list should have shown, as expects tells, and did not. It counts those that it
// should have shown.
func (r *run) unlisted(ctx context.Context, expects func(*Account) bool, each func([]Account) error) error {
	r.rec.Expected = 0
	for _, state := range listedStates() {
		var after []byte
		for {
			var lacking []Account
			n := 0
			value := store.Key([]byte(r.app.Key), []byte(state))
			err := r.o.Store.View(ctx, func(reader store.Reader) error {
				lacking, n = nil, 0
				read := accounts.Find(reader, byState, value)
				if after != nil {
					read = accounts.FindAfter(reader, byState, value, value, after)
				}
				for a, err := range read {
					if err != nil {
						return err
					}
					if n++; n > reconcileSlice {
						break
					}
					after = accountKey(a.ID)
					if !expects(a) {
						continue
					}
					r.rec.Expected++
					known, err := r.stamped(reader, a.ID)
					if err != nil {
						return err
					}
					if !known {
						lacking = append(lacking, *a)
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			if len(lacking) > 0 {
				if err := each(lacking); err != nil {
					return err
				}
			}
			if n <= reconcileSlice {
				break
			}
		}
	}
	return nil
}

// expects reports whether the list should have shown an account. What Usher itself changed since the run began is not judged.
func (r *run) expects(a *Account) bool {
	unfinished := a.Intent != nil && a.Intent.Sent
	return a.VendorID != "" && !unfinished && r.still(a) && (a.Missed == nil || a.Missed.Confirmed)
}

// lookFor looks up an account that the list left out. One that is there was merely passed over.
func (r *run) lookFor(ctx context.Context, a *Account) error {
	if a.Missed != nil { // confirmed before, and reported
		return r.noteMissing(ctx, a)
	}
	v, err := r.conn.Adapter.Find(ctx, adapters.Probe{ID: a.VendorID})
	if err == nil {
		if v.ID == a.VendorID {
			return r.slice(ctx, []adapters.Account{v})
		}
		return nil // it answers under another id (an accepted invitation); work on it follows that
	}
	if !adapters.IsKind(err, adapters.NotFound) {
		return err
	}
	return r.noteMissing(ctx, a)
}

func (r *run) noteMissing(ctx context.Context, a *Account) error {
	var tally run
	d := Drift{
		App: r.app.Key, Kind: DriftMissing, Account: a.ID, Person: a.Person, VendorID: a.VendorID, Email: a.Email,
		Text: fmt.Sprintf("the %s account is not there any more, and Usher did not remove it", r.can.Title),
		Fix:  "find out who removed it; `usher correct` makes a new one for somebody entitled",
	}
	err := r.commit(ctx, func(tx *txn) error {
		tally = run{judge: r.judge, rec: Reconciliation{Run: r.rec.Run}, kept: map[DriftKind]int{DriftMissing: r.kept[DriftMissing]}}
		now, err := accounts.Get(tx, accountKey(a.ID))
		if err != nil || now.State != a.State || !now.Modified.Equal(a.Modified) {
			return ignoreNotFound(err)
		}
		return tally.note(tx, ledgerSubject(a.ID), []Drift{d})
	})
	if err != nil {
		return err
	}
	r.kept[DriftMissing] = tally.kept[DriftMissing]
	r.rec.Untold += tally.rec.Untold
	return nil
}

func ignoreNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// settleOld ends drift that a complete run did not find any more.
func (r *run) settleOld(ctx context.Context) error {
	return r.drifts(ctx, func(tx *txn, d *Drift, now time.Time) error {
		switch {
		case d.State == DriftIgnored, d.Run == r.rec.Run && d.State != DriftSettled && d.State != DriftAdopted:
			return nil
		default:
			return settleDrift(tx, d, now)
		}
	})
}

// drifts goes through the app's drift in slices, each of them one transaction.
func (r *run) drifts(ctx context.Context, each func(*txn, *Drift, time.Time) error) error {
	var after []byte
	prefix := store.Key([]byte(r.app.Key))
	for {
		var last []byte
		n, now := 0, r.o.Now()
		err := r.commit(ctx, func(tx *txn) error {
			var slice []*Drift
			n, last = 0, nil
			for d, err := range drifts.ScanAfter(tx, prefix, after) {
				if err != nil {
					return err
				}
				if slice = append(slice, d); len(slice) == reconcileSlice {
					break
				}
			}
			for _, d := range slice {
				last = d.key()
				if err := each(tx, d, now); err != nil {
					return err
				}
			}
			n = len(slice)
			return nil
		})
		if err != nil || n < reconcileSlice {
			return err
		}
		after = last
	}
}

// counts tells how much drift of each kind the run has found, and what is left alone or has to be decided. Counted again, drift
// that was put right meanwhile stays found.
func (r *run) counts(ctx context.Context) error {
	before := r.rec.Found
	err := r.o.Store.View(ctx, func(reader store.Reader) error {
		r.rec.Found, r.rec.Left, r.rec.Asks = driftCounts{}, 0, 0
		for d, err := range drifts.Scan(reader, store.Key([]byte(r.app.Key))) {
			if err != nil {
				return err
			}
			if d.State == DriftIgnored {
				r.rec.Left++
				continue
			}
			if d.Run != r.rec.Run || d.State == DriftSettled {
				continue
			}
			r.rec.Found[d.Kind]++
			switch {
			case d.State == DriftQuestion || d.State == DriftContested:
				r.rec.Asks++
			case d.Account == uuid.Nil && d.State == DriftReported:
				r.rec.Left++
			}
		}
		return nil
	})
	for kind, n := range before {
		r.rec.Found[kind] = max(r.rec.Found[kind], n)
	}
	return err
}
