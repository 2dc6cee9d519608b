package scim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
	"github.com/usher-scim/usher/scim/schema"
)

// names lists what a resource has, as paths of attributes, sorted; of a list what its elements have together.
func pathsOf(v any, prefix string) []string {
	var paths []string
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			paths = append(paths, pathsOf(value, prefix+"."+key)...)
		}
	case []any:
		for _, element := range v {
			paths = append(paths, pathsOf(element, prefix)...)
		}
		if len(v) == 0 {
			paths = append(paths, prefix)
		}
	default:
		paths = append(paths, prefix)
	}
	slices.Sort(paths)
	for i := range paths {
		paths[i] = strings.TrimPrefix(paths[i], ".")
	}
	return slices.Compact(paths)
}

const kim = `{"userName":"kim","externalId":"e1","title":"T","active":true,"name":{"givenName":"Kim","familyName":"Abel"},
	"emails":[{"value":"kim@x","type":"work","primary":true},{"value":"kim@y"}],
	"` + schema.EnterpriseURN + `":{"department":"D","manager":{"value":"m","displayName":"M"}}}`

func TestLaw11Projection(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	generic, entra := h.source(t, "hr", directory.Generic, false), h.source(t, "entra", directory.Entra, false)
	const ext = schema.EnterpriseURN
	always := []string{"id", "schemas"}
	all := []string{
		"active", "emails.primary", "emails.type", "emails.value", "externalId", "groups.$ref", "groups.display", "groups.type", "groups.value",
		"meta.created", "meta.lastModified", "meta.location", "meta.resourceType", "meta.version", "name.familyName", "name.givenName", "title",
		ext + ".department", ext + ".manager.value", "userName",
	}
	without := func(prefixes ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(path string) bool {
			return slices.ContainsFunc(prefixes, func(prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+".") })
		})
	}
	for _, token := range []string{generic, entra} {
		id := h.id(t, token, "/Users", kim)
		h.id(t, token, "/Groups", `{"displayName":"g","members":["`+id+`"]}`)
		for _, test := range []struct {
			attributes, excluded string
			want                 []string
		}{
			{"", "", all},
			{" , ", ",", all},
			{"userName", "", []string{"userName"}},
			{"USERNAME, externalid", "", []string{"externalId", "userName"}},
			{strings.ToUpper(schema.UserURN) + ":Title", "", []string{"title"}},
			{"id", "", nil},
			{"nothing,password", "", nil},
			{"name", "", []string{"name.familyName", "name.givenName"}},
			{"NAME.givenname", "", []string{"name.givenName"}},
			{"emails.type", "", []string{"emails.type"}},
			{"emails.type,emails", "", []string{"emails.primary", "emails.type", "emails.value"}},
			{"emails.display", "", nil},
			{"name.nothing", "", nil},
			{"groups", "", []string{"groups.$ref", "groups.display", "groups.type", "groups.value"}},
			{"groups.value,groups.display", "", []string{"groups.display", "groups.value"}},
			{"meta.version", "", []string{"meta.version"}},
			{"meta", "", []string{"meta.created", "meta.lastModified", "meta.location", "meta.resourceType", "meta.version"}},
			{ext, "", []string{ext + ".department", ext + ".manager.value"}},
			{strings.ToUpper(ext) + ":DEPARTMENT", "", []string{ext + ".department"}},
			{ext + ":manager", "", []string{ext + ".manager.value"}},
			{ext + ":manager.displayName", "", nil}, // it is read-only and was not stored
			{ext + ":manager.value,userName", "", []string{ext + ".manager.value", "userName"}},
			{schema.UserURN, "", without(ext, "externalId", "meta")},
			{"", "userName", without("userName")},
			{"", "name.givenName,TITLE", without("name.givenName", "title")},
			{"", "name.givenName,name.familyName", without("name")},
			{"", "emails.value,emails.primary,emails.type", without("emails")},
			{"", "groups", without("groups")},
			{"", "groups.$ref", without("groups.$ref")},
			{"", "meta", without("meta")},
			{"", "meta.location,meta.created", without("meta.location", "meta.created")},
			{"", ext, without(ext)},
			{"", ext + ":manager", without(ext + ".manager")},
			{"", ext + ":manager.value," + ext + ":department", without(ext)},
			{"", schema.UserURN, []string{"externalId", "meta.created", "meta.lastModified", "meta.location", "meta.resourceType", "meta.version", ext + ".department", ext + ".manager.value"}},
			{"", "id,schemas,nothing", all},
		} {
			want := slices.Concat(test.want, always)
			slices.Sort(want)
			check := func(where string, user any) {
				t.Helper()
				if got := pathsOf(user, ""); !slices.Equal(got, want) {
					t.Errorf("attributes %q, excludedAttributes %q, %s: got %v, want %v", test.attributes, test.excluded, where, got, want)
				}
				var urns []any
				for _, urn := range []string{schema.UserURN, ext} {
					if urn == schema.UserURN || at(user, ext) != nil {
						urns = append(urns, urn)
					}
				}
				if got := at(user, "schemas"); !reflect.DeepEqual(got, urns) {
					t.Errorf("attributes %q, excludedAttributes %q, %s: got schemas %v, want %v", test.attributes, test.excluded, where, got, urns)
				}
			}
			query := url.Values{}
			if test.attributes != "" {
				query.Set("attributes", test.attributes)
			}
			if test.excluded != "" {
				query.Set("excludedAttributes", test.excluded)
			}
			target := "/Users/" + id + "?" + query.Encode()
			check("GET", h.ask(t, token, get, target, "", 200))
			check("PUT", h.ask(t, token, put, target, kim, 200))
			check("PATCH", h.ask(t, token, change, target, patchOf(`{"op":"replace","path":"title","value":"T"}`), 200))
			for _, list := range []string{"/Users?", `/Users?filter=userName+eq+"kim"&`, `/Users?filter=title+eq+"T"&`, "/Users?sortBy=title&", "/Users?cursor&"} {
				check(list, at(h.ask(t, token, get, list+query.Encode(), "", 200), "Resources", 0))
			}
			body, err := json.Marshal(map[string]any{
				"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}, "attributes": strings.Split(test.attributes, ","), "excludedAttributes": strings.Split(test.excluded, ","),
			})
			if err != nil {
				t.Fatal(err)
			}
			check(".search", at(h.ask(t, token, post, "/Users/.search", string(body), 200), "Resources", 0))
		}
		made := h.ask(t, token, post, "/Users?attributes=title,meta.version", `{"userName":"new","title":"x"}`, 201)
		if got, want := pathsOf(made, ""), []string{"id", "meta.version", "schemas", "title"}; !slices.Equal(got, want) {
			t.Errorf("POST: got %v, want %v", got, want)
		}
	}
	if got := h.ask(t, entra, get, "/Users?attributes=department&filter=userName+eq+\"kim\"", "", 200); at(got, "Resources", 0, ext, "department") != "D" {
		t.Errorf("a shorthand of this client: got %v", got)
	}
}

func TestLaw11ProjectionOfGroups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	a := h.id(t, token, "/Users", `{"userName":"a"}`)
	body := fmt.Sprintf(`{"displayName":"g","externalId":"e","members":[{"value":%q,"display":"A"}]}`, a)
	made := h.ask(t, token, post, "/Groups?attributes=members.display", body, 201)
	if got, want := pathsOf(made, ""), []string{"id", "members.display", "schemas"}; !slices.Equal(got, want) {
		t.Errorf("POST: got %v, want %v", got, want)
	}
	target := "/Groups/" + made["id"].(string)
	for query, want := range map[string][]string{
		"":                          {"displayName", "externalId", "id", "members.$ref", "members.display", "members.type", "members.value", "meta", "schemas"},
		"?attributes=displayName":   {"displayName", "id", "schemas"},
		"?attributes=MEMBERS.VALUE": {"id", "members.value", "schemas"},
		"?attributes=externalId":    {"externalId", "id", "schemas"},
		"?excludedAttributes=members.$ref,displayname": {"externalId", "id", "members.display", "members.type", "members.value", "meta", "schemas"},
		"?excludedAttributes=" + schema.GroupURN:       {"externalId", "id", "meta", "schemas"},
		"?attributes=" + schema.GroupURN:               {"displayName", "id", "members.$ref", "members.display", "members.type", "members.value", "schemas"},
	} {
		for where, reply := range map[string]map[string]any{
			"GET": h.ask(t, token, get, target+query, "", 200), "PUT": h.ask(t, token, put, target+query, body, 200),
			"PATCH": h.ask(t, token, change, target+query, patchOf(`{"op":"add","path":"members","value":"`+a+`"}`), 200),
		} {
			if reply["meta"] != nil {
				reply["meta"] = ""
			}
			if got := pathsOf(reply, ""); !slices.Equal(got, want) {
				t.Errorf("%s %s: got %v, want %v", where, query, got, want)
			}
		}
	}
}

func TestLaw11AttributesAndExcludedAttributesExcludeEachOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	id := h.id(t, token, "/Users", `{"userName":"a"}`)
	group := h.id(t, token, "/Groups", `{"displayName":"a"}`)
	const both = "?attributes=title&excludedAttributes=emails"
	for _, test := range []struct{ method, target, body string }{
		{get, "/Users", ""}, {get, "/Groups", ""}, {get, "", ""}, {get, "/Users/" + id, ""}, {get, "/Groups/" + group, ""},
		{post, "/Users", `{"userName":"b"}`}, {put, "/Users/" + id, `{"userName":"b"}`}, {change, "/Users/" + id, patchOf(`{"op":"add","path":"userName","value":"b"}`)},
		{post, "/Groups", `{"displayName":"b"}`}, {put, "/Groups/" + group, `{"displayName":"b"}`}, {change, "/Groups/" + group, patchOf(`{"op":"add","path":"displayName","value":"b"}`)},
	} {
		if scimType, _ := h.refused(t, token, test.method, test.target+both, test.body, 400); scimType != "invalidValue" {
			t.Errorf("%s %s: got %q, want invalidValue", test.method, test.target, scimType)
		}
	}
	if got := h.total(t, token, `/Users?filter=userName eq "b"`) + h.total(t, token, `/Groups?filter=displayName eq "b"`); got != 0 {
		t.Errorf("what was refused was written: %d", got)
	}
	h.refused(t, token, get, "/Users?attributes="+strings.Repeat("title,", 501), "", 400)
}

func TestLaw11ExcludedGroupsAreNotRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	a := h.id(t, token, "/Users", `{"userName":"a"}`)
	h.id(t, token, "/Groups", `{"displayName":"g","members":["`+a+`"]}`)
	for _, query := range []string{"excludedAttributes=groups", "attributes=userName", "attributes=meta", "attributes=nothing"} {
		for _, target := range []string{"/Users/" + a + "?", "/Users?", "/Users?cursor&", `/Users?filter=userName eq "a"&`, `/Users?filter=userName sw "a"&`, "/Users?sortBy=userName&", "?"} {
			h.reads.reset()
			if body := h.send(t, token, get, target+query, nil, "").Body.String(); strings.Contains(body, `"groups"`) || !strings.Contains(body, a) {
				t.Errorf("%s%s: got %s", target, query, body)
			}
			if h.reads.table("memberships") > 0 {
				t.Errorf("%s%s: the groups were read", target, query)
			}
		}
	}
	for _, filter := range []string{`groups.display eq "g"`, `userName eq "a" and groups pr`} {
		if got := h.ask(t, token, get, "/Users?attributes=userName&filter="+filter, "", http.StatusOK); at(got, "Resources", 0, "id") != a || at(got, "Resources", 0, "groups") != nil {
			t.Errorf("groups are asked for but not returned: got %v", got)
		}
	}
	if got := h.ask(t, token, get, "/Users?attributes=userName&sortBy=groups.display", "", http.StatusOK); at(got, "Resources", 0, "id") != a {
		t.Errorf("sorted by groups: got %v", got)
	}
}

// What an administrator's schema returns on request alone is returned to those who ask and to who has just written it (RFC 7643 section 7).
func TestLaw11ReturnedOnRequest(t *testing.T) {
	t.Parallel()
	const urn = "urn:example:extra:2.0:"
	var extra []scim.CustomSchema
	for _, kind := range []string{"User", "Group"} {
		s, err := scim.ParseSchema("extra.json", []byte(`{"id":"`+urn+kind+`","name":"Extra","attributes":[
			{"name":"badge","type":"string","returned":"request"},{"name":"site","type":"string","returned":"always"},{"name":"desk","type":"string"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		extra = append(extra, s)
	}
	h := newHouse(t, func(o *scim.Options) { o.Schemas = extra })
	token := h.source(t, "hr", directory.Generic, false)
	for _, test := range []struct{ collection, urn, name string }{{"/Users", urn + "User", "userName"}, {"/Groups", urn + "Group", "displayName"}} {
		body := fmt.Sprintf(`{%q:"x",%q:{"badge":"b","site":"s","desk":"d"}}`, test.name, test.urn)
		has := func(what string, reply any, want ...string) {
			t.Helper()
			extension, _ := at(reply, test.urn).(map[string]any)
			if got := pathsOf(extension, ""); !slices.Equal(got, want) {
				t.Errorf("%s, %s: got %v, want %v", test.collection, what, got, want)
			}
		}
		made := h.ask(t, token, post, test.collection, body, 201)
		target := test.collection + "/" + made["id"].(string)
		has("POST", made, "badge", "desk", "site")
		has("GET", h.ask(t, token, get, target, "", 200), "desk", "site")
		has("a list", at(h.ask(t, token, get, test.collection, "", 200), "Resources", 0), "desk", "site")
		has("asked for", h.ask(t, token, get, target+"?attributes="+test.urn+":badge", "", 200), "badge", "site")
		has("the whole extension", h.ask(t, token, get, target+"?attributes="+test.urn, "", 200), "badge", "desk", "site")
		has("something else", h.ask(t, token, get, target+"?attributes="+test.name, "", 200), "site")
		has("without the extension", h.ask(t, token, get, target+"?excludedAttributes="+test.urn, "", 200), "site")
		has("PUT", h.ask(t, token, put, target, body, 200), "badge", "desk", "site")
		has("PUT, leaving it out", h.ask(t, token, put, target+"?excludedAttributes="+test.urn+":badge", body, 200), "desk", "site")
		has("PATCH of it", h.ask(t, token, change, target, patchOf(`{"op":"replace","path":"`+test.urn+`:badge","value":"c"}`), 200), "badge", "desk", "site")
		has("PATCH of another", h.ask(t, token, change, target, patchOf(`{"op":"replace","path":"`+test.urn+`:desk","value":"e"}`), 200), "desk", "site")
	}
}
