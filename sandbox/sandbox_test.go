package sandbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/sandbox"
	"github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/wire"
	"github.com/usher-scim/usher/sandbox/zoom"
)

// serve starts a sandbox on loopback and returns its address.
func serve(t *testing.T, o sandbox.Options) (*sandbox.Sandbox, string) {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := sandbox.New(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return s, "http://" + ln.Addr().String()
}

func fetch(t *testing.T, method, address, body string, with func(*http.Request)) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	with(r)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() {
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, nil
	}
	var o map[string]any
	if len(b) > 0 && b[0] == '{' {
		if err := json.Unmarshal(b, &o); err != nil {
			t.Errorf("%s %s: %v", method, address, err)
		}
	}
	return resp.StatusCode, o
}

func key(r *http.Request) { r.SetBasicAuth(gorgias.DemoEmail, gorgias.DemoKey) }

// zoomToken gets a token at the address given and returns what puts it into a call.
func zoomToken(t *testing.T, address string) func(*http.Request) {
	t.Helper()
	form := url.Values{"grant_type": {"account_credentials"}, "account_id": {zoom.DemoAccountID}}.Encode()
	status, got := fetch(t, "POST", address+"/zoom/oauth/token", form, func(r *http.Request) {
		r.SetBasicAuth(zoom.DemoClientID, zoom.DemoClientSecret)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	})
	if status != 200 {
		t.Fatalf("token: got %d %v", status, got)
	}
	return func(r *http.Request) { r.Header.Set("Authorization", fmt.Sprint("Bearer ", got["access_token"])) }
}

func TestBothVendorsOnOneListener(t *testing.T) {
	t.Parallel()
	s, address := serve(t, sandbox.Options{})
	token := zoomToken(t, address)
	none := func(*http.Request) {}
	tests := []struct {
		method, path string
		with         func(*http.Request)
		status       int
	}{
		{"GET", "/gorgias/api/account", key, 200},
		{"GET", "/gorgias/api/users/0/", key, 200},
		{"GET", "/gorgias/api/users", none, 401},
		{"GET", "/gorgias/api//users", key, 404},
		{"GET", "/zoom/v2/users/owner%40acme.example", token, 200},
		{"GET", "/zoom/v2/users//settings", token, 404},
		{"GET", "/zoom/v2/users", none, 401},
		{"GET", "/slack/api", none, 404},
		{"GET", "/_sandbox/state", none, 200},
	}
	for _, tt := range tests {
		if got, _ := fetch(t, tt.method, address+tt.path, "", tt.with); got != tt.status {
			t.Errorf("%s %s: got %d, want %d", tt.method, tt.path, got, tt.status)
		}
	}
	var vendors []string
	for i, c := range s.Log.After(0) {
		vendors = append(vendors, c.Vendor)
		if c.Seq != int64(i)+1 {
			t.Errorf("call %d has number %d", i, c.Seq)
		}
	}
	if diff := cmp.Diff([]string{"zoom", "gorgias", "gorgias", "gorgias", "gorgias", "zoom", "zoom", "zoom"}, vendors); diff != "" {
		t.Error(diff)
	}
}

func TestSettingsOverTheControlAPI(t *testing.T) {
	t.Parallel()
	s, address := serve(t, sandbox.Options{})
	none := func(*http.Request) {}
	post := func(path, body string) (int, map[string]any) {
		return fetch(t, "POST", address+"/_sandbox"+path, body, none)
	}
	if status, got := post("/gorgias/settings", `{"seats":1}`); status != 200 || got["domain"] != "acme" {
		t.Errorf("got %d %v, want the other settings kept", status, got)
	}
	if status, _ := fetch(t, "POST", address+"/gorgias/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"}}`, key); status != 400 {
		t.Errorf("above the seats: got %d, want 400", status)
	}
	if status, got := post("/zoom/settings", `{"seats":{"basic":0},"managed_domains":["b.example"]}`); status != 200 || got["plan"] != "business" {
		t.Errorf("got %d %v, want the other settings kept", status, got)
	}
	if status, _ := fetch(t, "POST", address+"/zoom/v2/users", `{"action":"ssoCreate","user_info":{"email":"a@acme.example","type":1}}`, zoomToken(t, address)); status != 400 {
		t.Errorf("without a seat: got %d, want 400", status)
	}
	for _, tt := range []struct{ path, body string }{
		{"/gorgias/settings", `{"seats":"many"}`}, {"/gorgias/nothing", `{}`}, {"/gorgias/seed-user", `[]`}, {"/gorgias/seed-team", `[]`},
		{"/zoom/settings", `[]`}, {"/zoom/nothing", `{}`}, {"/zoom/seed-user", `[]`}, {"/zoom/seed-group", `[]`}, {"/zoom/accept", `[]`},
	} {
		if status, got := post(tt.path, tt.body); status != 400 || got["error"] == nil {
			t.Errorf("%s %s: got %d %v, want a sentence", tt.path, tt.body, status, got)
		}
	}
	post("/gorgias/seed-user", `{"name":"Seed","email":"seed@acme.example"}`)
	post("/gorgias/seed-team", `{"name":"Seeds"}`)
	post("/zoom/seed-user", `{"email":"seed@acme.example","status":"pending"}`)
	post("/zoom/seed-group", `{"name":"Seeds"}`)
	if _, got := post("/zoom/accept", `{"email":"seed@acme.example"}`); got["accepted"] != true {
		t.Errorf("accept: got %v", got)
	}
	if u, found := s.Gorgias.User("seed@acme.example"); !found || u.Role != "basic-agent" || len(s.Gorgias.Teams()) != 1 {
		t.Errorf("gorgias: got %+v", u)
	}
	if u, found := s.Zoom.User("seed@acme.example"); !found || u.Status != zoom.Active || len(s.Zoom.Groups()) != 1 {
		t.Errorf("zoom: got %+v", u)
	}
	if _, got := post("/zoom/remove-user", `{"email":"seed@acme.example"}`); got["removed"] != true {
		t.Errorf("remove: got %v", got)
	}
	post("/reset", ``)
	if status, _ := fetch(t, "POST", address+"/gorgias/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"}}`, key); status != 200 {
		t.Errorf("after a reset: got %d, want the first settings", status)
	}
}

// Under a mix of all harmful faults each call that the log says changed
// something did so exactly once, and no other did.
func TestChaosKeepsLogAndStateTogether(t *testing.T) {
	t.Parallel()
	s, address := serve(t, sandbox.Options{Gorgias: gorgias.Settings{Unlimited: true}, Zoom: zoom.Settings{Unlimited: true}})
	token := zoomToken(t, address)
	chaos := wire.Chaos{Seed: 1, Rate: 0.6, Kinds: []wire.Kind{
		wire.RateSeconds, wire.RateISODate, wire.ServerError, wire.ServerPage, wire.ErrorAfter, wire.LostReply, wire.CutBody, wire.Down,
	}}
	s.Gorgias.SetChaos(chaos)
	s.Zoom.SetChaos(chaos)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 25 {
				n := worker*25 + i
				fetch(t, "POST", address+"/gorgias/api/users", fmt.Sprintf(`{"name":"P","email":"p%d@acme.example","role":{"name":"agent"}}`, n), key)
				fetch(t, "POST", address+"/zoom/v2/users", fmt.Sprintf(`{"action":"ssoCreate","user_info":{"email":"p%d@acme.example","type":1}}`, n), token)
				fetch(t, "DELETE", address+fmt.Sprintf("/zoom/v2/users/p%d@acme.example?action=delete", n/2), "", token)
			}
		})
	}
	wg.Wait()
	if got, want := len(s.Gorgias.Users()), 4+len(s.Gorgias.Writes()); got != want {
		t.Errorf("gorgias: got %d users, want %d after the writes of the log", got, want)
	}
	users := 2
	for _, c := range s.Zoom.Writes() {
		users += map[string]int{"POST": 1, "DELETE": -1}[c.Method]
	}
	if got := len(s.Zoom.Users()); got != users {
		t.Errorf("zoom: got %d users, want %d after the writes of the log", got, users)
	}
	for _, v := range []*wire.Front{s.Gorgias.Front, s.Zoom.Front} {
		if n := len(v.Writes()); n == 0 || n == len(v.Calls()) {
			t.Errorf("got %d writes in %d calls, want a mix", n, len(v.Calls()))
		}
	}
}
