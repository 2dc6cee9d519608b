package patch

import (
	"errors"
	"reflect"
	"sort"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/filter"
	"github.com/usher-scim/usher/scim/schema"
)

// Rules say how operations are taken.
type Rules struct {
	Type *schema.ResourceType
	Mode schema.Mode
	// ReplaceCreates lets a replace through a filter that matches nothing make the element, as add does. RFC 7644
	// section 3.5.2.3 wants 400 noTarget; Entra relies on the opposite and would try for ever.
	ReplaceCreates bool
}

// Result is what the operations made of a resource.
type Result struct {
	Resource map[string]any       // the new state, in canonical form, without members
	Changed  bool                 // Resource differs from what went in
	Members  []directory.MemberOp // what happens to the members of a group, in order
}

// Apply carries out operations in order on a resource in canonical form, which it leaves as it is. Either all of them are in the
// result or there is a *fault.Error that says which operation failed and why. Read-only attributes and, unless the mode is strict,
// unknown ones are passed over.
func (r Rules) Apply(resource map[string]any, operations []Operation) (Result, error) {
	s := state{Rules: r, resource: schema.Clone(resource)}
	for i, o := range operations {
		if err := s.apply(o); err != nil {
			return Result{}, at(i, err)
		}
	}
	if err := r.Type.Unchanged(resource, s.resource); err != nil {
		return Result{}, err
	}
	if err := r.Type.Complete(s.resource); err != nil {
		return Result{}, s.lacking(err)
	}
	return Result{Resource: s.resource, Changed: !reflect.DeepEqual(resource, s.resource), Members: s.members}, nil
}

// state is a resource while operations are applied to it.
type state struct {
	Rules
	resource map[string]any
	members  []directory.MemberOp
	removed  bool // a required attribute, by an operation of its own
}

// lacking says why a resource is not complete. To remove what is required is an error of mutability (RFC 7644 section 3.5.2.2).
func (s *state) lacking(err error) error {
	var e *fault.Error
	if !s.removed || !errors.As(err, &e) {
		return err
	}
	return fault.New(fault.Mutability, "%s and cannot be removed", e.Detail)
}

func (s *state) apply(o Operation) error {
	if o.Path != "" {
		return s.at(o)
	}
	return s.each(o, "")
}

// each applies every key of an object value as a path of its own: plain names, dotted ones, with a URN, or a URN with
// an object. Shorter keys come before those that they begin, so that "name" does not undo "name.givenName".
func (s *state) each(o Operation, prefix string) error {
	object, ok := o.Value.(map[string]any)
	if !ok {
		return fault.New(fault.InvalidValue, "the value must be an object, since the path names no attribute")
	}
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		if prefix == "" && s.envelope(key) {
			continue
		}
		if _, err := filter.ParsePath(prefix + key); err != nil && !s.Mode.Strict {
			continue // no attribute can have such a name
		}
		if err := s.at(Operation{Op: o.Op, Path: prefix + key, Value: object[key], Given: true}); err != nil {
			return err
		}
	}
	return nil
}

// envelope says whether a key of a value without a path is one that every resource carries and no client writes: such keys are
// dropped even where the source is strict, for clients send back what they have read.
func (s *state) envelope(key string) bool {
	target, ok := s.Type.Resolve(key, s.Mode)
	return ok && target.Attr != nil && target.Attr.Mutability != schema.ReadWrite && !target.Attr.Stored()
}

func (s *state) at(o Operation) error {
	path, err := filter.ParsePath(o.Path)
	if err != nil {
		return err
	}
	target, ok := s.Type.Resolve(path.Name, s.Mode)
	if ok && path.Filter != nil && (target.Attr == nil || target.Sub != nil) {
		return fault.New(fault.InvalidPath, "%s cannot be followed by a filter", path.Name)
	}
	if ok && path.Sub != "" {
		target.Sub = target.Attr.Lookup(path.Sub)
		ok = target.Sub != nil
	}
	if !ok {
		if s.Mode.Strict {
			return fault.New(fault.InvalidPath, "%s has no attribute %q", s.Type.Name, o.Path)
		}
		return nil
	}
	if target.Attr == nil {
		return s.schema(o, target)
	}
	if target.Attr.Path == "members" {
		return s.membership(o, path, target)
	}
	if !target.Leaf().Stored() || !target.Attr.Stored() {
		return s.unwritable(target.Leaf(), o)
	}
	s.removed = s.removed || o.Op == Remove && target.Leaf().Required
	var value any
	switch {
	case path.Filter != nil:
		value, err = s.elements(o, path, target)
	case target.Sub != nil && target.Attr.Multi:
		value, err = s.anyElement(o, target)
	case target.Sub != nil:
		value, err = s.part(o, target)
	default:
		value, err = s.whole(o, target)
	}
	if err != nil {
		return err
	}
	s.Type.Set(s.resource, target, value)
	return nil
}

// unwritable passes over what a client may name but not write, and what is not kept.
func (s *state) unwritable(a *schema.Attribute, o Operation) error {
	if a.Mutability != schema.ReadOnly {
		_, err := a.Value(o.Value, s.Mode)
		return err
	}
	if s.Mode.Strict || o.Op == Remove { // what RFC 7644 section 3.5.2.2 refuses by name
		return fault.New(fault.Mutability, "%s is read-only", a.Path)
	}
	return nil
}

// schema applies an operation whose path is the URN of a whole schema.
func (s *state) schema(o Operation, target schema.Target) error {
	switch {
	case target.Extension == nil && o.Op == Remove:
		return fault.New(fault.NoTarget, "the core schema cannot be removed")
	case target.Extension == nil:
		return s.each(o, s.Type.Core.URN+":")
	case o.Op == Remove || o.Value == nil:
		s.Type.Set(s.resource, target, nil)
		return nil
	default:
		return s.each(o, target.Extension.URN+":")
	}
}

// whole returns the new value of an attribute that the path names without filter and sub-attribute.
func (s *state) whole(o Operation, target schema.Target) (any, error) {
	a, current := target.Attr, s.Type.Get(s.resource, target)
	if o.Op == Remove {
		if a.Multi && o.Value != nil {
			return s.without(a, current, o.Value)
		}
		return nil, nil
	}
	value, err := a.Value(o.Value, s.Mode)
	if err != nil {
		return nil, err
	}
	switch {
	case a.Multi && o.Op == Add:
		return joined(a, current, value)
	case a.Multi || a.Type != schema.Complex || o.Value == nil:
		return value, nil
	default:
		return merged(a, current, o.Value, value), nil
	}
}

// joined returns a list with further elements: those that are there already change nothing.
func joined(a *schema.Attribute, current, more any) (any, error) {
	list, _ := current.([]any)
	added, _ := more.([]any)
	if len(added) == 0 {
		return current, nil
	}
	return tidy(a, append(list[:len(list):len(list)], added...))
}

// merged returns a complex value with the sub-attributes of another laid over it (RFC 7644 section 3.5.2.3); null takes a
// sub-attribute away. A complex value that stands for a reference (it has a "value") is another thing as a whole when
// its value changes: a $ref of before would point elsewhere.
func merged(a *schema.Attribute, current, raw, value any) any {
	before, _ := current.(map[string]any)
	over, _ := value.(map[string]any)
	after := map[string]any{}
	if v := over["value"]; v == nil || v == before["value"] {
		for name, part := range before {
			after[name] = part
		}
	}
	for name, part := range over {
		after[name] = part
	}
	object, isObject := raw.(map[string]any)
	for name, part := range object {
		if sub := a.Lookup(name); part == nil && sub != nil {
			delete(after, sub.Name)
		}
	}
	if len(after) == 0 || !isObject && len(over) == 0 || over == nil && hasValue(a, object) {
		return nil
	}
	return after
}

// hasValue says whether an object names the attribute's "value": an empty one clears the whole.
func hasValue(a *schema.Attribute, object map[string]any) bool {
	for name := range object {
		if sub := a.Lookup(name); sub != nil && sub.Name == "value" {
			return true
		}
	}
	return false
}

// without returns a list less the elements that the client lists. Entra removes so; RFC 7644 knows no value here and would
// empty the list.
func (s *state) without(a *schema.Attribute, current, listed any) (any, error) {
	checked, err := a.Value(listed, s.Mode)
	if err != nil {
		return nil, err
	}
	list, _ := current.([]any)
	gone, _ := checked.([]any)
	var kept []any
	for _, element := range list {
		if !named(a, element, gone) {
			kept = append(kept, element)
		}
	}
	return listOrNil(kept), nil
}

// named says whether one of the listed elements tells of this one: all that it says must be so.
func named(a *schema.Attribute, element any, listed []any) bool {
	for _, one := range listed {
		if a.Says(one, element) {
			return true
		}
	}
	return false
}

// part returns the new value of a single complex attribute of which the path names one sub-attribute.
func (s *state) part(o Operation, target schema.Target) (any, error) {
	object := map[string]any{}
	current, _ := s.Type.Get(s.resource, target).(map[string]any)
	for name, value := range current {
		object[name] = value
	}
	if err := s.setPart(object, o, target.Sub); err != nil {
		return nil, err
	}
	if target.Sub.Name == "value" && object["value"] != current["value"] {
		if value := object["value"]; value != nil && value != "" {
			return map[string]any{"value": value}, nil
		}
		return nil, nil
	}
	if len(object) == 0 {
		return nil, nil
	}
	return object, nil
}

// setPart sets or removes a sub-attribute of an object.
func (s *state) setPart(object map[string]any, o Operation, sub *schema.Attribute) error {
	if o.Op == Remove {
		delete(object, sub.Name)
		return nil
	}
	value, err := sub.Value(o.Value, s.Mode)
	if err != nil {
		return err
	}
	if o.Op == Add && sub.Multi {
		if value, err = joined(sub, object[sub.Name], value); err != nil {
			return err
		}
	}
	if value == nil {
		delete(object, sub.Name)
		return nil
	}
	object[sub.Name] = value
	return nil
}

func tidy(a *schema.Attribute, list []any) (any, error) {
	list, err := a.Tidy(list)
	if err != nil {
		return nil, err
	}
	return listOrNil(list), nil
}

func listOrNil(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list
}
