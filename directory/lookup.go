package directory

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// ReadOption says how much of a user is read.
type ReadOption int

// WithoutGroups leaves User.Groups empty and does not read them.
const WithoutGroups ReadOption = 1

// User returns the source's record of a person, or, where only others hold the person, the
// merge (User.Held is false). A user that the source deleted is NotFound for it until it creates the user again.
func (d *Directory) User(ctx context.Context, src Source, id uuid.UUID, options ...ReadOption) (User, error) {
	var user User
	err := d.store.View(ctx, func(r store.Reader) error {
		var err error
		user, err = d.userIn(r, src, id, options...)
		return err
	})
	return user, wrap("read user", err)
}

func (d *Directory) userIn(r store.Reader, src Source, id uuid.UUID, options ...ReadOption) (User, error) {
	record, err := found(d.records.Get(r, pair(src.ID, id)))
	if err != nil {
		return User{}, err
	}
	if record != nil {
		return d.userOf(r, *record, options...)
	}
	user, ok, err := d.mergedUser(r, src, id, options...)
	if err != nil || ok {
		return user, err
	}
	alias, err := d.aliasOf(r, src.ID, id)
	if err == nil && alias == uuid.Nil {
		err = noUser(id)
	}
	if err != nil {
		return User{}, err
	}
	return d.userIn(r, src, alias, options...)
}

// FindUsers returns the users with exactly the value: the source's own, at most
// MaxFound, and when there is none and the field is not externalId, those that only others hold, so that
// the source can link them (scim.md law 16). A value that nobody can have finds nobody.
func (d *Directory) FindUsers(ctx context.Context, src Source, l Lookup, options ...ReadOption) ([]User, error) {
	if !searchable(l.Value) || l.Value == "" {
		return nil, nil
	}
	var users []User
	err := d.store.View(ctx, func(r store.Reader) error {
		var err error
		users, err = d.findUsers(r, src, l, options)
		return err
	})
	if err != nil {
		return nil, wrap("find users", err)
	}
	return users, nil
}

func (d *Directory) findUsers(r store.Reader, src Source, l Lookup, options []ReadOption) ([]User, error) {
	switch l.Field {
	case ByID:
		id, ok := parseID(l.Value)
		if !ok {
			return nil, nil
		}
		user, err := d.userIn(r, src, id, options...)
		if CodeOf(err) == NotFound {
			return nil, nil
		}
		return []User{user}, err
	case ByExternalID:
		return d.ownUser(r, byExternalID, in(l.Value, src.ID), options)
	case ByUserName:
		users, err := d.ownUser(r, byUserName, in(Fold(l.Value), src.ID), options)
		if err != nil || len(users) > 0 {
			return users, err
		}
		person, _, err := d.linkByUserName(r, src, l.Value)
		if err != nil || person == uuid.Nil {
			return nil, err
		}
		return d.mergedUsers(r, src, []uuid.UUID{person}, options)
	case ByEmail:
		return d.usersByEmail(r, src, l.Value, options)
	}
	return nil, &Error{Code: Invalid, Field: string(l.Field), Message: "users cannot be looked up by " + string(l.Field)}
}

// ownUser returns the record of one entry of a unique index.
func (d *Directory) ownUser(r store.Reader, index string, value []byte, options []ReadOption) ([]User, error) {
	record, err := found(d.records.Lookup(r, index, value))
	if err != nil || record == nil {
		return nil, err
	}
	user, err := d.userOf(r, *record, options...)
	return []User{user}, err
}

func (d *Directory) usersByEmail(r store.Reader, src Source, email string, options []ReadOption) ([]User, error) {
	records, err := d.recordsByEmail(r, email, src.ID)
	if err != nil {
		return nil, err
	}
	users := make([]User, 0, len(records))
	for _, record := range records {
		user, err := d.userOf(r, record, options...)
		if err != nil {
			return nil, err
		}
		users = append(users, user)
	}
	if len(users) > 0 {
		return users, nil
	}
	if records, err = d.recordsByEmail(r, email, uuid.Nil); err != nil {
		return nil, err
	}
	var persons []uuid.UUID
	for _, record := range records {
		if !slices.Contains(persons, record.Person) {
			persons = append(persons, record.Person)
		}
	}
	return d.mergedUsers(r, src, persons, options)
}

// recordsByEmail returns the records with an e-mail address, of one source or (uuid.Nil) of
// all, in the order of the persons' ids, at most MaxFound. An address that is also the userName is found as that.
func (d *Directory) recordsByEmail(r store.Reader, email string, source uuid.UUID) ([]Record, error) {
	folded := Fold(email)
	var records []Record
	for _, index := range []string{byEmail, byUserName} {
		found := d.records.Find(r, index, anywhere(folded))
		if source != uuid.Nil {
			found = d.records.FindEqual(r, index, in(folded, source))
		}
		for record, err := range found {
			if err != nil {
				return nil, err
			}
			if index == byUserName && !slices.ContainsFunc(record.Emails, func(e string) bool { return Fold(e) == folded }) {
				continue
			}
			if records = append(records, *record); len(records) == MaxFound {
				break
			}
		}
	}
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(bytes.Compare(a.Person[:], b.Person[:]), bytes.Compare(a.Source[:], b.Source[:]))
	})
	return records[:min(len(records), MaxFound)], nil
}

func (d *Directory) mergedUsers(r store.Reader, src Source, persons []uuid.UUID, options []ReadOption) ([]User, error) {
	var users []User
	for _, person := range persons {
		user, ok, err := d.mergedUser(r, src, person, options...)
		if err != nil {
			return nil, err
		}
		if ok {
			users = append(users, user)
		}
	}
	return users, nil
}

// mergedUser is a person as a source that does not hold it may see it; false when
// nobody holds it, the source holds it itself, or the source deleted it.
func (d *Directory) mergedUser(r store.Reader, src Source, id uuid.UUID, options ...ReadOption) (User, bool, error) {
	person, holdings, err := d.merged(r, id)
	if err != nil || len(holdings) == 0 {
		return User{}, false, err
	}
	for _, y := range person.Denies {
		if y.Source == src.ID {
			return User{}, false, nil
		}
	}
	delete(person.Profile, "externalId") // another source's name for it
	attributes, err := json.Marshal(person.Profile)
	if err != nil {
		return User{}, false, err
	}
	user := User{Record: Record{
		Person: id, Source: holdings[0].Source,
		UserName: person.UserName, Active: person.Active, Emails: person.Emails,
		Attributes: attributes,
		Created:    holdings[0].Created,
	}}
	for _, h := range holdings {
		if h.Source == src.ID {
			return User{}, false, nil
		}
		user.Version += h.Version
		user.Created = earlier(user.Created, h.Created)
		user.Modified = later(user.Modified, h.Modified)
	}
	if !slices.Contains(options, WithoutGroups) {
		user.Groups, err = d.groupsOf(r, id, src.ID)
	}
	return user, true, err
}

// ListUsers returns a page of the users that a source holds, in the order of
// their ids, behind after (uuid.Nil: from the first), at most limit and MaxPage.
func (d *Directory) ListUsers(ctx context.Context, src Source, after uuid.UUID, limit int, options ...ReadOption) ([]User, error) {
	var users []User
	err := d.store.View(ctx, func(r store.Reader) error {
		limit = min(limit, MaxPage)
		if limit <= 0 {
			return nil
		}
		for record, err := range d.records.ScanAfter(r, src.ID[:], behind(src.ID, after)) {
			if err != nil {
				return err
			}
			user, err := d.userOf(r, *record, options...)
			if err != nil {
				return err
			}
			if users = append(users, user); len(users) == limit {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, wrap("list users", err)
	}
	return users, nil
}

// SkipUsers returns the after with which ListUsers leaves out the first n users; when there are
// fewer, the last user's id. It reads keys only.
func (d *Directory) SkipUsers(ctx context.Context, src Source, n int) (uuid.UUID, error) {
	return d.skip(ctx, "list users", n, func(r store.Reader) keys { return d.recordKeys(r, src.ID) })
}

// userOf completes the record of a source with the groups it sees the person in.
func (d *Directory) userOf(r store.Reader, record Record, options ...ReadOption) (User, error) {
	if slices.Contains(options, WithoutGroups) {
		return User{Record: record, Held: true}, nil
	}
	groups, err := d.groupsOf(r, record.Person, record.Source)
	return User{Record: record, Groups: groups, Held: true}, err
}

// holds reports whether a source has a record of a person.
func (d *Directory) holds(r store.Reader, source, person uuid.UUID) (bool, error) {
	return has(r, d.records.Name(), pair(source, person))
}

// heldBy reports whether a source other than one has a record of a person.
func (d *Directory) heldBy(r store.Reader, person, otherThan uuid.UUID) (bool, error) {
	for key := range r.Range(d.sources.Name(), nil, nil) {
		source := uuid.UUID(key)
		if source == otherThan {
			continue
		}
		if held, err := d.holds(r, source, person); err != nil || held {
			return held, err
		}
	}
	return false, nil
}

// parseID reads an id in the one form in which we write it, in lower case: ids compare exactly.
func parseID(s string) (uuid.UUID, bool) {
	if len(s) != 36 {
		return uuid.Nil, false
	}
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'F' {
			return uuid.Nil, false
		}
	}
	id, err := uuid.Parse(s)
	return id, err == nil && id != uuid.Nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
