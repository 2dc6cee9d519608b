package wire_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/sandbox/wire"
)

// counter is a backend whose only state is how many writes it has seen.
type counter struct {
	mu        sync.Mutex
	writes    int
	disturbed []wire.Kind
	shift     int
}

func (c *counter) Handle(_ context.Context, r *wire.Request) wire.Reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift = r.Shift
	if r.Method == http.MethodGet {
		return wire.Reply{Status: 200, JSON: map[string]any{"path": r.Path, "segments": r.Segments, "api": r.API}}
	}
	c.writes++
	return wire.Reply{Status: 201, JSON: map[string]any{"writes": c.writes, "padding": strings.Repeat("x", 100)}, Changed: true, Ignored: []string{"extra"}}
}

func (c *counter) Trouble(_ *wire.Request, status int, daily bool) wire.Reply {
	return wire.Reply{Status: status, JSON: map[string]any{"trouble": status, "daily": daily}}
}

func (c *counter) Disturb(k wire.Kind, _ *wire.Request) { c.disturbed = append(c.disturbed, k) }

func (c *counter) Control(act string, body []byte) (any, error) {
	if act != "add" {
		return nil, errors.New("only add")
	}
	return string(body), nil
}

func (c *counter) State() any { return map[string]int{"writes": c.count()} }

func (c *counter) Reset() { c.writes = 0 }

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes
}

// start serves a counter over real HTTP, with a clock that stands still and notes waits.
func start(t *testing.T) (*counter, *wire.Front, string, *[]time.Duration) {
	t.Helper()
	c := &counter{}
	var waits []time.Duration
	at := time.Date(2026, 5, 4, 8, 30, 0, 500_000_000, time.UTC)
	f := wire.NewFront(c, wire.Options{Name: "test", Base: "/v2", Clock: wire.Clock{
		Now: func() time.Time { return at },
		Wait: func(_ context.Context, d time.Duration) error {
			waits = append(waits, d)
			return nil
		},
	}})
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return c, f, s.URL, &waits
}

// fetch makes a call on its own connection; status is 0 when there was no answer.
func fetch(ctx context.Context, t *testing.T, method, url, body string) (status int, h http.Header, got string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		return 0, nil, "", err
	}
	b, err := io.ReadAll(resp.Body)
	if cerr := resp.Body.Close(); cerr != nil {
		t.Error(cerr)
	}
	return resp.StatusCode, resp.Header, string(b), err
}

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault   wire.Fault
		status  int  // what the caller gets
		effect  bool // the vendor did it
		broken  bool // the caller gets an error
		header  string
		value   string
		body    string
		waiting time.Duration
	}{
		{fault: wire.Fault{Kind: wire.RateSeconds, Delay: 1500 * time.Millisecond}, status: 429, header: "Retry-After", value: "2", body: `"daily":false`},
		{fault: wire.Fault{Kind: wire.RateHTTPDate, Delay: 2 * time.Second}, status: 429, header: "Retry-After", value: "Mon, 04 May 2026 08:30:03 GMT"},
		{fault: wire.Fault{Kind: wire.RateISODate, Delay: time.Hour}, status: 429, header: "Retry-After", value: "2026-05-04T09:30:01Z", body: `"daily":true`},
		{fault: wire.Fault{Kind: wire.RateReset}, status: 429, header: "X-RateLimit-Reset", value: "1777883402"},
		{fault: wire.Fault{Kind: wire.ServerError}, status: 503, body: `"trouble":503`},
		{fault: wire.Fault{Kind: wire.ServerError, Status: 500}, status: 500, body: `"trouble":500`},
		{fault: wire.Fault{Kind: wire.ServerPage}, status: 502, header: "Content-Type", value: "text/html; charset=utf-8", body: "<html>"},
		{fault: wire.Fault{Kind: wire.ErrorAfter, Status: 504}, status: 504, effect: true, body: `"trouble":504`},
		{fault: wire.Fault{Kind: wire.LostReply}, broken: true, effect: true},
		{fault: wire.Fault{Kind: wire.CutBody}, status: 201, broken: true, effect: true, body: `{"padding":"xxx`},
		{fault: wire.Fault{Kind: wire.Slow, Delay: 7 * time.Second}, status: 201, effect: true, waiting: 7 * time.Second},
		{fault: wire.Fault{Kind: wire.SlowReply, Delay: 9 * time.Second}, status: 201, effect: true, waiting: 9 * time.Second},
		{fault: wire.Fault{Kind: wire.Down}, broken: true},
		{fault: wire.Fault{Kind: wire.ExpiredToken}, status: 201, effect: true},
		{fault: wire.Fault{Kind: wire.PageShift}, status: 201, effect: true},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault.Kind)+fmt.Sprint(tt.fault.Status), func(t *testing.T) {
			t.Parallel()
			c, f, url, waits := start(t)
			f.Inject(tt.fault)
			status, h, body, err := fetch(t.Context(), t, "POST", url+"/v2/users", `{}`)
			if status != tt.status || (err != nil) != tt.broken {
				t.Errorf("got %d, %v; want %d, an error: %v", status, err, tt.status, tt.broken)
			}
			if tt.header != "" && h.Get(tt.header) != tt.value {
				t.Errorf("%s: got %q, want %q", tt.header, h.Get(tt.header), tt.value)
			}
			if !strings.Contains(body, tt.body) {
				t.Errorf("body: got %s, want it to contain %s", body, tt.body)
			}
			if (c.count() == 1) != tt.effect {
				t.Errorf("effects: got %d, want one: %v", c.count(), tt.effect)
			}
			if tt.waiting > 0 && !cmp.Equal(*waits, []time.Duration{tt.waiting}) {
				t.Errorf("waits: got %v, want %v", *waits, tt.waiting)
			}
			calls := f.Calls()
			if len(calls) != 1 || calls[0].Status != tt.status || calls[0].Fault != tt.fault.Kind || calls[0].Changed != tt.effect {
				t.Errorf("log: got %+v", calls)
			}
			if status, _, _, err := fetch(t.Context(), t, "POST", url+"/v2/users", `{}`); status != 201 || err != nil {
				t.Errorf("the next call: got %d, %v; want the fault used up", status, err)
			}
		})
	}
}

func TestHangsEndWithTheCaller(t *testing.T) {
	t.Parallel()
	for _, kind := range []wire.Kind{wire.Hang, wire.HangReply} {
		c, arrived := &counter{}, make(chan struct{}, 1)
		f := wire.NewFront(c, wire.Options{Name: "test", Base: "/v2", Clock: wire.Clock{Now: func() time.Time {
			arrived <- struct{}{}
			return time.Unix(0, 0)
		}}})
		s := httptest.NewServer(f)
		f.Inject(wire.Fault{Kind: kind})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, _, _, err := fetch(ctx, t, "POST", s.URL+"/v2/users", `{}`)
			ended <- err
		}()
		<-arrived
		if kind == wire.HangReply { // the effect is there while the caller still waits
			if _, err := f.Log().Await(t.Context(), 0, func(call wire.Call) bool { return call.Changed }); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want the caller's own end", kind, err)
		}
		if _, err := f.Log().Await(t.Context(), 0, func(call wire.Call) bool { return call.Fault == kind }); err != nil {
			t.Fatal(err)
		}
		if got, want := c.count(), map[wire.Kind]int{wire.Hang: 0, wire.HangReply: 1}[kind]; got != want {
			t.Errorf("%s: got %d effects, want %d", kind, got, want)
		}
		s.Close()
	}
}

func TestFaultsMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		fault        wire.Fault
		method, path string
		hits         []bool
	}{
		{"one by default", wire.Fault{}, "GET", "/users", []bool{true, false}},
		{"three of a kind", wire.Fault{Method: "POST", Path: "/users", Count: 3}, "POST", "/users", []bool{true, true, true, false}},
		{"after two", wire.Fault{Path: "/users", Skip: 2}, "GET", "/users", []bool{false, false, true, false}},
		{"for good", wire.Fault{Path: "/users/*", Count: -1}, "GET", "/users/7", []bool{true, true, true}},
		{"another method", wire.Fault{Method: "POST"}, "GET", "/users", []bool{false}},
		{"a shorter path", wire.Fault{Path: "/users/*"}, "GET", "/users", []bool{false}},
		{"a longer path", wire.Fault{Path: "/users/*"}, "GET", "/users/7/status", []bool{false}},
		{"everything below", wire.Fault{Path: "/users/**"}, "GET", "/users/7/status", []bool{true, false}},
		{"an encoded id", wire.Fault{Path: "/users/a@b"}, "GET", "/users/a%40b", []bool{true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, f, url, _ := start(t)
			tt.fault.Kind = wire.ServerError
			f.Inject(tt.fault)
			var hits []bool
			for range tt.hits {
				status, _, _, err := fetch(t.Context(), t, tt.method, url+"/v2"+tt.path, "")
				if err != nil {
					t.Fatal(err)
				}
				hits = append(hits, status == 503)
			}
			if diff := cmp.Diff(tt.hits, hits); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFaultIsTakenAway(t *testing.T) {
	t.Parallel()
	_, f, url, _ := start(t)
	remove := f.Inject(wire.Fault{Kind: wire.ServerError, Count: -1})
	f.Inject(wire.Fault{Kind: wire.ServerError, Status: 500, Count: 2})
	remove()
	if diff := cmp.Diff([]wire.Fault{{Kind: wire.ServerError, Status: 500, Count: 2}}, f.Faults()); diff != "" {
		t.Error(diff)
	}
	f.ClearFaults()
	if status, _, _, err := fetch(t.Context(), t, "GET", url+"/v2/users", ""); status != 200 || err != nil {
		t.Errorf("got %d, %v", status, err)
	}
}

func TestChaosFollowsItsSeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (hits string) {
		_, f, url, _ := start(t)
		f.SetChaos(wire.Chaos{Seed: seed, Rate: 0.5, Kinds: []wire.Kind{wire.ServerError, wire.RateSeconds}})
		for range 40 {
			status, _, _, err := fetch(t.Context(), t, "GET", url+"/v2/users", "")
			if err != nil {
				t.Fatal(err)
			}
			hits += fmt.Sprint(status, " ")
		}
		return hits
	}
	first := run(7)
	if first != run(7) {
		t.Error("the same seed gave two sequences")
	}
	if first == run(8) {
		t.Error("two seeds gave the same sequence")
	}
	for _, status := range []string{"200 ", "503 ", "429 "} {
		if !strings.Contains(first, status) {
			t.Errorf("got %s, want all outcomes", first)
		}
	}
}

func TestLogIsBoundedAndHidesSecrets(t *testing.T) {
	t.Parallel()
	log := wire.NewLog(3)
	f := wire.NewFront(&counter{}, wire.Options{Name: "test", Base: "/v2", Log: log})
	for range 10 {
		send(t, f, "POST", "/v2/users?code=hush&x=1", `{"a":[{"password":"hush"}],"refresh_token":"hush","n":1}`)
	}
	calls := log.After(0)
	if len(calls) != 3 || calls[0].Seq != 8 || calls[2].Seq != 10 {
		t.Fatalf("got %d calls from %v, want the last three", len(calls), calls)
	}
	if got := log.After(9); len(got) != 1 || got[0].Seq != 10 {
		t.Errorf("after 9: got %v", got)
	}
	if got, want := string(calls[0].Body), `{"a":[{"password":"[redacted]"}],"n":1,"refresh_token":"[redacted]"}`; got != want {
		t.Errorf("body: got %s, want %s", got, want)
	}
	if got, want := calls[0].Query, "code=%5Bredacted%5D&x=1"; got != want {
		t.Errorf("query: got %s, want %s", got, want)
	}
	if !cmp.Equal(calls[0].Ignored, []string{"extra"}) {
		t.Errorf("ignored: got %v", calls[0].Ignored)
	}
	send(t, f, "POST", "/v2/users", "secret and no JSON")
	if got, want := string(log.After(10)[0].Body), `{"unreadable_bytes":18}`; got != want {
		t.Errorf("body: got %s, want %s", got, want)
	}
}

func send(t *testing.T, h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
	return w
}

func TestControl(t *testing.T) {
	t.Parallel()
	c := &counter{}
	f := wire.NewFront(c, wire.Options{Name: "test", Base: "/v2"})
	h := wire.Control(f.Log(), f)
	tests := []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/_sandbox/faults", `{"vendor":"test","kind":"5xx","method":"post","path":"/users","count":2,"delay":"2s"}`, 204, ""},
		{"GET", "/_sandbox/faults", "", 200, `"delay": "2s"`},
		{"POST", "/_sandbox/faults", `{"vendor":"acme","kind":"5xx"}`, 400, `there is no vendor \"acme\"`},
		{"POST", "/_sandbox/faults", `{"vendor":"test","kind":"boom"}`, 400, `there is no kind \"boom\"`},
		{"POST", "/_sandbox/faults", `{"vendor":"test","knid":"5xx"}`, 400, `unknown field`},
		{"POST", "/_sandbox/faults", `{"vendor":"test","kind":"slow","delay":"soon"}`, 400, `soon`},
		{"POST", "/_sandbox/chaos", `{"rate":2}`, 400, `from 0 to 1`},
		{"POST", "/_sandbox/chaos", `{"vendor":"acme"}`, 400, `there is no vendor`},
		{"POST", "/_sandbox/chaos", `{"kinds":["boom"]}`, 400, `there is no kind`},
		{"POST", "/_sandbox/test/add", `x`, 200, `"x"`},
		{"POST", "/_sandbox/test/drop", ``, 400, `only add`},
		{"POST", "/_sandbox/acme/add", ``, 404, `there is no vendor`},
		{"GET", "/_sandbox/calls", "", 200, `[]`},
		{"GET", "/_sandbox/calls?after=x", "", 400, `no number`},
		{"DELETE", "/_sandbox/calls", "", 405, ``},
	}
	for _, tt := range tests {
		w := send(t, h, tt.method, tt.path, tt.body)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %s %s: got %d %s, want %d %s", tt.method, tt.path, tt.body, w.Code, w.Body, tt.status, tt.want)
		}
	}
	for range 3 {
		send(t, f, "POST", "/v2/users", `{}`)
	}
	var calls []wire.Call
	if err := json.Unmarshal(send(t, h, "GET", "/_sandbox/calls?after=1&vendor=test", "").Body.Bytes(), &calls); err != nil {
		t.Fatal(err)
	}
	if len(calls) != 2 || calls[0].Status != 503 || calls[1].Status != 201 || calls[0].Error == "" {
		t.Errorf("calls: got %+v", calls)
	}
	if got := send(t, h, "GET", "/_sandbox/calls?vendor=acme", "").Body.String(); got != "[]\n" {
		t.Errorf("another vendor's calls: got %s", got)
	}
	if got := send(t, h, "GET", "/_sandbox/state", "").Body.String(); !strings.Contains(got, `"writes": 1`) {
		t.Errorf("state: got %s", got)
	}
	send(t, h, "POST", "/_sandbox/chaos", `{"seed":1,"rate":1,"kinds":["5xx"]}`)
	if w := send(t, f, "GET", "/v2/users", ""); w.Code != 503 {
		t.Errorf("chaos: got %d", w.Code)
	}
	send(t, h, "DELETE", "/_sandbox/faults", "")
	if w := send(t, f, "GET", "/v2/users", ""); w.Code != 200 {
		t.Errorf("after chaos: got %d", w.Code)
	}
	send(t, h, "POST", "/_sandbox/reset", "")
	if c.count() != 0 || len(f.Calls()) != 0 {
		t.Errorf("after a reset: %d writes, %d calls", c.count(), len(f.Calls()))
	}
}

func TestDefaultWaitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := wire.Clock{}.WithDefaults()
	if err := c.Wait(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if err := c.Wait(t.Context(), time.Nanosecond); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	if c.Now().IsZero() {
		t.Error("the default clock does not run")
	}
}

// A late reader sees exactly the state that was there lag ago; a reader without lag sees the present.
func TestTableAgainstHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table := wire.NewTable[int, int]()
		at := time.Unix(1000, 0)
		history := []map[int]int{{}} // by second
		for range rapid.IntRange(1, 14).Draw(t, "seconds") {
			at = at.Add(time.Second)
			next := map[int]int{}
			for k, v := range history[len(history)-1] {
				next[k] = v
			}
			k, v := rapid.IntRange(0, 3).Draw(t, "key"), rapid.IntRange(0, 9).Draw(t, "value")
			if rapid.Bool().Draw(t, "put") {
				table.Put(k, v, at)
				next[k] = v
			} else {
				table.Delete(k, at)
				delete(next, k)
			}
			history = append(history, next)
		}
		lag := rapid.IntRange(0, len(history)-1).Draw(t, "lag")
		want := history[len(history)-1-lag]
		got := table.AllSeen(at, time.Duration(lag)*time.Second)
		if len(got) != len(want) {
			t.Fatalf("lag %d: got %v, want %v", lag, got, want)
		}
		for k := range 4 {
			v, there := table.Seen(k, at, time.Duration(lag)*time.Second)
			if w, wanted := want[k]; there != wanted || v != w {
				t.Fatalf("lag %d, key %d: got %d %v, want %d %v", lag, k, v, there, w, wanted)
			}
		}
	})
}
