package vendorhttp_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

func get(class string) vendorhttp.Request {
	return vendorhttp.Request{Op: "read", Method: "GET", Path: "/users", Class: class}
}

func limits(perSecond float64, burst, concurrency int) func(*vendorhttp.Config, *adapters.Deps) {
	return func(cfg *vendorhttp.Config, _ *adapters.Deps) {
		cfg.Limits = map[string]vendorhttp.Limit{"": {PerSecond: perSecond, Burst: burst}}
		cfg.Concurrency = concurrency
	}
}

func TestRemovalsGoFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []adapters.Lane
		c := open(t, vendor(func(r *http.Request) (answer, error) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, adapters.LaneOf(r.Context()))
			return reply(200, `{}`), nil
		}), limits(1, 1, 4))
		if _, err := c.Do(t.Context(), get("")); err != nil { // uses up the burst
			t.Fatal(err)
		}
		order = nil
		start := time.Now()
		var wg sync.WaitGroup
		for _, lane := range []adapters.Lane{adapters.LaneJoiner, adapters.LaneUpdate, adapters.LaneJoiner, adapters.LaneRemoval, adapters.LaneUpdate, adapters.LaneRemoval} {
			wg.Go(func() {
				if _, err := c.Do(adapters.WithLane(t.Context(), lane), get("")); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait() // they line up in this order
		}
		wg.Wait()
		if !slices.IsSorted(order) || len(order) != 6 {
			t.Errorf("got order %v, want removals, then updates, then joiners", order)
		}
		if took := time.Since(start); took < 6*time.Second-time.Millisecond || took > 6*time.Second+50*time.Millisecond {
			t.Errorf("got six calls in %s, want one a second", took)
		}
	})
}

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		c := open(t, vendor(func(_ *http.Request) (answer, error) {
			most.Store(max(most.Load(), now.Add(1)))
			<-time.After(time.Second)
			now.Add(-1)
			return reply(200, `{}`), nil
		}), limits(0, 0, 3))
		start := time.Now()
		var wg sync.WaitGroup
		for range 9 {
			wg.Go(func() {
				if _, err := c.Do(t.Context(), get("")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if most.Load() != 3 || time.Since(start) != 3*time.Second {
			t.Errorf("got %d at once in %s, want 3 in 3s", most.Load(), time.Since(start))
		}
	})
}

func TestStoppedWaiterLeavesTheLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		c := open(t, answers(&n, 200, `{}`), limits(1, 1, 1))
		if _, err := c.Do(t.Context(), get("")); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer stop()
		if _, err := c.Do(adapters.WithLane(ctx, adapters.LaneRemoval), get("")); !adapters.IsKind(err, adapters.Retry) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want retry and the deadline", err)
		}
		start := time.Now()
		if _, err := c.Do(t.Context(), get("")); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("got a wait of %s: the stopped call still took a turn", took)
		}
	})
}

func TestPausesOrderedByTheVendor(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		headers []string
		status  int
		wait    time.Duration // that the next call waits for itself
		after   time.Duration // of the Retry that the next call gets instead
	}{
		"a short Retry-After":                {[]string{"Retry-After: 2"}, 429, 2 * time.Second, 0},
		"a long Retry-After":                 {[]string{"Retry-After: 90"}, 429, 0, 90 * time.Second},
		"nothing left, reset in seconds":     {[]string{"X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 30"}, 200, 0, 30 * time.Second},
		"nothing left of a per-second limit": {[]string{"X-RateLimit-Remaining: 0", "X-RateLimit-Type: QPS"}, 200, time.Second, 0},
		"a 429 that says nothing":            {nil, 429, 0, 0},
		"something left":                     {[]string{"X-RateLimit-Remaining: 3", "X-RateLimit-Reset: 30"}, 200, 0, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var n atomic.Int32
				first := true
				c := open(t, vendor(func(_ *http.Request) (answer, error) {
					n.Add(1)
					resp := reply(200, `{}`)
					if first {
						resp, first = reply(tc.status, `{}`, tc.headers...), false
					}
					return resp, nil
				}), func(cfg *vendorhttp.Config, _ *adapters.Deps) {
					cfg.Limits = map[string]vendorhttp.Limit{"a": {PerSecond: 1000, Burst: 10}, "b": {PerSecond: 1000, Burst: 10}}
				})
				write := vendorhttp.Request{Op: "create", Method: "POST", Path: "/users", Class: "a"} // never repeated
				if _, err := c.Do(t.Context(), write); (err != nil) != (tc.status == 429) {
					t.Fatalf("got %v, want an error with 429 only", err)
				}
				start := time.Now()
				_, err := c.Do(t.Context(), get("a"))
				e, _ := errors.AsType[*adapters.Error](err)
				switch {
				case tc.after == 0 && (err != nil || time.Since(start) != tc.wait):
					t.Errorf("got %v after %s, want success after %s", err, time.Since(start), tc.wait)
				case tc.after > 0 && (e == nil || e.Kind != adapters.Retry || e.After != tc.after || e.Scope != adapters.WholeApp || time.Since(start) != 0):
					t.Errorf("got %v (%+v), want retry after %s at once", err, e, tc.after)
				}
				if _, err := c.Do(t.Context(), get("b")); err != nil {
					t.Errorf("another class is paused too: %v", err)
				}
				<-time.After(tc.after)
				if _, err := c.Do(t.Context(), get("a")); err != nil {
					t.Errorf("after the pause: got %v, want success", err)
				}
			})
		})
	}
}

func TestLongPauseFollowsTheInjectedClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	status := 429
	c := open(t, vendor(func(_ *http.Request) (answer, error) {
		return reply(status, `{}`, "Retry-After: 2026-03-02T10:00:00Z"), nil
	}), func(_ *vendorhttp.Config, d *adapters.Deps) { d.Now = func() time.Time { return now } })
	for range 2 {
		_, err := c.Do(t.Context(), get(""))
		if e, ok := errors.AsType[*adapters.Error](err); !ok || e.Kind != adapters.Retry || e.After != time.Hour {
			t.Fatalf("got %v, want retry in an hour", err)
		}
	}
	now, status = now.Add(time.Hour), 200
	if _, err := c.Do(t.Context(), get("")); err != nil {
		t.Errorf("an hour later: got %v, want success", err)
	}
}

func TestRatesAreLearnt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header []string
		want   time.Duration // between calls
	}{
		"nothing said":                {nil, 100 * time.Millisecond},
		"bucket half full":            {[]string{"X-Gorgias-Account-Api-Call-Limit: 20/40"}, 100 * time.Millisecond},
		"bucket nine tenths full":     {[]string{"X-Gorgias-Account-Api-Call-Limit: 36/40"}, 200 * time.Millisecond},
		"bucket full":                 {[]string{"X-Gorgias-Account-Api-Call-Limit: 40/40"}, time.Second},
		"bucket header that is noise": {[]string{"X-Gorgias-Account-Api-Call-Limit: 1/0"}, 100 * time.Millisecond},
		"a lower rate is stated":      {[]string{"X-RateLimit-Type: QPS", "X-RateLimit-Limit: 5", "X-RateLimit-Remaining: 4"}, 250 * time.Millisecond},
		"a higher rate is stated":     {[]string{"X-RateLimit-Type: QPS", "X-RateLimit-Limit: 500", "X-RateLimit-Remaining: 4"}, 100 * time.Millisecond},
		"a daily limit is no rate":    {[]string{"X-RateLimit-Type: Daily-limit", "X-RateLimit-Limit: 5", "X-RateLimit-Remaining: 4"}, 100 * time.Millisecond},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var n atomic.Int32
				c := open(t, answers(&n, 200, `{}`, tc.header...), limits(10, 1, 1))
				var last time.Time
				for range 4 {
					last = time.Now()
					if _, err := c.Do(t.Context(), get("")); err != nil {
						t.Fatal(err)
					}
				}
				if got := time.Since(last); got < tc.want-2*time.Millisecond || got > tc.want+5*time.Millisecond {
					t.Errorf("got %s between calls, want %s", got, tc.want)
				}
			})
		})
	}
}
