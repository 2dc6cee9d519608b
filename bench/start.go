package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// start measures how long a server takes to be ready on a directory that is there, and the heap that it has in use then and while
// it answers for users all over the directory.
func start(ctx context.Context, p *prober) error {
	data, err := p.filled(ctx)
	if err != nil {
		return err
	}
	var ready []time.Duration
	var idle uint64
	for range p.runs {
		s, err := p.at(ctx, data, func(t *target) error {
			return t.with(ctx, func(c *conn) error {
				_, _, err := c.ask(t.getUser(0))
				return err
			})
		})
		if err != nil {
			return err
		}
		ready, idle = append(ready, s.start), max(idle, s.used.Heap)
	}
	var busy result
	s, err := p.at(ctx, data, func(t *target) error {
		busy, err = load(ctx, t.addr, p.connections, t.phase(opGet, p.n, p.n/20, ""))
		return err
	})
	if err != nil {
		return err
	}
	users := len(data.users[kindUsher])
	p.found(took(slices.Max(ready)), "< 3 s with 1,000,000", "ready with %d users, longest of %d", users, p.runs)
	p.found(mebibytes(idle), "", "heap in use then")
	p.found(mebibytes(s.used.Heap), "< 100 MiB with 1,000,000", "heap in use during %d GETs", p.n)
	p.found(fmt.Sprintf("%.0f/s", busy.rate), "", "rate of those GETs, %d at a time", p.connections)
	return nil
}
