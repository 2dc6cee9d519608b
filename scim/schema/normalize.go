package schema

import (
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/usher-scim/usher/scim/fault"
)

// Normalize checks the body of a POST or PUT and returns it in canonical form: the attributes that a client may write and
// that are kept, under their canonical names, extensions as objects under their URN. Read-only
// attributes are left out unread, schemas and the password are checked for form and left out; null clears. Errors are *fault.Error and name
// the attribute. It does not ask whether required attributes are there: that is Complete.
func (t *ResourceType) Normalize(body map[string]any, m Mode) (map[string]any, error) {
	resource := make(map[string]any, len(body))
	for _, key := range sortedKeys(body) {
		target, ok := t.Resolve(key, m)
		if !ok || target.Sub != nil || target.Extension == nil && target.Attr == nil {
			if m.Strict {
				return nil, fault.New(fault.InvalidValue, "the schemas of %s have no attribute %q", t.Name, key)
			}
			continue
		}
		if target.Attr != nil && target.Attr.Mutability == ReadOnly {
			continue
		}
		value, err := target.value(body[key], m)
		if err != nil {
			return nil, err
		}
		t.Set(resource, target, value)
	}
	return resource, nil
}

func (t Target) value(v any, m Mode) (any, error) {
	if t.Attr != nil {
		return t.Attr.Value(v, m)
	}
	return t.Extension.value(v, m)
}

// value checks a whole extension object.
func (s *Schema) value(v any, m Mode) (any, error) {
	if v == nil {
		return nil, nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fault.New(fault.InvalidValue, "%s must be an object", s.URN)
	}
	value := map[string]any{}
	for _, key := range sortedKeys(object) {
		a := s.Lookup(key)
		switch {
		case a == nil && m.Strict:
			return nil, fault.New(fault.InvalidValue, "%s has no attribute %q", s.URN, key)
		case a == nil || a.Mutability == ReadOnly:
			continue
		}
		checked, err := a.Value(object[key], m)
		if err != nil {
			return nil, err
		}
		if checked != nil && a.Stored() {
			value[a.Name] = checked
		}
	}
	if len(value) == 0 {
		return nil, nil
	}
	return value, nil
}

// Lookup returns the attribute of that name in any case, nil if there is none.
func (s *Schema) Lookup(name string) *Attribute {
	return lookup(s.byName, name)
}

// Stored says whether a value that a client writes is kept: not what is read-only, and not what is never returned.
func (a *Attribute) Stored() bool {
	return a.Mutability != ReadOnly && a.Mutability != WriteOnly && a.Returned != Never && a.Path != "schemas"
}

// Set puts a canonical value where a target without a sub-attribute points, and clears it for nil. What is not Stored is
// passed over.
func (t *ResourceType) Set(resource map[string]any, target Target, value any) {
	switch {
	case target.Attr == nil && target.Extension == nil:
		return
	case target.Attr == nil:
		put(resource, target.Extension.URN, value)
	case !target.Attr.Stored():
		return
	case target.Extension == nil:
		put(resource, target.Attr.Name, value)
	default:
		urn := target.Extension.URN
		object, _ := resource[urn].(map[string]any)
		if object == nil {
			if value == nil {
				return
			}
			object = map[string]any{}
			resource[urn] = object
		}
		put(object, target.Attr.Name, value)
		if len(object) == 0 {
			delete(resource, urn)
		}
	}
}

func put(object map[string]any, name string, value any) {
	if value == nil {
		delete(object, name)
		return
	}
	object[name] = value
}

// Get returns what stands where a target points, nil if nothing does. Of a sub-attribute it returns the attribute.
func (t *ResourceType) Get(resource map[string]any, target Target) any {
	if target.Extension != nil {
		object, _ := resource[target.Extension.URN].(map[string]any)
		if target.Attr == nil {
			if object == nil {
				return nil
			}
			return object
		}
		return object[target.Attr.Name]
	}
	if target.Attr == nil {
		return nil
	}
	return resource[target.Attr.Name]
}

// Complete refuses a resource in canonical form that lacks a required attribute; a text of blanks alone is none. What an extension
// requires is required where the extension is there at all (RFC 7643 section 6).
func (t *ResourceType) Complete(resource map[string]any) error {
	if err := complete(t.Core.Attributes, resource); err != nil {
		return err
	}
	for _, s := range t.Extensions {
		if object, ok := resource[s.URN].(map[string]any); ok {
			if err := complete(s.Attributes, object); err != nil {
				return err
			}
		}
	}
	return nil
}

func complete(attributes []*Attribute, object map[string]any) error {
	for _, a := range attributes {
		if !a.Required || a.Mutability == ReadOnly {
			continue
		}
		value := object[a.Name]
		if s, ok := value.(string); value == nil || ok && strings.TrimSpace(s) == "" {
			return fault.New(fault.InvalidValue, "%s is required", a.Path)
		}
	}
	return nil
}

// Unchanged refuses a new state that changes what is immutable once set (RFC 7643 section 2.2).
func (t *ResourceType) Unchanged(before, after map[string]any) error {
	if err := unchanged(t.Core.Attributes, before, after); err != nil {
		return err
	}
	for _, s := range t.Extensions {
		was, _ := before[s.URN].(map[string]any)
		is, _ := after[s.URN].(map[string]any)
		if err := unchanged(s.Attributes, was, is); err != nil {
			return err
		}
	}
	return nil
}

func unchanged(attributes []*Attribute, before, after map[string]any) error {
	for _, a := range attributes {
		was := before[a.Name]
		if was == nil {
			continue
		}
		if a.Mutability == Immutable && !reflect.DeepEqual(was, after[a.Name]) {
			return fault.New(fault.Mutability, "%s cannot be changed once it is set", a.Path)
		}
		if object, ok := was.(map[string]any); ok {
			is, _ := after[a.Name].(map[string]any)
			if err := unchanged(a.Sub, object, is); err != nil {
				return err
			}
		}
	}
	return nil
}

// Clone copies a resource deeply.
func Clone(resource map[string]any) map[string]any {
	object := make(map[string]any, len(resource))
	for key, value := range resource {
		object[key] = clone(value)
	}
	return object
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return Clone(v)
	case []any:
		list := slices.Clone(v)
		for i := range list {
			list[i] = clone(list[i])
		}
		return list
	default:
		return v
	}
}

// sortedKeys makes the order of work, and so of errors, the same every time.
func sortedKeys(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
