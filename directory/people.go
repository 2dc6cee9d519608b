package directory

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// People reads many persons in one transaction, for callers who go through the directory. It remembers sources and groups between two
// persons, so it serves one slice of people and is used by one goroutine.
type People struct {
	d       *Directory
	r       store.Reader
	names   []string
	sources []*Source
	groups  map[uuid.UUID]*Group
	links   *Links
}

// Links are users of one source that are somebody else's: what Link would make so.
type Links struct {
	Source uuid.UUID
	Users  map[uuid.UUID]uuid.UUID // by the person they would be linked to
	Gone   map[uuid.UUID]bool      // the ids of those users, under which there would be nobody
}

// People returns a reader of persons as r sees them. Their profiles have the named attributes, extensions by their URN, and may have others:
// who knows which ones are looked at is spared the rest.
func (d *Directory) People(r store.Reader, names []string) *People {
	return &People{d: d, r: r, names: names, groups: map[uuid.UUID]*Group{}}
}

// As makes Person answer as if users had been linked. It is called before the first Person, and returns p. Nil links are none.
func (p *People) As(links *Links) *People {
	p.links = links
	return p
}

// Person is PersonIn, with the named attributes of the profile.
func (p *People) Person(id uuid.UUID) (Person, error) {
	person, err := p.read(id)
	if err != nil {
		return Person{}, fmt.Errorf("read person %s: %w", id, err)
	}
	return person, nil
}

func (p *People) read(id uuid.UUID) (Person, error) {
	person := Person{ID: id}
	if p.sources == nil {
		for _, data := range p.r.Range(p.d.sources.Name(), nil, nil) {
			source, err := p.d.known.shared(data)
			if err != nil {
				return person, err
			}
			p.sources = append(p.sources, source)
		}
	}
	var holdings []holding
	linked := p.linked(id)
	for _, source := range p.sources {
		key := id
		if p.links != nil && source.ID == p.links.Source && (linked != uuid.Nil || p.links.Gone[id]) {
			key = linked
		}
		record, err := found(p.d.records.Get(p.r, pair(source.ID, key)))
		if err != nil {
			return person, err
		}
		if record != nil {
			holdings = append(holdings, holding{Record: *record, source: source})
		}
	}
	var denies []Deny
	for deny, err := range p.d.denies.Scan(p.r, id[:]) {
		if err != nil {
			return person, err
		}
		denies = append(denies, *deny)
	}
	var err error
	if person.Terminated, err = p.d.TerminatedIn(p.r, id); err != nil {
		return person, err
	}
	if !mergeOne(&person, holdings, denies, p.names) {
		if err := mergePerson(&person, holdings, denies, p.sources); err != nil {
			return person, err
		}
	}
	if err := p.memberships(&person); err != nil {
		return person, err
	}
	return person, nil
}

// linked is the id under which the user is kept that the person would be linked to, uuid.Nil for none.
func (p *People) linked(id uuid.UUID) uuid.UUID {
	if p.links == nil {
		return uuid.Nil
	}
	return p.links.Users[id]
}

func (p *People) memberships(person *Person) error {
	if p.links != nil && p.links.Gone[person.ID] {
		return nil
	}
	if err := p.membershipsOf(person, person.ID); err != nil {
		return err
	}
	if linked := p.linked(person.ID); linked != uuid.Nil {
		return p.membershipsOf(person, linked)
	}
	return nil
}

func (p *People) membershipsOf(person *Person, id uuid.UUID) error {
	for key := range p.r.Range(membershipsTable, id[:], store.PrefixEnd(id[:])) {
		id := second(key)
		group := p.groups[id]
		if group == nil {
			var err error
			if group, err = p.d.groups.Get(p.r, key[16:]); err != nil {
				return fmt.Errorf("read a group of the person: %w", err)
			}
			p.groups[id] = group
		}
		person.Memberships = append(person.Memberships, Membership{Group: group.ID, Source: group.Source, Name: group.Name, Deleted: group.Deleted})
	}
	return nil
}

// mergeOne is mergePerson for the ordinary case: one holder, who is active and says what it says. It reports whether that is the case.
func mergeOne(person *Person, holdings []holding, denies []Deny, names []string) bool {
	if person.Terminated != nil || len(holdings) != 1 || len(denies) > 0 || len(holdings[0].Kept) > 0 || !holdings[0].Active {
		return false
	}
	h := &holdings[0]
	var room [quickNames]attribute
	attributes, ok := attributesOf(room[:0], h.Attributes)
	if !ok || escapedName(attributes) {
		return false
	}
	profile := make(map[string]any, len(names))
	for _, a := range attributes {
		i := slices.IndexFunc(names, func(name string) bool { return name == string(a.name) })
		if i < 0 {
			continue
		}
		if mergeAttribute(profile, names[i], json.RawMessage(a.value)) != nil {
			return false
		}
	}
	// These are the record's own, whatever the attributes say.
	for _, name := range [...]string{"userName", "externalId", "active", "emails"} {
		if slices.Contains(names, name) {
			return false
		}
	}
	person.Profile, person.Active, person.Emails, person.UserName = profile, true, h.Emails, h.UserName
	person.Holders = []Holder{{Source: h.Source, Name: h.source.Name, Active: true}}
	return true
}
