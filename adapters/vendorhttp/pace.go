package vendorhttp

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/usher-scim/usher/adapters"
)

// MaxOwnWait is the longest pause ordered by the vendor that a call waits for itself. A longer
// one is the queue's.
const MaxOwnWait = 2 * time.Second

// Limit is how fast one class of calls may go.
type Limit struct {
	PerSecond float64
	Burst     int // calls that may go at once after a rest; 0 means 1
}

// pacer hands out turns: bounded at once, each class at its rate, the removal lane first.
type pacer struct {
	now func() time.Time // for pauses; rates run on the process's clock

	mu      sync.Mutex
	limits  map[string]Limit
	classes map[string]*class
	slots   int // turns that may still be handed out at once
	queue   [adapters.Lanes][]*waiter
	wake    *time.Timer // pumps again when a rate or a short pause allows; nil when not set
}

// class is the state of one rate-limit class.
type class struct {
	rate  *rate.Limiter
	limit rate.Limit // as configured or learnt, before slowing down
	// A short pause (up to MaxOwnWait) runs on the process's clock and is waited for; a long one
	// runs on the injected clock and fails calls at once.
	shortUntil, longUntil time.Time
}

type waiter struct {
	class *class
	ready chan error // buffered; nil is the turn
}

// pausedError says that the vendor asked for a pause that is too long to wait for.
type pausedError struct{ left time.Duration }

func (e *pausedError) Error() string { return fmt.Sprintf("paused for %s", e.left) }

func newPacer(limits map[string]Limit, concurrency int, now func() time.Time) *pacer {
	return &pacer{now: now, limits: limits, classes: map[string]*class{}, slots: concurrency}
}

// acquire waits for a turn; release gives it back. It fails with ctx's error or a *pausedError.
func (p *pacer) acquire(ctx context.Context, lane adapters.Lane, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &waiter{ready: make(chan error, 1)}
	p.mu.Lock()
	w.class = p.class(name)
	p.queue[lane] = append(p.queue[lane], w)
	p.pump()
	p.mu.Unlock()
	select {
	case err := <-w.ready:
		return err
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case err := <-w.ready: // handed out meanwhile: give it back
		if err == nil {
			p.slots++
		}
	default:
		p.drop(lane, w)
	}
	p.pump()
	return ctx.Err()
}

func (p *pacer) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slots++
	p.pump()
}

// charge takes a call from a class's rate without waiting for it.
func (p *pacer) charge(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.class(name).rate.Reserve()
}

// pump hands out every turn that is free now. A class whose next turn is not due yet is closed to
// later lanes too, so that nobody overtakes a removal.
func (p *pacer) pump() {
	now := time.Now()
	var waiting map[*class]bool
	var soonest time.Duration
	for lane := range p.queue {
		kept := p.queue[lane][:0]
		for _, w := range p.queue[lane] {
			if left := w.class.longUntil.Sub(p.now()); left > 0 {
				w.ready <- &pausedError{left: max(left, MinAfter)}
				continue
			}
			if p.slots == 0 || waiting[w.class] {
				kept = append(kept, w)
				continue
			}
			if wait := w.class.due(now); wait > 0 {
				if waiting == nil {
					waiting = map[*class]bool{}
				}
				waiting[w.class] = true
				if soonest == 0 || wait < soonest {
					soonest = wait
				}
				kept = append(kept, w)
				continue
			}
			w.class.rate.AllowN(now, 1)
			p.slots--
			w.ready <- nil
		}
		clear(p.queue[lane][len(kept):])
		p.queue[lane] = kept
	}
	if p.wake != nil {
		p.wake.Stop()
		p.wake = nil
	}
	if soonest > 0 {
		p.wake = time.AfterFunc(soonest, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.pump()
		})
	}
}

// due returns how long the class's next turn is away.
func (c *class) due(now time.Time) time.Duration {
	wait := c.shortUntil.Sub(now)
	if missing := 1 - c.rate.TokensAt(now); missing > 0 {
		// One millisecond more than computed, so that rounding does not wake us a moment early.
		wait = max(wait, time.Duration(missing/float64(c.rate.Limit())*float64(time.Second))+time.Millisecond)
	}
	return wait
}

// class returns the state of a class, making it on first use. The lock must be held.
func (p *pacer) class(name string) *class {
	c, ok := p.classes[name]
	if !ok {
		l, listed := p.limits[name]
		if !listed {
			l, listed = p.limits[""]
		}
		c = &class{limit: rate.Inf}
		if listed && l.PerSecond > 0 {
			c.limit = rate.Limit(l.PerSecond)
		}
		c.rate = rate.NewLimiter(c.limit, max(l.Burst, 1))
		p.classes[name] = c
	}
	return c
}

func (p *pacer) drop(lane adapters.Lane, gone *waiter) {
	for i, w := range p.queue[lane] {
		if w == gone {
			p.queue[lane] = append(p.queue[lane][:i], p.queue[lane][i+1:]...)
			return
		}
	}
}
