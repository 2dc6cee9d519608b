package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// PersonIn returns a person as the merge of all its records (scim.md laws 16 and
// 19), with all its memberships. A person that nobody holds, or nobody ever knew, is no error: it is
// inactive and says so.
func (d *Directory) PersonIn(r store.Reader, id uuid.UUID) (Person, error) {
	person, _, err := d.merged(r, id)
	if err != nil {
		return Person{}, fmt.Errorf("read person %s: %w", id, err)
	}
	person.Memberships, err = d.memberships(r, id)
	if err != nil {
		return Person{}, fmt.Errorf("read person %s: %w", id, err)
	}
	return person, nil
}

// merged reads and merges the records of a person; the memberships are left out.
func (d *Directory) merged(r store.Reader, id uuid.UUID) (Person, []holding, error) {
	person := Person{ID: id}
	var sources []*Source
	var holdings []holding
	for _, data := range r.Range(d.sources.Name(), nil, nil) {
		source, err := d.known.shared(data)
		if err != nil {
			return person, nil, err
		}
		sources = append(sources, source)
		record, err := found(d.records.Get(r, pair(source.ID, id)))
		if err != nil {
			return person, nil, err
		}
		if record != nil {
			holdings = append(holdings, holding{Record: *record, source: source})
		}
	}
	var denies []Deny
	for deny, err := range d.denies.Scan(r, id[:]) {
		if err != nil {
			return person, nil, err
		}
		denies = append(denies, *deny)
	}
	var err error
	if person.Terminated, err = d.TerminatedIn(r, id); err != nil {
		return person, nil, err
	}
	err = mergePerson(&person, holdings, denies, sources)
	return person, holdings, err
}

// PersonExists reports whether a source holds the person.
func (d *Directory) PersonExists(r store.Reader, id uuid.UUID) (bool, error) {
	return d.heldBy(r, id, uuid.Nil)
}

// PersonsIn returns the next n persons that somebody holds behind after (uuid.Nil:
// from the first), in the order of their ids, each once.
func (d *Directory) PersonsIn(r store.Reader, after uuid.UUID, n int) ([]uuid.UUID, error) {
	var persons []uuid.UUID
	for source := range r.Range(d.sources.Name(), nil, nil) {
		taken := 0
		for key, err := range rangeKeys(r, d.records.Name(), source, behind(uuid.UUID(source), after)) {
			if err != nil {
				return nil, err
			}
			if taken++; taken > n {
				break
			}
			persons = append(persons, second(key))
		}
	}
	sortIDs(persons)
	persons = slices.Compact(persons)
	return persons[:min(n, len(persons))], nil
}

// Persons yields every person that somebody holds, each once, in the order of
// their ids. It reads in pages, each in a short transaction of its own: who comes or goes meanwhile may
// be among them or not. An error ends it.
func (d *Directory) Persons(ctx context.Context) iter.Seq2[uuid.UUID, error] {
	return func(yield func(uuid.UUID, error) bool) {
		var after uuid.UUID
		for {
			var page []uuid.UUID
			err := d.store.View(ctx, func(r store.Reader) error {
				var err error
				page, err = d.PersonsIn(r, after, MaxPage)
				return err
			})
			if err != nil {
				yield(uuid.Nil, wrap("list persons", err))
				return
			}
			for _, id := range page {
				if !yield(id, nil) {
					return
				}
			}
			if len(page) < MaxPage {
				return
			}
			after = page[len(page)-1]
		}
	}
}

// LookupIn returns the persons that a name means: a person's id, or a userName or e-mail address,
// folded, that any source has for them, also one that law 19 kept. They are in the order of their
// ids, at most MaxFound.
func (d *Directory) LookupIn(r store.Reader, name string) ([]uuid.UUID, error) {
	if id, ok := parseID(name); ok {
		held, err := d.PersonExists(r, id)
		if err != nil || held {
			return []uuid.UUID{id}, err
		}
	}
	if !searchable(name) {
		return nil, nil
	}
	var persons []uuid.UUID
	for _, index := range []string{byUserName, byEmail, byKept} {
		ids, err := d.personsBy(r, index, Fold(name))
		if err != nil {
			return nil, err
		}
		persons = append(persons, ids...)
	}
	sortIDs(persons)
	persons = slices.Compact(persons)
	return persons[:min(len(persons), MaxFound)], nil
}

// ResolveIn returns the person that a reference such as manager.value means: a person's id, else an
// externalId. Of the sources given (a reference is best read in the sources of who
// makes it, the best-ranked first) the first that knows the externalId decides; with none given any source
// does, as long as they agree. Nobody is NotFound.
func (d *Directory) ResolveIn(r store.Reader, reference string, sources ...uuid.UUID) (uuid.UUID, error) {
	nobody := &Error{Code: NotFound, Message: "the reference means no person, or more than one"}
	if id, ok := parseID(reference); ok {
		if held, err := d.PersonExists(r, id); err != nil || held {
			return id, err
		}
	}
	if reference == "" || !searchable(reference) {
		return uuid.Nil, nobody
	}
	for _, source := range sources {
		person, err := d.byExternalID(r, source, reference)
		if err != nil || person != uuid.Nil {
			return person, err
		}
	}
	if len(sources) > 0 {
		return uuid.Nil, nobody
	}
	persons, err := d.personsBy(r, byExternalID, reference)
	if err != nil {
		return uuid.Nil, err
	}
	sortIDs(persons)
	if persons = slices.Compact(persons); len(persons) != 1 {
		return uuid.Nil, nobody
	}
	return persons[0], nil
}

// byExternalID returns the person that a source knows by an externalId, uuid.Nil for none.
func (d *Directory) byExternalID(r store.Reader, source uuid.UUID, externalID string) (uuid.UUID, error) {
	key, err := d.records.LookupKey(r, byExternalID, in(externalID, source))
	if errors.Is(err, store.ErrNotFound) {
		return uuid.Nil, nil
	}
	if err != nil {
		return uuid.Nil, err
	}
	return second(key), nil
}

// personsBy returns the persons with a value in an index, whatever the source, at most MaxFound.
func (d *Directory) personsBy(r store.Reader, index, value string) ([]uuid.UUID, error) {
	var persons []uuid.UUID
	for key, err := range d.records.FindKeys(r, index, anywhere(value)) {
		if err != nil {
			return nil, err
		}
		if persons = append(persons, second(key)); len(persons) == MaxFound {
			break
		}
	}
	return persons, nil
}

func sortIDs(ids []uuid.UUID) {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
}
