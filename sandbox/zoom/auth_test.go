package zoom_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/sandbox/wire"
	"github.com/usher-scim/usher/sandbox/zoom"
)

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
