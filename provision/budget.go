package provision

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// A purse is one budget's account book: the people whom one kind of work touched in one app, or through
// one source in all apps, within the window. Each person counts once.
type purse struct {
	name    string // of the scope, see appPurse and sourcePurse
	limit   int
	window  time.Duration
	persons map[uuid.UUID]bool
}

// with returns how many people the purse would hold with these, and whether that is more than its limit.
func (p *purse) with(batch []uuid.UUID) (count int, over bool) {
	count = len(p.persons)
	seen := make(map[uuid.UUID]bool, len(batch))
	for _, person := range batch {
		if !p.persons[person] && !seen[person] {
			seen[person] = true
			count++
		}
	}
	return count, count > p.limit && len(seen) > 0
}

// rule is the budget of a kind of work; the zero one for a kind that has none (a person approves each).
func rule(b mapping.Budgets, k Kind) mapping.Budget {
	switch k {
	case Removals:
		return b.Budget
	case Suspensions:
		return b.Suspensions
	case Creates:
		return b.Creates
	case Identities:
		return b.Identities
	case Reductions:
		return b.Reductions
	default:
		return mapping.Budget{}
	}
}

// spent counts one person towards the purses of a scope and kind.
type spent struct {
	Scope  string    `json:"scope"`
	Kind   Kind      `json:"kind"`
	Person uuid.UUID `json:"person"`
	At     time.Time `json:"at"`
}

func (s *spent) key() []byte {
	return store.Key([]byte(s.Scope), []byte(s.Kind), store.Time(s.At), s.Person[:])
}

var spendings = store.NewTable("spent", func(s *spent) []byte { return s.key() }, nil)

func appPurse(app string) string       { return "app/" + app }
func sourcePurse(source string) string { return "source/" + source }

// books are the purses as one transaction sees and changes them.
type books struct {
	dir     *directory.Directory
	mapping *mapping.Mapping
	app     *mapping.App
	now     time.Time
	purses  map[string]*purse
	held    map[string]bool // whether work of a source and kind is held in the app
}

func (e *Engine) books(m *mapping.Mapping, app *mapping.App, now time.Time) *books {
	return &books{dir: e.o.Directory, mapping: m, app: app, now: now, purses: map[string]*purse{}, held: map[string]bool{}}
}

// verdict is what the budgets say of a batch.
type verdict struct {
	held  bool
	joins bool // the batch alone would fit; what came before it of the same source and kind is held
	text  string
	limit int
}

// weigh judges work of one kind on a batch of persons, which one source caused, as a whole. Waiting are
// further persons for whom the same source's work of the kind waits in other apps: they count for the source.
func (b *books) weigh(r store.Reader, kind Kind, source string, batch, waiting []uuid.UUID) (verdict, error) {
	purses, err := b.of(r, kind, source)
	if err != nil {
		return verdict{}, err
	}
	v := verdict{limit: purses[0].limit}
	for i, p := range purses {
		all := batch
		if i > 0 {
			all = append(append([]uuid.UUID(nil), batch...), waiting...)
		}
		if count, over := p.with(all); over {
			v.held, v.limit = true, p.limit
			v.text, err = b.overText(r, p, kind, source, len(batch), count)
			return v, err
		}
	}
	if v.held, err = b.holding(r, kind, source); v.held && err == nil {
		v.joins = true
		v.text = fmt.Sprintf("other %s in %s by the same source are held; this joins them", plural(kind), b.app.Key)
	}
	return v, err
}

// spend counts a person whose work was let through.
func (b *books) spend(tx store.Tx, kind Kind, source string, person uuid.UUID) error {
	purses, err := b.of(tx, kind, source)
	if err != nil {
		return err
	}
	for _, p := range purses {
		if p.persons[person] {
			continue
		}
		p.persons[person] = true
		if err := spendings.Put(tx, &spent{Scope: p.name, Kind: kind, Person: person, At: b.now}); err != nil {
			return err
		}
	}
	return nil
}

// of returns the purse of the app, and that of the source where the cause is one.
func (b *books) of(r store.Reader, kind Kind, source string) ([]*purse, error) {
	own := rule(b.app.Budget, kind)
	app, err := b.open(r, appPurse(b.app.Key), kind, own, func(enough int) (int, error) {
		return countStanding(r, b.app.Key, enough)
	})
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(source)
	if err != nil {
		return []*purse{app}, nil //nolint:nilerr // an administrator, or time: no source's budget
	}
	shared := rule(b.mapping.SourceBudget(), kind)
	src, err := b.open(r, sourcePurse(source), kind, shared, func(int) (int, error) {
		return b.dir.CountUsersIn(r, id), nil
	})
	return []*purse{app, src}, err
}

// open reads a purse once. What was spent later than now counts too: a clock that was set back gives no room.
func (b *books) open(r store.Reader, scope string, kind Kind, rule mapping.Budget, total func(enough int) (int, error)) (*purse, error) {
	key := scope + " " + string(kind)
	if p := b.purses[key]; p != nil {
		return p, nil
	}
	enough := 0
	if rule.Percent > 0 {
		enough = rule.AtMost*100/rule.Percent + 1
	}
	n, err := total(enough)
	if err != nil {
		return nil, err
	}
	p := &purse{name: scope, limit: rule.Limit(n), window: rule.Window, persons: map[uuid.UUID]bool{}}
	prefix := store.Key([]byte(scope), []byte(kind))
	from := store.Key([]byte(scope), []byte(kind), store.Time(b.now.Add(-rule.Window)))
	for _, value := range r.Range(spendings.Name(), from, store.PrefixEnd(prefix)) {
		var s spent
		if err := json.Unmarshal(value, &s); err != nil {
			return nil, fmt.Errorf("read what was spent of a budget: %w", err)
		}
		p.persons[s.Person] = true
	}
	b.purses[key] = p
	return p, nil
}

// holding reports whether work of the kind by the source is held in the app: what comes later joins it.
func (b *books) holding(r store.Reader, kind Kind, source string) (bool, error) {
	key := string(kind) + " " + source
	if held, known := b.held[key]; known {
		return held, nil
	}
	b.held[key] = false
	for h, err := range holds.Find(r, byHoldState, store.Key([]byte(HoldOpen), []byte(b.app.Key))) {
		if err != nil {
			return false, err
		}
		if h.Kind == HoldBudget && h.Work == kind && h.Source == source {
			b.held[key] = true
			break
		}
	}
	return b.held[key], nil
}

// overText says what is over which budget. For what is judged one by one it is the same for everybody, so that it is one question.
func (b *books) overText(r store.Reader, p *purse, kind Kind, source string, batch, count int) (string, error) {
	window := windowText(p.window)
	if id, err := uuid.Parse(source); err == nil && p.name == sourcePurse(source) {
		name := "the source"
		s, err := b.dir.SourceIn(r, id)
		if err == nil {
			name = s.Name
		}
		return fmt.Sprintf("%s: more %s than the budget of a source; it is %d of %s's %d users in %s",
			b.app.Key, plural(kind), p.limit, name, b.dir.CountUsersIn(r, id), window), nil
	}
	total, err := countStanding(r, b.app.Key, 0)
	if err != nil {
		return "", err
	}
	switch kind {
	case Removals, Suspensions:
		return fmt.Sprintf("%s would lose %s (%d with those of the last %s); the budget is %d of %d accounts",
			people(batch), b.app.Key, count, window, p.limit, total), nil
	default:
		return fmt.Sprintf("more %s in %s than its budget; it is %d in %s, with %d accounts", plural(kind), b.app.Key, p.limit, window, total), nil
	}
}

func plural(k Kind) string {
	switch k {
	case Removals:
		return "removals"
	case Suspensions:
		return "suspensions"
	case Creates:
		return "new accounts"
	case AdminGrants:
		return "new administrators"
	case Identities:
		return "changes of address"
	case Reductions:
		return "reductions"
	default:
		return string(k)
	}
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

// weighPending lets the effects through for which there is room, or which an administrator confirmed with the edit
// that causes them, and holds the others. The situation knows both afterwards.
func (j *judge) weighPending(tx *txn, it *Item, s *Situation, pending []Effect) error {
	for _, e := range pending {
		if it.Exceeds && j.alone(it) {
			if err := j.admit(tx, it, s, e); err != nil {
				return err
			}
			continue
		}
		v, err := j.books.weigh(tx, e.Kind, it.Source, []uuid.UUID{s.Person.ID}, nil)
		if err != nil {
			return err
		}
		if !v.held {
			if err := j.books.spend(tx, e.Kind, it.Source, s.Person.ID); err != nil {
				return err
			}
			if err := j.admit(tx, it, s, e); err != nil {
				return err
			}
			continue
		}
		spec := HoldSpec{Kind: HoldBudget, Fingerprint: e.Fingerprint, Work: e.Kind, Text: v.text, Fix: budgetFix}
		if err := j.openHold(tx, it, s.Person.ID, spec); err != nil {
			return err
		}
		j.books.held[string(e.Kind)+" "+it.Source] = true
		if s.Holds, err = holdsOf(tx, it.App, s.Person.ID); err != nil {
			return err
		}
	}
	return nil
}

const budgetFix = "look at who it is; `usher approve` lets it go on, `usher reject` leaves things as they are"

func (j *judge) admit(tx store.Tx, it *Item, s *Situation, e Effect) error {
	a := Admission{App: it.App, Person: s.Person.ID, Kind: e.Kind, Fingerprint: e.Fingerprint, At: j.now}
	s.Admitted = append(s.Admitted, a)
	return admissions.Put(tx, &a)
}

// consume ends admissions and decisions on effects that the plan does not have any more: they took place, or the reason
// went. The same effect at another time is a new question.
func (j *judge) consume(tx store.Tx, s *Situation, plan Plan) error {
	asked := func(k Kind, fingerprint string) bool {
		for _, e := range plan.Effects {
			if e.Kind == k && e.Fingerprint == fingerprint {
				return true
			}
		}
		return false
	}
	for i := range s.Admitted {
		a := &s.Admitted[i]
		if asked(a.Kind, a.Fingerprint) {
			continue
		}
		err := admissions.Delete(tx, a.key())
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	for i := range s.Holds {
		h := &s.Holds[i]
		ending := h.Work == "" || h.Work == Removals || h.Work == Suspensions // their fingerprint names the episode
		if ending || (h.State != HoldApproved && h.State != HoldRejected) || asked(h.Work, h.Fingerprint) {
			continue
		}
		h.State, h.Decided = HoldClosed, j.now
		if err := holds.Put(tx, h); err != nil {
			return err
		}
	}
	return nil
}
