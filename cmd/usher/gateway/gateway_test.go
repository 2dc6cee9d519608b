package gateway_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"log/slog"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/gateway"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/sandbox/zoom"
)

const acme = `version: 1
apps:
  gorgias:
    connection: gorgias-prod
    mode: enforce
    grants:
      - {group: Support, role: basic-agent, teams: [Tier 1]}
      - {group: Leads, role: agent}
    when_deactivated: [demote, {action: delete, after: 1s}]
    when_ungranted: [{action: delete, after: 0s}]
  zoom:
    connection: zoom-prod
    mode: enforce
    grants: [{group: Support, licence: licensed}]
    when_deactivated: [{action: delete, after: 0s, transfer: {to: user.manager, else: boss@acme.example, what: [meetings, webinars, recordings]}}]
`

// An administrator with curl: source, connections, mapping, a push as Okta does it, both accounts, and their end.
func TestFromPushToBothApps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(nil)
	w.connect()
	// Her role changes right before: what follows waits until Gorgias' reads show it.
	w.admin("PUT", "/mapping", strings.Replace(acme, "after: 1s", "after: 8s", 1), nil)
	ann, boss := w.hire("ann"), w.hire("boss")
	support := w.pushGroup("Support", ann, boss)
	w.settled()

	g, ok := w.vendors.Gorgias.User("ann@acme.example")
	if !ok || g.Role != "basic-agent" || g.ExternalID != ann {
		t.Fatalf("gorgias: %+v", g)
	}
	z, ok := w.vendors.Zoom.User("ann@acme.example")
	if !ok || z.Type != 2 || z.Status != "active" || z.FirstName != "Ann" {
		t.Fatalf("zoom: %+v", z)
	}
	inTeam := func(id int64) bool {
		for _, team := range w.vendors.Gorgias.Teams() {
			for _, m := range team.Members {
				if team.Name == "Tier 1" && m == id {
					return true
				}
			}
		}
		return false
	}
	if !inTeam(g.ID) {
		t.Errorf("teams: %+v", w.vendors.Gorgias.Teams())
	}

	w.pushGroup("Leads", ann)
	w.settled()
	if g, _ := w.vendors.Gorgias.User("ann@acme.example"); g.Role != "agent" {
		t.Errorf("after the move: %+v", g)
	}

	// The leaver: groups first, then the person, and the demotion before the deletion.
	w.patch("/Groups/"+support, map[string]any{"op": "remove", "path": `members[value eq "` + ann + `"]`})
	w.deactivate(ann)
	w.await("ann's accounts to go", func(admin.StatusReply) bool {
		_, inGorgias := w.vendors.Gorgias.User("ann@acme.example")
		_, inZoom := w.vendors.Zoom.User("ann@acme.example")
		return !inGorgias && !inZoom
	})
	var transferred, demoted bool
	for _, c := range w.vendors.Zoom.Writes() {
		if c.Method == http.MethodDelete && strings.Contains(c.Query, "transfer_email=boss%40acme.example") {
			transferred = true
		}
	}
	for _, c := range w.vendors.Gorgias.Writes() {
		if c.Method == http.MethodPut && strings.Contains(string(c.Body), "observer-agent") {
			demoted = true
		}
	}
	if !transferred || !demoted {
		t.Errorf("transferred %v, demoted %v", transferred, demoted)
	}
	var x provision.Explanation
	w.admin("GET", "/why?user="+ann+"&app=zoom", "", &x)
	if len(x.Accounts) != 1 || x.Accounts[0].State != provision.Gone || len(x.Facts) < 4 {
		t.Errorf("why: %+v", x)
	}
}

func TestARestartLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.start(nil)
	w.connect()
	w.admin("PUT", "/mapping", acme, nil)
	ann := w.hire("ann")
	w.pushGroup("Support", ann)
	stop()
	w.start(nil)
	w.settled()
	if z, ok := w.vendors.Zoom.User("ann@acme.example"); !ok || z.Type != 2 {
		t.Errorf("zoom: %+v", z)
	}
	creates := 0
	for _, c := range w.vendors.Zoom.Writes() {
		if c.Method == http.MethodPost && c.Path == "/users" {
			creates++
		}
	}
	if creates != 1 {
		t.Errorf("creates: %d", creates)
	}
}

// Entra deletes a leaver whom HR still holds: she stays out until an administrator, or Entra itself, says otherwise.
func TestADeletionByOneSourceShutsOutUntilReadmitted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(nil)
	w.connect()
	var hr admin.TokenReply
	w.admin("POST", "/sources", `{"name":"hr","kind":"generic","rank":2}`, &hr)
	w.admin("PUT", "/mapping", strings.NewReplacer("group: Support", "group: okta/Support", "group: Leads", "group: okta/Leads").Replace(acme), nil)
	okta := w.token
	w.token = hr.Token
	w.hire("ann")
	w.token = okta
	ann := w.hire("ann")
	w.pushGroup("Support", ann)
	w.settled()
	if _, ok := w.vendors.Zoom.User("ann@acme.example"); !ok {
		t.Fatal("ann has no account")
	}
	if status, body := w.push("DELETE", "/Users/"+ann, nil); status != http.StatusNoContent {
		t.Fatalf("delete: %d %v", status, body)
	}
	var x provision.Explanation
	w.admin("GET", "/why?user=ann@acme.example&app=zoom", "", &x)
	if x.Want.Wanted || !strings.Contains(x.Want.Text, "okta deleted the user") {
		t.Errorf("after the deletion: %+v", x.Want)
	}
	w.admin("DELETE", "/sources/okta/denies/ann@acme.example", "", nil)
	w.admin("GET", "/why?user=ann@acme.example&app=zoom", "", &x)
	if len(x.Person.Denies) != 0 || !x.Person.Active {
		t.Errorf("after the readmission: %+v", x.Person)
	}
}

func TestMetricsAndHealth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(nil)
	w.connect()
	w.admin("PUT", "/mapping", acme, nil)
	w.pushGroup("Support", w.hire("ann"))
	w.settled()
	get := func(url string) string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		must(t, err)
		res, err := w.http.Do(req)
		must(t, err)
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		must(t, err)
		return string(b)
	}
	for _, root := range []string{strings.TrimSuffix(w.scim, "/scim/v2"), w.ops} {
		if got := get(root + "/healthz"); got != "ok\n" {
			t.Errorf("healthz: %q", got)
		}
		if got := get(root + "/readyz"); got != "ready\n" {
			t.Errorf("readyz: %q", got)
		}
	}
	text := get(w.ops + "/metrics")
	for _, want := range []string{
		`usher_scim_requests_seconds_count{method="POST",route="/scim/v2/Users",status="201"} 1`,
		`usher_accounts{app="zoom",state="active"} 1`, `usher_oldest_removal_age_seconds{app="zoom"} 0`,
		`usher_steps_total{app="gorgias",op="obtain",outcome="ok"} 1`, `usher_vendor_calls_seconds_count{adapter="zoom"`, "usher_store_commit_seconds_count",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if strings.Contains(text, "acme.example") {
		t.Error("metrics tell personal data")
	}
}

func TestOpenRefusesInOneSentence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(nil)
	taken := strings.TrimPrefix(w.ops, "http://")
	other, err := os.MkdirTemp("", "ush") //nolint:usetesting // a socket path must be short
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(other) })
	for _, tt := range []struct {
		name, data string
		flags      map[string]string
		want       string
	}{
		{"a second server on the same data", w.data, nil, "in use"},
		{"a port in use", other, map[string]string{"listen": taken}, "address already in use"},
		{"a socket path too long", filepath.Join(other, strings.Repeat("x", 120)), nil, "shorter"},
		{"a certificate that is not there", other, map[string]string{"tls-cert": filepath.Join(other, "c.pem"), "tls-key": filepath.Join(other, "k.pem")}, "tls.cert"},
		{"a key file that is not there", other, map[string]string{"key-file": filepath.Join(other, "nope")}, "nope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := gateway.Open(t.Context(), settings(t, tt.data, tt.flags), gateway.Options{Logger: slog.New(slog.DiscardHandler)})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want %q", err, tt.want)
			}
		})
	}
}

func TestTheAPIRefusesInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(nil)
	w.connect()
	w.admin("PUT", "/mapping", acme, nil)
	w.pushGroup("Support", w.hire("ann"))
	w.settled()
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"a typo in the mapping", "POST", "/mapping/plan", strings.Replace(acme, "role: agent", "rôle: agent", 1), 400, "8:"},
		{"an unknown role", "POST", "/mapping/plan", strings.Replace(acme, "role: agent", "role: boss", 1), 400, "basic-agent"},
		{"removals nobody confirmed", "PUT", "/mapping", strings.Replace(acme, "grants: [{group: Support, licence: licensed}]", "grants: []", 1), 409, "1 people"},
		{"a wrong credential", "PUT", "/connections/z2", "adapter: zoom\nbase_url: " + w.front + "/zoom/v2\ntoken_url: " + w.front + "/zoom/oauth/token\naccount_id: a\nclient_id: " + zoom.DemoClientID + "\nclient_secret: hunter2\n", 502, "zoom"},
		{"an unknown source", "DELETE", "/sources/nope", "", 404, "nope"},
		{"a hold that is not there", "POST", "/holds/zzz/approve", "", 404, "zzz"},
		{"an unknown key", "POST", "/sources", `{"nome":"x"}`, 400, "nome"},
		{"an unknown person", "GET", "/why?user=nobody@acme.example&app=zoom", "", 409, "nobody@acme.example"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, reply := w.tryAdmin(tt.method, tt.path, tt.body)
			if status != tt.status || !strings.Contains(strings.ToLower(string(reply)), tt.want) || strings.Contains(string(reply), "hunter2") {
				t.Errorf("got %d %s, want %d and %q", status, reply, tt.status, tt.want)
			}
		})
	}
}
