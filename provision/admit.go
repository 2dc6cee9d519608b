package provision

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// batch is the removals and suspensions of one source that wait in the quiet time.
type batch struct {
	first, last time.Time
	items       []Item
}

// of returns the batch's items of one kind of work, and their persons.
func (b *batch) of(kind Kind) (list []Item, persons []uuid.UUID) {
	for i := range b.items {
		work := b.items[i].Work
		if work == "" {
			work = Removals
		}
		if person, ok := b.items[i].Person(); ok && work == kind {
			list, persons = append(list, b.items[i]), append(persons, person)
		}
	}
	return list, persons
}

// Admit lets the app's removals through whose source has fallen silent, or holds them
// all when they, with those of the window before, are more than the budget allows.
// A batch is judged as a whole before any of it moves. It returns how many items moved on.
func (e *Engine) Admit(ctx context.Context, app string) (int, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return 0, err
	}
	a, ok := m.App(app)
	if !ok || a.Mode != mapping.Enforce {
		return 0, nil
	}
	now := e.o.Now()
	if off, err := e.switchedOff(ctx, &Item{App: app, Lane: Removal}); err != nil || off {
		return 0, err // what waits is weighed as a whole when it may go on
	}
	batches, err := e.quietBatches(ctx, app)
	if err != nil {
		return 0, err
	}
	moved := 0
	for _, source := range slices.Sorted(maps.Keys(batches)) {
		b := batches[source]
		if e.o.Quiet.running(b, now) {
			continue
		}
		for _, kind := range []Kind{Removals, Suspensions} {
			n, err := e.admitBatch(ctx, m, a, source, kind, b, now)
			moved += n
			if err != nil {
				return moved, err
			}
		}
	}
	return moved, nil
}

// running reports whether a batch still waits. A clock that was set back ends the wait rather than stretching it.
func (q QuietTime) running(b *batch, now time.Time) bool {
	return !now.Before(b.last) && now.Sub(b.last) < q.Pause && now.Sub(b.first) < q.AtMost
}

func (e *Engine) quietBatches(ctx context.Context, app string) (map[string]*batch, error) {
	var batches map[string]*batch
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		batches = map[string]*batch{}
		for it, err := range items.Find(r, byDue, classPrefix(app, classQuiet)) {
			if err != nil {
				return err
			}
			b := batches[it.Source]
			if b == nil {
				b = &batch{first: it.Marked, last: it.Marked}
				batches[it.Source] = b
			}
			if it.Marked.Before(b.first) {
				b.first = it.Marked
			}
			if it.Marked.After(b.last) {
				b.last = it.Marked
			}
			b.items = append(b.items, *it)
		}
		return nil
	})
	return batches, err
}

// admitBatch judges what one source caused of one kind as a whole, then moves it in slices.
func (e *Engine) admitBatch(ctx context.Context, m *mapping.Mapping, app *mapping.App, source string, kind Kind, b *batch, now time.Time) (int, error) {
	list, persons := b.of(kind)
	if len(list) == 0 {
		return 0, nil
	}
	var v verdict
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		waiting, err := quietElsewhere(r, m, app.Key, source, kind)
		if err != nil {
			return err
		}
		books := e.books(m, app, now)
		if v, err = books.weigh(r, kind, source, persons, waiting); err != nil || (v.held && !v.joins) {
			return err
		}
		why, err := e.empties(r, m, app, list, persons)
		if err == nil && why != "" {
			v = verdict{held: true, limit: v.limit, text: why}
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	moved := 0
	for slice := range slices.Chunk(list, triageSlice) {
		err := e.commit(ctx, func(tx *txn) error {
			books := e.books(m, app, now)
			for i := range slice {
				if err := e.admitItem(tx, books, &slice[i], kind, v, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return moved, err
		}
		moved += len(slice)
	}
	if v.held {
		e.o.Logger.Warn("removals held", "app", app.Key, "source", source, "kind", string(kind), "count", moved, "limit", v.limit)
	}
	return moved, nil
}

// quietElsewhere lists the persons for whom the same source's work of the kind waits in other apps, so that a burst
// is weighed whole against the source's budget whichever app comes first.
func quietElsewhere(r store.Reader, m *mapping.Mapping, app, source string, kind Kind) ([]uuid.UUID, error) {
	var persons []uuid.UUID
	for _, other := range m.Apps() {
		if other.Key == app || other.Mode != mapping.Enforce {
			continue
		}
		for it, err := range items.Find(r, byDue, classPrefix(other.Key, classQuiet)) {
			if err != nil {
				return nil, err
			}
			if person, ok := it.Person(); ok && it.Source == source && it.Work == kind {
				persons = append(persons, person)
			}
		}
	}
	return persons, nil
}

func (e *Engine) admitItem(tx *txn, books *books, seen *Item, kind Kind, v verdict, now time.Time) error {
	it, err := items.Get(tx, itemKey(seen.App, seen.Subject))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if it.State != Quiet || it.Generation != seen.Generation {
		return nil // something came in between; it is judged anew
	}
	person, ok := it.Person()
	if !ok {
		return nil
	}
	all, err := accountsOf(tx, it.App, person)
	if err != nil {
		return err
	}
	for i := range all {
		a := &all[i]
		if a.State.Over() || !a.unwanted() || !a.Admitted.IsZero() {
			continue
		}
		if v.held {
			spec := HoldSpec{
				Kind: HoldBudget, Fingerprint: budgetFingerprint(a), Work: kind, Text: v.text, Fix: budgetFix,
				Leaver: v.joins && a.UnwantedWhy == mapping.Deactivated,
			}
			if err := e.openHold(tx, it, person, spec); err != nil {
				return err
			}
			continue
		}
		a.Admitted = now
		if err := accounts.Put(tx, a); err != nil {
			return err
		}
		if err := books.spend(tx, kind, it.Source, person); err != nil {
			return err
		}
	}
	it.State, it.Due, it.Urgent = Marked, now, true
	return items.Put(tx, it)
}

// Maintain notices a clock that was set back, and drops what has served its time: switches whose end has come, spendings older than the longest window, the
// edges of groups whose grants have thawed, and members that sources announced and never sent.
func (e *Engine) Maintain(ctx context.Context) error {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return err
	}
	now := e.o.Now()
	if err := e.noticeClock(ctx, m, now); err != nil {
		return err
	}
	if err := e.lapse(ctx); err != nil {
		return err
	}
	if err := e.resumeBySources(ctx); err != nil {
		return err
	}
	if err := e.dropSpendings(ctx, m, now); err != nil {
		return err
	}
	if err := e.sweep(ctx, now); err != nil {
		return err
	}
	for {
		n, err := e.o.Directory.ExpirePending(ctx, expandSlice)
		if err != nil || n < expandSlice {
			return err
		}
	}
}

// keepSpent is how much longer than the longest window a spending is kept: a clock that was set forward by mistake, and
// back again, must not have emptied the books.
const keepSpent = 7 * 24 * time.Hour

func (e *Engine) dropSpendings(ctx context.Context, m *mapping.Mapping, now time.Time) error {
	longest := m.SourceBudget().Longest()
	for _, app := range m.Apps() {
		longest = max(longest, app.Budget.Longest())
	}
	until := now.Add(-longest - keepSpent)
	return e.o.Store.Update(ctx, func(tx store.Tx) error {
		var old []*spent
		for s, err := range spendings.Scan(tx, nil) {
			if err != nil {
				return err
			}
			if s.At.Before(until) {
				if old = append(old, s); len(old) == expandSlice {
					break
				}
			}
		}
		for _, s := range old {
			if err := spendings.Delete(tx, s.key()); err != nil {
				return err
			}
		}
		return nil
	})
}

// sweep drops deleted groups after their freeze, once nobody's mark depends on them any more.
func (e *Engine) sweep(ctx context.Context, now time.Time) error {
	groups, err := e.o.Directory.DeletedGroups(ctx)
	if err != nil {
		return err
	}
	for i := range groups {
		g := &groups[i]
		if now.Before(g.Deleted.Add(mapping.Freeze + time.Hour)) {
			continue
		}
		for done := false; !done; {
			if done, err = e.o.Directory.SweepGroup(ctx, g.ID, expandSlice); err != nil {
				return err
			}
		}
	}
	return nil
}
