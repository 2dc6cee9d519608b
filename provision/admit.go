package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// spent counts one person who lost access to an app, towards the budget of a window.
type spent struct {
	App    string    `json:"app"`
	Person uuid.UUID `json:"person"`
	At     time.Time `json:"at"`
}

var spendings = store.NewTable("spendings", func(s *spent) []byte {
	return store.Key([]byte(s.App), store.Time(s.At), s.Person[:])
}, nil)

// batch is the removals of one source that wait in the quiet time.
type batch struct {
	first, last time.Time
	items       []Item
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
		n, err := e.admitBatch(ctx, a, source, b, now)
		moved += n
		if err != nil {
			return moved, err
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

// verdict is what the budget says of a batch.
type verdict struct {
	held  bool
	text  string
	limit int
}

func (e *Engine) admitBatch(ctx context.Context, app *mapping.App, source string, b *batch, now time.Time) (int, error) {
	v, err := e.weigh(ctx, app, source, b, now)
	if err != nil {
		return 0, err
	}
	moved := 0
	for len(b.items) > 0 {
		n := min(len(b.items), triageSlice)
		slice := b.items[:n]
		b.items = b.items[n:]
		err := e.commit(ctx, func(tx *txn) error {
			for i := range slice {
				if err := e.admitItem(tx, &slice[i], v, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return moved, err
		}
		moved += n
	}
	if v.held {
		e.o.Logger.Warn("removals held", "app", app.Key, "source", source, "count", moved, "limit", v.limit)
	}
	return moved, nil
}

// weigh counts distinct persons: those of the batch and those who lost access in the window before it.
func (e *Engine) weigh(ctx context.Context, app *mapping.App, source string, b *batch, now time.Time) (verdict, error) {
	var v verdict
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		v = verdict{}
		total, err := countStanding(r, app.Key)
		if err != nil {
			return err
		}
		persons := map[uuid.UUID]bool{}
		for i := range b.items {
			if p, ok := b.items[i].Person(); ok {
				persons[p] = true
			}
		}
		batched := len(persons)
		from := store.Key([]byte(app.Key), store.Time(now.Add(-app.Budget.Window)))
		to := store.PrefixEnd(store.Key([]byte(app.Key)))
		for _, value := range r.Range(spendings.Name(), from, to) {
			s, err := decodeSpent(value)
			if err != nil {
				return err
			}
			persons[s.Person] = true
		}
		v.limit = app.Budget.Limit(total)
		joins, err := openBudgetHold(r, app.Key, source)
		if err != nil {
			return err
		}
		switch {
		case len(persons) > v.limit:
			v.held = true
			v.text = fmt.Sprintf("%s would lose %s (%d with those of the last %s); the budget is %d of %d accounts",
				people(batched), app.Key, len(persons), windowText(app.Budget.Window), v.limit, total)
		case joins:
			v.held = true
			v.text = fmt.Sprintf("other removals from %s by the same source are held; this one joins them", app.Key)
		}
		return nil
	})
	return v, err
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

// windowText is a length of time without the zeros at its end: 24h, not 24h0m0s.
func windowText(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// openBudgetHold reports whether removals of the source are held in the app: later ones join them.
func openBudgetHold(r store.Reader, app, source string) (bool, error) {
	for h, err := range holds.Find(r, byHoldState, store.Key([]byte(HoldOpen), []byte(app))) {
		if err != nil {
			return false, err
		}
		if h.Kind == HoldBudget && h.Source == source {
			return true, nil
		}
	}
	return false, nil
}

func (e *Engine) admitItem(tx *txn, seen *Item, v verdict, now time.Time) error {
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
			spec := HoldSpec{Kind: HoldBudget, Fingerprint: budgetFingerprint(a), Text: v.text,
				Fix: "look at who it is; `usher approve` lets removals through, `usher reject` leaves the accounts as they are"}
			if err := e.openHold(tx, it, person, spec); err != nil {
				return err
			}
			continue
		}
		a.Admitted, a.Modified = now, now
		if err := accounts.Put(tx, a); err != nil {
			return err
		}
		if err := spendings.Put(tx, &spent{App: it.App, Person: person, At: now}); err != nil {
			return err
		}
	}
	it.State, it.Due, it.Urgent = Marked, now, true
	return items.Put(tx, it)
}

// Maintain drops what has served its time: switches whose end has come, spendings older than the longest window, the
// edges of groups whose grants have thawed, and members that sources announced and never sent.
func (e *Engine) Maintain(ctx context.Context) error {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return err
	}
	now := e.o.Now()
	if err := e.lapse(ctx); err != nil {
		return err
	}
	for _, app := range m.Apps() {
		if err := e.dropSpendings(ctx, app, now); err != nil {
			return err
		}
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

func (e *Engine) dropSpendings(ctx context.Context, app *mapping.App, now time.Time) error {
	prefix := store.Key([]byte(app.Key))
	until := store.Key([]byte(app.Key), store.Time(now.Add(-app.Budget.Window)))
	return e.o.Store.Update(ctx, func(tx store.Tx) error {
		var old [][]byte
		for k := range tx.Range(spendings.Name(), prefix, until) {
			if old = append(old, append([]byte(nil), k...)); len(old) == expandSlice {
				break
			}
		}
		for _, k := range old {
			if err := tx.Delete(spendings.Name(), k); err != nil {
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
