package scim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
)

const acme = "urn:ietf:params:scim:schemas:extension:acme:2.0:User"

const acmeSchema = `{
	"id": "` + acme + `", "name": "Acme", "description": "What Acme knows of its people.",
	"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "meta": {"resourceType": "Schema"},
	"attributes": [
		{"name": "badge", "type": "string", "caseExact": true, "required": true},
		{"name": "floor", "type": "integer"},
		{"name": "remote", "type": "boolean"},
		{"name": "since", "type": "dateTime", "mutability": "immutable"},
		{"name": "skills", "multiValued": true},
		{"name": "mentor", "type": "reference", "referenceTypes": ["User"]},
		{"name": "seal", "mutability": "readOnly"},
		{"name": "desk", "type": "complex", "subAttributes": [{"name": "building"}, {"name": "number", "type": "decimal"}]}
	]}`

const acmeTeams = `{"id": "urn:acme:Group", "name": "Teams", "attributes": [{"name": "costCentre", "description": "Who pays."}]}`

func custom(t testing.TB, documents ...string) func(*scim.Options) {
	t.Helper()
	return func(o *scim.Options) {
		for i, text := range documents {
			s, err := scim.ParseSchema(fmt.Sprintf("schema%d.json", i+1), []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			o.Schemas = append(o.Schemas, s)
		}
	}
}

func TestCustomAttributesAreKeptAsTheirSchemaSays(t *testing.T) {
	t.Parallel()
	h := newHouse(t, custom(t, acmeSchema, acmeTeams))
	token := h.source(t, "hr", directory.Generic, true)
	reply := h.ask(t, token, post, "/Users", `{"userName":"x","`+strings.ToUpper(acme)+`":{"BADGE":"B7","floor":3,"remote":"True","skills":["go","Go","sql"],"seal":"mine","desk":{"building":"A","number":1.50}}}`, 201)
	want := map[string]any{"badge": "B7", "floor": 3.0, "remote": true, "skills": []any{"go", "sql"}, "desk": map[string]any{"building": "A", "number": 1.5}}
	if diff := cmp.Diff(reply[acme], any(want)); diff != "" {
		t.Errorf("%s (-got +want):\n%s", acme, diff)
	}
	if got, want := fmt.Sprint(reply["schemas"]), "[urn:ietf:params:scim:schemas:core:2.0:User "+acme+"]"; got != want {
		t.Errorf("schemas: got %s, want %s", got, want)
	}
	id := reply["id"].(string)

	reply = h.ask(t, token, change, "/Users/"+id, patchOf(`{"op":"replace","path":"`+acme+`:desk.building","value":"B"},{"op":"add","path":"`+acme+`:floor","value":4},
		{"op":"add","path":"`+acme+`:since","value":"2026-01-01T00:00:00Z"},{"op":"remove","path":"`+acme+`:skills"}`), 200)
	want = map[string]any{"badge": "B7", "floor": 4.0, "remote": true, "since": "2026-01-01T00:00:00Z", "desk": map[string]any{"building": "B", "number": 1.5}}
	if diff := cmp.Diff(reply[acme], any(want)); diff != "" {
		t.Errorf("after the PATCH (-got +want):\n%s", diff)
	}
	for _, test := range []struct{ name, body, scimType, detail string }{
		{"another type", patchOf(`{"op":"add","path":"` + acme + `:floor","value":"four"}`), "invalidValue", acme + ":floor must be a number"},
		{"what is immutable", patchOf(`{"op":"replace","path":"` + acme + `:since","value":"2027-01-01T00:00:00Z"}`), "mutability", ":since cannot be changed"},
		{"what is required", patchOf(`{"op":"remove","path":"` + acme + `:badge"}`), "mutability", acme + ":badge is required"},
		{"what there is not", patchOf(`{"op":"add","path":"` + acme + `:bagde","value":"x"}`), "invalidPath", "bagde"},
	} {
		reply := h.ask(t, token, change, "/Users/"+id, test.body, 400)
		if reply["scimType"] != test.scimType || !strings.Contains(reply["detail"].(string), test.detail) {
			t.Errorf("%s: got %v, want %s: %s", test.name, reply, test.scimType, test.detail)
		}
	}
	h.refused(t, token, post, "/Users", `{"userName":"y","`+acme+`":{"floor":3}}`, 400)
	h.ask(t, token, post, "/Users", `{"userName":"y"}`, 201) // without the extension nothing of it is required

	group := h.ask(t, token, post, "/Groups", `{"displayName":"g","urn:acme:Group":{"costCentre":"C1"}}`, 201)
	if got, want := at(group, "urn:acme:Group", "costCentre"), "C1"; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	h.refused(t, token, post, "/Groups", `{"displayName":"h","`+acme+`":{"badge":"B"}}`, 400)
}

func TestCustomAttributesCanBeFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t, custom(t, acmeSchema, acmeTeams))
	token := h.source(t, "hr", directory.Generic, false)
	for i := range 5 {
		h.id(t, token, "/Users", fmt.Sprintf(`{"userName":"u%d",%q:{"badge":"B%d","floor":%d,"desk":{"building":"A"}}}`, i, acme, i, i))
	}
	h.id(t, token, "/Groups", `{"displayName":"g","urn:acme:Group":{"costCentre":"C1"}}`)
	for filter, want := range map[string]float64{
		acme + `:floor gt 2`: 2, acme + `:badge eq "B1"`: 1, acme + `:badge eq "b1"`: 0, acme + `:desk.building eq "a"`: 5,
		acme + `:floor pr and userName eq "u3"`: 1, acme + `:skills pr`: 0, acme + `:desk[building eq "A"]`: 5,
	} {
		if got := at(h.ask(t, token, get, "/Users?filter="+strings.ReplaceAll(filter, " ", "%20"), "", 200), "totalResults"); got != want {
			t.Errorf("%s: got %v, want %v", filter, got, want)
		}
	}
	if got := at(h.ask(t, token, get, `/Groups?filter=urn:acme:Group:costCentre eq "c1"`, "", 200), "totalResults"); got != 1.0 {
		t.Errorf("groups: got %v, want 1", got)
	}
}

func TestCustomAttributesCanBeChosen(t *testing.T) {
	t.Parallel()
	h := newHouse(t, custom(t, acmeSchema))
	token := h.source(t, "hr", directory.Generic, false)
	h.id(t, token, "/Users", `{"userName":"u3","`+acme+`":{"badge":"B3","floor":3,"desk":{"building":"A"}}}`)
	found := at(h.ask(t, token, get, "/Users?filter="+acme+":floor%20eq%203&attributes="+acme+":badge", "", 200), "Resources", 0)
	if diff := cmp.Diff(at(found, acme), any(map[string]any{"badge": "B3"})); diff != "" {
		t.Errorf("attributes (-got +want):\n%s", diff)
	}
	if at(found, "userName") != nil {
		t.Errorf("got %v, want the badge alone", found)
	}
}

func TestCustomSchemasAreAdvertised(t *testing.T) {
	t.Parallel()
	h := newHouse(t, custom(t, acmeSchema, acmeTeams))
	token := h.source(t, "hr", directory.Generic, false)
	one := h.ask(t, token, get, "/Schemas/"+acme, "", 200)
	if one["name"] != "Acme" || one["description"] == "" || len(one["attributes"].([]any)) != 8 {
		t.Errorf("got %v", one)
	}
	want := map[string]any{
		"name": "floor", "type": "integer", "multiValued": false, "description": "", "required": false,
		"mutability": "readWrite", "returned": "default", "caseExact": false, "uniqueness": "none",
	}
	if diff := cmp.Diff(at(one, "attributes", 1), any(want)); diff != "" {
		t.Errorf("floor (-got +want):\n%s", diff)
	}
	var urns []any
	for _, s := range h.ask(t, token, get, "/Schemas", "", 200)["Resources"].([]any) {
		urns = append(urns, at(s, "id"))
	}
	if got := fmt.Sprint(urns); !strings.Contains(got, acme) || !strings.Contains(got, "urn:acme:Group") {
		t.Errorf("got %s", got)
	}
	for name, want := range map[string]string{"User": acme, "Group": "urn:acme:Group"} {
		listed := h.ask(t, token, get, "/ResourceTypes/"+name, "", 200)["schemaExtensions"].([]any)
		if diff := cmp.Diff(listed[len(listed)-1], any(map[string]any{"schema": want, "required": false})); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

func TestParseSchemaSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	attribute := func(text string) string { return `{"id":"urn:x:User","attributes":[` + text + `]}` }
	for _, test := range []struct{ name, text, want string }{
		{"no JSON", `{`, "x.json: malformed JSON at byte 1"},
		{"no id", `{"attributes":[{"name":"a"}]}`, `x.json: the id "" is not a URN`},
		{"no URN", `{"id":"acme","attributes":[{"name":"a"}]}`, `x.json: the id "acme" is not a URN`},
		{"neither User nor Group", `{"id":"urn:acme:2.0:Person","attributes":[{"name":"a"}]}`, "x.json: the id must end in :User or :Group"},
		{"no attributes", `{"id":"urn:x:User"}`, "x.json: attributes must be a list of 1 to 100"},
		{"too many", attribute(strings.Repeat(`{"name":"a"},`, 100) + `{"name":"a"}`), "x.json: attributes must be a list of 1 to 100"},
		{"an unknown key", `{"id":"urn:x:User","attribute":[],"attributes":[{"name":"a"}]}`, `x.json: "attribute" is not a characteristic`},
		{"an unknown characteristic", attribute(`{"name":"a","multivalue":true}`), `x.json: attribute a: "multivalue" is not a characteristic`},
		{"no name", attribute(`{"type":"string"}`), `x.json: attribute 1: the name "" is not letters`},
		{"a bad name", attribute(`{"name":"a.b"}`), `x.json: attribute 1: the name "a.b" is not letters`},
		{"a name twice", attribute(`{"name":"a"},{"name":"A"}`), "x.json: attribute A stands there twice"},
		{"a bad type", attribute(`{"name":"a","type":"text"}`), `x.json: attribute a: type is "text", which is not one of string, boolean`},
		{"a flag as text", attribute(`{"name":"a","multiValued":"yes"}`), "x.json: attribute a: multiValued must be true or false"},
		{"uniqueness", attribute(`{"name":"a","uniqueness":"server"}`), `x.json: attribute a: uniqueness "server" is not kept`},
		{"never returned", attribute(`{"name":"a","returned":"never"}`), "x.json: attribute a: what is never returned is not stored"},
		{"parts of a text", attribute(`{"name":"a","subAttributes":[{"name":"b"}]}`), "x.json: attribute a: only a complex attribute has subAttributes"},
		{"complex without parts", attribute(`{"name":"a","type":"complex"}`), "x.json: attribute a: subAttributes must be a list"},
		{"complex in complex", attribute(`{"name":"a","type":"complex","subAttributes":[{"name":"b","type":"complex","subAttributes":[{"name":"c"}]}]}`), "x.json: attribute a.b: a sub-attribute cannot be complex"},
		{"a required part", attribute(`{"name":"a","type":"complex","subAttributes":[{"name":"b","required":true}]}`), "x.json: attribute a.b: a sub-attribute cannot be required"},
		{"too large", strings.Repeat(" ", scim.MaxSchema) + `{}`, "x.json: the schema is larger than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := scim.ParseSchema("x.json", []byte(test.text))
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s…", err, test.want)
			}
		})
	}
}

func TestSchemasThatAreThereAlready(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, urn, want string }{
		{"the enterprise extension", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user", "b.json: the schema urn:ietf:params:scim:schemas:extension:enterprise:2.0:user is defined by Usher itself already"},
		{"our own", scim.StatusURN, "b.json: the schema " + scim.StatusURN + " is defined by Usher itself already"},
		{"another file's", "urn:A:User", "b.json: the schema urn:A:User is defined by a.json already"},
	} {
		o := scim.Options{Directory: newHouse(t).directory, Now: newHouse(t).clock.Now}
		for name, urn := range map[string]string{"a.json": "urn:a:User"} {
			s, err := scim.ParseSchema(name, []byte(`{"id":"`+urn+`","attributes":[{"name":"a"}]}`))
			if err != nil {
				t.Fatal(err)
			}
			o.Schemas = append(o.Schemas, s)
		}
		s, err := scim.ParseSchema("b.json", []byte(`{"id":"`+test.urn+`","attributes":[{"name":"a"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		o.Schemas = append(o.Schemas, s)
		if _, err := scim.New(o); err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
}

func FuzzParseSchema(f *testing.F) {
	f.Add([]byte(acmeSchema))
	f.Add([]byte(acmeTeams))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := scim.ParseSchema("x.json", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x.json: ") {
				t.Fatalf("got %v, want the file in it", err)
			}
			return
		}
		if s.URN() == "" {
			t.Fatal("a schema without an id was taken")
		}
		o := scim.Options{Directory: &directory.Directory{}, Now: (&clock{}).Now, Schemas: []scim.CustomSchema{s}}
		if _, err := scim.New(o); err != nil && !strings.Contains(err.Error(), "is defined by") {
			t.Fatalf("a schema that was taken is refused: %v", err)
		}
	})
}
