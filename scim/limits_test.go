package scim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
)

// Each bound of docs/configuration.md, and what is answered beyond it. That of the rate, of wrong tokens and of what a list looks at have tests of
// their own (laws 15 and 9), those of headers and times are the listener's.
func TestEachBoundHasItsError(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	user, group := "/Users/"+h.id(t, token, "/Users", `{"userName":"kim"}`), "/Groups/"+h.id(t, token, "/Groups", `{"displayName":"g"}`)
	long := func(n int) string { return strings.Repeat("x", n) }
	many := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	numbered := func(n int, format string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(all, ",")
	}
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	operation := `{"op":"add","path":"title","value":"x"}`
	for _, test := range []struct {
		bound, method, target, body string
		status                      int
		scimType, detail            string
	}{
		{"body about a user", post, "/Users", `{"userName":"` + long(1<<20) + `"}`, 413, "", "larger than 1048576 bytes"},
		{"body of a search", post, "/Users/.search", `{"filter":"` + long(1<<20) + `"}`, 413, "", "larger than 1048576 bytes"},
		{"body about a group", put, group, `{"displayName":"` + long(16<<20) + `"}`, 413, "", "larger than 16777216 bytes"},
		{"body of a bulk request", post, "/Bulk", `{"x":"` + long(4<<20) + `"}`, 413, "", "maxPayloadSize (4194304)"},
		{"operations of a bulk request", post, "/Bulk", `{"Operations":[` + many(1001, `{"method":"DELETE","path":"/Users/x"}`) + `]}`, 413, "", "maxOperations (1000)"},
		{"operations of a user's PATCH", change, user, patchOf(many(1001, operation)), 413, "", "at most 1000"},
		{"operations of a group's PATCH", change, group, patchOf(many(10_001, operation)), 413, "", "at most 10000"},
		{"address", get, "/Users?attributes=" + long(32<<10), "", 414, "", "longer than 32768 bytes"},
		{"depth of a body", post, "/Users", `{"userName":"x","y":` + nested(32) + `}`, 400, "invalidSyntax", "nested deeper than 32"},
		{"values in a body", put, group, `{"displayName":"g","x":[` + many(1_000_001, "1") + `]}`, 400, "invalidSyntax", "more than 1000000 values"},
		{"length of a filter", get, "/Users?filter=" + long(8<<10+1), "", 400, "invalidFilter", "longer than 8192 bytes"},
		{"depth of a filter", get, "/Users?filter=" + strings.Repeat("(", 33) + "title pr" + strings.Repeat(")", 33), "", 400, "invalidFilter", "nested deeper than 32"},
		{"length of a path", change, user, patchOf(`{"op":"remove","path":"` + long(8<<10+1) + `"}`), 400, "invalidPath", "longer than 8192 bytes"},
		{"depth of a path", change, user, patchOf(`{"op":"remove","path":"emails[` + strings.Repeat("(", 33) + "type pr" + strings.Repeat(")", 33) + `]"}`), 400, "invalidPath", "nested deeper than 32"},
		{"names of a projection", get, user + "?attributes=" + many(501, "x"), "", 400, "invalidValue", "more than 500 names"},
		{"elements of an attribute", put, user, `{"userName":"kim","roles":[` + numbered(1001, `{"value":"r%d"}`) + `]}`, 400, "invalidValue", "more than 1000 values"},
		{"e-mail addresses", put, user, `{"userName":"kim","emails":[` + numbered(101, `"a%d@x"`) + `]}`, 400, "invalidValue", "at most 100 e-mail addresses"},
		{"a userName", put, user, `{"userName":"` + long(1025) + `"}`, 400, "invalidValue", "longer than 1024 bytes"},
		{"a group's name", put, group, `{"displayName":"` + long(1025) + `"}`, 400, "invalidValue", "longer than 1024 bytes"},
		{"attributes of a user", put, user, `{"userName":"kim","title":"` + long(256<<10) + `"}`, 400, "invalidValue", "longer than 262144 bytes"},
	} {
		if scimType, detail := h.refused(t, token, test.method, test.target, test.body, test.status); scimType != test.scimType || !strings.Contains(detail, test.detail) {
			t.Errorf("%s: got %s: %s, want %s: %s", test.bound, scimType, detail, test.scimType, test.detail)
		}
	}
	if page := h.ask(t, token, get, "/Users?count=1000000", "", 200); page["itemsPerPage"] != 1.0 {
		t.Errorf("a count above the largest page: got %v", page)
	}
}

// The bounds that have a setting are the ones that are set, and what is advertised.
func TestBoundsAreAsTheyAreSet(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(o *scim.Options) {
		o.Limits = scim.Limits{UserBody: 100, GroupBody: 200, BulkBody: 300, BulkOperations: 2, Scan: 1}
		o.CursorTimeout = 2 * time.Minute
	})
	h.clock.stop()
	token := h.source(t, "hr", directory.Generic, false)
	for _, name := range []string{"a", "b"} {
		h.id(t, token, "/Users", `{"userName":"`+name+`"}`)
	}
	body := func(size int) string { return `{"displayName":"` + strings.Repeat("x", size) + `"}` }
	for target, size := range map[string]int{"/Users": 100, "/Groups": 200, "/Bulk": 300} {
		h.refused(t, token, post, target, body(size), http.StatusRequestEntityTooLarge)
	}
	h.refused(t, token, post, "/Bulk", `{"Operations":[{},{},{}]}`, http.StatusRequestEntityTooLarge)
	h.refused(t, token, get, "/Users?sortBy=userName", "", 400)
	cursor, _ := h.ask(t, token, get, "/Users?cursor&count=1", "", 200)["nextCursor"].(string)
	h.clock.skip(2 * time.Minute)
	h.ask(t, token, get, "/Users?count=1&cursor="+cursor, "", 200)
	h.clock.skip(time.Second)
	if scimType, _ := h.refused(t, token, get, "/Users?count=1&cursor="+cursor, "", 400); scimType != "expiredCursor" {
		t.Errorf("got %s, want expiredCursor", scimType)
	}
	config := h.ask(t, token, get, "/ServiceProviderConfig", "", 200)
	for path, want := range map[[2]string]float64{{"bulk", "maxOperations"}: 2, {"bulk", "maxPayloadSize"}: 300, {"pagination", "cursorTimeout"}: 120} {
		if got := at(config, path[0], path[1]); got != want {
			t.Errorf("%v: got %v, want %v", path, got, want)
		}
	}
}
