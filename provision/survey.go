package provision

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// tallies are what was found of some people, of one slice or of all slices so far.
type tallies struct {
	people int
	apps   []appTally // in the order of previewer.pairs
	// caused counts the people whom the edit alone meets, by which kinds of work in which apps: that set, as bytes, is the key. There are
	// few different sets, for people of one group fare alike.
	caused map[string]int
}

type appTally struct {
	AppPreview
	seats seats
}

func newTallies(apps int) *tallies {
	return &tallies{apps: make([]appTally, apps), caused: map[string]int{}}
}

// join adds what was found after it.
func (t *tallies) join(after *tallies) {
	t.people += after.people
	for i := range after.apps {
		to, from := &t.apps[i], &after.apps[i]
		for _, pair := range [][2]*Tally{
			{&to.Create, &from.Create}, {&to.Return, &from.Return}, {&to.Change, &from.Change}, {&to.Demote, &from.Demote},
			{&to.Suspend, &from.Suspend}, {&to.Delete, &from.Delete}, {&to.Failing, &from.Failing},
		} {
			pair[0].join(*pair[1])
		}
		for kind, tally := range from.Hurts {
			to.hurt(kind, func(t *Tally) { t.join(tally) })
		}
		to.seats.join(from.seats)
	}
	for set, n := range after.caused {
		t.caused[set] += n
	}
}

func (a *appTally) hurt(kind Kind, change func(*Tally)) {
	if a.Hurts == nil {
		a.Hurts = map[Kind]Tally{}
	}
	t := a.Hurts[kind]
	change(&t)
	a.Hurts[kind] = t
}

// The sets of caused hold one byte for each app, with a bit for each kind.
func bit(kind Kind) byte { return 1 << slices.Index(Kinds(), kind) }

// over lists the kinds of which the edit brings an app more than its limit. A kind without one is not among them: a person approves
// each new administrator, whatever was confirmed.
func (t *tallies) over(app int, limits map[Kind]int) []Kind {
	var over []Kind
	for _, kind := range Kinds() {
		n := 0
		for set, people := range t.caused {
			if set[app]&bit(kind) != 0 {
				n += people
			}
		}
		if limit, ok := limits[kind]; ok && n > limit {
			over = append(over, kind)
		}
	}
	return over
}

// confirm counts the people who lose an account or what it can do through the edit, those of other kinds that are over a budget, and
// all of them together, each once.
func (t *tallies) confirm(apps []AppPreview) (losing, exceeding, confirm int) {
	ending, others := make([]byte, len(t.apps)), make([]byte, len(t.apps))
	for i := range t.apps {
		ending[i] = bit(Removals) | bit(Suspensions)
		for _, kind := range apps[i].Over {
			others[i] |= bit(kind) &^ ending[i]
		}
	}
	meets := func(set string, asked []byte) bool {
		for i := range asked {
			if set[i]&asked[i] != 0 {
				return true
			}
		}
		return false
	}
	for set, people := range t.caused {
		loses, exceeds := meets(set, ending), meets(set, others)
		if loses {
			losing += people
		}
		if exceeds {
			exceeding += people
		}
		if loses || exceeds {
			confirm += people
		}
	}
	return losing, exceeding, confirm
}

// everybody goes through the people of the directory, then through those whom only the ledger knows, a slice at a time and several slices
// at once. What they give is put together in the order of the slices, so the same people are named each time.
func (p *previewer) everybody(ctx context.Context) (*tallies, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type slice struct {
		persons []uuid.UUID
		found   chan *tallies
	}
	workers := max(1, min(runtime.GOMAXPROCS(0), 8))
	todo, order := make(chan slice), make(chan slice, workers)
	var once sync.Once
	var failed error
	fail := func(err error) {
		once.Do(func() { failed = err })
		cancel()
	}
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for s := range todo {
				found, err := p.slice(ctx, s.persons)
				if err != nil {
					fail(err)
				}
				s.found <- found
			}
		})
	}
	running.Go(func() {
		defer close(order)
		defer close(todo)
		err := p.slices(ctx, func(persons []uuid.UUID) {
			s := slice{persons: persons, found: make(chan *tallies, 1)}
			order <- s
			todo <- s
		})
		if err != nil {
			fail(err)
		}
	})
	all := newTallies(len(p.pairs))
	for s := range order {
		if found := <-s.found; found != nil {
			all.join(found)
		}
	}
	running.Wait()
	if failed != nil {
		return nil, failed
	}
	return all, ctx.Err()
}

// slices lists all people, at most expandSlice at a time.
func (p *previewer) slices(ctx context.Context, give func([]uuid.UUID)) error {
	for _, read := range []func(store.Reader, []byte) ([]uuid.UUID, []byte, error){p.people, p.ledgerOnly} {
		var at []byte
		for {
			var persons []uuid.UUID
			var next []byte
			err := p.o.Store.View(ctx, func(r store.Reader) error {
				var err error
				persons, next, err = read(r, at)
				return err
			})
			if err != nil {
				return err
			}
			if len(persons) > 0 {
				give(persons)
			}
			if next == nil {
				break
			}
			at = next
		}
	}
	return nil
}

func (p *previewer) ledgerOnly(r store.Reader, at []byte) ([]uuid.UUID, []byte, error) {
	all, next, err := ledgerPersons(r, at)
	if err != nil {
		return nil, nil, err
	}
	var only []uuid.UUID
	for _, id := range all {
		if slices.Contains(only, id) {
			continue
		}
		known, err := p.o.Directory.PersonExists(r, id)
		if err != nil {
			return nil, nil, err
		}
		if !known {
			only = append(only, id)
		}
	}
	return only, next, nil
}

// slice looks at some people in one transaction.
func (p *previewer) slice(ctx context.Context, persons []uuid.UUID) (*tallies, error) {
	var found *tallies
	err := p.o.Store.View(ctx, func(r store.Reader) error {
		found = newTallies(len(p.pairs))
		look := look{previewer: p, r: r, found: found, people: p.o.Directory.People(r, p.reads), set: make([]byte, len(p.pairs)), states: make([]pairState, len(p.pairs))}
		for i, pair := range p.pairs {
			state, err := appState(r, pair.ledger)
			if err != nil {
				return err
			}
			look.states[i] = pairState{self: state.Self, holds: some(holds.FindKeys(r, byPairKind, store.Key([]byte(pair.ledger)))), teams: some(teamChanges.Scan(r, store.Key([]byte(pair.ledger))))}
		}
		for _, id := range persons {
			if err := look.person(id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// some reports whether a sequence has an element.
func some[T any](all func(func(T, error) bool)) bool {
	for range all {
		return true
	}
	return false
}

// pairState is what a transaction says of an app, read once for all people of a slice.
type pairState struct {
	self         []string
	holds, teams bool // there are any
}

// look looks at people in one transaction.
type look struct {
	*previewer
	r      store.Reader
	people *directory.People
	found  *tallies
	states []pairState
	set    []byte
}

func (l *look) person(id uuid.UUID) error {
	person, err := l.people.Person(id)
	if err != nil {
		return err
	}
	l.found.people++
	clear(l.set)
	ledger, err := l.ledger(id)
	if err != nil {
		return err
	}
	for i, pair := range l.pairs {
		if err := l.inApp(i, pair, &person, ledger); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(l.set, func(b byte) bool { return b != 0 }) {
		l.found.caused[string(l.set)]++
	}
	return nil
}

// ledger returns the person's accounts in all apps that are not over.
func (l *look) ledger(id uuid.UUID) ([]Account, error) {
	var all []Account
	for a, err := range accounts.Find(l.r, byPerson, store.Key(id[:])) {
		if err != nil {
			return nil, err
		}
		if !a.State.Over() {
			all = append(all, *a)
		}
	}
	return all, nil
}

// inApp tallies one person in one app.
func (l *look) inApp(i int, pair *appPair, person *directory.Person, ledger []Account) error {
	out := &l.found.apps[i]
	want, err := l.next.Decide(pair.key, person, l.at)
	if err != nil {
		out.Failing.add(func() Affected { return Affected{person.ID, person.UserName, (&wantError{err}).Error()} })
		return nil
	}
	s := Situation{App: pair.enforced, Can: pair.conn.Can, Person: *person, Want: want, Now: l.at, Self: l.states[i].self}
	for _, a := range ledger {
		if a.App == pair.ledger {
			s.Accounts = append(s.Accounts, a)
		}
	}
	if !want.Wanted && len(s.Accounts) == 0 {
		return nil
	}
	if err := l.complete(&s, i, pair); err != nil {
		return err
	}
	next := s.Outcome()
	out.seats.add(s, next)
	if next.Fate == FateNone && len(next.Effects) == 0 {
		return nil
	}
	now, err := l.inForce(pair, s)
	if err != nil {
		return err
	}
	kinds := Caused(now, next)
	who := func(text string) func() Affected {
		return func() Affected { return Affected{person.ID, person.UserName, text} }
	}
	l.tally(out, s, next, kinds, who)
	if pair.next.Mode == mapping.Observe {
		return nil
	}
	for _, kind := range kinds {
		l.set[i] |= bit(kind)
		if kind != Removals && kind != Suspensions {
			out.hurt(kind, func(t *Tally) { t.add(who(effectText(next.Effects, kind))) })
		}
	}
	return nil
}

// complete reads what else a plan depends on.
func (l *look) complete(s *Situation, i int, pair *appPair) (err error) {
	if l.states[i].holds {
		if s.Holds, err = holdsOf(l.r, pair.ledger, s.Person.ID); err != nil {
			return err
		}
	}
	if len(s.Accounts) == 0 && s.Want.Wanted {
		if s.Namesake, err = l.o.Directory.NamesakeIn(l.r, &s.Person); err != nil {
			return err
		}
	}
	for k := range s.Accounts {
		if l.states[i].teams {
			if err := joined(l.r, &s.Accounts[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// inForce is what the mapping in force does to the same person at the same moment.
func (l *look) inForce(pair *appPair, s Situation) (Outcome, error) {
	if pair.now == nil {
		return Outcome{}, nil
	}
	want, err := l.current.Decide(pair.now.Key, &s.Person, l.at)
	if err != nil {
		return Outcome{}, nil //nolint:nilerr // what cannot be told counts as the edit's doing
	}
	s.App, s.Want = pair.now, want
	return s.Outcome(), nil
}

// tally counts the person where the fate belongs. Somebody who is on the way out already is counted when the edit makes it worse.
func (l *look) tally(out *appTally, s Situation, next Outcome, kinds []Kind, who func(string) func() Affected) {
	var to *Tally
	switch next.Fate {
	case FateNone:
		return
	case FateCreate:
		to = &out.Create
	case FateReturn:
		to = &out.Return
	case FateChange:
		to = &out.Change
	case FateDemote:
		to = &out.Demote
	case FateSuspend:
		to = &out.Suspend
	case FateDelete:
		to = &out.Delete
	}
	leaving := slices.ContainsFunc(s.Accounts, func(a Account) bool { return a.unwanted() })
	if next.Fate.Loses() && leaving && !slices.Contains(kinds, Removals) && !slices.Contains(kinds, Suspensions) {
		return
	}
	to.add(func() Affected {
		text := ""
		if w, err := l.next.Want(s.App.Key, &s.Person, l.at); err == nil {
			text = w.Text
		}
		if what := changes(s, next.Steps); what != "" && !next.Fate.Loses() {
			text = what + ": " + text
		}
		return who(text)()
	})
}

// effectText says what the effects of a kind do.
func effectText(effects []Effect, kind Kind) string {
	i := slices.IndexFunc(effects, func(e Effect) bool { return e.Kind == kind })
	if i < 0 {
		return ""
	}
	return effects[i].Text
}
