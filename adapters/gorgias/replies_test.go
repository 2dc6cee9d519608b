package gorgias_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/gorgias"
	vendor "github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/wire"
)

// script answers "METHOD /path" with a status and a JSON body, what the stand-in never says.
type script map[string]string

func (s script) RoundTrip(r *http.Request) (*http.Response, error) {
	line, ok := s[r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api")]
	if !ok {
		line = `404 {"error":{"msg":"Resource not found."}}`
	}
	status, body, _ := strings.Cut(line, " ")
	code := map[string]int{"200": 200, "400": 400, "402": 402, "403": 403, "404": 404, "409": 409}[status]
	return &http.Response{
		StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

const (
	self = `200 {"id":5,"email":"it@acme.example","name":"IT","role":{"name":"admin"},"uri":"https://acme.gorgias.com/api/users/5/"}`
	mara = `200 {"id":7,"email":"mara@acme.example","name":"Mara","role":{"name":"agent"}}`
)

func scripted(t *testing.T, s script) *gorgias.Adapter {
	t.Helper()
	a, err := gorgias.Open(gorgias.Config{Subdomain: "acme", Email: "it@acme.example", APIKey: "k3y-value", CallsPerSecond: 1000}, adapters.Deps{Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRepliesThatProveNothing(t *testing.T) {
	t.Parallel()
	find := func(p adapters.Probe) func(*testing.T, *gorgias.Adapter) error {
		return func(t *testing.T, a *gorgias.Adapter) error {
			t.Helper()
			_, err := a.Find(t.Context(), p)
			return err
		}
	}
	remove := func(t *testing.T, a *gorgias.Adapter) error {
		t.Helper()
		return a.Remove(t.Context(), "7", adapters.Removal{Action: adapters.Delete})
	}
	create := func(t *testing.T, a *gorgias.Adapter) error {
		t.Helper()
		_, err := a.Create(t.Context(), adapters.Profile{Email: "mara@acme.example", Attributes: map[string]string{"name": "Mara"}})
		return err
	}
	tests := map[string]struct {
		replies script
		call    func(*testing.T, *gorgias.Adapter) error
		want    adapters.Kind
	}{
		"the connector's own user is gone":        {script{"GET /users/7": mara}, remove, adapters.Unauthorized},
		"lists are not found":                     {script{"GET /users/0": self}, find(adapters.Probe{Email: "mara@acme.example"}), adapters.Unavailable},
		"teams are not found":                     {script{"GET /users/0": self, "GET /users/7": mara}, remove, adapters.Unavailable},
		"another user than asked for":             {script{"GET /users/0": self, "GET /users/7": `200 {"id":8,"email":"b@acme.example","role":{"name":"agent"}}`}, remove, adapters.Unavailable},
		"a user without a role":                   {script{"GET /users/0": self, "GET /users/7": `200 {"id":7,"email":"mara@acme.example"}`}, remove, adapters.Unavailable},
		"a list without data":                     {script{"GET /users/0": self, "GET /users": `200 {"object":"list"}`}, find(adapters.Probe{Email: "mara@acme.example"}), adapters.Unavailable},
		"a list of something else":                {script{"GET /users/0": self, "GET /users": `200 {"data":[{"title":"x"}]}`}, find(adapters.Probe{Email: "mara@acme.example"}), adapters.Unavailable},
		"an empty list":                           {script{"GET /users/0": self, "GET /users": `200 {"data":[]}`}, find(adapters.Probe{Email: "mara@acme.example"}), adapters.NotFound},
		"an empty bare list":                      {script{"GET /users/0": self, "GET /users": `200 []`}, find(adapters.Probe{Email: "mara@acme.example"}), adapters.NotFound},
		"a created user that is none":             {script{"POST /users": `200 {"ok":true}`}, create, adapters.Uncertain},
		"a creation that costs money":             {script{"POST /users": `402 {"error":{"msg":"Payment required."}}`}, create, adapters.NoSeat},
		"a creation over the plan":                {script{"POST /users": `403 {"error":{"msg":"Upgrade your plan to add users."}}`}, create, adapters.NoSeat},
		"a creation that is not permitted":        {script{"POST /users": `403 {"error":{"msg":"Forbidden."}}`}, create, adapters.Unauthorized},
		"a conflict in somebody else's words":     {script{"POST /users": `409 {"message":"conflict"}`}, create, adapters.Conflict},
		"an app's service account, to be removed": {script{"GET /users/0": self, "GET /users/7": strings.Replace(mara, `"id":7`, `"id":7,"client_id":"abc"`, 1)}, remove, adapters.Protected},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := tc.call(t, scripted(t, tc.replies)); !adapters.IsKind(err, tc.want) {
				t.Errorf("got %v, want kind %s", err, tc.want)
			}
		})
	}
}

func TestTenantFromTheUsersAddress(t *testing.T) {
	t.Parallel()
	a := scripted(t, script{"GET /users/0": self, "GET /account": `403 {"error":{"msg":"Forbidden."}}`})
	got, err := a.Check(t.Context())
	if err != nil || got.Tenant != "acme" || len(got.Missing) != 1 {
		t.Errorf("got %+v and %v, want tenant acme and account:read missing", got, err)
	}
	nowhere := scripted(t, script{"GET /users/0": mara, "GET /account": `200 {}`})
	_, err = nowhere.Check(t.Context())
	failsWith(t, err, adapters.Unavailable, "does not say which account")
}

func TestRemovalLeavesTeamsBeforeItDeletes(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{})
	u := h.SeedUser(vendor.User{Name: "Mara", Email: "mara@acme.example"})
	other := h.SeedUser(vendor.User{Name: "Nils", Email: "nils@acme.example"})
	h.SeedTeam(vendor.Team{Name: "Tier 1", Members: []int64{u.ID, other.ID}})
	h.SeedTeam(vendor.Team{Name: "Tier 2", Members: []int64{other.ID}})
	if err := h.open(t, h.key, adapters.Deps{}).Remove(t.Context(), id(u), adapters.Removal{Action: adapters.Delete}); err != nil {
		t.Fatal(err)
	}
	var writes []string
	for _, c := range h.Writes() {
		writes = append(writes, c.Method)
	}
	if got := strings.Join(writes, " "); got != "PUT DELETE" {
		t.Errorf("got writes %q, want the one team's list, then the deletion", got)
	}
}

func TestTeamWrittenAndNotReadBackIsUncertain(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{})
	u := h.SeedUser(vendor.User{Name: "Mara", Email: "mara@acme.example"})
	h.SeedTeam(vendor.Team{Name: "Tier 1"})
	a := h.open(t, h.key, adapters.Deps{})
	h.Inject(wire.Fault{Kind: wire.ServerError, Status: 500, Method: "GET", Path: "/teams/*", Skip: 1})
	failsWith(t, a.ChangeMembers(t.Context(), "Tier 1", []string{id(u)}, nil), adapters.Uncertain, "reading it back failed")
	if err := a.ChangeMembers(t.Context(), "Tier 1", []string{id(u)}, nil); err != nil {
		t.Errorf("repeated: got %v, want success", err)
	}
}

func TestAppThatWasRemoved(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{})
	cfg := h.oauth(t, "users:read")
	cfg.RefreshToken = "r3fresh-of-a-removed-app"
	_, err := h.open(t, cfg, adapters.Deps{}).Check(t.Context())
	failsWith(t, err, adapters.Unauthorized, "refuses to renew the access token")
	if e := cause(t, err); e.Scope != adapters.WholeApp || e.Code != "invalid_grant" || !strings.Contains(e.Fix, "install the app") {
		t.Errorf("got %+v, want the whole app, invalid_grant and what to do", e)
	}
}
