package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
)

const (
	joiners       = 10_000
	vendorLatency = 20 * time.Millisecond
	vendorAtOnce  = 32
)

// provisioning measures how fast people get accounts through the whole engine, beside a bare loop that makes the same vendor calls: a look
// whether the account is there, and its creation. The vendor is in this process, so that the loop pays for nothing but
// the vendor's time. The engine's clock runs from the moment when the people's membership is durable until the ledger has
// all accounts and nothing waits.
func provisioning(ctx context.Context, p *prober) error {
	n := p.sized(joiners)
	var bares, engines []time.Duration
	var ratios []float64
	for range p.runs {
		bare, err := bareLoop(ctx, n)
		if err != nil {
			return err
		}
		engine, _, err := p.hire(ctx, n, "{group: Support, role: agent}")
		if err != nil {
			return err
		}
		bares, engines, ratios = append(bares, bare), append(engines, engine), append(ratios, float64(bare)/float64(engine))
	}
	p.found(fmt.Sprintf("%.2f s", median(bares).Seconds()), "", "bare loop: %d accounts, %d calls at a time of %s", n, vendorAtOnce, vendorLatency)
	p.found(fmt.Sprintf("%.2f s", median(engines).Seconds()), "", "the engine: median of %d runs", p.runs)
	p.found(fmt.Sprintf("%.2f", median(ratios)), "≥ 0.8", "ratio: median of the runs'")
	return nil
}

// team counts the writes that a team costs which all joiners enter.
func team(ctx context.Context, p *prober) error {
	n := p.sized(joiners)
	took, v, err := p.hire(ctx, n, "{group: Support, role: agent, teams: [Tier 1]}")
	if err != nil {
		return err
	}
	if got := v.members("Tier 1"); got != n {
		return fmt.Errorf("the team has %d members, not %d", got, n)
	}
	p.found(fmt.Sprint(v.teamWrites.Load()), "tens", "team writes for a team of %d joiners, all of whom are in it", n)
	p.found(fmt.Sprintf("%.2f s", took.Seconds()), "", "until all have account and team")
	return nil
}

// obtain makes the vendor calls of one joiner.
func (v *vendor) obtain(ctx context.Context, email string) error {
	if _, err := v.Find(ctx, adapters.Probe{Email: email}); !adapters.IsKind(err, adapters.NotFound) {
		return fmt.Errorf("looking for %s: %w", email, err)
	}
	_, err := v.Create(ctx, adapters.Profile{Email: email})
	return err
}

// bareLoop obtains n accounts without an engine.
func bareLoop(ctx context.Context, n int) (time.Duration, error) {
	v := newVendor(vendorAtOnce, vendorLatency)
	if _, err := v.Check(ctx); err != nil {
		return 0, err
	}
	var next atomic.Int64
	var failure atomic.Pointer[error]
	began := time.Now()
	var workers sync.WaitGroup
	for range vendorAtOnce {
		workers.Go(func() {
			for i := int(next.Add(1)); i <= n && failure.Load() == nil; i = int(next.Add(1)) {
				if err := v.obtain(ctx, fmt.Sprintf("user.%d@acme.example", i)); err != nil {
					failure.Store(&err)
				}
			}
		})
	}
	workers.Wait()
	if failed := failure.Load(); failed != nil {
		return 0, *failed
	}
	return time.Since(began), nil
}

// hire lets the engine give accounts to n people, who enter the group Support, under a mapping with one grant.
func (p *prober) hire(ctx context.Context, n int, grant string) (took time.Duration, v *vendor, err error) {
	v = newVendor(vendorAtOnce, vendorLatency)
	var people []uuid.UUID
	prepare := func(h *house) error {
		if people, err = h.people(ctx, n); err != nil {
			return err
		}
		if err = h.apply(ctx, grant); err != nil {
			return err
		}
		return h.quiesce(ctx)
	}
	err = p.inHouse(ctx, v, prepare, func(h *house) error {
		if _, err := h.group(ctx, "Support", people); err != nil {
			return err
		}
		began := time.Now()
		err := h.run(ctx, func() (bool, error) {
			if v.standing() < n {
				return false, nil
			}
			took = time.Since(began)
			return h.nothingQueued(ctx)
		})
		if err != nil {
			return err
		}
		return h.active(ctx, n)
	})
	return took, v, err
}
