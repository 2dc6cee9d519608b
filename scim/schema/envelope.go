package schema

import (
	"maps"
	"strings"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
)

// Flat returns a body in which attributes of the core schema stand where they belong: what a client wrote in an object under the core
// schema's URN, as extensions are written, is beside it (RFC 7643 section 3 knows no such object; conformance suites and some clients write it).
// The body itself is not changed. What stands in both places is an error of type invalidSyntax.
func (t *ResourceType) Flat(body map[string]any) (map[string]any, error) {
	for key, value := range body {
		target, ok := t.Resolve(key, Mode{})
		if !ok || target != (Target{}) {
			continue
		}
		object, ok := value.(map[string]any)
		if !ok && value != nil {
			return nil, fault.New(fault.InvalidValue, "%s must be an object", t.Core.URN)
		}
		flat := maps.Clone(body)
		delete(flat, key)
		beside := make(map[string]bool, len(flat))
		for name := range flat {
			beside[directory.Fold(name)] = true
		}
		for name, part := range object {
			if beside[directory.Fold(name)] {
				return nil, fault.New(fault.InvalidSyntax, "%q stands beside and in %s: which is meant cannot be told", name, t.Core.URN)
			}
			flat[name] = part
		}
		return flat, nil
	}
	return body, nil
}

// draftSchemas begins the URNs that the drafts before RFC 7643 had, which OneLogin still writes.
const draftSchemas = "urn:scim:schemas:"

// Envelope checks the "schemas" of a body against the resource type (RFC 7643 section 3). A body without them is taken for one of this type; a body
// that names schemas and none of this type's is one of something else. Strict wants no unknown one among them, and the core schema. Errors are *fault.Error of type invalidSyntax.
func (t *ResourceType) Envelope(body map[string]any, m Mode) error {
	var named []any
	for key, value := range body {
		if strings.EqualFold(key, "schemas") {
			if list, ok := value.([]any); ok {
				named = list
			} else if value != nil {
				named = []any{value}
			}
		}
	}
	core, known := false, 0
	for _, one := range named {
		urn, ok := one.(string)
		switch {
		case !ok:
			return fault.New(fault.InvalidSyntax, "schemas must be a list of URNs")
		case strings.EqualFold(urn, t.Core.URN):
			core = true
			known++
		case t.hasExtension(urn), !m.Strict && strings.HasPrefix(urn, draftSchemas):
			known++
		case m.Strict:
			return fault.New(fault.InvalidSyntax, "schemas names %.128q, which %s does not have", urn, t.Name)
		}
	}
	if len(named) > 0 && (known == 0 || m.Strict && !core) {
		return fault.New(fault.InvalidSyntax, "schemas must name %s", t.Core.URN)
	}
	return nil
}

func (t *ResourceType) hasExtension(urn string) bool {
	for _, s := range t.Extensions {
		if strings.EqualFold(s.URN, urn) {
			return true
		}
	}
	return false
}
