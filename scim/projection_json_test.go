package scim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	definition "github.com/elimity-com/scim/schema"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/scim/body"
	"github.com/usher-scim/usher/scim/schema"
)

// thing has an attribute of each kind of "returned", and a complex one with the same as its parts.
func thing() *schema.ResourceType {
	returned := map[string]definition.AttributeReturned{
		"always": definition.AttributeReturnedAlways(), "never": definition.AttributeReturnedNever(),
		"byDefault": definition.AttributeReturnedDefault(), "onRequest": definition.AttributeReturnedRequest(),
	}
	var parts []definition.SimpleParams
	var attributes []definition.CoreAttribute
	for _, name := range []string{"always", "never", "byDefault", "onRequest"} {
		params := definition.SimpleStringParams(definition.StringParams{Name: name, Returned: returned[name]})
		parts = append(parts, params)
		attributes = append(attributes, definition.SimpleCoreAttribute(params))
	}
	for name, multi := range map[string]bool{"one": false, "many": true} {
		attributes = append(attributes, definition.ComplexCoreAttribute(definition.ComplexParams{Name: name, MultiValued: multi, SubAttributes: parts}))
	}
	attributes = append(attributes, definition.ComplexCoreAttribute(definition.ComplexParams{Name: "asked", Returned: definition.AttributeReturnedRequest(), SubAttributes: parts}))
	return schema.New("Thing", "/Things", definition.Schema{ID: "urn:example:Thing", Attributes: attributes})
}

// The table of RFC 7643 section 7, at both levels.
func TestLaw11Returned(t *testing.T) {
	t.Parallel()
	kind := thing()
	const part = `{"always":"a","never":"n","byDefault":"d","onRequest":"r"}`
	const stored = `{"always":"a","never":"n","byDefault":"d","onRequest":"r","one":` + part + `,"many":[` + part + `,` + part + `],"asked":` + part + `}`
	const brief = `{"always":"a","byDefault":"d"}`
	for _, test := range []struct {
		names string
		only  bool
		wrote []string
		want  string
	}{
		{"", false, nil, `{"always":"a","byDefault":"d","one":` + brief + `,"many":[` + brief + `,` + brief + `]}`},
		{"always,one,many.always,many.byDefault", false, nil, `{"always":"a","byDefault":"d","many":[{"always":"a"},{"always":"a"}]}`},
		{"byDefault", true, nil, `{"always":"a","byDefault":"d"}`},
		{"nothing", true, nil, `{"always":"a"}`},
		{"never,one.never", true, nil, `{"always":"a","one":{"always":"a"}}`},
		{"onRequest,one.onRequest", true, nil, `{"always":"a","onRequest":"r","one":{"always":"a","onRequest":"r"}}`},
		{"asked.byDefault", true, nil, `{"always":"a","asked":{"always":"a","byDefault":"d"}}`},
		{"asked", true, nil, `{"always":"a","asked":{"always":"a","byDefault":"d","onRequest":"r"}}`},
		{"", false, []string{"onRequest", "one.onRequest"}, `{"always":"a","byDefault":"d","onRequest":"r","one":{"always":"a","byDefault":"d","onRequest":"r"},"many":[` + brief + `,` + brief + `]}`},
		{"onRequest,one,many", false, []string{"onRequest", "one.onRequest", "many.onRequest"}, `{"always":"a","byDefault":"d"}`},
		{"byDefault", true, []string{"onRequest"}, `{"always":"a","byDefault":"d"}`},
	} {
		source := projectionSource{t: kind, names: test.names, only: test.only}
		p := source.compile(func(a *schema.Attribute) bool { return slices.Contains(test.wrote, a.Path) })
		if got := string(p.project([]byte(stored))); !sameJSON(t, got, test.want) {
			t.Errorf("%q, only %t, written %v: got %s, want %s", test.names, test.only, test.wrote, got, test.want)
		}
		if p.plain || !p.requests {
			t.Errorf("%q: what is on request must be taken out of what is stored", test.names)
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Fatalf("%v: %s", err, a)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return reflect.DeepEqual(x, y)
}

// What is written may be returned on request, and what is changed.
func TestLaw11WrittenIn(t *testing.T) {
	t.Parallel()
	kind := thing()
	resource := map[string]any{"onRequest": "r", "one": map[string]any{"onRequest": "r"}, "many": []any{map[string]any{"always": "a"}, map[string]any{"onRequest": "r"}}}
	for path, want := range map[string]bool{"onRequest": true, "one": true, "one.onRequest": true, "one.always": false, "many.onRequest": true, "many.byDefault": false, "asked": false, "asked.always": false} {
		target, ok := kind.Resolve(path, schema.Mode{})
		if !ok {
			t.Fatal(path)
		}
		if got := writtenIn(kind, resource)(target.Leaf()); got != want {
			t.Errorf("writtenIn %s: got %t, want %t", path, got, want)
		}
		if got := changedIn(kind, resource, resource)(target.Leaf()); got {
			t.Errorf("changedIn %s: got true for the same resource", path)
		}
	}
	target, _ := kind.Resolve("onRequest", schema.Mode{})
	if !changedIn(kind, resource, map[string]any{"onRequest": "s"})(target.Attr) || !changedIn(kind, map[string]any{}, resource)(target.Attr) {
		t.Error("changedIn: a change was not seen")
	}
}

func anyNames(t *rapid.T) string {
	names := []string{
		"userName", "USERNAME", "name", "name.givenName", "emails", "emails.type", "emails.value", "title", "nothing", "id", "schemas", "meta", schema.UserURN,
		schema.EnterpriseURN, schema.EnterpriseURN + ":department", schema.EnterpriseURN + ":manager.value", " title", "", "active",
	}
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(names), 1, 5).Draw(t, "names"), ",")
}

func anyUser(t *rapid.T) map[string]any {
	text := rapid.SampledFrom([]any{"", "a", `"\ü` + "\n{}[],:", "b"})
	element := rapid.MapOfN(rapid.SampledFrom([]string{"value", "type", "display"}), text, 1, 3)
	optional := func(object map[string]any, name string, value *rapid.Generator[any]) {
		if rapid.Bool().Draw(t, name) {
			object[name] = value.Draw(t, "value")
		}
	}
	asAny := func(m map[string]any) any { return m }
	u := map[string]any{}
	optional(u, "userName", text)
	optional(u, "title", text)
	optional(u, "active", rapid.SampledFrom([]any{true, false}))
	optional(u, "name", rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"givenName", "familyName"}), text, 1, 2), asAny))
	optional(u, "emails", rapid.Map(rapid.SliceOfN(rapid.Map(element, asAny), 1, 3), func(l []any) any { return l }))
	optional(u, schema.EnterpriseURN, rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"department", "division"}), text, 1, 2), asAny))
	return u
}

// A projection of a projection is the same, excluding and asking for the same names leaves all and nothing twice, and both are what a
// projection of the decoded resource would be.
func TestLaw11ProjectionIsIdempotent(t *testing.T) {
	t.Parallel()
	kind := schema.User()
	nothing := func(*schema.Attribute) bool { return false }
	rapid.Check(t, func(t *rapid.T) {
		stored := kind.Append(nil, anyUser(t))
		names := anyNames(t)
		for _, only := range []bool{true, false} {
			p := projectionSource{t: kind, names: names, only: only}.compile(nothing)
			once := p.project(stored)
			if once == nil {
				once = []byte("{}")
			}
			twice := p.project(once)
			if twice == nil {
				twice = []byte("{}")
			}
			if !bytes.Equal(once, twice) {
				t.Fatalf("%q, only %t: got %s, then %s", names, only, once, twice)
			}
			decoded, err := body.Object(once)
			if err != nil {
				t.Fatalf("%q, only %t: %v: %s", names, only, err, once)
			}
			whole, err := body.Object(stored)
			if err != nil {
				t.Fatal(err)
			}
			slow, _ := slowly(&p.root, whole).(map[string]any)
			if slow == nil {
				slow = map[string]any{}
			}
			if !reflect.DeepEqual(decoded, slow) {
				t.Fatalf("%q, only %t: got %v, want %v", names, only, decoded, slow)
			}
		}
	})
}

// slowly projects what is decoded.
func slowly(s *shape, v any) any {
	if s.whole {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, member := range v {
			if s.parts[name] == nil {
				continue
			}
			if member = slowly(s.parts[name], member); member != nil {
				kept[name] = member
			}
		}
		if len(kept) > 0 {
			return kept
		}
	case []any:
		var kept []any
		for _, element := range v {
			if element = slowly(s, element); element != nil {
				kept = append(kept, element)
			}
		}
		if len(kept) > 0 {
			return kept
		}
	}
	return nil
}

// FuzzProjection: whatever stands in the store, a projection makes something of it; of valid JSON something valid.
func FuzzProjection(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1}`, `{"name":{"givenName":"\"}"},"emails":[{"value":"x"},{}],"title":null}`, ` { "a" : [ 1 , 2 ] , "b" : -1.5e3 } `, `{"a":"\`, `[{`, `{"a":[}]`, ``} {
		f.Add([]byte(seed))
	}
	s := &shape{parts: map[string]*shape{"a": {whole: true}, "b": {whole: true}, "name": {parts: map[string]*shape{"givenName": {whole: true}}}, "emails": {parts: map[string]*shape{"value": {whole: true}}}}}
	f.Fuzz(func(t *testing.T, stored []byte) {
		stored = bytes.TrimSpace(stored)
		projected, some := s.append(nil, stored)
		if json.Valid(stored) && some && !json.Valid(projected) {
			t.Fatalf("%s became %s", stored, projected)
		}
		if !some && len(projected) > 0 {
			t.Fatalf("%s: nothing, but %s was written", stored, projected)
		}
	})
}

// The projections that are kept are bounded, and the same shape is compiled once.
func TestProjectionsAreBounded(t *testing.T) {
	t.Parallel()
	kind := schema.User()
	var c projections
	first := c.get(projectionSource{t: kind, names: "title", only: true})
	if c.get(projectionSource{t: kind, names: "title", only: true}) != first {
		t.Error("the same shape was compiled twice")
	}
	if c.get(projectionSource{t: kind, names: "title"}) == first {
		t.Error("another shape was taken for the same")
	}
	for i := range 3 * maxProjections {
		c.get(projectionSource{t: kind, names: fmt.Sprint("x", i)})
	}
	c.get(projectionSource{t: kind, names: strings.Repeat("x", maxProjectionCache+1)})
	if got := len(c.bySource); got > maxProjections {
		t.Errorf("got %d projections, want at most %d", got, maxProjections)
	}
	for s := range c.bySource {
		if len(s.names) > maxProjectionCache {
			t.Error("a long list of names is kept")
		}
	}
}
