package simtest

import (
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store/memory"
)

// Budgets: whom Usher let through without asking stays within the budget of each app and each source, for each kind of work.

// let is one person let through.
type let struct {
	app    string
	kind   provision.Kind
	person uuid.UUID
	what   string // the account, or the effect's fingerprint
	at     time.Time
}

// spent is an entry of Usher's own books.
type spent struct {
	Scope  string         `json:"scope"`
	Kind   provision.Kind `json:"kind"`
	Person uuid.UUID      `json:"person"`
	At     time.Time      `json:"at"`
}

// audited is what the simulator remembers of budgets.
type audited struct {
	lets       map[let]bool            // whether it counts
	setTo      map[let]time.Time       // of what lay ahead when the clock was set back: when that was
	older      map[let]bool            // let through before the clock was set back to that time
	admitted   map[uuid.UUID]time.Time // when an account's end was let through, as it was seen last
	unwanted   map[uuid.UUID]bool      // accounts, as they were seen last
	returned   map[uuid.UUID]time.Time // when the person of an account came to be entitled again
	ever       map[uuid.UUID]map[provision.Kind]map[string]bool
	ledgerAt   memory.Snapshot // as it was looked at last
	letAt      memory.Snapshot
	spentAt    memory.Snapshot
	limits     []document // in force, the latest last
	confirming bool       // a document was applied whose effects were confirmed
}

// audit looks at who was let through since it was last asked. With judge false it only learns.
func (w *World) audit(judge bool) error {
	now := w.disk.Snapshot()
	ledger := !now.Same(w.ledgerAt, "accounts")
	if ledger {
		w.ledgerAt = now
		if err := w.auditEndings(judge); err != nil {
			return err
		}
	}
	if !now.Same(w.letAt, "admissions") {
		w.letAt = now
		for a, err := range all[provision.Admission](w, "admissions") {
			if err != nil {
				return err
			}
			if err := w.letThrough(let{a.App, a.Kind, a.Person, a.Fingerprint, a.At}, judge); err != nil {
				return err
			}
		}
	}
	if !now.Same(w.spentAt, "spent") {
		w.spentAt = now
		if judge {
			return w.auditSources()
		}
	}
	return nil
}

// auditEndings looks at the ledger for accounts whose end was let through.
func (w *World) auditEndings(judge bool) error {
	for a, err := range all[provision.Account](w, "accounts") {
		if err != nil {
			return err
		}
		if unwanted := !a.UnwantedSince.IsZero(); unwanted != w.unwanted[a.ID] {
			w.unwanted[a.ID] = unwanted
			if !unwanted {
				w.returned[a.ID] = w.clock.now()
			}
		}
		was := w.admitted[a.ID]
		if a.Admitted.IsZero() {
			delete(w.admitted, a.ID)
			continue
		}
		w.admitted[a.ID] = a.Admitted
		l := let{a.App, provision.Removals, a.Person, a.ID.String(), a.Admitted}
		suspension := l
		suspension.kind = provision.Suspensions
		if _, known := w.lets[l]; known {
			continue
		}
		if _, known := w.lets[suspension]; known {
			continue
		}
		if a.Admitted.Before(was) && (w.setBack(l, was) || w.setBack(suspension, was)) {
			continue
		}
		if w.booked(suspension, "app/"+a.App) {
			l = suspension
		}
		if err := w.letThrough(l, judge); err != nil {
			return err
		}
		if judge && w.lets[l] {
			if err := w.emptied(l); err != nil {
				return err
			}
		}
	}
	return nil
}

// setBack lets a permit that is known by another time go by l's: Usher takes for now what it wrote down while the clock ran ahead. It
// reports whether there is such a permit.
func (w *World) setBack(l let, was time.Time) bool {
	old := l
	old.at = was
	counts, known := w.lets[old]
	if known {
		delete(w.lets, old)
		w.lets[l] = counts
		w.older[l] = true
	}
	return known
}

// letThrough notes that somebody was let through, and judges it.
func (w *World) letThrough(l let, judge bool) error {
	if _, known := w.lets[l]; known {
		return nil
	}
	counts := w.booked(l, "app/"+l.app)
	w.lets[l] = counts
	w.through(l.app, l.person, l.kind)
	switch {
	case !judge:
		return nil
	case !counts && w.confirming:
		w.excuse("an administrator confirmed an edit of the mapping, whose effects have no budget")
		return nil
	case !counts:
		return broken("work stays within the budgets", "%s of %s in %s was let through and is not in the books", l.kind, w.name(l.person), l.app)
	}
	return w.withinBudget(l)
}

// through notes that somebody was let through, by a budget or by an administrator.
func (w *World) through(app string, p uuid.UUID, kind provision.Kind) {
	if w.ever[p] == nil {
		w.ever[p] = map[provision.Kind]map[string]bool{}
	}
	if w.ever[p][kind] == nil {
		w.ever[p][kind] = map[string]bool{}
	}
	w.ever[p][kind][app] = true
}

// booked reports whether a person counts for a scope at the time of being let through.
func (w *World) booked(l let, scope string) bool {
	window := w.window(func(d document) limit { return d.apps[l.app].budgets[l.kind] })
	for s, err := range all[spent](w, "spent") {
		if err == nil && s.Scope == scope && s.Kind == l.kind && s.Person == l.person && s.At.After(l.at.Add(-window.window-time.Millisecond)) {
			return true
		}
	}
	return false
}

// window is the widest budget of the documents that somebody may have been judged by.
func (w *World) window(of func(document) limit) limit {
	var widest limit
	for _, d := range w.limits {
		l := of(d)
		widest.people, widest.window = max(widest.people, l.people), max(widest.window, l.window)
	}
	return widest
}

// withinBudget counts the people let through of the same kind in the same app. What was let through before the clock was set back counts
// from then on.
func (w *World) withinBudget(l let) error {
	var people map[uuid.UUID]bool
	for i := len(w.limits) - 1; i >= 0; i-- {
		rule := w.limits[i].apps[l.app].budgets[l.kind]
		count := map[uuid.UUID]bool{}
		for other, counts := range w.lets {
			at := other.at
			if moved, ok := w.setTo[other]; ok {
				at = moved
			}
			if counts && other.app == l.app && other.kind == l.kind && at.After(l.at.Add(-rule.window)) {
				count[other.person] = true
			}
		}
		if len(count) <= rule.people {
			if people != nil {
				w.excuse("the mapping changed while somebody was let through, and the budget before was wider")
			}
			return nil
		}
		if people == nil {
			people = count
		}
	}
	return broken("work stays within the budgets", "%s in %s of %d people: %s", l.kind, l.app, len(people), w.names(people))
}

// inForce notes the document that somebody may be judged by from now on; whoever is judged at this moment may be judged by the one before.
func (w *World) inForce(d document) {
	w.limits = append(w.limits, d)
	w.limits = w.limits[max(0, len(w.limits)-2):]
}

// auditSources counts the people whom each source's changes touched.
func (w *World) auditSources() error {
	counts := map[string]map[uuid.UUID]bool{}
	now := w.clock.now()
	for s, err := range all[spent](w, "spent") {
		if err != nil {
			return err
		}
		if len(s.Scope) < 7 || s.Scope[:7] != "source/" {
			continue
		}
		rule := perSource[s.Kind]
		if !s.At.After(now.Add(-rule.window)) {
			continue
		}
		key := s.Scope + " " + string(s.Kind)
		if counts[key] == nil {
			counts[key] = map[uuid.UUID]bool{}
		}
		counts[key][s.Person] = true
		if len(counts[key]) > rule.people {
			return broken("work stays within the budgets", "%s: %d people within %s: %s", key, len(counts[key]), rule.window, w.names(counts[key]))
		}
	}
	return nil
}

// emptied: two people or more of one batch, after whom nobody has an account of the app, are never let through unasked.
func (w *World) emptied(l let) error {
	batch, stay := map[uuid.UUID]bool{}, 0
	for a, err := range all[provision.Account](w, "accounts") {
		switch {
		case err != nil:
			return err
		case a.App != l.app || a.State.Over() || a.State == provision.Creating:
		case a.Admitted.Equal(l.at) && w.causeOf(l.app, a.Person) == w.causeOf(l.app, l.person) && w.ofBatch(let{l.app, l.kind, a.Person, a.ID.String(), l.at}):
			batch[a.Person] = true
		case a.UnwantedSince.IsZero():
			stay++
		}
	}
	if len(batch) > 1 && stay == 0 {
		return broken("an app is never emptied unasked", "%s: %s", l.app, w.names(batch))
	}
	return nil
}

// ofBatch reports whether somebody was let through at that moment, and not before the clock was set back to it.
func (w *World) ofBatch(l let) bool { return w.lets[l] && !w.older[l] }

// causeOf is the source whose change made somebody's item: batches are told apart by it.
func (w *World) causeOf(app string, p uuid.UUID) string {
	for it, err := range all[provision.Item](w, "items") {
		if person, ok := it.Person(); err == nil && ok && it.App == app && person == p {
			return it.Source
		}
	}
	return ""
}

// allowed reports whether somebody was let through for a kind of work in an app, or an administrator approved it.
func (w *World) allowed(app string, p uuid.UUID, kind provision.Kind) (bool, error) {
	if w.ever[p][kind][app] {
		return true, nil
	}
	for h, err := range all[provision.Hold](w, "holds") {
		if err != nil {
			return false, err
		}
		if h.App == app && h.Person == p && h.State == provision.HoldApproved && h.Work == kind {
			return true, nil
		}
	}
	return false, nil
}
