package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	smallGroup = 10
	maxRounds  = 300
)

// member measures what it costs to remove a member from a small and from a large group and to add it again, one client, the two
// groups in turn. The large group is filled by one replace; while it is under way another client reads users.
func member(ctx context.Context, p *prober) error {
	data, err := p.filled(ctx)
	if err != nil {
		return err
	}
	sizes := []int{min(smallGroup, len(data.users[kindUsher])), min(membersPerGroup, len(data.users[kindUsher]))}
	each := make([][]time.Duration, len(sizes))
	var filled time.Duration
	var reads []time.Duration
	_, err = p.at(ctx, data, func(t *target) error {
		return t.with(ctx, func(c *conn) error {
			ids := make([]string, len(sizes))
			if ids[0], _, err = t.newGroup(c, "Small", t.users[:sizes[0]]); err != nil {
				return err
			}
			reads, err = t.readWhile(ctx, func() error {
				var err error
				ids[1], filled, err = t.newGroup(c, "Large", t.users[:sizes[1]])
				return err
			})
			if err != nil {
				return err
			}
			random := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // not a secret: an order
			for range min(p.n, maxRounds) {
				for i, id := range ids {
					u := t.users[random.IntN(sizes[i])]
					for _, r := range []request{t.patchGroup(id, sizes[i]-1, removeMember(u)), t.patchGroup(id, sizes[i], addMember(u))} {
						_, d, err := c.ask(r)
						if err != nil {
							return err
						}
						each[i] = append(each[i], d)
					}
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	p.found(fmt.Sprintf("%.2f s", filled.Seconds()), "≤ 3 s", "replace of %d members in one request", sizes[1])
	slices.Sort(reads)
	p.found(took(percentile(reads, 99)), "reads go on", "GET of a user meanwhile: p99 of %d", len(reads))
	small, large := median(each[0]), median(each[1])
	p.found(took(small), "", "add or remove one of %d: p50 of %d", sizes[0], len(each[0]))
	p.found(took(large), "", "add or remove one of %d: p50 of %d", sizes[1], len(each[1]))
	p.found(times(float64(large), float64(small)), "0.8 to 1.2", "ratio")
	return nil
}

// readWhile reads users, one at a time, for as long as act takes, and returns how long each took.
func (t *target) readWhile(ctx context.Context, act func() error) (reads []time.Duration, err error) {
	err = t.with(ctx, func(c *conn) error {
		done := make(chan error, 1)
		go func() { done <- act() }()
		for i := 0; ; i++ {
			select {
			case err := <-done:
				return err
			default:
			}
			_, d, err := c.ask(t.getUser(i % len(t.users)))
			if err != nil {
				return errors.Join(err, <-done)
			}
			reads = append(reads, d)
		}
	})
	return reads, err
}
