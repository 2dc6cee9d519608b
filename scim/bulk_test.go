package scim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
	"github.com/usher-scim/usher/scim/schema"
	"github.com/usher-scim/usher/store"
)

// told is what the answer to a bulk request says of one operation.
type told struct {
	Method   string `json:"method"`
	BulkID   string `json:"bulkId,omitempty"`
	Location string `json:"location,omitempty"`
	Version  string `json:"version,omitempty"`
	Status   string `json:"status"`
	Response *struct {
		Status   string `json:"status"`
		ScimType string `json:"scimType"`
		Detail   string `json:"detail"`
	} `json:"response,omitempty"`
}

func (o told) id() string { return o.Location[strings.LastIndexByte(o.Location, '/')+1:] }

// bulk sends operations, further members of the request behind them, and returns what became of them.
func (h *house) bulk(t testing.TB, token, operations string, further ...string) []told {
	t.Helper()
	body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` + operations + `]` + strings.Join(further, "") + `}`
	w := h.send(t, token, post, "/Bulk", nil, body)
	if got, want := w.Code, http.StatusOK; got != want {
		t.Fatalf("got status %d, want %d: %s", got, want, w.Body)
	}
	var reply struct {
		Schemas    []string `json:"schemas"`
		Operations []told   `json:"Operations"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if diff := cmp.Diff(reply.Schemas, []string{"urn:ietf:params:scim:api:messages:2.0:BulkResponse"}); diff != "" {
		t.Errorf("schemas (-got +want):\n%s", diff)
	}
	return reply.Operations
}

// statuses is each operation's status, with the scimType of an error.
func statuses(all []told) string {
	var words []string
	for _, o := range all {
		word := o.Status
		if o.Response != nil && o.Response.ScimType != "" {
			word += " " + o.Response.ScimType
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func TestBulkOfEachMethod(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	id := h.id(t, token, "/Users", `{"userName":"old"}`)
	gone := h.id(t, token, "/Users", `{"userName":"gone"}`)
	all := h.bulk(t, token, fmt.Sprintf(`
		{"method":"POST","path":"/Users","bulkId":"q","data":{"userName":"new"}},
		{"method":"PUT","path":"/Users/%[1]s","data":{"userName":"old","title":"a"}},
		{"method":"patch","path":"/Users/%[1]s","data":{"Operations":[{"op":"add","path":"nickName","value":"b"}]}},
		{"method":"DELETE","path":"/Users/%[2]s"},
		{"method":"DELETE","path":"/Users/%[2]s","bulkId":"again"}`, id, gone))
	if got, want := statuses(all), "201, 200, 200, 204, 404"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	const users = "https://usher.example/scim/v2/Users/"
	want := []told{
		{Method: "POST", BulkID: "q", Location: users + all[0].id(), Version: `W/"1"`, Status: "201"},
		{Method: "PUT", Location: users + id, Version: `W/"2"`, Status: "200"},
		{Method: "PATCH", Location: users + id, Version: `W/"3"`, Status: "200"},
		{Method: "DELETE", Location: users + gone, Status: "204"},
		{Method: "DELETE", BulkID: "again", Location: users + gone, Status: "404", Response: all[4].Response},
	}
	if diff := cmp.Diff(all, want); diff != "" {
		t.Errorf("operations (-got +want):\n%s", diff)
	}
	if r := all[4].Response; r == nil || r.Status != "404" || r.Detail == "" {
		t.Errorf("an error has its body: got %+v", r)
	}
	if got := h.ask(t, token, get, "/Users/"+id, "", 200); got["title"] != "a" || got["nickName"] != "b" {
		t.Errorf("got %v", got)
	}
}

const manager = schema.EnterpriseURN + ":manager"

func TestBulkIDsStandWhereverAReferenceMay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	team := h.id(t, token, "/Groups", `{"displayName":"team"}`)
	boss := `{"method":"POST","path":"/Users","bulkId":"boss","data":{"userName":"boss","externalId":"x"}}`
	for _, test := range []struct{ name, operation, path string }{
		{"members of a new group", `{"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"g","members":[{"value":"bulkId:boss"}]}}`, "members.0.value"},
		{"members as an address", `{"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"g","members":[{"$ref":"../Users/bulkId:boss"}]}}`, "members.0.value"},
		{"members as bare ids", `{"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"g","members":["bulkId:boss"]}}`, "members.0.value"},
		{"members of a PUT", `{"method":"PUT","path":"/Groups/` + team + `","data":{"displayName":"team","members":[{"value":"bulkId:boss"}]}}`, "members.0.value"},
		{"members of a PATCH", `{"method":"PATCH","path":"/Groups/` + team + `","data":{"Operations":[{"op":"add","path":"members","value":[{"value":"bulkId:boss"}]}]}}`, "members.0.value"},
		{"members of a PATCH without a path", `{"method":"PATCH","path":"/Groups/` + team + `","data":{"Operations":[{"op":"add","value":{"members":[{"value":"bulkId:boss"}]}}]}}`, "members.0.value"},
		{"manager", `{"method":"POST","path":"/Users","bulkId":"u","data":{"userName":"u","` + schema.EnterpriseURN + `":{"manager":{"value":"bulkId:boss"}}}}`, schema.EnterpriseURN + "|manager|value"},
		{"manager as a text", `{"method":"POST","path":"/Users","bulkId":"u","data":{"userName":"u","` + manager + `":"bulkId:boss"}}`, schema.EnterpriseURN + "|manager|value"},
	} {
		for order, operations := range map[string]string{"in order": boss + "," + test.operation, "turned round": test.operation + "," + boss} {
			t.Run(test.name+" "+order, func(t *testing.T) {
				all := h.bulk(t, token, operations)
				named, naming := all[0], all[1]
				if order == "turned round" {
					named, naming = naming, named
				}
				if named.Status != "201" || naming.Status[0] != '2' {
					t.Fatalf("got %s", statuses(all))
				}
				_, target, _ := strings.Cut(naming.Location, scim.Root)
				value := any(h.ask(t, token, get, target, "", 200))
				separator := "."
				if strings.Contains(test.path, "|") {
					separator = "|"
				}
				for _, step := range strings.Split(test.path, separator) {
					if list, ok := value.([]any); ok {
						value = list[0]
						continue
					}
					value = value.(map[string]any)[step]
				}
				if got, want := value, any(named.id()); got != want {
					t.Errorf("got %v, want %v", got, want)
				}
				for _, o := range all { // the next case starts as this did
					if _, target, _ := strings.Cut(o.Location, scim.Root); target != "/Groups/"+team {
						h.ask(t, token, remove, target, "", 204)
					}
				}
			})
		}
	}
	t.Run("the path", func(t *testing.T) {
		all := h.bulk(t, token, `{"method":"PATCH","path":"/Users/bulkId:boss","data":{"Operations":[{"op":"add","path":"title","value":"bulkId:boss"}]}},`+
			`{"method":"PATCH","path":"/Groups/`+team+`","data":{"Operations":[{"op":"remove","path":"members[value eq \"bulkId:boss\"]"}]}},`+boss)
		if got, want := statuses(all), "200, 200, 201"; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
		if got, want := all[0].Location, all[2].Location; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, want := h.ask(t, token, get, "/Users/"+all[2].id(), "", 200)["title"], "bulkId:boss"; got != want {
			t.Errorf("a title is no reference: got %v, want %v", got, want)
		}
	})
}

func TestBulkClosesCircles(t *testing.T) {
	t.Parallel()
	user := func(name, boss string) string {
		return `{"method":"POST","path":"/Users","bulkId":"` + name + `","data":{"userName":"` + name + `","` + schema.EnterpriseURN + `":{"department":"d","manager":{"value":"` + boss + `"}}}}`
	}
	bossOf := func(t *testing.T, h *house, token, id string) any {
		return at(h.ask(t, token, get, "/Users/"+id, "", 200), schema.EnterpriseURN, "manager", "value")
	}
	t.Run("two", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		token := h.source(t, "hr", directory.Generic, true)
		all := h.bulk(t, token, user("a", "bulkId:b")+","+user("b", "bulkId:a"))
		if got, want := statuses(all), "201, 201"; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
		if bossOf(t, h, token, all[0].id()) != all[1].id() || bossOf(t, h, token, all[1].id()) != all[0].id() {
			t.Error("they do not name each other")
		}
		if got, want := all[0].Version, `W/"2"`; got != want {
			t.Errorf("the version is that of the whole: got %s, want %s", got, want)
		}
	})
	t.Run("one that names itself", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		token := h.source(t, "hr", directory.Generic, true)
		all := h.bulk(t, token, user("a", "bulkId:a"))
		if statuses(all) != "201" || bossOf(t, h, token, all[0].id()) != all[0].id() {
			t.Errorf("got %s", statuses(all))
		}
	})
	t.Run("one of them fails, and none is left", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		token := h.source(t, "hr", directory.Generic, true)
		h.id(t, token, "/Users", `{"userName":"c"}`)
		all := h.bulk(t, token, user("a", "bulkId:b")+","+user("b", "bulkId:c")+","+user("c", "bulkId:a")+","+user("d", "bulkId:a")+","+user("e", ""))
		if got, want := statuses(all), "409 invalidValue, 409 invalidValue, 409 uniqueness, 409 invalidValue, 201"; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
		if got, want := at(h.ask(t, token, get, "/Users", "", 200), "totalResults"), 2.0; got != want {
			t.Errorf("got %v users, want %v", got, want)
		}
	})
	t.Run("one of them fails, and a person whom others hold is not cut off", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		token, other := h.source(t, "hr", directory.Generic, true), h.source(t, "okta", directory.Okta, false)
		h.id(t, other, "/Users", `{"userName":"a"}`)
		h.id(t, token, "/Users", `{"userName":"b"}`)
		all := h.bulk(t, token, user("a", "bulkId:b")+","+user("b", "bulkId:a"))
		if got, want := statuses(all), "409 invalidValue, 409 uniqueness"; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
		if got, want := all[0].Response.Detail, "done without its references"; !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
		linked := at(h.ask(t, token, get, `/Users?filter=userName eq "a"`, "", 200), "Resources", 0)
		if got, want := at(linked, "active"), any(true); got != want {
			t.Errorf("got active %v, want %v", got, want)
		}
	})
}

func TestBulkTellsWhatIsWrongWithOneOperation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "entra", directory.Entra, false) // which keeps members that are not there yet: but not a bulkId
	for _, test := range []struct{ name, operation, status string }{
		{"a bulkId of nobody in members", `{"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"g","members":[{"value":"bulkId:nobody"}]}}`, "409 invalidValue"},
		{"a bulkId of nobody in the path", `{"method":"DELETE","path":"/Users/bulkId:nobody"}`, "409 invalidValue"},
		{"a bulkId of one that failed", `{"method":"DELETE","path":"/Users/bulkId:bad"}`, "409 invalidValue"},
		{"no method", `{"path":"/Users","bulkId":"x","data":{"userName":"x"}}`, "400 invalidValue"},
		{"GET", `{"method":"GET","path":"/Users"}`, "400 invalidValue"},
		{"no bulkId", `{"method":"POST","path":"/Users","data":{"userName":"x"}}`, "400 invalidValue"},
		{"no path", `{"method":"POST","bulkId":"x","data":{"userName":"x"}}`, "400 invalidValue"},
		{"no data", `{"method":"POST","path":"/Users","bulkId":"x"}`, "400 invalidValue"},
		{"no object", `5`, "400 invalidSyntax"},
		{"a number as a path", `{"method":"POST","path":5,"bulkId":"x","data":{}}`, "400 invalidSyntax"},
		{"an unknown path", `{"method":"POST","path":"/Things","bulkId":"x","data":{}}`, "404"},
		{"lower case", `{"method":"POST","path":"/users","bulkId":"x","data":{"userName":"x"}}`, "404"},
		{"POST to one", `{"method":"POST","path":"/Users/1","bulkId":"x","data":{}}`, "405"},
		{"PUT to all", `{"method":"PUT","path":"/Users","data":{}}`, "405"},
		{"an id that is none", `{"method":"PATCH","path":"/Users/1","data":{"Operations":[{"op":"add","path":"title","value":"x"}]}}`, "404"},
		{"what a single request refuses", `{"method":"POST","path":"/Users","bulkId":"x","data":{"userName":"x","active":"maybe"}}`, "400 invalidValue"},
		{"a bad patch", `{"method":"PATCH","path":"/Users/bulkId:good","data":{"Operations":[{"op":"jump"}]}}`, "400 invalidSyntax"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := `{"method":"POST","path":"/Users","bulkId":"good","data":{"userName":"good"}},{"method":"POST","path":"/Users","bulkId":"bad","data":{}},`
			after := `,{"method":"DELETE","path":"/Users/bulkId:good"}`
			all := h.bulk(t, token, before+test.operation+after)
			if got, want := statuses(all), "201, 400 invalidValue, "+test.status+", 204"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if r := all[2].Response; r == nil || r.Detail == "" || r.Status != all[2].Status {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func TestBulkRequestsThatAreNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(o *scim.Options) { o.Limits.BulkOperations, o.Limits.BulkBody = 3, 1000 })
	token := h.source(t, "hr", directory.Generic, false)
	one := `{"method":"POST","path":"/Users","bulkId":"x","data":{"userName":"x"}}`
	for _, test := range []struct {
		name, body string
		status     int
		detail     string
	}{
		{"no operations", `{}`, 400, "Operations"},
		{"an empty list", `{"Operations":[]}`, 400, "Operations"},
		{"another schema", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + one + `]}`, 400, "BulkRequest"},
		{"a bulkId twice", `{"Operations":[` + one + `,` + one + `]}`, 400, "operations 1 and 2 have the same bulkId"},
		{"failOnErrors of words", `{"failOnErrors":"1","Operations":[` + one + `]}`, 400, "failOnErrors"},
		{"failOnErrors of none", `{"failOnErrors":0,"Operations":[` + one + `]}`, 400, "failOnErrors"},
		{"too many operations", `{"Operations":[` + strings.Repeat(`{},`, 3) + `{}]}`, 413, "more than maxOperations (3)"},
		{"too large", `{"Operations":["` + strings.Repeat("x", 1000) + `"]}`, 413, "exceeds maxPayloadSize (1000)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := h.ask(t, token, post, "/Bulk", test.body, test.status)
			if detail, _ := got["detail"].(string); !strings.Contains(detail, test.detail) || got["status"] != fmt.Sprint(test.status) {
				t.Errorf("got %v, want %q in it", got, test.detail)
			}
		})
	}
	if got := at(h.ask(t, token, get, "/Users", "", 200), "totalResults"); got != 0.0 {
		t.Errorf("got %v users, want none: nothing is done of a request that is none", got)
	}
	config := h.ask(t, token, get, "/ServiceProviderConfig", "", 200)
	want := map[string]any{"supported": true, "maxOperations": 3.0, "maxPayloadSize": 1000.0}
	if diff := cmp.Diff(config["bulk"], any(want)); diff != "" {
		t.Errorf("bulk (-got +want):\n%s", diff)
	}
}

func TestBulkStopsAtFailOnErrors(t *testing.T) {
	t.Parallel()
	operations := `
		{"method":"POST","path":"/Users","bulkId":"1","data":{}},
		{"method":"POST","path":"/Users","bulkId":"2","data":{"userName":"two"}},
		{"method":"DELETE","path":"/Users/none"},
		{"method":"POST","path":"/Users","bulkId":"4","data":{"userName":"four"}}`
	for further, want := range map[string]string{
		"":                    "400 invalidValue, 201, 404, 201",
		`,"failOnErrors":1`:   "400 invalidValue",
		`,"failOnErrors":2`:   "400 invalidValue, 201, 404",
		`,"failOnErrors":3`:   "400 invalidValue, 201, 404, 201",
		`,"FAILONERRORS":2.0`: "",
	} {
		h := newHouse(t)
		token := h.source(t, "hr", directory.Generic, false)
		if want == "" {
			h.refused(t, token, post, "/Bulk", `{"Operations":[`+operations+`]`+further+`}`, 400)
			continue
		}
		if got := statuses(h.bulk(t, token, operations, further)); got != want {
			t.Errorf("%s: got %s, want %s", further, got, want)
		}
	}
}

func TestBulkAsksForTheVersionOfAnOperation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	id := h.id(t, token, "/Users", `{"userName":"x"}`)
	all := h.bulk(t, token, fmt.Sprintf(`
		{"method":"PUT","path":"/Users/%[1]s","version":"W/\"1\"","data":{"userName":"x","title":"a"}},
		{"method":"PUT","path":"/Users/%[1]s","version":"W/\"1\"","data":{"userName":"x","title":"b"}}`, id))
	if got, want := statuses(all), "200, 412"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestBulkNeedsATokenThatMayWrite(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if got := h.send(t, "", post, "/Bulk", nil, `{"Operations":[{}]}`).Code; got != 401 {
		t.Errorf("got %d, want 401", got)
	}
}

// A client that goes away leaves whole circles behind, and nothing that was not begun.
func TestBulkEndsWhatItBegan(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(context.Background())
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	left := newHouse(t, func(o *scim.Options) {
		o.Directory = directory.New(leavingStore{h.store, leave}, h.clock.Now, audit.IDs(h.clock.Now))
	})
	user := func(name, boss string) string {
		return `{"method":"POST","path":"/Users","bulkId":"` + name + `","data":{"userName":"` + name + `","` + manager + `":"bulkId:` + boss + `"}}`
	}
	r := httptest.NewRequestWithContext(ctx, post, scim.Root+"/Bulk", strings.NewReader(`{"Operations":[`+user("a", "b")+`,`+user("b", "a")+`,`+user("c", "c")+`]}`))
	r.Header.Set("Authorization", "Bearer "+token)
	left.handler.ServeHTTP(httptest.NewRecorder(), r)
	users := h.ask(t, token, get, "/Users?attributes=userName,"+manager, "", 200)
	if got, want := at(users, "totalResults"), 2.0; got != want {
		t.Fatalf("got %v users, want %v", got, want)
	}
	for i := range 2 {
		if at(users, "Resources", i, schema.EnterpriseURN, "manager", "value") != at(users, "Resources", 1-i, "id") {
			t.Errorf("the circle is not closed: %v", users)
		}
	}
}

// leavingStore is one whose client goes away with the first write.
type leavingStore struct {
	store.Store
	leave func()
}

func (s leavingStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	defer s.leave()
	return s.Store.Update(ctx, fn)
}
