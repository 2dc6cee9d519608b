package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// request is one request of a phase and what must come back.
type request struct {
	wire   []byte // head and body
	status int
	or     int    // another status that is as right; 0: none
	has    []byte // what the reply's body must contain; empty: anything
}

// phase is a number of like requests that are measured together.
type phase struct {
	requests []request
	warm     int // the first so many are sent before the measurement
	// reply, when set, gets the body of the reply to each request, by its index, which is
	// valid during the call. It is called from several goroutines.
	reply func(i int, body []byte)
}

// result is what a phase measured.
type result struct {
	rate     float64 // requests a second
	p50, p99 time.Duration
}

// load sends the phase's requests over so many connections, each with one request under way,
// and measures each from its first byte sent to its reply's last byte read. The first error or unexpected reply ends it.
func load(ctx context.Context, addr string, connections int, p phase) (result, error) {
	conns := make([]*conn, 0, connections)
	defer func() {
		for _, c := range conns {
			_ = c.close() // nothing of it is used any more
		}
	}()
	for range connections {
		c, err := dial(ctx, addr)
		if err != nil {
			return result{}, err
		}
		conns = append(conns, c)
	}
	if _, err := send(ctx, conns, p, 0, p.warm); err != nil {
		return result{}, err
	}
	start := time.Now()
	took, err := send(ctx, conns, p, p.warm, len(p.requests))
	elapsed := time.Since(start)
	if err != nil {
		return result{}, err
	}
	slices.Sort(took)
	return result{
		rate: float64(len(took)) / elapsed.Seconds(),
		p50:  percentile(took, 50),
		p99:  percentile(took, 99),
	}, nil
}

// send sends the requests from (inclusive) to (exclusive) and returns how long each took, in no order.
func send(ctx context.Context, conns []*conn, p phase, from, to int) ([]time.Duration, error) {
	took := make([]time.Duration, to-from)
	var next atomic.Int64
	var failed atomic.Bool
	errs := make([]error, len(conns))
	var workers sync.WaitGroup
	for w, c := range conns {
		workers.Go(func() {
			for !failed.Load() && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(took) {
					return
				}
				body, t, err := c.ask(p.requests[from+i])
				if took[i] = t; err != nil {
					errs[w] = fmt.Errorf("request %d: %w", from+i, err)
					failed.Store(true)
					return
				}
				if p.reply != nil {
					p.reply(from+i, body)
				}
			}
		})
	}
	workers.Wait()
	return took, errors.Join(append(errs, ctx.Err())...)
}

// percentile returns the smallest of sorted that at least p percent do not exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	at := (len(sorted)*p + 99) / 100
	return sorted[max(at, 1)-1]
}

func median[T float64 | time.Duration](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}
