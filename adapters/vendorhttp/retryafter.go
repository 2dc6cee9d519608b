package vendorhttp

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Bounds of what a vendor may ask us to wait.
const (
	MinAfter = time.Second
	MaxAfter = 24 * time.Hour
)

// dateTimes are the date forms seen in Retry-After beside those of RFC 9110 section 5.6.7; the
// ones without a zone are UTC.
var dateTimes = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02"}

// retryAfter reads a Retry-After header: seconds (a fraction is rounded up), an HTTP date, or an ISO 8601
// date-time (Zoom). What it returns lies between MinAfter and MaxAfter; a past date or a negative
// number is MinAfter. It reports false for an absent header and for one that is none of these.
func retryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value == "" || len(value) > 64 {
		return 0, false
	}
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds == seconds {
		return boundSeconds(seconds), true
	}
	t, ok := parseDate(value)
	if !ok {
		return 0, false
	}
	return bound(t.Sub(now)), true
}

// reset reads X-RateLimit-Reset: Unix seconds or milliseconds, seconds from now, or a date.
func reset(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	n, err := strconv.ParseFloat(value, 64)
	switch {
	case err != nil || n != n:
		return retryAfter(value, now)
	case n > 1e11:
		return bound(time.UnixMilli(int64(min(n, 1e15))).Sub(now)), true
	case n > 1e8:
		return bound(time.Unix(int64(n), 0).Sub(now)), true
	}
	return boundSeconds(n), true
}

func parseDate(value string) (time.Time, bool) {
	if t, err := http.ParseTime(value); err == nil {
		return t, true
	}
	for _, layout := range dateTimes {
		if t, err := time.Parse(layout, value); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func boundSeconds(seconds float64) time.Duration {
	return bound(time.Duration(max(0, min(seconds, MaxAfter.Seconds())) * float64(time.Second)))
}

// bound keeps d in range and rounds it up to whole milliseconds.
func bound(d time.Duration) time.Duration {
	return max(MinAfter, min(d, MaxAfter))
}
