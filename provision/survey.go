package provision

import (
	"context"
	"iter"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// survey asks of everybody what a mapping does to them in some apps, and changes nothing. It reads in slices, several at once, so people who
// change meanwhile may be seen before or after; memory does not grow with the directory. It is only read while people are looked at.
type survey struct {
	*Engine
	mapping *mapping.Mapping // under which people are judged
	apps    []surveyed
	reads   []string // of people's profiles
	at      time.Time
	links   *directory.Links // people are judged as if these were made; nil: as they are
	// tell tallies a person in the app with the number i. In the situation everything that waits for a budget is given.
	tell func(l *look, i int, s Situation) error
}

// surveyed is an app under which people are judged.
type surveyed struct {
	app    *mapping.App
	conn   Connection
	ledger string // the key under which its accounts stand
}

// everybody goes through the people of the directory, then through those whom only the ledger knows, a slice at a time and several slices
// at once. What they give is put together in the order of the slices, so the same people are named each time.
func (v *survey) everybody(ctx context.Context) (*tallies, error) {
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
				found, err := v.slice(ctx, s.persons)
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
		err := v.slices(ctx, func(persons []uuid.UUID) {
			s := slice{persons: persons, found: make(chan *tallies, 1)}
			order <- s
			todo <- s
		})
		if err != nil {
			fail(err)
		}
	})
	all := newTallies(len(v.apps))
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
func (v *survey) slices(ctx context.Context, give func([]uuid.UUID)) error {
	for _, read := range []func(store.Reader, []byte) ([]uuid.UUID, []byte, error){v.people, v.ledgerOnly} {
		var at []byte
		for {
			var persons []uuid.UUID
			var next []byte
			err := v.o.Store.View(ctx, func(r store.Reader) error {
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

func (v *survey) ledgerOnly(r store.Reader, at []byte) ([]uuid.UUID, []byte, error) {
	all, next, err := ledgerPersons(r, at)
	if err != nil {
		return nil, nil, err
	}
	var only []uuid.UUID
	for _, id := range all {
		if slices.Contains(only, id) {
			continue
		}
		known, err := v.o.Directory.PersonExists(r, id)
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
func (v *survey) slice(ctx context.Context, persons []uuid.UUID) (*tallies, error) {
	var found *tallies
	err := v.o.Store.View(ctx, func(r store.Reader) error {
		found = newTallies(len(v.apps))
		l := look{
			survey: v, r: r, found: found, people: v.o.Directory.People(r, v.reads).As(v.links), unlinked: v.o.Directory.People(r, v.reads),
			caused: make([]byte, len(v.apps)), states: make([]surveyedState, len(v.apps)),
		}
		for i := range v.apps {
			ledger := v.apps[i].ledger
			state, err := appState(r, ledger)
			if err != nil {
				return err
			}
			l.states[i].self = state.Self
			if l.states[i].holds, err = some(holds.FindKeys(r, byPairKind, store.Key([]byte(ledger)))); err != nil {
				return err
			}
			if l.states[i].teams, err = some(teamChanges.Scan(r, store.Key([]byte(ledger)))); err != nil {
				return err
			}
		}
		for _, id := range persons {
			if err := l.person(id); err != nil {
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
func some[T any](all iter.Seq2[T, error]) (bool, error) {
	for _, err := range all {
		return err == nil, err
	}
	return false, nil
}

// surveyedState is what a transaction says of an app, read once for all people of a slice.
type surveyedState struct {
	self         []string
	holds, teams bool // there are any
}

// look looks at people in one transaction.
type look struct {
	*survey
	r        store.Reader
	people   *directory.People
	unlinked *directory.People // without the survey's links
	found    *tallies
	states   []surveyedState
	// caused has the kinds of work that the person at hand meets, see tallies.caused.
	caused []byte
}

func (l *look) person(id uuid.UUID) error {
	person, err := l.people.Person(id)
	if err != nil {
		return err
	}
	l.found.people++
	clear(l.caused)
	history, err := l.history(id)
	if err != nil {
		return err
	}
	for i := range l.apps {
		if err := l.inApp(i, &person, history); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(l.caused, func(b byte) bool { return b != 0 }) {
		l.found.caused[string(l.caused)]++
	}
	return nil
}

// history returns the person's accounts in all apps, the oldest first: those that are not over, and those that a restore found missing.
func (l *look) history(id uuid.UUID) ([]Account, error) {
	var all []Account
	for a, err := range accounts.Find(l.r, byPerson, store.Key(id[:])) {
		if err != nil {
			return nil, err
		}
		if !a.State.Over() || !a.Restored.IsZero() {
			all = append(all, *a)
		}
	}
	return all, nil
}

// inApp judges one person in one app.
func (l *look) inApp(i int, person *directory.Person, history []Account) error {
	at := &l.apps[i]
	want, err := l.mapping.Decide(at.app.Key, person, l.at)
	if err != nil {
		l.found.apps[i].Failing.add(func() Affected { return Affected{person.ID, person.UserName, (&wantError{err}).Error()} })
		return nil //nolint:nilerr // it is told, and keeps nobody else from being looked at
	}
	app := at.app
	if own, ok := l.mapping.AppFor(app.Key, person); ok && l.mapping.For(person) != l.mapping {
		app = enforced(own) // the version of a ring; a survey looks at apps as if enforced
	}
	s := Situation{App: app, Can: at.conn.Can, Person: *person, Want: want, Now: l.at, Self: l.states[i].self}
	var over []Account
	for _, a := range history {
		switch {
		case a.App != at.ledger:
		case a.State.Over():
			over = append(over, a)
		default:
			s.Accounts = append(s.Accounts, a)
		}
	}
	if !want.Wanted && len(s.Accounts) == 0 {
		return nil
	}
	if err := l.complete(&s, i, over); err != nil {
		return err
	}
	s.undone()
	return l.tell(l, i, s)
}

// complete reads what else a plan depends on.
func (l *look) complete(s *Situation, i int, over []Account) (err error) {
	if l.states[i].holds {
		if s.Holds, err = holdsOf(l.r, l.apps[i].ledger, s.Person.ID); err != nil {
			return err
		}
	}
	if len(s.Accounts) == 0 && s.Want.Wanted {
		if s.Namesake, err = l.o.Directory.NamesakeIn(l.r, &s.Person); err != nil {
			return err
		}
		if s.Missing, err = missingSinceRestore(l.r, over); err != nil {
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

// affected names the person of a situation, with the reason as the survey's mapping tells it, behind what is done where that is not "".
func (l *look) affected(s *Situation, what string) Affected {
	text := ""
	if w, err := l.mapping.Want(s.App.Key, &s.Person, l.at); err == nil {
		text = w.Text
	}
	if what != "" {
		text = what + ": " + text
	}
	return Affected{s.Person.ID, s.Person.UserName, text}
}
