package zoom

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/adapters"
)

func ptr(s string) *string { return &s }

func TestFindShowsTheWholeAccount(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/mara.lindt@acme.example", ok(mara)).on("GET /groups?page_size=300", ok(groupList)).
		on("GET /users/U1/settings", ok(`{"feature":{"webinar":true,"webinar_capacity":500,"meeting_capacity":300}}`))
	got, err := s.open().Find(t.Context(), adapters.Probe{Email: "Mara.Lindt@ACME.example"})
	s.none(err)
	want := adapters.Account{
		ID: "U1", Email: "mara.lindt@acme.example", State: adapters.Active, Role: RoleMember, Licence: Licensed, Teams: []string{"Support"},
		Attributes: map[string]string{
			"first_name": "Mara", "last_name": "Lindt", "display_name": "Mara Lindt", "dept": "Support", "timezone": "Europe/Vienna",
			"job_title": "", "company": "", "cost_center": "", "manager": "", "location": "", "language": "",
			"phone": "", "mobile": "", "home_phone": "", "fax": "",
		},
		Extra: json.RawMessage(`{"type":2,"features":{"webinar":true,"webinar_capacity":500}}`),
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestFindWithoutSettingsScopeStillFinds(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(maraAdmin)).
		on("GET /users/U1/settings", refuse(400, 4711, "Invalid access token, does not contain scopes:[user:read:settings:admin]."))
	got, err := s.open().Find(t.Context(), adapters.Probe{ID: "U1"})
	s.none(err)
	if !got.Admin || string(got.Extra) != `{"type":2}` {
		t.Errorf("got admin %t and extra %s, want an admin with the type kept", got.Admin, got.Extra)
	}
}

func TestInvitationGoesByItsAddressUntilAccepted(t *testing.T) {
	t.Parallel()
	const call = "GET /users/mara.lindt@acme.example"
	s := newStub(t).on(call, ok(maraPending), ok(maraAdmin), refuse(400, 1120, "A valid invitation was not found.")).
		on("GET /users/U1/settings", ok(`{}`))
	z := s.open()
	a, err := z.Find(t.Context(), adapters.Probe{Email: "mara.lindt@acme.example"})
	s.none(err)
	if a.ID != "mara.lindt@acme.example" || a.State != adapters.Invited || a.Extra != nil || a.Teams != nil {
		t.Errorf("got %+v, want an invitation by its address", a)
	}
	b, err := z.Find(t.Context(), adapters.Probe{ID: a.ID})
	s.none(err)
	if b.ID != "U1" || b.State != adapters.Active {
		t.Errorf("got %q %s, want the real id after acceptance", b.ID, b.State)
	}
	_, err = z.Find(t.Context(), adapters.Probe{ID: a.ID})
	s.kind(err, adapters.NotFound, "invitation")
}

func TestMeIsNobody(t *testing.T) {
	t.Parallel()
	s := newStub(t)
	_, err := s.open().Find(t.Context(), adapters.Probe{ID: "me"})
	s.kind(err, adapters.Invalid, "no usable id")
	s.calls()
}

func TestCreateInvites(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("POST /users", reply{status: 201, body: `{"id":"U1","email":"mara.lindt@acme.example","type":1}`}).
		on("PATCH /users/mara.lindt@acme.example", done())
	got, err := s.open().Create(t.Context(), adapters.Profile{
		Email: "Mara.Lindt@acme.example", Attributes: map[string]string{"first_name": "Mara", "dept": "Support", "job_title": "Agent"},
	})
	s.none(err)
	if got.ID != "mara.lindt@acme.example" || got.State != adapters.Invited || got.Licence != Basic || got.Attributes["dept"] != "Support" {
		t.Errorf("got %+v, want an invitation with what was sent", got)
	}
	s.calls(
		`POST /users {"action":"create","user_info":{"email":"mara.lindt@acme.example","type":1,"first_name":"Mara"}}`,
		`PATCH /users/mara.lindt@acme.example {"dept":"Support","job_title":"Agent"}`,
	)
}

func TestCreateInvitationThatTakesNoProfileYet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply reply
		kind  adapters.Kind // "" for success
	}{
		"ignored by Zoom": {done(), ""},
		"not found yet":   {gone(), ""},
		"refused":         {refuse(400, 300, "Validation Failed."), ""},
		"limited":         {reply{status: 429, body: `{"code":429,"message":"x"}`}, adapters.Uncertain},
		"scope missing":   {refuse(400, 4711, "does not contain scopes:[user:update:user:admin]"), adapters.Uncertain},
	} {
		s := newStub(t).on("POST /users", reply{status: 201, body: `{"email":"mara.lindt@acme.example"}`}).
			on("PATCH /users/mara.lindt@acme.example", c.reply)
		_, err := s.open().Create(t.Context(), adapters.Profile{Email: "mara.lindt@acme.example", Attributes: map[string]string{"dept": "x"}})
		if c.kind == "" {
			s.none(err)
		} else {
			s.kind(err, c.kind, "the user was made, but its profile is not complete")
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestCreateThatCannotBeCompletedLosesNobody(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("POST /users", reply{status: 201, body: `{"id":"U1","email":"mara.lindt@acme.example"}`}).
		on("PATCH /users/U1", refuse(400, 300, "Invalid timezone."), done()).
		on("GET /roles?type=common", ok(roleList)).
		on("POST /roles/R7/members", refuse(400, 1034, "Provided role_id does not exist."))
	z := s.open(func(c *Config) { c.CreateAction = PreProvision })
	p := adapters.Profile{Email: "mara.lindt@acme.example", Licence: Licensed, Role: "help desk", Attributes: map[string]string{"timezone": "Mars/Base"}}
	_, err := z.Create(t.Context(), p)
	s.kind(err, adapters.Uncertain, "its profile is not complete: Invalid timezone")
	_, err = z.Create(t.Context(), p)
	s.kind(err, adapters.Uncertain, "its role is not given: the role does not exist")
}

func TestCreateWithPassword(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("POST /users", reply{status: 201, body: `{"id":"U1","email":"mara.lindt@acme.example"}`})
	got, err := s.open(func(c *Config) { c.CreateAction = WithPassword }).Create(t.Context(), adapters.Profile{Email: "mara.lindt@acme.example"})
	s.none(err)
	var sent newUser
	s.none(json.Unmarshal([]byte(strings.TrimPrefix(s.log[0], "POST /users ")), &sent))
	shown, err := json.Marshal(got)
	s.none(err)
	if sent.Action != "autoCreate" || len(sent.Info.Password) != passSize || strings.Contains(string(shown), sent.Info.Password) {
		t.Errorf("got action %q, a password of %d characters, and account %s", sent.Action, len(sent.Info.Password), shown)
	}
}

func TestCreateRefusesBeforeSending(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]adapters.Profile{
		"no e-mail":      {},
		"half an e-mail": {Email: "mara@"},
		"long e-mail":    {Email: strings.Repeat("m", 120) + "@acme.example"},
		"unknown field":  {Email: "m@acme.example", Attributes: map[string]string{"nick": "x"}},
		"gold licence":   {Email: "m@acme.example", Licence: "gold"},
		"owner":          {Email: "m@acme.example", Role: "Owner"},
	} {
		s := newStub(t)
		_, err := s.open().Create(t.Context(), p)
		if !adapters.IsKind(err, adapters.Invalid) {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
		s.calls()
	}
}

func TestUpdateSplitsItsCalls(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(mara)).on("GET /groups?page_size=300", ok(groupList)).
		on("PUT /users/U1/email", done()).on("PATCH /users/U1", done()).
		on("GET /roles?type=common", ok(roleList)).on("POST /roles/1/members", reply{status: 201, body: `{"ids":"U1"}`})
	got, err := s.open().Update(t.Context(), "U1", adapters.Change{
		Email: ptr("Mara.Berg@acme.example"), Licence: ptr(Basic), Role: ptr(RoleAdmin),
		Attributes: map[string]string{"last_name": "Berg", "first_name": "Mara", "dept": ""},
	})
	s.none(err)
	if got.ID != "U1" || got.Email != "mara.berg@acme.example" || got.Licence != Basic || got.Role != RoleAdmin || !got.Admin ||
		got.Attributes["last_name"] != "Berg" || got.Attributes["dept"] != "" || got.Attributes["timezone"] != "Europe/Vienna" {
		t.Errorf("got %+v, want the account as changed", got)
	}
	s.calls(
		`GET /users/U1`,
		`GET /groups?page_size=300`,
		`PUT /users/U1/email {"email":"mara.berg@acme.example"}`,
		`PATCH /users/U1 {"type":1}`,
		`GET /roles?type=common`,
		`POST /roles/1/members {"members":[{"id":"U1"}]}`,
		`PATCH /users/U1 {"dept":"","last_name":"Berg"}`,
	)
}

func TestUpdateSendsNothingThatIsThere(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(mara)).on("GET /groups?page_size=300", ok(groupList))
	_, err := s.open().Update(t.Context(), "U1", adapters.Change{
		Email: ptr("MARA.LINDT@acme.example"), Licence: ptr(Licensed), Role: ptr("Member"), Attributes: map[string]string{"dept": "Support"},
	})
	s.none(err)
	s.calls(`GET /users/U1`, `GET /groups?page_size=300`)
}

func TestUpdateGoesOnAfterARefusal(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(maraAdmin)).
		on("PUT /users/U1/email", refuse(400, 1000, "Admin can not change other admins email.")).
		on("DELETE /roles/1/members/U1", done()).
		on("PATCH /users/U1", done())
	_, err := s.open().Update(t.Context(), "U1", adapters.Change{
		Email: ptr("new@acme.example"), Role: ptr(RoleMember), Attributes: map[string]string{"dept": "x"},
	})
	s.kind(err, adapters.Conflict, "only by that administrator")
	s.calls(`GET /users/U1`, `PUT /users/U1/email {"email":"new@acme.example"}`, `DELETE /roles/1/members/U1`, `PATCH /users/U1 {"dept":"x"}`)
}

func TestUpdateStopsWhenItMayPass(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(maraAdmin)).on("PATCH /users/U1", reply{status: 502})
	_, err := s.open().Update(t.Context(), "U1", adapters.Change{Licence: ptr(Basic), Attributes: map[string]string{"dept": "x"}})
	s.kind(err, adapters.Uncertain, "")
	s.calls(`GET /users/U1`, `PATCH /users/U1 {"type":1}`)
}

func TestUpdateOfAnInvitation(t *testing.T) {
	t.Parallel()
	const key = "mara.lindt@acme.example"
	s := newStub(t).on("GET /users/"+key, ok(maraPending)).on("PATCH /users/"+key, done()).
		on("GET /roles?type=common", ok(roleList)).on("POST /roles/1/members", reply{status: 201, body: `{"ids":"U1"}`}, reply{status: 201, body: `{"ids":""}`})
	z := s.open()
	got, err := z.Update(t.Context(), key, adapters.Change{Role: ptr(RoleAdmin), Attributes: map[string]string{"dept": "x"}})
	s.none(err)
	if got.ID != key || got.State != adapters.Invited {
		t.Errorf("got %q %s, want the invitation", got.ID, got.State)
	}
	s.calls(`GET /users/`+key, `GET /roles?type=common`, `POST /roles/1/members {"members":[{"email":"mara.lindt@acme.example"}]}`, `PATCH /users/`+key+` {"dept":"x"}`)
	_, err = z.Update(t.Context(), key, adapters.Change{Role: ptr(RoleAdmin)})
	s.kind(err, adapters.Conflict, "before the invitation is accepted")
	_, err = z.Update(t.Context(), key, adapters.Change{Email: ptr("other@acme.example")})
	s.kind(err, adapters.Conflict, "invitation")
}

func TestUpdateRoles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		user string
		want string
		call string // the write
		kind adapters.Kind
	}{
		"own role by name":    {mara, "Help Desk", `POST /roles/R7/members {"members":[{"id":"U1"}]}`, ""},
		"without regard case": {mara, "help desk", `POST /roles/R7/members {"members":[{"id":"U1"}]}`, ""},
		"administrator":       {mara, "Administrator", `POST /roles/1/members {"members":[{"id":"U1"}]}`, ""},
		"back to member":      {maraAdmin, RoleMember, `DELETE /roles/1/members/U1`, ""},
		"owner is not given":  {mara, RoleOwner, "", adapters.Invalid},
		"unknown role":        {mara, "Wizard", "", adapters.Invalid},
		"owner is not taken":  {maraOwner, RoleMember, "", adapters.Protected},
	} {
		s := newStub(t).on("GET /users/U1", ok(c.user)).on("GET /groups?page_size=300", ok(groupList)).on("GET /roles?type=common", ok(roleList)).
			on("POST /roles/R7/members", reply{status: 201, body: `{}`}).on("POST /roles/1/members", reply{status: 201, body: `{}`}).
			on("DELETE /roles/1/members/U1", done())
		_, err := s.open().Update(t.Context(), "U1", adapters.Change{Role: &c.want})
		if c.kind != "" {
			s.kind(err, c.kind, "")
		} else {
			s.none(err)
		}
		var wrote []string
		for _, l := range s.log {
			if !strings.HasPrefix(l, "GET") {
				wrote = append(wrote, l)
			}
		}
		if got := strings.Join(wrote, "; "); got != c.call {
			t.Errorf("%s: got %q, want %q", name, got, c.call)
		}
	}
}

func TestProtectedIsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*stub) *Adapter{
		"account owner": func(s *stub) *Adapter { return s.on("GET /users/U1", ok(maraOwner)).open() },
		"owner of the app": func(s *stub) *Adapter {
			return s.on("GET /users/U1", ok(maraAdmin)).open(func(c *Config) { c.OwnerEmail = "Mara.Lindt@acme.example" })
		},
	} {
		s := newStub(t)
		z := open(s)
		_, err := z.Update(t.Context(), "U1", adapters.Change{Attributes: map[string]string{"dept": "x"}})
		s.kind(err, adapters.Protected, "protected")
		s.kind(z.Suspend(t.Context(), "U1"), adapters.Protected, "protected")
		_, err = z.Resume(t.Context(), "U1", adapters.Account{})
		s.kind(err, adapters.Protected, "protected")
		s.kind(z.Remove(t.Context(), "U1", adapters.Removal{Action: adapters.Delete}), adapters.Protected, "protected")
		for _, l := range s.log {
			if !strings.HasPrefix(l, "GET") {
				t.Errorf("%s: got call %s, want none but reads", name, l)
			}
		}
	}
}

func TestSuspendOrder(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(maraAdmin), ok(maraInactive)).on("DELETE /roles/1/members/U1", done()).
		on("DELETE /users/U1/token", done()).on("PUT /users/U1/status", ok(`{}`))
	s.none(s.open().Suspend(t.Context(), "U1"))
	s.calls(`GET /users/U1`, `DELETE /roles/1/members/U1`, `DELETE /users/U1/token`, `PUT /users/U1/status {"action":"deactivate"}`, `GET /users/U1`)

	s = newStub(t).on("GET /users/U1", ok(maraInactive))
	s.none(s.open().Suspend(t.Context(), "U1"))
	s.calls(`GET /users/U1`)
}

func TestSuspendAlthoughSignOutIsRefused(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(mara), ok(maraInactive)).
		on("DELETE /users/U1/token", refuse(400, 4711, "does not contain scopes:[user:delete:token:admin]")).on("PUT /users/U1/status", done())
	s.none(s.open().Suspend(t.Context(), "U1"))
	s.calls(`GET /users/U1`, `DELETE /users/U1/token`, `PUT /users/U1/status {"action":"deactivate"}`, `GET /users/U1`)

	s = newStub(t).on("GET /users/U1", ok(mara)).on("DELETE /users/U1/token", reply{status: 503})
	s.kind(s.open().Suspend(t.Context(), "U1"), adapters.Unavailable, "")
	s.calls(`GET /users/U1`, `DELETE /users/U1/token`)
}

// Zoom's yes to a deactivation is not believed before it shows the user inactive.
func TestSuspendIsReadBack(t *testing.T) {
	t.Parallel()
	const deactivate = `PUT /users/U1/status {"action":"deactivate"}`
	s := newStub(t).on("GET /users/U1", ok(mara), ok(mara), ok(maraInactive)).on("DELETE /users/U1/token", done()).on("PUT /users/U1/status", done())
	s.none(s.open().Suspend(t.Context(), "U1"))
	s.calls(`GET /users/U1`, `DELETE /users/U1/token`, deactivate, `GET /users/U1`, `GET /users/U1`)

	s = newStub(t).on("GET /users/U1", ok(mara)).on("DELETE /users/U1/token", done()).on("PUT /users/U1/status", done())
	s.kind(s.open().Suspend(t.Context(), "U1"), adapters.Uncertain, "does not confirm yet that the user cannot sign in")
	if n := len(s.log); n != 3+1+len(readBacks) {
		t.Errorf("got %d calls, want to stop after the last look", n)
	}

	s = newStub(t).on("GET /users/U1", ok(mara), reply{status: 503}).on("DELETE /users/U1/token", done()).on("PUT /users/U1/status", done())
	s.kind(s.open().Suspend(t.Context(), "U1"), adapters.Uncertain, "")
}

func TestSuspendWithdrawsAnInvitation(t *testing.T) {
	t.Parallel()
	const key = "mara.lindt@acme.example"
	s := newStub(t).on("GET /users/"+key, ok(maraPending), gone()).on("DELETE /users/"+key+"?action=disassociate", done())
	s.kind(s.open().Suspend(t.Context(), key), adapters.NotFound, "withdrawn")
	s.calls("GET /users/"+key, "DELETE /users/"+key+"?action=disassociate", "GET /users/"+key)
}

func TestResumeGivesBackWhatZoomTook(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(maraInactive)).on("PUT /users/U1/status", ok(`{}`)).on("PATCH /users/U1", done()).
		on("GET /users/U1/settings", ok(`{"feature":{"webinar":false,"zoom_whiteboard":true}}`)).on("PATCH /users/U1/settings", done()).
		on("GET /roles?type=common", ok(roleList)).on("POST /roles/1/members", reply{status: 201, body: `{}`})
	before := adapters.Account{Role: RoleAdmin, Licence: Licensed, Extra: json.RawMessage(
		`{"type":2,"zoomOne":576460752303423488,"plan":"64","features":{"webinar":true,"webinar_capacity":500,"zoom_whiteboard":true}}`)}
	got, err := s.open().Resume(t.Context(), "U1", before)
	s.none(err)
	if got.State != adapters.Active || got.Licence != Licensed || got.Role != RoleAdmin || !got.Admin {
		t.Errorf("got %+v, want active, licensed, admin", got)
	}
	s.calls(
		`GET /users/U1`, `PUT /users/U1/status {"action":"activate"}`,
		`PATCH /users/U1 {"type":2}`, `PATCH /users/U1 {"plan_united_type":"64"}`, `PATCH /users/U1 {"zoom_one_type":576460752303423488}`,
		`GET /users/U1/settings`, `PATCH /users/U1/settings {"feature":{"webinar":true,"webinar_capacity":500}}`,
		`GET /roles?type=common`, `POST /roles/1/members {"members":[{"id":"U1"}]}`,
	)
}

func TestResumeSendsNothingThatIsThere(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(maraAdmin)).on("GET /users/U1/settings", ok(`{"feature":{"webinar":true,"webinar_capacity":500}}`))
	_, err := s.open().Resume(t.Context(), "U1", adapters.Account{Role: RoleAdmin, Licence: Licensed,
		Extra: json.RawMessage(`{"type":2,"features":{"webinar":true,"webinar_capacity":500}}`)})
	s.none(err)
	s.calls(`GET /users/U1`, `GET /users/U1/settings`)
}

func TestResumeWithoutSeat(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(maraInactive)).on("PUT /users/U1/status", refuse(400, 3412, "reached the permitted maximum number"))
	_, err := s.open().Resume(t.Context(), "U1", adapters.Account{Licence: Licensed})
	s.kind(err, adapters.NoSeat, "seat")
	_, err = newStub(t).on("GET /users/U1", ok(maraAdmin)).open().Resume(t.Context(), "U1", adapters.Account{Extra: json.RawMessage(`[`)})
	s.kind(err, adapters.Invalid, "cannot be read")
}

func TestCheckReportsTenantAndScopes(t *testing.T) {
	t.Parallel()
	const list = "GET /users?page_size=1&status=active"
	for name, c := range map[string]struct {
		scopes  string
		arrange func(*stub)
		tenant  string
		missing int
		kind    adapters.Kind
	}{
		"tenant of the user record": {"", func(s *stub) {
			s.on(list, ok(`{"users":[{"id":"U1","email":"mara.lindt@acme.example","type":1}]}`)).on("GET /users/U1", ok(mara))
		}, "ACC-real", 0, ""},
		"nobody there yet": {"", func(s *stub) { s.on(list, ok(`{"users":[]}`)) }, "ACC-7Qm2xExample", 0, ""},
		"gone in between": {"", func(s *stub) {
			s.on(list, ok(`{"users":[{"id":"U1","email":"mara.lindt@acme.example","type":1}]}`)).on("GET /users/U1", gone())
		}, "ACC-7Qm2xExample", 0, ""},
		"listing scope missing": {"user:read:user:admin", func(s *stub) {
			s.on(list, refuse(400, 4711, "Invalid access token, does not contain scopes:[user:read:list_users:admin]."))
		}, "ACC-7Qm2xExample", len(needs) - 1, ""},
		"refused although all scopes are there": {"", func(s *stub) {
			s.on(list, refuse(400, 4717, "The app is disabled."))
		}, "", 0, adapters.Unauthorized},
		"down": {"", func(s *stub) { s.on(list, reply{status: 500}) }, "", 0, adapters.Unavailable},
	} {
		s := newStub(t)
		s.scopes = c.scopes
		c.arrange(s)
		id, err := s.open(func(c *Config) { c.OwnerEmail = "IT@acme.example" }).Check(t.Context())
		if c.kind != "" {
			s.kind(err, c.kind, "")
			continue
		}
		if err != nil || id.Tenant != c.tenant || len(id.Missing) != c.missing || !slices.Equal(id.Self, []string{"it@acme.example"}) || id.Name == "" {
			t.Errorf("%s: got %+v, %v, want tenant %s and %d missing", name, id, err, c.tenant, c.missing)
		}
	}
}

func TestDailyLimitWaitsUntilItsEnd(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", reply{status: 429, body: `{"code":429,"message":"You have reached the maximum daily rate limit for this API."}`,
		header: map[string]string{"X-RateLimit-Category": "Light", "X-RateLimit-Type": "Daily-limit", "X-RateLimit-Remaining": "0", "Retry-After": "2026-05-05T00:00:00Z"}})
	z := s.open()
	_, err := z.Find(t.Context(), adapters.Probe{ID: "U1"})
	s.kind(err, adapters.Retry, "rate limit")
	var e *adapters.Error
	if !asAdapterError(err, &e) || e.After != 16*time.Hour || e.Scope != adapters.WholeApp {
		t.Errorf("got %+v, want a wait of 16 h for the whole app", e)
	}
	// The class stays closed until then: nothing more is sent.
	_, err = z.Find(t.Context(), adapters.Probe{ID: "U1"})
	s.kind(err, adapters.Retry, "pause")
	s.calls("GET /users/U1")
}
