package gorgias_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/wire"
)

func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	d, u := seeded(t, gorgias.Settings{})
	d.SetKey(u.Email, "agents-key")
	tests := []struct {
		name         string
		method, path string
		with         func(*http.Request)
		status       int
	}{
		{"no credential", "GET", "/api/users", func(*http.Request) {}, 401},
		{"a wrong key", "GET", "/api/users", func(r *http.Request) { r.SetBasicAuth(gorgias.DemoEmail, "x") }, 401},
		{"a wrong user", "GET", "/api/users", func(r *http.Request) { r.SetBasicAuth("x@acme.example", gorgias.DemoKey) }, 401},
		{"an unknown token", "GET", "/api/users", func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 401},
		{"another case in the name", "GET", "/api/account", func(r *http.Request) { r.SetBasicAuth(strings.ToUpper(gorgias.DemoEmail), gorgias.DemoKey) }, 200},
		{"an agent reads", "GET", "/api/users", func(r *http.Request) { r.SetBasicAuth(u.Email, "agents-key") }, 200},
		{"an agent writes", "DELETE", "/api/users/1", func(r *http.Request) { r.SetBasicAuth(u.Email, "agents-key") }, 403},
		{"an agent writes teams", "POST", "/api/teams", func(r *http.Request) { r.SetBasicAuth(u.Email, "agents-key") }, 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, got := d.send(tt.method, tt.path, "", tt.with)
			if w.Code != tt.status {
				t.Errorf("got %d, want %d", w.Code, tt.status)
			}
			if tt.status == 401 && !cmp.Equal(got, map[string]any{"error": map[string]any{"msg": "Unauthorized."}}) {
				t.Errorf("got %v, want the vendor's body", got)
			}
		})
	}
	d.RemoveUser(u.ID)
	if w, _ := d.send("GET", "/api/users", "", func(r *http.Request) { r.SetBasicAuth(u.Email, "agents-key") }); w.Code != 401 {
		t.Errorf("the key of a deleted user: got %d, want 401", w.Code)
	}
}

func TestWrongSubdomainIsAPage(t *testing.T) {
	t.Parallel()
	d := open(t, gorgias.Settings{})
	key := func(r *http.Request) { r.SetBasicAuth(gorgias.DemoEmail, gorgias.DemoKey) }
	for host, status := range map[string]int{"acme.gorgias.com": 200, "acmee.gorgias.com": 404, "127.0.0.1:80": 200} {
		w, _ := d.send("GET", "https://"+host+"/api/account", "", key)
		if w.Code != status {
			t.Errorf("%s: got %d, want %d", host, w.Code, status)
		}
		if status == 404 && !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			t.Errorf("%s: got %s, want a page", host, w.Header().Get("Content-Type"))
		}
	}
	d.Configure(func(s *gorgias.Settings) { s.WrongSubdomain = true })
	if w, _ := d.call("GET", "/api/account", ""); w.Code != 404 || !strings.Contains(w.Body.String(), "<html>") {
		t.Errorf("got %d %s, want a page", w.Code, w.Body)
	}
}

func TestBucketLeaks(t *testing.T) {
	t.Parallel()
	d := open(t, gorgias.Settings{})
	for i := range 40 {
		w, _ := d.call("GET", "/api/account", "")
		if got, want := w.Header().Get("X-Gorgias-Account-Api-Call-Limit"), fmt.Sprintf("%d/40", i+1); w.Code != 200 || got != want {
			t.Fatalf("call %d: got %d %s, want 200 %s", i+1, w.Code, got, want)
		}
	}
	w, got := d.call("GET", "/api/account", "")
	if w.Code != 429 || w.Header().Get("Retry-After") != "1" || !cmp.Equal(got["error"], map[string]any{"msg": "Too many requests."}) {
		t.Fatalf("41st call: got %d %v %v", w.Code, w.Header(), got)
	}
	d.pass(time.Second) // two calls leak out
	for i, want := range []int{200, 200, 429} {
		if w, _ := d.call("GET", "/api/account", ""); w.Code != want {
			t.Errorf("call %d after a second: got %d, want %d", i, w.Code, want)
		}
	}
	d.pass(20 * time.Second)
	if w, _ := d.call("GET", "/api/account", ""); w.Header().Get("X-Gorgias-Account-Api-Call-Limit") != "1/40" {
		t.Errorf("after the window: got %s, want 1/40", w.Header().Get("X-Gorgias-Account-Api-Call-Limit"))
	}
}

func TestOAuth(t *testing.T) {
	t.Parallel()
	d := open(t, gorgias.Settings{})
	client := func(r *http.Request) {
		r.SetBasicAuth(gorgias.DemoClientID, gorgias.DemoClientSecret)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	code := d.IssueCode(gorgias.DemoEmail, "users:read", "offline")
	w, first := d.send("POST", "/oauth/token", "grant_type=authorization_code&redirect_uri=https%3A%2F%2Fx&code="+code, client)
	if w.Code != 200 || first["expires_in"] != 86400.0 || first["token_type"] != "Bearer" {
		t.Fatalf("got %d %v", w.Code, first)
	}
	if again, got := d.send("POST", "/oauth/token", "grant_type=authorization_code&redirect_uri=https%3A%2F%2Fx&code="+code, client); again.Code != 400 || got["error"] != "invalid_grant" {
		t.Errorf("a used code: got %d %v", again.Code, got)
	}
	with := func(token any) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+is[string](t, token)) }
	}
	w, me := d.send("GET", "/api/users/0", "", with(first["access_token"]))
	if w.Code != 200 || me["email"] != gorgias.DemoEmail || w.Header().Get("X-Gorgias-Account-Api-Call-Limit") != "1/80" {
		t.Errorf("got %d %v %v", w.Code, me, w.Header())
	}
	if w, _ := d.send("DELETE", "/api/users/1", "", with(first["access_token"])); w.Code != 403 {
		t.Errorf("without users:write: got %d, want 403", w.Code)
	}
	if w, _ := d.send("GET", "/api/account", "", with(first["access_token"])); w.Code != 403 {
		t.Errorf("without account:read: got %d, want 403", w.Code)
	}
	d.pass(24 * time.Hour)
	if w, _ := d.send("GET", "/api/users/0", "", with(first["access_token"])); w.Code != 401 {
		t.Errorf("after 24 hours: got %d, want 401", w.Code)
	}
	refresh := "grant_type=refresh_token&refresh_token=" + is[string](t, first["refresh_token"])
	_, second := d.send("POST", "/oauth/token", refresh, client)
	if w, _ := d.send("GET", "/api/users/0", "", with(second["access_token"])); w.Code != 200 {
		t.Errorf("renewed: got %d, want 200", w.Code)
	}
	d.send("POST", "/oauth/revoke", "token="+is[string](t, first["refresh_token"]), client)
	if w, got := d.send("POST", "/oauth/token", refresh, client); w.Code != 400 || got["error"] != "invalid_grant" {
		t.Errorf("after a revoke: got %d %v", w.Code, got)
	}
	if w, got := d.send("POST", "/oauth/token", refresh, func(*http.Request) {}); w.Code != 401 || got["error"] != "invalid_client" {
		t.Errorf("without a client: got %d %v", w.Code, got)
	}
	if log, err := json.Marshal(d.Calls()); err != nil || strings.Contains(string(log), is[string](t, first["refresh_token"])) || strings.Contains(string(log), code) {
		t.Errorf("the log holds a secret: %s (%v)", log, err)
	}
}

func TestTenantAndCredentialFaults(t *testing.T) {
	t.Parallel()
	d, u := seeded(t, gorgias.Settings{})
	_, before := d.call("GET", "/api/users/0", "")
	d.Inject(wire.Fault{Kind: wire.OtherTenant})
	_, account := d.call("GET", "/api/account", "")
	_, after := d.call("GET", "/api/users/0", "")
	if account["domain"] != "umbrella" || before["id"] == after["id"] {
		t.Errorf("got %v and %v, want another account", account, after["id"])
	}
	if w, _ := d.call("GET", fmt.Sprintf("/api/users/%d", u.ID), ""); w.Code != 404 {
		t.Errorf("our user at the other tenant: got %d, want 404", w.Code)
	}
	d.Inject(wire.Fault{Kind: wire.OtherTenant})
	if _, account := d.call("GET", "/api/account", ""); account["domain"] != "acme" {
		t.Errorf("back: got %v", account)
	}
	d.Inject(wire.Fault{Kind: wire.Revoked})
	for range 2 {
		if w, _ := d.call("GET", "/api/account", ""); w.Code != 401 {
			t.Errorf("revoked: got %d, want 401", w.Code)
		}
	}
	d.Reset()
	if w, _ := d.call("GET", "/api/account", ""); w.Code != 200 {
		t.Errorf("after a reset: got %d, want 200", w.Code)
	}
	if len(d.Users()) != 4 {
		t.Errorf("after a reset: got %d users, want the first four", len(d.Users()))
	}
}
