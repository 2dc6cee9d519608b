package provision_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store/storetest"
)

const teamMapping = `
version: 1
source_budget: {creates: {percent: 100, at_least: 1000, at_most: 1000}}
apps:
  desk:
    connection: desk-prod
    mode: enforce
    budget: {percent: 100, at_least: 1000, at_most: 1000, creates: {percent: 100, at_least: 1000, at_most: 1000}}
    grants:
      - {group: Support, role: agent, teams: [Tier 1]}
      - {group: Old hands, role: agent, teams: [Tier 2]}
    when_deactivated: [{action: delete, after: 0s}]
    when_ungranted: [{action: delete, after: 0s}]
`

func names(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s%02d", prefix, i)
	}
	return list
}

// before returns how many calls that begin with one word come before the first that begins with another.
func before(calls []string, word, other string) int {
	n := 0
	for _, c := range calls {
		if strings.HasPrefix(c, other) {
			return n
		}
		if strings.HasPrefix(c, word) {
			n++
		}
	}
	return -1
}

// inTurns lets the engine work until nothing is due, judging between any two executions, as Run does.
func (w *world) inTurns() {
	w.t.Helper()
	for range 10_000 {
		expanded, err := w.engine.Expand(w.t.Context())
		w.must(err)
		judged, err := w.engine.Triage(w.t.Context(), "desk")
		w.must(err)
		admitted, err := w.engine.Admit(w.t.Context(), "desk")
		w.must(err)
		it, err := w.engine.Next(w.t.Context(), "desk")
		w.must(err)
		if it != nil {
			w.now = w.now.Add(time.Millisecond)
			w.must(w.engine.Execute(w.t.Context(), *it))
		}
		if it == nil && expanded+judged+admitted == 0 {
			return
		}
	}
	w.t.Fatal("the engine does not come to rest")
}

// afresh forgets what the vendor was called for.
func (v *vendor) afresh() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls = nil
}

func TestJoinersOfOneTeamShareItsWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(teamMapping)
	crowd := names("n", 60)
	w.hire(crowd...)
	w.group("Support", crowd...)
	w.inTurns()
	if got := len(w.vendor.teams["Tier 1"]); got != len(crowd) {
		t.Fatalf("the team has %d members, want %d\n%s", got, len(crowd), w.story())
	}
	if got := w.vendor.count("team"); got != 1 {
		t.Errorf("%d team writes for %d joiners, want one: %q", got, len(crowd), w.vendor.writes())
	}
	// Whoever joins alone does not wait for anybody.
	w.hire("late")
	w.members(directory.AddMembers, "Support", "late")
	w.inTurns()
	if got := len(w.vendor.teams["Tier 1"]); got != len(crowd)+1 {
		t.Errorf("the team has %d members after one more, want %d", got, len(crowd)+1)
	}
}

func TestNewcomersWaitForTheirTeamNoLongerThanItsPatience(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(teamMapping)
	crowd := names("n", 20)
	w.hire(crowd...)
	w.group("Support", crowd...)
	w.vendor.slow = func() { w.now = w.now.Add(20 * time.Second) }
	w.inTurns()
	calls := w.vendor.writes()
	if n := before(calls, "create", "team"); n < 4 || n > 8 {
		t.Errorf("%d accounts, one in a minute, were made before the team's first write, want about five minutes of them: %q", n, calls)
	}
	if got := w.vendor.count("team"); got > 6 {
		t.Errorf("%d team writes for %d joiners, want one in five minutes: %q", got, len(crowd), calls)
	}
	if got := len(w.vendor.teams["Tier 1"]); got != len(crowd) {
		t.Errorf("the team has %d members, want %d", got, len(crowd))
	}
}

func TestWhoLongHasAnAccountDoesNotWaitWithTheTeamForJoiners(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, write string
		kind        directory.MemberOpKind
		ann         bool // has been in the team before
	}{
		{"enters another team", "team Tier 2 +1 -0", directory.AddMembers, false},
		{"leaves a team", "team Tier 2 +0 -1", directory.RemoveMembers, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, teamMapping, "ann")
			if w.group("Old hands"); tc.ann {
				w.members(directory.AddMembers, "Old hands", "ann")
			}
			w.pass(10 * time.Minute)
			w.vendor.afresh()
			crowd := names("n", 30)
			w.hire(crowd...)
			w.members(directory.AddMembers, "Support", crowd...)
			w.members(tc.kind, "Old hands", "ann")
			w.inTurns()
			calls := w.vendor.writes()
			if n := before(calls, "create", tc.write); n < 0 || n > 3 {
				t.Errorf("%d accounts were made before %q, want next to none: %q", n, tc.write, calls)
			}
		})
	}
}

// A team that no line names any more is left by those whom Usher put into it. Who was put into a team by hand stays.
func TestATeamThatTheMappingForgetsIsLeft(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, mapping string
	}{
		{"another line names a team", strings.Replace(teamMapping, "role: agent, teams: [Tier 1]", "role: agent", 1)},
		{"no line names any", strings.NewReplacer(", teams: [Tier 1]", "", ", teams: [Tier 2]", "").Replace(teamMapping)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, teamMapping, "ann", "bob")
			w.vendor.teams["VIP"] = slices.Clone(w.vendor.teams["Tier 1"])
			w.wantVendor(map[string]string{"ann": "active agent in Tier 1,VIP", "bob": "active agent in Tier 1,VIP"})
			w.apply(tc.mapping)
			w.pass(time.Hour)
			w.wantVendor(map[string]string{"ann": "active agent in VIP", "bob": "active agent in VIP"})
			w.apply(teamMapping)
			w.pass(time.Hour)
			w.wantVendor(map[string]string{"ann": "active agent in Tier 1,VIP", "bob": "active agent in Tier 1,VIP"})
		})
	}
}

// Nothing of a team that Usher had put somebody into comes back with the person, when the mapping has forgotten it meanwhile.
func TestAReturnDoesNotGiveBackATeamThatTheMappingForgot(t *testing.T) {
	t.Parallel()
	keeps := strings.NewReplacer("when_deactivated: [{action: delete, after: 0s}]", "when_deactivated: [demote]").Replace(teamMapping)
	w := staffed(t, keeps, "ann")
	w.activate("ann", false)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active observer"})
	w.apply(strings.Replace(keeps, "role: agent, teams: [Tier 1]", "role: agent", 1))
	w.activate("ann", true)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent"})
}

// A team that was made right before the process died is not shown by the vendor's reads at once: the next process waits, or it would make a second one.
func TestATeamThatMayHaveBeenMadeIsNotWrittenAgainBeforeReadsShowIt(t *testing.T) {
	t.Parallel()
	f := storetest.Faulty(storetest.New(t))
	w := newWorldOn(t, f)
	w.lags()
	w.apply(teamMapping)
	w.hire("ann")
	w.group("Support", "ann")
	w.crashAt(f, "after call", 4) // check, find, create, team
	w.step(0)
	if n := w.vendor.count("team"); n != 1 {
		t.Errorf("writes of the team before the vendor's reads have caught up: got %d, want 1\n%s", n, w.story())
	}
	w.pass(time.Minute)
	if n := w.vendor.count("team"); n != 2 {
		t.Errorf("writes of the team in all: got %d, want 2\n%s", n, w.story())
	}
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1"})
}

// "There is no such team" means that nobody is in it only if the right tenant says so.
func TestALeaveIsNotDoneInAnotherTenant(t *testing.T) {
	t.Parallel()
	w := staffed(t, teamMapping, "ann")
	w.group("Old hands", "ann")
	w.pass(time.Minute)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1,Tier 2"})
	w.vendor.fail("team", &adapters.Error{Kind: adapters.NotFound, Scope: adapters.OneAccount, Op: "change team members", Message: "there is no such team", Err: adapters.ErrNoTeam})
	w.vendor.slow = func() {
		if calls := w.vendor.calls; strings.HasPrefix(calls[len(calls)-1], "team") { // the credentials reach another tenant from here on
			w.vendor.tenant = "t-2"
		}
	}
	w.members(directory.RemoveMembers, "Old hands", "ann")
	w.pass(10 * time.Minute)
	w.vendor.slow, w.vendor.tenant = nil, "t-1"
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1"})
}
