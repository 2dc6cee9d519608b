package adaptertest

import (
	"errors"
	"net/http"
	"slices"
	"sync"

	"github.com/usher-scim/usher/adapters"
)

func demotes(s *suite) {
	made := s.create(1)
	can := s.describe()
	if can.Teams {
		s.ok(capability[adapters.Teams](s).ChangeMembers(s.ctx, "Tier 1", []string{made.ID}, nil), "join a team")
	}
	demoter := capability[adapters.Demoter](s)
	s.ok(demoter.Demote(s.ctx, made.ID), "demote")
	after, err := s.a.Find(s.ctx, adapters.Probe{ID: made.ID})
	s.ok(err, "find the demoted account")
	if want := can.Rank[len(can.Rank)-1]; after.Role != want && after.Licence != want {
		s.Errorf("got role %q licence %q, want the weakest, %q", after.Role, after.Licence, want)
	}
	if can.Teams {
		s.members()
	}
	writes := s.v.Writes()
	s.ok(demoter.Demote(s.ctx, made.ID), "demote again")
	if n := s.v.Writes() - writes; n != 0 {
		s.Errorf("the second demotion made %d writes, want none", n)
	}
	s.v.Drop(made.ID)
	s.is(demoter.Demote(s.ctx, made.ID), "demotion of an account that is gone", adapters.NotFound)
}

func suspends(s *suite) {
	before := s.create(1)
	suspender := capability[adapters.Suspender](s)
	for _, doing := range []string{"suspend", "suspend again"} {
		s.ok(suspender.Suspend(s.ctx, before.ID), doing)
		got, err := s.a.Find(s.ctx, adapters.Probe{ID: before.ID})
		s.ok(err, "find the suspended account")
		if got.State != adapters.Suspended {
			s.Fatalf("%s: got state %q, want suspended", doing, got.State)
		}
	}
	for _, doing := range []string{"resume", "resume again"} {
		got, err := suspender.Resume(s.ctx, before.ID, before)
		s.ok(err, doing)
		if got.State != adapters.Active || got.Licence != before.Licence || got.Role != before.Role {
			s.Errorf("%s: got %+v, want active as before: %+v", doing, got, before)
		}
	}
	s.v.Drop(before.ID)
	s.is(suspender.Suspend(s.ctx, before.ID), "suspension of an account that is gone", adapters.NotFound)
}

func teams(s *suite) {
	t := capability[adapters.Teams](s)
	a, b, c := s.create(1).ID, s.create(2).ID, s.create(3).ID
	s.is(t.ChangeMembers(s.ctx, "No such team", nil, []string{a}), "remove from a team that is not there", adapters.NotFound)
	if _, there := s.v.TeamMembers("No such team"); there {
		s.Error("a team was made with nobody to add")
	}
	for _, step := range []struct {
		doing       string
		add, remove []string
		want        []string
	}{
		{"make the team", []string{a, b}, nil, []string{a, b}},
		{"add a member again", []string{a}, nil, []string{a, b}},
		{"add one and remove one", []string{c}, []string{a}, []string{b, c}},
		{"remove a stranger", nil, []string{a}, []string{b, c}},
		{"remove the rest", nil, []string{b, c}, nil},
	} {
		s.ok(t.ChangeMembers(s.ctx, "Tier 1", step.add, step.remove), step.doing)
		s.members(step.want...)
		writes := s.v.Writes()
		s.ok(t.ChangeMembers(s.ctx, "Tier 1", step.add, step.remove), step.doing+", again")
		if n := s.v.Writes() - writes; n != 0 {
			s.Errorf("%s, again: got %d writes, want none", step.doing, n)
		}
	}
}

func teamPartly(s *suite) {
	t := capability[adapters.Teams](s)
	a, b, c := s.create(1).ID, s.create(2).ID, s.create(3).ID
	s.ok(t.ChangeMembers(s.ctx, "Tier 1", []string{a}, nil), "make the team")
	s.v.Drop(c)
	err := t.ChangeMembers(s.ctx, "Tier 1", []string{b, c}, nil)
	if err != nil {
		s.is(err, "add a member who is gone", adapters.NotFound, adapters.Invalid, adapters.Conflict)
		part, ok := errors.AsType[*adapters.PartialError](err)
		if !ok || !slices.Equal(part.Undone, []string{c}) {
			s.Errorf("got %v (%+v), want an error that names who is gone as the one who is left", err, part)
		}
		err = t.ChangeMembers(s.ctx, "Tier 1", []string{c}, nil)
		s.is(err, "add nobody but one who is gone", adapters.NotFound, adapters.Invalid, adapters.Conflict)
		if part, ok := errors.AsType[*adapters.PartialError](err); ok {
			s.Errorf("got %+v where nothing was done", part)
		}
	}
	s.members(a, b) // who is gone keeps nobody else out
	s.ok(t.ChangeMembers(s.ctx, "Tier 1", []string{b}, nil), "repeat with those who are there")
	s.members(a, b)

	s.v.Fault(Fault{Kind: LostReply, Route: s.v.Routes.TeamWrite})
	if err := t.ChangeMembers(s.ctx, "Tier 1", nil, []string{b}); err != nil {
		s.is(err, "team change with a lost reply", adapters.Uncertain)
	}
	s.ok(t.ChangeMembers(s.ctx, "Tier 1", nil, []string{b}), "repeat the team change")
	s.members(a)
}

// teamRace lets another hand overwrite the team right after the adapter's write, with a list that
// it had read before.
func teamRace(s *suite) {
	t := capability[adapters.Teams](s)
	a, b, c := s.create(1).ID, s.create(2).ID, s.create(3).ID
	s.ok(t.ChangeMembers(s.ctx, "Tier 1", []string{a}, nil), "make the team")
	var meddle sync.Once
	s.trips.onReply(func(r *http.Request, _ *http.Response) error {
		if r.Method == s.v.Routes.TeamWrite.Method {
			meddle.Do(func() { s.v.SetTeam("Tier 1", []string{a, c}) })
		}
		return nil
	})
	s.ok(t.ChangeMembers(s.ctx, "Tier 1", []string{b}, nil), "add while another hand writes")
	s.members(a, b, c)
}

// members compares the team "Tier 1" at the vendor with want.
func (s *suite) members(want ...string) {
	s.Helper()
	got, _ := s.v.TeamMembers("Tier 1")
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		s.Fatalf("got members %v, want %v", got, want)
	}
}
