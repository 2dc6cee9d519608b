package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/alerts"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/connections"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/provision"
)

var (
	kim     = uuid.MustParse("01a1ffff-0000-7000-8000-00000000000a")
	lee     = uuid.MustParse("01a1ffff-0000-7000-8000-00000000000b")
	okta    = uuid.MustParse("01a1ffff-0000-7000-8000-0000000000aa")
	support = uuid.MustParse("01a1ffff-0000-7000-8000-0000000000bb")
)

// shown returns what a command prints for a person, given the server's answer to one route.
func shown(t *testing.T, route string, reply any, args ...string) string {
	t.Helper()
	w := api(t, map[string]http.HandlerFunc{route: answer(reply)})
	code, stdout, stderr := w.run(args...)
	if code != exitDone || stderr != "" {
		t.Fatalf("%v: exit code %d, %s", args, code, stderr)
	}
	return stdout
}

func ago(d time.Duration) time.Time { return noon.Add(-d).UTC() }

func TestStatusOfApps(t *testing.T) {
	t.Parallel()
	golden(t, "status.txt", shown(t, "GET /status", admin.StatusReply{
		Mapping: 7, Waiting: []string{"gorgias: okta/Leads"}, People: map[uuid.UUID]string{kim: "kim@acme.example"},
		Apps: []provision.AppStatus{
			{App: "gorgias", Title: "Gorgias", Mode: mapping.Enforce, Tenant: "acme", TenantName: "acme.gorgias.com", Holds: 7,
				Accounts:      map[provision.AccountState]int{provision.Active: 24, provision.Demoted: 2, provision.Gone: 5},
				Queue:         map[string]int{"removal": 1, "joiner": 3, "later": 2, "held": 7, "failed": 3, "quiet": 4},
				OldestRemoval: ago(25 * time.Minute),
				Failures: []provision.FailureGroup{
					{Text: "create user: the plan has no free seat (HTTP 400)", Fix: "buy seats at Gorgias", Count: 3, Persons: []uuid.UUID{kim, lee}},
					{Text: "update user: Gorgias does not answer", Count: 1, Persons: []uuid.UUID{lee}, Next: noon.Add(5 * time.Minute)},
				}},
			{App: "meetings", Title: "Zoom", Connection: "zoom-prod", Mode: mapping.Observe, Tenant: "abc", TenantName: "Zoom account abc", Missing: []string{"user:write:user:admin"},
				Accounts: map[provision.AccountState]int{}, Queue: map[string]int{}},
			{App: "phones", Title: "Zoom", Connection: "zoom-eu", Mode: mapping.Paused, Stopped: true, Reason: "the connection reaches another tenant than before", Fix: "connect the right tenant",
				Failures: []provision.FailureGroup{
					{Text: "check phones: the connection reaches another tenant than before", Count: 2, Persons: []uuid.UUID{kim, lee}, Next: noon},
					{Text: "update user: Zoom does not answer", Count: 1, Persons: []uuid.UUID{kim}, Next: noon},
				},
				Accounts: map[provision.AccountState]int{provision.Active: 1}, Queue: map[string]int{"marked": 1}},
			{App: "zoom", Title: "Zoom", Mode: mapping.Enforce, Waiting: noon.Add(90 * time.Second), Reason: "Zoom is not available",
				Accounts: map[provision.AccountState]int{provision.Active: 1}, Queue: map[string]int{"update": 1}},
		},
	}, "status"))
}

func TestStatusSaysWhatComesNext(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, step := range []struct {
		sources     []admin.SourceReply
		connections []connections.Connection
		version     int
	}{
		{},
		{sources: []admin.SourceReply{{Name: "okta"}, {Name: "old", Removed: noon}}},
		{sources: []admin.SourceReply{{Name: "okta"}}, connections: []connections.Connection{{Name: "zoom-prod"}}},
		{sources: []admin.SourceReply{{Name: "okta"}}, connections: []connections.Connection{{Name: "zoom-prod"}}, version: 3},
	} {
		w := api(t, map[string]http.HandlerFunc{
			"GET /status":      answer(admin.StatusReply{Mapping: step.version, Apps: []provision.AppStatus{}}),
			"GET /sources":     answer(step.sources),
			"GET /connections": answer(step.connections),
		})
		code, stdout, stderr := w.run("status")
		if code != exitDone {
			t.Fatal(stderr)
		}
		all.WriteString(stdout + "----\n")
	}
	golden(t, "setup.txt", all.String())
}

func TestPlan(t *testing.T) {
	t.Parallel()
	w := api(t, map[string]http.HandlerFunc{"POST /mapping/plan": answer(aPlan(5))})
	w.stdin = "apps:\n  zoom: {}\n"
	code, stdout, _ := w.run("plan", "-f", "-")
	if code != exitDone {
		t.Errorf("exit code %d", code)
	}
	golden(t, "plan.txt", stdout)
}

func held(id string, person uuid.UUID, who string, kind provision.HoldKind, state provision.HoldState, text, fix string) admin.HoldReply {
	h := admin.HoldReply{Who: who, SourceName: "okta", Hold: provision.Hold{
		ID: id, App: "gorgias", Person: person, Kind: kind, State: state, Text: text, Fix: fix, Opened: ago(3 * time.Minute),
	}}
	if state != provision.HoldOpen {
		h.Decided, h.By = ago(time.Minute), "ann"
	}
	return h
}

func someHolds() []admin.HoldReply {
	const budget = "12 people would lose gorgias; the budget is 3 of 24 accounts"
	return []admin.HoldReply{
		held("aaaaaaa", kim, "kim@acme.example", provision.HoldBudget, provision.HoldOpen, budget, "look at who it is"),
		held("bbbbbbb", uuid.Nil, "", provision.HoldForeign, provision.HoldOpen, "the Gorgias account x@acme.example is somebody else's", "resolve it at Gorgias"),
		held("ccccccc", lee, "lee@acme.example", provision.HoldBudget, provision.HoldOpen, budget, "look at who it is"),
		held("ddddddd", lee, "lee@acme.example", provision.HoldTransfer, provision.HoldApproved, "nobody can receive the data", "name a receiver"),
		held("eeeeeee", lee, "lee@acme.example", provision.HoldReduction, provision.HoldRejected, "it would be reduced", ""),
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	golden(t, "holds.txt", shown(t, "GET /holds", someHolds(), "holds", "--all"))
	if got, want := shown(t, "GET /holds", []admin.HoldReply{}, "holds", "--app", "zoom"), "Nothing is held in zoom.\n"; got != want {
		t.Errorf("without any: %q, want %q", got, want)
	}
}

func TestDeciding(t *testing.T) {
	t.Parallel()
	decided := func(state provision.HoldState) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.PathValue("id") == "gone" {
				refuse(http.StatusNotFound, admin.NotFound, "no such hold: gone")(w, r)
				return
			}
			answer(provision.Hold{ID: r.PathValue("id"), State: state, WithoutTransfer: r.URL.Query().Get("without_transfer") == "true"})(w, r)
		}
	}
	routes := map[string]http.HandlerFunc{
		"GET /holds":               answer(someHolds()[:3]),
		"POST /holds/{id}/approve": decided(provision.HoldApproved),
		"POST /holds/{id}/reject":  decided(provision.HoldRejected),
	}
	for _, tc := range []struct {
		args     string
		terminal terminal
		stdin    string
		code     int
		says     string
	}{
		{args: "approve aaaaaaa", code: exitDone, says: "aaaaaaa approved: the work goes on.\n"},
		{args: "approve aaaaaaa ccccccc", code: exitDone, says: "2 holds approved: the work goes on.\n"},
		{args: "approve gone", code: exitRefused, says: "usher: no such hold: gone\n"},
		{args: "approve gone aaaaaaa", code: exitRefused, says: "aaaaaaa approved: the work goes on.\nusher: no such hold: gone\n"},
		{args: "approve aaaaaaa --without-transfer --output json", code: exitDone, says: `"withoutTransfer": true`},
		{args: "approve --app gorgias --all", code: exitUnconfirmed, says: "2 holds of gorgias would be approved: look at it and run this again with --yes"},
		{args: "approve --app gorgias --all --yes", code: exitDone, says: "2 holds approved"},
		{args: "approve --app gorgias --all", terminal: terminal{in: true}, stdin: "2\n", code: exitDone, says: "2 holds approved"},
		{args: "reject --app gorgias --all", code: exitDone, says: "2 holds rejected: what was held is left as it is.\n"},
	} {
		t.Run(tc.args, func(t *testing.T) {
			t.Parallel()
			w := api(t, routes)
			w.terminal, w.stdin = tc.terminal, tc.stdin
			code, stdout, stderr := w.run(strings.Fields(tc.args)...)
			if code != tc.code || !strings.Contains(stdout+stderr, tc.says) {
				t.Errorf("exit code %d, want %d and %q, got:\n%s%s", code, tc.code, tc.says, stdout, stderr)
			}
		})
	}
}

func fact(before time.Duration, act audit.Act, actor string, detail string) audit.Change {
	c := audit.Change{At: ago(before), Act: act, Group: support, Actor: audit.Actor{Name: actor}}
	if detail != "" {
		c.Detail = json.RawMessage(detail)
	}
	return c
}

func TestWhyOfSomebodyWhoIsLeaving(t *testing.T) {
	t.Parallel()
	account := uuid.MustParse("01a1ffff-0000-7000-8000-0000000000cc")
	golden(t, "why-leaver.txt", shown(t, "GET /why", provision.Explanation{
		Groups: map[uuid.UUID]string{support: "Support"},
		App:    "zoom", Mode: mapping.Enforce, Version: 7,
		Person: directory.Person{ID: kim, UserName: "kim@acme.example", Inactive: "okta says active: false",
			Holders:     []directory.Holder{{Source: okta, Name: "okta"}, {Source: support, Name: "hr", Active: true}},
			Memberships: []directory.Membership{{Group: support, Source: okta, Name: "Support"}, {Group: kim, Source: okta, Name: "Sales", Deleted: ago(2 * time.Hour)}}},
		Want: mapping.Want{Reason: mapping.Deactivated, Text: "okta says active: false"},
		Accounts: []provision.Account{
			{State: provision.Gone, VendorID: "z1", Origin: provision.Created, Created: noon.AddDate(-1, 0, 0)},
			{ID: account, State: provision.Suspended, VendorID: "z2", Licence: "basic", Origin: provision.Adopted, Created: ago(49 * time.Hour), UnwantedSince: ago(3 * time.Hour)},
		},
		Plan: []provision.Step{{Op: provision.OpRemove, Account: account, Action: adapters.Delete,
			Transfer: &mapping.Transfer{To: "user.manager", Else: "it@acme.example", What: []string{"meetings", "recordings"}}}},
		Item: &provision.Item{App: "zoom", State: provision.Ready, Lane: provision.Removal, Due: noon.Add(10 * time.Minute), Attempts: 3,
			Failure: &provision.Failure{At: ago(time.Minute), Text: "delete user: Zoom does not answer", Fix: "see whether Zoom is up"}},
		Holds: []provision.Hold{
			{ID: "aaaaaaa", Kind: provision.HoldTransfer, State: provision.HoldOpen, Text: "nobody can receive the data", Fix: "name a receiver", Opened: ago(time.Minute)},
			{ID: "bbbbbbb", Kind: provision.HoldBudget, State: provision.HoldRejected, By: "ann", Decided: ago(2 * time.Hour)},
			{ID: "ccccccc", Kind: provision.HoldBudget, State: provision.HoldRejected, By: "ann", Decided: ago(9 * time.Hour)},
		},
		Asks: []provision.HoldSpec{{Kind: provision.HoldTransfer, Text: "nobody can receive the data"}, {Kind: provision.HoldRefused, Text: "Zoom refuses it"}},
		Facts: []audit.Change{
			fact(time.Minute, audit.AccountStepFailed, "usher", `{"error":"delete user: Zoom does not answer"}`),
			fact(2*time.Hour, audit.HoldRejected, "ann", `{"hold":"bbbbbbb","kind":"budget"}`),
			fact(3*time.Hour, audit.AccountSuspended, "usher", ""),
			fact(3*time.Hour, audit.AccountUnwanted, "usher", `{"text":"okta says active: false"}`),
			fact(3*time.Hour, audit.UserDeactivated, "okta", ""),
			fact(5*time.Hour, audit.GroupMembers, "okta", `{"added":1}`),
			fact(49*time.Hour, audit.AccountAdopted, "usher", `{"vendorId":"z2","licence":"basic"}`),
			fact(50*time.Hour, audit.UserUpdated, "okta", `{"attributes":["title","emails"]}`),
			fact(366*24*time.Hour, audit.AccountRemoved, "usher", `{"action":"delete","transferTo":"z9"}`),
		},
	}, "why", "kim", "zoom"))
}

func TestWhyOfSomebodyWhoIsWanted(t *testing.T) {
	t.Parallel()
	golden(t, "why-wanted.txt", shown(t, "GET /why", provision.Explanation{
		App: "gorgias", Mode: mapping.Observe, Version: 7,
		Person: directory.Person{ID: kim, UserName: "kim@acme.example", Active: true, Holders: []directory.Holder{{Source: okta, Name: "okta", Active: true}}},
		Want: mapping.Want{Wanted: true, Reason: mapping.Granted, Text: "granted by okta/Support (line 12)", Role: "agent", Teams: []string{"French", "Tier 1"},
			Grants: []mapping.GrantHit{{Line: 12, By: "okta/Support"}, {Line: 14, By: "kim@acme.example", Until: noon.AddDate(0, 0, 4)}}, Next: noon.AddDate(0, 0, 4)},
		Plan: []provision.Step{
			{Op: provision.OpObtain, Profile: adapters.Profile{Email: "kim@acme.example", Role: "agent"}},
			{Op: provision.OpTeams, Join: []string{"French", "Tier 1"}, Leave: []string{"Old"}},
		},
	}, "why", "kim", "gorgias"))
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	golden(t, "accounts.txt", shown(t, "GET /apps/gorgias/accounts", []provision.Account{
		{Email: "kim@acme.example", State: provision.Active, Role: "agent", Teams: []string{"French", "Tier 1"}, Origin: provision.Created, Created: ago(72 * time.Hour), VendorID: "7010"},
		{Email: "lee@acme.example", State: provision.Demoted, Role: "observer-agent", Origin: provision.Adopted, Created: ago(time.Hour), VendorID: "7011", UnwantedSince: ago(time.Minute), UnwantedWhy: mapping.Deactivated},
		{Email: "owner@acme.example", State: provision.Active, Role: "admin", Origin: provision.Adopted, Created: ago(time.Hour), VendorID: "7001", Protected: "account owner"},
		{Email: "new@acme.example", State: provision.Creating, Created: ago(time.Second)},
	}, "accounts", "gorgias"))
}

func TestAccountsAreReadPageByPage(t *testing.T) {
	t.Parallel()
	var pages []string
	w := api(t, map[string]http.HandlerFunc{"GET /apps/zoom/accounts": func(w http.ResponseWriter, r *http.Request) {
		pages = append(pages, r.URL.Query().Get("after"))
		n := 500
		if len(pages) == 3 {
			n = 1
		}
		page := make([]provision.Account, n)
		page[n-1].ID = uuid.UUID{15: byte(len(pages))}
		answer(page)(w, r)
	}})
	code, stdout, stderr := w.run("accounts", "zoom", "--output", "json")
	var all []provision.Account
	if err := json.Unmarshal([]byte(stdout), &all); err != nil || code != exitDone || len(all) != 1001 {
		t.Errorf("exit code %d, %d accounts, %v, %s", code, len(all), err, stderr)
	}
	if got, want := strings.Join(pages, " "), " 00000000-0000-0000-0000-000000000001 00000000-0000-0000-0000-000000000002"; got != want {
		t.Errorf("pages after %q, want %q", got, want)
	}
}

func TestSetUpLists(t *testing.T) {
	t.Parallel()
	golden(t, "sources.txt", shown(t, "GET /sources", []admin.SourceReply{
		{Name: "okta", Kind: directory.Okta, Rank: 1, Users: 1200, Groups: 14, Tokens: 1, Created: ago(400 * 24 * time.Hour), Strict: true},
		{Name: "hr", Kind: directory.Generic, Rank: 2, Created: ago(time.Hour), Removed: ago(time.Minute)},
	}, "source", "list"))
	golden(t, "connections.txt", shown(t, "GET /connections", []connections.Connection{
		{Name: "zoom-prod", Adapter: "zoom", Tenant: "abc", TenantName: "Acme", Hosts: []string{"zoom.us", "api.zoom.us", "zoom.us"}, Saved: ago(time.Hour), By: "ann", Missing: []string{"group:write:admin"}},
	}, "connections"))
}

func TestConnect(t *testing.T) {
	t.Parallel()
	w := api(t, map[string]http.HandlerFunc{"PUT /connections/zoom-prod": answer(admin.ConnectionReply{
		Connection: connections.Connection{Name: "zoom-prod", Adapter: "zoom", Hosts: []string{"zoom.us"}},
		Identity:   adapters.Identity{Tenant: "abc", Name: "Acme", Self: []string{"it@acme.example"}, Missing: []string{"group:write:admin"}},
	})})
	w.stdin = "adapter: zoom\n"
	code, stdout, stderr := w.run("connect", "zoom-prod", "-f", "-")
	if code != exitDone {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	golden(t, "connect.txt", stdout)
}

func TestJSONIsTheServersOwn(t *testing.T) {
	t.Parallel()
	w := api(t, map[string]http.HandlerFunc{"GET /status": func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte(`{"mapping":7,"apps":[],"of a newer server":true}`)); err != nil {
			panic(err)
		}
	}})
	_, stdout, _ := w.run("status", "--output", "json")
	if want := "{\n  \"mapping\": 7,\n  \"apps\": [],\n  \"of a newer server\": true\n}\n"; stdout != want {
		t.Errorf("stdout = %q, want %q", stdout, want)
	}
}

func TestColoursAndControlCharacters(t *testing.T) {
	t.Parallel()
	reply := []admin.SourceReply{{Name: "okta\x1b]0;gotcha\x07\x1b[31m", Created: ago(time.Hour), Removed: ago(time.Minute)}}
	for _, tc := range []struct {
		name     string
		terminal bool
		env      map[string]string
		args     []string
		colours  bool
	}{
		{"a pipe", false, nil, nil, false},
		{"a terminal", true, nil, nil, true},
		{"NO_COLOR", true, map[string]string{"NO_COLOR": "1"}, nil, false},
		{"a dumb terminal", true, map[string]string{"TERM": "dumb"}, nil, false},
		{"--no-colour", true, nil, []string{"--no-colour"}, false},
	} {
		w := api(t, map[string]http.HandlerFunc{"GET /sources": answer(reply)})
		w.terminal, w.env = terminal{out: tc.terminal}, tc.env
		_, stdout, _ := w.run(append([]string{"source", "list"}, tc.args...)...)
		if got := strings.Contains(stdout, "\x1b[33mremoved 1 min ago\x1b[0m"); got != tc.colours {
			t.Errorf("%s: colours %t, want %t: %q", tc.name, got, tc.colours, stdout)
		}
		if strings.Contains(stdout, "\x1b]") || strings.Contains(stdout, "\x07") || (!tc.colours && strings.Contains(stdout, "\x1b")) {
			t.Errorf("%s: a name's control characters reach the terminal: %q", tc.name, stdout)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	p := &page{now: noon}
	for _, tc := range []struct {
		d    time.Duration
		want string
	}{
		{0, "just now (12:00)"},
		{3 * time.Second, "in a moment (12:00)"},
		{-30 * time.Second, "30 s ago (11:59)"},
		{-3 * time.Minute, "3 min ago (11:57)"},
		{5 * time.Minute, "in 5 min (12:05)"},
		{-20 * time.Hour, "20 h ago (1 Mar 16:00)"},
		{-72 * time.Hour, "3 days ago (27 Feb 12:00)"},
		{-400 * 24 * time.Hour, "2025-01-26 12:00"},
	} {
		if got := p.when(noon.Add(tc.d).UTC()); got != tc.want {
			t.Errorf("when(%s) = %q, want %q", tc.d, got, tc.want)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	fail := func(app string, who uuid.UUID, kind adapters.Kind, text string, next time.Time) provision.Failing {
		words, fix := provision.Words(kind, app)
		return provision.Failing{App: app, Person: who, Kind: kind, Words: words, Fix: fix, Text: text, Cause: string(kind), At: ago(5 * time.Minute), Next: next}
	}
	team := fail("Zoom", uuid.Nil, adapters.Conflict, "change members: someone is pending", noon.Add(40*time.Second))
	team.Team = "Sales"
	golden(t, "failures.txt", shown(t, "GET /failures", admin.FailuresReply{
		Failures: provision.Failures{Total: 1204, List: []provision.Failing{
			fail("Zoom", kim, adapters.Invalid, "create user: the name is too long (HTTP 400)", time.Time{}),
			fail("Zoom", kim, adapters.NoSeat, "create user: no seat (HTTP 400)", noon.Add(15*time.Minute)),
			fail("Zoom", lee, adapters.NoSeat, "create user: no seat (HTTP 400)", noon.Add(-time.Second)),
			team,
		}},
		People: map[uuid.UUID]string{kim: "kim@acme.example"},
	}, "failures"))
	stopped := shown(t, "GET /failures", admin.FailuresReply{Stopped: []admin.StoppedApp{{App: "zoom", Reason: "the secret is wrong", Fix: "copy it again"}}}, "failures")
	if want := "zoom  is stopped, nothing is sent to it: the secret is wrong\n  → copy it again; then: usher retry zoom\n"; stopped != want {
		t.Errorf("failures of a stopped app: got %q, want %q", stopped, want)
	}
	for args, want := range map[string]string{"": "Nothing fails.\n", "zoom": "Nothing fails in zoom.\n"} {
		if got := shown(t, "GET /failures", admin.FailuresReply{}, strings.Fields("failures "+args)...); got != want {
			t.Errorf("failures %s: got %q, want %q", args, got, want)
		}
	}
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	golden(t, "alerts.txt", shown(t, "GET /alerts", admin.AlertsReply{
		Channels: []alerts.ChannelStatus{
			{Name: "email", Target: "it@acme.example via smtp.acme.example:587", Waiting: 2, Since: ago(time.Hour), Error: "mail server smtp.acme.example:587: sign in as usher: 535 no"},
			{Name: "webhook", Target: "https://hooks.acme.example"},
		},
		People: map[uuid.UUID]string{kim: "kim@acme.example"},
		Alerts: []alerts.Alert{
			{
				ID: okta, At: ago(time.Hour), Kind: alerts.StillInside, Title: "a terminated person is still inside: zoom", Commands: []string{"usher terminations"}, Persons: []uuid.UUID{kim, lee},
				Deliveries: []alerts.Delivery{
					{Channel: "email", State: alerts.Waiting, Attempts: 4, Due: noon.Add(2 * time.Minute), Error: "sign in as usher: 535 no"},
					{Channel: "webhook", State: alerts.Delivered, Attempts: 1, Ended: ago(time.Hour)},
				},
			},
			{
				ID: support, At: ago(80 * time.Hour), Kind: alerts.AppStopped, Title: "zoom is stopped", Commands: []string{"usher status", "usher retry zoom"},
				Deliveries: []alerts.Delivery{{Channel: "email", State: alerts.GivenUp, Ended: ago(8 * time.Hour), Error: "it is down"}, {Channel: "webhook", State: alerts.Waiting}},
			},
			{ID: kim, At: ago(90 * time.Hour), Kind: alerts.AppResumed, Title: "zoom goes on"},
		},
	}, "alerts"))
}

func TestARetryOfEverythingSaysHowManyWhere(t *testing.T) {
	t.Parallel()
	got := shown(t, "POST /retry", admin.RetryReply{Moved: 2346, Apps: map[string]int{"zoom": 2345, "desk": 1}}, "retry", "--all")
	if want := "2346 pieces of work get another try now (1 in desk, 2345 in zoom); usher status shows what becomes of it.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
