package adaptertest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-scim/usher/adapters"
)

func describes(s *suite) {
	d := s.describe()
	if d.Name == "" || d.Title == "" || d.Concurrency < 1 || len(d.Fields) == 0 {
		s.Errorf("got description %+v, want name, title, concurrency and fields", d)
	}
	if !slices.Contains(d.Actions, adapters.Delete) {
		s.Errorf("got actions %v, want delete among them", d.Actions)
	}
	for _, claim := range []struct {
		what       string
		says, does bool
	}{
		{"demote", slices.Contains(d.Actions, adapters.Demote), implements[adapters.Demoter](s.a)},
		{"suspend", slices.Contains(d.Actions, adapters.Suspend), implements[adapters.Suspender](s.a)},
		{"teams", d.Teams, implements[adapters.Teams](s.a)},
		{"transfers", len(d.Transfers) > 0, implements[adapters.ReceiverChecker](s.a)},
	} {
		if claim.says != claim.does {
			s.Errorf("%s: the description says %t, the methods say %t", claim.what, claim.says, claim.does)
		}
	}
	known := append(slices.Clone(d.Roles), d.Licences...)
	for _, r := range d.Rank {
		if !slices.Contains(known, r) {
			s.Errorf("rank names %q, which is no role and no licence", r)
		}
	}
	if d.DefaultRole != "" && !slices.Contains(d.Roles, d.DefaultRole) {
		s.Errorf("the default role %q is none of %v", d.DefaultRole, d.Roles)
	}
}

func implements[T any](a adapters.Adapter) bool { _, ok := a.(T); return ok }

func checks(s *suite) {
	writes := s.v.Writes()
	first, err := s.a.Check(s.ctx)
	s.ok(err, "check")
	if first.Tenant == "" || len(first.Self) == 0 || len(first.Missing) > 0 {
		s.Errorf("got identity %+v, want a tenant, the connector's account and nothing missing", first)
	}
	again, err := s.a.Check(s.ctx)
	s.ok(err, "second check")
	if again.Tenant != first.Tenant {
		s.Errorf("got tenant %q, then %q, want the same", first.Tenant, again.Tenant)
	}
	if n := s.v.Writes() - writes; n != 0 {
		s.Errorf("check made %d writes, want none", n)
	}
}

func otherTenant(s *suite) {
	before, err := s.a.Check(s.ctx)
	s.ok(err, "check")
	s.v.Fault(Fault{Kind: OtherTenant})
	after, err := s.a.Check(s.ctx)
	s.ok(err, "check of the other tenant")
	if after.Tenant == before.Tenant {
		s.Errorf("got tenant %q before and after, want another", after.Tenant)
	}
}

func createsAndFinds(s *suite) {
	p := s.v.Person(1)
	made := s.create(1)
	if !strings.EqualFold(made.Email, p.Email) || made.Role != p.Role && p.Role != "" || made.Licence != p.Licence && p.Licence != "" {
		s.Errorf("got account %+v, want what was asked for: %+v", made, p)
	}
	probes := map[string]adapters.Probe{"e-mail in capitals": {Email: strings.ToUpper(p.Email)}}
	if made.ID != "" {
		probes["id"] = adapters.Probe{ID: made.ID}
	}
	if s.describe().ExternalID {
		probes["external id"] = adapters.Probe{ExternalID: p.ExternalID}
		probes["external id before e-mail"] = adapters.Probe{ExternalID: p.ExternalID, Email: "other@acme.example"}
	}
	for how, probe := range probes {
		found, err := s.a.Find(s.ctx, probe)
		s.ok(err, "find by "+how)
		if found.ID != made.ID || !strings.EqualFold(found.Email, p.Email) {
			s.Errorf("find by %s: got %q %q, want %q %q", how, found.ID, found.Email, made.ID, p.Email)
		}
	}
	_, err := s.a.Find(s.ctx, adapters.Probe{ExternalID: "nobody-" + p.ExternalID, Email: "nobody-" + p.Email})
	s.is(err, "find nobody", adapters.NotFound)
}

func createsTwice(s *suite) {
	s.create(1)
	_, err := s.a.Create(s.ctx, s.v.Person(1))
	s.is(err, "second create", adapters.AlreadyExists)
	if got := s.count(s.v.Person(1).Email); got != 1 {
		s.Errorf("got %d accounts, want 1", got)
	}
}

func lostCreate(s *suite) {
	for n, f := range []Fault{{Kind: LostReply}, {Kind: CutBody}, {Kind: ServerErrorAfter, Status: 502}, {Kind: ServerErrorAfter, Status: 500}} {
		p := s.v.Person(n + 1)
		f.Route = s.v.Routes.Create
		s.v.Fault(f)
		_, err := s.a.Create(s.ctx, p)
		s.is(err, "create with "+string(f.Kind), adapters.Uncertain)
		found, err := s.a.Find(s.ctx, adapters.Probe{ExternalID: p.ExternalID, Email: p.Email})
		s.ok(err, "find after "+string(f.Kind))
		if got := s.count(p.Email); got != 1 || !strings.EqualFold(found.Email, p.Email) {
			s.Errorf("%s: got %d accounts and found %q, want 1 of %q", f.Kind, got, found.Email, p.Email)
		}
	}
}

func stoppedCreate(s *suite) {
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	s.trips.onReply(func(r *http.Request, _ *http.Response) error {
		if r.Method != s.v.Routes.Create.Method || strings.Contains(r.URL.Path, "token") {
			return nil
		}
		stop()
		return ctx.Err()
	})
	_, err := s.a.Create(ctx, s.v.Person(1))
	s.is(err, "create stopped on the way", adapters.Uncertain)
	if !errors.Is(err, context.Canceled) {
		s.Errorf("got %v, want an error that wraps context.Canceled", err)
	}
}

func noSeat(s *suite) {
	s.v.FillSeats()
	p := s.v.Person(1)
	_, err := s.a.Create(s.ctx, p)
	s.is(err, "create without a free licence", adapters.NoSeat)
	if got := s.count(p.Email); got != 0 {
		s.Errorf("got %d accounts, want none", got)
	}
}

func updates(s *suite) {
	made := s.create(1)
	changed, err := s.a.Update(s.ctx, made.ID, adapters.Change{Attributes: s.v.Change})
	s.ok(err, "update")
	for k, want := range s.v.Change {
		if got := changed.Attributes[k]; got != want {
			s.Errorf("attribute %s: got %q, want %q", k, got, want)
		}
	}
	if changed.Email != made.Email || changed.Role != made.Role || changed.Licence != made.Licence || changed.ExternalID != made.ExternalID {
		s.Errorf("got %+v, want nothing but attributes changed from %+v", changed, made)
	}
	before := s.v.Writes()
	_, err = s.a.Update(s.ctx, made.ID, adapters.Change{Attributes: s.v.Change})
	s.ok(err, "same update again")
	if n := s.v.Writes() - before; n != 0 {
		s.Errorf("an update to what is there made %d writes, want none", n)
	}
	s.v.Drop(made.ID)
	other := s.v.Person(2).Attributes
	_, err = s.a.Update(s.ctx, made.ID, adapters.Change{Attributes: other})
	s.is(err, "update of an account that is gone", adapters.NotFound)
}

func removes(s *suite) {
	made := s.create(1)
	s.ok(s.a.Remove(s.ctx, made.ID, adapters.Removal{Action: adapters.Delete}), "remove")
	if got := s.count(made.Email); got != 0 {
		s.Errorf("got %d accounts after the removal, want none", got)
	}
	_, err := s.a.Find(s.ctx, adapters.Probe{ID: made.ID})
	s.is(err, "find the removed account", adapters.NotFound)
	writes := s.v.Writes()
	s.is(s.a.Remove(s.ctx, made.ID, adapters.Removal{Action: adapters.Delete}), "second removal", adapters.NotFound)
	if n := s.v.Writes() - writes; n != 0 {
		s.Errorf("the second removal made %d writes, want none", n)
	}
}

func lostRemove(s *suite) {
	for n, k := range []Kind{LostReply, ServerErrorAfter} {
		made := s.create(n + 1)
		s.v.Fault(Fault{Kind: k, Route: s.v.Routes.Delete, Status: 502})
		if err := s.a.Remove(s.ctx, made.ID, adapters.Removal{Action: adapters.Delete}); err != nil {
			s.is(err, "remove with "+string(k), adapters.Uncertain)
			s.is(s.a.Remove(s.ctx, made.ID, adapters.Removal{Action: adapters.Delete}), "repeated removal", adapters.NotFound)
		}
		if got := s.count(made.Email); got != 0 {
			s.Errorf("%s: got %d accounts, want none", k, got)
		}
	}
}

func strangePage(s *suite) {
	made := s.create(1)
	for _, status := range []int{404, 403, 200} {
		s.v.Fault(Fault{Kind: ServerPage, Route: s.v.Routes.Read, Status: status})
		_, err := s.a.Find(s.ctx, adapters.Probe{ID: made.ID})
		s.is(err, "find behind a strange page", adapters.Unavailable, adapters.Unauthorized)
		s.v.Fault(Fault{Kind: ServerPage, Route: s.v.Routes.Read, Status: status})
		err = s.a.Remove(s.ctx, made.ID, adapters.Removal{Action: adapters.Delete})
		s.is(err, "remove behind a strange page", adapters.Unavailable, adapters.Unauthorized)
	}
	if got := s.count(made.Email); got != 1 {
		s.Errorf("got %d accounts, want the one that was made", got)
	}
}

func emptyID(s *suite) {
	role := s.v.Person(1).Role
	before := s.v.Calls()
	for what, call := range map[string]func() error{
		"find":   func() error { _, err := s.a.Find(s.ctx, adapters.Probe{}); return err },
		"update": func() error { _, err := s.a.Update(s.ctx, "", adapters.Change{Role: &role}); return err },
		"remove": func() error { return s.a.Remove(s.ctx, "", adapters.Removal{Action: adapters.Delete}) },
	} {
		s.is(call(), what+" with nothing to go by", adapters.Invalid)
	}
	if n := s.v.Calls() - before; n != 0 {
		s.Errorf("got %d calls at the vendor, want none", n)
	}
}

func stoppedBefore(s *suite) {
	before := s.v.Calls()
	ctx, stop := context.WithCancel(s.ctx)
	stop()
	_, err := s.a.Create(ctx, s.v.Person(1))
	s.is(err, "create after the end", adapters.Retry)
	if !errors.Is(err, context.Canceled) {
		s.Errorf("got %v, want an error that wraps context.Canceled", err)
	}
	if n := s.v.Calls() - before; n != 0 {
		s.Errorf("got %d calls at the vendor, want none", n)
	}
}
