package provision_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store/storetest"
)

// What a write of several people did for some of them, and what is not known of it. The seeds are of histories of the simulator.

// entered tells who is said to have entered or left a team, in order, by name: "ann joined".
func (w *world) entered(team string) []string {
	w.t.Helper()
	var told []string
	for _, c := range w.facts(audit.AccountTeams) {
		var detail map[string]string
		w.must(json.Unmarshal(c.Detail, &detail))
		for name, id := range w.users {
			for _, what := range []string{"joined", "left"} {
				if detail[what] == team && slices.Contains(c.Persons, id) {
					told = append(told, name+" "+what)
				}
			}
		}
	}
	slices.Sort(told)
	return told
}

// bar keeps somebody out of every team.
func (w *world) bar(name string, kind adapters.Kind) {
	w.t.Helper()
	for id, a := range w.vendor.accounts {
		if strings.HasPrefix(a.Email, name+"@") {
			w.vendor.barred = map[string]adapters.Kind{id: kind}
			return
		}
	}
	w.t.Fatalf("%s has no account", name)
}

// Seed 20351.
func TestWhoEnteredATeamIsToldThoughAnotherIsRefused(t *testing.T) {
	t.Parallel()
	for _, kind := range []adapters.Kind{adapters.Conflict, adapters.Invalid, adapters.NotFound} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := staffed(t, teamMapping, "ann", "bob")
			w.bar("bob", kind)
			w.group("Old hands", "ann", "bob")
			w.settle()
			if got := w.entered("Tier 2"); !slices.Equal(got, []string{"ann joined"}) {
				t.Errorf("told: %q, want that ann entered\n%s", got, w.story())
			}
			failures, err := w.engine.Failures(t.Context(), "desk", 10)
			w.must(err)
			if failures.Total != 1 || failures.List[0].Team != "Tier 2" {
				t.Errorf("failures: %+v, want the team's", failures)
			}
			w.vendor.afresh()
			w.pass(time.Minute)
			if got := w.vendor.writes(); len(got) == 0 || slices.ContainsFunc(got, func(c string) bool { return c != "team Tier 2 +1 -0" }) {
				t.Errorf("writes after it: %q, want those of bob alone", got)
			}
			w.members(directory.RemoveMembers, "Old hands", "ann")
			w.pass(time.Minute)
			if got := w.entered("Tier 2"); !slices.Equal(got, []string{"ann joined", "ann left"}) {
				t.Errorf("told: %q, want that ann left", got)
			}
			w.vendor.barred = nil
			_, err = w.engine.Retry(t.Context(), admin, "desk", [16]byte{})
			w.must(err)
			w.pass(time.Minute)
			w.wantVendor(map[string]string{"ann": "active agent in Tier 1", "bob": "active agent in Tier 1,Tier 2"})
		})
	}
}

// Many may wait behind the thousand of one write: whoever is refused for good does not slow them down.
func TestARefusalDoesNotSlowDownThoseBehindIt(t *testing.T) {
	t.Parallel()
	w := staffed(t, teamMapping, "ann", "bob")
	w.bar("bob", adapters.Conflict)
	w.group("Old hands", "bob")
	w.pass(6 * time.Hour)
	w.members(directory.AddMembers, "Old hands", "ann")
	w.settle()
	failures, err := w.engine.Failures(t.Context(), "desk", 10)
	w.must(err)
	if failures.Total != 1 || failures.List[0].Next.Sub(w.now) > 10*time.Second {
		t.Errorf("at %s got %+v, want the next try at once", w.now, failures)
	}
}

// A refusal for one says nothing about the team: it was made for the others, and must not be made twice.
func TestATeamThatWasMadeForSomeIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	w := staffed(t, teamMapping, "ann", "bob")
	w.bar("bob", adapters.Conflict)
	w.group("Old hands", "ann", "bob")
	w.settle()
	w.lags() // the next process knows nothing of the team
	w.vendor.afresh()
	w.must(func() error {
		_, err := w.engine.Retry(t.Context(), admin, "desk", [16]byte{})
		return err
	}())
	w.settle()
	if got := w.vendor.count("team"); got != 0 {
		t.Errorf("%d writes before reads show the team", got)
	}
	w.pass(time.Minute)
	if got := w.vendor.count("team"); got == 0 {
		t.Error("bob is not tried again")
	}
}

// Seed 22146.
func TestALeaverWhomAWriteMayHaveLetInIsTakenOutAndThatIsTold(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.NewReplacer("when_deactivated: [{action: delete, after: 0s}]", "when_deactivated: [{action: delete, after: 24h}]").Replace(teamMapping), "ann")
	w.vendor.failAfter("team", problem(adapters.Uncertain, "team"))
	w.group("Old hands", "ann")
	w.settle()
	w.activate("ann", false)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1"})
	if got := w.entered("Tier 2"); !slices.Equal(got, []string{"ann left"}) {
		t.Errorf("told: %q, want that ann left", got)
	}
	var told string
	for _, c := range w.facts(audit.AccountStepFailed) {
		told += string(c.Detail)
	}
	if !strings.Contains(told, `"team":"Tier 2"`) {
		t.Errorf("the failure does not say of which team: %s", told)
	}
}

// Seeds 21856 and 22264: an adapter takes an account out of its teams before it deletes it.
func TestWhoseRemovalDidNotTakePlaceEntersTheTeamsAgain(t *testing.T) {
	t.Parallel()
	for _, kind := range []adapters.Kind{adapters.Retry, adapters.Uncertain, adapters.Unavailable, adapters.Conflict} {
		for _, tc := range []struct{ name, mapping, want string }{
			{"as it was", teamMapping, "active agent in Tier 1,VIP"},
			{"another team by now", strings.Replace(teamMapping, "teams: [Tier 1]", "teams: [Tier 3]", 1), "active agent in Tier 3,VIP"},
		} {
			t.Run(string(kind)+" "+tc.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.lags()
				w.apply(teamMapping)
				w.vendor.showTeams = true
				id := w.vendor.seed(adapters.Account{Email: "ann@acme.example", Role: "agent", Attributes: map[string]string{"name": "Ann"}})
				w.vendor.teams["VIP"] = []string{id} // by hand
				w.hire("ann")
				w.group("Support", "ann")
				w.pass(time.Minute)
				w.wantVendor(map[string]string{"ann": "active agent in Tier 1,VIP"})

				w.vendor.showTeams = false
				w.vendor.failPart("remove", problem(kind, "remove"), func() { clear(w.vendor.teams) })
				w.activate("ann", false)
				w.settle()
				w.wantVendor(map[string]string{"ann": "active agent"})
				w.apply(tc.mapping)
				w.activate("ann", true)
				w.vendor.afresh()
				w.settle()
				if got := w.vendor.count("team"); got != 0 {
					t.Errorf("%d team writes before reads show that ann is out", got)
				}
				w.pass(time.Hour)
				w.wantVendor(map[string]string{"ann": tc.want})
				w.vendor.afresh()
				w.activate("ann", true)
				w.pass(time.Hour)
				if got := w.vendor.writes(); len(got) > 0 {
					t.Errorf("writes after that: %q", got)
				}
			})
		}
	}
}

// Seed 26119: until the wrong time comes round again would be too long.
func TestATeamWaitsForReadsNoLongerWhenTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	w := staffed(t, teamMapping, "ann")
	w.now = w.now.Add(-25 * time.Hour)
	w.lags() // another process
	w.hire("bob")
	w.members(directory.AddMembers, "Support", "bob")
	w.settle()
	if got := w.vendor.count("team"); got != 1 {
		t.Errorf("%d writes before reads have caught up, want one", got)
	}
	w.pass(10 * time.Second)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1", "bob": "active agent in Tier 1"})
}

func TestACreationWithoutAnAnswerIsLookedUpSoonAlsoWhenTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, storetest.New(t))
	w.lags()
	w.apply(plainMapping)
	w.hire("ann")
	w.vendor.fail("create", problem(adapters.Uncertain, "create"))
	w.group("Support", "ann")
	w.settle()
	w.now = w.now.Add(10 * time.Second)
	w.settle() // looked up once
	w.now = w.now.Add(-25 * time.Hour)
	_, err := w.engine.Retry(t.Context(), admin, "desk", w.users["ann"])
	w.must(err)
	w.pass(10 * time.Second)
	if got := slices.Collect(maps.Values(w.vendor.have())); !slices.Equal(got, []string{"active agent"}) {
		t.Errorf("got %q, want an account\n%s", got, w.story())
	}
}

// Seed 42182: somebody keeps a team waiting who will never come, as an invitation that was withdrawn at the vendor.
func TestATeamThatSomebodyKeepsWaitingIsAskedForLessOften(t *testing.T) {
	t.Parallel()
	w := staffed(t, teamMapping, "ann")
	w.bar("ann", adapters.Retry)
	w.group("Old hands", "ann")
	w.settle()
	w.vendor.afresh()
	w.pass(time.Hour)
	if n := w.vendor.count("team"); n < 6 || n > 30 {
		t.Errorf("asked for %d times in an hour, want at least every five minutes in the end, and not every few seconds", n)
	}
	w.vendor.barred = nil
	w.pass(10 * time.Minute)
	if got := w.entered("Tier 2"); !slices.Equal(got, []string{"ann joined"}) {
		t.Errorf("told: %q, want that ann entered", got)
	}
}
