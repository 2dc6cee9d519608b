package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestLoadSendsEveryRequestOnce(t *testing.T) {
	t.Parallel()
	var seen [200]atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen[r.ContentLength].Add(1)
		_, _ = w.Write([]byte("ok"))
	}))
	defer srv.Close()
	tgt := &target{addr: strings.TrimPrefix(srv.URL, "http://")}
	var replied atomic.Int64
	p := phase{warm: 20, reply: func(int, []byte) { replied.Add(1) }}
	for i := range seen {
		p.requests = append(p.requests, request{wire: tgt.wire("POST", "/", bytes.Repeat([]byte("x"), i)), status: 200, has: []byte("ok")})
	}
	res, err := load(t.Context(), tgt.addr, 7, p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range seen {
		if got := seen[i].Load(); got != 1 {
			t.Errorf("request %d came %d times, want once", i, got)
		}
	}
	if got, want := replied.Load(), int64(len(seen)); got != want {
		t.Errorf("%d replies were handed on, want %d", got, want)
	}
	if res.rate <= 0 || res.p50 <= 0 || res.p99 < res.p50 {
		t.Errorf("measured %+v, want a rate and 0 < p50 <= p99", res)
	}
}

func TestLoadEndsWithTheFirstWrongReply(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/3" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		_, _ = w.Write([]byte(r.URL.Path))
	}))
	defer srv.Close()
	tgt := &target{addr: strings.TrimPrefix(srv.URL, "http://")}
	get := func(path, has string) request {
		return request{wire: tgt.wire("GET", path, nil), status: 200, has: []byte(has)}
	}
	for _, tc := range []struct {
		name, want string
		requests   []request
	}{
		{"another status", "request 1: the reply has status 418, not 200", []request{get("/1", ""), get("/3", ""), get("/1", "")}},
		{"another user", "request 0: the reply is not about the user", []request{get("/1", "/2")}},
	} {
		_, err := load(t.Context(), tgt.addr, 1, phase{requests: tc.requests})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error = %v, want one that says %q", tc.name, err, tc.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := load(ctx, tgt.addr, 1, phase{requests: []request{get("/1", "")}}); err == nil {
		t.Error("a load that was cancelled went on")
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, tc := range []struct {
		name      string
		got, want time.Duration
	}{
		{"half of a hundred", percentile(hundred, 50), 50},
		{"99 of a hundred", percentile(hundred, 99), 99},
		{"99 of ten", percentile(hundred[:10], 99), 10},
		{"of one", percentile(hundred[:1], 50), 1},
		{"of none", percentile(nil, 50), 0},
		{"median of three", median([]time.Duration{9, 1, 5}), 5},
		{"median of four", median([]time.Duration{9, 1, 5, 7}), 6},
		{"median of none", median([]time.Duration(nil)), 0},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, tc.got, tc.want)
		}
	}
}

func TestTheReportComparesWithinARun(t *testing.T) {
	t.Parallel()
	var r report
	// A machine that is twice as fast in the second run changes nothing about the ratio.
	for _, speed := range []float64{1, 2, 3} {
		ms := time.Duration(float64(time.Millisecond) / speed)
		r.add("floor", opPost, result{rate: 1000 * speed, p50: ms, p99: 2 * ms})
		r.add("usher", opPost, result{rate: 500 * speed, p50: 2 * ms, p99: 4 * ms})
		r.add("usher", opPatch, result{rate: 250 * speed, p50: 4 * ms, p99: 8 * ms})
		r.add("usher", opFilter, result{rate: 10, p50: ms, p99: ms})
	}
	var got strings.Builder
	if err := r.write(&got); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"server operation requests/s p50 p99 of the floor's",
		"floor POST 2000 0.5 ms 1.0 ms",
		"usher POST 1000 1.0 ms 2.0 ms 0.50 × POST",
		"usher PATCH 500 2.0 ms 4.0 ms 0.25 × POST",
		"usher filter 10 0.5 ms 0.5 ms", // no GET of the floor's to compare with
	}
	lines := strings.Split(strings.TrimSpace(got.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("table:\n%s\nwant %d lines", got.String(), len(want))
	}
	for i, line := range lines {
		if line = strings.Join(strings.Fields(line), " "); line != want[i] {
			t.Errorf("line %d: %q, want %q", i, line, want[i])
		}
	}
}
