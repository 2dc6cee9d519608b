package scim_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
	"github.com/usher-scim/usher/scim/schema"
)

// order asks for a list and returns the userNames or displayNames of its page.
func (h *house) order(t testing.TB, token, target string) string {
	t.Helper()
	var names []string
	resources, _ := h.ask(t, token, get, target, "", 200)["Resources"].([]any)
	for _, r := range resources {
		name, ok := at(r, "userName").(string)
		if !ok {
			name, _ = at(r, "displayName").(string)
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// The order of law 9, by RFC 7644 section 3.4.2.3.
func TestLaw09Sorting(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	const ext = schema.EnterpriseURN
	ids := map[string]string{}
	for _, body := range []string{
		`{"userName":"a","externalId":"B","title":"beta","active":true,"name":{"familyName":"Zed"},"emails":[{"value":"z@x"},{"value":"m@x","primary":true,"type":"home"}]}`,
		`{"userName":"C","externalId":"a","title":"Alpha","active":false,"emails":[{"value":"A@x","type":"work"}],"` + ext + `":{"department":"d2","manager":{"value":"2"}}}`,
		`{"userName":"b","externalId":"b","title":"ALPHA","active":true,"name":{"familyName":"abel","givenName":"x"},"` + ext + `":{"department":"D1","manager":{"value":"10"}}}`,
		`{"userName":"d","title":"","emails":[{"value":"b@x"},{"value":"c@x"}]}`,
	} {
		reply := h.ask(t, token, post, "/Users", body, 201)
		ids[reply["userName"].(string)], _ = reply["id"].(string)
	}
	h.id(t, token, "/Groups", `{"displayName":"y","members":["`+ids["b"]+`"]}`)
	h.id(t, token, "/Groups", `{"displayName":"X","members":["`+ids["a"]+`","`+ids["C"]+`"]}`)
	h.id(t, token, "/Groups", `{"displayName":"w"}`)
	for _, test := range []struct{ target, ascending, descending string }{
		{"/Users?sortBy=userName", "a b C d", "d C b a"},
		{"/Users?sortBy=USERNAME", "a b C d", "d C b a"},
		{"/Users?sortBy=" + schema.UserURN + ":userName", "a b C d", "d C b a"},
		{"/Users?sortBy=externalId", "a C b d", "d b C a"}, // case counts: "B" before "a" before "b"
		{"/Users?sortBy=title", "C b a d", "d a C b"},      // alike ones by id, what is empty has no value
		{"/Users?sortBy=active", "C a b d", "a b d C"},
		{"/Users?sortBy=name.familyName", "b a C d", "C d a b"},
		{"/Users?sortBy=emails", "C d a b", "b a d C"},
		{"/Users?sortBy=emails.value", "C d a b", "b a d C"}, // the primary's, else the first's
		{"/Users?sortBy=emails.type", "a C b d", "b d C a"},
		{"/Users?sortBy=" + ext + ":department", "b C a d", "a d C b"},
		{"/Users?sortBy=" + ext + ":manager", "b C a d", "a d C b"}, // texts, not numbers
		{"/Users?sortBy=id", "a C b d", "d b C a"},
		{"/Users?sortBy=meta.created", "a C b d", "d b C a"},
		{"/Users?sortBy=meta.resourceType", "a C b d", "a C b d"},
		{"/Users?sortBy=groups.display", "a C b d", "d b a C"},
		{"/Users?sortBy=nickName", "a C b d", "a C b d"},
		{`/Users?filter=title pr and active eq true&sortBy=userName`, "a b", "b a"},
		{`/Users?filter=userName eq "d"&sortBy=userName`, "d", "d"},
		{"/Groups?sortBy=displayName", "w X y", "y X w"},
		{"/Groups?sortBy=members.value", "X y w", "w y X"},
		{"/Groups?sortBy=meta.lastModified", "y X w", "w X y"},
		{"?sortBy=userName", "a b C d y X w", "y X w d C b a"},
		{"?sortBy=displayName", "w X y a C b d", "a C b d y X w"},
		{"?sortBy=id", "a C b d y X w", "w X y d b C a"},
		{"?sortBy=externalId&filter=externalId pr", "a C b", "b C a"},
	} {
		for _, order := range []struct{ sortOrder, want string }{{"", test.ascending}, {"&sortOrder=ascending", test.ascending}, {"&sortOrder=DESCENDING", test.descending}} {
			if got := h.order(t, token, test.target+order.sortOrder); got != order.want {
				t.Errorf("%s%s: got %s, want %s", test.target, order.sortOrder, got, order.want)
			}
		}
	}
	t.Run("pages", func(t *testing.T) {
		for query, want := range map[string]string{"&count=2": "a b", "&startIndex=3&count=1": "C", "&startIndex=4": "d", "&startIndex=5": "", "&count=0": ""} {
			if got := h.order(t, token, "/Users?sortBy=userName"+query); got != want {
				t.Errorf("%s: got %q, want %q", query, got, want)
			}
			if got := h.total(t, token, "/Users?sortBy=userName"+query); got != 4 {
				t.Errorf("%s: got a total of %d, want 4", query, got)
			}
		}
	})
	t.Run("refused", func(t *testing.T) {
		for query, want := range map[string]string{
			"sortBy=nothing": "no resource here has", "sortBy=password": "no resource here has", "sortBy=name": "such as name.formatted", "sortBy=meta": "must name one of them",
			"sortBy=userName&sortOrder=up": "ascending or descending", "sortBy=" + ext: "no resource here has", `sortBy=emails[type eq "work"].value`: "no resource here has",
		} {
			if scimType, detail := h.refused(t, token, get, "/Users?"+query, "", 400); scimType != "invalidValue" || !strings.Contains(detail, want) {
				t.Errorf("%s: got %s, %s", query, scimType, detail)
			}
		}
	})
}

// Any page of a sorted list is the same part of the whole, whatever the page's size.
func TestLaw09SortedPagesAreOfOneOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	type row struct{ id, title string }
	var rows []row
	titles := []string{"", "a", "B", "b", "c", "é", strings.Repeat("x", 300) + "1", strings.Repeat("x", 300) + "0"}
	for i := range 80 {
		title := titles[i*7%len(titles)]
		rows = append(rows, row{h.id(t, token, "/Users", fmt.Sprintf(`{"userName":"u%d","title":%q}`, i, title)), title})
	}
	rapid.Check(t, func(rt *rapid.T) {
		descending := rapid.Bool().Draw(rt, "descending")
		start, count := rapid.IntRange(1, 90).Draw(rt, "startIndex"), rapid.IntRange(1, 90).Draw(rt, "count")
		want := slices.Clone(rows)
		slices.SortStableFunc(want, func(a, b row) int {
			x, y := directory.Fold(a.title), directory.Fold(b.title)
			x, y = x[:min(len(x), 255)], y[:min(len(y), 255)]
			c := strings.Compare(x, y)
			if (x == "") != (y == "") {
				c = -c // without a value: last
			}
			if descending {
				c = -c
			}
			return c
		})
		want = want[min(start-1, len(want)):]
		want = want[:min(count, len(want))]
		query := url.Values{"sortBy": {"title"}, "startIndex": {fmt.Sprint(start)}, "count": {fmt.Sprint(count)}, "attributes": {"id"}}
		if descending {
			query.Set("sortOrder", "descending")
		}
		reply := h.ask(t, token, get, "/Users?"+query.Encode(), "", 200)
		resources, _ := reply["Resources"].([]any)
		if len(resources) != len(want) {
			rt.Fatalf("%v: got %d resources, want %d", query, len(resources), len(want))
		}
		for i, w := range want {
			if got := at(resources, i, "id"); got != w.id {
				rt.Fatalf("%v: got %v in place %d, want %s (%q)", query, got, i, w.id, w.title)
			}
		}
	})
}

func TestLaw09AListThatHasToLookAtTooMuchSaysSo(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(o *scim.Options) { o.Limits.Scan = 6 })
	token := h.source(t, "hr", directory.Generic, false)
	user := ""
	for i := range 6 {
		user = h.id(t, token, "/Users", fmt.Sprintf(`{"userName":"u%d","title":"t"}`, i))
	}
	group := h.id(t, token, "/Groups", `{"displayName":"g","members":["`+user+`"]}`)
	for target, want := range map[string]int{
		`/Users?filter=title eq "t"`: 6, "/Users?sortBy=title": 6, `/Groups?filter=displayName co "g"`: 1,
		`?filter=members eq "` + user + `" or userName eq "x"`: -1, "?sortBy=id": -1, `?filter=title eq "t"`: 6, // a group has no title: none is looked at
		"": 7, "?cursor": 7, `?filter=userName eq "u1"`: 1, `/Users?filter=nothing eq "x"&sortBy=title`: 0, `?filter=id eq "` + group + `"&sortBy=displayName`: 1,
	} {
		if want >= 0 {
			if got := h.total(t, token, target); got != want {
				t.Errorf("%s: got %d, want %d", target, got, want)
			}
			continue
		}
		if scimType, detail := h.refused(t, token, get, target, "", 400); scimType != "tooMany" || !strings.Contains(detail, "look at 7 resources, more than 6") {
			t.Errorf("%s: got %s, %s, want tooMany", target, scimType, detail)
		}
	}
	h.id(t, token, "/Users", `{"userName":"u6"}`)
	for _, target := range []string{`/Users?filter=title eq "t"`, "/Users?sortBy=title", `/Users?cursor&filter=title eq "t"`} {
		if scimType, _ := h.refused(t, token, get, target, "", 400); scimType != "tooMany" {
			t.Errorf("%s: got %s, want tooMany", target, scimType)
		}
	}
}

// What an index answers is what a look at everybody would have answered.
func TestLaw10IndexAnswersEqualScanAnswers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	var users []string
	for i := range 12 {
		users = append(users, h.id(t, token, "/Users", fmt.Sprintf(`{"userName":"User%d","externalId":"X%d","title":"t%d","emails":[{"value":"Mail%d@x","type":"work"},{"value":"all@x"}]}`, i, i, i%2, i%5)))
	}
	for i := range 8 {
		h.id(t, token, "/Groups", fmt.Sprintf(`{"displayName":"Group%d","externalId":"G%d","members":[%q,%q]}`, i, i, users[i], users[i/2]))
	}
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.SampledFrom(append([]string{"user3", "USER3", "User99", "X3", "x3", "G3", "group3", "mail3@x", "ALL@X", "", "\\u0055ser4"}, users[:3]...)).Draw(rt, "value")
		path := rapid.SampledFrom([]string{"userName", "externalId", "id", "emails", "emails.value", "displayName", "members", "members.value"}).Draw(rt, "path")
		equality := path + ` eq "` + value + `"`
		if path == "emails" {
			equality = `emails[value eq "` + value + `" and type eq "work"]`
		}
		more := rapid.SampledFrom([]string{"", ` and title eq "t1"`, ` and displayName co "3"`, ` and not (title pr)`, ` and members pr`}).Draw(rt, "more")
		collection := rapid.SampledFrom([]string{"/Users", "/Groups", ""}).Draw(rt, "collection")
		order := rapid.SampledFrom([]string{"", "&sortBy=externalId", "&sortBy=externalId&sortOrder=descending", "&count=2", "&startIndex=2"}).Draw(rt, "order")
		// "x or x" means x, but no index is asked for an "or".
		indexed := h.send(t, token, get, collection+"?filter="+equality+more+order, nil, "").Body.String()
		scanned := h.send(t, token, get, collection+"?filter=("+equality+" or "+equality+")"+more+order, nil, "").Body.String()
		if indexed != scanned || !strings.Contains(indexed, "totalResults") {
			rt.Fatalf("%s?filter=%s%s%s: an index answers\n%s\na scan\n%s", collection, equality, more, order, indexed, scanned)
		}
	})
}

// Values order as what they are: numbers by size, times as moments, whatever their offset.
func TestLaw09SortingFollowsTheType(t *testing.T) {
	t.Parallel()
	const urn = "urn:example:typed:2.0:User"
	typed, err := scim.ParseSchema("typed.json", []byte(`{"id":"`+urn+`","name":"Typed","attributes":[{"name":"floor","type":"integer"},{"name":"size","type":"decimal"},
		{"name":"since","type":"dateTime"},{"name":"remote","type":"boolean"},{"name":"code","type":"string","caseExact":true},{"name":"tags","type":"string","multiValued":true}]}`))
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(o *scim.Options) { o.Schemas = []scim.CustomSchema{typed} })
	token := h.source(t, "hr", directory.Generic, false)
	for name, values := range map[string]string{
		"a": `"floor":10,"size":-1.5,"since":"2026-01-01T00:00:00+05:00","remote":true,"code":"B","tags":["y","a"]`,
		"b": `"floor":9,"size":1e1,"since":"2026-01-01T00:00:00Z","remote":false,"code":"a","tags":["X"]`,
		"c": `"floor":-3,"size":9.99,"since":"1969-12-31T23:59:59.5Z"`,
	} {
		h.id(t, token, "/Users", `{"userName":"`+name+`","`+urn+`":{`+values+`}}`)
	}
	for attribute, want := range map[string]string{"floor": "c b a", "size": "a c b", "since": "c a b", "remote": "b a c", "code": "a b c", "tags": "b a c"} {
		if got := h.order(t, token, "/Users?sortBy="+urn+":"+attribute); got != want {
			t.Errorf("%s: got %s, want %s", attribute, got, want)
		}
	}
}
