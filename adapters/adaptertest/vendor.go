package adaptertest

import (
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
)

// Vendor is a running stand-in of one tenant at a vendor, as the suite sees it. It is
// made anew for every case. Functions are called from the case's goroutine, and
// some from within a call of the adapter (between two of its requests).
type Vendor struct {
	// Open opens the adapter on the stand-in, with deps, paced fast enough for a test.
	Open func(t *testing.T, deps adapters.Deps) adapters.Adapter
	// Secrets are the credentials in use, which no error may show.
	Secrets []string

	// Fault arms a disturbance of the next call that matches.
	Fault func(Fault)
	// Writes counts the calls that changed something at the vendor since it was started.
	Writes func() int
	// Calls counts all calls that reached the vendor.
	Calls func() int
	// Routes are the calls that faults aim at.
	Routes Routes

	// Person returns the nth person to make an account for: distinct e-mail and external id, a role
	// or licence where the app has them, each required field filled.
	Person func(n int) adapters.Profile
	// Seed makes n ordinary accounts behind the adapter's back and returns their ids.
	Seed func(n int) []string
	// PageSize is how many accounts the adapter asks for at once.
	PageSize int
	// Drop removes an account behind the adapter's back.
	Drop func(id string)
	// Emails returns the e-mail of every account at the vendor, one entry per account.
	Emails func() []string
	// Protected are ids of accounts that the adapter must refuse to touch.
	Protected []string

	// Renews says that the credential is a token which the adapter can renew.
	Renews bool
	// FillSeats uses up all free licences that Person's profiles need; nil where the app has none.
	FillSeats func()
	// TeamMembers returns the ids in a team of that name, false if there is none. Needed with Description.Teams.
	TeamMembers func(team string) ([]string, bool)
	// SetTeam overwrites a team's members behind the adapter's back. Needed where the vendor takes
	// whole lists only; nil elsewhere.
	SetTeam func(team string, members []string)
	// Change is an update of one field of an account made from Person(n), to be seen in Account.Attributes.
	Change map[string]string
}

// Routes name the calls that the suite disturbs.
type Routes struct {
	Create, Read, List, Delete Route
	TeamWrite                  Route // changes a team's members
}

// Route is a method and a path pattern as the stand-in's faults take it.
type Route struct{ Method, Path string }

// Fault is a disturbance of the next calls on a route. The names of the kinds are those of the
// stand-ins in this repository; a harness over another stand-in translates them.
type Fault struct {
	Kind   Kind
	Route  Route
	Skip   int           // matching calls that pass first
	Count  int           // calls disturbed; 0 means 1, below 0 all
	Delay  time.Duration // what Slow waits, what the rate limits ask for
	Status int           // of ServerPage and ServerErrorAfter
	Shift  int           // of PageShift
}

// Kind names a disturbance.
type Kind string

// The disturbances that a stand-in must know.
const (
	RateSeconds      Kind = "429-seconds"   // 429, Retry-After in seconds
	RateHTTPDate     Kind = "429-http-date" // 429, Retry-After as an HTTP date
	RateISODate      Kind = "429-iso-date"  // 429, Retry-After as an ISO date-time
	RateReset        Kind = "429-reset"     // 429, X-RateLimit-Reset in Unix seconds
	ServerPage       Kind = "5xx-page"      // an HTML page with Fault.Status instead of the API
	ServerErrorAfter Kind = "5xx-after"     // the effect happens, the answer is Fault.Status
	LostReply        Kind = "lost-reply"    // the effect happens, the connection closes without an answer
	CutBody          Kind = "cut-body"      // the effect happens, the answer breaks off
	Slow             Kind = "slow"          // the answer comes after Fault.Delay
	Down             Kind = "down"          // the connection closes at once, nothing happens
	ExpiredToken     Kind = "expired-token" // the token of the call ends now
	Revoked          Kind = "revoked"       // every credential is refused from now on
	OtherTenant      Kind = "other-tenant"  // the same credentials reach another tenant from now on
	PageShift        Kind = "page-shift"    // a following page begins Fault.Shift records earlier
)
