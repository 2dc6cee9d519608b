package provision

import "time"

// gate holds an app's work back while the vendor is down or asks to wait. After a
// fault it lets one call through at a time, until one succeeds.
type gate struct {
	until    time.Time
	failures int
	reason   string
}

const (
	firstPause = 2 * time.Second
	maxPause   = 2 * time.Minute
)

func (g *gate) closed(now time.Time) bool { return now.Before(g.until) }

// probing reports whether the vendor has not answered well since its last fault.
func (g *gate) probing() bool { return g.failures > 0 }

// wait closes the gate because the vendor asked to; that is not a fault.
func (g *gate) wait(until time.Time, reason string) {
	if until.After(g.until) {
		g.until, g.reason = until, reason
	}
}

// fail closes the gate for a growing time. The time between is the caller's jittered choice.
func (g *gate) fail(now time.Time, reason string, jitter func(time.Duration) time.Duration) {
	g.failures++
	pause := min(maxPause, firstPause<<min(g.failures-1, 10))
	g.until, g.reason = now.Add(jitter(pause)), reason
}

func (g *gate) ok() { *g = gate{} }
