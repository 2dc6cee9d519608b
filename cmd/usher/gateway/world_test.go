package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/gateway"
	"github.com/usher-scim/usher/config"
	"github.com/usher-scim/usher/sandbox"
	"github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/zoom"
)

// world is a gateway with its two vendors, and the clients that speak to it.
type world struct {
	t       *testing.T
	data    string
	vendors *sandbox.Sandbox
	front   string // the vendors' address
	scim    string
	ops     string
	token   string
	http    *http.Client
	api     *http.Client
}

// newWorld starts vendors without rate limits, so that a test is not paced by them.
func newWorld(t *testing.T) *world {
	t.Helper()
	v := sandbox.New(sandbox.Options{
		LogLimit: 100_000, Gorgias: gorgias.Settings{Unlimited: true},
		Zoom: zoom.Settings{Unlimited: true, Seats: map[string]int{"basic": 2000, "licensed": 2000, "webinar:500": 10}},
	})
	front := httptest.NewServer(v.Handler())
	t.Cleanup(front.Close)
	data, err := os.MkdirTemp("", "ush") //nolint:usetesting // a socket path must be short
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(data) })
	w := &world{t: t, data: data, vendors: v, front: front.URL, http: &http.Client{Timeout: 20 * time.Second}}
	w.api = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", filepath.Join(data, "usher.sock"))
		},
	}}
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func settings(t *testing.T, data string, flags map[string]string) config.Config {
	t.Helper()
	all := map[string]string{"listen": "127.0.0.1:0", "admin-listen": "127.0.0.1:0", "data": data, "quiet-pause": "0s"}
	for k, v := range flags {
		all[k] = v
	}
	cfg, err := config.Load(config.Input{Flags: all})
	must(t, err)
	return cfg
}

// start runs a gateway in this process until the test ends or stop is called.
func (w *world) start(flags map[string]string) (stop func()) {
	w.t.Helper()
	g, err := gateway.Open(w.t.Context(), settings(w.t, w.data, flags), gateway.Options{Logger: slog.New(slog.DiscardHandler), Version: "test"})
	must(w.t, err)
	w.scim, w.ops = "http://"+g.SCIMAddr()+"/scim/v2", "http://"+g.AdminAddr()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("stop: %v", err)
		}
	}
	w.t.Cleanup(stop)
	return stop
}

// admin sends a request to the administrators' API and decodes the reply into out, unless that is nil.
func (w *world) admin(method, path string, body string, out any) {
	w.t.Helper()
	status, reply := w.tryAdmin(method, path, body)
	if status >= 300 {
		w.t.Fatalf("%s %s: %d %s", method, path, status, reply)
	}
	if out != nil {
		must(w.t, json.Unmarshal(reply, out))
	}
}

func (w *world) tryAdmin(method, path string, body string) (int, []byte) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, "http://usher/api/v1"+path, strings.NewReader(body))
	must(w.t, err)
	res, err := w.api.Do(req)
	must(w.t, err)
	defer func() { _ = res.Body.Close() }()
	reply, err := io.ReadAll(res.Body)
	must(w.t, err)
	return res.StatusCode, reply
}

// push sends a SCIM request as an identity provider would and returns status and body.
func (w *world) push(method, path string, body any) (int, map[string]any) {
	w.t.Helper()
	status, reply, err := w.tryPush(method, path, body)
	must(w.t, err)
	return status, reply
}

func (w *world) tryPush(method, path string, body any) (int, map[string]any, error) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.scim+path, r)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	req.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	res, err := w.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	reply := map[string]any{}
	b, err := io.ReadAll(res.Body)
	if err == nil && len(b) > 0 {
		err = json.Unmarshal(b, &reply)
	}
	return res.StatusCode, reply, err
}

// connect adds the source and both apps.
func (w *world) connect() {
	w.t.Helper()
	var token admin.TokenReply
	w.admin("POST", "/sources", `{"name":"okta","kind":"okta","rank":1}`, &token)
	w.token = token.Token
	w.admin("PUT", "/connections/gorgias-prod", fmt.Sprintf("adapter: gorgias\nbase_url: %s/gorgias/api\nemail: %s\napi_key: %s\ncalls_per_second: 1000\n",
		w.front, gorgias.DemoEmail, gorgias.DemoKey), nil)
	w.admin("PUT", "/connections/zoom-prod", fmt.Sprintf(
		"adapter: zoom\nbase_url: %s/zoom/v2\ntoken_url: %s/zoom/oauth/token\naccount_id: %s\nclient_id: %s\nclient_secret: %s\ncreate_action: ssoCreate\nlight_per_second: 1000\nmedium_per_second: 1000\n",
		w.front, w.front, zoom.DemoAccountID, zoom.DemoClientID, zoom.DemoClientSecret), nil)
}

// mails waits until exactly these addresses of acme.example, without the domain, have accounts at a vendor.
func (w *world) settled() admin.StatusReply {
	w.t.Helper()
	return w.await("the queue to empty", func(s admin.StatusReply) bool {
		for _, a := range s.Apps {
			for lane, n := range a.Queue {
				if n > 0 && lane != "later" && lane != "held" && lane != "failed" {
					return false
				}
			}
		}
		return len(s.Apps) > 0
	})
}

const patience = 60 * time.Second

// await polls the status until ok, within patience.
func (w *world) await(what string, ok func(admin.StatusReply) bool) admin.StatusReply {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(patience)
	defer end.Stop()
	for quiet := 0; ; {
		var s admin.StatusReply
		w.admin("GET", "/status", "", &s)
		// Twice in a row: between two looks the outbox has been emptied.
		if quiet++; !ok(s) {
			quiet = 0
		}
		if quiet == 20 {
			return s
		}
		select {
		case <-tick.C:
		case <-end.C:
			j, _ := json.MarshalIndent(s, "", " ")
			w.t.Fatalf("waited %s for %s; status: %s", patience, what, j)
		}
	}
}

func oktaUser(name string) map[string]any {
	return map[string]any{
		"schemas":  []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
		"userName": name + "@acme.example", "externalId": "00u" + name, "active": true, "displayName": strings.ToUpper(name[:1]) + name[1:] + " Test",
		"name":   map[string]any{"givenName": strings.ToUpper(name[:1]) + name[1:], "familyName": "Test"},
		"emails": []any{map[string]any{"primary": true, "value": name + "@acme.example", "type": "work"}},
		"groups": []any{}, "password": "1mz050nq", "locale": "en-US",
	}
}

// hire pushes a user and returns the id.
func (w *world) hire(name string) string {
	w.t.Helper()
	status, u := w.push("POST", "/Users", oktaUser(name))
	if status != http.StatusCreated {
		w.t.Fatalf("hire %s: %d %v", name, status, u)
	}
	id, _ := u["id"].(string)
	return id
}

func (w *world) pushGroup(name string, members ...string) string {
	w.t.Helper()
	status, g := w.push("POST", "/Groups", map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": name, "members": []any{},
	})
	if status != http.StatusCreated {
		w.t.Fatalf("group %s: %d %v", name, status, g)
	}
	id, _ := g["id"].(string)
	w.addMembers(id, members...)
	return id
}

func (w *world) addMembers(group string, members ...string) {
	w.t.Helper()
	var values []any
	for _, m := range members {
		values = append(values, map[string]any{"value": m})
	}
	w.patch("/Groups/"+group, map[string]any{"op": "add", "path": "members", "value": values})
}

func (w *world) patch(path string, ops ...any) {
	w.t.Helper()
	status, body := w.push("PATCH", path, map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": ops,
	})
	if status >= 300 {
		w.t.Fatalf("patch %s: %d %v", path, status, body)
	}
}

func (w *world) deactivate(id string) {
	w.t.Helper()
	w.patch("/Users/"+id, map[string]any{"op": "replace", "value": map[string]any{"active": false}})
}
