package directory

import (
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// A membership is an edge, written in both directions under the pair of ids: in membersTable group
// and person with when and how the client called the member, in membershipsTable
// person and group with the group's source.
const (
	membersTable     = "members"
	membershipsTable = "memberships"
)

func putEdge(tx store.Tx, group Group, m Member) error {
	value := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(m.Display)), uint64(m.Added.UnixMilli()))
	value = append(value, m.Display...)
	if err := tx.Put(membersTable, pair(group.ID, m.Person), value); err != nil {
		return fmt.Errorf("add a member: %w", err)
	}
	if err := tx.Put(membershipsTable, pair(m.Person, group.ID), group.Source[:]); err != nil {
		return fmt.Errorf("add a member: %w", err)
	}
	return nil
}

func deleteEdge(tx store.Tx, group, person uuid.UUID) error {
	if err := tx.Delete(membersTable, pair(group, person)); err != nil {
		return fmt.Errorf("remove a member: %w", err)
	}
	if err := tx.Delete(membershipsTable, pair(person, group)); err != nil {
		return fmt.Errorf("remove a member: %w", err)
	}
	return nil
}

func readMember(key, value []byte) (Member, error) {
	if len(key) != 32 || len(value) < 8 {
		return Member{}, fmt.Errorf("the edge %x is damaged", key)
	}
	return Member{
		Person:  second(key),
		Added:   time.UnixMilli(int64(binary.BigEndian.Uint64(value))).UTC(), //nolint:gosec // undoes what putEdge did
		Display: string(value[8:]),
	}, nil
}

// edgesAfter yields the edges of a group behind a person (uuid.Nil: from the first).
func edgesAfter(r store.Reader, group, after uuid.UUID) iter.Seq2[[]byte, []byte] {
	from := group[:]
	if after != uuid.Nil {
		from = append(pair(group, after), 0)
	}
	return r.Range(membersTable, from, store.PrefixEnd(group[:]))
}

// memberships returns every group that a person is in, deleted ones too, in the order of the groups' ids.
func (d *Directory) memberships(r store.Reader, person uuid.UUID) ([]Membership, error) {
	var all []Membership
	for key := range r.Range(membershipsTable, person[:], store.PrefixEnd(person[:])) {
		group, err := d.groups.Get(r, key[16:])
		if err != nil {
			return nil, fmt.Errorf("read a group of the person: %w", err)
		}
		all = append(all, Membership{Group: group.ID, Source: group.Source, Name: group.Name, Deleted: group.Deleted})
	}
	return all, nil
}

// groupsOf returns the living groups of one source that a person is in, in the order of their ids.
func (d *Directory) groupsOf(r store.Reader, person, source uuid.UUID) ([]GroupRef, error) {
	var refs []GroupRef
	for key, owner := range r.Range(membershipsTable, person[:], store.PrefixEnd(person[:])) {
		if uuid.UUID(owner) != source {
			continue
		}
		data, err := r.Get(d.groups.Name(), key[16:])
		if err != nil {
			return nil, fmt.Errorf("read a group of the user: %w", err)
		}
		name, deleted, err := groupName(data)
		if err != nil {
			return nil, fmt.Errorf("read a group of the user: %w", err)
		}
		if !deleted {
			refs = append(refs, GroupRef{ID: second(key), Name: name})
		}
	}
	return refs, nil
}

// dropMemberships ends the memberships of a person in the groups of some sources
// and returns those groups.
func (d *Directory) dropMemberships(tx store.Tx, a act, person uuid.UUID, of func(source uuid.UUID) bool) ([]uuid.UUID, error) {
	var dropped []uuid.UUID
	for key, owner := range tx.Range(membershipsTable, person[:], store.PrefixEnd(person[:])) {
		if of(uuid.UUID(owner)) {
			dropped = append(dropped, second(key))
		}
	}
	for _, group := range dropped {
		if err := deleteEdge(tx, group, person); err != nil {
			return nil, err
		}
		if err := d.touchGroup(tx, a, group, -1); err != nil {
			return nil, err
		}
	}
	return dropped, nil
}

// touchGroup notes that the members of a group changed by an act on a user: how many more there are.
func (d *Directory) touchGroup(tx store.Tx, a act, id uuid.UUID, more int) error {
	group, err := d.groups.Get(tx, id[:])
	if err != nil {
		return fmt.Errorf("read a group of the user: %w", err)
	}
	next := *group
	next.Members += more
	if next.Deleted.IsZero() {
		next.Version++
		next.Modified = a.at
	}
	return d.groups.Replace(tx, group, &next)
}
