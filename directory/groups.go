package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// CreateGroup makes a group of the source with its members. A living group of the
// source with the same name or externalId is Uniqueness; the same name in another source is another group.
func (d *Directory) CreateGroup(ctx context.Context, src Source, request string, w GroupWrite, p MemberPolicy) (Group, error) {
	if err := w.check(); err != nil {
		return Group{}, err
	}
	a := d.bySource(src, request)
	group := Group{
		ID: d.newID(), Source: src.ID,
		Name: w.Name, ExternalID: w.ExternalID, Attributes: w.attributes(),
		Version: 1, Created: a.at, Modified: a.at,
	}
	err := d.write(ctx, src, "create group", func(tx store.Tx) error {
		diff, err := d.editMembers(tx, a, src, group, w.Members, p)
		if err != nil {
			return err
		}
		group.Members = len(diff.added)
		if err := d.groups.Insert(tx, &group); err != nil {
			return d.groupTaken(err)
		}
		if err := tally(tx, countedGroups, src.ID, group.ID, 1); err != nil {
			return err
		}
		if err := d.writeMembers(tx, group, diff); err != nil {
			return err
		}
		return appendMembers(tx, a.begin(audit.GroupCreated), group, diff, detail{})
	})
	if err != nil {
		return Group{}, err
	}
	return group, nil
}

// UpdateGroup lets edit say what the group's own attributes should be and, in order,
// what happens to its members, and does so in the same transaction. edit is pure and may run
// more than once; an error of it changes nothing and is returned as it is. changed is false when all was so
// already. A group of another source is Forbidden.
func (d *Directory) UpdateGroup(ctx context.Context, src Source, request string, id uuid.UUID, p MemberPolicy, edit func(Group) (GroupWrite, error)) (group Group, changed bool, err error) {
	a := d.bySource(src, request)
	err = d.write(ctx, src, "update group", func(tx store.Tx) (failed error) {
		current, failed := d.groupToWrite(tx, src, id)
		if failed != nil {
			return failed
		}
		w, failed := edit(current)
		if failed != nil {
			return edited{failed}
		}
		if failed = w.check(); failed != nil {
			return failed
		}
		group, changed, failed = d.rewriteGroup(tx, a, src, current, w, p)
		return failed
	})
	if err != nil {
		return Group{}, false, err
	}
	return group, changed, nil
}

// rewriteGroup makes a group what a write says.
func (d *Directory) rewriteGroup(tx store.Tx, a act, src Source, current Group, w GroupWrite, p MemberPolicy) (Group, bool, error) {
	names, err := w.differs(current)
	if err != nil {
		return Group{}, false, err
	}
	diff, err := d.editMembers(tx, a, src, current, w.Members, p)
	if err != nil {
		return Group{}, false, err
	}
	if len(names) == 0 && diff.empty() {
		return current, false, nil
	}
	next := current
	next.Name, next.ExternalID, next.Attributes = w.Name, w.ExternalID, w.attributes()
	next.Members += len(diff.added) - len(diff.removed)
	next.Version++
	next.Modified = a.at
	if err = d.groups.Replace(tx, &current, &next); err != nil {
		return Group{}, false, d.groupTaken(err)
	}
	if err = d.writeMembers(tx, next, diff); err != nil {
		return Group{}, false, err
	}
	change := a.begin(audit.GroupUpdated)
	if !diff.empty() {
		change.Act = audit.GroupMembers
	}
	// A line of the mapping may have waited for the new name: every member needs a look.
	change.WholeGroup = slices.Contains(names, "displayName")
	err = appendMembers(tx, change, next, diff, detail{Attributes: names, Values: changedValues(current, next, names)})
	return next, err == nil, err
}

// DeleteGroup ends a group for its source: it is NotFound from then on and its
// name is free. Its edges are kept while grants through it are frozen, until SweepGroup drops them. A group
// of another source is Forbidden. checks are as DeleteUser's.
func (d *Directory) DeleteGroup(ctx context.Context, src Source, request string, id uuid.UUID, checks ...func(Group) error) error {
	a := d.bySource(src, request)
	return d.write(ctx, src, "delete group", func(tx store.Tx) error {
		group, err := d.groupToWrite(tx, src, id)
		if err != nil {
			return err
		}
		for _, check := range checks {
			if err := check(group); err != nil {
				return edited{err}
			}
		}
		group.Version++
		group.Modified, group.Deleted = a.at, a.at
		if err := d.groups.Put(tx, &group); err != nil {
			return err
		}
		if err := tally(tx, countedGroups, src.ID, id, -1); err != nil {
			return err
		}
		change := a.begin(audit.GroupDeleted)
		change.Group, change.WholeGroup, change.Removing = id, true, true
		return audit.Append(tx, change)
	})
}

// appendMembers appends a change of a group with the members that came and went.
func appendMembers(tx store.Tx, change audit.Change, group Group, diff memberDiff, what detail) error {
	what.Added, what.Removed = len(diff.added), len(diff.removed)
	what.Pending = len(diff.waiting) - len(diff.given)
	persons := make([]uuid.UUID, 0, len(diff.added)+len(diff.removed))
	for _, m := range diff.added {
		persons = append(persons, m.Person)
	}
	persons = append(persons, diff.removed...)

	var err error
	if change.Detail, err = what.encode(); err != nil {
		return err
	}
	change.Group = group.ID
	change.Removing = len(diff.removed) > 0
	var parts [][]uuid.UUID
	for part := range slices.Chunk(persons, audit.PersonsInline) {
		if change.Persons == nil {
			change.Persons = part
			continue
		}
		parts = append(parts, part)
	}
	return audit.Append(tx, change, parts...)
}

// groupToWrite returns a living group that a source may write.
func (d *Directory) groupToWrite(r store.Reader, src Source, id uuid.UUID) (Group, error) {
	group, err := d.livingGroup(r, id)
	if err != nil {
		return Group{}, err
	}
	if group.Source != src.ID {
		return Group{}, &Error{Code: Forbidden, Message: fmt.Sprintf("the group %s belongs to another source", id)}
	}
	return group, nil
}

// livingGroup returns a group that is not deleted; else NotFound.
func (d *Directory) livingGroup(r store.Reader, id uuid.UUID) (Group, error) {
	group, err := d.GroupIn(r, id)
	if err == nil && !group.Deleted.IsZero() {
		err = noGroup(id)
	}
	return group, err
}

// GroupIn returns a group whatever its source, a deleted one too while it is kept; else NotFound.
func (d *Directory) GroupIn(r store.Reader, id uuid.UUID) (Group, error) {
	group, err := d.groups.Get(r, id[:])
	if errors.Is(err, store.ErrNotFound) {
		return Group{}, noGroup(id)
	}
	if err != nil {
		return Group{}, err
	}
	return *group, nil
}

func noGroup(id uuid.UUID) error {
	return &Error{Code: NotFound, Field: "id", Message: fmt.Sprintf("there is no group %s", id)}
}

func (d *Directory) groupTaken(err error) error {
	return uniqueness(err, "group", map[string]string{byName: "displayName", byExternalID: "externalId"})
}

// check refuses what no source may write.
func (w GroupWrite) check() error {
	if strings.TrimSpace(w.Name) == "" {
		return &Error{Code: Invalid, Field: "displayName", Message: "displayName must not be empty"}
	}
	if err := checkValue("displayName", w.Name); err != nil {
		return err
	}
	if err := checkValue("externalId", w.ExternalID); err != nil {
		return err
	}
	return checkAttributes(w.Attributes)
}

// attributes is what is stored of the attributes: nothing for an empty object.
func (w GroupWrite) attributes() json.RawMessage {
	if sameJSON(w.Attributes, json.RawMessage("{}")) || len(w.Attributes) == 0 {
		return nil
	}
	return w.Attributes
}

// differs returns the names of the group's own attributes that a write changes, sorted.
func (w GroupWrite) differs(g Group) ([]string, error) {
	names, err := differing(g.Attributes, w.attributes())
	if err != nil {
		return nil, fmt.Errorf("compare attributes: %w", err)
	}
	if g.Name != w.Name && !slices.Contains(names, "displayName") {
		names = append(names, "displayName")
	}
	if g.ExternalID != w.ExternalID && !slices.Contains(names, "externalId") {
		names = append(names, "externalId")
	}
	slices.Sort(names)
	return names, nil
}
