package gorgias_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/wire"
)

// desk is a helpdesk with a clock that the test moves.
type desk struct {
	*gorgias.Vendor
	t    *testing.T
	mu   sync.Mutex
	time time.Time
}

func open(t *testing.T, set gorgias.Settings) *desk {
	t.Helper()
	d := &desk{t: t, time: time.Date(2026, 3, 2, 9, 15, 44, 120934000, time.UTC)}
	d.Vendor = gorgias.New(gorgias.Options{
		Settings: set,
		Clock: wire.Clock{Now: d.now, Wait: func(_ context.Context, w time.Duration) error {
			d.pass(w)
			return nil
		}},
	})
	return d
}

func (d *desk) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.time
}

func (d *desk) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.time = d.time.Add(by)
}

// call sends a request with the demo API key.
func (d *desk) call(method, path, body string) (*httptest.ResponseRecorder, map[string]any) {
	d.t.Helper()
	return d.send(method, path, body, func(r *http.Request) { r.SetBasicAuth(gorgias.DemoEmail, gorgias.DemoKey) })
}

func (d *desk) send(method, path, body string, with func(*http.Request)) (*httptest.ResponseRecorder, map[string]any) {
	d.t.Helper()
	r := httptest.NewRequestWithContext(d.t.Context(), method, path, strings.NewReader(body))
	with(r)
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	var o map[string]any
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && w.Body.Bytes()[0] == '{' {
		if err := json.Unmarshal(w.Body.Bytes(), &o); err != nil {
			d.t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	return w, o
}

// is says that v is a T.
func is[T any](t *testing.T, v any) T {
	t.Helper()
	x, ok := v.(T)
	if !ok {
		t.Fatalf("got a %T (%v), want a %T", v, v, x)
	}
	return x
}

// seeded is a helpdesk with one agent in two teams.
func seeded(t *testing.T, set gorgias.Settings) (*desk, gorgias.User) {
	t.Helper()
	d := open(t, set)
	u := d.SeedUser(gorgias.User{ID: 70100234, Name: "Mara Lindt", Email: "mara.lindt@acme.example", Role: "basic-agent", ExternalID: "emp-1042", Tickets: 3})
	d.SeedTeam(gorgias.Team{ID: 611, Name: "Returns desk", Members: []int64{u.ID, 70100200}})
	d.SeedTeam(gorgias.Team{ID: 614, Name: "Tier 1", Members: []int64{u.ID}})
	return d, u
}

func TestCreateShowsTheWholeUser(t *testing.T) {
	t.Parallel()
	d := open(t, gorgias.Settings{})
	w, got := d.call("POST", "/api/users", `{"name":"Test Delete User 3","email":"t@acme.example","role":{"name":"basic-agent"},"external_id":"p-1","timezone":null,"language":"en","meta":{"a":1}}`)
	if w.Code != 200 {
		t.Fatalf("status: got %d, want the recorded 200: %s", w.Code, w.Body)
	}
	id, ok := got["id"].(float64)
	if !ok {
		t.Fatalf("no id in %v", got)
	}
	want := map[string]any{
		"id": id, "active": true, "bio": nil, "country": nil, "created_datetime": "2026-03-02T09:15:44.120934+00:00",
		"deactivated_datetime": nil, "email": "t@acme.example", "external_id": "p-1", "firstname": "Test", "lastname": "3",
		"name": "Test Delete User 3", "has_password": false, "has_2fa_enabled": false, "language": "en",
		"meta": map[string]any{"sso": nil, "profile_picture_url": nil, "a": 1.0}, "role": map[string]any{"name": "basic-agent"},
		"timezone": "UTC", "updated_datetime": "2026-03-02T09:15:44.120934+00:00", "client_id": nil,
		"uri": fmt.Sprintf("https://acme.gorgias.com/api/users/%d/", int64(id)),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	d.Configure(func(s *gorgias.Settings) { s.Created = true })
	if w, _ := d.call("POST", "/api/users", `{"name":"B","email":"b@acme.example","role":{"name":"agent"}}`); w.Code != 201 {
		t.Errorf("status with Created: got %d, want 201", w.Code)
	}
}

func TestUpdateIsPartialAndReplacesMetaWhole(t *testing.T) {
	t.Parallel()
	d, u := seeded(t, gorgias.Settings{Password: "right"})
	path := fmt.Sprintf("/api/users/%d", u.ID)
	d.call("PUT", path, `{"meta":{"a":1,"b":2},"bio":"x","country":"AT"}`)
	_, got := d.call("PUT", path, `{"meta":{"c":3},"bio":null}`)
	if diff := cmp.Diff(map[string]any{"sso": nil, "profile_picture_url": nil, "c": 3.0}, got["meta"]); diff != "" {
		t.Error(diff)
	}
	if got["bio"] != nil || got["country"] != "AT" || got["name"] != "Mara Lindt" || got["external_id"] != "emp-1042" {
		t.Errorf("got %v, want bio null and the rest as it was", got)
	}
	if w, got := d.call("PUT", path+"/", `{"email":"mara.berg@acme.example","password_confirmation":"right"}`); w.Code != 200 || got["email"] != "mara.berg@acme.example" {
		t.Errorf("confirmed e-mail change: got %d %v", w.Code, got)
	}
	if c := d.Calls(); strings.Contains(string(c[len(c)-1].Body), "right") {
		t.Errorf("the log holds a password: %s", c[len(c)-1].Body)
	}
}

func TestActiveWhereItIsWritable(t *testing.T) {
	t.Parallel()
	d, u := seeded(t, gorgias.Settings{ActiveWritable: true, HideInactive: true})
	path := fmt.Sprintf("/api/users/%d", u.ID)
	_, got := d.call("PUT", path, `{"active":false}`)
	if got["active"] != false || got["deactivated_datetime"] != "2026-03-02T09:15:44.120934+00:00" {
		t.Errorf("got %v, want an inactive user", got)
	}
	if w, _ := d.call("GET", "/api/users", ""); strings.Contains(w.Body.String(), u.Email) {
		t.Error("an inactive user is listed")
	}
	if _, got := d.call("PUT", path, `{"active":true}`); got["active"] != true || got["deactivated_datetime"] != nil {
		t.Errorf("got %v, want an active user", got)
	}
}

func TestDeleteLeavesTeamsAndUnassignsTickets(t *testing.T) {
	t.Parallel()
	d, u := seeded(t, gorgias.Settings{})
	path := fmt.Sprintf("/api/users/%d", u.ID)
	if w, _ := d.call("DELETE", path, ""); w.Code != 204 || w.Body.Len() != 0 {
		t.Fatalf("got %d %s, want an empty 204", w.Code, w.Body)
	}
	if w, _ := d.call("GET", path, ""); w.Code != 404 {
		t.Errorf("read after delete: got %d, want 404", w.Code)
	}
	var members []int64
	for _, team := range d.Teams() {
		members = append(members, team.Members...)
	}
	if diff := cmp.Diff([]int64{70100200}, members); diff != "" {
		t.Error(diff)
	}
	var state struct {
		Unassigned int `json:"unassigned_tickets"`
	}
	w := httptest.NewRecorder()
	wire.Control(d.Log(), d.Front).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/_sandbox/state", http.NoBody))
	var all map[string]json.RawMessage
	if err := json.Unmarshal(w.Body.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(all["gorgias"], &state); err != nil || state.Unassigned != 3 {
		t.Errorf("unassigned tickets: got %d (%v), want 3", state.Unassigned, err)
	}
}

func TestLastAdmin(t *testing.T) {
	t.Parallel()
	d := open(t, gorgias.Settings{})
	d.RemoveUser(d.OwnerID())
	w, _ := d.call("PUT", "/api/users/0", `{"role":{"name":"agent"}}`)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "last admin") {
		t.Errorf("got %d %s, want a refusal", w.Code, w.Body)
	}
}

func TestTeams(t *testing.T) {
	t.Parallel()
	d, u := seeded(t, gorgias.Settings{})
	w, team := d.call("POST", "/api/teams", fmt.Sprintf(`{"name":"VIP","decoration":{"emoji":"📦"},"members":[{"id":%d},{"id":%[1]d}]}`, u.ID))
	if w.Code != 200 || team["name"] != "VIP" {
		t.Fatalf("got %d %v", w.Code, team)
	}
	want := []any{map[string]any{"id": float64(u.ID), "name": "Mara Lindt", "email": "mara.lindt@acme.example", "meta": nil}}
	if diff := cmp.Diff(want, team["members"]); diff != "" {
		t.Error(diff)
	}
	path := fmt.Sprintf("/api/teams/%d", int64(is[float64](t, team["id"])))
	if _, got := d.call("PUT", path, `{"name":"VIPs"}`); len(is[[]any](t, got["members"])) != 1 {
		t.Errorf("members left out: got %v, want them kept", got["members"])
	}
	if _, got := d.call("PUT", path, `{"members":[]}`); got["name"] != "VIPs" || len(is[[]any](t, got["members"])) != 0 {
		t.Errorf("empty members: got %v, want an empty team", got)
	}
	if w, _ := d.call("DELETE", path, ""); w.Code != 204 {
		t.Errorf("delete: got %d, want 204", w.Code)
	}
	if w, _ := d.call("GET", path, ""); w.Code != 404 {
		t.Errorf("read after delete: got %d, want 404", w.Code)
	}
}
