package adapters

import (
	"net/http"
	"time"
)

// Deps is what an adapter is given beside its settings. Every field may be zero.
type Deps struct {
	// Now reads the clock for dates in replies and for the age of tokens; nil: time.Now.
	// Pacing runs on the process's own clock, which is what the vendor's buckets see.
	Now func() time.Time
	// NewID returns ids for X-Request-Id; nil: random UUIDs.
	NewID func() string
	// Random returns numbers in [0,1) for jitter; nil: math/rand/v2.
	Random func() float64
	// Transport carries the requests; nil: one of the client's own.
	Transport http.RoundTripper
	// Observe is told of every exchange, for metrics; it must be fast and safe for concurrent use.
	Observe func(Call)
	// UserAgent is sent to the vendors; "" sends "usher".
	UserAgent string
}
