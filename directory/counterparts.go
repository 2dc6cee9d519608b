package directory

import (
	"slices"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Counterpart is what another source has of somebody whom a source says to be active, or of whom the two say different things.
type Counterpart struct {
	Person   uuid.UUID
	UserName string
	Out      bool // the source says inactive, and the other one active
	Linked   bool // the other source has a record of the same person
	Active   bool // Linked: what that record says
	Barred   bool // not Linked: the other source deleted its user of the person, or the person is terminated
	// Candidates are, where not linked, the users of the other source with a userName, an e-mail address or the externalId in common.
	Candidates []Candidate
}

// Candidate is a user that may be somebody's whom another source knows under another id.
type Candidate struct {
	Person   uuid.UUID
	UserName string
	Active   bool
	Alone    bool // no other source holds that person, and nobody terminated it
}

// CounterpartsIn compares the next n users of the source from behind after (uuid.Nil: from the first), in the order of their ids, with those
// of the source to. Users whom from says to be inactive are left out, unless to says that they are active. last is the one to go on behind; uuid.Nil when there are no more. userNames and
// addresses are compared folded, externalIds exactly.
func (d *Directory) CounterpartsIn(r store.Reader, from, to uuid.UUID, after uuid.UUID, n int) (all []Counterpart, last uuid.UUID, err error) {
	seen := 0
	for record, err := range d.records.ScanAfter(r, from[:], behind(from, after)) {
		if err != nil {
			return nil, uuid.Nil, err
		}
		if seen++; seen > n {
			return all, last, nil
		}
		last = record.Person
		c := Counterpart{Person: record.Person, UserName: record.knownAs(), Out: !record.Active}
		other, err := found(d.records.Get(r, pair(to, record.Person)))
		if err != nil {
			return nil, uuid.Nil, err
		}
		if c.Out && (other == nil || !other.Active) {
			continue
		}
		if other != nil {
			c.Linked, c.Active = true, other.Active
		} else if c.Barred, err = d.barred(r, record.Person, to); err != nil {
			return nil, uuid.Nil, err
		} else if c.Candidates, err = d.candidates(r, record, to); err != nil {
			return nil, uuid.Nil, err
		}
		all = append(all, c)
	}
	return all, uuid.Nil, nil
}

// barred reports whether no user of a source may be linked to a person.
func (d *Directory) barred(r store.Reader, person, source uuid.UUID) (bool, error) {
	terminated, err := d.TerminatedIn(r, person)
	if err != nil || terminated != nil {
		return true, err
	}
	return has(r, d.denies.Name(), pair(person, source))
}

// candidates finds the users of a source that may be whom a record of another source is about.
func (d *Directory) candidates(r store.Reader, record *Record, to uuid.UUID) ([]Candidate, error) {
	var persons []uuid.UUID
	note := func(keys keys) error {
		for key, err := range keys {
			if err != nil {
				return err
			}
			if id := second(key); !slices.Contains(persons, id) {
				persons = append(persons, id)
			}
		}
		return nil
	}
	names := []string{Fold(record.knownAs())}
	for _, address := range record.addresses() {
		if name := Fold(address); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		for _, index := range []string{byUserName, byEmail} {
			if err := note(d.records.FindKeys(r, index, in(name, to))); err != nil {
				return nil, err
			}
		}
	}
	if record.ExternalID != "" {
		if err := note(d.records.FindKeys(r, byExternalID, in(record.ExternalID, to))); err != nil {
			return nil, err
		}
	}
	all := make([]Candidate, 0, len(persons))
	for _, id := range persons {
		user, err := d.records.Get(r, pair(to, id))
		if err != nil {
			return nil, err
		}
		others, err := d.heldBy(r, id, to)
		if err != nil {
			return nil, err
		}
		terminated, err := d.TerminatedIn(r, id)
		if err != nil {
			return nil, err
		}
		all = append(all, Candidate{Person: id, UserName: user.UserName, Active: user.Active, Alone: !others && terminated == nil})
	}
	return all, nil
}
