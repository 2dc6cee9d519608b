package mapping

import (
	"maps"
	"slices"
	"strings"
)

// Extension is a schema of users that an administrator added to those of the RFCs (RFC 7643, section 3.3): what expressions see as
// user["urn:…"].
type Extension struct {
	URN        string      `json:"urn"`
	Attributes []Attribute `json:"attributes"`
}

// Attribute is one attribute of an Extension, or a sub-attribute of one.
type Attribute struct {
	Name string `json:"name"`
	// Type is the data type as RFC 7643, section 2.3, spells it: "string", "boolean", "decimal", "integer", "dateTime", "binary",
	// "reference" or "complex". Expressions know boolean as true and false, the numbers as numbers and all other simple ones as text.
	Type  string      `json:"type"`
	Multi bool        `json:"multiValued,omitempty"`
	Sub   []Attribute `json:"subAttributes,omitempty"` // of a complex attribute
}

// Extender is a Catalog that knows extension schemas. One that is none has the enterprise extension alone.
type Extender interface {
	// Extensions returns the schemas of users that run now, besides those of the RFCs. It reads no store, so that it may be asked
	// inside a transaction.
	Extensions() []Extension
}

// Extensions returns those of a catalogue, in the order of their URNs; none is an empty list and not nil.
func Extensions(cat Catalog) []Extension {
	list := []Extension{}
	if e, ok := cat.(Extender); ok {
		list = append(list, e.Extensions()...)
	}
	slices.SortFunc(list, func(a, b Extension) int { return strings.Compare(a.URN, b.URN) })
	return list
}

// extensions are the schemas that expressions may use, by URN. Nil means that they are not known yet, as while a document is
// parsed: then nothing is asked of an extension's attributes.
type extensions map[string]Extension

func newExtensions(list []Extension) extensions {
	all := extensions{enterprise: enterpriseExtension()}
	for _, e := range list {
		all[e.URN] = e
	}
	return all
}

// enterpriseExtension is RFC 7643, section 4.3. Its attributes have short names as well, see userShape.
func enterpriseExtension() Extension {
	e := Extension{URN: enterprise, Attributes: []Attribute{{Name: "manager", Type: "complex", Sub: []Attribute{
		{Name: "value", Type: "string"}, {Name: "$ref", Type: "reference"}, {Name: "displayName", Type: "string"},
	}}}}
	for _, name := range companyFields {
		e.Attributes = append(e.Attributes, Attribute{Name: name, Type: "string"})
	}
	return e
}

func (all extensions) urns() []string { return slices.Sorted(maps.Keys(all)) }

// shape types an extension: an object that is always there, whose lists are never nil and whose other attributes may be absent.
func (e Extension) shape() shape { return objectOf(e.Attributes, false) }

// objectOf types an object by its attributes. Of a list of objects each attribute is a list: what all elements have of it.
func objectOf(attributes []Attribute, each bool) shape {
	s := shape{kind: objectKind, always: true, fields: make(map[string]shape, len(attributes))}
	for _, a := range attributes {
		s.fields[a.Name] = a.shape(each)
	}
	return s
}

func (a Attribute) shape(each bool) shape {
	switch {
	case a.Type == "complex":
		return objectOf(a.Sub, each || a.Multi)
	case each || a.Multi:
		return shape{kind: listKind, elem: a.kind()}
	}
	return shape{kind: a.kind(), maybe: true}
}

// kind is that of one value of a simple attribute.
func (a Attribute) kind() kind {
	switch a.Type {
	case "boolean":
		return boolKind
	case "decimal", "integer":
		return numberKind
	}
	return textKind
}

// value is what expressions see of an extension: what its shape promises, whatever stands in the profile.
func (e Extension) value(stored any) map[string]any {
	object, _ := stored.(map[string]any)
	return objectValue(e.Attributes, object)
}

func objectValue(attributes []Attribute, stored map[string]any) map[string]any {
	object := make(map[string]any, len(attributes))
	for i := range attributes {
		a := &attributes[i]
		switch value := stored[a.Name]; {
		case a.Type == "complex" && a.Multi:
			object[a.Name] = columns(a.Sub, value)
		case a.Type == "complex":
			inner, _ := value.(map[string]any)
			object[a.Name] = objectValue(a.Sub, inner)
		case a.Multi:
			object[a.Name] = a.appendTo([]any{}, value)
		default:
			if one := a.simple(value); one != nil {
				object[a.Name] = one
			}
		}
	}
	return object
}

// columns turns a list of objects into an object of lists, the primary element's values first (RFC 7643, section 2.4).
func columns(sub []Attribute, stored any) map[string]any {
	elements, _ := stored.([]any)
	object := make(map[string]any, len(sub))
	for i := range sub {
		column := []any{}
		for _, primary := range []bool{true, false} {
			for _, element := range elements {
				if row, _ := element.(map[string]any); (row["primary"] == true) == primary {
					column = sub[i].appendTo(column, row[sub[i].Name])
				}
			}
		}
		object[sub[i].Name] = column
	}
	return object
}

// appendTo appends the values of the attribute's type.
func (a *Attribute) appendTo(list []any, stored any) []any {
	many, ok := stored.([]any)
	if !ok {
		many = []any{stored}
	}
	for _, one := range many {
		if value := a.simple(one); value != nil {
			list = append(list, value)
		}
	}
	return list
}

// simple is a value of the attribute's type, or nil: an empty text is absent, and so is what is not of the type.
func (a *Attribute) simple(stored any) any {
	switch value := stored.(type) {
	case string:
		if a.kind() == textKind && value != "" {
			return value
		}
	case bool:
		if a.kind() == boolKind {
			return value
		}
	case float64:
		if a.kind() == numberKind {
			return value
		}
	}
	return nil
}
