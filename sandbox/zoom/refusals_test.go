package zoom_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/sandbox/zoom"
)

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
