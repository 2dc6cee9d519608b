package filter_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/filter"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, canonical string }{
		{`userName eq "bjensen"`, `userName eq "bjensen"`},
		{`USERNAME EQ "x"`, `USERNAME eq "x"`},
		{"  userName\teq   \"x\"  ", `userName eq "x"`},
		{`title pr`, `title pr`},
		{`title pr and userType eq "Employee"`, `title pr and userType eq "Employee"`},
		{`a pr or b pr and c pr`, `a pr or (b pr and c pr)`},
		{`(a pr or b pr) and c pr`, `(a pr or b pr) and c pr`},
		{`a pr AND (b pr and c pr)`, `a pr and b pr and c pr`},
		{`not (a pr)`, `not (a pr)`},
		{`NOT(a pr)`, `not (a pr)`},
		{`not (not (a pr)) or ((b pr))`, `not (not (a pr)) or b pr`},
		{`userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`,
			`userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`},
		{`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp"]`,
			`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp"]`},
		{`emails[type eq "work"].value eq "x"`, `emails[type eq "work"].value eq "x"`},
		{`emails[ type eq "work" ].value pr`, `emails[type eq "work"].value pr`},
		{`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "x"`,
			`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "x"`},
		{`meta.lastModified gt "2011-05-13T04:42:34Z"`, `meta.lastModified gt "2011-05-13T04:42:34Z"`},
		{`active eq true and title eq null and x ge -1.50e3`, `active eq true and title eq null and x ge -1.50e3`},
		{`active eq True`, `active eq true`},
		{`userName eq "a\"b\\c\u0041)"`, `userName eq "a\"b\\cA)"`},
		{`order eq "x" or android pr`, `order eq "x" or android pr`},
		{`not eq "x"`, `not eq "x"`},
		{`members.$ref eq "x"`, `members.$ref eq "x"`},
	} {
		node, err := filter.Parse(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if got, want := node.String(), test.canonical; got != want {
			t.Errorf("%s: got %s, want %s", test.text, got, want)
		}
	}
}

func TestParseRefusesAndSaysWhere(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, detail string }{
		{"nothing", ``, "byte 0: the name of an attribute"},
		{"a name alone", `userName`, "byte 8: an operator was expected"},
		{"no value", `userName eq`, "byte 11: a value was expected"},
		{"a text without quotes", `userName sw K`, "byte 12: a value was expected; text must stand in double quotes"},
		{"single quotes", `userName eq 'x'`, "byte 12: a value was expected"},
		{"an unknown operator", `userName is "x"`, "byte 9: an operator was expected"},
		{"an open text", `userName eq "x`, "byte 14: a string is not closed"},
		{"a bad escape", `userName eq "\x"`, "byte 13: an escape"},
		{"an open parenthesis", `(userName pr`, "byte 12: a closing parenthesis"},
		{"a parenthesis too many", `userName pr)`, "byte 11: text that belongs to nothing"},
		{"an open bracket", `emails[type eq "work"`, "byte 21: a closing bracket"},
		{"brackets in brackets", `emails[a[b pr] pr]`, "byte 8: brackets inside of brackets"},
		{"a dangling and", `a pr and`, "byte 8: the name of an attribute"},
		{"a dangling or", `a pr or )`, "byte 8: the name of an attribute"},
		{"two filters", `a pr b pr`, "byte 5: text that belongs to nothing"},
		{"a value that runs on", `a eq "x"and b pr`, "byte 8: a blank was expected"},
		{"a number for a name", `1 eq 1`, "byte 0: the name"},
		{"a path after brackets", `emails[a pr].b.c eq "x"`, "byte 13: one sub-attribute"},
		{"too deep", strings.Repeat("(", 33) + "a pr" + strings.Repeat(")", 33), "nested deeper than 32"},
		{"a hundred thousand parentheses", strings.Repeat("(", 100_000), "longer than 8192 bytes"},
		{"eight thousand parentheses", strings.Repeat("(", 8000), "nested deeper than 32"},
		{"not without end", strings.Repeat("not(", 2000), "nested deeper than 32"},
		{"too long", `userName eq "` + strings.Repeat("x", filter.MaxLength) + `"`, "longer than 8192 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := filter.Parse(test.text)
			var e *fault.Error
			if !errors.As(err, &e) || e.Type != fault.InvalidFilter || e.Status != 400 {
				t.Fatalf("got %#v, want an invalidFilter", err)
			}
			if got, want := e.Detail, test.detail; !strings.Contains(got, want) {
				t.Errorf("got %q, want something with %q", got, want)
			}
		})
	}
}

func TestParseTakesLongChains(t *testing.T) {
	t.Parallel()
	chain := strings.TrimSuffix(strings.Repeat("a pr or ", 1000), " or ")
	node, err := filter.Parse(chain)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(node.(*filter.Junction).Terms), 1000; got != want {
		t.Errorf("got %d terms, want %d", got, want)
	}
	deep := strings.Repeat("(", filter.MaxDepth) + "a pr" + strings.Repeat(")", filter.MaxDepth)
	if _, err := filter.Parse(deep); err != nil {
		t.Error(err)
	}
}

func TestParsePath(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want filter.Path
	}{
		{"members", filter.Path{Name: "members"}},
		{"name.familyName", filter.Path{Name: "name.familyName"}},
		{"urn:x:2.0:User:a.b", filter.Path{Name: "urn:x:2.0:User:a.b"}},
		{`addresses[type eq "work"]`, filter.Path{Name: "addresses", Filter: typeIs("work")}},
		{`urn:x:2.0:User:emails[type eq "work"].value`, filter.Path{Name: "urn:x:2.0:User:emails", Filter: typeIs("work"), Sub: "value"}},
	} {
		got, err := filter.ParsePath(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %#v, want %#v", test.text, got, test.want)
		}
		if got, want := got.String(), test.text; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for _, text := range []string{"", "a b", "a[", "a[b pr", "a[b pr]c", "a[b pr].", "a[b pr].c.d", "[b pr]", "a]", strings.Repeat("a", 9000)} {
		var e *fault.Error
		if _, err := filter.ParsePath(text); !errors.As(err, &e) || e.Type != fault.InvalidPath {
			t.Errorf("%.20q: got %v, want an invalidPath", text, err)
		}
	}
}

func typeIs(value string) filter.Node {
	return &filter.Comparison{Path: filter.Path{Name: "type"}, Op: filter.Equal, Value: value}
}

// The text of any filter parses to the same filter.
func TestTextAndFilterAreOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		node := anyFilter(3).Draw(t, "filter")
		again, err := filter.Parse(node.String())
		if err != nil {
			t.Fatalf("%v: %s", err, node)
		}
		if !reflect.DeepEqual(again, node) {
			t.Fatalf("%s came back as %s", node, again)
		}
	})
}

// FuzzParse: no text makes the parser fail otherwise than with a clear error, and what it takes has a canonical form.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`userName eq "bjensen"`, `title pr and not (a.b co "x" or c ge 5)`, `emails[type eq "work" and value co "@"].value ne null`,
		`urn:ietf:params:scim:schemas:core:2.0:User:name.familyName sw "\u00e9"`, `((((`, `a[b`, `not(`, `x eq 1e99999999`, "a eq \"\xff\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		node, err := filter.Parse(text)
		if err != nil {
			var e *fault.Error
			if !errors.As(err, &e) || e.Type != fault.InvalidFilter {
				t.Fatalf("got an error of another kind: %v", err)
			}
			return
		}
		canonical := node.String()
		again, err := filter.Parse(canonical)
		if len(canonical) > filter.MaxLength {
			return
		}
		if err != nil || !reflect.DeepEqual(again, node) {
			t.Fatalf("%q became %q, which is read as %v, %v", text, canonical, again, err)
		}
		if f, err := filter.Compile(node, userType, modeOf(text)); err == nil {
			f.Match(someone)
			f.Never()
			f.Lookup("userName")
		}
	})
}

// FuzzParsePath does the same for paths.
func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{"members", `emails[type eq "work"].value`, "urn:a:b:2.0:User:c.d", "a[b pr]", "[", "a.", `members[value eq "x" or value eq "y"]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path, err := filter.ParsePath(text)
		if err != nil {
			var e *fault.Error
			if !errors.As(err, &e) || e.Type != fault.InvalidPath {
				t.Fatalf("got an error of another kind: %v", err)
			}
			return
		}
		again, err := filter.ParsePath(path.String())
		if len(path.String()) <= filter.MaxLength && (err != nil || !reflect.DeepEqual(again, path)) {
			t.Fatalf("%q is read as %v, %v", text, again, err)
		}
	})
}

// anyFilter draws filters over the attributes of a user, some of which there are not.
func anyFilter(depth int) *rapid.Generator[filter.Node] {
	if depth == 0 {
		return anyComparison(true)
	}
	return rapid.Custom(func(t *rapid.T) filter.Node {
		switch rapid.IntRange(0, 4).Draw(t, "form") {
		case 0:
			return &filter.Not{Term: anyFilter(depth-1).Draw(t, "term")}
		case 1, 2:
			return anyJunction(t, func() filter.Node { return anyFilter(depth-1).Draw(t, "term") })
		default:
			return anyComparison(true).Draw(t, "comparison")
		}
	})
}

// anyJunction draws a junction none of whose terms is one of the same kind, as the parser makes them.
func anyJunction(t *rapid.T, term func() filter.Node) filter.Node {
	or := rapid.Bool().Draw(t, "or")
	var terms []filter.Node
	for range rapid.IntRange(2, 3).Draw(t, "terms") {
		node := term()
		if j, ok := node.(*filter.Junction); ok && j.Or == or {
			terms = append(terms, j.Terms...)
			continue
		}
		terms = append(terms, node)
	}
	return &filter.Junction{Or: or, Terms: terms}
}

var anyOp = rapid.SampledFrom([]filter.Op{
	filter.Equal, filter.NotEqual, filter.Contains, filter.StartsWith, filter.EndsWith, filter.Present,
	filter.Greater, filter.GreaterOrEqual, filter.Less, filter.LessOrEqual,
})

var anyLiteral = rapid.SampledFrom([]any{
	"a", "A", "ab", "", "b\"\\\n", "work", "True", "2026-01-31T08:00:00Z", "2026-01-31T09:00:00+01:00", "2026-02-01T00:00:00.5Z",
	json.Number("1"), json.Number("-0.5e3"), true, false, nil,
})

func anyComparison(brackets bool) *rapid.Generator[filter.Node] {
	return rapid.Custom(func(t *rapid.T) filter.Node {
		names := []string{"value", "type", "PRIMARY", "display", "nothing"}
		if brackets {
			names = []string{
				"userName", "USERNAME", "externalId", "id", "active", "title", "name", "name.givenName", "emails", "emails.type", "emails.primary",
				"meta.created", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "nothing", "name.nothing", "password",
			}
		}
		c := &filter.Comparison{Path: filter.Path{Name: rapid.SampledFrom(names).Draw(t, "name")}, Op: anyOp.Draw(t, "op")}
		if brackets && rapid.IntRange(0, 3).Draw(t, "brackets") == 0 {
			c.Path.Name = rapid.SampledFrom([]string{"emails", "Emails", "name"}).Draw(t, "list")
			c.Path.Filter = anyComparison(false).Draw(t, "inner")
			if rapid.Bool().Draw(t, "two") {
				c.Path.Filter = anyJunction(t, func() filter.Node { return anyComparison(false).Draw(t, "inner") })
			}
			c.Path.Sub = rapid.SampledFrom([]string{"", "value", "TYPE", "nothing"}).Draw(t, "sub")
			if c.Path.Sub == "" && rapid.Bool().Draw(t, "alone") {
				c.Op = filter.Exists
			}
		}
		if c.Op != filter.Present && c.Op != filter.Exists {
			c.Value = anyLiteral.Draw(t, "literal")
		}
		return c
	})
}
