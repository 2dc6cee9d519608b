package scim

import (
	"context"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/schema"
)

// collection is what lists of users and of groups differ in. Its methods read what the asking source holds, in the order of ids, each call
// in a transaction of its own.
type collection struct {
	kind    *schema.ResourceType
	indexes []index
	count   func(context.Context, directory.Source) (int, error)
	skip    func(context.Context, directory.Source, int) (uuid.UUID, error)
	page    func(ctx context.Context, s directory.Source, after uuid.UUID, limit int, o ...directory.ReadOption) ([]resource, error)
	find    func(context.Context, directory.Source, directory.Lookup, ...directory.ReadOption) ([]resource, error)
	get     func(context.Context, directory.Source, uuid.UUID, ...directory.ReadOption) (resource, error)
}

// index is a path whose equality the directory can look up.
type index struct {
	path  string
	field directory.LookupField
}

// resource is a user or a group in a list.
type resource interface {
	id() uuid.UUID
	// canonical is the resource as filters and sorting see it, as far as they look at it. What is read only when they come to it, the
	// members of a group and the status of a user, may fail into failed.
	canonical(x *exchange, l look, failed *error) (map[string]any, error)
	write(x *exchange, out *stream, p *projection) error
}

type listedUser struct{ directory.User }

func (u listedUser) id() uuid.UUID { return u.Person }

func (u listedUser) canonical(x *exchange, l look, failed *error) (map[string]any, error) {
	resource, err := x.filterUser(u.User, l)
	if err == nil && l.has(StatusURN) {
		resource[StatusURN] = x.filterStatus(u.Person, failed)
	}
	return resource, err
}

func (u listedUser) write(x *exchange, out *stream, p *projection) error {
	return out.build(func(dst []byte) ([]byte, error) { return x.appendUser(dst, u.User, p, x.userMeta(u.User)) })
}

type listedGroup struct{ directory.Group }

func (g listedGroup) id() uuid.UUID { return g.ID }

func (g listedGroup) canonical(x *exchange, l look, failed *error) (map[string]any, error) {
	return x.filterGroup(g.Group, l, failed)
}

func (g listedGroup) write(x *exchange, out *stream, p *projection) error {
	return x.writeGroup(out, g.Group, p)
}

func (s *Server) userCollection() collection {
	d := s.directory
	return collection{
		kind: s.users,
		indexes: []index{
			{"id", directory.ByID}, {"userName", directory.ByUserName},
			{"externalId", directory.ByExternalID}, {"emails.value", directory.ByEmail},
		},
		count: d.CountUsers, skip: d.SkipUsers,
		page: func(ctx context.Context, source directory.Source, after uuid.UUID, limit int, o ...directory.ReadOption) ([]resource, error) {
			users, err := d.ListUsers(ctx, source, after, limit, o...)
			return listedUsers(users), err
		},
		find: func(ctx context.Context, source directory.Source, l directory.Lookup, o ...directory.ReadOption) ([]resource, error) {
			users, err := d.FindUsers(ctx, source, l, o...)
			return listedUsers(users), err
		},
		get: func(ctx context.Context, source directory.Source, id uuid.UUID, o ...directory.ReadOption) (resource, error) {
			user, err := d.User(ctx, source, id, o...)
			return listedUser{user}, err
		},
	}
}

func listedUsers(users []directory.User) []resource {
	list := make([]resource, len(users))
	for i, u := range users {
		list[i] = listedUser{u}
	}
	return list
}

func (s *Server) groupCollection() collection {
	d := s.directory
	return collection{
		kind: s.groups,
		// By member first: the groups of a person are few, while the members of a group may be many.
		indexes: []index{
			{"members.value", directory.ByMember}, {"id", directory.ByID},
			{"displayName", directory.ByDisplayName}, {"externalId", directory.ByExternalID},
		},
		count: d.CountGroups, skip: d.SkipGroups,
		page: func(ctx context.Context, source directory.Source, after uuid.UUID, limit int, _ ...directory.ReadOption) ([]resource, error) {
			groups, err := d.ListGroups(ctx, source, after, limit)
			return listedGroups(groups), err
		},
		find: func(ctx context.Context, source directory.Source, l directory.Lookup, _ ...directory.ReadOption) ([]resource, error) {
			groups, err := d.FindGroups(ctx, source, l)
			return listedGroups(groups), err
		},
		get: func(ctx context.Context, source directory.Source, id uuid.UUID, _ ...directory.ReadOption) (resource, error) {
			group, err := d.Group(ctx, source, id)
			return listedGroup{group}, err
		},
	}
}

func listedGroups(groups []directory.Group) []resource {
	list := make([]resource, len(groups))
	for i, g := range groups {
		list[i] = listedGroup{g}
	}
	return list
}
