package wire

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Backend is a vendor's own behaviour behind a Front. Its methods are called
// from many goroutines at once.
type Backend interface {
	// Handle answers one call. It locks its own state and only waits with the
	// Wait of the Clock it was made with.
	Handle(ctx context.Context, r *Request) Reply
	// Trouble words a failure as the vendor does: status 429 or 5xx. daily tells
	// a limit that lasts until a date from one that passes in seconds.
	Trouble(r *Request, status int, daily bool) Reply
	// Disturb changes the vendor as the kinds ExpiredToken, Revoked, Restored and
	// OtherTenant say, before the call r is handled.
	Disturb(k Kind, r *Request)
	// Control is a vendor's own part of the control API: POST /_sandbox/{vendor}/{act}.
	// It returns what is to be sent as JSON, or an error for a person.
	Control(act string, body []byte) (any, error)
	// State is everything the vendor knows, ready for JSON, accounts sorted. It holds no secret.
	State() any
	// Reset puts the vendor's state and settings back to what they were when it was made.
	Reset()
}

// Request is a call as a backend sees it.
type Request struct {
	Method   string
	Path     string   // below the API base ("/users/7"), or from the root ("/oauth/token"); percent-encoded
	Segments []string // of Path, decoded
	API      bool     // the call came below the API base
	Query    url.Values
	Header   http.Header
	Host     string
	Body     []byte
	Now      time.Time
	Shift    int // records by which the PageShift fault moves a following page: 1 repeats one, -1 skips one
}

// Reply is a backend's answer.
type Reply struct {
	Status  int
	Header  http.Header // may be nil
	JSON    any         // sent as JSON when not nil
	HTML    string      // sent as a page when JSON is nil and HTML is not empty
	Changed bool        // the call was a write that was carried out; one that found its work done already is none
	Ignored []string    // names of body fields and query parameters that the vendor does not know and passes over
}

// Clock tells the time and waits; tests give their own.
type Clock struct {
	Now  func() time.Time                                 // nil: time.Now
	Wait func(ctx context.Context, d time.Duration) error // nil: a timer that ends early, with its error, when ctx does
}

// WithDefaults returns the clock with its nil functions filled in.
func (c Clock) WithDefaults() Clock {
	if c.Now == nil {
		c.Now = time.Now // the sandbox plays another machine, which has its own clock
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	return c
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
