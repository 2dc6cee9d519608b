package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Group returns a group of the source; one of another source, or a deleted one, is NotFound.
func (d *Directory) Group(ctx context.Context, src Source, id uuid.UUID) (Group, error) {
	var group Group
	err := d.store.View(ctx, func(r store.Reader) error {
		var err error
		group, err = d.ownGroup(r, src, id)
		return err
	})
	return group, wrap("read group", err)
}

func (d *Directory) ownGroup(r store.Reader, src Source, id uuid.UUID) (Group, error) {
	group, err := d.livingGroup(r, id)
	if err == nil && group.Source != src.ID {
		err = noGroup(id)
	}
	if err != nil {
		return Group{}, err
	}
	return group, nil
}

// FindGroups returns the source's groups with exactly the value, at most MaxFound. A value
// that no group can have finds none.
func (d *Directory) FindGroups(ctx context.Context, src Source, l Lookup) ([]Group, error) {
	if !searchable(l.Value) || l.Value == "" {
		return nil, nil
	}
	var groups []Group
	err := d.store.View(ctx, func(r store.Reader) error {
		var err error
		groups, err = d.findGroups(r, src, l)
		return err
	})
	if err != nil {
		return nil, wrap("find groups", err)
	}
	return groups, nil
}

func (d *Directory) findGroups(r store.Reader, src Source, l Lookup) ([]Group, error) {
	switch l.Field {
	case ByID:
		id, ok := parseID(l.Value)
		if !ok {
			return nil, nil
		}
		group, err := d.ownGroup(r, src, id)
		return oneGroup(&group, err)
	case ByDisplayName:
		return oneGroup(found(d.groups.Lookup(r, byName, in(Fold(l.Value), src.ID))))
	case ByExternalID:
		return oneGroup(found(d.groups.Lookup(r, byExternalID, in(l.Value, src.ID))))
	case ByMember:
		person, ok := parseID(l.Value)
		if !ok {
			return nil, nil
		}
		person, err := d.meant(r, src.ID, person)
		if err != nil {
			return nil, err
		}
		refs, err := d.groupsOf(r, person, src.ID)
		if err != nil {
			return nil, err
		}
		var groups []Group
		for _, ref := range refs[:min(len(refs), MaxFound)] {
			group, err := d.GroupIn(r, ref.ID)
			if err != nil {
				return nil, err
			}
			groups = append(groups, group)
		}
		return groups, nil
	}
	return nil, &Error{Code: Invalid, Field: string(l.Field), Message: "groups cannot be looked up by " + string(l.Field)}
}

func oneGroup(group *Group, err error) ([]Group, error) {
	if err != nil || group == nil {
		if CodeOf(err) == NotFound {
			err = nil
		}
		return nil, err
	}
	return []Group{*group}, nil
}

// GroupByNameIn returns the living group of a source with a name, folded; else NotFound.
func (d *Directory) GroupByNameIn(r store.Reader, source uuid.UUID, name string) (Group, error) {
	nobody := &Error{Code: NotFound, Field: "displayName", Message: fmt.Sprintf("the source has no group %q", name)}
	if !searchable(name) {
		return Group{}, nobody
	}
	group, err := d.groups.Lookup(r, byName, in(Fold(name), source))
	if errors.Is(err, store.ErrNotFound) {
		return Group{}, nobody
	}
	if err != nil {
		return Group{}, err
	}
	return *group, nil
}

// ListGroups returns a page of a source's living groups, in the order of their ids, behind
// after (uuid.Nil: from the first), at most limit and MaxPage.
func (d *Directory) ListGroups(ctx context.Context, src Source, after uuid.UUID, limit int) ([]Group, error) {
	var groups []Group
	err := d.store.View(ctx, func(r store.Reader) error {
		limit = min(limit, MaxPage)
		if limit <= 0 {
			return nil
		}
		for group, err := range d.groups.FindAfter(r, bySource, src.ID[:], src.ID[:], after[:]) {
			if err != nil {
				return err
			}
			if groups = append(groups, *group); len(groups) == limit {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, wrap("list groups", err)
	}
	return groups, nil
}

// SkipGroups returns the after with which ListGroups leaves out the first n groups; when there are
// fewer, the last group's id. It reads keys only.
func (d *Directory) SkipGroups(ctx context.Context, src Source, n int) (uuid.UUID, error) {
	return d.skip(ctx, "list groups", n, func(r store.Reader) keys { return d.groups.FindKeys(r, bySource, src.ID[:]) })
}

// Members returns a page of a group's members, in the order of the persons' ids, behind
// after (uuid.Nil: from the first), at most limit and MaxPage. Pending ones are not among them. A
// deleted group has its members until it is swept.
func (d *Directory) Members(ctx context.Context, group, after uuid.UUID, limit int) ([]Member, error) {
	var members []Member
	err := d.store.View(ctx, func(r store.Reader) error {
		limit = min(limit, MaxPage)
		for key, value := range edgesAfter(r, group, after) {
			if len(members) >= limit {
				break
			}
			m, err := readMember(key, value)
			if err != nil {
				return err
			}
			members = append(members, m)
		}
		return nil
	})
	if err != nil {
		return nil, wrap("list members", err)
	}
	return members, nil
}

// MembersIn returns the next n persons in a group behind after (uuid.Nil: from the
// first), in the order of their ids; of a deleted group too, until it is swept.
func (d *Directory) MembersIn(r store.Reader, group, after uuid.UUID, n int) ([]uuid.UUID, error) {
	var persons []uuid.UUID
	for key := range edgesAfter(r, group, after) {
		if len(persons) >= n {
			break
		}
		persons = append(persons, second(key))
	}
	return persons, nil
}

// IsMember reports whether a person is a member of a group.
func (d *Directory) IsMember(ctx context.Context, group, person uuid.UUID) (bool, error) {
	var is bool
	err := d.store.View(ctx, func(r store.Reader) error {
		var err error
		is, err = has(r, membersTable, pair(group, person))
		return err
	})
	return is, wrap("look up a member", err)
}
