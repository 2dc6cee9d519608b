package patch

import (
	"maps"

	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/filter"
	"github.com/usher-scim/usher/scim/schema"
)

// elements returns the new list of a multi-valued attribute of which the path names the elements that match a filter, or
// one sub-attribute of them.
func (s *state) elements(o Operation, path filter.Path, target schema.Target) (any, error) {
	a := target.Attr
	if !a.Multi {
		return nil, fault.New(fault.InvalidPath, "%s has no elements that a filter could choose from", path.Name)
	}
	choice, err := filter.CompileElement(path.Filter, a)
	if err != nil {
		return nil, err
	}
	list, _ := s.Type.Get(s.resource, target).([]any)
	chosen := map[int]bool{}
	for i, element := range list {
		if choice.Match(element) {
			chosen[i] = true
		}
	}
	if len(chosen) > 0 || o.Op == Remove || o.Value == nil {
		return s.change(o, target, list, chosen, choice)
	}
	element, possible := choice.Assignments()
	if !possible || o.Op == Replace && !s.ReplaceCreates {
		return nil, fault.New(fault.NoTarget, "%s matches no element", o.Path)
	}
	return s.create(o, target, list, element)
}

// create appends an element that begins as what the filter asks for.
func (s *state) create(o Operation, target schema.Target, list []any, element map[string]any) (any, error) {
	if target.Sub != nil {
		if err := s.setPart(element, o, target.Sub); err != nil {
			return nil, err
		}
	} else {
		value, err := s.one(o, target.Attr)
		if err != nil {
			return nil, err
		}
		object, ok := value.(map[string]any)
		if !ok {
			return nil, fault.New(fault.NoTarget, "%s matches no element", o.Path)
		}
		maps.Copy(element, object)
	}
	return tidy(target.Attr, append(list[:len(list):len(list)], element))
}

// change applies the operation to the chosen elements. What it makes primary takes that from the others.
func (s *state) change(o Operation, target schema.Target, list []any, chosen map[int]bool, choice *filter.Element) (any, error) {
	var after []any
	primary := false
	for i, element := range list {
		if chosen[i] {
			var err error
			if element, err = s.changed(o, target, element, choice); err != nil {
				return nil, err
			}
			if element == nil {
				continue
			}
			primary = primary || isPrimary(element)
		}
		after = append(after, element)
	}
	for i, element := range list {
		if object, ok := element.(map[string]any); ok && primary && !chosen[i] && isPrimary(object) {
			object["primary"] = false
		}
	}
	return tidy(target.Attr, after)
}

// changed returns what becomes of one chosen element, nil if it goes.
func (s *state) changed(o Operation, target schema.Target, element any, choice *filter.Element) (any, error) {
	object, ok := element.(map[string]any)
	switch {
	case target.Sub == nil && (o.Op == Remove || o.Value == nil):
		return nil, nil
	case target.Sub == nil && !ok:
		return s.one(o, target.Attr)
	case target.Sub == nil:
		return s.rewritten(o, target.Attr, object, choice)
	case !ok:
		return nil, fault.New(fault.InvalidPath, "%s has no sub-attributes", target.Attr.Path)
	}
	object = maps.Clone(object)
	if err := s.setPart(object, o, target.Sub); err != nil {
		return nil, err
	}
	if object[target.Sub.Name] == nil && onlyLabels(object) {
		return nil, nil
	}
	return object, nil
}

// rewritten returns an element with a value laid over it (add) or put in its place (replace). In its place it keeps what the filter
// chose it by, unless the value says otherwise: else the next request could not find it.
func (s *state) rewritten(o Operation, a *schema.Attribute, object map[string]any, choice *filter.Element) (any, error) {
	value, err := s.one(o, a)
	if err != nil {
		return nil, err
	}
	over, _ := value.(map[string]any)
	base := object
	if o.Op == Replace {
		base, _ = choice.Assignments()
	}
	after := map[string]any{}
	maps.Copy(after, base)
	maps.Copy(after, over)
	return after, nil
}

// one checks the value of an operation as that of one element.
func (s *state) one(o Operation, a *schema.Attribute) (any, error) {
	value, err := a.Value(o.Value, s.Mode)
	if err != nil {
		return nil, err
	}
	list, _ := value.([]any)
	if len(list) != 1 {
		return nil, fault.New(fault.InvalidValue, "%s takes one element here", a.Path)
	}
	return list[0], nil
}

// anyElement returns the new list where a path names a sub-attribute of a multi-valued attribute without saying of which element
// ("emails.value"). RFC 7644 leaves it open. Remove takes it from all; else the only element is meant, or the primary one.
func (s *state) anyElement(o Operation, target schema.Target) (any, error) {
	list, _ := s.Type.Get(s.resource, target).([]any)
	chosen := map[int]bool{}
	for i, element := range list {
		if o.Op == Remove || len(list) == 1 || isPrimary(element) {
			chosen[i] = true
		}
	}
	switch {
	case len(chosen) > 0 || o.Op == Remove || o.Value == nil:
		return s.change(o, target, list, chosen, nil)
	case len(list) > 0:
		return nil, fault.New(fault.NoTarget, "%s has %d elements and none is primary: say which one is meant, as in %s[type eq \"work\"].%s",
			target.Attr.Path, len(list), target.Attr.Path, target.Sub.Name)
	case o.Op == Replace && !s.ReplaceCreates:
		return nil, fault.New(fault.NoTarget, "%s has no element", target.Attr.Path)
	default:
		return s.create(o, target, list, map[string]any{})
	}
}

func isPrimary(element any) bool {
	object, ok := element.(map[string]any)
	return ok && object["primary"] == true
}

// onlyLabels says that an element has lost all that it was for: an e-mail address without the address.
func onlyLabels(object map[string]any) bool {
	for name := range object {
		switch name {
		case "type", "primary", "display":
		default:
			return false
		}
	}
	return true
}
