package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// aliasTable holds, under the source and the id that a user of it had before Link, the person's id.
const aliasTable = "aliases"

// Link says that a source's user is somebody whom other sources hold under another id: the record and the memberships in the source's groups
// go over from the one id to the other, in one transaction. The source may go on to use the id that it knows. The user must be the source's
// alone, and the source must have no other user of the person; else, and for a terminated person, it is Invalid. Linking again changes
// nothing. Access follows from both records from then on: who is inactive in one of them is inactive.
func (d *Directory) Link(ctx context.Context, actor audit.Actor, src Source, user, person uuid.UUID) error {
	a := d.act(actor, "")
	return d.write(ctx, src, "link a user", func(tx store.Tx) error {
		if done, err := d.aliasOf(tx, src.ID, user); err != nil || done == person {
			return err
		}
		record, err := d.linkable(tx, src, user, person)
		if err != nil {
			return err
		}
		if err := d.records.Delete(tx, pair(src.ID, user)); err != nil {
			return err
		}
		record.Person = person
		record.Version++
		record.Modified = a.at
		if err := d.records.Insert(tx, record); err != nil {
			return d.userTaken(err)
		}
		if err := tally(tx, countedUsers, src.ID, user, -1); err != nil {
			return err
		}
		if err := tally(tx, countedUsers, src.ID, person, 1); err != nil {
			return err
		}
		if err := d.moveMemberships(tx, a, user, person); err != nil {
			return err
		}
		if err := tx.Put(aliasTable, pair(src.ID, user), person[:]); err != nil {
			return err
		}
		change := a.begin(audit.UserLinked)
		change.Persons, change.Removing = []uuid.UUID{person, user}, !record.Active
		if change.Detail, err = (detail{Source: src.ID}).encode(); err != nil {
			return err
		}
		return audit.Append(tx, change)
	})
}

// linkable returns the record of a user that may be linked to a person.
func (d *Directory) linkable(tx store.Reader, src Source, user, person uuid.UUID) (*Record, error) {
	refuse := func(why string) error {
		return &Error{Code: Invalid, Message: fmt.Sprintf("the user %s of %s cannot be linked to the person %s: %s", user, src.Name, person, why)}
	}
	record, err := found(d.records.Get(tx, pair(src.ID, user)))
	if err != nil {
		return nil, err
	}
	others, err := d.heldBy(tx, user, src.ID)
	if err != nil {
		return nil, err
	}
	held, err := d.heldBy(tx, person, src.ID)
	if err != nil {
		return nil, err
	}
	taken, err := d.holds(tx, src.ID, person)
	if err != nil {
		return nil, err
	}
	for _, id := range []uuid.UUID{user, person} {
		terminated, err := d.TerminatedIn(tx, id)
		if err != nil {
			return nil, err
		}
		if terminated != nil {
			return nil, refuse("one of the two was terminated")
		}
	}
	denied, err := has(tx, d.denies.Name(), pair(person, src.ID))
	if err != nil {
		return nil, err
	}
	switch {
	case record == nil:
		return nil, refuse("the source has no such user")
	case others:
		return nil, refuse("another source holds the user too")
	case !held:
		return nil, refuse("no other source holds the person")
	case taken:
		return nil, refuse("the source has a user of that person already")
	case denied:
		return nil, refuse("the source deleted a user of that person; create it anew there, or see usher source readmit")
	}
	return record, nil
}

// moveMemberships makes one id a member wherever another was, and that other one of nothing.
func (d *Directory) moveMemberships(tx store.Tx, a act, from, to uuid.UUID) error {
	var members []Member
	var groups []uuid.UUID
	for key := range tx.Range(membershipsTable, from[:], store.PrefixEnd(from[:])) {
		groups = append(groups, second(key))
	}
	for _, group := range groups {
		key := pair(group, from)
		value, err := tx.Get(membersTable, key)
		if err != nil {
			return fmt.Errorf("read a membership: %w", err)
		}
		m, err := readMember(key, value)
		if err != nil {
			return err
		}
		m.Person = to
		members = append(members, m)
	}
	for i, group := range groups {
		if err := deleteEdge(tx, group, from); err != nil {
			return err
		}
		there, err := has(tx, membersTable, pair(group, to))
		if err != nil {
			return err
		}
		more := 0
		if there {
			more = -1
		} else {
			g, err := d.GroupIn(tx, group)
			if err != nil {
				return err
			}
			if err := putEdge(tx, g, members[i]); err != nil {
				return err
			}
		}
		if err := d.touchGroup(tx, a, group, more); err != nil {
			return err
		}
	}
	return nil
}

// aliasOf returns the person that a source's user was linked to under another id, uuid.Nil for none.
func (d *Directory) aliasOf(r store.Reader, source, user uuid.UUID) (uuid.UUID, error) {
	value, err := r.Get(aliasTable, pair(source, user))
	if errors.Is(err, store.ErrNotFound) {
		return uuid.Nil, nil
	}
	if err != nil {
		return uuid.Nil, err
	}
	return uuid.FromBytes(value)
}

// meant is the id under which a source's user is kept: the one given, or the person's that the user was linked to.
func (d *Directory) meant(r store.Reader, source, user uuid.UUID) (uuid.UUID, error) {
	if held, err := d.holds(r, source, user); err != nil || held {
		return user, err
	}
	alias, err := d.aliasOf(r, source, user)
	if err != nil || alias == uuid.Nil {
		return user, err
	}
	return alias, nil
}
