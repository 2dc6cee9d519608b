package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// Run runs the suite. start is called once per case and cleans up through t.
func Run(t *testing.T, start func(t *testing.T) *Vendor) {
	t.Helper()
	probe := start(t)
	can := begin(t, probe).describe()
	cases := []struct {
		name string
		when bool
		run  func(*suite)
	}{
		{"describes what it can do", true, describes},
		{"check names the tenant and the connector and changes nothing", true, checks},
		{"check shows that the tenant is suddenly another", true, otherTenant},
		{"a created account is found by id, external id and e-mail", true, createsAndFinds},
		{"a second create is AlreadyExists", true, createsTwice},
		{"a create whose reply is lost is Uncertain and the account is found", true, lostCreate},
		{"a create that is stopped while the vendor works is Uncertain", true, stoppedCreate},
		{"no free licence is NoSeat and makes nothing", probe.FillSeats != nil, noSeat},
		{"an update sets what it names, and nothing the second time", len(probe.Change) > 0, updates},
		{"a removed account is gone, and NotFound the second time", true, removes},
		{"a removal whose reply is lost can be repeated", true, lostRemove},
		{"a page that is not the API's proves nothing gone", true, strangePage},
		{"an empty id reaches nobody", true, emptyID},
		{"a call that was stopped before it began sends nothing", true, stoppedBefore},
		{"a rate limit is Retry with the wait it asks for", true, rateLimits},
		{"a slow vendor is waited for", true, slow},
		{"a vendor that is down is Unavailable to reads and Uncertain to writes", true, down},
		{"the list has every account once, over pages that shift", true, lists},
		{"the list has every account once while others come and go", true, listsUnderChange},
		{"protected accounts are refused", true, protects},
		{"an expired token is renewed once", probe.Renews, renews},
		{"a revoked credential is Unauthorized for the whole app", true, revoked},
		{"demotion takes role and teams and can be repeated", slices.Contains(can.Actions, adapters.Demote), demotes},
		{"suspension ends sign-in and is undone by resume", slices.Contains(can.Actions, adapters.Suspend), suspends},
		{"team members change and others stay", can.Teams, teams},
		{"a team change that fails half-way can be repeated", can.Teams, teamPartly},
		{"what others do to a team meanwhile is not lost", can.Teams && probe.SetTeam != nil, teamRace},
	}
	for _, c := range cases {
		if c.when {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.run(begin(t, start(t)))
			})
		}
	}
}

// suite is one case: a fresh vendor and an adapter on it.
type suite struct {
	*testing.T
	ctx   context.Context
	v     *Vendor
	a     adapters.Adapter
	trips *trips
}

func begin(t *testing.T, v *Vendor) *suite {
	t.Helper()
	base := &http.Transport{}
	t.Cleanup(base.CloseIdleConnections)
	s := &suite{T: t, ctx: t.Context(), v: v, trips: &trips{base: base}}
	s.a = v.Open(t, adapters.Deps{Transport: s.trips, Random: func() float64 { return 0 }})
	return s
}

func (s *suite) describe() adapters.Description {
	s.Helper()
	d, ok := s.a.(adapters.Describer)
	if !ok {
		s.Fatal("the adapter does not implement adapters.Describer")
	}
	return d.Describe()
}

// create makes the nth person's account.
func (s *suite) create(n int) adapters.Account {
	s.Helper()
	a, err := s.a.Create(s.ctx, s.v.Person(n))
	s.ok(err, "create")
	return a
}

// arm disturbs the next call of a route.
func (s *suite) arm(k Kind, r Route) { s.v.Fault(Fault{Kind: k, Route: r}) }

// ok fails the case if err is not nil.
func (s *suite) ok(err error, doing string) {
	s.Helper()
	if err != nil {
		s.fits(err, doing)
		s.Fatalf("%s: got error %v, want none", doing, err)
	}
}

// is fails the case if err is not of one of the kinds.
func (s *suite) is(err error, doing string, kinds ...adapters.Kind) {
	s.Helper()
	if err == nil {
		s.Fatalf("%s: got no error, want kind %v", doing, kinds)
	}
	s.fits(err, doing)
	if kind := adapters.KindOf(err); !slices.Contains(kinds, kind) {
		s.Fatalf("%s: got kind %s (%v), want %v", doing, kind, err, kinds)
	}
}

// failure is an error that fits, for a look inside.
func (s *suite) failure(err error, doing string, kind adapters.Kind) *adapters.Error {
	s.Helper()
	s.is(err, doing, kind)
	e, _ := errors.AsType[*adapters.Error](err)
	return e
}

// fits checks what holds for every error of an adapter: its type, its bounds, and that nothing in
// it is secret.
func (s *suite) fits(err error, doing string) {
	s.Helper()
	e, ok := errors.AsType[*adapters.Error](err)
	if !ok {
		s.Fatalf("%s: got an error of type %T (%v), want *adapters.Error", doing, err, err)
	}
	if e.Op == "" || e.Message == "" || e.Kind == "" || e.Scope == "" {
		s.Errorf("%s: got error %#v, want op, message, kind and scope filled", doing, e)
	}
	if len(e.Message) > vendorhttp.MaxMessage+100 || strings.ContainsAny(e.Message, "\n\r\t\x00") {
		s.Errorf("%s: got message %q, want one short line", doing, e.Message)
	}
	text := fmt.Sprintf("%v\n%+v\n%s\n%s", err, *e, e.Message, e.Fix)
	for cause := e.Err; cause != nil; cause = errors.Unwrap(cause) {
		text += "\n" + cause.Error()
	}
	for _, secret := range s.v.Secrets {
		if secret != "" && strings.Contains(text, secret) {
			s.Errorf("%s: the error shows a secret: %s", doing, strings.ReplaceAll(text, secret, "<<SECRET>>"))
		}
	}
}

// capability is the adapter as one of the optional interfaces.
func capability[T any](s *suite) T {
	s.Helper()
	c, ok := s.a.(T)
	if !ok {
		s.Fatalf("the adapter does not implement %T, which its description promises", *new(T))
	}
	return c
}

// list reads the whole list.
func (s *suite) list() []adapters.Account {
	s.Helper()
	var all []adapters.Account
	for a, err := range s.a.List(s.ctx) {
		s.ok(err, "list")
		all = append(all, a)
	}
	return all
}

// count returns how many accounts the vendor has with an e-mail.
func (s *suite) count(email string) int {
	n := 0
	for _, e := range s.v.Emails() {
		if strings.EqualFold(e, email) {
			n++
		}
	}
	return n
}

// trips carries the adapter's requests and lets a case step in between.
type trips struct {
	base  http.RoundTripper
	mu    sync.Mutex
	after func(*http.Request, *http.Response) error // may replace a reply by an error
}

func (t *trips) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(r)
	t.mu.Lock()
	after := t.after
	t.mu.Unlock()
	if err != nil || after == nil {
		return resp, err
	}
	if err := after(r, resp); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

func (t *trips) onReply(f func(*http.Request, *http.Response) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.after = f
}
