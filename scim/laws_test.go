package scim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/schema"
	"github.com/usher-scim/usher/store"
)

// Each law of the protocol has a test that bears its number. What packages patch, filter and schema prove by table is shown
// here once over HTTP; laws 14 and 15 have a file of their own.

const (
	get    = http.MethodGet
	post   = http.MethodPost
	put    = http.MethodPut
	change = http.MethodPatch
	remove = http.MethodDelete
)

func patchOf(operations string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operations + `]}`
}

// total asks for a list and returns its totalResults.
func (h *house) total(t *testing.T, token, target string) int {
	t.Helper()
	n, _ := h.ask(t, token, get, target, "", http.StatusOK)["totalResults"].(float64)
	return int(n)
}

// refused asks for what must be refused and returns scimType and detail.
func (h *house) refused(t *testing.T, token, method, target, body string, status int) (scimType, detail string) {
	t.Helper()
	reply := h.ask(t, token, method, target, body, status)
	if got, want := reply["schemas"], []any{"urn:ietf:params:scim:api:messages:2.0:Error"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%s %s: got schemas %v, want %v", method, target, got, want)
	}
	if got, want := reply["status"], fmt.Sprint(status); got != want {
		t.Errorf("%s %s: got the status %v in the body, want the text %q", method, target, got, want)
	}
	scimType, _ = reply["scimType"].(string)
	detail, _ = reply["detail"].(string)
	if detail == "" {
		t.Errorf("%s %s: the refusal has no detail", method, target)
	}
	return scimType, detail
}

// at walks into a decoded reply: at(r, "emails", 0, "value").
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

func version(reply map[string]any) string { v, _ := at(reply, "meta", "version").(string); return v }

func TestLaw01NamesCompareWithoutCaseAndIdsExactly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	id := h.id(t, token, "/Users", `{"USERNAME":"Straße@x.example","EMAILS":[{"VALUE":"A@x.example"}],"externalId":"Ext"}`)
	h.id(t, token, "/Groups", `{"DisplayName":"Ärzte"}`)
	for filter, want := range map[string]int{
		`USERNAME EQ "STRAßE@X.EXAMPLE"`:                        1,
		`emails.VALUE eq "a@X.example"`:                         1,
		strings.ToUpper(schema.UserURN) + `:username sw "STRA"`: 1,
		`externalId eq "Ext"`:                                   1,
		`externalId eq "EXT"`:                                   0,
		`id eq "` + id + `"`:                                    1,
		`id eq "` + strings.ToUpper(id) + `"`:                   0,
	} {
		if got := h.total(t, token, "/Users?filter="+filter); got != want {
			t.Errorf("%s: got %d users, want %d", filter, got, want)
		}
	}
	if got, want := h.total(t, token, `/Groups?filter=displayname eq "ÄRZTE"`), 1; got != want {
		t.Errorf("got %d groups, want %d", got, want)
	}
	h.refused(t, token, get, "/Users/"+strings.ToUpper(id), "", http.StatusNotFound)
	h.ask(t, token, change, "/Users/"+id, patchOf(`{"OP":"rePLACE","PATH":"TITLE","VALUE":"x"}`), http.StatusOK)
	if scimType, _ := h.refused(t, token, post, "/Users", `{"userName":"STRASSE@x.example","USERNAME":"y"}`, http.StatusBadRequest); scimType != "invalidSyntax" {
		t.Errorf("a name that comes twice: got %q, want invalidSyntax", scimType)
	}
}

func TestLaw02PatchIsOrderedAndAtomic(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	a := h.id(t, token, "/Users", `{"userName":"a"}`)
	b := h.id(t, token, "/Users", `{"userName":"b"}`)
	group := h.id(t, token, "/Groups", fmt.Sprintf(`{"displayName":"g","members":[{"value":%q},{"value":%q}]}`, a, b))

	t.Run("in order", func(t *testing.T) {
		got := h.ask(t, token, change, "/Users/"+a, patchOf(`{"op":"add","path":"title","value":"1"},{"op":"remove","path":"title"},{"op":"add","path":"title","value":"2"}`), 200)
		if got["title"] != "2" {
			t.Errorf("got the title %v, want the last one", got["title"])
		}
	})
	t.Run("all or none", func(t *testing.T) {
		before := h.ask(t, token, get, "/Groups/"+group, "", 200)
		_, detail := h.refused(t, token, change, "/Groups/"+group, patchOf(`{"op":"remove","path":"members"},{"op":"replace","path":"displayName","value":"n"},
			{"op":"add","path":"members","value":[{"value":"nobody"}]}`), 400)
		if !strings.Contains(detail, "nobody") {
			t.Errorf("got %q, want something that names the member", detail)
		}
		if after := h.ask(t, token, get, "/Groups/"+group, "", 200); !reflect.DeepEqual(after, before) {
			t.Errorf("got %v, want %v", after, before)
		}
	})
	t.Run("nothing changed, same version", func(t *testing.T) {
		was := version(h.ask(t, token, get, "/Groups/"+group, "", 200))
		for _, ops := range []string{
			`{"op":"add","path":"members","value":[{"value":"` + a + `"}]}`, `{"op":"remove","path":"members[value eq \"nobody\"]"}`,
			`{"op":"remove","path":"members","value":[{"value":"nobody"}]}`, `{"op":"replace","path":"displayName","value":"g"}`,
			`{"op":"replace","path":"members","value":["` + b + `","` + a + `"]}`, `{"op":"remove","path":"members","value":[]}`,
		} {
			if got := version(h.ask(t, token, change, "/Groups/"+group, patchOf(ops), 200)); got != was {
				t.Errorf("%s: got version %s, want %s", ops, got, was)
			}
		}
	})
	t.Run("a value list removes only those", func(t *testing.T) {
		got := h.ask(t, token, change, "/Groups/"+group, patchOf(`{"op":"remove","path":"members","value":[{"value":"`+a+`"}]}`), 200)
		if len(got["members"].([]any)) != 1 || at(got, "members", 0, "value") != b {
			t.Errorf("got members %v, want %s alone", got["members"], b)
		}
	})
	t.Run("neither filter nor value empties", func(t *testing.T) {
		got := h.ask(t, token, change, "/Groups/"+group, patchOf(`{"op":"remove","path":"members"}`), 200)
		if got, want := got["members"], []any{}; !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestLaw03PathForms(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token, strict := h.source(t, "hr", directory.Generic, false), h.source(t, "strict", directory.Generic, true)
	const enterprise = schema.EnterpriseURN
	for _, test := range []struct {
		ops  string
		path []any
	}{
		{`{"op":"add","path":"title","value":"x"}`, []any{"title"}},
		{`{"op":"add","path":"name.givenName","value":"x"}`, []any{"name", "givenName"}},
		{`{"op":"add","path":"emails[type eq \"work\"]","value":{"value":"x"}}`, []any{"emails", 0, "value"}},
		{`{"op":"add","path":"emails[type eq \"work\"].value","value":"x"}`, []any{"emails", 0, "value"}},
		{`{"op":"add","path":"` + strings.ToUpper(enterprise) + `:department","value":"x"}`, []any{enterprise, "department"}},
		{`{"op":"add","path":"` + enterprise + `","value":{"Manager":"x"}}`, []any{enterprise, "manager", "value"}},
		{`{"op":"add","value":{"name.givenName":"x","id":"no","nothing":"no"}}`, []any{"name", "givenName"}},
		{`{"op":"add","value":{"` + enterprise + `:department":"x"}}`, []any{enterprise, "department"}},
		{`{"op":"add","value":{"` + enterprise + `":{"department":"x"}}}`, []any{enterprise, "department"}},
		{`{"op":"add","path":"emails","value":{"value":"x"}}`, []any{"emails", 0, "value"}},
	} {
		id := h.id(t, token, "/Users", `{"userName":"`+uuid.NewString()+`"}`)
		reply := h.ask(t, token, change, "/Users/"+id, patchOf(test.ops), 200)
		if got, want := at(reply, test.path...), "x"; got != want {
			t.Errorf("%s: got %v, want %v", test.ops, got, want)
		}
		if reply["id"] != id || reply["nothing"] != nil {
			t.Errorf("%s: got %v", test.ops, reply)
		}
	}
	id := h.id(t, strict, "/Users", `{"userName":"s","title":"x","schemas":["`+schema.UserURN+`"],"id":"1","meta":{}}`)
	if scimType, _ := h.refused(t, strict, change, "/Users/"+id, patchOf(`{"op":"add","path":"nothing","value":1}`), 400); scimType != "invalidPath" {
		t.Errorf("a strict source: got %q, want invalidPath", scimType)
	}
	if _, detail := h.refused(t, strict, post, "/Users", `{"userName":"t","nothing":1}`, 400); !strings.Contains(detail, `"nothing"`) {
		t.Errorf("a strict source: got %q, want something that names the attribute", detail)
	}
	if got := h.ask(t, strict, change, "/Users/"+id, patchOf(`{"op":"replace","path":"title","value":null}`), 200); got["title"] != nil {
		t.Errorf("null: got %v, want nothing", got["title"])
	}
}

func TestLaw04WhatAFilterDoesNotFind(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for kind, want := range map[directory.Kind]int{directory.Generic: 400, directory.Okta: 400, directory.Entra: 200, directory.JumpCloud: 400} {
		token := h.source(t, string(kind), kind, false)
		id := h.id(t, token, "/Users", `{"userName":"`+string(kind)+`"}`)
		reply := h.ask(t, token, change, "/Users/"+id, patchOf(`{"op":"replace","path":"emails[type eq \"other\"].value","value":"x"}`), want)
		if want == 400 && reply["scimType"] != "noTarget" || want == 200 && at(reply, "emails", 0, "type") != "other" {
			t.Errorf("%s, replace: got %v", kind, reply)
		}
		reply = h.ask(t, token, change, "/Users/"+id, patchOf(`{"op":"add","path":"phoneNumbers[type eq \"work\"].value","value":"1"}`), 200)
		if got, want := at(reply, "phoneNumbers", 0, "value"), "1"; got != want {
			t.Errorf("%s, add: got %v, want %v", kind, got, want)
		}
	}
}

func TestLaw05TextForBooleans(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	reply := h.ask(t, token, post, "/Users", `{"userName":"a","active":"False","emails":[{"value":"x","primary":"True"}]}`, 201)
	if reply["active"] != false || at(reply, "emails", 0, "primary") != true {
		t.Errorf("got %v", reply)
	}
	id := reply["id"].(string)
	if got := h.ask(t, token, change, "/Users/"+id, patchOf(`{"op":"replace","value":{"active":"TRUE"}}`), 200)["active"]; got != true {
		t.Errorf("got %v, want true", got)
	}
	if got, want := h.total(t, token, `/Users?filter=active eq "True" and emails[primary eq "true"].value eq "x"`), 1; got != want {
		t.Errorf("got %d, want %d", got, want)
	}
	scimType, detail := h.refused(t, token, post, "/Users", `{"userName":"b","emails":[{"value":"x","primary":"maybe"}]}`, 400)
	if scimType != "invalidValue" || !strings.Contains(detail, "emails.primary") {
		t.Errorf("got %s, %s", scimType, detail)
	}
}

func TestLaw06OnePrimaryAndNoDuplicates(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	reply := h.ask(t, token, post, "/Users", `{"userName":"a","emails":[{"value":"x","type":"work","primary":true},{"value":"X","type":"Work"},{"value":"y","primary":true}]}`, 201)
	if got, want := fmt.Sprint(reply["emails"]), "[map[primary:false type:Work value:X] map[primary:true value:y]]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	reply = h.ask(t, token, change, "/Users/"+reply["id"].(string), patchOf(`{"op":"replace","path":"emails[type eq \"work\"].primary","value":true}`), 200)
	if got, want := fmt.Sprint(reply["emails"]), "[map[primary:true type:Work value:X] map[primary:false value:y]]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLaw07WhatTheSchemaSaysOfAttributes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	for target, body := range map[string]string{"/Users": `{"displayName":"x"}`, "/Groups": `{}`} {
		if scimType, detail := h.refused(t, token, post, target, body, 400); scimType != "invalidValue" || !strings.Contains(detail, "is required") {
			t.Errorf("%s: got %s, %s", target, scimType, detail)
		}
	}
	const secret = "hunter2-hunter2"
	reply := h.ask(t, token, post, "/Users", `{"userName":"a","password":"`+secret+`","id":"mine","groups":[{"value":"g"}],"meta":{"version":"mine"}}`, 201)
	id := reply["id"].(string)
	if id == "mine" || reply["groups"] != nil || version(reply) != `W/"1"` {
		t.Errorf("a read-only attribute was written: %v", reply)
	}
	h.ask(t, token, put, "/Users/"+id, `{"userName":"a","password":"`+secret+`"}`, 200)
	h.ask(t, token, change, "/Users/"+id, patchOf(`{"op":"replace","path":"password","value":"`+secret+`"}`), 200)
	if got, want := h.total(t, token, `/Users?filter=password eq "`+secret+`"`), 0; got != want {
		t.Errorf("a password was found by a filter")
	}
	for name, text := range map[string]string{
		"the log": h.log.String(), "the store": h.everything(t), "the reply": h.send(t, token, get, "/Users/"+id, nil, "").Body.String(),
	} {
		if strings.Contains(text, secret) {
			t.Errorf("the password is in %s", name)
		}
	}
	if scimType, _ := h.refused(t, token, post, "/Users", `{"userName":"A"}`, 409); scimType != "uniqueness" {
		t.Errorf("got %q, want uniqueness", scimType)
	}
	h.ask(t, token, put, "/Users/"+id, `{"userName":"a","active":false}`, 200)
	if reply = h.ask(t, token, put, "/Users/"+id, `{"userName":"a"}`, 200); reply["active"] != false {
		t.Error("a PUT that does not speak of active brought somebody back")
	}
}

func TestLaw08VersionsAndLocations(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	w := h.send(t, token, post, "/Users", nil, `{"userName":"a","`+schema.EnterpriseURN+`":{"department":"d"}}`)
	var made map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil {
		t.Fatal(err)
	}
	id := made["id"].(string)
	if got, want := made["schemas"], []any{schema.UserURN, schema.EnterpriseURN}; !reflect.DeepEqual(got, want) {
		t.Errorf("got schemas %v, want what is present: %v", got, want)
	}
	location := "https://usher.example/scim/v2/Users/" + id
	if w.Header().Get("Location") != location || at(made, "meta", "location") != location || w.Header().Get("ETag") != `W/"1"` || version(made) != `W/"1"` {
		t.Errorf("got headers %v and %v", w.Header(), made["meta"])
	}
	for _, name := range []string{"created", "lastModified"} {
		if text := at(made, "meta", name).(string); !regexp.MustCompile(`^2026-01-31T08:\d\d:\d\d\.\d{3}Z$`).MatchString(text) {
			t.Errorf("got %s %s, want UTC with milliseconds", name, text)
		}
	}
	same := h.ask(t, token, put, "/Users/"+id, `{"userName":"a","`+schema.EnterpriseURN+`":{"department":"d"}}`, 200)
	if !reflect.DeepEqual(same["meta"], made["meta"]) {
		t.Errorf("nothing changed, but meta did: got %v, want %v", same["meta"], made["meta"])
	}
	other := h.ask(t, token, put, "/Users/"+id, `{"userName":"a"}`, 200)
	if version(other) != `W/"2"` || at(other, "meta", "created") != at(made, "meta", "created") || at(other, "meta", "lastModified") == at(made, "meta", "lastModified") {
		t.Errorf("a change: got %v after %v", other["meta"], made["meta"])
	}
	if got, want := other["schemas"], []any{schema.UserURN}; !reflect.DeepEqual(got, want) {
		t.Errorf("got schemas %v, want %v", got, want)
	}
}

func TestLaw09Lists(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	var ids []any
	for i := range 5 {
		ids = append(ids, h.id(t, token, "/Users", fmt.Sprintf(`{"userName":"u%d","title":"t%d"}`, i, i%2)))
	}
	for _, test := range []struct {
		query              string
		total, start, page int
		first              any
	}{
		{"", 5, 1, 5, ids[0]},
		{"?startIndex=2&count=2", 5, 2, 2, ids[1]},
		{"?startIndex=0&count=1", 5, 1, 1, ids[0]},
		{"?startIndex=-7", 5, 1, 5, ids[0]},
		{"?count=0", 5, 1, 0, nil},
		{"?count=-1", 5, 1, 0, nil},
		{"?count=100000", 5, 1, 5, ids[0]},
		{"?startIndex=6", 5, 6, 0, nil},
		{"?startIndex=99999999", 5, 99999999, 0, nil},
		{`?filter=title eq "t0"`, 3, 1, 3, ids[0]},
		{`?filter=title eq "t0"&startIndex=2&count=1`, 3, 2, 1, ids[2]},
		{`?filter=title eq "t0"&count=0`, 3, 1, 0, nil},
		{`?filter=userName eq "u1"&startIndex=2`, 1, 2, 0, nil},
		{`?filter=userName eq "u1" and title eq "t0"`, 0, 1, 0, nil},
		{`?filter=nothing eq "x"`, 0, 1, 0, nil},
		{`?filter=`, 5, 1, 5, ids[0]},
	} {
		reply := h.ask(t, token, get, "/Users"+test.query, "", 200)
		resources, ok := reply["Resources"].([]any)
		if !ok {
			t.Errorf("%s: Resources is no list: %v", test.query, reply)
		}
		got := fmt.Sprint(reply["totalResults"], reply["startIndex"], reply["itemsPerPage"], len(resources), at(resources, 0, "id"))
		if want := fmt.Sprint(test.total, float64(test.start), test.page, test.page, test.first); got != want {
			t.Errorf("%s: got %s, want %s", test.query, got, want)
		}
	}
	for _, query := range []string{"?startIndex=x", "?count=1.5", "?count=99999999999999999999"} {
		if scimType, _ := h.refused(t, token, get, "/Users"+query, "", 400); scimType != "invalidValue" {
			t.Errorf("%s: got %q, want invalidValue", query, scimType)
		}
	}
	if body := h.send(t, token, get, "/Groups", nil, "").Body.String(); !strings.Contains(body, `"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]`) {
		t.Errorf("an empty list: got %s", body)
	}
}

func TestLaw10Filters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	a := h.id(t, token, "/Users", `{"userName":"a","externalId":"ea","emails":[{"value":"a@x","type":"work"}],"`+schema.EnterpriseURN+`":{"department":"D"}}`)
	b := h.id(t, token, "/Users", `{"userName":"b","active":false,"emails":[{"value":"a@x","type":"home"}],"title":"quote \" and \\ é"}`)
	g := h.id(t, token, "/Groups", fmt.Sprintf(`{"displayName":"g","members":[{"value":%q,"display":"A"}]}`, a))
	h.id(t, token, "/Groups", `{"displayName":"h"}`)
	for filter, want := range map[string]int{
		`not (userName eq "a")`: 1, `userName eq "a" or userName eq "b" and active eq true`: 1, `(userName eq "a" or userName eq "b") and active eq false`: 1,
		`emails[type eq "work"].value eq "A@X"`: 1, `emails.value eq "a@x"`: 2, `emails[type eq "home" and value eq "a@x"]`: 1,
		schema.EnterpriseURN + `:department eq "d" and userName pr`: 1, `meta.created gt "2020-01-01T00:00:00%2B05:00"`: 2, `meta.resourceType eq "User"`: 2,
		`id eq "` + b + `" and userName eq "b"`: 1, `id eq "` + b + `" and userName eq "a"`: 0, `groups.value eq "` + g + `"`: 1, `groups.display sw "g"`: 1,
		`title eq "quote \" and \\ \u00e9"`: 1, `title eq null`: 1, `externalId pr`: 1, `schemas eq "` + schema.EnterpriseURN + `"`: 1,
	} {
		if got := h.total(t, token, "/Users?filter="+filter); got != want {
			t.Errorf("%s: got %d users, want %d", filter, got, want)
		}
	}
	for filter, want := range map[string]int{
		`members.value eq "` + a + `"`: 1, `members eq "` + b + `"`: 0, `members[value eq "` + a + `"]`: 1, `members[display eq "a"]`: 1, `members pr`: 1,
		`displayName eq "G" and members eq "` + a + `"`: 1, `displayName eq "h" and members eq "` + a + `"`: 0, `not (members pr)`: 1, `id eq "` + g + `"`: 1,
		`members eq "` + a + `" and members eq "` + b + `"`: 0, `displayName co "g" or members.value eq "x"`: 1, `members.type eq "user"`: 1,
	} {
		if got := h.total(t, token, "/Groups?filter="+filter); got != want {
			t.Errorf("%s: got %d groups, want %d", filter, got, want)
		}
	}
	for filter, want := range map[string]string{
		`active gt true`: "has no order", `userName`: "malformed filter", strings.Repeat("(", 100_000)[:8000]: "nested deeper than 32",
		`userName eq "` + strings.Repeat("x", 8192) + `"`: "longer than 8192 bytes",
	} {
		if scimType, detail := h.refused(t, token, get, "/Users?filter="+filter, "", 400); scimType != "invalidFilter" || !strings.Contains(detail, want) {
			t.Errorf("%.40s: got %s, %s", filter, scimType, detail)
		}
	}
	h.refused(t, token, get, "/Users?filter="+strings.Repeat("(", 100_000), "", http.StatusRequestURITooLong)
	if scimType, _ := h.refused(t, token, get, "/Users?filter=%zz", "", 400); scimType != "invalidSyntax" {
		t.Errorf("a broken escape must not list everybody: got %q", scimType)
	}
}

func TestLaw10IndexesAnswerEqualities(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	var user, group string
	for i := range 300 {
		user = h.id(t, token, "/Users", fmt.Sprintf(`{"userName":"u%d","externalId":"e%d","emails":[{"value":"m%d@x"}]}`, i, i, i))
	}
	for i := range 300 {
		group = h.id(t, token, "/Groups", fmt.Sprintf(`{"displayName":"g%d","externalId":"e%d"}`, i, i))
	}
	h.ask(t, token, change, "/Groups/"+group, patchOf(`{"op":"add","path":"members","value":["`+user+`"]}`), 200)
	for _, target := range []string{
		`/Users?filter=userName eq "u299"`, `/Users?filter=title eq null and userName eq "u299"`, `/Users?filter=externalId eq "e299"`, `/Users?filter=id eq "` + user + `"`,
		`/Users?filter=emails.value eq "m299@x"`, `/Users?filter=emails[value eq "m299@x"]`,
		`/Groups?filter=displayName eq "g299"`, `/Groups?filter=externalId eq "e299" and displayName pr`, `/Groups?filter=members eq "` + user + `"`, `/Groups?filter=id eq "` + group + `"`,
	} {
		h.reads.reset()
		if got, want := h.total(t, token, target), 1; got != want {
			t.Errorf("%s: got %d, want %d", target, got, want)
		}
		if got, most := h.reads.pairs(), 60; got > most {
			t.Errorf("%s: read %d pairs, at most %d are needed", target, got, most)
		}
	}
}

func TestLaw11ExcludedMembersAreNotRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	a := h.id(t, token, "/Users", `{"userName":"a"}`)
	g := h.id(t, token, "/Groups", fmt.Sprintf(`{"displayName":"g","members":[{"value":%q}]}`, a))
	for _, query := range []string{
		"?excludedAttributes=members", "?excludedAttributes=MEMBERS", "?excludedAttributes=displayName,%20members", "?excludedAttributes=" + schema.GroupURN + ":members",
		"?attributes=displayName",
	} {
		for _, target := range []string{"/Groups/" + g, "/Groups"} {
			h.reads.reset()
			if body := h.send(t, token, get, target+query, nil, "").Body.String(); strings.Contains(body, `"members"`) || !strings.Contains(body, g) {
				t.Errorf("%s%s: got %s", target, query, body)
			}
			if h.reads.table("members") > 0 {
				t.Errorf("%s%s: the members were read", target, query)
			}
		}
		reply := h.ask(t, token, change, "/Groups/"+g+query, patchOf(`{"op":"replace","path":"displayName","value":"g"}`), 200)
		if _, there := reply["members"]; there {
			t.Errorf("PATCH %s: got members", query)
		}
	}
	if reply := h.ask(t, token, get, "/Groups/"+g+"?attributes=members.value", "", 200); len(reply["members"].([]any)) != 1 {
		t.Errorf("members asked for: got %v", reply)
	}
}

func TestLaw12PostLinksReactivatesOrConflicts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hr, okta := h.source(t, "hr", directory.Generic, false), h.source(t, "okta", directory.Okta, false)
	id := h.id(t, hr, "/Users", `{"userName":"kim","externalId":"1","title":"from hr"}`)

	linked := h.ask(t, okta, post, "/Users", `{"userName":"KIM","externalId":"00u1"}`, 201)
	if linked["id"] != id || linked["title"] != nil || linked["userName"] != "KIM" || linked["externalId"] != "00u1" {
		t.Errorf("linking: got %v, want the person's id and the source's own record", linked)
	}
	for _, body := range []string{`{"userName":"kim"}`, `{"userName":"other","externalId":"00u1"}`} {
		if scimType, _ := h.refused(t, okta, post, "/Users", body, 409); scimType != "uniqueness" {
			t.Errorf("an active user again: got %q, want uniqueness", scimType)
		}
	}
	h.ask(t, okta, change, "/Users/"+id, patchOf(`{"op":"replace","value":{"active":false}}`), 200)
	if back := h.ask(t, okta, post, "/Users", `{"userName":"kim.new","externalId":"00u1","active":true}`, 201); back["id"] != id || back["active"] != true {
		t.Errorf("okta reactivates: got %v", back)
	}
	h.ask(t, hr, change, "/Users/"+id, patchOf(`{"op":"replace","value":{"active":false}}`), 200)
	h.refused(t, hr, post, "/Users", `{"userName":"kim","active":true}`, 409)

	h.id(t, hr, "/Groups", `{"displayName":"All"}`)
	if scimType, _ := h.refused(t, hr, post, "/Groups", `{"displayName":"ALL"}`, 409); scimType != "uniqueness" {
		t.Errorf("a second group of the name: got %q, want uniqueness", scimType)
	}
	h.id(t, okta, "/Groups", `{"displayName":"All"}`)
}

func TestLaw13RepliesToWrites(t *testing.T) {
	t.Parallel()
	const largeGroup = 400
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	var members []string
	var all strings.Builder
	for i := range largeGroup + 1 {
		id := h.id(t, token, "/Users", fmt.Sprintf(`{"userName":"u%d"}`, i))
		members = append(members, `{"value":"`+id+`"}`)
		all.WriteString(id)
	}
	group := h.id(t, token, "/Groups", `{"displayName":"g","members":[`+strings.Join(members[:largeGroup], ",")+`]}`)
	reply := h.ask(t, token, change, "/Groups/"+group, patchOf(`{"op":"replace","path":"displayName","value":"large"}`), 200)
	if got, want := len(reply["members"].([]any)), largeGroup; got != want {
		t.Errorf("a PATCH of a group that is not large: got %d members, want %d", got, want)
	}
	w := h.send(t, token, change, "/Groups/"+group, nil, patchOf(`{"op":"add","path":"members","value":[`+members[largeGroup]+`]}`))
	if w.Code != http.StatusNoContent || w.Body.Len() > 0 || w.Header().Get("ETag") == "" {
		t.Errorf("a PATCH of a larger group: got %d %s", w.Code, w.Body)
	}
	reply = h.ask(t, token, change, "/Groups/"+group+"?attributes=displayName", patchOf(`{"op":"replace","path":"displayName","value":"more"}`), 200)
	if reply["displayName"] != "more" {
		t.Errorf("a PATCH that asks for something cheap: got %v", reply)
	}
	reply = h.ask(t, token, change, "/Groups/"+group+"?attributes=members", patchOf(`{"op":"replace","path":"displayName","value":"most"}`), 200)
	if got, want := len(reply["members"].([]any)), largeGroup+1; got != want { // RFC 7644 section 3.5.2: who says what to return is answered 200
		t.Errorf("a PATCH that asks for the members: got %d, want %d", got, want)
	}
	reply = h.ask(t, token, change, "/Groups/"+group+"?excludedAttributes=members", patchOf(`{"op":"replace","path":"displayName","value":"rest"}`), 200)
	if reply["displayName"] != "rest" || reply["members"] != nil {
		t.Errorf("a PATCH that leaves out the members: got %v", reply)
	}
	reply = h.ask(t, token, put, "/Groups/"+group, `{"displayName":"put","members":[`+strings.Join(members, ",")+`]}`, 200)
	var got strings.Builder
	for _, m := range reply["members"].([]any) {
		got.WriteString(at(m, "value").(string))
	}
	if got.String() != all.String() {
		t.Errorf("a PUT of a large group: got %d members, want %d in order", got.Len()/36, largeGroup+1)
	}
	if reply := h.ask(t, token, put, "/Groups/"+group, `{"displayName":"renamed"}`, 200); len(reply["members"].([]any)) != largeGroup+1 {
		t.Errorf("a PUT that does not speak of members must not empty the group")
	}
}

func TestLaw16SourcesReadWhatTheyWrote(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hr, okta := h.source(t, "hr", directory.Generic, false), h.source(t, "okta", directory.Okta, false)
	id := h.id(t, hr, "/Users", `{"userName":"kim","externalId":"1","title":"from hr","emails":[{"value":"kim@x"}]}`)

	t.Run("an exact look-up finds whom others hold", func(t *testing.T) {
		for _, filter := range []string{`userName eq "KIM"`, `id eq "` + id + `"`, `emails.value eq "kim@x"`} {
			reply := h.ask(t, okta, get, "/Users?filter="+filter, "", 200)
			user := at(reply, "Resources", 0)
			if at(user, "id") != id || at(user, "externalId") != nil || at(user, "title") != "from hr" {
				t.Errorf("%s: got %v", filter, reply)
			}
		}
		for _, target := range []string{"/Users", `/Users?filter=title eq "from hr"`, `/Users?filter=externalId eq "1"`} {
			if got := h.total(t, okta, target); got != 0 {
				t.Errorf("%s: got %d users, want none: the source holds none", target, got)
			}
		}
		if got := h.ask(t, okta, get, "/Users/"+id, "", 200)["active"]; got != true {
			t.Errorf("the merged look: got active %v", got)
		}
	})
	t.Run("writing makes a holder with a record of its own", func(t *testing.T) {
		h.ask(t, okta, change, "/Users/"+id, patchOf(`{"op":"replace","value":{"title":"from okta","active":false,"externalId":"00u"}}`), 200)
		if mine, theirs := h.ask(t, okta, get, "/Users/"+id, "", 200), h.ask(t, hr, get, "/Users/"+id, "", 200); mine["title"] != "from okta" || mine["active"] != false ||
			theirs["title"] != "from hr" || theirs["active"] != true || theirs["externalId"] != "1" {
			t.Errorf("got %v and %v", mine, theirs)
		}
		if p := h.person(t, id); p.Active {
			t.Error("one holder's active:false must deny")
		}
	})
	t.Run("DELETE leaves a deny behind", func(t *testing.T) {
		h.ask(t, okta, remove, "/Users/"+id, "", 204)
		h.refused(t, okta, get, "/Users/"+id, "", 404)
		if got := h.ask(t, hr, get, "/Users/"+id, "", 200)["active"]; got != true {
			t.Errorf("the other record: got active %v, want it untouched", got)
		}
		if p := h.person(t, id); p.Active {
			t.Error("the deleted leaver came back because HR still holds her")
		}
		if again := h.ask(t, okta, post, "/Users", `{"userName":"kim"}`, 201); again["id"] != id || !h.person(t, id).Active {
			t.Errorf("the same source creates the user again: got %v", again)
		}
	})
	t.Run("a POST with active:false grants nothing", func(t *testing.T) {
		future := h.id(t, hr, "/Users", `{"userName":"future","active":false}`)
		if h.person(t, future).Active {
			t.Error("somebody inactive is active")
		}
	})
	t.Run("groups belong to their source", func(t *testing.T) {
		group := h.id(t, hr, "/Groups", `{"displayName":"g"}`)
		h.refused(t, okta, get, "/Groups/"+group, "", 404)
		h.refused(t, okta, change, "/Groups/"+group, patchOf(`{"op":"replace","path":"displayName","value":"x"}`), 403)
		h.refused(t, okta, put, "/Groups/"+group, `{"displayName":"x"}`, 403)
		h.refused(t, okta, remove, "/Groups/"+group, "", 403)
		if got := h.total(t, okta, "/Groups"); got != 0 {
			t.Errorf("got %d groups of another source in a list", got)
		}
	})
}

func TestLaw17DeleteIsRealForTheClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	user := h.id(t, token, "/Users", `{"userName":"a"}`)
	group := h.id(t, token, "/Groups", fmt.Sprintf(`{"displayName":"g","members":[{"value":%q}]}`, user))
	for _, target := range []string{"/Users/" + user, "/Groups/" + group} {
		h.ask(t, token, remove, target, "", 204)
		for _, method := range []string{get, remove} {
			h.refused(t, token, method, target, "", 404)
		}
		h.refused(t, token, put, target, `{"userName":"a","displayName":"g"}`, 404)
		h.refused(t, token, change, target, patchOf(`{"op":"replace","value":{"displayName":"x"}}`), 404)
		if got := h.total(t, token, target[:strings.LastIndex(target, "/")]); got != 0 {
			t.Errorf("%s is still listed", target)
		}
	}
}

func TestLaw18Members(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	generic, entra := h.source(t, "hr", directory.Generic, false), h.source(t, "entra", directory.Entra, false)
	a := h.id(t, generic, "/Users", `{"userName":"a","externalId":"ea"}`)
	group := h.ask(t, generic, post, "/Groups", fmt.Sprintf(`{"displayName":"g","members":[{"value":%q},{"value":"ea"}]}`, a), 201)
	if got := group["members"].([]any); len(got) != 1 || at(got, 0, "value") != a {
		t.Errorf("by id and by externalId: got %v, want one member", got)
	}
	for _, member := range []string{`{"value":"nobody"}`, `"nobody"`, `{"value":"` + uuid.NewString() + `"}`} {
		if scimType, _ := h.refused(t, generic, post, "/Groups", `{"displayName":"h","members":[`+member+`]}`, 400); scimType != "invalidValue" {
			t.Errorf("%s: got %q, want invalidValue", member, scimType)
		}
	}
	id := group["id"].(string)
	for token, members := range map[string][]string{generic: {`{"value":"` + id + `"}`, `{"value":"x","type":"Group"}`}, entra: {`{"value":"x","$ref":"https://usher.example/scim/v2/Groups/x"}`}} {
		for _, member := range members {
			if _, detail := h.refused(t, token, post, "/Groups", `{"displayName":"h","members":[`+member+`]}`, 400); !strings.Contains(detail, "nested groups are not supported yet") {
				t.Errorf("%s: got %q", member, detail)
			}
		}
	}
	early := h.id(t, entra, "/Groups", `{"displayName":"g","members":[{"value":"late"}]}`)
	late := h.id(t, entra, "/Users", `{"userName":"late","externalId":"late"}`)
	if got := h.ask(t, entra, get, "/Groups/"+early, "", 200); at(got, "members", 0, "value") != late {
		t.Errorf("a reference that came early: got %v, want %s", got["members"], late)
	}
	h.ask(t, entra, remove, "/Users/"+late, "", 204)
	if got := h.ask(t, entra, get, "/Groups/"+early, "", 200)["members"].([]any); len(got) != 0 {
		t.Errorf("after the person is deleted: got %v, want no member", got)
	}
}

func TestLaw19TombstoneRename(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "entra", directory.Entra, false)
	id := h.id(t, token, "/Users", `{"userName":"kim@x","emails":[{"value":"kim@x","type":"work"}]}`)
	h.ask(t, token, change, "/Users/"+id, patchOf(`{"op":"Replace","path":"active","value":"False"},{"op":"Replace","path":"userName","value":"7b39476ea1c14b9ab2b49d2a3f3b1a11kim@x"}`), 200)
	if got, want := h.ask(t, token, get, "/Users/"+id, "", 200)["userName"], "7b39476ea1c14b9ab2b49d2a3f3b1a11kim@x"; got != want {
		t.Errorf("the record: got %v, want what Entra wrote: %v", got, want)
	}
	if got, want := h.person(t, id).UserName, "kim@x"; got != want {
		t.Errorf("what apps see: got %v, want %v", got, want)
	}
}

// person returns the merged person.
func (h *house) person(t *testing.T, id string) directory.Person {
	t.Helper()
	var p directory.Person
	err := h.store.View(t.Context(), func(r store.Reader) error {
		var err error
		p, err = h.directory.PersonIn(r, uuid.MustParse(id))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
