package vendorhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// vendor answers requests without a network, so that tests run in a synctest bubble.
type vendor func(r *http.Request) (answer, error)

// answer is a JSON reply unless its header lines ("Name: value") say otherwise.
type answer struct {
	status  int
	body    string
	headers []string
}

func reply(status int, body string, headers ...string) answer { return answer{status, body, headers} }

func (v vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	a, err := v(r)
	if err != nil {
		return nil, err
	}
	h := http.Header{"Content-Type": {"application/json"}}
	for _, line := range a.headers {
		name, value, _ := strings.Cut(line, ": ")
		h.Set(name, value)
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// answers replies to every request alike and counts them.
func answers(n *atomic.Int32, status int, body string, headers ...string) vendor {
	return func(*http.Request) (answer, error) {
		n.Add(1)
		return reply(status, body, headers...), nil
	}
}

func open(t *testing.T, rt http.RoundTripper, change func(*vendorhttp.Config, *adapters.Deps)) *vendorhttp.Client {
	t.Helper()
	cfg := vendorhttp.Config{App: "app", Title: "App", BaseURL: "https://api.example/v2", Auth: vendorhttp.Basic("it@acme.example", "k3y-of-the-app")}
	deps := adapters.Deps{Transport: rt, NewID: func() string { return "our-id" }, Random: func() float64 { return 0.5 }}
	if change != nil {
		change(&cfg, &deps)
	}
	c, err := vendorhttp.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestReplyToKind(t *testing.T) {
	t.Parallel()
	html := "Content-Type: text/html; charset=utf-8"
	tests := []struct {
		name    string
		method  string
		reply   answer
		kind    adapters.Kind // "" for none
		scope   adapters.Scope
		after   time.Duration
		message string
		sent    int32
	}{
		{"success", "GET", reply(200, `{}`), "", "", 0, "", 1},
		{"success without a body", "DELETE", reply(204, ``, "Content-Type: "), "", "", 0, "", 1},
		{"a page instead of a read", "GET", reply(200, `<html>`, html), adapters.Unavailable, adapters.WholeApp, 0, "not JSON", 1},
		{"a page instead of a write", "POST", reply(200, `<html>`, html), adapters.Uncertain, adapters.WholeApp, 0, "not JSON", 1},
		{"redirect of a write", "POST", reply(307, ``, "Location: https://api.example/v3/users"), adapters.Unavailable, adapters.WholeApp, 0, "redirect", 1},
		{"redirect to another host", "GET", reply(302, ``, "Location: https://evil.example/"), adapters.Unavailable, adapters.WholeApp, 0, "redirect", 1},
		{"bad request", "POST", reply(400, `{}`), adapters.Invalid, adapters.OneAccount, 0, "refused", 1},
		{"bad credentials", "GET", reply(401, `{}`), adapters.Unauthorized, adapters.WholeApp, 0, "credentials", 1},
		{"bad credentials as a page", "GET", reply(401, `<html>`, html), adapters.Unauthorized, adapters.WholeApp, 0, "credentials", 1},
		{"no permission", "GET", reply(403, `{}`), adapters.Unauthorized, adapters.WholeApp, 0, "permit", 1},
		{"a firewall's page", "GET", reply(403, `<html>`, html), adapters.Unavailable, adapters.WholeApp, 0, "not one of App's API", 1},
		{"404 proves nothing by itself", "GET", reply(404, `{}`), adapters.Unavailable, adapters.WholeApp, 0, "address", 1},
		{"no such method", "PATCH", reply(405, `{}`), adapters.Unsupported, adapters.OneAccount, 0, "operation", 1},
		{"timeout at the vendor, read", "GET", reply(408, `{}`), adapters.Unavailable, adapters.OneAccount, 0, "gave up", 1},
		{"timeout at the vendor, write", "PUT", reply(408, `{}`), adapters.Uncertain, adapters.OneAccount, 0, "gave up", 1},
		{"conflict", "POST", reply(409, `{}`), adapters.Conflict, adapters.OneAccount, 0, "conflicts", 1},
		{"too large", "POST", reply(413, `{}`), adapters.Invalid, adapters.OneAccount, 0, "refused", 1},
		{"rate limit without a hint", "POST", reply(429, `{}`), adapters.Retry, adapters.WholeApp, 0, "rate limit", 1},
		{"rate limit in seconds", "POST", reply(429, `{}`, "Retry-After: 17"), adapters.Retry, adapters.WholeApp, 17 * time.Second, "rate limit", 1},
		{"rate limit for a moment, read, repeated", "GET", reply(429, `{}`, "Retry-After: 1"), adapters.Retry, adapters.WholeApp, time.Second, "rate limit", 3},
		{"rate limit for a moment, write", "DELETE", reply(429, `{}`, "Retry-After: 1"), adapters.Retry, adapters.WholeApp, time.Second, "rate limit", 1},
		{"rate limit as a page", "GET", reply(429, `<html>`, html, "Retry-After: 5"), adapters.Retry, adapters.WholeApp, 5 * time.Second, "rate limit", 1},
		{"server error, read", "GET", reply(500, `{}`), adapters.Unavailable, adapters.OneAccount, 0, "trouble", 1},
		{"server error, create", "POST", reply(500, `{}`), adapters.Uncertain, adapters.OneAccount, 0, "trouble", 1},
		{"gateway error, read, repeated", "GET", reply(502, `<html>`, html), adapters.Unavailable, adapters.WholeApp, 0, "trouble", 3},
		{"gateway error, create, never repeated", "POST", reply(502, `<html>`, html), adapters.Uncertain, adapters.WholeApp, 0, "trouble", 1},
		{"gateway timeout, delete", "DELETE", reply(504, ``), adapters.Uncertain, adapters.WholeApp, 0, "trouble", 1},
		{"maintenance, read, repeated", "GET", reply(503, `{}`), adapters.Unavailable, adapters.WholeApp, 0, "not available", 3},
		{"maintenance with a long pause, read", "GET", reply(503, `{}`, "Retry-After: 600"), adapters.Unavailable, adapters.WholeApp, 10 * time.Minute, "not available", 1},
		{"maintenance, delete", "DELETE", reply(503, `{}`), adapters.Unavailable, adapters.WholeApp, 0, "not available", 1},
		{"maintenance, create", "POST", reply(503, `{}`), adapters.Uncertain, adapters.WholeApp, 0, "not available", 1},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var n atomic.Int32
				c := open(t, answers(&n, tc.reply.status, tc.reply.body, tc.reply.headers...), nil)
				_, err := c.Do(t.Context(), vendorhttp.Request{Op: "try", Method: tc.method, Path: "/users"})
				if n.Load() != tc.sent {
					t.Errorf("got %d requests, want %d", n.Load(), tc.sent)
				}
				if tc.kind == "" {
					if err != nil {
						t.Fatalf("got error %v, want none", err)
					}
					return
				}
				e, ok := errors.AsType[*adapters.Error](err)
				if !ok {
					t.Fatalf("got error %v, want an adapter's", err)
				}
				if e.Kind != tc.kind || e.Scope != tc.scope || e.After != tc.after || e.Op != "try" || !strings.Contains(e.Message, tc.message) {
					t.Errorf("got %s %s after %s (%v), want %s %s after %s with %q", e.Kind, e.Scope, e.After, e, tc.kind, tc.scope, tc.after, tc.message)
				}
			})
		})
	}
}

func TestConnectionFailureToKind(t *testing.T) {
	t.Parallel()
	hijack := func(_ http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id": 1`)
	}
	big := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `"`+strings.Repeat("x", 2000)+`"`)
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	tests := []struct {
		name    string
		handler http.HandlerFunc // nil: nobody listens
		read    adapters.Kind
		write   adapters.Kind
		scope   adapters.Scope
		message string
	}{
		{"nobody listens", nil, adapters.Unavailable, adapters.Unavailable, adapters.WholeApp, "refuses connections"},
		{"the connection breaks", hijack, adapters.Unavailable, adapters.Uncertain, adapters.OneAccount, "broke before the reply"},
		{"the reply breaks off", cut, adapters.Unavailable, adapters.Uncertain, adapters.OneAccount, "cut off"},
		{"the reply is too large", big, adapters.Unavailable, adapters.Uncertain, adapters.OneAccount, "larger than 1000 bytes"},
		{"no reply in time", hang, adapters.Unavailable, adapters.Uncertain, adapters.OneAccount, "in time"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(tc.handler)
			t.Cleanup(s.Close)
			if tc.handler == nil {
				s.Close()
			}
			c := open(t, nil, func(cfg *vendorhttp.Config, d *adapters.Deps) {
				cfg.BaseURL, cfg.MaxBody, cfg.HeaderTimeout = s.URL, 1000, 50*time.Millisecond
				d.Random = func() float64 { return 0 }
			})
			for method, want := range map[string]adapters.Kind{"GET": tc.read, "POST": tc.write, "DELETE": tc.write} {
				_, err := c.Do(t.Context(), vendorhttp.Request{Op: "try", Method: method, Path: "/users"})
				e, ok := errors.AsType[*adapters.Error](err)
				if !ok || e.Kind != want || e.Scope != tc.scope || !strings.Contains(e.Message, tc.message) {
					t.Errorf("%s: got %v (%+v), want kind %s, scope %s and %q", method, err, e, want, tc.scope, tc.message)
				}
			}
		})
	}
}

func TestStoppedCalls(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method string
		before bool // stopped before the call, else while the vendor works
		want   adapters.Kind
	}{
		"a read, before":  {"GET", true, adapters.Retry},
		"a write, before": {"POST", true, adapters.Retry},
		"a read, amid":    {"GET", false, adapters.Retry},
		"a write, amid":   {"POST", false, adapters.Uncertain},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			sent := false
			c := open(t, vendor(func(r *http.Request) (answer, error) {
				sent = true
				stop()
				<-r.Context().Done()
				return answer{}, r.Context().Err()
			}), nil)
			if tc.before {
				stop()
			}
			_, err := c.Do(ctx, vendorhttp.Request{Op: "try", Method: tc.method, Path: "/users"})
			if got := adapters.KindOf(err); got != tc.want || !errors.Is(err, context.Canceled) {
				t.Errorf("got %s (%v), want %s and context.Canceled", got, err, tc.want)
			}
			if sent == tc.before {
				t.Errorf("got sent %t, want %t", sent, !tc.before)
			}
		})
	}
}

func TestWholeTimeoutOfAWriteIsUncertain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := open(t, vendor(func(r *http.Request) (answer, error) {
			<-r.Context().Done()
			return answer{}, r.Context().Err()
		}), nil)
		start := time.Now()
		_, err := c.Do(t.Context(), vendorhttp.Request{Op: "try", Method: "POST", Path: "/users"})
		if !adapters.IsKind(err, adapters.Uncertain) || time.Since(start) != vendorhttp.DefaultTimeout {
			t.Errorf("got %v after %s, want uncertain after %s", err, time.Since(start), vendorhttp.DefaultTimeout)
		}
	})
}

func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	c := open(t, vendor(func(r *http.Request) (answer, error) {
		got = r
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return answer{}, err
		}
		return reply(200, `{}`, "X-Request-Id: theirs"), nil
	}), nil)
	resp, err := c.Do(t.Context(), vendorhttp.Request{
		Op: "update user", Method: "PUT", Path: "/users/{id}/teams/{team}", Args: []string{"a/b?c#d", "Tier 1"},
		Query: map[string][]string{"q": {"x&y"}}, Body: map[string]any{"id": int64(9007199254740993)},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"https://api.example/v2/users/a%2Fb%3Fc%23d/teams/Tier%201?q=x%26y", `{"id":9007199254740993}`, "application/json", "application/json", "usher", "our-id", "theirs"}
	have := []string{
		got.URL.String(), string(body), got.Header.Get("Content-Type"), got.Header.Get("Accept"),
		got.Header.Get("User-Agent"), got.Header.Get("X-Request-Id"), resp.RequestID,
	}
	if diff := cmp.Diff(have, want); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
}

func TestArgumentsNeverChangeTheRoute(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	c := open(t, answers(&n, 200, `{}`), nil)
	for _, args := range [][]string{nil, {""}, {"."}, {".."}, {"1", "2"}} {
		_, err := c.Do(t.Context(), vendorhttp.Request{Op: "read", Method: "GET", Path: "/users/{id}", Args: args})
		if !adapters.IsKind(err, adapters.Invalid) {
			t.Errorf("args %q: got %v, want invalid", args, err)
		}
	}
	if n.Load() != 0 {
		t.Errorf("got %d requests, want none", n.Load())
	}
}

func TestJSONReplies(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		ok   bool
	}{
		"an object with a field we do not know": {`{"id": 7, "new": [1]}`, true},
		"an id beyond a float's precision":      {`{"id": 9007199254740993}`, true},
		"nothing":                               {``, false},
		"two values":                            {`{"id": 7} {"id": 8}`, false},
		"half a value":                          {`{"id": 7`, false},
		"another type":                          {`{"id": "seven"}`, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for method, kind := range map[string]adapters.Kind{"GET": adapters.Unavailable, "POST": adapters.Uncertain} {
				var n atomic.Int32
				var out struct {
					ID int64 `json:"id"`
				}
				_, err := open(t, answers(&n, 200, tc.body), nil).JSON(t.Context(), vendorhttp.Request{Op: "read", Method: method, Path: "/users"}, &out)
				if tc.ok && (err != nil || out.ID == 0) || !tc.ok && !adapters.IsKind(err, kind) {
					t.Errorf("%s: got id %d and %v, want success %t, else %s", method, out.ID, err, tc.ok, kind)
				}
			}
		})
	}
}

func TestRedirectsStayOnTheHost(t *testing.T) {
	t.Parallel()
	var seen []string
	c := open(t, vendor(func(r *http.Request) (answer, error) {
		seen = append(seen, r.URL.String())
		resp := reply(200, `{}`)
		if strings.HasSuffix(r.URL.Path, "/old") {
			resp = reply(301, ``, "Location: /v2/new")
		}
		return resp, nil
	}), nil)
	if _, err := c.Do(t.Context(), vendorhttp.Request{Op: "read", Method: "GET", Path: "/old"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(seen, []string{"https://api.example/v2/old", "https://api.example/v2/new"}); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
}

func TestEveryExchangeIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var observed, logged []adapters.Call
		c := open(t, vendor(func(_ *http.Request) (answer, error) {
			time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock: the vendor takes a second
			return reply(404, `{}`, "X-Zm-Trackingid: theirs"), nil
		}), func(_ *vendorhttp.Config, d *adapters.Deps) {
			d.Observe = func(call adapters.Call) { observed = append(observed, call) }
		})
		ctx := adapters.WithCallLog(adapters.WithLane(t.Context(), adapters.LaneRemoval), func(call adapters.Call) { logged = append(logged, call) })
		if _, err := c.Do(ctx, vendorhttp.Request{Op: "delete user", Method: "DELETE", Path: "/users/{id}", Args: []string{"7"}}); err == nil {
			t.Fatal("got no error, want one")
		}
		want := []adapters.Call{{
			App: "app", Op: "delete user", Method: "DELETE", Route: "/users/{id}", Status: 404, Outcome: "unavailable",
			Request: "theirs", Lane: adapters.LaneRemoval, Duration: time.Second, Attempts: 1,
		}}
		if diff := cmp.Diff(observed, want); diff != "" {
			t.Errorf("observed: got -, want +:\n%s", diff)
		}
		if diff := cmp.Diff(logged, want); diff != "" {
			t.Errorf("logged: got -, want +:\n%s", diff)
		}
	})
}

func TestErrorsShowNoSecret(t *testing.T) {
	t.Parallel()
	const key = "k3y-of-the-app"
	echo := fmt.Sprintf("Basic aXRAYWNtZS5leGFtcGxlOmszeS1vZi10aGUtYXBw refused; key %s; access_token=abc123; https://u:pw@host/x; Bearer tok-12345678\n\x00 end", key)
	var n atomic.Int32
	c := open(t, answers(&n, 400, `{}`), func(cfg *vendorhttp.Config, _ *adapters.Deps) {
		cfg.Classify = func(_ vendorhttp.Request, _ *vendorhttp.Response, def *adapters.Error) *adapters.Error {
			def.Message, def.Code = echo+strings.Repeat(" long", 200), key
			return def
		}
	})
	_, err := c.Do(t.Context(), vendorhttp.Request{Op: "try", Method: "POST", Path: "/users"})
	e, ok := errors.AsType[*adapters.Error](err)
	if !ok {
		t.Fatalf("got %v, want an adapter's error", err)
	}
	for _, secret := range []string{key, "aXRAYWNt", "abc123", "u:pw", "tok-12345678", "\n", "\x00"} {
		if strings.Contains(err.Error()+e.Code, secret) {
			t.Errorf("the error shows %q: %s", secret, err)
		}
	}
	if len(e.Message) > vendorhttp.MaxMessage {
		t.Errorf("got a message of %d bytes, want at most %d", len(e.Message), vendorhttp.MaxMessage)
	}
}

// credential records whether it was asked under a permit.
type credential struct{ permitted error }

func (c *credential) Apply(ctx context.Context, _ *http.Request) error {
	c.permitted = adapters.Permitted(ctx)
	return nil
}

func (c *credential) Rejected(*http.Request) bool { return false }

func TestWhatIsNotPermittedIsNotSent(t *testing.T) {
	t.Parallel()
	paused := errors.New("removals are paused by kim")
	for method, want := range map[string]int32{"GET": 1, "HEAD": 1, "POST": 0, "PUT": 0, "PATCH": 0, "DELETE": 0} {
		var n atomic.Int32
		auth := &credential{}
		c := open(t, answers(&n, 200, "{}"), func(cfg *vendorhttp.Config, _ *adapters.Deps) { cfg.Auth = auth })
		ctx := adapters.WithPermit(t.Context(), func(context.Context) error { return paused })
		_, err := c.Do(ctx, vendorhttp.Request{Op: "delete user", Method: method, Path: "/users"})
		if n.Load() != want || auth.permitted != nil {
			t.Errorf("%s: sent %d times, want %d; the credential was asked with %v", method, n.Load(), want, auth.permitted)
		}
		if want == 0 && (!adapters.IsKind(err, adapters.Retry) || !errors.Is(err, paused)) {
			t.Errorf("%s: got %v, want kind retry with its cause", method, err)
		}
		if _, err := c.Do(t.Context(), vendorhttp.Request{Op: "delete user", Method: method, Path: "/users"}); err != nil || n.Load() != want+1 {
			t.Errorf("%s without a permit: got %v, sent %d times", method, err, n.Load())
		}
	}
}
