package vendorhttp

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

const (
	fullFrom  = 0.8 // of a bucket: from here on we slow down
	slowest   = 0.1 // of the configured rate, with the bucket full
	keepBelow = 0.8 // of a rate that the vendor states: others share it
)

// learn takes limits from a reply's headers:
//
//   - X-Gorgias-Account-Api-Call-Limit: used/allowed of a leaky bucket. Above 80 % the rate goes
//     down in proportion, to a tenth when it is full.
//   - X-RateLimit-Limit with X-RateLimit-Type QPS (Zoom): the rate of the class is kept below it.
//   - X-RateLimit-Remaining 0: the class pauses until X-RateLimit-Reset.
//   - a 429 with Retry-After or X-RateLimit-Reset: the class pauses until then.
//
// X-RateLimit-Category names the class where it is one that Config.Limits lists.
func (p *pacer) learn(name string, status int, h http.Header) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if category := strings.ToLower(h.Get("X-RateLimit-Category")); category != "" {
		if _, listed := p.limits[category]; listed {
			name = category
		}
	}
	c := p.class(name)
	if used, allowed, ok := callLimit(h.Get("X-Gorgias-Account-Api-Call-Limit")); ok {
		c.slow(used / allowed)
	}
	perSecond := strings.EqualFold(h.Get("X-RateLimit-Type"), "QPS")
	if limit, err := strconv.ParseFloat(h.Get("X-RateLimit-Limit"), 64); err == nil && perSecond && limit > 0 {
		c.keepUnder(limit)
	}
	remaining, err := strconv.ParseFloat(h.Get("X-RateLimit-Remaining"), 64)
	spent := err == nil && remaining <= 0
	if status != http.StatusTooManyRequests && !spent {
		return
	}
	after, said := pauseAsked(h, p.now())
	if !said && spent && perSecond {
		after, said = MinAfter, true
	}
	if said {
		c.pause(after, p.now())
	}
	p.pump()
}

// pauseAsked returns the wait that a reply asks for in any of the known headers.
func pauseAsked(h http.Header, now time.Time) (time.Duration, bool) {
	if after, ok := retryAfter(h.Get("Retry-After"), now); ok {
		return after, true
	}
	if v := h.Get("X-RateLimit-Reset"); v != "" {
		return reset(v, now)
	}
	return 0, false
}

// pause stops the class for d; a pause that ends later already stays.
func (c *class) pause(d time.Duration, now time.Time) {
	if d <= MaxOwnWait {
		if until := time.Now().Add(d); until.After(c.shortUntil) {
			c.shortUntil = until
		}
		return
	}
	if until := now.Add(d); until.After(c.longUntil) {
		c.longUntil = until
	}
}

// slow sets the rate for a bucket that is full to a share of used.
func (c *class) slow(used float64) {
	if c.limit == rate.Inf {
		return
	}
	share := max(slowest, min(1, (1-used)/(1-fullFrom)))
	if want := c.limit * rate.Limit(share); want != c.rate.Limit() {
		c.rate.SetLimit(want)
	}
}

// keepUnder lowers the class's rate below one the vendor states.
func (c *class) keepUnder(perSecond float64) {
	if want := rate.Limit(perSecond * keepBelow); want < c.limit {
		c.limit = want
		c.rate.SetLimit(want)
	}
}

// callLimit reads "used/allowed".
func callLimit(v string) (used, allowed float64, ok bool) {
	before, after, found := strings.Cut(v, "/")
	if !found {
		return 0, 0, false
	}
	used, err1 := strconv.ParseFloat(strings.TrimSpace(before), 64)
	allowed, err2 := strconv.ParseFloat(strings.TrimSpace(after), 64)
	if err1 != nil || err2 != nil || !(allowed > 0) || !(used >= 0) || used > 1e9 || allowed > 1e9 {
		return 0, 0, false
	}
	return used, allowed, true
}
