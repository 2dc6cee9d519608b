package wire

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind names a fault.
type Kind string

// The kinds of faults. "Before" means that the vendor did nothing; "after" that
// it did what was asked and only the answer suffers.
const (
	RateSeconds  Kind = "429-seconds"   // before: 429 with Retry-After in seconds
	RateHTTPDate Kind = "429-http-date" // before: 429 with Retry-After as an HTTP date
	RateISODate  Kind = "429-iso-date"  // before: 429 with Retry-After as an ISO date-time, a daily limit
	RateReset    Kind = "429-reset"     // before: 429 with X-RateLimit-Reset in Unix seconds and no Retry-After
	ServerError  Kind = "5xx"           // before: Fault.Status (default 503) with the vendor's error body
	ServerPage   Kind = "5xx-page"      // before: Fault.Status (default 502) with an HTML page, as a proxy sends it
	ErrorAfter   Kind = "5xx-after"     // after: Fault.Status (default 502) instead of the answer
	LostReply    Kind = "lost-reply"    // after: the connection is closed without an answer
	CutBody      Kind = "cut-body"      // after: the connection is closed in the middle of the answer
	Slow         Kind = "slow"          // before: waits Fault.Delay, then answers as usual
	SlowReply    Kind = "slow-reply"    // after: waits Fault.Delay before it answers
	Hang         Kind = "hang"          // before: holds the call until the caller gives up
	HangReply    Kind = "hang-reply"    // after: holds the answer until the caller gives up
	Down         Kind = "down"          // before: closes the connection at once
	ExpiredToken Kind = "expired-token" // the token of this call ends now; the call then gets what an ended token gets
	Revoked      Kind = "revoked"       // every credential is refused from now on, until Restored or a reset
	Restored     Kind = "restored"      // ends Revoked
	OtherTenant  Kind = "other-tenant"  // from now on the same credentials reach another account; once more leads back
	PageShift    Kind = "page-shift"    // a page after the first begins Fault.Shift records earlier (default 1)
)

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{
		RateSeconds, RateHTTPDate, RateISODate, RateReset, ServerError, ServerPage, ErrorAfter, LostReply, CutBody, Slow,
		SlowReply, Hang, HangReply, Down, ExpiredToken, Revoked, Restored, OtherTenant, PageShift,
	}
}

// Fault disturbs the next calls that match it.
type Fault struct {
	Kind   Kind
	Method string        // "" matches every method
	Path   string        // below the API base: "/users/*", "/users/**", "/oauth/token"; "*" is one segment, "**" the rest, "" every path
	Skip   int           // matching calls that pass first
	Count  int           // calls disturbed; 0 is 1, below 0 is all until the fault is taken away
	Delay  time.Duration // of Slow and SlowReply; what the 429 kinds ask for (default 1 s)
	Status int           // of ServerError, ServerPage and ErrorAfter
	Shift  int           // of PageShift
}

// Chaos disturbs calls at random. The draws follow from Seed; which of several
// concurrent calls meets which draw does not.
type Chaos struct {
	Seed  uint64
	Rate  float64       // share of calls disturbed, 0 to 1
	Kinds []Kind        // chosen from evenly; none switches chaos off
	Delay time.Duration // as in Fault
}

// faults is what a Front is to do wrong.
type faults struct {
	mu    sync.Mutex
	armed []*armed
	chaos Chaos
	draw  *rand.PCG
}

type armed struct {
	Fault
	skip, left int
}

// add arms f and returns what takes it away.
func (fs *faults) add(f Fault) (remove func()) {
	a := &armed{Fault: f, skip: f.Skip, left: f.Count}
	if a.left == 0 {
		a.left = 1
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.armed = append(fs.armed, a)
	return func() {
		fs.mu.Lock()
		defer fs.mu.Unlock()
		fs.armed = slices.DeleteFunc(fs.armed, func(b *armed) bool { return a == b })
	}
}

func (fs *faults) setChaos(c Chaos) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.chaos, fs.draw = c, rand.NewPCG(c.Seed, 0)
}

func (fs *faults) clear() {
	fs.setChaos(Chaos{})
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.armed = nil
}

// list returns the faults that still wait, with what is left of them.
func (fs *faults) list() []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	out := make([]Fault, 0, len(fs.armed))
	for _, a := range fs.armed {
		f := a.Fault
		f.Skip, f.Count = a.skip, a.left
		out = append(out, f)
	}
	return out
}

// take returns the fault for one call: the first armed one that matches, else what chaos draws.
func (fs *faults) take(method string, segments []string) (Fault, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, a := range fs.armed {
		if (a.Method != "" && a.Method != method) || !matches(a.Path, segments) {
			continue
		}
		if a.skip > 0 {
			a.skip--
			continue
		}
		if a.left > 0 {
			a.left--
		}
		if a.left == 0 {
			fs.armed = slices.Delete(fs.armed, i, i+1)
		}
		return a.Fault, true
	}
	if len(fs.chaos.Kinds) == 0 || float64(fs.draw.Uint64()>>11)/(1<<53) >= fs.chaos.Rate {
		return Fault{}, false
	}
	k := fs.chaos.Kinds[fs.draw.Uint64()%uint64(len(fs.chaos.Kinds))]
	return Fault{Kind: k, Delay: fs.chaos.Delay}, true
}

func matches(pattern string, segments []string) bool {
	if pattern == "" {
		return true
	}
	parts := strings.Split(strings.Trim(pattern, "/"), "/")
	for i, p := range parts {
		if p == "**" {
			return true
		}
		if i >= len(segments) || (p != "*" && p != segments[i]) {
			return false
		}
	}
	return len(parts) == len(segments)
}
