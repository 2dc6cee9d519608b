package schema

import (
	definition "github.com/elimity-com/scim/schema"

	"github.com/usher-scim/usher/directory"
)

// Type is the data type of an attribute (RFC 7643 section 2.3), spelled as on the wire.
type Type string

// The data types.
const (
	String    Type = "string"
	Boolean   Type = "boolean"
	Decimal   Type = "decimal"
	Integer   Type = "integer"
	DateTime  Type = "dateTime"
	Binary    Type = "binary"
	Reference Type = "reference"
	Complex   Type = "complex"
)

// Mutability says when a value may be written (RFC 7643 section 7), spelled as on the wire.
type Mutability string

// The mutabilities.
const (
	ReadWrite Mutability = "readWrite"
	ReadOnly  Mutability = "readOnly"
	Immutable Mutability = "immutable"
	WriteOnly Mutability = "writeOnly"
)

// The values of Attribute.Returned (RFC 7643 section 7), spelled as on the wire.
const (
	Always  = "always"  // whatever a client asks for
	Never   = "never"   // what no response holds, such as a password
	Default = "default" // unless a client asks for something else
	Request = "request" // if a client asks for it or has just written it
)

// Attribute is one attribute or sub-attribute, compiled. It is never changed after New.
type Attribute struct {
	Name        string // canonical, "givenName"
	Path        string // canonical and whole: "name.givenName", "urn:…:User:manager.value"
	Parent      *Attribute
	Type        Type
	Multi       bool // multi-valued
	CaseExact   bool
	Required    bool
	Mutability  Mutability
	Returned    string
	Uniqueness  string
	Canonical   []string // suggested values; others are taken as well
	References  []string
	Description string
	Sub         []*Attribute // of a complex attribute, in the order of the definition

	byName map[string]*Attribute
}

// Lookup returns the sub-attribute of that name in any case, nil if there is none.
func (a *Attribute) Lookup(name string) *Attribute {
	return lookup(a.byName, name)
}

func lookup(index map[string]*Attribute, name string) *Attribute {
	if a := index[name]; a != nil {
		return a
	}
	return index[directory.Fold(name)]
}

// compile turns a definition into an Attribute; prefix is what stands before its name in a path.
func compile(d definition.CoreAttribute, prefix string, parent *Attribute) *Attribute {
	a := &Attribute{
		Name: d.Name(), Path: prefix + d.Name(), Parent: parent,
		Type: Type(d.AttributeType()), Multi: d.MultiValued(), CaseExact: d.CaseExact(), Required: d.Required(),
		Mutability: Mutability(d.Mutability()), Returned: d.Returned(), Uniqueness: d.Uniqueness(),
		Canonical: d.CanonicalValues(), Description: d.Description(),
	}
	for _, r := range d.ReferenceTypes() {
		a.References = append(a.References, string(r))
	}
	for _, sub := range d.SubAttributes() {
		a.Sub = append(a.Sub, compile(sub, a.Path+".", a))
	}
	a.byName = byName(a.Sub)
	return a
}

// byName indexes attributes by their canonical and by their folded name.
func byName(attributes []*Attribute) map[string]*Attribute {
	index := make(map[string]*Attribute, 2*len(attributes))
	for _, a := range attributes {
		index[a.Name] = a
		index[directory.Fold(a.Name)] = a
	}
	return index
}
