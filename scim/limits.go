package scim

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A client that sends wrong tokens is told so this often and asked to wait beyond. Tokens are 256 random bits: this keeps a
// broken client from filling the logs, it does not guard the tokens.
const (
	failuresPerSecond = 1
	failureBurst      = 20
)

// maxLimiters bounds the memory that strangers can make a server use. When it is reached all start afresh.
const maxLimiters = 10_000

// limiters are token buckets, one for each key.
type limiters struct {
	mu    sync.Mutex
	byKey map[string]*rate.Limiter
	rate  rate.Limit
	burst int
}

func newLimiters(perSecond float64, burst int) *limiters {
	return &limiters{byKey: map[string]*rate.Limiter{}, rate: rate.Limit(perSecond), burst: burst}
}

// take counts one event and returns how long the key must wait before the next: zero if this one is within the limit. An
// event above it is not counted.
func (l *limiters) take(key string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter := l.byKey[key]
	if limiter == nil {
		if len(l.byKey) >= maxLimiters {
			clear(l.byKey)
		}
		limiter = rate.NewLimiter(l.rate, l.burst)
		l.byKey[key] = limiter
	}
	reservation := limiter.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}
