package provision

import "time"

// gate holds an app's work back while the vendor is down or asks to wait. After a
// fault it lets one call through at a time, until one succeeds.
type gate struct {
	asked    time.Time // the vendor's wish
	until    time.Time // after a fault
	failures int
	reason   string
}

const (
	firstPause = 2 * time.Second
	maxPause   = 2 * time.Minute
)

func (g *gate) closed(now time.Time) bool { return now.Before(g.opens()) }

func (g *gate) opens() time.Time {
	if g.asked.After(g.until) {
		return g.asked
	}
	return g.until
}

// probing reports whether the vendor has not answered well since its last fault.
func (g *gate) probing() bool { return g.failures > 0 }

// wait closes the gate because the vendor asked to; that is not a fault.
func (g *gate) wait(until time.Time, reason string) {
	if until.After(g.asked) {
		g.asked, g.reason = until, reason
	}
}

// fail closes the gate for a growing time, which jitter spreads. Calls that fail together are one fault.
func (g *gate) fail(now time.Time, reason string, jitter func(time.Duration) time.Duration) {
	if now.Before(g.until) {
		return
	}
	g.failures++
	pause := min(maxPause, firstPause<<min(g.failures-1, 10))
	g.until, g.reason = now.Add(jitter(pause)), reason
}

// ok ends a fault. What the vendor asked for stands.
func (g *gate) ok() { g.until, g.failures = time.Time{}, 0 }

// lift opens the gate whatever closed it.
func (g *gate) lift() { *g = gate{} }
