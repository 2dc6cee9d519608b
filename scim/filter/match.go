package filter

import (
	"encoding/json"
	"iter"
	"strings"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/schema"
)

// matcher is a compiled node; v is the resource or, inside of brackets, the element.
type matcher interface{ match(v any) bool }

type (
	constant bool
	negation struct{ matcher }
	allOf    []matcher
	anyOf    []matcher
)

func (c constant) match(any) bool   { return bool(c) }
func (n negation) match(v any) bool { return !n.matcher.match(v) }

func (ms allOf) match(v any) bool {
	for _, m := range ms {
		if !m.match(v) {
			return false
		}
	}
	return true
}

func (ms anyOf) match(v any) bool {
	for _, m := range ms {
		if m.match(v) {
			return true
		}
	}
	return false
}

// test is a compiled comparison: some value at the target must pass accept. Two operators are defined by what is not
// there: absent holds for "eq null", and "ne" holds where there is no value.
type test struct {
	target    schema.Target
	inElement bool
	filter    matcher // what an element must match to be looked at, nil for all
	op        Op
	value     *schema.Attribute // the sub-attribute of a complex leaf that is compared, nil to compare the leaf
	accept    func(v any) bool
	absent    bool // the test holds exactly if no value passes accept
	orNone    bool // the test also holds if there is no value at all
}

// typed decides how values are compared, by the type of what the path names.
func (t *test) typed(n *Comparison) (matcher, error) {
	leaf := t.target.Leaf()
	if n.Op == Exists || n.Op == Present || n.Value == nil {
		t.accept = present
		if n.Op == Exists {
			t.accept = func(any) bool { return true }
		}
		switch {
		case n.Op == Equal && n.Value == nil:
			t.absent = true
		case n.Op != Exists && n.Op != Present && n.Op != NotEqual: // an order or a part of null
			return constant(false), nil
		}
		return t, nil
	}
	if leaf == nil {
		return constant(false), nil
	}
	if compared := valueOf(leaf); compared != leaf {
		t.value, leaf = compared, compared
	}
	if ordered(n.Op) {
		switch leaf.Type {
		case schema.Boolean, schema.Binary, schema.Complex:
			return nil, fault.New(fault.InvalidFilter, "%s is %s and has no order: %s cannot be asked", leaf.Path, leaf.Type, n.Op)
		}
	}
	accept := predicate(leaf, n.Op, n.Value)
	if accept == nil {
		return constant(false), nil
	}
	t.accept, t.orNone = accept, n.Op == NotEqual
	return t, nil
}

func ordered(op Op) bool {
	return op == Greater || op == GreaterOrEqual || op == Less || op == LessOrEqual
}

func (t *test) match(v any) bool {
	found, some := false, false
	for value := range t.values(v) {
		some = true
		if t.accept(value) {
			found = true
			break
		}
	}
	if t.absent {
		return !found
	}
	return found || t.orNone && !some
}

// values yields what stands at the target.
func (t *test) values(v any) iter.Seq[any] {
	return func(yield func(any) bool) {
		for element := range each(t.attribute(v)) {
			if t.filter != nil && !t.filter.match(element) {
				continue
			}
			for value := range each(part(element, t.target.Sub)) {
				for compared := range each(part(value, t.value)) {
					if !yield(compared) {
						return
					}
				}
			}
		}
	}
}

// attribute returns the value of the target's attribute.
func (t *test) attribute(v any) any {
	if t.inElement {
		return v // the element: its parts are reached through target.Sub
	}
	resource, _ := v.(map[string]any)
	if t.target.Extension != nil {
		object, ok := resource[t.target.Extension.URN].(map[string]any)
		if !ok {
			return nil
		}
		if t.target.Attr == nil {
			return object
		}
		resource = object
	}
	return resource[t.target.Attr.Name]
}

// part returns the sub-attribute of an object, or v itself where none is asked for.
func part(v any, sub *schema.Attribute) any {
	if sub == nil {
		return v
	}
	object, _ := v.(map[string]any)
	return object[sub.Name]
}

// each yields the elements of a list, or the one value, or nothing.
func each(v any) iter.Seq[any] {
	switch v := v.(type) {
	case nil:
		return func(func(any) bool) {}
	case iter.Seq[any]:
		return v
	case []any:
		return func(yield func(any) bool) {
			for _, element := range v {
				if !yield(element) {
					return
				}
			}
		}
	default:
		return func(yield func(any) bool) { yield(v) }
	}
}

// present is the "pr" of RFC 7644 table 3: a value that is not empty.
func present(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case map[string]any:
		return len(v) > 0
	default:
		return true
	}
}

// predicate returns the comparison of values of the attribute with a literal, nil if none can ever hold.
func predicate(a *schema.Attribute, op Op, literal any) func(any) bool {
	switch a.Type {
	case schema.Boolean:
		return booleans(op, literal)
	case schema.Integer, schema.Decimal:
		return numbers(op, literal)
	case schema.Complex:
		return nil
	}
	text, ok := literal.(string)
	if !ok {
		if op == NotEqual {
			return func(any) bool { return true }
		}
		return nil
	}
	if a.Type == schema.DateTime && (op == Equal || op == NotEqual || ordered(op)) {
		return times(op, text)
	}
	return texts(op, text, a.CaseExact)
}

func booleans(op Op, literal any) func(any) bool {
	want, ok := literal.(bool)
	if s, isText := literal.(string); isText {
		want, ok = schema.ParseBool(s)
	}
	if !ok || op != Equal && op != NotEqual {
		return nil
	}
	return func(v any) bool {
		is, ok := v.(bool)
		return ok && (is == want) == (op == Equal)
	}
}

func numbers(op Op, literal any) func(any) bool {
	want, ok := literal.(json.Number)
	if !ok || op == Contains || op == StartsWith || op == EndsWith {
		return nil
	}
	number := parseDecimal(want.String())
	return func(v any) bool {
		is, ok := v.(json.Number)
		return ok && holds(op, parseDecimal(is.String()).compare(number))
	}
}

func times(op Op, literal string) func(any) bool {
	want, ok := schema.ParseTime(literal)
	if !ok {
		return nil
	}
	return func(v any) bool {
		s, _ := v.(string)
		is, ok := schema.ParseTime(s)
		return ok && holds(op, is.Compare(want))
	}
}

func texts(op Op, want string, exact bool) func(any) bool {
	if !exact {
		want = directory.Fold(want)
	}
	return func(v any) bool {
		is, ok := v.(string)
		if !ok {
			return false
		}
		if !exact {
			is = directory.Fold(is)
		}
		switch op {
		case Contains:
			return strings.Contains(is, want)
		case StartsWith:
			return strings.HasPrefix(is, want)
		case EndsWith:
			return strings.HasSuffix(is, want)
		default:
			return holds(op, strings.Compare(is, want))
		}
	}
}

// holds says whether an order (negative, zero, positive) satisfies the operator.
func holds(op Op, order int) bool {
	switch op {
	case Equal:
		return order == 0
	case NotEqual:
		return order != 0
	case Greater:
		return order > 0
	case GreaterOrEqual:
		return order >= 0
	case Less:
		return order < 0
	default:
		return order <= 0
	}
}
