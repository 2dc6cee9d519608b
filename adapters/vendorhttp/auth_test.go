package vendorhttp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// numbered is a token endpoint that gives t1, t2, ….
func numbered(fetched *atomic.Int32, life time.Duration, now func() time.Time) func(context.Context) (vendorhttp.Token, error) {
	return func(context.Context) (vendorhttp.Token, error) {
		return vendorhttp.Token{Value: adapters.Secret(fmt.Sprintf("t%d", fetched.Add(1))), Expires: now().Add(life)}, nil
	}
}

func TestExpiredTokenIsRenewedOnceForAllCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fetched, refused atomic.Int32
		source := vendorhttp.NewTokenSource(numbered(&fetched, time.Hour, time.Now), nil, time.Minute)
		c := open(t, vendor(func(r *http.Request) (answer, error) {
			resp := reply(200, `{}`)
			if r.Header.Get("Authorization") == "Bearer t1" {
				refused.Add(1)
				<-time.After(time.Second) // all of them are under way with the old token
				resp = reply(401, `{}`)
			}
			return resp, nil
		}), func(cfg *vendorhttp.Config, _ *adapters.Deps) {
			cfg.Auth, cfg.Concurrency = vendorhttp.Bearer(source), 8
		})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := c.Do(t.Context(), vendorhttp.Request{Op: "create", Method: "POST", Path: "/users"}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if refused.Load() != 8 || fetched.Load() != 2 {
			t.Errorf("got %d refusals and %d tokens, want 8 and 2", refused.Load(), fetched.Load())
		}
	})
}

func TestRefusedAgainIsGivenUp(t *testing.T) {
	t.Parallel()
	var fetched, sent atomic.Int32
	source := vendorhttp.NewTokenSource(numbered(&fetched, time.Hour, time.Now), nil, time.Minute)
	c := open(t, answers(&sent, 401, `{}`), func(cfg *vendorhttp.Config, _ *adapters.Deps) { cfg.Auth = vendorhttp.Bearer(source) })
	_, err := c.Do(t.Context(), get(""))
	if !adapters.IsKind(err, adapters.Unauthorized) || sent.Load() != 2 || fetched.Load() != 2 {
		t.Errorf("got %v, %d calls and %d tokens, want unauthorized, 2 and 2", err, sent.Load(), fetched.Load())
	}
}

func TestTokenIsRenewedBeforeItEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fetched atomic.Int32
		source := vendorhttp.NewTokenSource(numbered(&fetched, time.Hour, time.Now), nil, 5*time.Minute)
		for _, step := range []struct {
			later time.Duration
			want  int32
		}{{0, 1}, {54 * time.Minute, 1}, {2 * time.Minute, 2}, {54 * time.Minute, 2}} {
			<-time.After(step.later)
			if _, err := source.Token(t.Context()); err != nil || fetched.Load() != step.want {
				t.Errorf("%s later: got %d tokens and %v, want %d", step.later, fetched.Load(), err, step.want)
			}
		}
	})
}

func TestTokenEndpoint(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		status  int
		body    string
		kind    adapters.Kind // of a call that needed the token; "" for success
		expires time.Time
	}{
		"a number of seconds":      {200, `{"access_token":"a","expires_in":3600,"scope":"x y"}`, "", now.Add(time.Hour)},
		"a text of seconds":        {200, `{"access_token":"a","expires_in":"60"}`, "", now.Add(time.Minute)},
		"no life said":             {200, `{"access_token":"a"}`, "", time.Time{}},
		"a life of zero":           {200, `{"access_token":"a","expires_in":0}`, "", time.Time{}},
		"an absurd life":           {200, `{"access_token":"a","expires_in":99999999999999999999}`, "", time.Time{}},
		"no token":                 {200, `{}`, adapters.Unavailable, time.Time{}},
		"refused":                  {400, `{"error":"invalid_client"}`, adapters.Unauthorized, time.Time{}},
		"trouble at the endpoint":  {502, `{}`, adapters.Unavailable, time.Time{}},
		"rate limit":               {429, `{}`, adapters.Retry, time.Time{}},
		"another page":             {404, `{}`, adapters.Unavailable, time.Time{}},
		"a page instead of a JSON": {200, `<html>`, adapters.Unavailable, time.Time{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := vendor(func(r *http.Request) (answer, error) {
				resp := reply(200, `{}`)
				if r.URL.Path == "/token" {
					resp = reply(tc.status, tc.body)
				}
				return resp, nil
			})
			clock := func(_ *vendorhttp.Config, d *adapters.Deps) { d.Now = func() time.Time { return now } }
			endpoint := open(t, rt, func(cfg *vendorhttp.Config, d *adapters.Deps) {
				clock(cfg, d)
				cfg.BaseURL = "https://login.example"
			})
			var token vendorhttp.Token
			source := vendorhttp.NewTokenSource(func(ctx context.Context) (vendorhttp.Token, error) {
				var err error
				token, err = vendorhttp.FetchToken(ctx, endpoint, "/token", url.Values{"grant_type": {"x"}})
				return token, err
			}, func() time.Time { return now }, 0)
			c := open(t, rt, func(cfg *vendorhttp.Config, d *adapters.Deps) {
				clock(cfg, d)
				cfg.Auth = vendorhttp.Bearer(source)
			})
			_, err := c.Do(t.Context(), vendorhttp.Request{Op: "create user", Method: "POST", Path: "/users"})
			if tc.kind == "" {
				if err != nil || !token.Expires.Equal(tc.expires) {
					t.Errorf("got %v and expiry %s, want success and %s", err, token.Expires, tc.expires)
				}
				return
			}
			if got := adapters.KindOf(err); got != tc.kind || !strings.HasPrefix(err.Error(), "create user: no access token: ") {
				t.Errorf("got %s (%v), want %s of the call itself", got, err, tc.kind)
			}
		})
	}
}
