package patch

import (
	"strings"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/filter"
	"github.com/usher-scim/usher/scim/schema"
)

// membership turns an operation on the members of a group into a step for the directory.
func (s *state) membership(o Operation, path filter.Path, target schema.Target) error {
	if target.Sub != nil {
		return fault.New(fault.Mutability, "%s cannot be changed: add or remove the member", target.Sub.Path)
	}
	if path.Filter != nil {
		return s.matching(o, path, target.Attr)
	}
	members, err := Members(target.Attr, o.Value, s.Mode)
	if err != nil {
		return err
	}
	step := directory.MemberOp{Members: members}
	switch {
	case o.Op == Add:
		step.Kind = directory.AddMembers
	case o.Op == Remove && o.Value != nil:
		// Read by the letter of RFC 7644 this empties the group; Entra means the listed members alone.
		step.Kind = directory.RemoveMembers
	default:
		step.Kind = directory.ReplaceMembers
	}
	s.members = append(s.members, step)
	return nil
}

// matching handles members[filter].
func (s *state) matching(o Operation, path filter.Path, a *schema.Attribute) error {
	if o.Op != Remove {
		return fault.New(fault.InvalidPath, "members chosen by a filter can only be removed")
	}
	choice, err := filter.CompileElement(path.Filter, a)
	if err != nil {
		return err
	}
	step := directory.MemberOp{Kind: directory.RemoveMatching, Match: func(m directory.Member) bool {
		return choice.Match(Element(m))
	}}
	if values, ok := choice.Values("value"); ok { // no need to read them all
		step = directory.MemberOp{Kind: directory.RemoveMembers}
		for _, value := range values {
			step.Members = append(step.Members, directory.MemberRef{Value: value})
		}
	}
	s.members = append(s.members, step)
	return nil
}

// Element returns a member as filters see it.
func Element(m directory.Member) map[string]any {
	element := map[string]any{"value": MemberValue(m), "type": "User"}
	if m.Display != "" {
		element["display"] = m.Display
	}
	return element
}

// MemberValue returns the "value" of a member: the person's id or, while the member is pending, what the client sent.
func MemberValue(m directory.Member) string {
	if m.Value != "" {
		return m.Value
	}
	return m.Person.String()
}

// Members reads the value of "members": a list of objects, of bare ids, or one of either. a is the attribute of the Group schema.
// Errors are *fault.Error of type invalidValue.
func Members(a *schema.Attribute, value any, m schema.Mode) ([]directory.MemberRef, error) {
	if value == nil {
		return nil, nil
	}
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	members := make([]directory.MemberRef, 0, len(list))
	for _, element := range list {
		if element == nil {
			continue
		}
		member, err := member(a, element, m)
		if err != nil {
			return nil, err
		}
		members = append(members, member)
	}
	return members, nil
}

func member(a *schema.Attribute, element any, m schema.Mode) (directory.MemberRef, error) {
	if id, ok := element.(string); ok {
		element = map[string]any{"value": id}
	}
	object, ok := element.(map[string]any)
	if !ok {
		return directory.MemberRef{}, fault.New(fault.InvalidValue, "members must be objects with a value")
	}
	var ref directory.MemberRef
	var uri, kind string
	for key, v := range object {
		sub := a.Lookup(key)
		if sub == nil {
			if m.Strict {
				return ref, fault.New(fault.InvalidValue, "members has no sub-attribute %q", key)
			}
			continue
		}
		checked, err := sub.Value(v, m)
		if err != nil {
			return ref, err
		}
		text, _ := checked.(string)
		switch sub.Name {
		case "value":
			ref.Value = text
		case "display":
			ref.Display = text
		case "type":
			kind = text
		case "$ref":
			uri = text
		}
	}
	if strings.EqualFold(kind, "Group") || strings.Contains(uri, "/Groups/") {
		return ref, fault.New(fault.InvalidValue, "nested groups are not supported yet: a member must be a user")
	}
	if ref.Value == "" && uri != "" {
		ref.Value = uri[strings.LastIndexByte(uri, '/')+1:]
	}
	if ref.Value == "" {
		return ref, fault.New(fault.InvalidValue, "a member needs a value: the id of a user")
	}
	return ref, nil
}
