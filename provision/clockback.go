package provision

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/store"
)

// What was written down while the clock ran ahead lies in the future once it is set right. Nobody can tell any more when it was, so it is
// taken for now: else a leaver's deletion, a look-up after a call without an answer or a comparison would wait until that time comes again.

// earlier is a time, or now where it lies ahead.
func earlier(t, now time.Time) time.Time {
	if t.After(now) {
		return now
	}
	return t
}

// setBack brings the ledger, the writes of teams and the books of the budgets from times ahead to now. It reports whether something is left, as an
// execution works on it at this moment.
func (e *Engine) setBack(ctx context.Context, now time.Time) (left bool, err error) {
	if left, err = e.setBackLedger(ctx, now); err != nil {
		return left, err
	}
	err = setBackAll(ctx, e.o.Store, teamsSent, func(s *teamSent) []byte { return teamPrefix(s.App, s.Team) }, func(s *teamSent) bool {
		was := s.At
		s.At = earlier(s.At, now)
		return !s.At.Equal(was)
	})
	if err != nil {
		return left, err
	}
	return left, setBackAll(ctx, e.o.Store, spendings, (*spent).key, func(s *spent) bool {
		was := s.At
		s.At = earlier(s.At, now)
		return !s.At.Equal(was)
	})
}

// setBackAll rewrites the records of a small table that change says it changed, in pages; their keys may change by that.
func setBackAll[T any](ctx context.Context, s store.Store, table *store.Table[T], keyOf func(*T) []byte, change func(*T) bool) error {
	for {
		var keys [][]byte
		err := s.View(ctx, func(r store.Reader) error {
			keys = nil
			for record, err := range table.Scan(r, nil) {
				if err != nil {
					return err
				}
				key := keyOf(record)
				if change(record) {
					if keys = append(keys, key); len(keys) == expandSlice {
						return nil
					}
				}
			}
			return nil
		})
		if err != nil || len(keys) == 0 {
			return err
		}
		err = s.Update(ctx, func(tx store.Tx) error {
			for _, key := range keys {
				record, err := table.Get(tx, key)
				if errors.Is(err, store.ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				if !change(record) {
					continue
				}
				if err := table.Delete(tx, key); err != nil {
					return err
				}
				if err := table.Put(tx, record); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// setBackLedger goes through the ledger in pages. A pair that an execution works on is left: what that writes would be over it.
func (e *Engine) setBackLedger(ctx context.Context, now time.Time) (left bool, err error) {
	var after []byte
	for {
		var found []*Account
		seen, last := 0, after
		err := e.o.Store.View(ctx, func(r store.Reader) error {
			found, seen = nil, 0
			for a, err := range accounts.ScanAfter(r, nil, after) {
				if err != nil {
					return err
				}
				last = accountKey(a.ID)
				if a.setBack(now) {
					found = append(found, a)
				}
				if seen++; seen == expandSlice {
					break
				}
			}
			return nil
		})
		if err != nil {
			return left, err
		}
		mine := slices.DeleteFunc(found, func(a *Account) bool { return !e.claim(pairOf(a)) })
		left = left || len(mine) < len(found)
		err = e.setBackAccounts(ctx, mine, now)
		for _, a := range mine {
			e.release(pairOf(a))
		}
		if err != nil || seen < expandSlice {
			return left, err
		}
		after = last
	}
}

// pairOf is the key of an account's item, to claim it.
func pairOf(a *Account) *Item { return &Item{App: a.App, Subject: personSubject(a.Person)} }

func (e *Engine) setBackAccounts(ctx context.Context, some []*Account, now time.Time) error {
	if len(some) == 0 {
		return nil
	}
	return e.o.Store.Update(ctx, func(tx store.Tx) error {
		for _, seen := range some {
			a, err := accounts.Get(tx, accountKey(seen.ID))
			if err != nil {
				return err
			}
			episode := budgetFingerprint(a)
			if !a.setBack(now) {
				continue
			}
			if err := accounts.Put(tx, a); err != nil {
				return err
			}
			if err := sameEpisode(tx, a, episode); err != nil {
				return err
			}
		}
		return nil
	})
}

// sameEpisode lets the decisions about an episode of being unwanted, which is called after its time, go on counting.
func sameEpisode(tx store.Tx, a *Account, was string) error {
	is := budgetFingerprint(a)
	if is == was {
		return nil
	}
	all, err := holdsOf(tx, a.App, a.Person)
	if err != nil {
		return err
	}
	for i := range all {
		h := &all[i]
		if rest, ok := strings.CutPrefix(h.Fingerprint, was); ok && (rest == "" || rest[0] == ' ') {
			h.Fingerprint = is + rest
			if err := holds.Put(tx, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// setBack takes the times of an account that lie ahead for now, and reports whether there were any. Those that only tell one thing from
// another stay as they are.
func (a *Account) setBack(now time.Time) bool {
	if a.State.Over() {
		return false
	}
	changed := false
	for _, t := range []*time.Time{&a.Created, &a.Modified, &a.Seen, &a.UnwantedSince, &a.Admitted} {
		if t.After(now) {
			*t, changed = now, true
		}
	}
	if a.Intent != nil && a.Intent.At.After(now) {
		intent := *a.Intent
		intent.At = now
		a.Intent, changed = &intent, true
	}
	if a.Missed != nil && a.Missed.At.After(now) {
		missed := *a.Missed
		missed.At = now
		a.Missed, changed = &missed, true
	}
	return changed
}
