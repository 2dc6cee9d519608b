package scim

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/schema"
)

// projection is which parts of a resource are returned (RFC 7644 section 3.9, RFC 7643 section 7), compiled for a resource type. It
// is only read; requests share it.
//
// "attributes" and "excludedAttributes" exclude each other: both together are 400 invalidValue. Names that the type does not have are
// passed over. "id" and "schemas" are always returned, and "schemas" lists the schemas of what is.
type projection struct {
	root  shape
	plain bool // stored attributes are returned as they stand
	// What the server adds to the stored attributes; nil where it is not wanted, and then not even read.
	members, groups, meta, status *shape

	compiled projectionSource
	requests bool // the type has attributes that a client writes and that are returned on request
}

// shape is which members of a JSON object, or of the objects in a list, are returned.
type shape struct {
	whole bool              // all of them
	parts map[string]*shape // by canonical name
}

// has says whether a member is returned, of no shape none.
func (s *shape) has(name string) bool {
	return s != nil && (s.whole || s.parts[name] != nil)
}

// maxProjectionNames bounds what one request may ask a projection to be made of.
const maxProjectionNames = 500

// projection returns what the address of a request asks to be returned of a resource of the type.
func (x *exchange) projection(t *schema.ResourceType) (*projection, error) {
	return x.project(t, strings.Join(x.query["attributes"], ","), strings.Join(x.query["excludedAttributes"], ","))
}

// project compiles lists of attribute names, with commas between them, or returns what was compiled of the same before.
func (x *exchange) project(t *schema.ResourceType, attributes, excluded string) (*projection, error) {
	if blank(attributes) {
		attributes = ""
	}
	if blank(excluded) {
		excluded = ""
	}
	if attributes != "" && excluded != "" {
		return nil, fault.New(fault.InvalidValue, "attributes and excludedAttributes exclude each other: send one of them")
	}
	names := attributes + excluded
	if strings.Count(names, ",") >= maxProjectionNames {
		return nil, fault.New(fault.InvalidValue, "more than %d names of attributes", maxProjectionNames)
	}
	return x.projections.get(projectionSource{t: t, shorthand: x.mode().Shorthand, names: names, only: attributes != ""}), nil
}

func blank(names string) bool { return strings.Trim(names, ", \t") == "" }

// forReply returns the projection of the reply to a write. Attributes that are returned on request alone are also returned where the
// client has just written them (RFC 7643 section 7): written says which.
func (p *projection) forReply(written func(*schema.Attribute) bool) *projection {
	if !p.requests {
		return p
	}
	return p.compiled.compile(written)
}

// projectionSource is what a projection is compiled from.
type projectionSource struct {
	t         *schema.ResourceType
	shorthand bool
	names     string // with commas between them
	only      bool   // names are all that is returned; else they are left out
}

// projections keeps the compiled projections of the few shapes that clients ask for. When it is full it starts afresh.
type projections struct {
	mu       sync.RWMutex
	bySource map[projectionSource]*projection
}

const (
	maxProjections     = 256
	maxProjectionCache = 1 << 10 // bytes of names: longer lists are compiled each time
)

func (c *projections) get(s projectionSource) *projection {
	c.mu.RLock()
	p := c.bySource[s]
	c.mu.RUnlock()
	if p != nil {
		return p
	}
	p = s.compile(func(*schema.Attribute) bool { return false })
	if len(s.names) > maxProjectionCache {
		return p
	}
	s.names = strings.Clone(s.names) // do not keep the whole request
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bySource == nil || len(c.bySource) >= maxProjections {
		c.bySource = map[projectionSource]*projection{}
	}
	c.bySource[s] = p
	return p
}

func (s projectionSource) compile(written func(*schema.Attribute) bool) *projection {
	c := chooser{only: s.only, attributes: map[*schema.Attribute]bool{}, schemas: map[*schema.Schema]bool{}, written: written}
	for name := range strings.SplitSeq(s.names, ",") {
		target, ok := s.t.Resolve(strings.TrimSpace(name), schema.Mode{Shorthand: s.shorthand})
		switch {
		case !ok:
		case target.Leaf() != nil:
			c.attributes[target.Leaf()] = true
		case target.Extension != nil:
			c.schemas[target.Extension] = true
		default:
			c.schemas[s.t.Core] = true
		}
	}
	p := &projection{root: shape{parts: map[string]*shape{}}, compiled: s}
	c.add(p.root.parts, s.t.Common, false)
	c.add(p.root.parts, s.t.Core.Attributes, c.schemas[s.t.Core])
	for _, extension := range s.t.Extensions {
		parts := map[string]*shape{}
		if c.add(parts, extension.Attributes, c.schemas[extension]); len(parts) > 0 {
			p.root.parts[extension.URN] = &shape{parts: parts}
		}
		p.requests = p.requests || onRequest(extension.Attributes)
	}
	p.plain, p.requests = !c.dropped, p.requests || onRequest(s.t.Core.Attributes)
	p.members, p.groups, p.meta = p.root.parts["members"], p.root.parts["groups"], p.root.parts["meta"]
	p.status = p.root.parts[StatusURN]
	return p
}

// onRequest says whether some attribute that can be written is returned on request alone.
func onRequest(attributes []*schema.Attribute) bool {
	return slices.ContainsFunc(attributes, func(a *schema.Attribute) bool {
		return a.Stored() && (a.Returned == schema.Request || onRequest(a.Sub))
	})
}

// chooser decides attribute by attribute what is returned.
type chooser struct {
	only       bool // only what is named is returned; else it is left out
	attributes map[*schema.Attribute]bool
	schemas    map[*schema.Schema]bool
	written    func(*schema.Attribute) bool

	dropped bool // something is not returned that may be stored
}

// add puts the shapes of those attributes that are returned into parts. named says that the whole schema was.
func (c *chooser) add(parts map[string]*shape, attributes []*schema.Attribute, named bool) {
	for _, a := range attributes {
		if s := c.shape(a, named); s != nil {
			parts[a.Name] = s
		} else {
			c.dropped = c.dropped || a.Stored()
		}
	}
}

// wanted is the table of RFC 7643 section 7; around says that what the attribute stands in was named.
func (c *chooser) wanted(a *schema.Attribute, around bool) bool {
	named := c.attributes[a]
	switch a.Returned {
	case schema.Never:
		return false
	case schema.Always:
		return true
	case schema.Request:
		if c.only {
			return named || around
		}
		return c.written(a) && !named && !around
	default:
		return c.only == (named || around)
	}
}

// shape returns what is returned of an attribute of a resource, nil for nothing.
func (c *chooser) shape(a *schema.Attribute, schemaNamed bool) *shape {
	wholly := c.wanted(a, schemaNamed)
	partly := c.only && a.Returned != schema.Never && slices.ContainsFunc(a.Sub, func(sub *schema.Attribute) bool { return c.attributes[sub] })
	if !wholly && !partly {
		return nil
	}
	s := &shape{whole: true, parts: map[string]*shape{}}
	for _, sub := range a.Sub {
		if c.wanted(sub, c.only && wholly) {
			s.parts[sub.Name] = &shape{whole: true}
			continue
		}
		s.whole = false
		c.dropped = c.dropped || sub.Stored()
	}
	if !s.whole && len(s.parts) == 0 {
		return nil
	}
	return s
}

// writtenIn says of each attribute whether a resource in canonical form, as the client has just written it, has it.
func writtenIn(t *schema.ResourceType, resource map[string]any) func(*schema.Attribute) bool {
	return func(a *schema.Attribute) bool {
		target, ok := t.Resolve(a.Path, schema.Mode{})
		if !ok {
			return false
		}
		value := t.Get(resource, target)
		if target.Sub == nil {
			return value != nil
		}
		elements, isList := value.([]any)
		if !isList {
			elements = []any{value}
		}
		return slices.ContainsFunc(elements, func(element any) bool {
			object, _ := element.(map[string]any)
			return object[target.Sub.Name] != nil
		})
	}
}

// writtenGroup is writtenIn for a group.
func writtenGroup(t *schema.ResourceType, w directory.GroupWrite) func(*schema.Attribute) bool {
	return func(a *schema.Attribute) bool {
		resource, err := decode(w.Attributes)
		return err == nil && writtenIn(t, resource)(a)
	}
}

// changedIn says of each attribute whether it has another value, or none any more, after a patch.
func changedIn(t *schema.ResourceType, before, after map[string]any) func(*schema.Attribute) bool {
	return func(a *schema.Attribute) bool {
		target, ok := t.Resolve(a.Path, schema.Mode{})
		return ok && !reflect.DeepEqual(t.Get(before, target), t.Get(after, target))
	}
}

// readOptions leaves out of a read of users what is not returned.
func (p *projection) readOptions() []directory.ReadOption {
	if p.groups != nil {
		return nil
	}
	return []directory.ReadOption{directory.WithoutGroups}
}
