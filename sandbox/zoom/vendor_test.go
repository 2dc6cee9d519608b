package zoom_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/sandbox/wire"
	"github.com/usher-scim/usher/sandbox/zoom"
)

// account is a Zoom account with a clock that the test moves.
type account struct {
	*zoom.Vendor
	t     *testing.T
	token string
	wait  func(context.Context, time.Duration) error // nil moves the clock

	mu   sync.Mutex
	time time.Time
}

func open(t *testing.T, set zoom.Settings) *account {
	t.Helper()
	a := &account{t: t, time: time.Date(2026, 5, 4, 8, 30, 0, 0, time.UTC)}
	a.Vendor = zoom.New(zoom.Options{Settings: set, Clock: wire.Clock{Now: a.now, Wait: func(ctx context.Context, d time.Duration) error {
		if a.wait != nil {
			return a.wait(ctx, d)
		}
		a.pass(d)
		return nil
	}}})
	a.signIn()
	return a
}

func (a *account) now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.time
}

func (a *account) pass(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.time = a.time.Add(d)
}

func (a *account) signIn() {
	a.t.Helper()
	w, got := a.grant("grant_type=account_credentials&account_id="+zoom.DemoAccountID, "")
	if w.Code != 200 {
		a.t.Fatalf("token: got %d %s", w.Code, w.Body)
	}
	a.token = is[string](a.t, got["access_token"])
}

// grant asks for a token with parameters in the form and in the query.
func (a *account) grant(form, query string) (*httptest.ResponseRecorder, map[string]any) {
	a.t.Helper()
	return a.send("POST", "/oauth/token?"+query, form, func(r *http.Request) {
		r.SetBasicAuth(zoom.DemoClientID, zoom.DemoClientSecret)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	})
}

func (a *account) call(method, path, body string) (*httptest.ResponseRecorder, map[string]any) {
	a.t.Helper()
	return a.send(method, "/v2"+path, body, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+a.token) })
}

func (a *account) send(method, path, body string, with func(*http.Request)) (*httptest.ResponseRecorder, map[string]any) {
	a.t.Helper()
	r := httptest.NewRequestWithContext(a.t.Context(), method, path, strings.NewReader(body))
	with(r)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	var o map[string]any
	if w.Header().Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(w.Body.Bytes(), &o); err != nil {
			a.t.Errorf("%s %s: %v in %s", method, path, err, w.Body)
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

// The people of the tables.
const (
	mara  = "mara.lindt@acme.example"    // Licensed, webinar 500, with data and a running session
	jon   = "jon.pace@acme.example"      // Basic
	lead  = "lead@acme.example"          // Licensed, webinar 1000: may receive everything but events
	gone  = "gone@acme.example"          // deactivated
	pia   = "pia@acme.example"           // invited
	late  = "late@acme.example"          // invited, the invitation has ended
	room  = "room@acme.example"          // a Zoom Room
	ops   = "ops@acme.example"           // call-queue manager
	host  = "host@acme.example"          // Licensed, published and upcoming events
	bot   = "bot@partner.example"        // API user
	ext   = "ext@partner.example"        // Basic, of a domain that is not managed
	admin = "it-admin@acme.example"      // made by the vendor
	owner = "owner@acme.example"         // made by the vendor
	other = "somebody@elsewhere.example" // lives in another account
)

func peopled(t *testing.T, set zoom.Settings) *account {
	t.Helper()
	set.OtherAccounts = append(set.OtherAccounts, other)
	a := open(t, set)
	webinar := func(capacity int64) map[string]any {
		return map[string]any{"webinar": true, "webinar_capacity": capacity}
	}
	for _, u := range []zoom.User{
		{ID: "mara", Email: mara, FirstName: "Mara", LastName: "Lindt", Type: zoom.Licensed, Feature: webinar(500), SignedIn: true, EmployeeID: "E-1042",
			Data: zoom.Data{Meetings: 3, PMIMeetings: 1, Webinars: 2, Recordings: 5, Docs: 1}},
		{ID: "jon", Email: jon, FirstName: "Jon", LastName: "Pace"},
		{ID: "lead", Email: lead, FirstName: "Lea", LastName: "Dow", Type: zoom.Licensed, Feature: webinar(1000)},
		{ID: "gone", Email: gone, Status: zoom.Inactive},
		{ID: "pia", Email: pia, Status: zoom.Pending},
		{ID: "late", Email: late, Status: zoom.Pending, InvitedAt: a.now().Add(-31 * 24 * time.Hour)},
		{ID: "room", Email: room, Room: true, Type: zoom.Licensed},
		{ID: "ops", Email: ops, Operator: true},
		{ID: "host", Email: host, Type: zoom.Licensed, PublishedEvents: true, UpcomingEvents: true, Feature: map[string]any{"zoom_events": true, "zoom_events_capacity": int64(500)}},
		{ID: "bot", Email: bot, LoginTypes: []int{99}},
		{ID: "ext", Email: ext},
	} {
		a.SeedUser(u)
	}
	return a
}

func TestCreateActions(t *testing.T) {
	t.Parallel()
	a := open(t, zoom.Settings{AutoCreate: true, CustCreate: true})
	tests := []struct {
		action, more, status string
		logins               []int
	}{
		{"create", "", zoom.Pending, nil},
		{"ssoCreate", "", zoom.Active, []int{101}},
		{"autoCreate", `,"password":"if42!LfH@"`, zoom.Active, []int{100}},
		{"custCreate", "", zoom.Active, []int{99}},
	}
	for _, tt := range tests {
		email := strings.ToLower(tt.action) + "@acme.example"
		body := fmt.Sprintf(`{"action":%q,"user_info":{"email":%q,"type":2,"first_name":"Mara","last_name":"Lindt"%s}}`, tt.action, email, tt.more)
		w, got := a.call("POST", "/users", body)
		u, found := a.User(email)
		if w.Code != 201 || !found {
			t.Fatalf("%s: got %d %s", tt.action, w.Code, w.Body)
		}
		want := map[string]any{"id": u.ID, "email": email, "first_name": "Mara", "last_name": "Lindt", "type": 2.0}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", tt.action, diff)
		}
		if u.Status != tt.status || !cmp.Equal(u.LoginTypes, tt.logins) || u.DisplayName != "Mara Lindt" {
			t.Errorf("%s: got %s %v %q, want %s %v", tt.action, u.Status, u.LoginTypes, u.DisplayName, tt.status, tt.logins)
		}
	}
	if log, err := json.Marshal(a.Calls()); err != nil || strings.Contains(string(log), "if42") || strings.Contains(string(log), a.token) {
		t.Errorf("the log holds a secret: %s (%v)", log, err)
	}
}

func TestPendingUser(t *testing.T) {
	t.Parallel()
	for _, hidden := range []bool{false, true} {
		a := open(t, zoom.Settings{PendingIDHidden: hidden, PendingPatchIgnored: hidden})
		_, made := a.call("POST", "/users", user("create", `,"first_name":"Ann"`))
		if _, has := made["id"]; has == hidden {
			t.Errorf("hidden %v: the reply to POST has an id: %v", hidden, has)
		}
		a.pass(30 * time.Minute)
		w, got := a.call("GET", "/users/new@acme.example", "")
		if w.Code != 200 || got["id"] != nil || got["status"] != zoom.Pending || got["created_at"] != "2026-05-04T09:00:00Z" {
			t.Errorf("hidden %v: got %d %v, want a pending user without id, created at the time of the call", hidden, w.Code, got)
		}
		u, _ := a.User("new@acme.example")
		if w, _ := a.call("GET", "/users/"+u.ID, ""); (w.Code == 404) != hidden {
			t.Errorf("hidden %v: by id: got %d", hidden, w.Code)
		}
		a.call("PATCH", "/users/new@acme.example", `{"dept":"A"}`)
		if u, _ = a.User("new@acme.example"); (u.Profile["dept"] == "") != hidden {
			t.Errorf("hidden %v: dept %q", hidden, u.Profile["dept"])
		}
		if !a.AcceptInvitation("new@acme.example") {
			t.Error("the invitation is not valid")
		}
		if _, got := a.call("GET", "/users/"+u.ID, ""); got["id"] != u.ID || got["status"] != zoom.Active {
			t.Errorf("accepted: got %v", got)
		}
	}
}

func TestInvitationEndsAfterThirtyDays(t *testing.T) {
	t.Parallel()
	a := open(t, zoom.Settings{})
	a.call("POST", "/users", user("create", ""))
	a.pass(30 * 24 * time.Hour)
	a.signIn()
	if w, got := a.call("GET", "/users/new@acme.example", ""); w.Code != 400 || got["code"] != 1120.0 {
		t.Errorf("got %d %v, want 1120", w.Code, got)
	}
	if _, got := a.call("GET", "/users?status=pending", ""); got["total_records"] != 0.0 {
		t.Errorf("got %v, want it to vanish from the list", got)
	}
	if w, _ := a.call("POST", "/users", user("create", "")); w.Code != 201 {
		t.Errorf("invited again: got %d", w.Code)
	}
	if w, _ := a.call("DELETE", "/users/new@acme.example", ""); w.Code != 204 {
		t.Errorf("withdrawn: got %d", w.Code)
	}
	if _, found := a.User("new@acme.example"); found {
		t.Error("a withdrawn invitation is still there")
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	a := peopled(t, zoom.Settings{CustomFields: []string{"cbf"}, Seats: map[string]int{"licensed": 99, "basic": 99, "zoom_one:576460752303423488": 1}})
	w, _ := a.call("PATCH", "/users/jon", `{"dept":"Support","job_title":"Lead","manager":"mara.lindt@acme.example","display_name":"","email":"x@acme.example",
		"phone_numbers":[{"country":"AT","code":"+43","number":"5550100","label":"Mobile"}],"custom_attributes":[{"key":"cbf","name":"A","value":"1"}],"type":2}`)
	if w.Code != 204 || w.Body.Len() != 0 {
		t.Fatalf("got %d %s, want an empty 204", w.Code, w.Body)
	}
	_, got := a.call("GET", "/users/"+strings.ToUpper(jon), "")
	for k, want := range map[string]any{
		"dept": "Support", "job_title": "Lead", "manager": mara, "display_name": "Jon Pace", "email": jon, "type": 2.0, "role_name": "Member",
		"account_id": zoom.DemoAccountID, "status": zoom.Active,
		"phone_numbers":     []any{map[string]any{"country": "AT", "code": "+43", "number": "5550100", "label": "Mobile"}},
		"custom_attributes": []any{map[string]any{"key": "cbf", "name": "A", "value": "1"}},
	} {
		if !cmp.Equal(got[k], want) {
			t.Errorf("%s: got %v, want %v", k, got[k], want)
		}
	}
	if calls := a.Calls(); !cmp.Equal(calls[len(calls)-2].Ignored, []string{"email"}) {
		t.Errorf("ignored: got %v, want the e-mail address, which PATCH does not know", calls[len(calls)-2].Ignored)
	}
	if w, _ := a.call("PATCH", "/users/jon", `{"zoom_one_type":576460752303423488}`); w.Code != 204 {
		t.Errorf("a plan beyond 2^53: got %d %s", w.Code, w.Body)
	}
	if u, _ := a.User(jon); u.ZoomOne != 576460752303423488 {
		t.Errorf("got %d, want every digit", u.ZoomOne)
	}
	a.call("PATCH", "/users/mara", `{"type":1}`)
	if _, got := a.call("GET", "/users/mara/settings", ""); is[map[string]any](t, got["feature"])["webinar"] != false {
		t.Errorf("Basic keeps a webinar licence: %v", got)
	}
}

func TestChangeEmailThreeTimesADay(t *testing.T) {
	t.Parallel()
	a := peopled(t, zoom.Settings{})
	for i := range 3 {
		if w, _ := a.call("PUT", "/users/jon/email", fmt.Sprintf(`{"email":"jon%d@acme.example"}`, i)); w.Code != 204 {
			t.Fatalf("change %d: got %d %s", i, w.Code, w.Body)
		}
		a.pass(time.Minute)
	}
	w, _ := a.call("PUT", "/users/jon/email", `{"email":"jon9@acme.example"}`)
	if w.Code != 429 || w.Header().Get("Retry-After") != "2026-05-05T08:30:00Z" {
		t.Errorf("fourth: got %d %v", w.Code, w.Header())
	}
	a.pass(24 * time.Hour)
	a.signIn()
	if w, _ := a.call("PUT", "/users/jon/email", `{"email":"jon9@acme.example"}`); w.Code != 204 {
		t.Errorf("a day later: got %d", w.Code)
	}
}

func TestDeactivateTakesLicencesAndActivateDoesNotGiveThemBack(t *testing.T) {
	t.Parallel()
	a := peopled(t, zoom.Settings{})
	if w, _ := a.call("DELETE", "/users/mara/token", ""); w.Code != 204 {
		t.Errorf("sign out: got %d", w.Code)
	}
	w, _ := a.call("PUT", "/users/mara/status", `{"action":"deactivate"}`)
	u, _ := a.User(mara)
	if w.Code != 200 || u.Status != zoom.Inactive || u.Type != zoom.Basic || u.SignedIn || u.Feature["webinar"] != false || u.Data.Recordings != 5 {
		t.Errorf("got %d %+v", w.Code, u)
	}
	a.Configure(func(s *zoom.Settings) { s.StatusNoContent = true })
	w, _ = a.call("PUT", "/users/mara/status", `{"action":"activate"}`)
	if u, _ = a.User(mara); w.Code != 204 || u.Status != zoom.Active || u.Type != zoom.Basic || u.ID != "mara" {
		t.Errorf("got %d %+v", w.Code, u)
	}
}

func TestDeleteMovesWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, query string
		want        zoom.Data
	}{
		{"all", "transfer_email=" + lead + "&transfer_meeting=true&transfer_webinar=true&transfer_recording=true", zoom.Data{Meetings: 3, Webinars: 2, Recordings: 5}},
		{"recordings", "transfer_email=" + lead + "&transfer_recording=true&transfer_meeting=false", zoom.Data{Recordings: 5}},
		{"the plural, which Zoom does not know", "transfer_email=" + lead + "&transfer_meetings=true", zoom.Data{}},
		{"no receiver", "transfer_meeting=true", zoom.Data{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := peopled(t, zoom.Settings{})
			if w, _ := a.call("DELETE", "/users/"+mara+"?action=delete&"+tt.query, ""); w.Code != 204 {
				t.Fatalf("got %d %s", w.Code, w.Body)
			}
			if _, found := a.User(mara); found {
				t.Error("the user is still there")
			}
			u, _ := a.User(lead)
			if diff := cmp.Diff(tt.want, u.Data); diff != "" {
				t.Error(diff)
			}
			if w, _ := a.call("GET", "/users/mara", ""); w.Code != 404 {
				t.Errorf("read after delete: got %d", w.Code)
			}
		})
	}
}

func TestTwoDeletesOfOneUserAtOnce(t *testing.T) {
	t.Parallel()
	a := peopled(t, zoom.Settings{DeleteTakes: time.Second})
	begun, end := make(chan struct{}), make(chan struct{})
	a.wait = func(context.Context, time.Duration) error {
		close(begun)
		<-end
		return nil
	}
	first := make(chan int)
	go func() {
		w, _ := a.call("DELETE", "/users/ext", "")
		first <- w.Code
	}()
	<-begun
	if w, got := a.call("DELETE", "/users/ext", ""); w.Code != 429 || !strings.HasPrefix(is[string](t, got["message"]), "Too many concurrent requests.") {
		t.Errorf("second: got %d %v", w.Code, got)
	}
	if w, _ := a.call("GET", "/users/ext", ""); w.Code != 200 {
		t.Errorf("meanwhile: got %d, want the user to be there", w.Code)
	}
	close(end)
	if got := <-first; got != 204 {
		t.Errorf("first: got %d, want 204", got)
	}
}

func TestListsPageByPage(t *testing.T) {
	t.Parallel()
	a := open(t, zoom.Settings{})
	for i := range 5 {
		a.SeedUser(zoom.User{Email: fmt.Sprintf("p%d@acme.example", i)})
	}
	page := func(token string) (emails []string, next string) {
		w, got := a.call("GET", "/users?page_size=3&next_page_token="+url.QueryEscape(token), "")
		if w.Code != 200 || got["total_records"] != 7.0 || got["page_size"] != 3.0 || got["page_count"] != 3.0 {
			t.Fatalf("got %d %v", w.Code, got)
		}
		for _, u := range is[[]any](t, got["users"]) {
			emails = append(emails, is[string](t, is[map[string]any](t, u)["email"]))
		}
		return emails, is[string](t, got["next_page_token"])
	}
	first, next := page("")
	second, last := page(next)
	third, end := page(last)
	all := append(append(first, second...), third...)
	want := []string{owner, admin, "p0@acme.example", "p1@acme.example", "p2@acme.example", "p3@acme.example", "p4@acme.example"}
	if diff := cmp.Diff(want, all); diff != "" || end != "" {
		t.Errorf("%s, then %q", diff, end)
	}
	if w, _ := a.call("GET", "/users?page_size=2&next_page_token="+url.QueryEscape(next), ""); w.Code != 400 {
		t.Errorf("a token with another query: got %d, want 400", w.Code)
	}
	a.Inject(wire.Fault{Kind: wire.PageShift})
	if shifted, _ := page(next); shifted[0] != "p0@acme.example" {
		t.Errorf("shifted: got %v, want one repeated", shifted)
	}
	a.pass(15 * time.Minute)
	if w, got := a.call("GET", "/users?page_size=3&next_page_token="+url.QueryEscape(next), ""); w.Code != 400 || got["code"] != 300.0 {
		t.Errorf("a token of 15 minutes: got %d %v", w.Code, got)
	}
}

func TestThreeListings(t *testing.T) {
	t.Parallel()
	a := peopled(t, zoom.Settings{})
	for status, want := range map[string][]string{"inactive": {gone}, "pending": {pia}} {
		_, got := a.call("GET", "/users?status="+status, "")
		var emails []string
		for _, u := range is[[]any](t, got["users"]) {
			m := is[map[string]any](t, u)
			emails = append(emails, is[string](t, m["email"]))
			if _, has := m["id"]; has == (status == "pending") {
				t.Errorf("%s: id is there: %v", status, has)
			}
		}
		if diff := cmp.Diff(want, emails); diff != "" {
			t.Errorf("%s: %s", status, diff)
		}
	}
	if _, got := a.call("GET", "/users", ""); got["total_records"] != 10.0 {
		t.Errorf("active: got %v, want 10", got["total_records"])
	}
	if _, got := a.call("GET", "/users/E-1042?search_by_unique_id=true", ""); got["email"] != mara {
		t.Errorf("by employee id: got %v", got)
	}
	for email, want := range map[string]bool{mara: false, other: false} {
		if _, got := a.call("GET", "/users/email?email="+email, ""); got["existed_email"] != want {
			t.Errorf("%s: got %v, want %v", email, got, want)
		}
	}
}

func TestReadsLagBehindWrites(t *testing.T) {
	t.Parallel()
	a := open(t, zoom.Settings{ReadLag: 2 * time.Second})
	a.call("POST", "/users", user("ssoCreate", ""))
	if w, _ := a.call("GET", "/users/new@acme.example", ""); w.Code != 404 {
		t.Errorf("at once: got %d, want the write unseen", w.Code)
	}
	if w, _ := a.call("PATCH", "/users/new@acme.example", `{"dept":"A"}`); w.Code != 204 {
		t.Errorf("a write meanwhile: got %d", w.Code)
	}
	a.pass(2 * time.Second)
	if _, got := a.call("GET", "/users/new@acme.example", ""); got["dept"] != "A" {
		t.Errorf("after the lag: got %v", got)
	}
}

func TestOtherTenantAndReset(t *testing.T) {
	t.Parallel()
	a := peopled(t, zoom.Settings{})
	a.Inject(wire.Fault{Kind: wire.OtherTenant, Method: "GET", Path: "/users/*"})
	if w, _ := a.call("GET", "/users/mara", ""); w.Code != 404 {
		t.Errorf("our user at the other tenant: got %d", w.Code)
	}
	_, got := a.call("GET", "/users/owner@umbrella.example", "")
	if got["account_id"] == zoom.DemoAccountID || got["account_id"] != a.AccountID() {
		t.Errorf("account: got %v", got["account_id"])
	}
	a.Reset()
	a.signIn()
	if w, _ := a.call("GET", "/users/owner@acme.example", ""); w.Code != 200 || len(a.Users()) != 2 {
		t.Errorf("after a reset: got %d and %d users", w.Code, len(a.Users()))
	}
}
