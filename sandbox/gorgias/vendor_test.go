package gorgias_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
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

// seeded is a helpdesk with one agent in two teams.
func seeded(t *testing.T, set gorgias.Settings) (*desk, gorgias.User) {
	t.Helper()
	d := open(t, set)
	u := d.SeedUser(gorgias.User{ID: 70100234, Name: "Mara Lindt", Email: "mara.lindt@acme.example", Role: "basic-agent", ExternalID: "emp-1042", Tickets: 3})
	d.SeedTeam(gorgias.Team{ID: 611, Name: "Returns desk", Members: []int64{u.ID, 70100200}})
	d.SeedTeam(gorgias.Team{ID: 614, Name: "Tier 1", Members: []int64{u.ID}})
	return d, u
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const mara = "/api/users/70100234"
	tests := []struct {
		name   string
		set    gorgias.Settings
		method string
		path   string
		body   string
		status int
		errors string // what the body must contain
	}{
		{"create without anything", gorgias.Settings{}, "POST", "/api/users", `{}`, 400, `{"error":{"data":{"email":["Missing data for required field."],"name":["Missing data for required field."],"role":["Missing data for required field."]},"msg":"Failed to create user."}}`},
		{"create with an unknown field", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"channels":[]}`, 400, `"channels":["Unknown field."]`},
		{"create with active", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"active":true}`, 400, `"active":["Unknown field."]`},
		{"create with firstname", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"firstname":"A"}`, 400, `"firstname":["Unknown field."]`},
		{"create with a roles list", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","roles":[{"name":"agent"}]}`, 400, `"roles":["Unknown field."]`},
		{"create with a bad role", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"lead"}}`, 400, `"role.name":["Must be one of`},
		{"create with a role as text", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":"agent"}`, 400, `"role":["Invalid input type."]`},
		{"create with a bad e-mail", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"acme.example","role":{"name":"agent"}}`, 400, `"email":["Not a valid email address."]`},
		{"create with a number as name", gorgias.Settings{}, "POST", "/api/users", `{"name":7,"email":"a@acme.example","role":{"name":"agent"}}`, 400, `"name":["Not a valid string."]`},
		{"create with an empty name", gorgias.Settings{}, "POST", "/api/users", `{"name":" ","email":"a@acme.example","role":{"name":"agent"}}`, 400, `"name":[`},
		{"create with a long country", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"country":"AUT"}`, 400, `"country":[`},
		{"create in another language", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"language":"de"}`, 400, `"language":["Must be one of: fr, en."]`},
		{"create with a null external id", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"external_id":null}`, 400, `"external_id":["Field may not be null."]`},
		{"create with a list as meta", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"meta":[]}`, 400, `"meta":[`},
		{"create with a bad timezone", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"timezone":"UTC+1 "}`, 400, `"timezone":[`},
		{"create with a used e-mail", gorgias.Settings{}, "POST", "/api/users", `{"name":"M","email":"MARA.lindt@acme.example","role":{"name":"agent"}}`, 409, `{"error":{"msg":"The resource already exists."}}`},
		{"create above the plan", gorgias.Settings{Seats: 3}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"}}`, 400, `maximum number of users`},
		{"create above the plan, forbidden", gorgias.Settings{Seats: 3, SeatStatus: 403}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"}}`, 403, `maximum number of users`},
		{"broken JSON", gorgias.Settings{}, "POST", "/api/users", `{"name"`, 400, `"msg":"Invalid JSON body."`},
		{"a body too large", gorgias.Settings{}, "POST", "/api/users", strings.Repeat("x", 1<<20+1), 413, `"msg"`},
		{"update of nothing", gorgias.Settings{}, "PUT", mara, `{}`, 400, `Failed to update user.`},
		{"update of active", gorgias.Settings{}, "PUT", mara, `{"active":false}`, 400, `"active":["Unknown field."]`},
		{"update of lastname", gorgias.Settings{}, "PUT", mara, `{"lastname":"Berg"}`, 400, `"lastname":["Unknown field."]`},
		{"update of the e-mail without confirmation", gorgias.Settings{}, "PUT", mara, `{"email":"mara.berg@acme.example"}`, 400, `"password_confirmation":["Missing data for required field."]`},
		{"update of the e-mail with a wrong password", gorgias.Settings{Password: "right"}, "PUT", mara, `{"email":"mara.berg@acme.example","password_confirmation":"wrong"}`, 400, `"password_confirmation":["Invalid password."]`},
		{"update to a used e-mail", gorgias.Settings{Password: "right"}, "PUT", mara, `{"email":"owner@acme.example","password_confirmation":"right"}`, 409, `already exists`},
		{"another user's password", gorgias.Settings{Password: "right"}, "PUT", mara, `{"new_password":"x","old_password":"right"}`, 400, `"new_password":[`},
		{"update of a stranger", gorgias.Settings{}, "PUT", "/api/users/1", `{"name":"A"}`, 404, `{"error":{"msg":"Resource not found."}}`},
		{"read a stranger", gorgias.Settings{}, "GET", "/api/users/1", ``, 404, `Resource not found.`},
		{"read an id that is none", gorgias.Settings{}, "GET", "/api/users/mara", ``, 404, `Resource not found.`},
		{"delete a stranger", gorgias.Settings{}, "DELETE", "/api/users/1", ``, 404, `Resource not found.`},
		{"delete id 0", gorgias.Settings{}, "DELETE", "/api/users/0", ``, 404, `Resource not found.`},
		{"delete the owner", gorgias.Settings{}, "DELETE", "/api/users/70100200", ``, 400, `account owner`},
		{"delete the owner, forbidden", gorgias.Settings{OwnerStatus: 403}, "DELETE", "/api/users/70100200", ``, 403, `account owner`},
		{"demote the owner", gorgias.Settings{}, "PUT", "/api/users/70100200", `{"role":{"name":"agent"}}`, 400, `account owner`},
		{"there is no PATCH", gorgias.Settings{}, "PATCH", mara, `{}`, 405, `Method not allowed.`},
		{"there is no other resource", gorgias.Settings{}, "GET", "/api/tickets", ``, 404, `Resource not found.`},
		{"a limit of 500", gorgias.Settings{}, "GET", "/api/users?limit=500", ``, 400, `"limit":["Must be between 1 and 100."]`},
		{"a limit of 0", gorgias.Settings{}, "GET", "/api/teams?limit=0", ``, 400, `"limit":[`},
		{"a page number", gorgias.Settings{}, "GET", "/api/users?page=2", ``, 400, `"page":["Unknown field."]`},
		{"an unknown order", gorgias.Settings{}, "GET", "/api/users?order_by=id:asc", ``, 400, `"order_by":[`},
		{"a made-up cursor", gorgias.Settings{}, "GET", "/api/users?cursor=bm9wZQ==", ``, 400, `"cursor":["Invalid cursor."]`},
		{"an unknown role in a filter", gorgias.Settings{}, "GET", "/api/users?roles=lead", ``, 400, `"roles":[`},
		{"a bad e-mail in a filter", gorgias.Settings{}, "GET", "/api/users?email=x", ``, 400, `"email":[`},
		{"team without a name", gorgias.Settings{}, "POST", "/api/teams", `{}`, 400, `"name":["Missing data for required field."]`},
		{"team with an unknown field", gorgias.Settings{}, "POST", "/api/teams", `{"name":"A","external_id":"x"}`, 400, `"external_id":["Unknown field."]`},
		{"team with a stranger", gorgias.Settings{}, "PUT", "/api/teams/611", `{"members":[{"id":1}]}`, 400, `"members.0.id":["User does not exist."]`},
		{"team with ids as text", gorgias.Settings{}, "PUT", "/api/teams/611", `{"members":[{"id":"70100234"}]}`, 400, `"members.0.id":["Not a valid integer."]`},
		{"team with members as an object", gorgias.Settings{}, "PUT", "/api/teams/611", `{"members":{}}`, 400, `"members":["Not a valid list."]`},
		{"read an unknown team", gorgias.Settings{}, "GET", "/api/teams/1", ``, 404, `Resource not found.`},
		{"update an unknown team", gorgias.Settings{}, "PUT", "/api/teams/1", `{"name":"A"}`, 404, `Resource not found.`},
		{"delete an unknown team", gorgias.Settings{}, "DELETE", "/api/teams/1", ``, 404, `Resource not found.`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, _ := seeded(t, tt.set)
			before, err := json.Marshal([]any{d.Users(), d.Teams()})
			if err != nil {
				t.Fatal(err)
			}
			w, _ := d.call(tt.method, tt.path, tt.body)
			if got, want := w.Code, tt.status; got != want {
				t.Errorf("status: got %d, want %d", got, want)
			}
			if got, want := w.Body.String(), tt.errors; !strings.Contains(got, want) {
				t.Errorf("body: got %s, want it to contain %s", got, want)
			}
			after, err := json.Marshal([]any{d.Users(), d.Teams()})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(before), string(after)); diff != "" {
				t.Errorf("a refused call changed the state: %s", diff)
			}
			if got := d.Writes(); len(got) != 0 {
				t.Errorf("writes: got %v, want none", got)
			}
		})
	}
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
	path := fmt.Sprintf("/api/teams/%d", int64(team["id"].(float64)))
	if _, got := d.call("PUT", path, `{"name":"VIPs"}`); len(got["members"].([]any)) != 1 {
		t.Errorf("members left out: got %v, want them kept", got["members"])
	}
	if _, got := d.call("PUT", path, `{"members":[]}`); got["name"] != "VIPs" || len(got["members"].([]any)) != 0 {
		t.Errorf("empty members: got %v, want an empty team", got)
	}
	if w, _ := d.call("DELETE", path, ""); w.Code != 204 {
		t.Errorf("delete: got %d, want 204", w.Code)
	}
	if w, _ := d.call("GET", path, ""); w.Code != 404 {
		t.Errorf("read after delete: got %d, want 404", w.Code)
	}
}

func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	d, u := seeded(t, gorgias.Settings{})
	d.SetKey(u.Email, "agents-key")
	tests := []struct {
		name         string
		method, path string
		with         func(*http.Request)
		status       int
	}{
		{"no credential", "GET", "/api/users", func(*http.Request) {}, 401},
		{"a wrong key", "GET", "/api/users", func(r *http.Request) { r.SetBasicAuth(gorgias.DemoEmail, "x") }, 401},
		{"a wrong user", "GET", "/api/users", func(r *http.Request) { r.SetBasicAuth("x@acme.example", gorgias.DemoKey) }, 401},
		{"an unknown token", "GET", "/api/users", func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 401},
		{"another case in the name", "GET", "/api/account", func(r *http.Request) { r.SetBasicAuth(strings.ToUpper(gorgias.DemoEmail), gorgias.DemoKey) }, 200},
		{"an agent reads", "GET", "/api/users", func(r *http.Request) { r.SetBasicAuth(u.Email, "agents-key") }, 200},
		{"an agent writes", "DELETE", "/api/users/1", func(r *http.Request) { r.SetBasicAuth(u.Email, "agents-key") }, 403},
		{"an agent writes teams", "POST", "/api/teams", func(r *http.Request) { r.SetBasicAuth(u.Email, "agents-key") }, 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, got := d.send(tt.method, tt.path, "", tt.with)
			if w.Code != tt.status {
				t.Errorf("got %d, want %d", w.Code, tt.status)
			}
			if tt.status == 401 && !cmp.Equal(got, map[string]any{"error": map[string]any{"msg": "Unauthorized."}}) {
				t.Errorf("got %v, want the vendor's body", got)
			}
		})
	}
	d.RemoveUser(u.ID)
	if w, _ := d.send("GET", "/api/users", "", func(r *http.Request) { r.SetBasicAuth(u.Email, "agents-key") }); w.Code != 401 {
		t.Errorf("the key of a deleted user: got %d, want 401", w.Code)
	}
}

func TestWrongSubdomainIsAPage(t *testing.T) {
	t.Parallel()
	d := open(t, gorgias.Settings{})
	key := func(r *http.Request) { r.SetBasicAuth(gorgias.DemoEmail, gorgias.DemoKey) }
	for host, status := range map[string]int{"acme.gorgias.com": 200, "acmee.gorgias.com": 404, "127.0.0.1:80": 200} {
		w, _ := d.send("GET", "https://"+host+"/api/account", "", key)
		if w.Code != status {
			t.Errorf("%s: got %d, want %d", host, w.Code, status)
		}
		if status == 404 && !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			t.Errorf("%s: got %s, want a page", host, w.Header().Get("Content-Type"))
		}
	}
	d.Configure(func(s *gorgias.Settings) { s.WrongSubdomain = true })
	if w, _ := d.call("GET", "/api/account", ""); w.Code != 404 || !strings.Contains(w.Body.String(), "<html>") {
		t.Errorf("got %d %s, want a page", w.Code, w.Body)
	}
}

func TestBucketLeaks(t *testing.T) {
	t.Parallel()
	d := open(t, gorgias.Settings{})
	for i := range 40 {
		w, _ := d.call("GET", "/api/account", "")
		if got, want := w.Header().Get("X-Gorgias-Account-Api-Call-Limit"), fmt.Sprintf("%d/40", i+1); w.Code != 200 || got != want {
			t.Fatalf("call %d: got %d %s, want 200 %s", i+1, w.Code, got, want)
		}
	}
	w, got := d.call("GET", "/api/account", "")
	if w.Code != 429 || w.Header().Get("Retry-After") != "1" || !cmp.Equal(got["error"], map[string]any{"msg": "Too many requests."}) {
		t.Fatalf("41st call: got %d %v %v", w.Code, w.Header(), got)
	}
	d.pass(time.Second) // two calls leak out
	for i, want := range []int{200, 200, 429} {
		if w, _ := d.call("GET", "/api/account", ""); w.Code != want {
			t.Errorf("call %d after a second: got %d, want %d", i, w.Code, want)
		}
	}
	d.pass(20 * time.Second)
	if w, _ := d.call("GET", "/api/account", ""); w.Header().Get("X-Gorgias-Account-Api-Call-Limit") != "1/40" {
		t.Errorf("after the window: got %s, want 1/40", w.Header().Get("X-Gorgias-Account-Api-Call-Limit"))
	}
}

// list walks through a list and returns what field shows of each record.
func (d *desk) list(query url.Values, field string) []any {
	d.t.Helper()
	var out []any
	for {
		w, got := d.call("GET", "/api/users?"+query.Encode(), "")
		if w.Code != 200 {
			d.t.Fatalf("list: got %d %s", w.Code, w.Body)
		}
		for _, u := range got["data"].([]any) {
			out = append(out, u.(map[string]any)[field])
		}
		next, ok := got["meta"].(map[string]any)["next_cursor"].(string)
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
		for _, u := range got["data"].([]any) {
			names = append(names, u.(map[string]any)["name"])
		}
		meta := got["meta"].(map[string]any)
		return names, meta["next_cursor"], meta["prev_cursor"]
	}
	_, next, prev := page("")
	if prev != nil {
		t.Errorf("first page: got prev_cursor %v, want null", prev)
	}
	d.Inject(wire.Fault{Kind: wire.PageShift, Path: "/users"})
	if names, _, _ := page(next.(string)); !cmp.Equal(names, []any{"1", "2"}) {
		t.Errorf("shifted page: got %v, want one repeated", names)
	}
	d.RemoveUser(ids[0])
	names, last, prev := page(next.(string))
	if !cmp.Equal(names, []any{"2", "3"}) || last != nil {
		t.Errorf("after a removal: got %v, %v; want the last page unshifted", names, last)
	}
	if names, _, _ := page(prev.(string)); !cmp.Equal(names, []any{"1"}) {
		t.Errorf("backwards: got %v, want what is left before", names)
	}
	d.pass(10 * time.Minute)
	if w, _ := d.call("GET", "/api/users?roles=agent&limit=2&order_by=name:asc&cursor="+url.QueryEscape(next.(string)), ""); w.Code != 400 {
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

func TestOAuth(t *testing.T) {
	t.Parallel()
	d := open(t, gorgias.Settings{})
	client := func(r *http.Request) {
		r.SetBasicAuth(gorgias.DemoClientID, gorgias.DemoClientSecret)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	code := d.IssueCode(gorgias.DemoEmail, "users:read", "offline")
	w, first := d.send("POST", "/oauth/token", "grant_type=authorization_code&redirect_uri=https%3A%2F%2Fx&code="+code, client)
	if w.Code != 200 || first["expires_in"] != 86400.0 || first["token_type"] != "Bearer" {
		t.Fatalf("got %d %v", w.Code, first)
	}
	if w, got := d.send("POST", "/oauth/token", "grant_type=authorization_code&redirect_uri=https%3A%2F%2Fx&code="+code, client); w.Code != 400 || got["error"] != "invalid_grant" {
		t.Errorf("a used code: got %d %v", w.Code, got)
	}
	with := func(token any) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token.(string)) }
	}
	w, me := d.send("GET", "/api/users/0", "", with(first["access_token"]))
	if w.Code != 200 || me["email"] != gorgias.DemoEmail || w.Header().Get("X-Gorgias-Account-Api-Call-Limit") != "1/80" {
		t.Errorf("got %d %v %v", w.Code, me, w.Header())
	}
	if w, _ := d.send("DELETE", "/api/users/1", "", with(first["access_token"])); w.Code != 403 {
		t.Errorf("without users:write: got %d, want 403", w.Code)
	}
	if w, _ := d.send("GET", "/api/account", "", with(first["access_token"])); w.Code != 403 {
		t.Errorf("without account:read: got %d, want 403", w.Code)
	}
	d.pass(24 * time.Hour)
	if w, _ := d.send("GET", "/api/users/0", "", with(first["access_token"])); w.Code != 401 {
		t.Errorf("after 24 hours: got %d, want 401", w.Code)
	}
	refresh := "grant_type=refresh_token&refresh_token=" + first["refresh_token"].(string)
	_, second := d.send("POST", "/oauth/token", refresh, client)
	if w, _ := d.send("GET", "/api/users/0", "", with(second["access_token"])); w.Code != 200 {
		t.Errorf("renewed: got %d, want 200", w.Code)
	}
	d.send("POST", "/oauth/revoke", "token="+first["refresh_token"].(string), client)
	if w, got := d.send("POST", "/oauth/token", refresh, client); w.Code != 400 || got["error"] != "invalid_grant" {
		t.Errorf("after a revoke: got %d %v", w.Code, got)
	}
	if w, got := d.send("POST", "/oauth/token", refresh, func(*http.Request) {}); w.Code != 401 || got["error"] != "invalid_client" {
		t.Errorf("without a client: got %d %v", w.Code, got)
	}
	if log, err := json.Marshal(d.Calls()); err != nil || strings.Contains(string(log), first["refresh_token"].(string)) || strings.Contains(string(log), code) {
		t.Errorf("the log holds a secret: %s (%v)", log, err)
	}
}

func TestTenantAndCredentialFaults(t *testing.T) {
	t.Parallel()
	d, u := seeded(t, gorgias.Settings{})
	_, before := d.call("GET", "/api/users/0", "")
	d.Inject(wire.Fault{Kind: wire.OtherTenant})
	_, account := d.call("GET", "/api/account", "")
	_, after := d.call("GET", "/api/users/0", "")
	if account["domain"] != "umbrella" || before["id"] == after["id"] {
		t.Errorf("got %v and %v, want another account", account, after["id"])
	}
	if w, _ := d.call("GET", fmt.Sprintf("/api/users/%d", u.ID), ""); w.Code != 404 {
		t.Errorf("our user at the other tenant: got %d, want 404", w.Code)
	}
	d.Inject(wire.Fault{Kind: wire.OtherTenant})
	if _, account := d.call("GET", "/api/account", ""); account["domain"] != "acme" {
		t.Errorf("back: got %v", account)
	}
	d.Inject(wire.Fault{Kind: wire.Revoked})
	for range 2 {
		if w, _ := d.call("GET", "/api/account", ""); w.Code != 401 {
			t.Errorf("revoked: got %d, want 401", w.Code)
		}
	}
	d.Reset()
	if w, _ := d.call("GET", "/api/account", ""); w.Code != 200 {
		t.Errorf("after a reset: got %d, want 200", w.Code)
	}
	if len(d.Users()) != 4 {
		t.Errorf("after a reset: got %d users, want the first four", len(d.Users()))
	}
}
