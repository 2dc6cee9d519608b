package scim

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/elimity-com/scim/optional"
	definition "github.com/elimity-com/scim/schema"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/body"
	"github.com/usher-scim/usher/scim/schema"
)

// The bounds of custom schemas.
const (
	MaxSchema     = 256 << 10 // bytes of one document
	maxSchemas    = 16
	maxAttributes = 100 // of one schema, and sub-attributes of one attribute
)

// CustomSchema is an extension schema that an administrator adds to what the RFCs define.
type CustomSchema struct {
	from       string // what it was read from, for errors
	kind       string // the resource type that it extends: "User" or "Group"
	definition definition.Schema
}

// URN returns the schema's id.
func (s CustomSchema) URN() string { return s.definition.ID }

// Extends returns the name of the resource type that it extends: "User" or "Group".
func (s CustomSchema) Extends() string { return s.kind }

// Attributes returns what the schema defines, compiled, in the order of the document.
func (s CustomSchema) Attributes() []*schema.Attribute {
	return schema.Extension(s.definition).Attributes
}

var (
	schemaName    = regexp.MustCompile(`^urn:[A-Za-z0-9][A-Za-z0-9-]{0,31}(:[A-Za-z0-9_.-]+)+$`)
	attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_$-]{0,63}$`)
)

// ParseSchema reads a schema document as RFC 7643 section 7 defines it, of at most MaxSchema bytes; from names it in errors. The last part of
// its id says what it extends, as in the schemas of the RFC: "urn:…:User" or "urn:…:Group".
//
// A characteristic that is left out has the default of RFC 7643 section 2.2. Refused is what would be promised and not kept: a uniqueness other
// than none, what is never returned (it is not stored) and required sub-attributes. Errors name the document and the attribute.
func ParseSchema(from string, text []byte) (CustomSchema, error) {
	s := CustomSchema{from: from}
	if len(text) > MaxSchema {
		return s, fmt.Errorf("%s: the schema is larger than %d bytes", from, MaxSchema)
	}
	document, err := body.Object(text)
	if err != nil {
		return s, fmt.Errorf("%s: %w", from, err)
	}
	r := &schemaReader{from: from, where: from, object: document, known: []string{"schemas", "meta"}}
	id, name, description := r.text("id"), r.text("name"), r.text("description")
	if r.err == nil && !schemaName.MatchString(id) {
		r.fail("the id %q is not a URN such as urn:ietf:params:scim:schemas:extension:acme:2.0:User", clip(id))
	}
	switch last := id[strings.LastIndexByte(id, ':')+1:]; {
	case strings.EqualFold(last, "User"):
		s.kind = "User"
	case strings.EqualFold(last, "Group"):
		s.kind = "Group"
	case r.err == nil:
		r.fail("the id must end in :User or :Group, which says what it extends, not in :%s", clip(last))
	}
	attributes := r.attributes("attributes", "attribute ")
	if err := r.done(); err != nil {
		return s, err
	}
	s.definition = definition.Schema{ID: id, Name: optional.NewString(name), Description: optional.NewString(description)}
	for _, a := range attributes {
		s.definition.Attributes = append(s.definition.Attributes, a.core())
	}
	return s, nil
}

// schemaReader reads one object of a schema document and keeps the first thing that is wrong with it.
type schemaReader struct {
	from   string // the document
	where  string // and the place in it
	object map[string]any
	known  []string // keys that are read or may be there
	err    error
}

func (r *schemaReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %s", r.where, fmt.Sprintf(format, args...))
	}
}

// value finds a key in any case.
func (r *schemaReader) value(name string) any {
	r.known = append(r.known, name)
	for key, value := range r.object {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return nil
}

func (r *schemaReader) text(name string) string {
	value := r.value(name)
	s, ok := value.(string)
	if value != nil && !ok {
		r.fail("%s must be a string", name)
	}
	return s
}

func (r *schemaReader) flag(name string) bool {
	value := r.value(name)
	b, ok := value.(bool)
	if value != nil && !ok {
		r.fail("%s must be true or false", name)
	}
	return b
}

// choice returns which of the words stands there, in their spelling; the first is the default.
func (r *schemaReader) choice(name string, words ...string) string {
	given := r.text(name)
	if given == "" {
		return words[0]
	}
	for _, word := range words {
		if strings.EqualFold(word, given) {
			return word
		}
	}
	r.fail("%s is %q, which is not one of %s", name, clip(given), strings.Join(words, ", "))
	return words[0]
}

func (r *schemaReader) texts(name string) []string {
	value := r.value(name)
	list, ok := value.([]any)
	if value != nil && !ok {
		r.fail("%s must be a list", name)
	}
	var texts []string
	for _, element := range list {
		s, ok := element.(string)
		if !ok {
			r.fail("%s must be a list of strings", name)
		}
		texts = append(texts, s)
	}
	return texts
}

// done returns what is wrong, if only that a key is there that nobody reads.
func (r *schemaReader) done() error {
	for key := range r.object {
		known := false
		for _, name := range r.known {
			known = known || strings.EqualFold(name, key)
		}
		if !known {
			r.fail("%q is not a characteristic that a schema has", clip(key))
		}
	}
	return r.err
}

// attributes reads a list of attributes; label stands before their names in errors.
func (r *schemaReader) attributes(name, label string) []customAttribute {
	list, _ := r.value(name).([]any)
	if len(list) == 0 || len(list) > maxAttributes {
		r.fail("%s must be a list of 1 to %d attributes", name, maxAttributes)
		return nil
	}
	seen := map[string]bool{}
	var all []customAttribute
	for i, element := range list {
		object, ok := element.(map[string]any)
		if !ok {
			r.fail("%s %d must be an object", name, i+1)
			return nil
		}
		a, err := readAttribute(r.from, fmt.Sprintf("%s%d", label, i+1), label, object)
		if err != nil && r.err == nil {
			r.err = err
		}
		if folded := directory.Fold(a.name); r.err == nil && seen[folded] {
			r.fail("%s%s stands there twice (case does not count)", label, a.name)
		} else {
			seen[folded] = true
		}
		all = append(all, a)
	}
	return all
}

// customAttribute is an attribute as a document describes it.
type customAttribute struct {
	name, description, kind         string
	multi, required, caseExact      bool
	mutability, returned            string
	canonicalValues, referenceTypes []string
	sub                             []customAttribute
}

func readAttribute(from, place, label string, object map[string]any) (customAttribute, error) {
	r := &schemaReader{from: from, where: from + ": " + place, object: object}
	var a customAttribute
	isSub := strings.HasSuffix(label, ".")
	a.name = r.text("name")
	if r.err == nil && !attributeName.MatchString(a.name) && (!isSub || a.name != "$ref") {
		r.fail("the name %q is not letters, digits, _, $ and -, beginning with a letter", clip(a.name))
	}
	if r.err == nil {
		r.where = from + ": " + label + a.name
	}
	a.description, a.multi = r.text("description"), r.flag("multiValued")
	a.required, a.caseExact = r.flag("required"), r.flag("caseExact")
	a.kind = r.choice("type", "string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex")
	a.mutability = r.choice("mutability", "readWrite", "readOnly", "immutable", "writeOnly")
	a.returned = r.choice("returned", "default", "always", "request", "never")
	a.canonicalValues, a.referenceTypes = r.texts("canonicalValues"), r.texts("referenceTypes")
	switch uniqueness := r.choice("uniqueness", "none", "server", "global"); {
	case uniqueness != "none":
		r.fail("uniqueness %q is not kept for custom attributes: only none is", uniqueness)
	case a.mutability == "writeOnly" || a.returned == "never":
		r.fail("what is never returned is not stored: leave out mutability writeOnly and returned never")
	case isSub && a.required:
		r.fail("a sub-attribute cannot be required")
	case isSub && a.kind == "complex":
		r.fail("a sub-attribute cannot be complex")
	case a.kind == "complex":
		a.sub = r.attributes("subAttributes", "attribute "+a.name+".")
	case r.value("subAttributes") != nil:
		r.fail("only a complex attribute has subAttributes")
	}
	return a, r.done()
}

// core is the attribute as a definition; the names were checked.
func (a customAttribute) core() definition.CoreAttribute {
	if a.kind != "complex" {
		return definition.SimpleCoreAttribute(a.simple())
	}
	c := definition.ComplexParams{
		Name: a.name, Description: optional.NewString(a.description), MultiValued: a.multi, Required: a.required,
		Mutability: mutabilityOf(a.mutability), Returned: returnedOf(a.returned),
	}
	for _, sub := range a.sub {
		c.SubAttributes = append(c.SubAttributes, sub.simple())
	}
	return definition.ComplexCoreAttribute(c)
}

func (a customAttribute) simple() definition.SimpleParams {
	description, mutability, returned := optional.NewString(a.description), mutabilityOf(a.mutability), returnedOf(a.returned)
	switch schema.Type(a.kind) {
	case schema.Boolean:
		return definition.SimpleBooleanParams(definition.BooleanParams{
			Name: a.name, Description: description, MultiValued: a.multi, Required: a.required, Mutability: mutability, Returned: returned,
		})
	case schema.Integer, schema.Decimal:
		number := definition.NumberParams{
			Name: a.name, Description: description, MultiValued: a.multi, Required: a.required, Mutability: mutability, Returned: returned,
			Type: definition.AttributeTypeDecimal(),
		}
		if schema.Type(a.kind) == schema.Integer {
			number.Type = definition.AttributeTypeInteger()
		}
		return definition.SimpleNumberParams(number)
	case schema.DateTime:
		return definition.SimpleDateTimeParams(definition.DateTimeParams{
			Name: a.name, Description: description, MultiValued: a.multi, Required: a.required, Mutability: mutability, Returned: returned,
		})
	case schema.Binary:
		return definition.SimpleBinaryParams(definition.BinaryParams{
			Name: a.name, Description: description, MultiValued: a.multi, Required: a.required, Mutability: mutability, Returned: returned,
		})
	case schema.Reference:
		reference := definition.ReferenceParams{
			Name: a.name, Description: description, MultiValued: a.multi, Required: a.required, Mutability: mutability, Returned: returned,
		}
		for _, kind := range a.referenceTypes {
			reference.ReferenceTypes = append(reference.ReferenceTypes, definition.AttributeReferenceType(kind))
		}
		return definition.SimpleReferenceParams(reference)
	default:
		return definition.SimpleStringParams(definition.StringParams{
			Name: a.name, Description: description, MultiValued: a.multi, Required: a.required, Mutability: mutability, Returned: returned,
			CaseExact: a.caseExact, CanonicalValues: a.canonicalValues,
		})
	}
}

func mutabilityOf(word string) definition.AttributeMutability {
	switch schema.Mutability(word) {
	case schema.ReadOnly:
		return definition.AttributeMutabilityReadOnly()
	case schema.Immutable:
		return definition.AttributeMutabilityImmutable()
	default:
		return definition.AttributeMutabilityReadWrite()
	}
}

func returnedOf(word string) definition.AttributeReturned {
	switch word {
	case "always":
		return definition.AttributeReturnedAlways()
	case "request":
		return definition.AttributeReturnedRequest()
	default:
		return definition.AttributeReturnedDefault()
	}
}

// extensions sorts custom schemas by what they extend, and refuses two of one id.
func extensions(custom []CustomSchema) (users, groups []definition.Schema, err error) {
	if len(custom) > maxSchemas {
		return nil, nil, fmt.Errorf("scim: %d custom schemas, at most %d are taken", len(custom), maxSchemas)
	}
	taken := map[string]string{}
	for _, urn := range []string{schema.UserURN, schema.GroupURN, schema.EnterpriseURN, StatusURN} {
		taken[directory.Fold(urn)] = "Usher itself"
	}
	for _, s := range custom {
		if by, twice := taken[directory.Fold(s.URN())]; twice {
			return nil, nil, fmt.Errorf("%s: the schema %s is defined by %s already", s.from, s.URN(), by)
		}
		taken[directory.Fold(s.URN())] = s.from
		if s.kind == "Group" {
			groups = append(groups, s.definition)
		} else {
			users = append(users, s.definition)
		}
	}
	return users, groups, nil
}

func clip(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
