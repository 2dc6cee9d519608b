package adaptertest

import (
	"time"

	"github.com/usher-scim/usher/adapters"
)

func rateLimits(s *suite) {
	// Each form asks for its own wait, on a fresh adapter: after a 429 the first one rightly sends nothing.
	for n, k := range []Kind{RateSeconds, RateHTTPDate, RateISODate, RateReset} {
		for _, write := range []bool{false, true} {
			c := begin(s.T, s.v)
			p := s.v.Person(n + 1)
			asked := time.Duration(30+10*n) * time.Second
			var err error
			if write {
				s.v.Fault(Fault{Kind: k, Route: s.v.Routes.Create, Delay: asked})
				_, err = c.a.Create(s.ctx, p)
			} else {
				s.v.Fault(Fault{Kind: k, Route: s.v.Routes.Read, Delay: asked})
				_, err = c.a.Find(s.ctx, adapters.Probe{ID: s.v.Seed(1)[0]})
			}
			e := s.failure(err, string(k), adapters.Retry)
			// Dates have whole seconds, so the wait may be read up to one second off.
			if e.After < asked-2*time.Second || e.After > asked+2*time.Second {
				s.Errorf("%s: got a wait of %s, want about %s", k, e.After, asked)
			}
			if got := s.count(p.Email); got != 0 {
				s.Errorf("%s: got %d accounts, want none", k, got)
			}
		}
	}
}

func slow(s *suite) {
	s.v.Fault(Fault{Kind: Slow, Route: s.v.Routes.Create, Delay: 30 * time.Millisecond})
	made := s.create(1)
	if got := s.count(made.Email); got != 1 {
		s.Errorf("got %d accounts, want 1", got)
	}
}

func down(s *suite) {
	made := s.create(1)
	s.v.Fault(Fault{Kind: Down, Count: -1})
	_, err := s.a.Find(s.ctx, adapters.Probe{ID: made.ID})
	s.is(err, "find", adapters.Unavailable)
	// A connection that broke proves nothing about a write; one that reads first fails at the read.
	_, err = s.a.Create(s.ctx, s.v.Person(2))
	s.is(err, "create", adapters.Uncertain, adapters.Unavailable)
	if got := s.count(s.v.Person(2).Email); got != 0 {
		s.Errorf("got %d accounts, want none", got)
	}
}

func renews(s *suite) {
	s.create(1) // a token is in use
	p := s.v.Person(2)
	s.arm(ExpiredToken, s.v.Routes.Create)
	_, err := s.a.Create(s.ctx, p)
	s.ok(err, "create with a token that has just ended")
	if got := s.count(p.Email); got != 1 {
		s.Errorf("got %d accounts, want 1", got)
	}
}

func revoked(s *suite) {
	made := s.create(1)
	s.v.Fault(Fault{Kind: Revoked})
	before := s.v.Calls()
	_, err := s.a.Find(s.ctx, adapters.Probe{ID: made.ID})
	e := s.failure(err, "find with a revoked credential", adapters.Unauthorized)
	if e.Scope != adapters.WholeApp || e.Fix == "" {
		s.Errorf("got scope %q and fix %q, want the whole app and what to do", e.Scope, e.Fix)
	}
	if n := s.v.Calls() - before; n > 4 {
		s.Errorf("got %d calls, want the credential renewed once at most", n)
	}
	_, err = s.a.Check(s.ctx)
	s.is(err, "check with a revoked credential", adapters.Unauthorized)
}

func lists(s *suite) {
	made := s.v.Seed(s.v.PageSize + s.v.PageSize/2)
	s.v.Fault(Fault{Kind: PageShift, Route: s.v.Routes.List, Skip: 1, Shift: 3})
	all := s.list()
	seen := once(s, all)
	for _, id := range made {
		if !seen[id] {
			s.Errorf("account %s is missing", id)
		}
	}
	if got, want := len(all), len(s.v.Emails()); got != want {
		s.Errorf("got %d accounts, want %d", got, want)
	}
	for _, id := range s.v.Protected {
		if !seen[id] {
			s.Errorf("protected account %s is not in the list", id)
		}
	}
	for _, a := range all {
		if a.Email == "" || a.State == "" {
			s.Errorf("got account %+v, want e-mail and state", a)
		}
	}
}

func listsUnderChange(s *suite) {
	made := s.v.Seed(2*s.v.PageSize + 1)
	var all []adapters.Account
	for a, err := range s.a.List(s.ctx) {
		s.ok(err, "list")
		all = append(all, a)
		if len(all) == s.v.PageSize/2 { // one seen already goes, one comes
			s.v.Drop(made[0])
			s.v.Seed(1)
		}
	}
	seen := once(s, all)
	for _, id := range made[1:] {
		if !seen[id] {
			s.Errorf("account %s, which nobody touched, is missing", id)
		}
	}
	n := 0
	for _, err := range s.a.List(s.ctx) { // a caller may stop early
		s.ok(err, "list")
		if n++; n == 1 {
			break
		}
	}
}

func once(s *suite, all []adapters.Account) map[string]bool {
	seen := map[string]bool{}
	for _, a := range all {
		if a.ID == "" {
			continue
		}
		if seen[a.ID] {
			s.Errorf("account %s is in the list twice", a.ID)
		}
		seen[a.ID] = true
	}
	return seen
}

func protects(s *suite) {
	if len(s.v.Protected) == 0 {
		s.Fatal("the vendor has no protected account to try")
	}
	writes := s.v.Writes()
	role := s.v.Person(1).Role
	licence := s.v.Person(1).Licence
	change := adapters.Change{}
	if role != "" {
		change.Role = &role
	} else {
		change.Licence = &licence
	}
	for _, id := range s.v.Protected {
		found, err := s.a.Find(s.ctx, adapters.Probe{ID: id})
		s.ok(err, "find protected account "+id)
		if found.Protected == "" {
			s.Errorf("account %s: got no reason for protection, want one", id)
		}
		_, err = s.a.Update(s.ctx, id, change)
		s.is(err, "update of protected account "+id, adapters.Protected)
		s.is(s.a.Remove(s.ctx, id, adapters.Removal{Action: adapters.Delete}), "removal of protected account "+id, adapters.Protected)
		if d, ok := s.a.(adapters.Demoter); ok {
			s.is(d.Demote(s.ctx, id), "demotion of protected account "+id, adapters.Protected)
		}
		if u, ok := s.a.(adapters.Suspender); ok {
			s.is(u.Suspend(s.ctx, id), "suspension of protected account "+id, adapters.Protected)
		}
	}
	if n := s.v.Writes() - writes; n != 0 {
		s.Errorf("got %d writes, want none", n)
	}
}
