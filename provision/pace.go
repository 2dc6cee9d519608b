package provision

import (
	"context"
	"sync/atomic"
	"time"
)

// A heap of work is done in pieces with rests between them, so that who asks meanwhile is answered as fast as ever: a processor that judges
// a piece answers nobody for a millisecond or two. No vendor takes work as fast as even a slow engine judges it.
const (
	restShare   = 2                       // of the time that a piece took
	longestTake = 2500 * time.Microsecond // of which it is counted; what is above is the disk's time, which keeps no processor
	readsSlow   = 25                      // reads a second that make the rest longer by its own length
	mostReads   = 1000                    // a second; more do not make it longer still
)

// pace knows how much is asked while the engine works a heap off. Its reads are counted by any goroutine; the rest is the engine's loop's.
type pace struct {
	reads atomic.Uint64

	seen uint64    // of the reads, when the rate was asked for last
	at   time.Time // when that was
}

// GiveWay tells the engine that a request was answered that changed nothing. While there are many of them, a heap of work goes slower. What
// changes something is told with Wake and does not slow the engine down. It never blocks and may be called by any goroutine.
func (e *Engine) GiveWay() { e.pace.reads.Add(1) }

// breathe leaves the processors to others after a piece of a heap of work that began at the given time. It ends at once when something
// comes in or a vendor has answered; the engine's loop must look again after it.
func (e *Engine) breathe(ctx context.Context, began time.Time) {
	now := e.o.Now()
	d := rest(now.Sub(began), e.pace.rate(now))
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.wake:
	case <-ctx.Done():
	}
}

// rate returns the reads a second since it was asked for last; 0 where the clock tells nothing.
func (p *pace) rate(now time.Time) float64 {
	reads := p.reads.Load()
	n, since := reads-p.seen, now.Sub(p.at)
	p.seen, p.at = reads, now
	if since <= 0 {
		return 0
	}
	return float64(n) / since.Seconds()
}

// rest returns how long to rest after a piece that took so long, while so many reads a second are answered: 5 ms at most with none, a fifth
// of a second with mostReads.
func rest(took time.Duration, reads float64) time.Duration {
	counted := max(0, min(took, longestTake))
	return time.Duration(restShare * float64(counted) * (1 + min(reads, mostReads)/readsSlow))
}
