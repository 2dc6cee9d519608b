package scim

import (
	"iter"
	"net/http"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/patch"
	"github.com/usher-scim/usher/scim/schema"
)

// maxGroupOperations bounds one PATCH of a group; some clients write an operation for each member.
const maxGroupOperations = 10_000

// largeGroup is the number of members above which a PATCH is answered 204 (law 13). RFC 7644 section 3.5.2 leaves the choice to the server unless the client says with "attributes" what it wants to
// see. Okta and Entra take either answer, and a client that adds a thousand people one by one would else be sent half a million
// members.
const largeGroup = 400

func (s *Server) createGroup(x *exchange) error {
	p, err := x.projection(s.groups)
	if err != nil {
		return err
	}
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
	return x.sendGroup(http.StatusCreated, group, p.forReply(writtenGroup(s.groups, w)))
}

func (s *Server) getGroup(x *exchange) error {
	id, err := x.id("group")
	if err != nil {
		return err
	}
	p, err := x.projection(s.groups)
	if err != nil {
		return err
	}
	group, err := s.directory.Group(x.ctx(), x.source, id)
	if err != nil {
		return err
	}
	if same, err := x.unmodified(etag(group.Version), false); same || err != nil {
		return err
	}
	return x.sendGroup(http.StatusOK, group, p)
}

// putGroup replaces a group. A body without "members" says nothing of them: renaming a group must not empty it.
func (s *Server) putGroup(x *exchange) error {
	id, err := x.id("group")
	if err != nil {
		return err
	}
	p, err := x.projection(s.groups)
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
		func(g directory.Group) (directory.GroupWrite, error) { return w, x.preconditions(etag(g.Version)) })
	if err != nil {
		return err
	}
	return x.sendGroup(http.StatusOK, group, p.forReply(writtenGroup(s.groups, w)))
}

func (s *Server) patchGroup(x *exchange) error {
	id, err := x.id("group")
	if err != nil {
		return err
	}
	p, err := x.projection(s.groups)
	if err != nil {
		return err
	}
	operations, err := x.readPatch(s.limits.GroupBody, maxGroupOperations)
	if err != nil {
		return err
	}
	rules := x.patchRules(s.groups)
	var written func(*schema.Attribute) bool
	group, _, err := s.directory.UpdateGroup(x.ctx(), x.source, x.request, id, x.memberPolicy(), func(g directory.Group) (directory.GroupWrite, error) {
		if err := x.preconditions(etag(g.Version)); err != nil {
			return directory.GroupWrite{}, err
		}
		before, err := groupResource(g)
		if err != nil {
			return directory.GroupWrite{}, err
		}
		result, err := rules.Apply(before, operations)
		if err != nil {
			return directory.GroupWrite{}, err
		}
		written = changedIn(s.groups, before, result.Resource)
		w := s.groupWrite(result.Resource)
		w.Members = result.Members
		return w, nil
	})
	if err != nil {
		return err
	}
	if group.Members > largeGroup && p.members != nil && !p.compiled.only {
		x.w.Header().Set("ETag", etag(group.Version))
		x.sendNothing()
		return nil
	}
	return x.sendGroup(http.StatusOK, group, p.forReply(written))
}

func (s *Server) deleteGroup(x *exchange) error {
	id, err := x.id("group")
	if err != nil {
		return err
	}
	check := func(g directory.Group) error { return x.preconditions(etag(g.Version)) }
	if err := s.directory.DeleteGroup(x.ctx(), x.source, x.request, id, check); err != nil {
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
	body, err := x.readResource(x.groups, x.limits.GroupBody)
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

func (x *exchange) groupLocation(id uuid.UUID) string { return x.location("/Groups/", id) }

func (x *exchange) groupMeta(g directory.Group) meta {
	return meta{"Group", x.groupLocation(g.ID), g.Created, g.Modified, etag(g.Version)}
}

// sendGroup streams a group with its members, unless they are not wanted.
func (x *exchange) sendGroup(status int, g directory.Group, p *projection) error {
	x.w.Header().Set("ETag", etag(g.Version))
	out := x.stream(status)
	if err := x.writeGroup(out, g, p); err != nil {
		return err
	}
	return out.flush()
}

// writeGroup writes one group. Members are read page by page, each page in a transaction of its own that is over before the page is
// sent: a slow client holds nothing open.
func (x *exchange) writeGroup(out *stream, g directory.Group, p *projection) error {
	attributes := p.project(g.Attributes)
	head := appendHead(nil, x.groups, attributes, g.ID)
	if p.root.has("displayName") {
		head = schema.AppendString(append(head, `,"displayName":`...), g.Name)
	}
	if g.ExternalID != "" && p.root.has("externalId") {
		head = schema.AppendString(append(head, `,"externalId":`...), g.ExternalID)
	}
	out.write(appendAttributes(head, attributes))
	if p.members != nil {
		if err := x.writeMembers(out, g.ID, p.members); err != nil {
			return err
		}
	}
	out.write(append(x.groupMeta(g).append(nil, p.meta), '}'))
	return nil
}

func (x *exchange) writeMembers(out *stream, group uuid.UUID, s *shape) error {
	out.write([]byte(`,"members":[`))
	separator := ""
	users := x.base() + "/Users/"
	var element []byte
	for page, err := range x.memberPages(group, directory.MaxPage) {
		if err != nil {
			return err
		}
		for _, m := range page {
			element = appendMember(append(element[:0], separator...), m, users, s)
			if len(element) > len(separator)+len("{}") {
				out.write(element)
				separator = ","
			}
		}
	}
	out.write([]byte{']'})
	return nil
}

func appendMember(dst []byte, m directory.Member, users string, s *shape) []byte {
	value := patch.MemberValue(m)
	o := beginObject(dst)
	if s.has("value") {
		o.dst = schema.AppendString(o.name("value"), value)
	}
	if m.Person != uuid.Nil && s.has("$ref") {
		o.dst = schema.AppendString(o.name("$ref"), users+value)
	}
	if m.Display != "" && s.has("display") {
		o.dst = schema.AppendString(o.name("display"), m.Display)
	}
	if s.has("type") {
		o.dst = append(o.name("type"), `"User"`...)
	}
	return append(o.dst, '}')
}

// firstMembers is how many members of a group are read at first for a filter or an order, which often need no more.
const firstMembers = 16

// memberPages reads the members of a group, the first page of a given length, then those that are still waited for, if this client names
// members early.
func (x *exchange) memberPages(group uuid.UUID, limit int) iter.Seq2[[]directory.Member, error] {
	return func(yield func([]directory.Member, error) bool) {
		after := uuid.Nil
		for {
			page, err := x.directory.Members(x.ctx(), group, after, limit)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(page) > 0 && !yield(page, nil) {
				return
			}
			if len(page) < limit {
				break
			}
			after, limit = page[len(page)-1].Person, directory.MaxPage
		}
		if x.dialect.EarlyReferences {
			yield(x.directory.PendingMembers(x.ctx(), group))
		}
	}
}

// filterGroup is a group as filters and sorting see it, as far as they look. Members are read only when the filter comes to them, and
// only as far as it needs; failed gets the error of a read that broke off.
func (x *exchange) filterGroup(g directory.Group, l look, failed *error) (map[string]any, error) {
	resource, err := l.decode(g.Attributes)
	if err != nil {
		return nil, err
	}
	resource["displayName"] = g.Name
	if g.ExternalID != "" {
		resource["externalId"] = g.ExternalID
	}
	if l.has("id") {
		resource["id"] = g.ID.String()
	}
	if l.has("schemas") {
		resource["schemas"] = anyList(present(x.groups, g.Attributes))
	}
	if l.has("meta") {
		resource["meta"] = x.groupMeta(g).value()
	}
	if l.has("members") {
		resource["members"] = iter.Seq[any](func(yield func(any) bool) {
			for page, err := range x.memberPages(g.ID, firstMembers) {
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
