package gorgias_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/wire"
)

// list walks through a list and returns what field shows of each record.
func (d *desk) list(query url.Values, field string) []any {
	d.t.Helper()
	var out []any
	for {
		w, got := d.call("GET", "/api/users?"+query.Encode(), "")
		if w.Code != 200 {
			d.t.Fatalf("list: got %d %s", w.Code, w.Body)
		}
		for _, u := range is[[]any](d.t, got["data"]) {
			out = append(out, is[map[string]any](d.t, u)[field])
		}
		next, ok := is[map[string]any](d.t, got["meta"])["next_cursor"].(string)
		if !ok {
			return out
		}
		query.Set("cursor", next)
	}
}

func TestListPagesAndFilters(t *testing.T) {
	t.Parallel()
	d := open(t, gorgias.Settings{})
	for i := range 7 {
		d.pass(time.Second)
		d.SeedUser(gorgias.User{Name: fmt.Sprintf("P %d", 9-i), Email: fmt.Sprintf("p%d@acme.example", i), Role: "lite-agent", ExternalID: fmt.Sprintf("e%d", i%6)})
	}
	d.pass(time.Minute)
	tests := []struct {
		name  string
		query url.Values
		field string
		want  []any
	}{
		{"by creation", url.Values{"roles": {"lite-agent"}, "order_by": {"created_datetime:asc"}, "limit": {"3"}}, "email", []any{"p0@acme.example", "p1@acme.example", "p2@acme.example", "p3@acme.example", "p4@acme.example", "p5@acme.example", "p6@acme.example"}},
		{"by name, the default", url.Values{"roles": {"lite-agent"}, "limit": {"2"}}, "name", []any{"P 3", "P 4", "P 5", "P 6", "P 7", "P 8", "P 9"}},
		{"backwards", url.Values{"roles": {"lite-agent"}, "order_by": {"email:desc"}, "limit": {"6"}}, "email", []any{"p6@acme.example", "p5@acme.example", "p4@acme.example", "p3@acme.example", "p2@acme.example", "p1@acme.example", "p0@acme.example"}},
		{"by e-mail in any case", url.Values{"email": {"P3@ACME.example"}}, "email", []any{"p3@acme.example"}},
		{"by external id", url.Values{"external_id": {"e0"}, "order_by": {"email:asc"}}, "email", []any{"p0@acme.example", "p6@acme.example"}},
		{"two roles", url.Values{"roles": {"bot", "internal-agent"}}, "role", []any{map[string]any{"name": "bot"}, map[string]any{"name": "internal-agent"}}},
		{"search", url.Values{"search": {"OLGA"}}, "email", []any{"owner@acme.example"}},
		{"nobody", url.Values{"external_id": {"none"}}, "id", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, d.list(tt.query, tt.field)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if all := d.list(url.Values{}, "role"); !slices.ContainsFunc(all, func(r any) bool { return cmp.Equal(r, map[string]any{"name": "bot"}) }) {
		t.Error("bots are missing from the plain list")
	}
}

func TestPagesDoNotShiftButByFault(t *testing.T) {
	t.Parallel()
	d := open(t, gorgias.Settings{})
	var ids []int64
	for i := range 4 {
		ids = append(ids, d.SeedUser(gorgias.User{Name: fmt.Sprint(i), Email: fmt.Sprintf("p%d@acme.example", i), Role: "agent"}).ID)
	}
	page := func(cursor string) (names []any, next, prev any) {
		_, got := d.call("GET", "/api/users?roles=agent&limit=2&order_by=name:asc&cursor="+url.QueryEscape(cursor), "")
		for _, u := range is[[]any](t, got["data"]) {
			names = append(names, is[map[string]any](t, u)["name"])
		}
		meta := is[map[string]any](t, got["meta"])
		return names, meta["next_cursor"], meta["prev_cursor"]
	}
	_, next, prev := page("")
	if prev != nil {
		t.Errorf("first page: got prev_cursor %v, want null", prev)
	}
	d.Inject(wire.Fault{Kind: wire.PageShift, Path: "/users"})
	if names, _, _ := page(is[string](t, next)); !cmp.Equal(names, []any{"1", "2"}) {
		t.Errorf("shifted page: got %v, want one repeated", names)
	}
	d.RemoveUser(ids[0])
	names, last, prev := page(is[string](t, next))
	if !cmp.Equal(names, []any{"2", "3"}) || last != nil {
		t.Errorf("after a removal: got %v, %v; want the last page unshifted", names, last)
	}
	if names, _, _ := page(is[string](t, prev)); !cmp.Equal(names, []any{"1"}) {
		t.Errorf("backwards: got %v, want what is left before", names)
	}
	d.pass(10 * time.Minute)
	if w, _ := d.call("GET", "/api/users?roles=agent&limit=2&order_by=name:asc&cursor="+url.QueryEscape(is[string](t, next)), ""); w.Code != 400 {
		t.Errorf("an old cursor: got %d, want 400", w.Code)
	}
}

func TestBareList(t *testing.T) {
	t.Parallel()
	d := open(t, gorgias.Settings{BareList: true})
	w, _ := d.call("GET", "/api/users?limit=2", "")
	var all []map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &all); err != nil || len(all) != 4 {
		t.Errorf("got %d records (%v), want 4", len(all), err)
	}
}

func TestReadsLagBehindWrites(t *testing.T) {
	t.Parallel()
	d, u := seeded(t, gorgias.Settings{ReadLag: 3 * time.Second})
	d.call("POST", "/api/users", `{"name":"New","email":"new@acme.example","role":{"name":"agent"}}`)
	find := func() int { return len(d.list(url.Values{"email": {"new@acme.example"}}, "id")) }
	if got := find(); got != 0 {
		t.Errorf("at once: got %d, want the write unseen", got)
	}
	if w, _ := d.call("POST", "/api/users", `{"name":"New","email":"new@acme.example","role":{"name":"agent"}}`); w.Code != 409 {
		t.Errorf("a second create meanwhile: got %d, want 409", w.Code)
	}
	path := fmt.Sprintf("/api/users/%d", u.ID)
	d.call("DELETE", path, "")
	if w, _ := d.call("GET", path, ""); w.Code != 200 {
		t.Errorf("read of the deleted: got %d, want the past", w.Code)
	}
	d.pass(3 * time.Second)
	if got := find(); got != 1 {
		t.Errorf("after the lag: got %d, want 1", got)
	}
	if w, _ := d.call("GET", path, ""); w.Code != 404 {
		t.Errorf("read of the deleted after the lag: got %d, want 404", w.Code)
	}
}
