package provision_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

// roleless grants an account and a team, and leaves the role to the app.
const roleless = `
version: 1
apps:
  desk:
    connection: desk-prod
    mode: enforce
    grants:
      - {group: Support, teams: [Tier 1]}
    when_deactivated: STEPS
    when_ungranted: STEPS
`

// byHand is a world in which ann got a role and a team at the vendor by hand, and loses access by the given steps.
func byHand(t *testing.T, s store.Store, steps string) *world {
	t.Helper()
	w := newWorldOn(t, s)
	w.vendor.can.DefaultRole, w.vendor.showTeams = "", true
	w.start()
	w.apply(strings.ReplaceAll(roleless, "STEPS", steps))
	w.hire("ann")
	w.group("Support", "ann")
	w.settle()
	w.give("ann", "admin", "VIP")
	w.wantVendor(map[string]string{"ann": "active admin in Tier 1,VIP"})
	return w
}

// give does at the vendor what an administrator there does by hand.
func (w *world) give(name, role string, teams ...string) {
	w.t.Helper()
	w.vendor.mu.Lock()
	defer w.vendor.mu.Unlock()
	for _, a := range w.vendor.accounts {
		if a.Email != name+"@acme.example" {
			continue
		}
		a.Role = role
		for _, team := range teams {
			if !slices.Contains(w.vendor.teams[team], a.ID) {
				w.vendor.teams[team] = append(w.vendor.teams[team], a.ID)
			}
		}
	}
}

func TestAReturnGivesBackWhatWasGivenByHand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ steps, gone string }{
		"after a demotion":   {"[demote]", "active observer"},
		"after a suspension": {"[suspend]", "suspended admin in Tier 1,VIP"},
		"after both":         {"[demote, suspend]", "suspended observer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := byHand(t, storetest.New(t), c.steps)
			for _, role := range []string{"admin", "agent"} { // the second time with what it had by then
				w.members(directory.RemoveMembers, "Support", "ann")
				w.pass(time.Hour)
				w.wantVendor(map[string]string{"ann": strings.ReplaceAll(c.gone, "admin", role)})
				w.members(directory.AddMembers, "Support", "ann")
				w.pass(time.Hour)
				w.wantVendor(map[string]string{"ann": "active " + role + " in Tier 1,VIP"})
				x, err := w.engine.Why(t.Context(), w.users["ann"].String(), "desk")
				w.must(err)
				if a := x.Accounts[0]; a.Before != nil || a.State != provision.Active || x.Item != nil {
					t.Fatalf("after the return: got %+v, %+v", a, x.Item)
				}
				w.give("ann", "agent")
			}
		})
	}
}

// What the mapping names, it decides; what an account had by hand comes second.
func TestAReturnGivesTheRoleThatTheMappingNames(t *testing.T) {
	t.Parallel()
	w := byHand(t, storetest.New(t), "[demote]")
	w.members(directory.RemoveMembers, "Support", "ann")
	w.pass(time.Hour)
	w.apply(strings.ReplaceAll(strings.Replace(roleless, "{group: Support, ", "{group: Support, role: agent, ", 1), "STEPS", "[demote]"))
	w.members(directory.AddMembers, "Support", "ann")
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1,VIP"})
}

func TestADemotedAccountWithoutAFormerRoleGetsTheDefault(t *testing.T) {
	t.Parallel()
	w := byHand(t, storetest.New(t), "[demote]")
	w.give("ann", "")
	w.members(directory.RemoveMembers, "Support", "ann")
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active observer"})
	w.vendor.can.DefaultRole = "agent" // an ability that the version applied does not know yet
	w.start()
	w.members(directory.AddMembers, "Support", "ann")
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1,VIP"})
}

// What was an administrator's account becomes one again when somebody says so; the rest comes back at once.
func TestARoleOfAnAdministratorComesBackAfterApproval(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ steps, before string }{
		"after a demotion":   {"[demote]", "active observer"},
		"after a suspension": {"[suspend]", "active agent"},
		"after both":         {"[demote, suspend]", "active observer"},
	} {
		for _, yes := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, %v", name, yes), func(t *testing.T) {
				t.Parallel()
				w := byHand(t, storetest.New(t), c.steps)
				w.vendor.can.AdminRoles = []string{"admin"}
				w.vendor.seed(adapters.Account{Email: "boss@acme.example", Role: "admin", Admin: true})
				w.start()
				want := map[string]string{"boss": "active admin"}
				for range 2 { // the second time it is a question as well
					w.members(directory.RemoveMembers, "Support", "ann")
					w.pass(time.Hour)
					w.members(directory.AddMembers, "Support", "ann")
					w.pass(time.Hour)
					want["ann"] = c.before + " in Tier 1,VIP"
					w.wantVendor(want)
					h := w.wantHolds(provision.HoldAdmin)[0]
					if !yes {
						_, err := w.engine.Reject(t.Context(), admin, h.ID)
						w.must(err)
						w.pass(time.Hour)
						w.wantVendor(want)
						w.wantHolds()
						return
					}
					w.approve(h, false)
					w.pass(time.Hour)
					want["ann"] = "active admin in Tier 1,VIP"
					w.wantVendor(want)
					w.wantHolds()
				}
			})
		}
	}
}

// Where the mapping names another role by then, the administrator's does not come back for a moment either.
func TestARoleOfAnAdministratorThatTheMappingDoesNotNameStaysAway(t *testing.T) {
	t.Parallel()
	w := byHand(t, storetest.New(t), "[suspend]")
	w.vendor.can.AdminRoles = []string{"admin"}
	w.vendor.seed(adapters.Account{Email: "boss@acme.example", Role: "admin", Admin: true})
	w.start()
	w.members(directory.RemoveMembers, "Support", "ann")
	w.pass(time.Hour)
	w.apply(strings.ReplaceAll(strings.Replace(roleless, "{group: Support, ", "{group: Support, role: observer, ", 1), "STEPS", "[suspend]"))
	w.vendor.resumed = nil
	w.members(directory.AddMembers, "Support", "ann")
	w.pass(time.Hour)
	if diff := cmp.Diff([]string{""}, w.vendor.resumed); diff != "" {
		t.Errorf("roles given with the reactivation (-want +got):\n%s", diff)
	}
	w.wantVendor(map[string]string{"ann": "active observer in Tier 1,VIP", "boss": "active admin"})
	w.wantHolds()
}

func TestACrashDuringAReturnLosesNothingGivenByHand(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"before call", "after call", "before commit", "after commit"} {
		for n := 1; n <= 9; n++ {
			f := storetest.Faulty(storetest.New(t))
			w := byHand(t, f, "[demote, suspend]")
			w.members(directory.RemoveMembers, "Support", "ann")
			w.pass(time.Hour)
			w.wantVendor(map[string]string{"ann": "suspended observer"})
			w.members(directory.AddMembers, "Support", "ann")
			w.crashAt(f, at, n)
			w.step(2 * time.Hour)
			w.wantVendor(map[string]string{"ann": "active admin in Tier 1,VIP"})
		}
	}
}
