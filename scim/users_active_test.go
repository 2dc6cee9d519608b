package scim

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/body"
	"github.com/usher-scim/usher/scim/patch"
	"github.com/usher-scim/usher/scim/schema"
)

// What a PATCH of "active" alone makes of the stored bytes is what patch.Rules and the encoder make of the user.
func TestActiveAloneIsThePlainWay(t *testing.T) {
	t.Parallel()
	s := &Server{users: schema.User()}
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{`"active":true`, `\"active":`, `{"active":false}`, "active", `\`}))
	rapid.Check(t, func(rt *rapid.T) {
		resource := map[string]any{"userName": "u" + text.Draw(rt, "userName")}
		for _, name := range []string{"externalId", "displayName", "title", "nickName"} {
			if rapid.Bool().Draw(rt, "has "+name) {
				resource[name] = text.Draw(rt, name)
			}
		}
		if rapid.Bool().Draw(rt, "has an e-mail") {
			resource["emails"] = []any{map[string]any{"value": text.Draw(rt, "e-mail"), "type": "work"}, map[string]any{"value": "p@x", "primary": true}}
		}
		if rapid.Bool().Draw(rt, "has a department") {
			resource[schema.EnterpriseURN] = map[string]any{"department": text.Draw(rt, "department")}
		}
		resource["active"] = rapid.Bool().Draw(rt, "was active")
		resource, err := s.users.Normalize(resource, schema.Mode{})
		if err != nil {
			rt.Fatal(err)
		}
		stored := s.userWrite(resource, true)
		user := directory.User{Held: true, Record: directory.Record{
			Person: uuid.UUID{1}, UserName: stored.UserName, ExternalID: stored.ExternalID, Active: stored.Active,
			Emails: stored.Emails, Attributes: stored.Attributes,
		}}
		operations := operationsOf(rt, rapid.SampledFrom([]string{
			`{"op":"replace","value":{"active":%t}}`, `{"op":"Replace","path":"active","value":"%t"}`, `{"op":"add","path":"ACTIVE","value":%t}`,
		}).Draw(rt, "form"), rapid.Bool().Draw(rt, "active"))

		active, alone := activeAlone(operations)
		got, ok := withActive(user, active)
		if !alone || !ok {
			rt.Fatalf("%v on %s is not carried out on the bytes", operations, user.Attributes)
		}
		before, err := userResource(user)
		if err != nil {
			rt.Fatal(err)
		}
		result, err := patch.Rules{Type: s.users}.Apply(before, operations)
		if err != nil {
			rt.Fatal(err)
		}
		if want := s.userWrite(result.Resource, user.Active); !reflect.DeepEqual(got, want) {
			rt.Fatalf("got %+v, want %+v\n%s\n%s", got, want, got.Attributes, want.Attributes)
		}
	})
}

func operationsOf(t interface{ Fatal(...any) }, format string, args ...any) []patch.Operation {
	object, err := body.Object(fmt.Appendf(nil, `{"Operations":[`+format+`]}`, args...))
	if err != nil {
		t.Fatal(err)
	}
	operations, err := patch.Parse(object, 10)
	if err != nil {
		t.Fatal(err)
	}
	return operations
}

// All else that a PATCH may be goes the plain way.
func TestWhatIsNotActiveAlone(t *testing.T) {
	t.Parallel()
	for _, format := range []string{
		`{"op":"remove","path":"active"}`,
		`{"op":"replace","path":"active","value":null}`,
		`{"op":"replace","path":"active","value":"maybe"}`,
		`{"op":"replace","path":"active","value":1}`,
		`{"op":"replace","path":"active","value":[true]}`,
		`{"op":"replace","path":"active.value","value":true}`,
		`{"op":"replace","path":"title","value":true}`,
		`{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:active","value":true}`,
		`{"op":"replace","value":{"active":true,"title":"x"}}`,
		`{"op":"replace","value":{}}`,
		`{"op":"replace","value":true}`,
		`{"op":"replace","path":"active","value":true},{"op":"replace","path":"title","value":"x"}`,
	} {
		if _, alone := activeAlone(operationsOf(t, format)); alone {
			t.Errorf("%s was taken for a change of active alone", format)
		}
	}
	for name, user := range map[string]directory.User{
		"a merge":            {Record: directory.Record{Attributes: []byte(`{"active":true}`)}},
		"active not stored":  {Held: true, Record: directory.Record{Attributes: []byte(`{"userName":"active","x":{"active":true}}`)}},
		"nothing is stored":  {Held: true},
		"not a whole object": {Held: true, Record: directory.Record{Attributes: []byte(`{"active`)}},
	} {
		if w, ok := withActive(user, true); ok {
			t.Errorf("%s: got %s", name, w.Attributes)
		}
	}
}
