package zoom_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/sandbox/zoom"
)

func TestBulkFeatures(t *testing.T) {
	t.Parallel()
	a := peopled(t, zoom.Settings{Seats: map[string]int{"webinar:500": 2, "licensed": 9, "basic": 9}})
	body := `{"feature_type":"webinar","feature_value":"1","users":[{"email":"` + owner + `"},{"id":"mara"},{"id":"jon"},{"id":"room"},{"id":"nobody"},{"email":"` + admin + `"}]}`
	w, got := a.call("POST", "/users/features", body)
	o, _ := a.User(owner)
	ad, _ := a.User(admin)
	want := map[string]any{
		"success_user_ids": []any{o.ID},
		"fail_details": []any{
			map[string]any{"reason": "No need to update", "user_ids": []any{"mara"}},
			map[string]any{"reason": "Unpaid user", "user_ids": []any{"jon"}},
			map[string]any{"reason": "Can't update for Zoom Room users", "user_ids": []any{"room"}},
			map[string]any{"reason": "Users not found", "user_ids": []any{"nobody"}},
			map[string]any{"reason": "Not enough seats", "user_ids": []any{ad.ID}},
		},
	}
	if diff := cmp.Diff(want, got); w.Code != 201 || diff != "" {
		t.Errorf("got %d: %s", w.Code, diff)
	}
	a.pass(9 * time.Second)
	if w, _ := a.call("POST", "/users/features", body); w.Code != 429 || w.Header().Get("X-RateLimit-Reset") != fmt.Sprint(a.now().Add(time.Second).Unix()) {
		t.Errorf("within ten seconds: got %d %v", w.Code, w.Header())
	}
	a.pass(time.Second)
	if w, _ := a.call("POST", "/users/features", `{"feature_type":"user_type","feature_value":"2","users":[{"id":"jon"}]}`); w.Code != 201 {
		t.Errorf("after ten seconds: got %d", w.Code)
	}
	if u, _ := a.User(jon); u.Type != zoom.Licensed {
		t.Errorf("type: got %d, want Licensed", u.Type)
	}
}

func TestSeats(t *testing.T) {
	t.Parallel()
	a := peopled(t, zoom.Settings{})
	_, got := a.call("GET", "/accounts/me/plans/usage", "")
	want := map[string]any{
		"plan_base":          map[string]any{"type": "yearly", "hosts": 5000.0, "usage": 6.0, "active_hosts": 6.0, "pending": 0.0},
		"plan_large_meeting": []any{map[string]any{"type": "largemeeting500_monthly", "hosts": 20.0, "usage": 0.0, "pending": 0.0}},
		"plan_webinar": []any{
			map[string]any{"type": "webinar1000_monthly", "hosts": 5.0, "usage": 1.0, "pending": 0.0},
			map[string]any{"type": "webinar500_monthly", "hosts": 20.0, "usage": 1.0, "pending": 0.0},
		},
		"plan_zoom_events": []any{map[string]any{"type": "zoomevents500_monthly", "hosts": 5.0, "usage": 1.0, "pending": 0.0}},
		"plan_whiteboard":  map[string]any{"type": "zwb_monthly", "hosts": 50.0, "usage": 0.0, "pending": 0.0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, got = a.call("GET", "/users/summary", "")
	if got["licensed_users_count"] != 5.0 || got["pending_users_count"] != 2.0 || got["room_users_count"] != 1.0 {
		t.Errorf("summary: got %v", got)
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	a := peopled(t, zoom.Settings{})
	w, g := a.call("POST", "/groups", `{"name":"Support"}`)
	if w.Code != 201 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	id := is[string](t, g["id"])
	if w, got := a.call("POST", "/groups", `{"name":"SUPPORT"}`); w.Code != 409 || got["code"] != 4132.0 {
		t.Errorf("same name: got %d %v", w.Code, got)
	}
	w, got := a.call("POST", "/groups/"+id+"/members", `{"members":[{"id":"mara"},{"email":"`+jon+`"},{"id":"nobody"}]}`)
	if w.Code != 201 || got["ids"] != "mara,jon" {
		t.Errorf("add: got %d %v, want the ids as one text", w.Code, got)
	}
	a.call("POST", "/groups/"+id+"/members", `{"members":[{"id":"mara"}]}`)
	if n := len(a.Writes()); n != 2 {
		t.Errorf("adding a member twice: got %d writes, want 2", n)
	}
	if w, _ := a.call("POST", "/groups/"+id+"/members", `{"members":[`+strings.Repeat(`{"id":"jon"},`, 30)+`{"id":"jon"}]}`); w.Code != 400 {
		t.Errorf("31 at once: got %d, want 400", w.Code)
	}
	if _, got := a.call("GET", "/groups/"+id+"/members", ""); got["total_records"] != 2.0 {
		t.Errorf("members: got %v", got)
	}
	second := a.SeedGroup("Sales").ID
	if w, _ := a.call("PATCH", "/groups/"+id+"/members/jon", `{"action":"move","target_group_id":"`+second+`"}`); w.Code != 204 {
		t.Errorf("move: got %d", w.Code)
	}
	if w, got := a.call("PATCH", "/groups/"+id+"/members/mara", `{"action":"move"}`); w.Code != 400 || got["code"] != 300.0 {
		t.Errorf("move to nowhere: got %d %v", w.Code, got)
	}
	if w, got := a.call("DELETE", "/groups/"+id+"/members/jon", ""); w.Code != 404 || got["code"] != 4131.0 {
		t.Errorf("remove one who has moved: got %d %v", w.Code, got)
	}
	if w, _ := a.call("DELETE", "/groups/"+id+"/members/mara", ""); w.Code != 204 {
		t.Errorf("remove: got %d", w.Code)
	}
	if w, _ := a.call("PATCH", "/groups/"+id, `{"name":"Care"}`); w.Code != 204 {
		t.Errorf("rename: got %d", w.Code)
	}
	if _, got := a.call("GET", "/groups/"+id, ""); got["name"] != "Care" || got["total_members"] != 0.0 {
		t.Errorf("read: got %v", got)
	}
	a.Configure(func(s *zoom.Settings) { s.BarrierGroups = []string{id} })
	if w, got := a.call("DELETE", "/groups/"+id, ""); w.Code != 400 || got["code"] != 200.0 {
		t.Errorf("delete behind a barrier: got %d %v", w.Code, got)
	}
	if w, _ := a.call("DELETE", "/groups/"+second, ""); w.Code != 204 {
		t.Errorf("delete: got %d", w.Code)
	}
	if u, _ := a.User(jon); len(u.Groups) != 0 {
		t.Errorf("groups of a member: got %v, want none", u.Groups)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	a := peopled(t, zoom.Settings{OpaqueRoleIDs: true})
	a.SeedRole("Billing")
	_, got := a.call("GET", "/roles?type=common", "")
	ids := map[string]string{}
	for _, r := range is[[]any](t, got["roles"]) {
		m := is[map[string]any](t, r)
		ids[is[string](t, m["name"])] = is[string](t, m["id"])
	}
	if len(ids) != 4 || ids["Owner"] == "0" {
		t.Fatalf("got %v, want four roles with ids that say nothing", ids)
	}
	w, given := a.call("POST", "/roles/"+ids["Billing"]+"/members", `{"members":[{"id":"jon"}]}`)
	if u, _ := a.User(jon); w.Code != 201 || given["ids"] != "jon" || u.RoleID != ids["Billing"] {
		t.Errorf("give: got %d %v %v", w.Code, given, u.RoleID)
	}
	if _, got := a.call("GET", "/users?role_id="+ids["Billing"], ""); got["total_records"] != 1.0 {
		t.Errorf("users of the role: got %v", got["total_records"])
	}
	w, _ = a.call("DELETE", "/roles/"+ids["Billing"]+"/members/jon", "")
	if u, _ := a.User(jon); w.Code != 204 || u.RoleID != ids["Member"] {
		t.Errorf("take: got %d %v, want an ordinary member", w.Code, u.RoleID)
	}
}

func TestAssistantsAndSchedulers(t *testing.T) {
	t.Parallel()
	a := peopled(t, zoom.Settings{})
	if w, got := a.call("POST", "/users/mara/assistants", `{"assistants":[{"email":"`+lead+`"}]}`); w.Code != 201 || got["ids"] != "lead" {
		t.Fatalf("got %d %v", w.Code, got)
	}
	if _, got := a.call("GET", "/users/lead/schedulers", ""); len(is[[]any](t, got["schedulers"])) != 1 {
		t.Errorf("schedulers: got %v", got)
	}
	a.call("DELETE", "/users/lead/schedulers", "")
	if _, got := a.call("GET", "/users/mara/assistants", ""); len(is[[]any](t, got["assistants"])) != 0 {
		t.Errorf("assistants: got %v", got)
	}
}
