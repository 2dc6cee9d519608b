package zoom

import (
	"net/http"
	"strconv"
	"time"

	"github.com/usher-scim/usher/sandbox/wire"
)

const (
	tooManyNow   = "You have reached the maximum per-second rate limit for this API. Try again later."
	tooManyToday = "You have reached the maximum daily rate limit for this API. Refer to the response header for details on when you can make another request."
)

// class is a rate-limit class.
type class string

const (
	light  class = "Light"
	medium class = "Medium"
	heavy  class = "Heavy"
)

// rate is what a class allows; 0 a day is no daily limit.
type rate struct{ second, day int }

// rates are the limits by plan, shared by all apps of the account. A counter of
// the day counts per class, for Pro and above only Heavy has one.
var rates = map[string]map[class]rate{
	"free":     {light: {4, 6000}, medium: {2, 2000}, heavy: {1, 1000}},
	"pro":      {light: {30, 0}, medium: {20, 0}, heavy: {10, 30_000}},
	"business": {light: {80, 0}, medium: {60, 0}, heavy: {40, 60_000}},
}

// counter counts within a window that it is told.
type counter struct {
	window time.Time
	n      int
}

// add counts one more in a window and returns how many there are now.
func (c *counter) add(window time.Time) int {
	if !c.window.Equal(window) {
		*c = counter{window: window}
	}
	c.n++
	return c.n
}

type limits struct {
	second map[class]*counter
	day    map[class]*counter
}

func count(m *map[class]*counter, c class, window time.Time) int {
	if *m == nil {
		*m = map[class]*counter{}
	}
	if (*m)[c] == nil {
		(*m)[c] = &counter{}
	}
	return (*m)[c].add(window)
}

// limit counts a call of a class and returns the headers, or the 429.
func (b backend) limit(c class, now time.Time) (http.Header, *wire.Reply) {
	h := http.Header{}
	if b.set.Unlimited {
		return h, nil
	}
	may := rates[b.set.Plan][c]
	second, day := now.UTC().Truncate(time.Second), now.UTC().Truncate(24*time.Hour)
	h.Set("X-RateLimit-Category", string(c))
	h.Set("X-RateLimit-Type", "QPS")
	h.Set("X-RateLimit-Limit", strconv.Itoa(may.second))
	n := count(&b.limits.second, c, second)
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, may.second-n)))
	if n > may.second {
		reply := refuse(http.StatusTooManyRequests, 429, tooManyNow)
		h.Set("X-RateLimit-Reset", strconv.FormatInt(second.Add(time.Second).Unix(), 10))
		reply.Header = h
		return nil, &reply
	}
	if may.day > 0 && count(&b.limits.day, c, day) > may.day {
		return nil, daily(h, may.day, now)
	}
	return h, nil
}

// daily is the 429 of a daily limit, which ends at the next midnight UTC.
func daily(h http.Header, allowed int, now time.Time) *wire.Reply {
	return until(h, allowed, now.UTC().Truncate(24*time.Hour).Add(24*time.Hour))
}

// until is a 429 that asks to wait until a date.
func until(h http.Header, allowed int, end time.Time) *wire.Reply {
	reply := refuse(http.StatusTooManyRequests, 429, tooManyToday)
	h.Set("X-RateLimit-Type", "Daily-limit")
	h.Set("X-RateLimit-Limit", strconv.Itoa(allowed))
	h.Set("X-RateLimit-Remaining", "0")
	h.Set("Retry-After", end.UTC().Format(time.RFC3339))
	reply.Header = h
	return &reply
}
