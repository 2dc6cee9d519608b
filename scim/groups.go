package scim

import (
	"iter"
	"net/http"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/filter"
	"github.com/usher-scim/usher/scim/patch"
	"github.com/usher-scim/usher/scim/schema"
)

// maxGroupOperations bounds one PATCH of a group; some clients write an operation for each member.
const maxGroupOperations = 10_000

// largeGroup is the number of members above which a PATCH is answered without the group (law 13).
const largeGroup = 1000

func (s *Server) createGroup(x *exchange) error {
	w, members, _, err := x.readGroup()
	if err != nil {
		return err
	}
	if len(members) > 0 {
		w.Members = []directory.MemberOp{{Kind: directory.AddMembers, Members: members}}
	}
	group, err := s.directory.CreateGroup(x.ctx(), x.source, x.request, w, x.memberPolicy())
	if err != nil {
		return err
	}
	x.w.Header().Set("Location", x.groupLocation(group.ID))
	return x.sendGroup(http.StatusCreated, group)
}

func (s *Server) getGroup(x *exchange) error {
	id, err := x.id("group")
	if err != nil {
		return err
	}
	group, err := s.directory.Group(x.ctx(), x.source, id)
	if err != nil {
		return err
	}
	return x.sendGroup(http.StatusOK, group)
}

// putGroup replaces a group. A body without "members" says nothing of them: renaming a group must not empty it.
func (s *Server) putGroup(x *exchange) error {
	id, err := x.id("group")
	if err != nil {
		return err
	}
	w, members, said, err := x.readGroup()
	if err != nil {
		return err
	}
	if said {
		w.Members = []directory.MemberOp{{Kind: directory.ReplaceMembers, Members: members}}
	}
	group, _, err := s.directory.UpdateGroup(x.ctx(), x.source, x.request, id, x.memberPolicy(),
		func(directory.Group) (directory.GroupWrite, error) { return w, nil })
	if err != nil {
		return err
	}
	return x.sendGroup(http.StatusOK, group)
}

func (s *Server) patchGroup(x *exchange) error {
	id, err := x.id("group")
	if err != nil {
		return err
	}
	operations, err := x.readPatch(s.limits.GroupBody, maxGroupOperations)
	if err != nil {
		return err
	}
	rules := x.patchRules(s.groups)
	group, _, err := s.directory.UpdateGroup(x.ctx(), x.source, x.request, id, x.memberPolicy(), func(g directory.Group) (directory.GroupWrite, error) {
		before, err := groupResource(g)
		if err != nil {
			return directory.GroupWrite{}, err
		}
		result, err := rules.Apply(before, operations)
		if err != nil {
			return directory.GroupWrite{}, err
		}
		w := s.groupWrite(result.Resource)
		w.Members = result.Members
		return w, nil
	})
	if err != nil {
		return err
	}
	if x.projection(s.groups).members {
		large, err := s.isLarge(x, id)
		if err != nil {
			return err
		}
		if large {
			x.w.Header().Set("ETag", etag(group.Version))
			x.sendNothing()
			return nil
		}
	}
	return x.sendGroup(http.StatusOK, group)
}

func (s *Server) isLarge(x *exchange, id uuid.UUID) (bool, error) {
	first, err := s.directory.Members(x.ctx(), id, uuid.Nil, largeGroup)
	if err != nil || len(first) < largeGroup {
		return false, err
	}
	more, err := s.directory.Members(x.ctx(), id, first[len(first)-1].Person, 1)
	return len(more) > 0, err
}

func (s *Server) deleteGroup(x *exchange) error {
	id, err := x.id("group")
	if err != nil {
		return err
	}
	if err := s.directory.DeleteGroup(x.ctx(), x.source, x.request, id); err != nil {
		return err
	}
	x.sendNothing()
	return nil
}

func (x *exchange) memberPolicy() directory.MemberPolicy {
	return directory.MemberPolicy{Early: x.dialect.EarlyReferences}
}

// readGroup reads the body of a POST or PUT. said tells whether it speaks of members at all, if only to say that there are none.
func (x *exchange) readGroup() (w directory.GroupWrite, members []directory.MemberRef, said bool, err error) {
	body, err := x.read(x.limits.GroupBody)
	if err != nil {
		return w, nil, false, err
	}
	// Members are taken out first: there may be too many to be held as an attribute.
	for key, value := range body {
		target, ok := x.groups.Resolve(key, x.mode())
		if !ok || target.Attr == nil || target.Attr.Path != "members" || target.Sub != nil {
			continue
		}
		said = true
		delete(body, key)
		if members, err = patch.Members(target.Attr, value, x.mode()); err != nil {
			return w, nil, false, err
		}
	}
	resource, err := x.groups.Normalize(body, x.mode())
	if err != nil {
		return w, nil, false, err
	}
	if err := x.groups.Complete(resource); err != nil {
		return w, nil, false, err
	}
	return x.groupWrite(resource), members, said, nil
}

// groupWrite turns a resource in canonical form into what the directory stores, members apart.
func (s *Server) groupWrite(resource map[string]any) directory.GroupWrite {
	var w directory.GroupWrite
	w.Name, _ = resource["displayName"].(string)
	w.ExternalID, _ = resource["externalId"].(string)
	delete(resource, "displayName")
	delete(resource, "externalId")
	w.Attributes = s.groups.Append(nil, resource)
	return w
}

// groupResource is the canonical form of a group, without members.
func groupResource(g directory.Group) (map[string]any, error) {
	resource, err := decode(g.Attributes)
	if err != nil {
		return nil, err
	}
	resource["displayName"] = g.Name
	if g.ExternalID != "" {
		resource["externalId"] = g.ExternalID
	}
	return resource, nil
}

func (x *exchange) groupLocation(id uuid.UUID) string { return x.base() + "/Groups/" + id.String() }

func (x *exchange) groupMeta(g directory.Group) meta {
	return meta{"Group", x.groupLocation(g.ID), g.Created, g.Modified, g.Version}
}

// sendGroup streams a group with its members, unless they are not wanted.
func (x *exchange) sendGroup(status int, g directory.Group) error {
	x.w.Header().Set("ETag", etag(g.Version))
	out := x.stream(status)
	if err := x.writeGroup(out, g, x.projection(x.groups)); err != nil {
		return err
	}
	return out.flush()
}

// writeGroup writes one group. Members are read page by page, each page in a transaction of its own that is over before the page is
// sent: a slow client holds nothing open.
func (x *exchange) writeGroup(out *stream, g directory.Group, p projection) error {
	head := appendHead(nil, x.groups, g.Attributes, g.ID)
	head = schema.AppendString(append(head, `,"displayName":`...), g.Name)
	if g.ExternalID != "" {
		head = schema.AppendString(append(head, `,"externalId":`...), g.ExternalID)
	}
	out.write(appendAttributes(head, g.Attributes))
	if p.members {
		out.write([]byte(`,"members":[`))
		separator := ""
		users := x.base() + "/Users/"
		for page, err := range x.memberPages(g.ID) {
			if err != nil {
				return err
			}
			for _, m := range page {
				out.write(appendMember([]byte(separator), m, users))
				separator = ","
			}
		}
		out.write([]byte{']'})
	}
	out.write(append(x.groupMeta(g).append([]byte{','}), '}'))
	return nil
}

func appendMember(dst []byte, m directory.Member, users string) []byte {
	value := patch.MemberValue(m)
	dst = schema.AppendString(append(dst, `{"value":`...), value)
	if m.Person != uuid.Nil {
		dst = schema.AppendString(append(dst, `,"$ref":`...), users+value)
	}
	if m.Display != "" {
		dst = schema.AppendString(append(dst, `,"display":`...), m.Display)
	}
	return append(dst, `,"type":"User"}`...)
}

// memberPages reads the members of a group, then those that are still waited for, if this client names members early.
func (x *exchange) memberPages(group uuid.UUID) iter.Seq2[[]directory.Member, error] {
	return func(yield func([]directory.Member, error) bool) {
		after := uuid.Nil
		for {
			page, err := x.directory.Members(x.ctx(), group, after, directory.MaxPage)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(page) > 0 && !yield(page, nil) {
				return
			}
			if len(page) < directory.MaxPage {
				break
			}
			after = page[len(page)-1].Person
		}
		if x.dialect.EarlyReferences {
			yield(x.directory.PendingMembers(x.ctx(), group))
		}
	}
}

// filterGroup is a group as filters see it. Members are read only when the filter comes to them, and only as far as
// it needs; failed gets the error of a read that broke off.
func (x *exchange) filterGroup(g directory.Group, f *filter.Filter, failed *error) (map[string]any, error) {
	resource, err := groupResource(g)
	if err != nil {
		return nil, err
	}
	resource["id"] = g.ID.String()
	resource["schemas"] = anyList(present(x.groups, g.Attributes))
	resource["meta"] = x.groupMeta(g).value()
	if f.Uses("members") {
		resource["members"] = iter.Seq[any](func(yield func(any) bool) {
			for page, err := range x.memberPages(g.ID) {
				if err != nil {
					*failed = err
					return
				}
				for _, m := range page {
					if !yield(patch.Element(m)) {
						return
					}
				}
			}
		})
	}
	return resource, nil
}
