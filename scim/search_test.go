package scim_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
)

func searchFor(parameters string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]` + parameters + `}`
}

// A search asks by POST what a list asks by GET, and gets the same answer (RFC 7644 section 3.4.3).
func TestLaw09SearchIsAListByPost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	for i := range 7 {
		id := h.id(t, token, "/Users", fmt.Sprintf(`{"userName":"u%d","title":"t%d"}`, i, i%3))
		h.id(t, token, "/Groups", fmt.Sprintf(`{"displayName":"g%d","members":[%q]}`, i, id))
	}
	for _, collection := range []string{"/Users", "/Groups", ""} {
		for query, parameters := range map[string]string{
			"":                                 ``,
			"?count=2&startIndex=3":            `,"count":2,"startIndex":3`,
			"?count=0":                         `,"count":0`,
			"?count=-3&startIndex=-1":          `,"COUNT":-3,"STARTINDEX":-1`,
			"?attributes=userName,displayName": `,"attributes":["userName","displayName"]`,
			"?attributes=members":              `,"attributes":"members"`,
			"?excludedAttributes=members,meta": `,"excludedAttributes":["members","meta"]`,
			`?filter=title eq "t1" or displayName sw "G"`: `,"filter":"title eq \"t1\" or displayName sw \"G\""`,
			"?sortBy=meta.created&sortOrder=descending":   `,"sortBy":"meta.created","sortOrder":"descending"`,
			"?filter=": `,"filter":"","sortBy":null,"nothing":1,"domain":"x"`,
		} {
			want := h.ask(t, token, get, collection+query, "", 200)
			if got := h.ask(t, token, post, collection+"/.search", searchFor(parameters), 200); !reflect.DeepEqual(got, want) {
				t.Errorf("%s/.search %s: got %v, want %v", collection, parameters, got, want)
			}
		}
	}
	if reply := h.ask(t, token, get, "/", "", 200); reply["totalResults"] != 14.0 || reply["itemsPerPage"] != 14.0 ||
		at(reply, "Resources", 0, "meta", "resourceType") != "User" || at(reply, "Resources", 13, "meta", "resourceType") != "Group" {
		t.Errorf("the root lists all: got %v", reply)
	}
	if reply := h.ask(t, token, get, `/?filter=meta.resourceType eq "Group" and displayName eq "g3"`, "", 200); reply["totalResults"] != 1.0 || at(reply, "Resources", 0, "displayName") != "g3" {
		t.Errorf("a filter over all types: got %v", reply)
	}
	if reply := h.ask(t, token, get, "/?startIndex=7&count=3", "", 200); at(reply, "Resources", 0, "userName") != "u6" || at(reply, "Resources", 2, "displayName") != "g1" || reply["startIndex"] != 7.0 {
		t.Errorf("a page over two types: got %v", reply)
	}
}

func TestLaw09SearchRequestsAreValidated(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token, strict := h.source(t, "hr", directory.Generic, false), h.source(t, "strict", directory.Generic, true)
	for _, test := range []struct{ body, scimType, detail string }{
		{`{}`, "invalidSyntax", "SearchRequest"},
		{`{"schemas":[]}`, "invalidSyntax", "SearchRequest"},
		{`{"schemas":"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}`, "invalidSyntax", "SearchRequest"},
		{`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`, "invalidSyntax", "SearchRequest"},
		{`[]`, "invalidSyntax", "byte 0"},
		{searchFor(`,"filter":5`), "invalidSyntax", "filter must be a string"},
		{searchFor(`,"filter":"userName"`), "invalidFilter", "malformed filter"},
		{searchFor(`,"attributes":[5]`), "invalidSyntax", "attributes must be a list"},
		{searchFor(`,"excludedAttributes":{}`), "invalidSyntax", "excludedAttributes must be a list"},
		{searchFor(`,"attributes":["title"],"excludedAttributes":["name"]`), "invalidValue", "exclude each other"},
		{searchFor(`,"sortBy":["title"]`), "invalidSyntax", "sortBy must be a string"},
		{searchFor(`,"sortBy":"title","sortOrder":"up"`), "invalidValue", "ascending or descending"},
		{searchFor(`,"count":"5"`), "invalidValue", "count must be a whole number"},
		{searchFor(`,"count":1.5`), "invalidValue", "count must be a whole number"},
		{searchFor(`,"startIndex":true`), "invalidValue", "startIndex must be a whole number"},
		{searchFor(`,"cursor":5`), "invalidSyntax", "cursor must be a string"},
		{searchFor(`,"cursor":"x"`), "invalidCursor", "begin again"},
		{searchFor(`,"count":1,"COUNT":2`), "invalidSyntax", "byte"},
	} {
		for _, collection := range []string{"/Users", "/Groups", ""} {
			if scimType, detail := h.refused(t, token, post, collection+"/.search", test.body, 400); scimType != test.scimType || !strings.Contains(detail, test.detail) {
				t.Errorf("%s: got %s, %s, want %s, %s", test.body, scimType, detail, test.scimType, test.detail)
			}
		}
	}
	if scimType, _ := h.refused(t, strict, post, "/Users/.search", searchFor(`,"nothing":1`), 400); scimType != "invalidSyntax" {
		t.Errorf("a strict source: got %q, want invalidSyntax", scimType)
	}
	for _, target := range []string{"/Users/.search", "/.search"} {
		h.refused(t, token, put, target, `{}`, 405)
	}
	if got := h.send(t, token, post, "/Users/.search", http.Header{"Content-Type": {"text/plain"}}, searchFor("")).Code; got != 415 {
		t.Errorf("a body of another type: got %d, want 415", got)
	}
}

// A search shows a source nothing that a list does not.
func TestLaw16SearchIsOfOneSource(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hr, okta := h.source(t, "hr", directory.Generic, false), h.source(t, "okta", directory.Okta, false)
	id := h.id(t, hr, "/Users", `{"userName":"kim"}`)
	h.id(t, hr, "/Groups", `{"displayName":"kim"}`)
	for _, query := range []string{"", "?cursor", "?sortBy=id&sortOrder=descending", `?filter=userName sw "k" or displayName sw "k"`, `?filter=displayName eq "kim"`} {
		if got := h.total(t, okta, query); got != 0 {
			t.Errorf("%s: got %d of another source", query, got)
		}
	}
	if got := h.ask(t, okta, get, `?filter=userName eq "KIM"&sortBy=userName`, "", 200); at(got, "Resources", 0, "id") != id {
		t.Errorf("an exact look-up finds whom others hold: got %v", got)
	}
	if got := h.send(t, "", post, "/.search", nil, searchFor("")).Code; got != 401 {
		t.Errorf("without a token: got %d, want 401", got)
	}
}

// What a list does not look at is not read: the status of users is read for the filters, orders and projections that name it.
func TestLaw10AFilterReadsWhatItLooksAt(t *testing.T) {
	t.Parallel()
	asked := 0
	h := newHouse(t, func(o *scim.Options) {
		o.Status = func(context.Context, uuid.UUID) ([]scim.AppStatus, error) {
			asked++
			return []scim.AppStatus{{App: "zoom", State: "active"}}, nil
		}
	})
	token := h.source(t, "hr", directory.Generic, false)
	h.id(t, token, "/Users", `{"userName":"a"}`)
	h.id(t, token, "/Users", `{"userName":"b"}`)
	for target, want := range map[string]int{
		`/Users?filter=userName sw "a"`: 0, "/Users": 0, "/Users?sortBy=userName": 0, "/Users?attributes=userName": 0, `?filter=displayName eq "x"`: 0,
		"/Users?filter=" + scim.StatusURN + `:apps.state eq "active"`: 2, "/Users?filter=" + scim.StatusURN + `:apps pr`: 2, "/Users?sortBy=" + scim.StatusURN + ":apps.app": 2,
		"/Users?count=1&attributes=" + scim.StatusURN: 1,
	} {
		asked = 0
		reply := h.ask(t, token, get, target, "", 200)
		if asked != want {
			t.Errorf("%s: the status was read %d times, want %d: %v", target, asked, want, reply)
		}
		if want == 2 && reply["totalResults"] != 2.0 {
			t.Errorf("%s: got %v", target, reply)
		}
	}
}
