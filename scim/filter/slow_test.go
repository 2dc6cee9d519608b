package filter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-scim/usher/scim/filter"
	"github.com/usher-scim/usher/scim/schema"
)

// The compiled filter agrees with a slow one that knows nothing of the schema but a table.
func TestMatchAgreesWithTheSlowEvaluator(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		node := anyFilter(2).Draw(t, "filter")
		resource := anyUser(t)
		want, refused := slow{}.node(node, resource, "")
		f, err := filter.Compile(node, userType, schema.Mode{})
		if refused != (err != nil) {
			t.Fatalf("%s: got %v, want an error: %v", node, err, refused)
		}
		if err != nil {
			return
		}
		if got := f.Match(resource); got != want {
			t.Fatalf("%s on %v: got %v, want %v", node, resource, got, want)
		}
		if f.Never() && want {
			t.Fatalf("%s matches and says that it never does", node)
		}
		for _, path := range []string{"userName", "id", "emails.value"} {
			if _, rest, ok := f.Lookup(path); ok && want && !rest.Match(resource) {
				t.Fatalf("%s: what is left after the look-up of %s does not match", node, path)
			}
		}
	})
}

func anyUser(t *rapid.T) map[string]any {
	text := rapid.SampledFrom([]string{"a", "A", "ab", "Ab", "", "b\"\\\n", "work"})
	user := map[string]any{"userName": text.Draw(t, "userName"), "id": "a"}
	if rapid.Bool().Draw(t, "active given") {
		user["active"] = rapid.Bool().Draw(t, "active")
	}
	if rapid.Bool().Draw(t, "name given") {
		user["name"] = map[string]any{"givenName": text.Draw(t, "givenName")}
	}
	if rapid.Bool().Draw(t, "created given") {
		user["meta"] = map[string]any{"created": "2026-01-31T08:00:00.000Z"}
	}
	if rapid.Bool().Draw(t, "department given") {
		user[schema.EnterpriseURN] = map[string]any{"department": text.Draw(t, "department")}
	}
	var emails []any
	for range rapid.IntRange(0, 2).Draw(t, "emails") {
		email := map[string]any{"value": text.Draw(t, "value")}
		if rapid.Bool().Draw(t, "type given") {
			email["type"] = text.Draw(t, "type")
		}
		if rapid.Bool().Draw(t, "primary given") {
			email["primary"] = rapid.Bool().Draw(t, "primary")
		}
		emails = append(emails, email)
	}
	if emails != nil {
		user["emails"] = emails
	}
	return user
}

// slow evaluates a filter by the words of RFC 7644, without the schema index and without compiling anything.
type slow struct{}

// kinds says what there is: s text, x exact text, b boolean, t time, c complex without a value, v complex with a value.
var kinds = map[string]string{
	"username": "s", "externalid": "x", "id": "x", "active": "b", "title": "s", "name": "c", "name.givenname": "s",
	"emails": "v", "emails.value": "s", "emails.type": "s", "emails.primary": "b", "emails.display": "s", "meta.created": "t",
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:department": "s",
}

// node evaluates n on v, whose parts are those of prefix; refused says that the filter must not be taken.
func (s slow) node(n filter.Node, v any, prefix string) (result, refused bool) {
	switch n := n.(type) {
	case *filter.Not:
		result, refused = s.node(n.Term, v, prefix)
		return !result, refused
	case *filter.Junction:
		result = !n.Or
		for _, term := range n.Terms {
			one, bad := s.node(term, v, prefix)
			refused = refused || bad
			if n.Or {
				result = result || one
			} else {
				result = result && one
			}
		}
		return result, refused
	case *filter.Comparison:
		return s.comparison(n, v, prefix)
	}
	return false, true
}

func (s slow) comparison(n *filter.Comparison, v any, prefix string) (result, refused bool) {
	path := strings.ToLower(prefix + n.Path.Name)
	if n.Path.Sub != "" {
		path += "." + strings.ToLower(n.Path.Sub)
	}
	kind, known := kinds[path]
	if !known {
		return false, false
	}
	values := s.values(v, strings.ToLower(n.Path.Name), prefix != "")
	if n.Path.Filter != nil {
		var chosen []any
		list := strings.ToLower(n.Path.Name)
		_, refused = s.node(n.Path.Filter, map[string]any{}, list+".")
		for _, element := range values {
			if ok, _ := s.node(n.Path.Filter, element, list+"."); ok {
				chosen = append(chosen, element)
			}
		}
		values = chosen
		if n.Path.Sub != "" {
			values = nil
			for _, element := range chosen {
				values = append(values, s.values(element, strings.ToLower(n.Path.Sub), true)...)
			}
		}
	}
	if refused || s.matchesNothing(n) {
		return false, refused
	}
	if n.Op == filter.Exists {
		return len(values) > 0, false
	}
	return s.holds(n, kind, values)
}

// matchesNothing: an inner filter that names what there is not and nothing else makes the whole never match. The compiled
// filter sees that beforehand and the slow one by finding no element; only "absent" tells them apart.
func (s slow) matchesNothing(n *filter.Comparison) bool {
	if n.Path.Filter == nil {
		return false
	}
	return neverMatches(n.Path.Filter, strings.ToLower(n.Path.Name)+".")
}

// neverMatches follows how constants fold, element filters having no "not".
func neverMatches(n filter.Node, prefix string) bool {
	switch n := n.(type) {
	case *filter.Junction:
		for _, term := range n.Terms {
			if neverMatches(term, prefix) != n.Or {
				return !n.Or
			}
		}
		return n.Or
	case *filter.Comparison:
		kind, known := kinds[strings.ToLower(prefix+n.Path.Name)]
		return !known || n.Op != filter.Present && impossible(n, kind)
	}
	return false
}

// impossible says that no value can satisfy a comparison, whatever it is.
func impossible(n *filter.Comparison, kind string) bool {
	if n.Value == nil {
		return n.Op != filter.Equal && n.Op != filter.NotEqual
	}
	text, isText := n.Value.(string)
	switch kind {
	case "b":
		_, isBool := n.Value.(bool)
		return !isBool && !strings.EqualFold(text, "true") || n.Op != filter.Equal && n.Op != filter.NotEqual
	case "c":
		return true
	default:
		return !isText && n.Op != filter.NotEqual
	}
}

func (s slow) holds(n *filter.Comparison, kind string, values []any) (result, refused bool) {
	if n.Op == filter.Present || n.Value == nil {
		some := false
		for _, v := range values {
			object, isObject := v.(map[string]any)
			some = some || v != "" && (!isObject || len(object) > 0)
		}
		switch n.Op {
		case filter.Equal:
			return !some, false
		case filter.Present, filter.NotEqual:
			return some, false
		}
		return false, false
	}
	ordering := isOne(n.Op, "gt", "ge", "lt", "le")
	if kind == "v" {
		kind = "s"
		var inner []any
		for _, v := range values {
			inner = append(inner, s.values(v, "value", true)...)
		}
		values = inner
	}
	if ordering && (kind == "b" || kind == "c") {
		return false, true
	}
	if impossible(n, kind) || kind == "t" && s.noTime(n) {
		return false, false
	}
	if len(values) == 0 {
		return n.Op == filter.NotEqual, false
	}
	for _, v := range values {
		if s.one(n, kind, v) {
			return true, false
		}
	}
	return false, false
}

func (s slow) noTime(n *filter.Comparison) bool {
	text, ok := n.Value.(string)
	if !ok || isOne(n.Op, "co", "sw", "ew") {
		return false
	}
	_, err := time.Parse(time.RFC3339, text)
	return err != nil
}

func (s slow) one(n *filter.Comparison, kind string, v any) bool {
	if kind == "b" {
		want, _ := n.Value.(bool)
		if text, ok := n.Value.(string); ok {
			want = strings.EqualFold(text, "true")
		}
		return (v == want) == (n.Op == filter.Equal)
	}
	want, isText := n.Value.(string)
	if !isText {
		return true // ne
	}
	is := v.(string)
	if kind == "t" && !isOne(n.Op, "co", "sw", "ew") {
		a, _ := time.Parse(time.RFC3339, is)
		b, _ := time.Parse(time.RFC3339, want)
		return order(n.Op, a.Compare(b))
	}
	if kind == "s" || kind == "t" {
		is, want = strings.ToLower(is), strings.ToLower(want)
	}
	switch n.Op {
	case filter.Contains:
		return strings.Contains(is, want)
	case filter.StartsWith:
		return strings.HasPrefix(is, want)
	case filter.EndsWith:
		return strings.HasSuffix(is, want)
	}
	return order(n.Op, strings.Compare(is, want))
}

func isOne(op filter.Op, of ...filter.Op) bool { return slices.Contains(of, op) }

func order(op filter.Op, c int) bool {
	return map[filter.Op]bool{
		filter.Equal: c == 0, filter.NotEqual: c != 0, filter.Greater: c > 0,
		filter.GreaterOrEqual: c >= 0, filter.Less: c < 0, filter.LessOrEqual: c <= 0,
	}[op]
}

// values walks a path of folded names through a resource.
func (s slow) values(v any, path string, inElement bool) []any {
	names := strings.Split(path, ".")
	if i := strings.LastIndex(path, ":"); i >= 0 {
		names = []string{path[:i], path[i+1:]}
	}
	if inElement {
		names = []string{path}
	}
	current := []any{v}
	for _, name := range names {
		var next []any
		for _, one := range current {
			object, _ := one.(map[string]any)
			for key, value := range object {
				if !strings.EqualFold(key, name) {
					continue
				}
				if list, ok := value.([]any); ok {
					next = append(next, list...)
				} else {
					next = append(next, value)
				}
			}
		}
		current = next
	}
	return current
}
