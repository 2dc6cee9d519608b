package scim

import (
	"bytes"
	"net/http"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/patch"
	"github.com/usher-scim/usher/scim/schema"
)

// maxUserOperations bounds one PATCH of a user. Its operations run inside of a store transaction.
const maxUserOperations = 1000

func (s *Server) createUser(x *exchange) error {
	p, err := x.projection(s.users)
	if err != nil {
		return err
	}
	resource, err := x.readUser()
	if err != nil {
		return err
	}
	p = p.forReply(writtenIn(s.users, resource))
	options := directory.CreateOptions{Reactivate: x.dialect.ReactivateOnCreate}
	user, err := s.directory.CreateUser(x.ctx(), x.source, x.request, s.userWrite(resource, true), options)
	if err != nil {
		return err
	}
	return x.sendUser(http.StatusCreated, user, p)
}

func (s *Server) getUser(x *exchange) error {
	id, err := x.id("user")
	if err != nil {
		return err
	}
	p, err := x.projection(s.users)
	if err != nil {
		return err
	}
	user, err := s.directory.User(x.ctx(), x.source, id, p.readOptions()...)
	if err != nil {
		return err
	}
	if same, err := x.unmodified(userTag(user), p.groups == nil); same || err != nil {
		return err
	}
	return x.sendUser(http.StatusOK, user, p)
}

func (s *Server) putUser(x *exchange) error {
	id, err := x.id("user")
	if err != nil {
		return err
	}
	p, err := x.projection(s.users)
	if err != nil {
		return err
	}
	resource, err := x.readUser()
	if err != nil {
		return err
	}
	user, _, err := s.directory.UpdateUser(x.ctx(), x.source, x.request, id, func(u directory.User) (directory.UserWrite, error) {
		if err := x.preconditions(recordTag(u)); err != nil {
			return directory.UserWrite{}, err
		}
		before, err := userResource(u)
		if err != nil {
			return directory.UserWrite{}, err
		}
		if err := s.users.Unchanged(before, resource); err != nil {
			return directory.UserWrite{}, err
		}
		return s.userWrite(schema.Clone(resource), u.Active), nil
	})
	if err != nil {
		return err
	}
	return x.sendUser(http.StatusOK, user, p.forReply(writtenIn(s.users, resource)))
}

func (s *Server) patchUser(x *exchange) error {
	id, err := x.id("user")
	if err != nil {
		return err
	}
	p, err := x.projection(s.users)
	if err != nil {
		return err
	}
	operations, err := x.readPatch(s.limits.UserBody, maxUserOperations)
	if err != nil {
		return err
	}
	active, alone := activeAlone(operations)
	rules := x.patchRules(s.users)
	written := func(*schema.Attribute) bool { return false } // of what is returned on request alone
	user, _, err := s.directory.UpdateUser(x.ctx(), x.source, x.request, id, func(u directory.User) (directory.UserWrite, error) {
		if err := x.preconditions(recordTag(u)); err != nil {
			return directory.UserWrite{}, err
		}
		if alone {
			if w, ok := withActive(u, active); ok {
				return w, nil
			}
		}
		before, err := userResource(u)
		if err != nil {
			return directory.UserWrite{}, err
		}
		result, err := rules.Apply(before, operations)
		if err != nil {
			return directory.UserWrite{}, err
		}
		written = changedIn(s.users, before, result.Resource)
		return s.userWrite(result.Resource, u.Active), nil
	})
	if err != nil {
		return err
	}
	return x.sendUser(http.StatusOK, user, p.forReply(written))
}

func (s *Server) deleteUser(x *exchange) error {
	id, err := x.id("user")
	if err != nil {
		return err
	}
	check := func(u directory.User) error { return x.preconditions(recordTag(u)) }
	if err := s.directory.DeleteUser(x.ctx(), x.source, x.request, id, check); err != nil {
		return err
	}
	x.sendNothing()
	return nil
}

// me is for tokens that name a user; none do (RFC 7644 section 3.11).
func (s *Server) me(*exchange) error {
	return fault.Status(http.StatusNotImplemented, "/Me is not available: a token stands for a source, not for a user")
}

func (x *exchange) readPatch(limit int64, most int) ([]patch.Operation, error) {
	body, err := x.read(limit)
	if err != nil {
		return nil, err
	}
	return patch.Parse(body, most)
}

func (x *exchange) patchRules(t *schema.ResourceType) patch.Rules {
	return patch.Rules{Type: t, Mode: x.mode(), ReplaceCreates: x.dialect.ReplaceCreatesMissing}
}

// readResource reads a body that must be one of a type of resource.
func (x *exchange) readResource(t *schema.ResourceType, limit int64) (map[string]any, error) {
	body, err := x.read(limit)
	if err != nil {
		return nil, err
	}
	if err := t.Envelope(body, x.mode()); err != nil {
		return nil, err
	}
	return t.Flat(body)
}

// readUser reads the body of a POST or PUT into canonical form.
func (x *exchange) readUser() (map[string]any, error) {
	body, err := x.readResource(x.users, x.limits.UserBody)
	if err != nil {
		return nil, err
	}
	resource, err := x.users.Normalize(body, x.mode())
	if err != nil {
		return nil, err
	}
	return resource, x.users.Complete(resource)
}

// userWrite turns a resource in canonical form, which it completes, into what the directory stores. A resource that does not say whether it is
// active stays as it was: nobody comes back by omission.
func (s *Server) userWrite(resource map[string]any, wasActive bool) directory.UserWrite {
	active, said := resource["active"].(bool)
	if !said {
		active = wasActive
		resource["active"] = active
	}
	w := directory.UserWrite{Active: active, Emails: emails(resource)}
	w.UserName, _ = resource["userName"].(string)
	w.ExternalID, _ = resource["externalId"].(string)
	w.Attributes = s.users.Append(make([]byte, 0, 512), resource) // most fit
	return w
}

// emails lists the addresses of a user, the primary one first.
func emails(resource map[string]any) []string {
	list, _ := resource["emails"].([]any)
	var addresses []string
	for _, element := range list {
		email, _ := element.(map[string]any)
		address, _ := email["value"].(string)
		if address == "" {
			continue
		}
		if email["primary"] == true {
			addresses = append([]string{address}, addresses...)
		} else {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// userResource is the canonical form of what a source reads of a user.
func userResource(u directory.User) (map[string]any, error) {
	resource, err := decode(u.Attributes)
	if err != nil {
		return nil, err
	}
	resource["active"] = u.Active
	return resource, nil
}

func (x *exchange) userLocation(id uuid.UUID) string { return x.location("/Users/", id) }

func (x *exchange) userMeta(u directory.User) meta {
	return meta{"User", x.userLocation(u.Person), u.Created, u.Modified, recordTag(u)}
}

func (x *exchange) sendUser(status int, u directory.User, p *projection) error {
	m := x.userMeta(u)
	body, err := x.appendUser(make([]byte, 0, len(u.Attributes)+512), u, p, m)
	if err != nil {
		return err
	}
	if status == http.StatusCreated {
		x.w.Header().Set("Location", m.location)
	}
	x.w.Header().Set("ETag", userTag(u))
	x.send(status, body)
	return nil
}

// appendUser writes a user as the source reads it: its stored attributes as they are, and around them what the server knows; all of it as
// far as it is wanted.
func (x *exchange) appendUser(dst []byte, u directory.User, p *projection, m meta) ([]byte, error) {
	attributes := []byte(u.Attributes)
	if !u.Held || !bytes.Contains(attributes, []byte(`"active":`)) { // a merge, or written by what is not a SCIM client
		resource, err := userResource(u)
		if err != nil {
			return nil, err
		}
		attributes = x.users.Append(nil, resource)
	}
	attributes = p.project(attributes)
	if p.status != nil {
		var err error
		if attributes, err = x.withStatus(attributes, u.Person, p.status); err != nil {
			return nil, err
		}
	}
	dst = appendHead(dst, x.users, attributes, u.Person)
	dst = appendAttributes(dst, attributes)
	if len(u.Groups) > 0 && p.groups != nil {
		dst = append(dst, `,"groups":[`...)
		for i, g := range u.Groups {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = x.appendGroupRef(dst, g, p.groups)
		}
		dst = append(dst, ']')
	}
	dst = m.append(dst, p.meta)
	return append(dst, '}'), nil
}

// appendGroupRef writes an element of a user's groups. Each of its parts has a value.
func (x *exchange) appendGroupRef(dst []byte, g directory.GroupRef, s *shape) []byte {
	o := beginObject(dst)
	if s.has("value") {
		o.dst = appendID(append(o.name("value"), '"'), g.ID)
	}
	if s.has("$ref") {
		o.dst = schema.AppendString(o.name("$ref"), x.groupLocation(g.ID))
	}
	if s.has("display") {
		o.dst = schema.AppendString(o.name("display"), g.Name)
	}
	if s.has("type") {
		o.dst = append(o.name("type"), `"direct"`...)
	}
	return append(o.dst, '}')
}

// filterUser is a user as filters and sorting see it, as far as they look: with all that the server adds.
func (x *exchange) filterUser(u directory.User, l look) (map[string]any, error) {
	resource, err := l.decode(u.Attributes)
	if err != nil {
		return nil, err
	}
	resource["active"] = u.Active
	var groups []any
	for _, g := range u.Groups {
		groups = append(groups, map[string]any{"value": g.ID.String(), "$ref": x.groupLocation(g.ID), "display": g.Name, "type": "direct"})
	}
	if len(groups) > 0 {
		resource["groups"] = groups
	}
	if l.has("id") {
		resource["id"] = u.Person.String()
	}
	if l.has("schemas") {
		resource["schemas"] = anyList(present(x.users, u.Attributes))
	}
	if l.has("meta") {
		resource["meta"] = x.userMeta(u).value()
	}
	return resource, nil
}
