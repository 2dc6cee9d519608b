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

// row is a line of a table: a call and how it is refused.
type row struct {
	name         string
	set          zoom.Settings
	method, path string
	body         string
	status, code int
	message      string // part of the message or of the errors
}

// refused runs a table: each call gets its code and changes nothing.
func refused(t *testing.T, rows []row) {
	t.Helper()
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := peopled(t, tt.set)
			before := a.Users()
			w, got := a.call(tt.method, tt.path, tt.body)
			if w.Code != tt.status {
				t.Errorf("status: got %d, want %d", w.Code, tt.status)
			}
			if got := is[float64](t, got["code"]); got != float64(tt.code) {
				t.Errorf("code: got %v, want %d", got, tt.code)
			}
			if !strings.Contains(w.Body.String(), tt.message) {
				t.Errorf("body: got %s, want it to contain %s", w.Body, tt.message)
			}
			if diff := cmp.Diff(before, a.Users(), cmp.AllowUnexported(zoom.User{})); diff != "" {
				t.Errorf("a refused call changed the state: %s", diff)
			}
			if got := a.Writes(); len(got) != 0 {
				t.Errorf("writes: got %v, want none", got)
			}
		})
	}
}

func user(action, more string) string {
	return `{"action":"` + action + `","user_info":{"email":"new@acme.example","type":1` + more + `}}`
}

func TestCreateRefusals(t *testing.T) {
	t.Parallel()
	const p = "/users"
	long, chinese := strings.Repeat("x", 65), "一二三四五六"
	refused(t, []row{
		{"nothing", zoom.Settings{}, "POST", p, `{}`, 400, 300, `{"code":300,"errors":[{"field":"action","message":"Invalid field."},{"field":"user_info","message":"Invalid field."}],"message":"Validation Failed."}`},
		{"no JSON", zoom.Settings{}, "POST", p, `x`, 400, 300, ``},
		{"no e-mail", zoom.Settings{}, "POST", p, `{"action":"create","user_info":{"type":1}}`, 400, 300, `"user_info.email"`},
		{"no type", zoom.Settings{}, "POST", p, `{"action":"create","user_info":{"email":"new@acme.example"}}`, 400, 300, `"user_info.type"`},
		{"an unknown action", zoom.Settings{}, "POST", p, user("make", ""), 400, 300, `"action"`},
		{"type 3", zoom.Settings{}, "POST", p, `{"action":"create","user_info":{"email":"new@acme.example","type":3}}`, 400, 300, `"user_info.type"`},
		{"type 99 by invitation", zoom.Settings{}, "POST", p, `{"action":"create","user_info":{"email":"new@acme.example","type":99}}`, 400, 300, `"user_info.type"`},
		{"type as text", zoom.Settings{}, "POST", p, `{"action":"create","user_info":{"email":"new@acme.example","type":"1"}}`, 400, 300, `"user_info.type"`},
		{"a bad e-mail", zoom.Settings{}, "POST", p, `{"action":"create","user_info":{"email":"new","type":1}}`, 400, 300, `"user_info.email"`},
		{"a long e-mail", zoom.Settings{}, "POST", p, `{"action":"create","user_info":{"email":"` + strings.Repeat("x", 120) + `@acme.example","type":1}}`, 400, 300, `"user_info.email"`},
		{"a long first name", zoom.Settings{}, "POST", p, user("create", `,"first_name":"`+long+`"`), 400, 300, `"user_info.first_name"`},
		{"six Chinese characters", zoom.Settings{}, "POST", p, user("create", `,"last_name":"`+chinese+`"`), 400, 300, `"user_info.last_name"`},
		{"a long display name", zoom.Settings{}, "POST", p, user("create", `,"display_name":"`+long+long+`"`), 400, 300, `"user_info.display_name"`},
		{"two divisions", zoom.Settings{}, "POST", p, user("create", `,"division_ids":["a","b"]`), 400, 300, `"user_info.division_ids"`},
		{"an unknown plan number", zoom.Settings{}, "POST", p, user("create", `,"feature":{"zoom_one_type":7}`), 400, 300, `"user_info.feature.zoom_one_type"`},
		{"a plan as number", zoom.Settings{}, "POST", p, user("create", `,"plan_united_type":1`), 400, 300, `"user_info.plan_united_type"`},
		{"three subscriptions", zoom.Settings{}, "POST", p, user("create", `,"license_info_list":[{},{},{}]`), 400, 300, `"user_info.license_info_list"`},
		{"a password by invitation", zoom.Settings{}, "POST", p, user("create", `,"password":"if42!LfH@"`), 400, 300, `Invalid parameter: password`},
		{"autoCreate without a password", zoom.Settings{AutoCreate: true}, "POST", p, user("autoCreate", ""), 400, 300, `"user_info.password"`},
		{"autoCreate with a run", zoom.Settings{AutoCreate: true}, "POST", p, user("autoCreate", `,"password":"Abcd1234"`), 400, 300, `"user_info.password"`},
		{"autoCreate with no capital", zoom.Settings{AutoCreate: true}, "POST", p, user("autoCreate", `,"password":"if42!lfh@"`), 400, 300, `"user_info.password"`},
		{"autoCreate not allowed", zoom.Settings{}, "POST", p, user("autoCreate", `,"password":"if42!LfH@"`), 400, 200, `No permission.`},
		{"autoCreate elsewhere", zoom.Settings{AutoCreate: true, ManagedDomains: []string{}}, "POST", p, user("autoCreate", `,"password":"if42!LfH@"`), 400, 200, `No permission.`},
		{"custCreate not allowed", zoom.Settings{}, "POST", p, user("custCreate", ""), 400, 200, `No privilege.`},
		{"ssoCreate without SSO", zoom.Settings{NoSSO: true}, "POST", p, user("ssoCreate", ""), 400, 2002, ``},
		{"ssoCreate not permitted", zoom.Settings{NoPreprovision: true}, "POST", p, user("ssoCreate", ""), 400, 2032, ``},
		{"a forbidden word", zoom.Settings{ForbiddenWords: []string{"zoom"}}, "POST", p, user("ssoCreate", `,"first_name":"Zoomer"`), 400, 300, `contains an invalid word: Zoomer.`},
		{"used", zoom.Settings{}, "POST", p, strings.Replace(user("ssoCreate", ""), "new@acme.example", strings.ToUpper(mara), 1), 409, 1005, `has already been used.`},
		{"used by a pending one", zoom.Settings{}, "POST", p, strings.Replace(user("create", ""), "new@acme.example", pia, 1), 409, 1005, `has already been used.`},
		{"in another account", zoom.Settings{}, "POST", p, strings.Replace(user("ssoCreate", ""), "new@acme.example", other, 1), 400, 1009, `already holds an active account.`},
		{"a blocked domain", zoom.Settings{BlockedDomains: []string{"acme.example"}}, "POST", p, user("create", ""), 400, 1107, `Email domain is blocked.`},
		{"outside the permitted domains", zoom.Settings{PermittedDomains: []string{"b.example"}}, "POST", p, user("create", ""), 400, 1116, ``},
		{"a distrusted domain", zoom.Settings{DistrustedDomain: []string{"acme.example"}}, "POST", p, user("create", ""), 400, 11321, ``},
		{"a special account", zoom.Settings{CreateRefusal: 2035}, "POST", p, user("create", ""), 400, 2035, ``},
		{"no Basic seat", zoom.Settings{Seats: map[string]int{"basic": 4}}, "POST", p, user("create", ""), 400, 2033, `maximum basic user limit`},
		{"no Basic seat, the other code", zoom.Settings{Seats: map[string]int{"basic": 4}, SeatCode: 3412}, "POST", p, user("create", ""), 400, 3412, ``},
		{"no paid seat", zoom.Settings{Seats: map[string]int{"licensed": 6}}, "POST", p, strings.Replace(user("ssoCreate", ""), `"type":1`, `"type":2`, 1), 400, 2034, `permitted maximum number of 6 users`},
		{"no phone", zoom.Settings{Seats: map[string]int{"basic": 99}}, "POST", p, user("ssoCreate", `,"feature":{"zoom_phone":true}`), 404, 1102, `Zoom Phone`},
	})
}

func TestUpdateRefusals(t *testing.T) {
	t.Parallel()
	p := func(email string) string { return "/users/" + email }
	x := func(n int) string { return strings.Repeat("x", n) }
	refused(t, []row{
		{"a stranger", zoom.Settings{}, "PATCH", p("x@acme.example"), `{"dept":"A"}`, 404, 1001, `User does not exist: x@acme.example.`},
		{"an ended invitation", zoom.Settings{}, "PATCH", p(late), `{"dept":"A"}`, 400, 1120, `valid invitation`},
		{"a long name", zoom.Settings{}, "PATCH", p(jon), `{"last_name":"` + x(65) + `"}`, 400, 300, `"last_name"`},
		{"a long job title", zoom.Settings{}, "PATCH", p(jon), `{"job_title":"` + x(129) + `"}`, 400, 300, `"job_title"`},
		{"a long company", zoom.Settings{}, "PATCH", p(jon), `{"company":"` + x(256) + `"}`, 400, 300, `"company"`},
		{"a long location", zoom.Settings{}, "PATCH", p(jon), `{"location":"` + x(257) + `"}`, 400, 300, `"location"`},
		{"a number as dept", zoom.Settings{}, "PATCH", p(jon), `{"dept":7}`, 400, 300, `"dept"`},
		{"null", zoom.Settings{}, "PATCH", p(jon), `{"dept":null}`, 400, 300, `"dept"`},
		{"a bad timezone", zoom.Settings{}, "PATCH", p(jon), `{"timezone":"GMT +1"}`, 400, 300, `"timezone"`},
		{"a bad address as manager", zoom.Settings{}, "PATCH", p(jon), `{"manager":"a@b@c"}`, 400, 300, `"manager"`},
		{"four phones", zoom.Settings{}, "PATCH", p(jon), `{"phone_numbers":[{},{},{},{}]}`, 400, 300, `"phone_numbers"`},
		{"a pager", zoom.Settings{}, "PATCH", p(jon), `{"phone_numbers":[{"country":"AT","code":"+43","number":"1","label":"Pager"}]}`, 400, 300, `"phone_numbers.label"`},
		{"a custom attribute nobody defined", zoom.Settings{}, "PATCH", p(jon), `{"custom_attributes":[{"key":"a","name":"A","value":"1"}]}`, 400, 300, `"custom_attributes.key"`},
		{"HTML", zoom.Settings{}, "PATCH", p(jon), `{"about_me":"<b>me</b>"}`, 400, 300, `"about_me"`},
		{"another network", zoom.Settings{}, "PATCH", p(jon), `{"linkedin_url":"https://x.example/me"}`, 400, 300, `"linkedin_url"`},
		{"a forbidden word", zoom.Settings{ForbiddenWords: []string{"admin"}}, "PATCH", p(jon), `{"display_name":"The Admin"}`, 400, 300, `invalid word`},
		{"a short host key", zoom.Settings{}, "PATCH", p(mara), `{"host_key":"12345"}`, 400, 300, `"host_key"`},
		{"a short PMI", zoom.Settings{}, "PATCH", p(mara), `{"pmi":123}`, 400, 300, `"pmi"`},
		{"a vanity name for Basic", zoom.Settings{}, "PATCH", p(jon), `{"vanity_name":"jon"}`, 400, 1109, ``},
		{"type and plan at once", zoom.Settings{}, "PATCH", p(jon), `{"type":2,"zoom_one_type":16}`, 400, 300, `at the same time`},
		{"two plans at once", zoom.Settings{}, "PATCH", p(jon), `{"plan_united_type":"1","zoom_one_type":16}`, 400, 300, `at the same time`},
		{"Basic before an event", zoom.Settings{}, "PATCH", p(host), `{"type":1}`, 400, 300, `upcoming Zoom Events`},
		{"a Room made Basic", zoom.Settings{}, "PATCH", p(room), `{"type":1}`, 400, 200, `free user type`},
		{"a Room without meetings", zoom.Settings{}, "PATCH", p(room), `{"type":4}`, 400, 200, `no-meeting-license`},
		{"type locked", zoom.Settings{TypeLocked: true}, "PATCH", p(jon), `{"type":2}`, 400, 1108, ``},
		{"no paid seat", zoom.Settings{Seats: map[string]int{"licensed": 6, "basic": 9}}, "PATCH", p(jon), `{"type":2}`, 400, 2034, ``},
		{"no Basic seat", zoom.Settings{Seats: map[string]int{"licensed": 9, "basic": 4}}, "PATCH", p(lead), `{"type":1}`, 400, 2033, ``},
		{"no group", zoom.Settings{}, "PATCH", p(pia), `{"group_id":"x"}`, 404, 4130, ``},
		{"e-mail to a foreign domain", zoom.Settings{}, "PUT", p(jon) + "/email", `{"email":"jon@elsewhere.example"}`, 400, 300, `managed domain`},
		{"e-mail without a managed domain", zoom.Settings{ManagedDomains: []string{}}, "PUT", p(jon) + "/email", `{"email":"jon2@acme.example"}`, 400, 300, `managed domain`},
		{"e-mail in use", zoom.Settings{}, "PUT", p(jon) + "/email", `{"email":"` + mara + `"}`, 409, 1005, ``},
		{"e-mail of an admin", zoom.Settings{}, "PUT", p(admin) + "/email", `{"email":"a2@acme.example"}`, 400, 1000, `Admin can not change other admins email.`},
		{"e-mail of a stranger", zoom.Settings{}, "PUT", p("x@acme.example") + "/email", `{"email":"a2@acme.example"}`, 404, 1001, ``},
		{"an unknown status", zoom.Settings{}, "PUT", p(jon) + "/status", `{"action":"suspend"}`, 400, 300, `"action"`},
		{"deactivate an admin", zoom.Settings{}, "PUT", p(admin) + "/status", `{"action":"deactivate"}`, 400, 200, `Zoom Room and Admin users`},
		{"deactivate the owner", zoom.Settings{}, "PUT", p(owner) + "/status", `{"action":"deactivate"}`, 400, 200, ``},
		{"deactivate a Room", zoom.Settings{}, "PUT", p(room) + "/status", `{"action":"deactivate"}`, 400, 200, ``},
		{"deactivate before an event", zoom.Settings{}, "PUT", p(host) + "/status", `{"action":"deactivate"}`, 400, 300, `upcoming Zoom Events`},
		{"activate without a seat", zoom.Settings{Seats: map[string]int{"basic": 4}}, "PUT", p(gone) + "/status", `{"action":"activate"}`, 400, 3412, `"Basic`},
		{"activate without a seat, the other code", zoom.Settings{Seats: map[string]int{"basic": 4}, SeatCode: 2033}, "PUT", p(gone) + "/status", `{"action":"activate"}`, 400, 2033, ``},
		{"deactivate twice, if refused", zoom.Settings{RepeatStatusRefused: true}, "PUT", p(gone) + "/status", `{"action":"deactivate"}`, 400, 200, ``},
		{"status of a stranger", zoom.Settings{}, "PUT", p("x@acme.example") + "/status", `{"action":"deactivate"}`, 404, 1001, ``},
		{"sign out a stranger", zoom.Settings{}, "DELETE", p("x@acme.example") + "/token", ``, 404, 1001, ``},
		{"an admin's password", zoom.Settings{}, "PUT", p(admin) + "/password", `{"password":"if42!LfH@"}`, 400, 1117, ``},
		{"a password for SSO", zoom.Settings{}, "PUT", p(jon) + "/password", `{"password":"if42!LfH@"}`, 400, 1123, ``},
	})
}

func TestDeleteRefusals(t *testing.T) {
	t.Parallel()
	p := func(email, query string) string { return "/users/" + email + "?" + query }
	refused(t, []row{
		{"a stranger", zoom.Settings{}, "DELETE", p("x@acme.example", "action=delete"), ``, 404, 1001, `User does not exist: x@acme.example.`},
		{"an ended invitation", zoom.Settings{}, "DELETE", p(late, ""), ``, 400, 1120, ``},
		{"an unknown action", zoom.Settings{}, "DELETE", p(jon, "action=remove"), ``, 400, 300, `"action"`},
		{"a transfer of maybe", zoom.Settings{}, "DELETE", p(jon, "transfer_meeting=maybe"), ``, 400, 300, `"transfer_meeting"`},
		{"the same target", zoom.Settings{}, "DELETE", p(mara, "action=delete&transfer_email="+mara), ``, 400, 300, `cannot be the same as`},
		{"an API user unlinked", zoom.Settings{}, "DELETE", p(bot, ""), ``, 400, 300, `Unable to unlink API user(s).`},
		{"events and no target", zoom.Settings{}, "DELETE", p(host, "action=delete"), ``, 400, 300, `do not specify a target user`},
		{"events and a target without", zoom.Settings{}, "DELETE", p(host, "action=delete&transfer_email="+lead), ``, 400, 300, `does not have a Zoom Events license`},
		{"recordings to Basic", zoom.Settings{}, "DELETE", p(mara, "action=delete&transfer_recording=true&transfer_email="+jon), ``, 400, 300, `does not have a Licensed or higher license`},
		{"webinars to one without", zoom.Settings{}, "DELETE", p(mara, "action=delete&transfer_webinar=true&transfer_email="+jon), ``, 400, 300, `does not have a Webinar or higher license`},
		{"webinars to a smaller licence", zoom.Settings{}, "DELETE", p(lead, "action=delete&transfer_webinar=true&transfer_email="+mara), ``, 400, 300, `or higher license`},
		{"to a stranger", zoom.Settings{}, "DELETE", p(mara, "action=delete&transfer_email=x@acme.example"), ``, 400, 300, `"transfer_email"`},
		{"to the deactivated", zoom.Settings{}, "DELETE", p(mara, "action=delete&transfer_email="+gone), ``, 400, 300, `"transfer_email"`},
		{"to a stranger, as 404", zoom.Settings{MissingTargetIs404: true}, "DELETE", p(mara, "action=delete&transfer_email=x@acme.example"), ``, 404, 1001, `x@acme.example`},
		{"of another account", zoom.Settings{}, "DELETE", p(other, "action=delete"), ``, 400, 200, `Cannot delete a user out of your account.`},
		{"a Room", zoom.Settings{}, "DELETE", p(room, "action=delete"), ``, 400, 200, `Cannot delete a Zoom Rooms user.`},
		{"the owner", zoom.Settings{}, "DELETE", p(owner, "action=delete"), ``, 400, 200, ``},
		{"the deactivated, refused", zoom.Settings{RefuseDeleteSuspended: true}, "DELETE", p(gone, "action=delete"), ``, 400, 200, `Unable to delete this deactivated user. Please contact Zoom support`},
		{"a call-queue manager", zoom.Settings{}, "DELETE", p(ops, "action=delete"), ``, 400, 1000, `Call-queue manager`},
		{"a managed domain disassociated", zoom.Settings{}, "DELETE", p(jon, ""), ``, 400, 1107, `You can not disassociate a user with managed domain.`},
		{"an admin disassociated", zoom.Settings{}, "DELETE", p(admin, "action=disassociate"), ``, 400, 1117, `You can not disassociate an Admin user.`},
		{"an invitation deleted", zoom.Settings{}, "DELETE", p(pia, "action=delete"), ``, 400, 300, `"action"`},
	})
}

func TestOtherRefusals(t *testing.T) {
	t.Parallel()
	settings := func(email string) string { return "/users/" + email + "/settings" }
	refused(t, []row{
		{"settings of a pending user", zoom.Settings{}, "GET", settings(pia), ``, 400, 1000, `still in pending state`},
		{"settings changed of a pending user", zoom.Settings{}, "PATCH", settings(pia), `{"feature":{}}`, 400, 1000, `still in pending state`},
		{"settings of a stranger", zoom.Settings{}, "PATCH", settings("x@acme.example"), `{}`, 404, 1001, ``},
		{"settings of an ended invitation", zoom.Settings{}, "GET", settings(late), ``, 400, 1120, ``},
		{"large meeting for Basic", zoom.Settings{}, "PATCH", settings(jon), `{"feature":{"large_meeting":true}}`, 400, 1108, ``},
		{"webinar for Basic", zoom.Settings{}, "PATCH", settings(jon), `{"feature":{"webinar":true}}`, 400, 1122, ``},
		{"events for Basic", zoom.Settings{}, "PATCH", settings(jon), `{"feature":{"zoom_events":true}}`, 400, 1206, ``},
		{"webinar beside events", zoom.Settings{}, "PATCH", settings(host), `{"feature":{"webinar":true}}`, 400, 1204, ``},
		{"events beside webinar", zoom.Settings{}, "PATCH", settings(mara), `{"feature":{"zoom_events":true}}`, 400, 1205, ``},
		{"events away before an event", zoom.Settings{}, "PATCH", settings(host), `{"feature":{"zoom_events":false}}`, 400, 300, ``},
		{"no webinar seat", zoom.Settings{Seats: map[string]int{"webinar:500": 1, "licensed": 9}}, "PATCH", settings(owner), `{"feature":{"webinar":true,"webinar_capacity":500}}`, 400, 200, `You can add max 1 Webinar 500 users.`},
		{"a capacity that is not sold", zoom.Settings{}, "PATCH", settings(mara), `{"feature":{"webinar_capacity":7}}`, 400, 300, `"feature.webinar_capacity"`},
		{"features of an unknown kind", zoom.Settings{}, "POST", "/users/features", `{"feature_type":"phone","feature_value":"1","users":[]}`, 400, 300, `"feature_type"`},
		{"features with a number", zoom.Settings{}, "POST", "/users/features", `{"feature_type":"webinar","feature_value":1,"users":[]}`, 400, 300, `"feature_value"`},
		{"features of 31 users", zoom.Settings{}, "POST", "/users/features", `{"feature_type":"webinar","feature_value":"1","users":[` + strings.Repeat(`{"id":"x"},`, 30) + `{"id":"x"}]}`, 400, 300, `"users"`},
		{"features on a free account", zoom.Settings{Plan: "free"}, "POST", "/users/features", `{"feature_type":"webinar","feature_value":"1","users":[]}`, 400, 200, ``},
		{"an unknown group", zoom.Settings{}, "GET", "/groups/x", ``, 404, 4130, ``},
		{"a group of another account", zoom.Settings{ForeignGroups: []string{"x"}}, "DELETE", "/groups/x/members/jon", ``, 400, 1010, ``},
		{"an unknown group's members", zoom.Settings{}, "GET", "/groups/x/members", ``, 404, 4130, ``},
		{"members into an unknown group", zoom.Settings{}, "POST", "/groups/x/members", `{"members":[]}`, 404, 4130, ``},
		{"a group without a name", zoom.Settings{}, "POST", "/groups", `{}`, 400, 300, `"name"`},
		{"a group with a long name", zoom.Settings{}, "POST", "/groups", `{"name":"` + strings.Repeat("x", 128) + `"}`, 400, 300, `"name"`},
		{"groups on a free account", zoom.Settings{Plan: "free"}, "GET", "/groups", ``, 400, 200, `Only available for Paid account.`},
		{"somebody made owner", zoom.Settings{}, "POST", "/roles/0/members", `{"members":[{"id":"jon"}]}`, 400, 300, `Normal/Owner roles`},
		{"somebody made member", zoom.Settings{}, "POST", "/roles/2/members", `{"members":[{"id":"jon"}]}`, 400, 300, `Normal/Owner roles`},
		{"the owner made admin", zoom.Settings{}, "POST", "/roles/1/members", `{"members":[{"email":"` + owner + `"}]}`, 400, 300, `Normal/Owner roles`},
		{"an unknown role", zoom.Settings{}, "POST", "/roles/9/members", `{"members":[]}`, 400, 1034, ``},
		{"an unknown role's members", zoom.Settings{}, "GET", "/roles/9/members", ``, 400, 1034, ``},
		{"a role somebody has not", zoom.Settings{}, "DELETE", "/roles/1/members/jon", ``, 404, 1001, ``},
		{"an assistant for Basic", zoom.Settings{}, "POST", "/users/jon/assistants", `{"assistants":[{"email":"` + lead + `"}]}`, 400, 200, `must either be a Licensed`},
		{"a Basic assistant", zoom.Settings{}, "POST", "/users/mara/assistants", `{"assistants":[{"email":"` + jon + `"}]}`, 400, 200, `must either be a Licensed`},
		{"a page too large", zoom.Settings{}, "GET", "/users?page_size=2001", ``, 400, 300, `"page_size"`},
		{"groups: a page too large", zoom.Settings{}, "GET", "/groups?page_size=301", ``, 400, 300, `"page_size"`},
		{"an unknown status", zoom.Settings{}, "GET", "/users?status=all", ``, 400, 300, `"status"`},
		{"a made-up page token", zoom.Settings{}, "GET", "/users?next_page_token=x", ``, 400, 300, `The next page token is invalid or expired.`},
		{"a stranger read", zoom.Settings{}, "GET", "/users/x@acme.example", ``, 404, 1001, `{"code":1001,"message":"User does not exist: x@acme.example."}`},
		{"me", zoom.Settings{}, "GET", "/users/me", ``, 404, 1001, ``},
		{"an ended invitation read", zoom.Settings{}, "GET", "/users/" + late, ``, 400, 1120, ``},
		{"another account's seats", zoom.Settings{}, "GET", "/accounts/x/plans/usage", ``, 404, 2001, ``},
		{"managed domains of a plain account", zoom.Settings{}, "GET", "/accounts/me/managed_domains", ``, 400, 200, ``},
		{"no such call", zoom.Settings{}, "GET", "/meetings", ``, 400, 2300, `not recognized`},
		{"the API closed", zoom.Settings{APIClosed: true}, "GET", "/users", ``, 403, 403, ``},
		{"a missing scope", zoom.Settings{Scopes: []string{"user:read:list_users:admin"}}, "GET", "/users/jon", ``, 400, 4711, `does not contain scopes:[user:read:user:admin].`},
		{"a missing scope, the other code", zoom.Settings{Scopes: []string{"user:read:list_users:admin"}, ScopeCode: 4700}, "GET", "/roles", ``, 400, 4700, `does not contain`},
	})
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

func TestRates(t *testing.T) {
	t.Parallel()
	a := open(t, zoom.Settings{Plan: "free"})
	for i := range 4 {
		w, _ := a.call("GET", "/users/email?email=x", "")
		if w.Code != 200 || w.Header().Get("X-RateLimit-Remaining") != fmt.Sprint(3-i) || w.Header().Get("X-RateLimit-Category") != "Light" {
			t.Fatalf("call %d: got %d %v", i, w.Code, w.Header())
		}
	}
	w, got := a.call("GET", "/users/email?email=x", "")
	if w.Code != 429 || got["code"] != 429.0 || w.Header().Get("X-RateLimit-Type") != "QPS" || w.Header().Get("Retry-After") != "" ||
		w.Header().Get("X-RateLimit-Reset") != fmt.Sprint(a.now().Add(time.Second).Unix()) {
		t.Errorf("fifth: got %d %v %v", w.Code, got, w.Header())
	}
	if w, _ := a.call("GET", "/users", ""); w.Code != 200 || w.Header().Get("X-RateLimit-Limit") != "2" {
		t.Errorf("another class: got %d %v", w.Code, w.Header())
	}
	for range 2000 - 1 {
		a.pass(time.Second)
		if a.now().Sub(time.Date(2026, 5, 4, 8, 30, 0, 0, time.UTC)) > 50*time.Minute {
			t.Fatal("the token must live as long as this test")
		}
		a.call("GET", "/users?page_size=1", "")
	}
	a.pass(time.Second)
	w, _ = a.call("GET", "/users", "")
	if w.Code != 429 || w.Header().Get("X-RateLimit-Type") != "Daily-limit" || w.Header().Get("Retry-After") != "2026-05-05T00:00:00Z" {
		t.Errorf("the 2001st of the day: got %d %v", w.Code, w.Header())
	}
}

func TestInvitationCap(t *testing.T) {
	t.Parallel()
	a := open(t, zoom.Settings{Plan: "free"})
	for i := range 51 {
		a.pass(time.Second)
		w, _ := a.call("POST", "/users", fmt.Sprintf(`{"action":"create","user_info":{"email":"p%d@acme.example","type":1}}`, i))
		if want := map[bool]int{true: 201, false: 429}[i < 50]; w.Code != want {
			t.Fatalf("invitation %d: got %d, want %d", i+1, w.Code, want)
		}
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	good := "grant_type=account_credentials&account_id=" + zoom.DemoAccountID
	tests := []struct {
		name          string
		set           zoom.Settings
		form, query   string
		secret        string
		status        int
		reason, error string
	}{
		{"in the form", zoom.Settings{}, good, "", "", 200, "", ""},
		{"in the query", zoom.Settings{}, "", good, "", 200, "", ""},
		{"a wrong secret", zoom.Settings{}, good, "", "x", 400, "Invalid client_id or client_secret", "invalid_client"},
		{"no client", zoom.Settings{}, good, "", "none", 401, "Invalid client_id or client_secret", "invalid_client"},
		{"a wrong account", zoom.Settings{}, "grant_type=account_credentials&account_id=x", "", "", 400, "Account does not exist", "invalid_request"},
		{"a wrong grant type", zoom.Settings{}, "grant_type=client_credentials", "", "", 400, "unsupported grant type", "unsupported_grant_type"},
		{"not such an app", zoom.Settings{NotServerToServer: true}, good, "", "", 400, "unsupported grant type", "unsupported_grant_type"},
		{"type not allowed", zoom.Settings{AppTypeOff: true}, good, "", "", 400, "Account does not enabled the OAuth app type", "invalid_request"},
		{"an old refresh token", zoom.Settings{}, "grant_type=refresh_token&refresh_token=x", "", "", 400, "Invalid refresh token", "invalid_grant"},
		{"a bad code", zoom.Settings{}, "grant_type=authorization_code&code=x&redirect_uri=y", "", "", 400, "Invalid authorization code", "invalid_grant"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, zoom.Settings{})
			a.Configure(func(s *zoom.Settings) { *s = tt.set })
			secret := tt.secret
			if secret == "" {
				secret = zoom.DemoClientSecret
			}
			w, got := a.send("POST", "/oauth/token?"+tt.query, tt.form, func(r *http.Request) {
				if secret != "none" {
					r.SetBasicAuth(zoom.DemoClientID, secret)
				}
			})
			if w.Code != tt.status {
				t.Errorf("status: got %d, want %d", w.Code, tt.status)
			}
			if tt.status == 200 {
				if got["expires_in"] != 3600.0 || got["token_type"] != "bearer" || !strings.Contains(is[string](t, got["scope"]), "user:write:user:admin") || got["refresh_token"] != nil {
					t.Errorf("got %v", got)
				}
				return
			}
			if got["reason"] != tt.reason || got["error"] != tt.error {
				t.Errorf("got %v, want %s, %s", got, tt.reason, tt.error)
			}
		})
	}
}

func TestTokensEnd(t *testing.T) {
	t.Parallel()
	a := open(t, zoom.Settings{})
	ended := func(name, message string, status int) {
		t.Helper()
		w, got := a.call("GET", "/users", "")
		if w.Code != status || got["code"] != 124.0 || got["message"] != message {
			t.Errorf("%s: got %d %v", name, w.Code, got)
		}
	}
	a.pass(time.Hour)
	ended("after an hour", "Access token is expired.", 401)
	a.signIn()
	first := a.token
	a.signIn()
	a.token = first
	if w, _ := a.call("GET", "/users", ""); w.Code != 200 {
		t.Errorf("a former token: got %d, want both to live", w.Code)
	}
	a.Configure(func(s *zoom.Settings) { s.NewTokenEndsFormer, s.TokenStatus400 = true, true })
	a.signIn()
	a.token = first
	ended("ended by a new one", "Invalid access token.", 400)
	a.signIn()
	a.Inject(wire.Fault{Kind: wire.ExpiredToken})
	ended("by fault", "Access token is expired.", 400)
	a.signIn()
	if w, _ := a.call("GET", "/users", ""); w.Code != 200 {
		t.Errorf("a new token: got %d", w.Code)
	}
	a.Inject(wire.Fault{Kind: wire.Revoked})
	ended("revoked", "Invalid access token.", 400)
	if w, got := a.grant("grant_type=account_credentials&account_id="+zoom.DemoAccountID, ""); w.Code != 400 || got["error"] != "invalid_client" {
		t.Errorf("revoked: got %d %v", w.Code, got)
	}
}

func TestUserInstalledApp(t *testing.T) {
	t.Parallel()
	a := open(t, zoom.Settings{})
	_, first := a.grant("grant_type=authorization_code&redirect_uri=y&code="+a.IssueCode(), "")
	refresh := "grant_type=refresh_token&refresh_token=" + is[string](t, first["refresh_token"])
	_, second := a.grant(refresh, "")
	if second["refresh_token"] == nil || second["refresh_token"] == first["refresh_token"] {
		t.Errorf("got %v, want a new refresh token", second)
	}
	if w, got := a.grant(refresh, ""); w.Code != 400 || got["code"] != 4737.0 {
		t.Errorf("the former one: got %d %v", w.Code, got)
	}
	code := a.IssueCode()
	a.pass(5 * time.Minute)
	if w, got := a.grant("grant_type=authorization_code&redirect_uri=y&code="+code, ""); w.Code != 400 || got["code"] != 4733.0 {
		t.Errorf("an old code: got %d %v", w.Code, got)
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
