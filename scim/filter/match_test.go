package filter_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	definition "github.com/elimity-com/scim/schema"

	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/filter"
	"github.com/usher-scim/usher/scim/schema"
)

var (
	userType  = schema.User()
	groupType = schema.Group()
)

func modeOf(text string) schema.Mode { return schema.Mode{Shorthand: len(text)%2 == 0} }

// someone is a user as filters see one.
var someone = map[string]any{
	"schemas": []any{schema.UserURN, schema.EnterpriseURN},
	"id":      "0198c6c0-0000-7000-8000-000000000001", "externalId": "Ext1", "userName": "BJensen", "active": true,
	"name": map[string]any{"givenName": "Barbara", "familyName": "Jensen", "middleName": ""},
	"emails": []any{
		map[string]any{"value": "Bjensen@Example.com", "type": "work", "primary": true},
		map[string]any{"value": "babs@home.example", "type": "home"},
	},
	"groups":             []any{map[string]any{"value": "g1", "display": "Sales"}},
	"meta":               map[string]any{"resourceType": "User", "created": "2026-01-31T08:00:00.000Z", "version": `W/"3"`},
	schema.EnterpriseURN: map[string]any{"department": "Tour Operations", "manager": map[string]any{"value": "m1"}},
}

func TestMatch(t *testing.T) {
	t.Parallel()
	const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	for _, test := range []struct {
		text string
		want bool
	}{
		// Case, by the schema.
		{`userName eq "bjensen"`, true}, {`USERNAME EQ "BJENSEN"`, true}, {`id eq "0198C6C0-0000-7000-8000-000000000001"`, false},
		{`externalId eq "Ext1"`, true}, {`externalId eq "ext1"`, false}, {`emails.value eq "BJENSEN@example.COM"`, true},
		// The operators.
		{`userName ne "bjensen"`, false}, {`userName ne "x"`, true}, {`userName co "JENS"`, true}, {`userName sw "bj"`, true}, {`userName ew "SEN"`, true},
		{`userName sw "j"`, false}, {`userName gt "a"`, true}, {`userName lt "a"`, false}, {`userName ge "bjensen"`, true}, {`userName le "bjensen"`, true},
		{`userName pr`, true}, {`title pr`, false}, {`name.middleName pr`, false}, {`emails pr`, true}, {`name pr`, true}, {`photos pr`, false},
		{`title eq null`, true}, {`userName eq null`, false}, {`userName ne null`, true}, {`title ne null`, false}, {`title ne "x"`, true}, {`title gt null`, false},
		// Logic.
		{`userName eq "x" or active eq true`, true}, {`userName eq "x" and active eq true`, false}, {`not (userName eq "x")`, true},
		{`title pr or active eq true and userName eq "x"`, false}, {`(title pr or active eq true) and userName sw "b"`, true},
		// Booleans, as text too.
		{`active eq "True"`, true}, {`active eq "false"`, false}, {`active ne false`, true}, {`active eq "maybe"`, false}, {`active co "t"`, false},
		// Lists: any element, the same element.
		{`emails co "home.example"`, true}, {`emails.type eq "home"`, true}, {`emails[type eq "work" and value ew "home.example"]`, false},
		{`emails[type eq "home" and value ew "home.example"]`, true}, {`emails[type eq "work"].value eq "bjensen@example.com"`, true},
		{`emails[type eq "home"].value eq "bjensen@example.com"`, false}, {`emails[type eq "other"].value pr`, false}, {`emails[type eq "other"].value eq null`, true},
		{`emails[primary eq "True"].type eq "WORK"`, true}, {`emails[not (primary eq true)].type eq "work"`, false}, {`emails[type eq "work"] and active eq true`, true},
		{`emails.type ne "work"`, true}, {`emails[type pr] pr`, true}, {`emails eq null`, false}, {`name[givenName eq "barbara"]`, true},
		// Extensions, with the URN and mixed.
		{enterprise + `:department eq "tour operations"`, true}, {strings.ToUpper(enterprise) + `:Department sw "tour" and userName pr`, true},
		{enterprise + `:manager eq "m1"`, true}, {enterprise + `:manager.value eq "m2"`, false}, {enterprise + ` pr`, true},
		{`department eq "tour operations"`, false}, {schema.UserURN + `:userName eq "bjensen"`, true},
		// What the server knows.
		{`meta.resourceType eq "User"`, true}, {`meta.resourceType eq "user"`, false}, {`groups.value eq "g1"`, true}, {`groups eq "g1"`, true}, {`groups.display sw "sal"`, true},
		{`schemas eq "` + schema.EnterpriseURN + `"`, true}, {`schemas[value ew "User"]`, true}, {`meta.version eq "W/\"3\""`, true},
		// Times, with any offset.
		{`meta.created eq "2026-01-31T09:00:00+01:00"`, true}, {`meta.created gt "2026-01-31T07:59:59.999Z"`, true}, {`meta.created lt "2026-01-31T08:00:00Z"`, false},
		{`meta.created le "2026-01-31T08:00:00"`, true}, {`meta.created eq "soon"`, false}, {`meta.created sw "2026-01"`, true}, {`meta.created ge 5`, false},
		// What cannot match does not, and is no error.
		{`nothing eq "x"`, false}, {`nothing ne "x"`, false}, {`nothing pr`, false}, {`not (nothing pr)`, true}, {`name.nothing eq "x"`, false}, {`emails[nothing eq "x"]`, false},
		{`userName eq 5`, false}, {`userName ne 5`, true}, {`userName gt true`, false}, {`name eq "x"`, false}, {`userName[value eq "x"]`, false}, {`emails.value[value eq "x"]`, false},
		{`password eq "x"`, false}, {`password pr`, false}, {`password ne "x"`, false}, {schema.UserURN + ` pr`, false},
	} {
		f, err := compile(test.text, userType, schema.Mode{})
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if got, want := f.Match(someone), test.want; got != want {
			t.Errorf("%s: got %v, want %v", test.text, got, want)
		}
		if f.Never() && test.want {
			t.Errorf("%s: said never to match", test.text)
		}
	}
}

func TestShorthandOfExtensions(t *testing.T) {
	t.Parallel()
	f, err := compile(`department sw "tour" and manager eq "m1"`, userType, schema.Mode{Shorthand: true})
	if err != nil {
		t.Fatal(err)
	}
	if !f.Match(someone) {
		t.Error("the bare name of an extension's attribute was not understood")
	}
}

func TestOrderOfWhatHasNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`active gt true`, `active le "True"`, `emails[primary lt false]`, `title pr and (active ge true or title pr)`,
		`x509Certificates.value gt "x"`, `x509Certificates gt "x"`, `name gt "x"`, `not (active lt false)`,
	} {
		_, err := compile(text, userType, schema.Mode{})
		var e *fault.Error
		if !errors.As(err, &e) || e.Type != fault.InvalidFilter {
			t.Errorf("%s: got %v, want an invalidFilter", text, err)
		}
	}
}

func TestNumbersAreExact(t *testing.T) {
	t.Parallel()
	kind := schema.New("Thing", "/Things", definition.Schema{ID: "urn:example:Thing", Attributes: []definition.CoreAttribute{
		definition.SimpleCoreAttribute(definition.SimpleNumberParams(definition.NumberParams{Name: "n", Type: definition.AttributeTypeDecimal()})),
	}})
	for _, test := range []struct {
		value, text string
		want        bool
	}{
		{"9007199254740993", "n eq 9007199254740992", false}, {"9007199254740993", "n gt 9007199254740992", true}, {"0.1", "n eq 0.10", true},
		{"1e2", "n eq 100", true}, {"100", "n eq 0.1E+3", true}, {"-1", "n lt 0", true}, {"-2", "n lt -1.5", true}, {"0", "n eq -0.0", true}, {"-0", "n ge 0", true},
		{"1e999999999", "n gt 1", true}, {"1e99999999999999999999999", "n gt 1e999999999", true}, {"1e-99999999999999999999", "n gt 0", true},
		{"0.001", "n eq 1e-3", true}, {"12", "n gt 9", true}, {"5", "n ne 5.0", false}, {"5", `n eq "5"`, false}, {"5", `n co 5`, false},
	} {
		f, err := compile(test.text, kind, schema.Mode{})
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if got, want := f.Match(map[string]any{"n": json.Number(test.value)}), test.want; got != want {
			t.Errorf("%s of %s: got %v, want %v", test.text, test.value, got, want)
		}
	}
}

func TestLongListsAreReadAsFarAsNeeded(t *testing.T) {
	t.Parallel()
	f, err := compile(`displayName sw "a" and members eq "3"`, groupType, schema.Mode{})
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	members := iter.Seq[any](func(yield func(any) bool) {
		for i := range 1000 {
			read++
			if !yield(map[string]any{"value": fmt.Sprint(i)}) {
				return
			}
		}
	})
	if !f.Match(map[string]any{"displayName": "all", "members": members}) {
		t.Error("the member was not found")
	}
	if got, want := read, 4; got != want {
		t.Errorf("got %d members read, want %d", got, want)
	}
	if f.Match(map[string]any{"displayName": "none", "members": members}) || read != 4 {
		t.Error("the members were read although the name had decided")
	}
}

func TestNamesAreWhatAFilterLooksAt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`displayName eq "x"`: {"displayName"}, `NAME.givenName pr or not (emails[type eq "work"].value pr)`: {"emails", "name"}, `nothing eq "x"`: {},
		schema.EnterpriseURN + `:department pr and ` + schema.UserURN + `:title pr`: {"title", schema.EnterpriseURN}, schema.EnterpriseURN + ` pr`: {schema.EnterpriseURN},
		`meta.created pr and id pr`: {"id", "meta"},
	} {
		node, err := filter.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		f, err := filter.Compile(node, userType, schema.Mode{})
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(f.Names()); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text, path, value string // value "-": no look-up
		rest              bool   // something is left to ask
	}{
		{`userName eq "x"`, "userName", "x", false},
		{`USERNAME eq "X"`, "userName", "X", false},
		{`userName eq "x" and active eq true`, "userName", "x", true},
		{`active eq true and (title pr and userName eq "x")`, "userName", "x", true},
		{`userName eq "x" or active eq true`, "userName", "-", false},
		{`not (userName eq "x")`, "userName", "-", false},
		{`userName ne "x"`, "userName", "-", false},
		{`userName eq 5`, "userName", "-", false},
		{`id eq "x"`, "id", "x", false},
		{`externalId eq "x"`, "externalId", "x", false},
		{`emails eq "x"`, "emails.value", "x", false},
		{`emails.value eq "x"`, "emails.value", "x", false},
		{`emails[type eq "work"].value eq "x"`, "emails.value", "x", true},
		{`emails[type eq "work" and value eq "x"]`, "emails.value", "x", true},
		{`emails[value eq "x"]`, "emails.value", "x", false},
		{`emails[type eq "work" or value eq "x"]`, "emails.value", "-", false},
		{schema.UserURN + `:userName eq "x"`, "userName", "x", false},
	} {
		f, err := compile(test.text, userType, schema.Mode{})
		if err != nil {
			t.Fatal(err)
		}
		value, rest, ok := f.Lookup(test.path)
		if !ok {
			value = "-"
		}
		if got, want := value, test.value; got != want {
			t.Errorf("%s: got %q, want %q", test.text, got, want)
		}
		if got, want := ok && !rest.Always(), test.rest; got != want {
			t.Errorf("%s: something is left to ask: got %v, want %v", test.text, got, want)
		}
	}
	f, err := compile(`members eq "u" and id eq "g" and members.value eq "v"`, groupType, schema.Mode{})
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := f.Lookup("members.value")
	value, _, _ := rest.Lookup("members.value")
	if got, want := value, "v"; got != want {
		t.Errorf("a second member is still asked for: got %q, want %q", got, want)
	}
}

func TestElement(t *testing.T) {
	t.Parallel()
	emails := userType.Core.Lookup("emails")
	for _, test := range []struct {
		text        string
		assignments string // "-": none
		values      string
	}{
		{`emails[type eq "work"]`, "map[type:work]", "-"},
		{`emails[TYPE eq "work" and primary eq "True"]`, "map[primary:true type:work]", "-"},
		{`emails[value eq "x"]`, "map[value:x]", "[x]"},
		{`emails[value eq "x" or VALUE eq "y"]`, "-", "[x y]"},
		{`emails[type eq "work" or value eq "y"]`, "-", "-"},
		{`emails[type ne "work"]`, "-", "-"}, {`emails[type eq null]`, "-", "-"}, {`emails[nothing eq "x"]`, "-", "-"}, {`emails[primary eq "maybe"]`, "-", "-"},
	} {
		path, err := filter.ParsePath(test.text)
		if err != nil {
			t.Fatal(err)
		}
		e, err := filter.CompileElement(path.Filter, emails)
		if err != nil {
			t.Fatal(err)
		}
		assignments, values := "-", "-"
		if m, ok := e.Assignments(); ok {
			assignments = fmt.Sprint(m)
		}
		if v, ok := e.Values("value"); ok {
			values = fmt.Sprint(v)
		}
		if assignments != test.assignments || values != test.values {
			t.Errorf("%s: got %s and %s, want %s and %s", test.text, assignments, values, test.assignments, test.values)
		}
	}
}

func compile(text string, t *schema.ResourceType, m schema.Mode) (*filter.Filter, error) {
	node, err := filter.Parse(text)
	if err != nil {
		return nil, err
	}
	return filter.Compile(node, t, m)
}
