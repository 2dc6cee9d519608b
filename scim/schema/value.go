package schema

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"strings"
	"time"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
)

// Value checks v, decoded as package body does, against the attribute and returns it in canonical form: canonical names,
// booleans for "True" and "False", a list wherever the attribute is multi-valued, no read-only parts, at
// most one primary element, no two elements of the same type and value. nil means cleared: null, an empty list, an object
// with nothing in it. A value that does not fit is a *fault.Error of type invalidValue that names the attribute.
// v is not changed, but parts of it may be shared with the result.
func (a *Attribute) Value(v any, m Mode) (any, error) {
	if v == nil {
		return nil, nil
	}
	list, isList := v.([]any)
	if !a.Multi {
		if !isList {
			return a.single(v, m)
		}
		// Entra sends the manager as a list of one.
		if a.Type != Complex || len(list) > 1 {
			return nil, a.wrong("takes one value, not a list")
		}
		if len(list) == 0 {
			return nil, nil
		}
		return a.Value(list[0], m)
	}
	if !isList {
		list = []any{v}
	}
	values := make([]any, 0, len(list))
	for _, element := range list {
		if element == nil {
			continue
		}
		value, err := a.single(element, m)
		if err != nil {
			return nil, err
		}
		if value != nil {
			values = append(values, value)
		}
	}
	if len(values) == 0 {
		return nil, nil
	}
	return a.Tidy(values)
}

// MaxElements is how many elements a multi-valued attribute may have. Members of groups are not counted here: they are
// never held in one list.
const MaxElements = 1000

// Tidy applies the laws of a multi-valued attribute to a list in canonical form: elements of the same type and value
// become one, the later one's words counting, and only the last that is primary stays so. It changes the list in place.
func (a *Attribute) Tidy(values []any) ([]any, error) {
	if len(values) == 1 {
		return values, nil
	}
	kept := values[:0]
	seen := make(map[string]int, len(values))
	primary := -1
	for _, value := range values {
		id := a.identity(value)
		at, twice := seen[id]
		if !twice {
			at = len(kept)
			seen[id] = at
			kept = append(kept, value)
		} else if element, ok := kept[at].(map[string]any); ok {
			more, _ := value.(map[string]any)
			maps.Copy(element, more)
		}
		if isPrimary(value) {
			if primary >= 0 && primary != at {
				if element, ok := kept[primary].(map[string]any); ok {
					element["primary"] = false
				}
			}
			primary = at
		}
	}
	clear(values[len(kept):])
	if len(kept) > MaxElements {
		return nil, a.wrong("has more than %d values", MaxElements)
	}
	return kept, nil
}

// identity is equal for two elements that tell of the same thing: same value and same type, compared as the schema says;
// of elements without a value, all must be the same.
func (a *Attribute) identity(element any) string {
	object, ok := element.(map[string]any)
	if !ok {
		return a.folded(element)
	}
	value, kind := a.Lookup("value"), a.Lookup("type")
	if value == nil || object["value"] == nil {
		return string(appendValue(nil, a, element))
	}
	id := value.folded(object["value"])
	if kind != nil && object["type"] != nil {
		id += "\x00" + kind.folded(object["type"])
	}
	return "\x00" + id
}

func (a *Attribute) folded(v any) string {
	if s, ok := v.(string); ok {
		if a.CaseExact {
			return s
		}
		return directory.Fold(s)
	}
	return string(appendValue(nil, a, v))
}

// Says reports whether all that part says of an element of the attribute holds of element, compared as the schema says. What is
// only for show (display, $ref) does not count, and alone says nothing. Both are in canonical form.
func (a *Attribute) Says(part, element any) bool {
	said, ok1 := part.(map[string]any)
	object, ok2 := element.(map[string]any)
	if !ok1 || !ok2 {
		return a.folded(part) == a.folded(element)
	}
	compared := 0
	for name, value := range said {
		if name == "display" || name == "$ref" {
			continue
		}
		compared++
		sub := a.Lookup(name)
		if object[name] == nil || sub.folded(value) != sub.folded(object[name]) {
			return false
		}
	}
	return compared > 0
}

func isPrimary(value any) bool {
	element, ok := value.(map[string]any)
	return ok && element["primary"] == true
}

// single checks one value, without regard to Multi.
func (a *Attribute) single(v any, m Mode) (any, error) {
	switch a.Type {
	case Complex:
		return a.complex(v, m)
	case Boolean:
		return a.boolean(v)
	case Integer, Decimal:
		return a.number(v)
	case DateTime:
		return a.dateTime(v)
	case Binary:
		return a.binary(v)
	default:
		if _, ok := v.(string); !ok {
			return nil, a.wrong("must be a string")
		}
		return v, nil // as it came: a string put into an interface anew is an allocation
	}
}

func (a *Attribute) complex(v any, m Mode) (any, error) {
	if s, ok := v.(string); ok && a.Lookup("value") != nil { // manager as a plain id, a member as a plain id
		if s == "" {
			return nil, nil // some set-ups of Entra clear the manager so
		}
		v = map[string]any{"value": s}
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, a.wrong("must be an object")
	}
	value := make(map[string]any, len(object))
	for name, part := range object {
		sub := a.Lookup(name)
		switch {
		case sub == nil && m.Strict:
			return nil, a.wrong("has no sub-attribute %q", name)
		case sub == nil || sub.Mutability == ReadOnly:
			continue
		}
		checked, err := sub.Value(part, m)
		if err != nil {
			return nil, err
		}
		if checked != nil {
			value[sub.Name] = checked
		}
	}
	if len(value) == 0 || !a.Multi && value["value"] == "" {
		return nil, nil
	}
	return value, nil
}

func (a *Attribute) boolean(v any) (any, error) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	if s, ok := v.(string); ok {
		if b, ok := ParseBool(s); ok {
			return b, nil
		}
	}
	return nil, a.wrong("must be true or false")
}

// ParseBool reads "true" and "false" in any case, as Entra writes booleans.
func ParseBool(s string) (value, ok bool) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

func (a *Attribute) number(v any) (any, error) {
	n, ok := v.(json.Number)
	if !ok {
		return nil, a.wrong("must be a number")
	}
	if a.Type == Integer {
		if _, ok := new(big.Int).SetString(n.String(), 10); !ok {
			return nil, a.wrong("must be a whole number")
		}
	}
	return n, nil
}

func (a *Attribute) dateTime(v any) (any, error) {
	if s, ok := v.(string); ok {
		if _, ok := ParseTime(s); ok {
			return s, nil
		}
	}
	return nil, a.wrong("must be a date and time such as 2026-01-31T08:00:00Z")
}

// ParseTime reads an xsd:dateTime as RFC 7643 section 2.3.5 has it, with any offset; one without an offset is taken as UTC.
func ParseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func (a *Attribute) binary(v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, a.wrong("must be a base64 string")
	}
	bare := strings.NewReplacer("-", "+", "_", "/", "\n", "", "\r", "").Replace(strings.TrimRight(s, "="))
	if _, err := base64.RawStdEncoding.DecodeString(bare); err != nil {
		return nil, a.wrong("must be a base64 string")
	}
	return s, nil
}

func (a *Attribute) wrong(format string, args ...any) error {
	return fault.New(fault.InvalidValue, a.Path+" "+format, args...)
}
