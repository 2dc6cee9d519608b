package provision_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
)

// What became of a person is told in one word per app, from the first wish to the confirmed end.
func TestPersonStatusFollowsAPersonThroughAnApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(`
version: 1
apps:
  desk:
    connection: desk-prod
    mode: enforce
    grants: [{group: Support, role: agent}]
    when_deactivated: [{action: delete, after: 1h}]
`)
	w.hire("ann")
	told := func(want ...provision.PersonStatus) {
		t.Helper()
		got, err := w.engine.PersonStatus(t.Context(), w.users["ann"])
		w.must(err)
		if diff := cmp.Diff(got, want, cmpopts.IgnoreFields(provision.PersonStatus{}, "Since", "AccountID")); diff != "" {
			t.Errorf("status (-got +want):\n%s", diff)
		}
		for _, s := range got {
			if s.Since.IsZero() || s.Since.After(w.now) {
				t.Errorf("%s since %v, want a time that is not ahead of %v", s.State, s.Since, w.now)
			}
			stands := s.State == provision.StatusActive || s.State == provision.StatusEnding || s.State == provision.StatusRemoved
			if stands != (s.AccountID != "") {
				t.Errorf("%s with the account %q", s.State, s.AccountID)
			}
		}
	}
	told()
	w.settle()
	told()

	w.group("Support", "ann")
	_, err := w.engine.Expand(t.Context())
	w.must(err)
	told(provision.PersonStatus{App: "desk", State: provision.StatusWaiting})
	w.settle()
	told(provision.PersonStatus{App: "desk", State: provision.StatusActive})

	w.activate("ann", false)
	w.settle()
	told(provision.PersonStatus{App: "desk", State: provision.StatusEnding})
	w.pass(2 * time.Hour)
	told(provision.PersonStatus{App: "desk", State: provision.StatusRemoved})
	w.members(directory.RemoveMembers, "Support", "ann")
	w.settle()
	told(provision.PersonStatus{App: "desk", State: provision.StatusRemoved})
}

func TestPersonStatusTellsOfDecisionsAndFailures(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, state string
		happens     func(*world)
	}{
		{"the account was suspended by somebody else", provision.StatusHeld, func(w *world) {
			w.vendor.seed(adapters.Account{Email: "ann@acme.example", Role: "agent", State: adapters.Suspended, Attributes: map[string]string{"name": "Ann"}})
		}},
		{"the app refuses the person", provision.StatusFailed, func(w *world) { w.vendor.fail("create", problem(adapters.Invalid, "create")) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(plainMapping)
			w.hire("ann")
			test.happens(w)
			w.group("Support", "ann")
			w.settle()
			got, err := w.engine.PersonStatus(t.Context(), w.users["ann"])
			w.must(err)
			if len(got) != 1 || got[0].State != test.state || got[0].Error == "" || got[0].Since.IsZero() {
				t.Errorf("got %+v, want %s and why", got, test.state)
			}
		})
	}
}
