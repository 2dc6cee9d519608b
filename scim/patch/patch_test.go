package patch_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/body"
	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/patch"
	"github.com/usher-scim/usher/scim/schema"
)

var (
	users  = schema.User()
	groups = schema.Group()
)

const (
	enterprise = schema.EnterpriseURN
	lenient    = 0
	strict     = 1
	entra      = 2
)

func rules(t *schema.ResourceType, dialect int) patch.Rules {
	return patch.Rules{
		Type: t, ReplaceCreates: dialect == entra,
		Mode: schema.Mode{Strict: dialect == strict, Shorthand: dialect == entra},
	}
}

// before is what the operations of TestApply meet.
const before = `{"externalId":"e","userName":"u","name":{"familyName":"F","givenName":"G"},"title":"T","active":true,
 "emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"}],
 "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"D","manager":{"value":"m","$ref":"../Users/m"}}}`

func TestApply(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		dialect int
		ops     string
		want    string // the attributes that differ from before, as "path=value"; "" for no change; "!type: text" for a refusal
	}{
		// Path forms, in any case.
		{"attribute", lenient, `{"op":"replace","path":"title","value":"N"}`, `title="N"`},
		{"attribute in another case, capital op", lenient, `{"OP":"Replace","PATH":"TITLE","VALUE":"N"}`, `title="N"`},
		{"sub-attribute", lenient, `{"op":"replace","path":"Name.GIVENNAME","value":"N"}`, `name={"familyName":"F","givenName":"N"}`},
		{"sub-attribute of what is not there", lenient, `{"op":"remove","path":"name"},{"op":"add","path":"name.givenName","value":"N"}`, `name={"givenName":"N"}`},
		{"URN and attribute", lenient, `{"op":"add","path":"` + strings.ToUpper(enterprise) + `:Division","value":"N"}`,
			enterprise + `={"division":"N","department":"D","manager":{"value":"m","$ref":"../Users/m"}}`},
		{"URN of the core and attribute", lenient, `{"op":"add","path":"` + schema.UserURN + `:title","value":"N"}`, `title="N"`},
		{"URN alone", lenient, `{"op":"replace","path":"` + enterprise + `","value":{"DEPARTMENT":"N"}}`,
			enterprise + `={"department":"N","manager":{"value":"m","$ref":"../Users/m"}}`},
		{"URN alone, removed", lenient, `{"op":"remove","path":"` + enterprise + `"}`, enterprise + `=null`},
		{"URN alone, null", lenient, `{"op":"replace","path":"` + enterprise + `","value":null}`, enterprise + `=null`},
		{"URN of the core alone", lenient, `{"op":"replace","path":"` + schema.UserURN + `","value":{"title":"N"}}`, `title="N"`},
		{"an empty path is no path", lenient, `{"op":"replace","path":"","value":{"title":"N"}}`, `title="N"`},
		{"a null path is no path", lenient, `{"op":"replace","path":null,"value":{"title":"N"}}`, `title="N"`},

		// No path.
		{"plain keys", lenient, `{"op":"replace","value":{"title":"N","ACTIVE":"False"}}`, `title="N" active=false`},
		{"dotted keys", lenient, `{"op":"replace","value":{"name.givenName":"N"}}`, `name={"familyName":"F","givenName":"N"}`},
		{"a dotted key beside its attribute", lenient, `{"op":"add","value":{"name.givenName":"N","name":{"middleName":"M"}}}`,
			`name={"familyName":"F","givenName":"N","middleName":"M"}`},
		{"keys with a URN", lenient, `{"op":"replace","value":{"` + enterprise + `:department":"N"}}`, enterprise + `={"department":"N","manager":{"value":"m","$ref":"../Users/m"}}`},
		{"an extension object", lenient, `{"op":"add","value":{"` + enterprise + `":{"costCenter":"N"}}}`,
			enterprise + `={"costCenter":"N","department":"D","manager":{"value":"m","$ref":"../Users/m"}}`},
		{"keys with a filter", lenient, `{"op":"replace","value":{"emails[type eq \"home\"].value":"n@x"}}`,
			`emails=[{"value":"w@x","type":"work","primary":true},{"value":"n@x","type":"home"}]`},
		{"read-only keys are dropped", lenient, `{"op":"replace","value":{"id":"1","meta":{"version":"2"},"schemas":["x"],"groups":[{"value":"g"}],"title":"N"}}`, `title="N"`},
		{"read-only keys are dropped, strict", strict, `{"op":"replace","value":{"id":"1","schemas":["x"],"title":"N"}}`, `title="N"`},
		{"unknown keys are passed over", lenient, `{"op":"add","value":{"companyName":"x","what is this?":1}}`, ``},
		{"unknown keys are refused, strict", strict, `{"op":"add","value":{"companyName":"x"}}`, `!invalidPath: operation 1: User has no attribute "companyName"`},
		{"no object", lenient, `{"op":"replace","value":"x"}`, `!invalidValue: operation 1: the value must be an object`},
		{"remove without a path", lenient, `{"op":"remove"}`, `!noTarget: operation 1: remove needs a path`},

		// What must not or cannot be written.
		{"read-only by path", lenient, `{"op":"replace","path":"id","value":"x"}`, ``},
		{"read-only by path, strict", strict, `{"op":"replace","path":"meta.version","value":"x"}`, `!mutability: operation 1: meta.version is read-only`},
		{"a password is checked and dropped", lenient, `{"op":"replace","path":"password","value":"x"}`, ``},
		{"a password that is none", lenient, `{"op":"replace","path":"password","value":{}}`, `!invalidValue: operation 1: password must be a string`},
		{"unknown path", lenient, `{"op":"add","path":"companyName","value":"x"}`, ``},
		{"unknown part", lenient, `{"op":"add","path":"address.streetAddress","value":"x"}`, ``},
		{"unknown path, strict", strict, `{"op":"add","path":"emails[type eq \"work\"].nope","value":"x"}`, `!invalidPath: operation 1: User has no attribute`},
		{"malformed path", lenient, `{"op":"add","path":"emails[","value":"x"}`, `!invalidPath: operation 1: malformed path at byte 7`},
		{"a filter behind a single value", lenient, `{"op":"add","path":"name[givenName eq \"G\"].familyName","value":"x"}`, `!invalidPath: operation 1: name has no elements`},
		{"a filter behind a sub-attribute", lenient, `{"op":"add","path":"emails.value[value eq \"G\"]","value":"x"}`, `!invalidPath: operation 1: emails.value cannot be followed`},
		{"a filter behind a URN", lenient, `{"op":"remove","path":"` + enterprise + `[department pr]"}`, `!invalidPath: operation 1: ` + enterprise + ` cannot be followed`},
		{"an order of booleans in a path", lenient, `{"op":"remove","path":"emails[primary gt true]"}`, `!invalidFilter: operation 1: emails.primary`},
		{"a required attribute is removed", lenient, `{"op":"remove","path":"userName"}`, `!mutability: userName is required and cannot be removed`},
		{"a required attribute is set to nothing", lenient, `{"op":"replace","path":"userName","value":null}`, `!invalidValue: userName is required`},
		{"what is removed is set again", lenient, `{"op":"remove","path":"userName"},{"op":"add","path":"userName","value":"z"}`, `userName="z"`},
		{"a read-only attribute is removed", lenient, `{"op":"remove","path":"groups"}`, `!mutability: operation 1: groups is read-only`},
		{"the core schema is removed", lenient, `{"op":"remove","path":"` + schema.UserURN + `"}`, `!noTarget: operation 1`},
		{"no boolean", lenient, `{"op":"replace","path":"title","value":"N"},{"op":"replace","path":"active","value":"maybe"}`, `!invalidValue: operation 2: active must be true or false`},
		{"no value", lenient, `{"op":"add","path":"title"}`, `!invalidValue: operation 1: add needs a value`},

		// Single values.
		{"null clears", lenient, `{"op":"replace","path":"title","value":null}`, `title=null`},
		{"remove", lenient, `{"op":"remove","path":"title"},{"op":"remove","path":"title"}`, `title=null`},
		{"the same again changes nothing", lenient, `{"op":"add","path":"title","value":"T"}`, ``},
		{"there and back changes nothing", lenient, `{"op":"add","path":"title","value":"N"},{"op":"replace","path":"title","value":"T"}`, ``},
		{"in order, the last counts", lenient, `{"op":"remove","path":"title"},{"op":"add","path":"title","value":"1"},{"op":"add","path":"title","value":"2"}`, `title="2"`},
		{"a partial object merges", lenient, `{"op":"replace","path":"name","value":{"givenName":"N"}}`, `name={"familyName":"F","givenName":"N"}`},
		{"null in a partial object clears the part", lenient, `{"op":"replace","path":"name","value":{"givenName":null}}`, `name={"familyName":"F"}`},
		{"an empty object changes nothing", lenient, `{"op":"replace","path":"name","value":{}}`, ``},
		{"removing the last part removes the whole", lenient, `{"op":"remove","path":"name.givenName"},{"op":"remove","path":"name.familyName"}`, `name=null`},
		{"another manager", lenient, `{"op":"replace","path":"` + enterprise + `:manager","value":{"value":"n"}}`, enterprise + `={"department":"D","manager":{"value":"n"}}`},
		{"another manager by its value", lenient, `{"op":"replace","path":"` + enterprise + `:manager.value","value":"n"}`, enterprise + `={"department":"D","manager":{"value":"n"}}`},
		{"the manager as text", lenient, `{"op":"add","path":"` + enterprise + `:manager","value":"n"}`, enterprise + `={"department":"D","manager":{"value":"n"}}`},
		{"no manager, with an empty text", lenient, `{"op":"replace","path":"` + enterprise + `:manager","value":""}`, enterprise + `={"department":"D"}`},
		{"no manager, with an empty value", lenient, `{"op":"replace","path":"` + enterprise + `:manager","value":{"value":""}}`, enterprise + `={"department":"D"}`},
		{"no manager, its value removed", lenient, `{"op":"remove","path":"` + enterprise + `:manager.value"}`, enterprise + `={"department":"D"}`},
		{"the bare name of an extension's attribute", entra, `{"op":"add","path":"manager","value":[{"value":"n"}]}`, enterprise + `={"department":"D","manager":{"value":"n"}}`},

		// Lists.
		{"add an element", lenient, `{"op":"add","path":"emails","value":[{"value":"o@x","type":"other"}]}`,
			`emails=[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"},{"value":"o@x","type":"other"}]`},
		{"add one that is there", lenient, `{"op":"add","path":"emails","value":{"value":"W@X","type":"Work"}}`,
			`emails=[{"value":"W@X","type":"Work","primary":true},{"value":"h@x","type":"home"}]`},
		{"add one that is there, word for word", lenient, `{"op":"add","path":"emails","value":{"value":"h@x","type":"home"}}`, ``},
		{"add nothing", lenient, `{"op":"add","path":"emails","value":[]},{"op":"add","path":"emails","value":null}`, ``},
		{"add a primary", lenient, `{"op":"add","path":"emails","value":[{"value":"o@x","primary":true}]}`,
			`emails=[{"value":"w@x","type":"work","primary":false},{"value":"h@x","type":"home"},{"value":"o@x","primary":true}]`},
		{"replace the list", lenient, `{"op":"replace","path":"emails","value":[{"value":"o@x"}]}`, `emails=[{"value":"o@x"}]`},
		{"replace with nothing", lenient, `{"op":"replace","path":"emails","value":[]}`, `emails=null`},
		{"remove the list", lenient, `{"op":"remove","path":"emails"}`, `emails=null`},
		{"remove listed elements alone", lenient, `{"op":"remove","path":"emails","value":[{"value":"H@X"}]}`, `emails=[{"value":"w@x","type":"work","primary":true}]`},
		{"remove listed elements that are not there", lenient, `{"op":"remove","path":"emails","value":[{"value":"h@x","type":"work"}]}`, ``},
		{"remove what a display alone names", lenient, `{"op":"remove","path":"emails","value":[{"display":"x"}]}`, ``},
		{"remove through a filter", lenient, `{"op":"remove","path":"emails[type eq \"work\"]"}`, `emails=[{"value":"h@x","type":"home"}]`},
		{"remove through a filter that matches nothing", lenient, `{"op":"remove","path":"emails[type eq \"fax\"]"}`, ``},
		{"remove all through a filter", lenient, `{"op":"remove","path":"emails[value pr]"}`, `emails=null`},
		{"remove a part through a filter", lenient, `{"op":"remove","path":"emails[type eq \"work\"].primary"}`,
			`emails=[{"value":"w@x","type":"work"},{"value":"h@x","type":"home"}]`},
		{"an e-mail without its value goes", lenient, `{"op":"remove","path":"emails[type eq \"work\"].value"}`, `emails=[{"value":"h@x","type":"home"}]`},
		{"replace a part through a filter", lenient, `{"op":"replace","path":"emails[type eq \"work\"].value","value":"n@x"}`,
			`emails=[{"value":"n@x","type":"work","primary":true},{"value":"h@x","type":"home"}]`},
		{"setting a primary clears the other, before and behind", lenient, `{"op":"replace","path":"emails[type eq \"home\"].primary","value":"True"}`,
			`emails=[{"value":"w@x","type":"work","primary":false},{"value":"h@x","type":"home","primary":true}]`},
		{"setting a primary clears a later one", lenient,
			`{"op":"replace","path":"emails[type eq \"home\"].primary","value":true},{"op":"replace","path":"emails[type eq \"work\"].primary","value":true}`,
			`emails=[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home","primary":false}]`},
		{"elements that become the same collapse", lenient, `{"op":"replace","path":"emails[type eq \"home\"]","value":{"value":"w@x","type":"work"}}`,
			`emails=[{"value":"w@x","type":"work","primary":true}]`},
		{"replace an element keeps what it was chosen by", lenient, `{"op":"replace","path":"emails[type eq \"work\"]","value":{"value":"n@x"}}`,
			`emails=[{"value":"n@x","type":"work"},{"value":"h@x","type":"home"}]`},
		{"add to an element merges", lenient, `{"op":"add","path":"emails[type eq \"work\"]","value":{"display":"d"}}`,
			`emails=[{"value":"w@x","display":"d","type":"work","primary":true},{"value":"h@x","type":"home"}]`},
		{"null for an element removes it", lenient, `{"op":"replace","path":"emails[type eq \"work\"]","value":null}`, `emails=[{"value":"h@x","type":"home"}]`},
		{"two values for an element", lenient, `{"op":"replace","path":"emails[type eq \"work\"]","value":[{"value":"a"},{"value":"b"}]}`, `!invalidValue: operation 1: emails takes one element here`},

		// Law 4: what is not there.
		{"add creates the element", lenient, `{"op":"add","path":"phoneNumbers[type eq \"mobile\"].value","value":"1"}`, `phoneNumbers=[{"value":"1","type":"mobile"}]`},
		{"add creates a whole element", lenient, `{"op":"add","path":"phoneNumbers[type eq \"mobile\"]","value":{"value":"1"}}`, `phoneNumbers=[{"value":"1","type":"mobile"}]`},
		{"replace does not", lenient, `{"op":"replace","path":"phoneNumbers[type eq \"mobile\"].value","value":"1"}`, `!noTarget: operation 1: phoneNumbers[type eq "mobile"].value matches no element`},
		{"replace does for entra", entra, `{"op":"replace","path":"phoneNumbers[type eq \"mobile\"].value","value":"1"}`, `phoneNumbers=[{"value":"1","type":"mobile"}]`},
		{"nothing can be made from such a filter", entra, `{"op":"add","path":"phoneNumbers[type ne \"mobile\"].value","value":"1"}`, `!noTarget: operation 1`},
		{"null for what is not there changes nothing", lenient, `{"op":"replace","path":"phoneNumbers[type eq \"mobile\"].value","value":null}`, ``},

		// A list's sub-attribute without a filter.
		{"the primary element is meant", lenient, `{"op":"replace","path":"emails.value","value":"n@x"}`,
			`emails=[{"value":"n@x","type":"work","primary":true},{"value":"h@x","type":"home"}]`},
		{"the only element is meant", lenient, `{"op":"remove","path":"emails[type eq \"work\"]"},{"op":"add","path":"emails.value","value":"n@x"}`, `emails=[{"value":"n@x","type":"home"}]`},
		{"none is meant", lenient, `{"op":"remove","path":"emails[type eq \"work\"].primary"},{"op":"add","path":"emails.value","value":"n@x"}`, `!noTarget: operation 2: emails has 2 elements`},
		{"add makes one", lenient, `{"op":"add","path":"phoneNumbers.value","value":"1"}`, `phoneNumbers=[{"value":"1"}]`},
		{"replace makes none", lenient, `{"op":"replace","path":"phoneNumbers.value","value":"1"}`, `!noTarget: operation 1: phoneNumbers has no element`},
		{"remove takes it from all", lenient, `{"op":"remove","path":"emails.type"}`, `emails=[{"value":"w@x","primary":true},{"value":"h@x"}]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			was := object(t, before)
			result, err := apply(rules(users, test.dialect), was, test.ops)
			if !reflect.DeepEqual(was, object(t, before)) {
				t.Error("the resource that went in was changed")
			}
			if err != nil {
				if got, want := refusal(err), test.want; want == "" || !strings.HasPrefix(got, want) {
					t.Errorf("got  %s\nwant %s", got, want)
				}
				return
			}
			got := difference(was, result.Resource)
			if result.Changed != (got != "") {
				t.Errorf("Changed is %v, but the difference is %q", result.Changed, got)
			}
			if want := test.want; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// difference tells the top-level attributes that changed.
func difference(was, is map[string]any) string {
	var parts []string
	for _, name := range []string{"externalId", "userName", "name", "title", "active", "emails", "phoneNumbers", enterprise} {
		if reflect.DeepEqual(was[name], is[name]) {
			continue
		}
		text := "null"
		if is[name] != nil {
			text = strings.TrimSuffix(string(users.Append(nil, map[string]any{name: is[name]})), "}")
			text = text[strings.Index(text, `":`)+2:]
			if name == enterprise {
				text = string(users.Append(nil, map[string]any{name: is[name]}))
				text = strings.TrimSuffix(text[len(enterprise)+4:], "}")
			}
		}
		parts = append(parts, name+"="+text)
	}
	return strings.Join(parts, " ")
}

func refusal(err error) string {
	var e *fault.Error
	if !errors.As(err, &e) {
		return "another error: " + err.Error()
	}
	return fmt.Sprintf("!%s: %s", e.Type, e.Detail)
}

func apply(r patch.Rules, was map[string]any, ops string) (patch.Result, error) {
	b, err := body.Object([]byte(`{"schemas":["` + patch.URN + `"],"Operations":[` + ops + `]}`))
	if err != nil {
		return patch.Result{}, err
	}
	operations, err := patch.Parse(b, 100)
	if err != nil {
		return patch.Result{}, err
	}
	return r.Apply(was, operations)
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	o, err := body.Object([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ body, want string }{
		{`{}`, "!invalidSyntax: Operations must be a list"},
		{`{"Operations":[]}`, "!invalidSyntax: Operations must be a list"},
		{`{"Operations":{"op":"add"}}`, "!invalidSyntax: Operations must be a list"},
		{`{"schemas":["x"],"Operations":[{"op":"remove","path":"a"}]}`, "!invalidSyntax: schemas must name " + patch.URN},
		{`{"Operations":["x"]}`, "!invalidSyntax: operation 1: must be an object"},
		{`{"Operations":[{"op":"remove","path":"a"},{"op":"move","path":"a"}]}`, "!invalidSyntax: operation 2: op must be"},
		{`{"Operations":[{"path":"a"}]}`, "!invalidSyntax: operation 1: op must be"},
		{`{"Operations":[{"op":"remove","path":5}]}`, "!invalidPath: operation 1: path must be a string"},
		{`{"Operations":[` + strings.Repeat(`{"op":"remove","path":"a"},`, 4) + `{"op":"remove","path":"a"}]}`, "!: 5 operations in one request, at most 4"},
	} {
		_, err := patch.Parse(object(t, test.body), 4)
		if err == nil {
			t.Errorf("%s: was taken", test.body)
			continue
		}
		if got, want := refusal(err), test.want; !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", test.body, got, want)
		}
	}
	operations, err := patch.Parse(object(t, `{"operations":[{"op":"ADD","path":" title ","value":null}]}`), 4)
	want := []patch.Operation{{Op: patch.Add, Path: "title", Given: true}}
	if err != nil || !reflect.DeepEqual(operations, want) {
		t.Errorf("got %v, %v, want %v", operations, err, want)
	}
}

func TestMembersBecomeSteps(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, ops, want string }{
		{"add", `{"op":"add","path":"members","value":[{"value":"1","display":"d"},{"value":"2","$ref":null,"type":"User"}]}`, "add[1 d,2]"},
		{"add one", `{"op":"Add","path":"Members","value":{"VALUE":"1"}}`, "add[1]"},
		{"add bare ids", `{"op":"add","path":"members","value":["1","2"]},{"op":"add","path":"members","value":"3"}`, "add[1,2] add[3]"},
		{"a member by its address", `{"op":"add","path":"members","value":[{"$ref":"https://x/scim/v2/Users/7"}]}`, "add[7]"},
		{"replace", `{"op":"replace","path":"members","value":[{"value":"1"}]}`, "replace[1]"},
		{"replace with nothing", `{"op":"replace","path":"members","value":[]}`, "replace[]"},
		{"replace with null", `{"op":"replace","path":"members","value":null}`, "replace[]"},
		{"remove all", `{"op":"remove","path":"members"}`, "replace[]"},
		{"remove a list removes those alone", `{"op":"Remove","path":"members","value":[{"$ref":null,"value":"1"}]}`, "remove[1]"},
		{"remove an empty list removes nobody", `{"op":"remove","path":"members","value":[]}`, "remove[]"},
		{"remove one through a filter", `{"op":"remove","path":"members[value eq \"1\"]"}`, "remove[1]"},
		{"remove several through a filter", `{"op":"remove","path":"members[value eq \"1\" or value eq \"2\"]"}`, "remove[1,2]"},
		{"remove through another filter", `{"op":"remove","path":"members[display sw \"d\"]"}`, "matching"},
		{"in order", `{"op":"remove","path":"members[value eq \"1\"]"},{"op":"add","path":"members","value":[{"value":"2"}]},{"op":"replace","path":"displayName","value":"n"}`, "remove[1] add[2]"},
		{"without a path", `{"op":"add","value":{"members":[{"value":"1"}],"displayName":"n"}}`, "add[1]"},
		{"without a path, null", `{"op":"replace","value":{"members":null}}`, "replace[]"},
		{"with the URN", `{"op":"add","path":"` + schema.GroupURN + `:members","value":[{"value":"1"}]}`, "add[1]"},
		{"a group", `{"op":"add","path":"members","value":[{"value":"1","type":"Group"}]}`, "!invalidValue: operation 1: nested groups are not supported yet"},
		{"a group by its address", `{"op":"add","path":"members","value":[{"value":"1","$ref":"../Groups/1"}]}`, "!invalidValue: operation 1: nested groups are not supported yet"},
		{"nobody", `{"op":"add","path":"members","value":[{"display":"d"}]}`, "!invalidValue: operation 1: a member needs a value"},
		{"a number", `{"op":"add","path":"members","value":[5]}`, "!invalidValue: operation 1: members must be objects"},
		{"a part of a member", `{"op":"replace","path":"members[value eq \"1\"].display","value":"x"}`, "!mutability: operation 1: members.display cannot be changed"},
		{"add through a filter", `{"op":"add","path":"members[value eq \"1\"]","value":{"value":"2"}}`, "!invalidPath: operation 1: members chosen by a filter"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			result, err := apply(rules(groups, lenient), map[string]any{"displayName": "g"}, test.ops)
			if err != nil {
				if got, want := refusal(err), test.want; !strings.HasPrefix(got, want) {
					t.Errorf("got %s, want %s", got, want)
				}
				return
			}
			if got, want := steps(result.Members), test.want; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if result.Resource["members"] != nil {
				t.Error("members were put into the resource")
			}
		})
	}
}

func steps(ops []directory.MemberOp) string {
	var parts []string
	for _, op := range ops {
		if op.Kind == directory.RemoveMatching {
			parts = append(parts, "matching")
			continue
		}
		var members []string
		for _, m := range op.Members {
			members = append(members, strings.TrimSpace(m.Value+" "+m.Display))
		}
		word := map[directory.MemberOpKind]string{directory.AddMembers: "add", directory.RemoveMembers: "remove", directory.ReplaceMembers: "replace"}[op.Kind]
		parts = append(parts, word+"["+strings.Join(members, ",")+"]")
	}
	return strings.Join(parts, " ")
}

func TestMatchingLooksAtTheMember(t *testing.T) {
	t.Parallel()
	result, err := apply(rules(groups, lenient), map[string]any{"displayName": "g"}, `{"op":"remove","path":"members[display sw \"d\" and type eq \"user\" and not (value eq \"p\")]"}`)
	if err != nil {
		t.Fatal(err)
	}
	match := result.Members[0].Match
	person := uuid.MustParse("0198c6c0-0000-7000-8000-000000000001")
	for _, test := range []struct {
		member directory.Member
		want   bool
	}{
		{directory.Member{Person: person, Display: "D."}, true},
		{directory.Member{Person: person, Display: "x"}, false},
		{directory.Member{Person: person}, false},
		{directory.Member{Value: "p", Display: "d"}, false},
		{directory.Member{Value: "q", Display: "d"}, true},
	} {
		if got := match(test.member); got != test.want {
			t.Errorf("%+v: got %v, want %v", test.member, got, test.want)
		}
	}
}

func TestStrictRefusesUnknownPartsOfMembers(t *testing.T) {
	t.Parallel()
	_, err := apply(rules(groups, strict), map[string]any{"displayName": "g"}, `{"op":"add","path":"members","value":[{"value":"1","displayName":"x"}]}`)
	if err == nil || !strings.Contains(err.Error(), `no sub-attribute "displayName"`) {
		t.Errorf("got %v", err)
	}
}

// FuzzApply: no PATCH makes the engine fail otherwise than with a clear error, what comes out is in canonical form, and what
// went in is as it was.
func FuzzApply(f *testing.F) {
	for _, seed := range []string{
		`{"op":"replace","value":{"active":false}}`, `{"op":"add","path":"emails[type eq \"work\"].value","value":"x"}`,
		`{"op":"remove","path":"emails","value":[{"value":"w@x"}]}`, `{"op":"replace","path":"` + enterprise + `:manager","value":"x"}`,
		`{"op":"add","path":"members","value":["x"]}`, `{"op":"replace","path":"name","value":{"givenName":null}}`,
		`{"op":"add","path":"emails.value","value":{"a":[]}}`, `{"op":"replace","path":"x509Certificates[value eq \"a\"]","value":[{}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, ops string) {
		was := object(t, before)
		for _, dialect := range []int{lenient, strict, entra} {
			result, err := apply(rules(users, dialect), was, ops)
			if !reflect.DeepEqual(was, object(t, before)) {
				t.Fatal("what went in was changed")
			}
			if err != nil {
				var e *fault.Error
				if !errors.As(err, &e) {
					t.Fatalf("got an error of another kind: %v", err)
				}
				continue
			}
			again, err := users.Normalize(schema.Clone(result.Resource), schema.Mode{Strict: true})
			if err != nil || !reflect.DeepEqual(again, result.Resource) {
				t.Fatalf("%s left what is not in canonical form: %v, %v", ops, result.Resource, err)
			}
		}
		if _, err := apply(rules(groups, lenient), map[string]any{"displayName": "g"}, ops); err != nil {
			var e *fault.Error
			if !errors.As(err, &e) {
				t.Fatalf("got an error of another kind: %v", err)
			}
		}
	})
}
