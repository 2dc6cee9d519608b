package scim

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/filter"
	"github.com/usher-scim/usher/scim/schema"
)

const listURN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

const (
	defaultCount = 100
	maxCount     = 200 // the most that one page holds; also how much is read at once
)

// window is the part of a list that a client asks for (RFC 7644 section 3.4.2.4).
type window struct {
	start int // from 1
	count int
}

func readWindow(query url.Values) (window, error) {
	start, err := number(query, "startIndex", 1)
	if err != nil {
		return window{}, err
	}
	count, err := number(query, "count", defaultCount)
	if err != nil {
		return window{}, err
	}
	return window{start: max(start, 1), count: min(max(count, 0), maxCount)}, nil
}

func number(query url.Values, name string, otherwise int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fault.New(fault.InvalidValue, "%s must be a whole number", name)
	}
	return n, nil
}

// listing is what a list of users and one of groups differ in.
type listing[T any] struct {
	kind    *schema.ResourceType
	indexes []index
	count   func(context.Context, directory.Source) (int, error)
	skip    func(context.Context, directory.Source, int) (uuid.UUID, error)
	page    func(ctx context.Context, s directory.Source, after uuid.UUID, limit int) ([]T, error)
	find    func(context.Context, directory.Source, directory.Lookup) ([]T, error)
	id      func(T) uuid.UUID
	match   func(T, *filter.Filter) (bool, error)
}

// index is a path whose equality the directory can look up.
type index struct {
	path  string
	field directory.LookupField
}

// read returns how many resources there are in all and those of the window, in the order of their ids.
func (l listing[T]) read(x *exchange) (total int, resources []T, w window, err error) {
	if w, err = readWindow(x.query); err != nil {
		return 0, nil, w, err
	}
	text := x.query.Get("filter")
	if text == "" {
		total, resources, err = l.all(x, w)
		return total, resources, w, err
	}
	node, err := filter.Parse(text)
	if err != nil {
		return 0, nil, w, err
	}
	f, err := filter.Compile(node, l.kind, x.mode())
	if err != nil || f.Never() {
		return 0, nil, w, err
	}
	total, resources, err = l.filtered(x, f, w)
	return total, resources, w, err
}

func (l listing[T]) all(x *exchange, w window) (int, []T, error) {
	total, err := l.count(x.ctx(), x.source)
	if err != nil || w.count == 0 || w.start > total {
		return total, nil, err
	}
	after, err := l.skip(x.ctx(), x.source, w.start-1)
	if err != nil {
		return 0, nil, err
	}
	resources, err := l.page(x.ctx(), x.source, after, w.count)
	return max(total, w.start-1+len(resources)), resources, err
}

// filtered asks an index where the filter allows it, and else reads all that the source holds, page by page.
func (l listing[T]) filtered(x *exchange, f *filter.Filter, w window) (int, []T, error) {
	for _, i := range l.indexes {
		value, rest, ok := f.Lookup(i.path)
		if !ok {
			continue
		}
		found, err := l.find(x.ctx(), x.source, directory.Lookup{Field: i.field, Value: value})
		if err != nil {
			return 0, nil, err
		}
		if len(found) >= directory.MaxFound {
			continue // the index may have more than it told
		}
		slices.SortFunc(found, func(a, b T) int {
			ida, idb := l.id(a), l.id(b)
			return bytes.Compare(ida[:], idb[:])
		})
		c := collector[T]{window: w}
		return c.result(c.add(found, rest, l.match))
	}
	c := collector[T]{window: w}
	after := uuid.Nil
	for {
		page, err := l.page(x.ctx(), x.source, after, maxCount)
		if err == nil {
			err = c.add(page, f, l.match)
		}
		if err != nil || len(page) < maxCount {
			return c.result(err)
		}
		after = l.id(page[len(page)-1])
	}
}

// collector counts what matches and keeps what is in the window.
type collector[T any] struct {
	window
	total int
	kept  []T
}

func (c *collector[T]) add(resources []T, f *filter.Filter, match func(T, *filter.Filter) (bool, error)) error {
	for _, resource := range resources {
		if !f.Always() {
			ok, err := match(resource, f)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
		}
		c.total++
		if c.total >= c.start && len(c.kept) < c.count {
			c.kept = append(c.kept, resource)
		}
	}
	return nil
}

func (c *collector[T]) result(err error) (int, []T, error) {
	if err != nil {
		return 0, nil, err
	}
	return c.total, c.kept, nil
}

// appendListHead begins a ListResponse up to its resources.
func appendListHead(dst []byte, total, start, length int) []byte {
	dst = strconv.AppendInt(append(dst, `{"schemas":["`+listURN+`"],"totalResults":`...), int64(total), 10)
	dst = strconv.AppendInt(append(dst, `,"startIndex":`...), int64(start), 10)
	dst = strconv.AppendInt(append(dst, `,"itemsPerPage":`...), int64(length), 10)
	return append(dst, `,"Resources":[`...)
}

func (s *Server) listUsers(x *exchange) error {
	list := listing[directory.User]{
		kind: s.users,
		indexes: []index{
			{"id", directory.ByID}, {"userName", directory.ByUserName},
			{"externalId", directory.ByExternalID}, {"emails.value", directory.ByEmail},
		},
		count: s.directory.CountUsers, skip: s.directory.SkipUsers,
		page: func(ctx context.Context, source directory.Source, after uuid.UUID, limit int) ([]directory.User, error) {
			return s.directory.ListUsers(ctx, source, after, limit)
		},
		find: func(ctx context.Context, source directory.Source, l directory.Lookup) ([]directory.User, error) {
			return s.directory.FindUsers(ctx, source, l)
		},
		id: func(u directory.User) uuid.UUID { return u.Person },
		match: func(u directory.User, f *filter.Filter) (bool, error) {
			resource, err := x.filterUser(u)
			return err == nil && f.Match(resource), err
		},
	}
	total, users, w, err := list.read(x)
	if err != nil {
		return err
	}
	out := x.stream(http.StatusOK)
	out.write(appendListHead(nil, total, w.start, len(users)))
	var text []byte
	for i, u := range users {
		text = text[:0]
		if i > 0 {
			text = append(text, ',')
		}
		if text, err = x.appendUser(text, u); err != nil {
			return err
		}
		out.write(text)
	}
	out.write([]byte("]}"))
	return out.flush()
}

func (s *Server) listGroups(x *exchange) error {
	list := listing[directory.Group]{
		kind: s.groups,
		// By member first: the groups of a person are few, while the members of a group may be many.
		indexes: []index{
			{"members.value", directory.ByMember}, {"id", directory.ByID},
			{"displayName", directory.ByDisplayName}, {"externalId", directory.ByExternalID},
		},
		count: s.directory.CountGroups, skip: s.directory.SkipGroups, page: s.directory.ListGroups, find: s.directory.FindGroups,
		id: func(g directory.Group) uuid.UUID { return g.ID },
		match: func(g directory.Group, f *filter.Filter) (bool, error) {
			var failed error
			resource, err := x.filterGroup(g, f, &failed)
			if err != nil {
				return false, err
			}
			matches := f.Match(resource)
			return matches, failed
		},
	}
	total, groups, w, err := list.read(x)
	if err != nil {
		return err
	}
	out := x.stream(http.StatusOK)
	out.write(appendListHead(nil, total, w.start, len(groups)))
	projection := x.projection(s.groups)
	for i, g := range groups {
		if i > 0 {
			out.write([]byte{','})
		}
		if err := x.writeGroup(out, g, projection); err != nil {
			return err
		}
	}
	out.write([]byte("]}"))
	return out.flush()
}
