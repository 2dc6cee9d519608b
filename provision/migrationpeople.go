package provision

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
)

// match is somebody of one source who may be one user of another.
type match struct {
	person, user   uuid.UUID
	called, callee string
}

// matchPeople finds, for each active user of a source, the same person's user of the source that takes over: linked already, or with a name in
// common and to be linked. Only one to one: everything else is a question.
func (e *Engine) matchPeople(ctx context.Context, src directory.Source, m *Migration) error {
	var matches []match
	likes := map[uuid.UUID]int{} // how many people a user is like whom nobody else holds
	var after uuid.UUID
	for {
		var all []directory.Counterpart
		next := after
		err := e.o.Store.View(ctx, func(r store.Reader) error {
			var err error
			all, next, err = e.o.Directory.CounterpartsIn(r, src.ID, m.to.ID, after, expandSlice)
			return err
		})
		if err != nil {
			return err
		}
		for _, c := range all {
			for _, like := range c.Candidates {
				if like.Alone {
					likes[like.Person]++
				}
			}
			if one, ok := m.match(c); ok {
				matches = append(matches, one)
			}
		}
		if next == uuid.Nil {
			break
		}
		after = next
	}
	m.links = &directory.Links{Source: m.to.ID, Users: map[uuid.UUID]uuid.UUID{}, Gone: map[uuid.UUID]bool{}}
	return e.o.Store.View(ctx, func(r store.Reader) error {
		matched, ambiguous, occupied := m.Matched, m.Ambiguous, m.Occupied
		clear(m.links.Users)
		clear(m.links.Gone)
		m.doubles = map[uuid.UUID]bool{}
		for user := range likes {
			m.doubles[user] = true
		}
		for _, one := range matches {
			has, err := hasAccounts(r, one.user)
			if err != nil {
				return err
			}
			who := func(text string) func() Affected {
				return func() Affected { return Affected{one.person, one.called, text} }
			}
			switch {
			case likes[one.user] > 1:
				ambiguous.add(who(one.callee + " is like somebody else too"))
			case has:
				occupied.add(who(one.callee + " has accounts of its own"))
			default:
				matched.add(who(one.callee))
				m.links.Users[one.person], m.links.Gone[one.user] = one.user, true
				delete(m.doubles, one.user)
			}
		}
		m.Matched, m.Ambiguous, m.Occupied = matched, ambiguous, occupied
		return nil
	})
}

// match counts one active user of the source, and returns the other source's user that it is, unless that is a question.
func (m *Migration) match(c directory.Counterpart) (match, bool) {
	who := func(text string) func() Affected {
		return func() Affected { return Affected{c.Person, c.UserName, text} }
	}
	if c.Out {
		m.Out.add(who(fmt.Sprintf("%s says active: false, and that goes on counting. Once %s is removed, usher source readmit %s lifts it", m.From, m.From, m.From)))
		return match{}, false
	}
	m.Active++
	switch {
	case c.Linked && c.Active:
		m.Linked++
	case c.Linked:
		m.Inactive.add(who(m.To + " says active: false, so the person has no access already"))
	case c.Barred:
		m.Inactive.add(who(m.To + " deleted the user, or the person is terminated"))
	case len(c.Candidates) == 0:
		m.Unknown.add(who("nobody in " + m.To + " has the same userName, e-mail address or externalId"))
	case len(c.Candidates) > 1:
		m.Ambiguous.add(who(fmt.Sprintf("%s and %s have a name in common with them", c.Candidates[0].UserName, c.Candidates[1].UserName)))
	case !c.Candidates[0].Alone:
		m.Ambiguous.add(who(c.Candidates[0].UserName + " is known to another source as somebody else, or terminated"))
	case !c.Candidates[0].Active:
		m.Inactive.add(who(c.Candidates[0].UserName + " is inactive in " + m.To))
	default:
		return match{person: c.Person, user: c.Candidates[0].Person, called: c.UserName, callee: c.Candidates[0].UserName}, true
	}
	return match{}, false
}

// hasAccounts reports whether a person has accounts that are not over.
func hasAccounts(r store.Reader, person uuid.UUID) (bool, error) {
	for a, err := range accounts.Find(r, byPerson, store.Key(person[:])) {
		if err != nil || !a.State.Over() {
			return err == nil, err
		}
	}
	return false, nil
}
