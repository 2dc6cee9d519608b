package schema

import (
	"bytes"
	"slices"
	"strings"

	definition "github.com/elimity-com/scim/schema"

	"github.com/usher-scim/usher/directory"
)

// The URNs of the schemas that RFC 7643 defines for resources.
const (
	UserURN       = definition.UserSchema
	GroupURN      = definition.GroupSchema
	EnterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
)

// Schema is one compiled schema: a core one or an extension.
type Schema struct {
	URN         string
	Name        string
	Description string
	Attributes  []*Attribute

	byName  map[string]*Attribute
	opening []byte // how the extension's object begins in stored attributes
}

// Opens reports whether stored attributes hold the extension. They are compact JSON in canonical form: a quoted URN that is followed by :{ can
// only be a key there, for quotes inside of strings are escaped.
func (s *Schema) Opens(attributes []byte) bool { return bytes.Contains(attributes, s.opening) }

// ResourceType is what a kind of resource consists of: the common attributes, its core schema, its extensions. It is
// the compiled index that bodies, filters and patches are read with; once built it is only read, by
// any number of goroutines.
type ResourceType struct {
	Name        string // "User"
	Endpoint    string // "/Users"
	Description string
	Core        *Schema
	Extensions  []*Schema
	Common      []*Attribute // schemas, id, externalId, meta

	targets   map[string]Target // by path in every form, folded and as the schemas write it
	shorthand map[string]Target // bare names of extension attributes, where only one extension has them
	order     []*Attribute      // the order in which Append writes
}

// Target is what an attribute path names.
type Target struct {
	Extension *Schema    // the extension whose object holds Attr; nil for core and common attributes
	Attr      *Attribute // nil: the whole extension or, with a nil Extension, the core schema itself
	Sub       *Attribute // nil: all of Attr
}

// Leaf returns the attribute that the target ends at, nil if it is a whole schema.
func (t Target) Leaf() *Attribute {
	if t.Sub != nil {
		return t.Sub
	}
	return t.Attr
}

// User compiles the User resource with the enterprise extension and further ones. Compiling costs milliseconds: do it once.
func User(extensions ...definition.Schema) *ResourceType {
	extensions = append([]definition.Schema{definition.ExtensionEnterpriseUser()}, extensions...)
	return New("User", "/Users", definition.CoreUserSchema(), extensions...)
}

// Group compiles the Group resource.
func Group(extensions ...definition.Schema) *ResourceType {
	t := New("Group", "/Groups", definition.CoreGroupSchema(), extensions...)
	// Discovery says what runs: members are users (scim.md law 18), where the RFC's definition has groups as well.
	members := t.Core.Lookup("members")
	members.Lookup("$ref").References = []string{"User"}
	kind := members.Lookup("type")
	kind.Canonical, kind.Description = []string{"User"}, "A label indicating the type of resource: 'User'."
	return t
}

// New compiles a resource type from definitions.
func New(name, endpoint string, core definition.Schema, extensions ...definition.Schema) *ResourceType {
	t := &ResourceType{
		Name: name, Endpoint: endpoint, Description: core.Description.Value(),
		targets: map[string]Target{}, shorthand: map[string]Target{},
	}
	for _, d := range definition.CommonAttributes() {
		t.Common = append(t.Common, compile(d, "", nil))
	}
	t.Core = compileSchema(core, "")
	own := slices.Concat(t.Common, t.Core.Attributes)
	for _, a := range own {
		t.add(a.Name, nil, a)
		t.add(t.Core.URN+":"+a.Name, nil, a)
	}
	t.targets[directory.Fold(t.Core.URN)] = Target{}
	for _, d := range extensions {
		t.extend(Extension(d))
	}
	// externalId stands first, as in the examples of the RFC; schemas, id and meta are not of the stored form.
	t.order = own
	return t
}

// Extension compiles one extension schema, as User and Group do with theirs.
func Extension(d definition.Schema) *Schema { return compileSchema(d, d.ID+":") }

func compileSchema(d definition.Schema, prefix string) *Schema {
	s := &Schema{URN: d.ID, Name: d.Name.Value(), Description: d.Description.Value(), opening: []byte(`"` + d.ID + `":{`)}
	for _, attribute := range d.Attributes {
		s.Attributes = append(s.Attributes, compile(attribute, prefix, nil))
	}
	s.byName = byName(s.Attributes)
	return s
}

func (t *ResourceType) add(path string, extension *Schema, a *Attribute) {
	t.index(path, Target{Extension: extension, Attr: a})
	for _, sub := range a.Sub {
		t.index(path+"."+sub.Name, Target{Extension: extension, Attr: a, Sub: sub})
	}
}

// index makes a target known under its path folded, and under the path itself, so that who writes names as the schemas do costs no folding.
func (t *ResourceType) index(path string, target Target) {
	t.targets[path], t.targets[directory.Fold(path)] = target, target
}

func (t *ResourceType) extend(s *Schema) {
	t.Extensions = append(t.Extensions, s)
	t.targets[directory.Fold(s.URN)] = Target{Extension: s}
	for _, a := range s.Attributes {
		t.add(s.URN+":"+a.Name, s, a)
		name := directory.Fold(a.Name)
		if _, taken := t.targets[name]; taken {
			continue
		}
		if _, twice := t.shorthand[name]; twice {
			t.shorthand[name] = Target{} // two extensions have it: nobody can tell which is meant
			continue
		}
		t.shorthand[name] = Target{Extension: s, Attr: a}
	}
}

// Resolve finds what a path without a filter names: "attr", "attr.sub", "urn:…:attr", "urn:…:attr.sub" or "urn:…" of a
// whole schema, in any case (RFC 7644 section 3.10). It reports false for what this resource type does not have.
func (t *ResourceType) Resolve(path string, m Mode) (Target, bool) {
	if target, ok := t.targets[path]; ok {
		return target, true
	}
	if target, ok := t.targets[directory.Fold(path)]; ok {
		return target, true
	}
	if !m.Shorthand {
		return Target{}, false
	}
	name, sub, dotted := strings.Cut(path, ".")
	target, ok := t.shorthand[directory.Fold(name)]
	if !ok || target.Attr == nil {
		return Target{}, false
	}
	if dotted {
		if target.Sub = target.Attr.Lookup(sub); target.Sub == nil {
			return Target{}, false
		}
	}
	return target, true
}

// Mode is how strictly a client's words are taken.
type Mode struct {
	// Strict refuses attributes that the schemas do not have; else they are ignored.
	Strict bool
	// Shorthand takes the bare name of an extension's attribute ("department") for the attribute, where no
	// core attribute has the name.
	Shorthand bool
}
