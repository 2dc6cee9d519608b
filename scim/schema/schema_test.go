package schema_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	definition "github.com/elimity-com/scim/schema"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/scim/body"
	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/schema"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	user, group := schema.User(), schema.Group()
	for _, test := range []struct {
		kind *schema.ResourceType
		path string
		want string // canonical path of the leaf, the URN of a whole schema, "-" for nothing
	}{
		{user, "userName", "userName"},
		{user, "USERNAME", "userName"},
		{user, "name.GivenName", "name.givenName"},
		{user, "id", "id"},
		{user, "externalid", "externalId"},
		{user, "meta.lastmodified", "meta.lastModified"},
		{user, "urn:ietf:params:scim:schemas:core:2.0:User:emails.value", "emails.value"},
		{user, "urn:ietf:params:scim:schemas:core:2.0:User:id", "id"},
		{user, "URN:IETF:params:scim:schemas:extension:enterprise:2.0:user:MANAGER.value", schema.EnterpriseURN + ":manager.value"},
		{user, schema.EnterpriseURN, schema.EnterpriseURN},
		{user, strings.ToUpper(schema.UserURN), "core"},
		{user, "department", "-"},
		{user, "name.nothing", "-"},
		{user, "name.givenName.x", "-"},
		{user, "urn:ietf:params:scim:schemas:core:2.0:Group:members", "-"},
		{user, "", "-"},
		{group, "members.$REF", "members.$ref"},
		{group, "members.value", "members.value"},
		{group, "userName", "-"},
	} {
		target, ok := test.kind.Resolve(test.path, schema.Mode{})
		got := "-"
		switch {
		case ok && target.Leaf() != nil:
			got = target.Leaf().Path
		case ok && target.Extension != nil:
			got = target.Extension.URN
		case ok:
			got = "core"
		}
		if got != test.want {
			t.Errorf("%s %q: got %s, want %s", test.kind.Name, test.path, got, test.want)
		}
	}
}

func TestResolveShorthandWhereOneExtensionAloneHasTheName(t *testing.T) {
	t.Parallel()
	ours := definition.Schema{ID: "urn:example:ours", Attributes: []definition.CoreAttribute{
		definition.SimpleCoreAttribute(definition.SimpleStringParams(definition.StringParams{Name: "division"})),
		definition.SimpleCoreAttribute(definition.SimpleStringParams(definition.StringParams{Name: "badge"})),
		definition.SimpleCoreAttribute(definition.SimpleStringParams(definition.StringParams{Name: "title"})),
	}}
	user := schema.User(ours)
	for path, want := range map[string]string{
		"department": schema.EnterpriseURN + ":department", "Manager.Value": schema.EnterpriseURN + ":manager.value",
		"badge": "urn:example:ours:badge", "title": "title", "division": "", "manager.nothing": "",
	} {
		target, ok := user.Resolve(path, schema.Mode{Shorthand: true})
		got := ""
		if ok {
			got = target.Leaf().Path
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	user := schema.User()
	const enterprise = `"` + schema.EnterpriseURN + `"`
	for _, test := range []struct{ name, body, want string }{
		{"canonical names", `{"USERNAME":"x","Name":{"GIVENNAME":"y"}}`, `{"userName":"x","name":{"givenName":"y"}}`},
		{"read-only, schemas and password are left out", `{"id":"1","meta":{"version":"x"},"groups":[],"schemas":["x"],"password":"p","userName":"x"}`, `{"userName":"x"}`},
		{"read-only parts are not even looked at", `{"id":5,"meta":{"created":"","version":[]},"groups":"x","userName":"x"}`, `{"userName":"x"}`},
		{"null and empty lists clear", `{"title":null,"emails":[],"phoneNumbers":[null],"name":{"givenName":null}}`, `{}`},
		{"unknown attributes are left out", `{"emial":"x","emails":[{"value":"a","nope":1}]}`, `{"emails":[{"value":"a"}]}`},
		{"text for booleans", `{"active":"False","emails":[{"value":"a","primary":"TRUE"}]}`, `{"active":false,"emails":[{"value":"a","primary":true}]}`},
		{"one object for a list", `{"emails":{"value":"a"}}`, `{"emails":[{"value":"a"}]}`},
		{"a bare text for an element", `{"emails":["a"]}`, `{"emails":[{"value":"a"}]}`},
		{"manager as text", `{` + enterprise + `:{"manager":"m"}}`, `{` + enterprise + `:{"manager":{"value":"m"}}}`},
		{"manager as a list of one", `{` + enterprise + `:{"manager":[{"value":"m"}]}}`, `{` + enterprise + `:{"manager":{"value":"m"}}}`},
		{"manager empty", `{` + enterprise + `:{"manager":""}}`, `{}`},
		{"an extension in another case", `{` + strings.ToUpper(enterprise) + `:{"DEPARTMENT":"d"}}`, `{` + enterprise + `:{"department":"d"}}`},
		{"an attribute of an extension by its URN", `{"` + schema.EnterpriseURN + `:department":"d"}`, `{` + enterprise + `:{"department":"d"}}`},
		{"duplicates collapse", `{"emails":[{"value":"a","type":"work"},{"value":"A","type":"WORK","display":"d"},{"value":"a","type":"home"}]}`,
			`{"emails":[{"value":"A","display":"d","type":"WORK"},{"value":"a","type":"home"}]}`},
		{"the last primary stays", `{"emails":[{"value":"a","primary":true},{"value":"b","primary":true}]}`,
			`{"emails":[{"value":"a","primary":false},{"value":"b","primary":true}]}`},
		{"empty texts are values", `{"name":{"middleName":""}}`, `{"name":{"middleName":""}}`},
		{"certificates are base64 of any kind", `{"x509Certificates":[{"value":"TUlJ-_=="}]}`, `{"x509Certificates":[{"value":"TUlJ-_=="}]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			resource, err := user.Normalize(object(t, test.body), schema.Mode{})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := string(user.Append(nil, resource)), test.want; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestNormalizeNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	user := schema.User()
	strict := schema.Mode{Strict: true}
	for _, test := range []struct {
		name, body string
		mode       schema.Mode
		detail     string
	}{
		{"no boolean", `{"active":"maybe"}`, schema.Mode{}, "active must be true or false"},
		{"no boolean deep down", `{"emails":[{"primary":1}]}`, schema.Mode{}, "emails.primary must be true or false"},
		{"no text", `{"userName":5}`, schema.Mode{}, "userName must be a string"},
		{"a list for one", `{"title":["a"]}`, schema.Mode{}, "title takes one value, not a list"},
		{"two managers", `{"` + schema.EnterpriseURN + `":{"manager":["a","b"]}}`, schema.Mode{}, ":manager takes one value, not a list"},
		{"text for an object", `{"name":"x"}`, schema.Mode{}, "name must be an object"},
		{"text for an extension", `{"` + schema.EnterpriseURN + `":"x"}`, schema.Mode{}, ":User must be an object"},
		{"no base64", `{"x509Certificates":[{"value":"***"}]}`, schema.Mode{}, "x509Certificates.value must be a base64 string"},
		{"unknown, strict", `{"emial":"x"}`, strict, `no attribute "emial"`},
		{"unknown part, strict", `{"name":{"first":"x"}}`, strict, `name has no sub-attribute "first"`},
		{"unknown in the extension, strict", `{"` + schema.EnterpriseURN + `":{"team":"x"}}`, strict, `has no attribute "team"`},
		{"too many", `{"emails":[` + elements(1001) + `]}`, schema.Mode{}, "emails has more than 1000 values"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := user.Normalize(object(t, test.body), test.mode)
			var e *fault.Error
			if !errors.As(err, &e) || e.Type != fault.InvalidValue {
				t.Fatalf("got %v, want an invalidValue", err)
			}
			if !strings.Contains(e.Detail, test.detail) {
				t.Errorf("got %q, want something with %q", e.Detail, test.detail)
			}
		})
	}
}

func elements(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + strings.Repeat("x", i%40) + string(rune('a'+i/40)) + `"`)
	}
	return b.String()
}

func TestValuesOfTypesThatTheCoreSchemasDoNotHave(t *testing.T) {
	t.Parallel()
	kind := schema.New("Thing", "/Things", definition.Schema{ID: "urn:example:Thing", Attributes: []definition.CoreAttribute{
		definition.SimpleCoreAttribute(definition.SimpleNumberParams(definition.NumberParams{Name: "count", Type: definition.AttributeTypeInteger()})),
		definition.SimpleCoreAttribute(definition.SimpleNumberParams(definition.NumberParams{Name: "size", Type: definition.AttributeTypeDecimal()})),
		definition.SimpleCoreAttribute(definition.SimpleDateTimeParams(definition.DateTimeParams{Name: "since"})),
		definition.SimpleCoreAttribute(definition.SimpleStringParams(definition.StringParams{Name: "tags", MultiValued: true})),
		definition.SimpleCoreAttribute(definition.SimpleStringParams(definition.StringParams{Name: "seal", Mutability: definition.AttributeMutabilityImmutable()})),
	}})
	for _, test := range []struct{ body, want string }{
		{`{"count":12,"size":1.50}`, `{"count":12,"size":1.50}`},
		{`{"count":1.5}`, ""}, {`{"count":"1"}`, ""}, {`{"size":true}`, ""},
		{`{"since":"2026-01-31T08:00:00+01:00"}`, `{"since":"2026-01-31T08:00:00+01:00"}`},
		{`{"since":"2026-01-31T08:00:00"}`, `{"since":"2026-01-31T08:00:00"}`},
		{`{"since":"yesterday"}`, ""}, {`{"since":5}`, ""},
		{`{"tags":["a","b","A"]}`, `{"tags":["a","b"]}`}, {`{"tags":"a"}`, `{"tags":["a"]}`}, {`{"tags":[["a"]]}`, ""},
	} {
		resource, err := kind.Normalize(object(t, test.body), schema.Mode{})
		got := ""
		if err == nil {
			got = string(kind.Append(nil, resource))
		}
		if got != test.want {
			t.Errorf("%s: got %q (%v), want %q", test.body, got, err, test.want)
		}
	}
	sealed := map[string]any{"seal": "a"}
	if err := kind.Unchanged(sealed, map[string]any{"seal": "b"}); err == nil || !strings.Contains(err.Error(), "seal cannot be changed") {
		t.Errorf("an immutable attribute was changed: got %v", err)
	}
	if err := kind.Unchanged(map[string]any{}, sealed); err != nil {
		t.Errorf("an immutable attribute may be set once: got %v", err)
	}
	if err := kind.Unchanged(sealed, sealed); err != nil {
		t.Errorf("an immutable attribute may be written again as it is: got %v", err)
	}
}

// The discovery documents describe the attributes as their definitions do, but for the members of a group, which are users alone.
func TestDocumentsAreTheDefinitions(t *testing.T) {
	t.Parallel()
	user, group := schema.User(), schema.Group()
	for _, test := range []struct {
		compiled   *schema.Schema
		definition definition.Schema
	}{
		{user.Core, definition.CoreUserSchema()}, {user.Extensions[0], definition.ExtensionEnterpriseUser()}, {group.Core, definition.CoreGroupSchema()},
	} {
		text, err := json.Marshal(test.compiled.Attributes)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		text, err = json.Marshal(test.definition)
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]any
		if test.compiled == group.Core {
			text = []byte(strings.NewReplacer(`["User","Group"]`, `["User"]`, `resource, e.g., 'User' or 'Group'.`, `resource: 'User'.`).Replace(string(text)))
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want["attributes"], got); diff != "" {
			t.Errorf("%s (-definition +document):\n%s", test.compiled.URN, diff)
		}
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	user, group := schema.User(), schema.Group()
	for _, test := range []struct {
		kind *schema.ResourceType
		body string
		want string
	}{
		{user, `{"userName":"x"}`, ""}, {user, `{}`, "userName is required"}, {user, `{"userName":" \t"}`, "userName is required"},
		{group, `{"displayName":"x"}`, ""}, {group, `{"userName":"x"}`, "displayName is required"},
	} {
		got := ""
		if err := test.kind.Complete(object(t, test.body)); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s %s: got %q, want %q", test.kind.Name, test.body, got, test.want)
		}
	}
}

func TestAppendStringIsJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "text")
		var got string
		if err := json.Unmarshal(schema.AppendString(nil, want), &got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
	if got, want := string(schema.AppendString(nil, "a\xffb<&>")), "\"a\uFFFDb<&>\""; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Normal is a fixed point: what was written is read, and written again as the same bytes.
func TestNormalFormIsAFixedPoint(t *testing.T) {
	t.Parallel()
	user := schema.User()
	rapid.Check(t, func(t *rapid.T) {
		resource, err := user.Normalize(anyBody(t), schema.Mode{})
		if err != nil {
			return
		}
		first := user.Append(nil, resource)
		read, err := body.Object(first)
		if err != nil {
			t.Fatalf("%v: %s", err, first)
		}
		again, err := user.Normalize(read, schema.Mode{Strict: true})
		if err != nil {
			t.Fatalf("%v: %s", err, first)
		}
		if got, want := again, resource; !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		if got, want := string(user.Append(nil, again)), string(first); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

func anyBody(t *rapid.T) map[string]any {
	text := rapid.SampledFrom([]any{"", "a", "A", "b", "true", "False", nil, true, false, json.Number("1")})
	element := rapid.Custom(func(t *rapid.T) any {
		return rapid.OneOf(text, rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"value", "type", "primary", "display", "x"}), text, 0, 4),
			func(m map[string]any) any { return m })).Draw(t, "element")
	})
	value := rapid.OneOf(text, element, rapid.Map(rapid.SliceOfN(element, 0, 4), func(list []any) any { return list }))
	names := []string{"userName", "title", "active", "name", "emails", "roles", "id", "password", schema.EnterpriseURN, schema.EnterpriseURN + ":manager", "unknown"}
	return rapid.MapOfN(rapid.SampledFrom(names), value, 0, 5).Draw(t, "body")
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	o, err := body.Object([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}
