package provision_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
)

func TestJoinersGetAnAccountMoversChangeLeaversGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.hire("ann", "bob")
	w.group("Support", "ann")
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"})

	w.group("Leads", "ann")
	w.members(directory.AddMembers, "Support", "bob")
	w.settle()
	w.wantVendor(map[string]string{"ann": "active admin", "bob": "active agent"})

	w.activate("ann", false)
	w.settle()
	w.wantVendor(map[string]string{"bob": "active agent"})
	w.wantHolds()
}

// The product's reason to be: whatever the order in which a leaver's traces vanish, the account goes.
func TestAnyOrderOfLeavingEndsWithTheAccountGone(t *testing.T) {
	t.Parallel()
	acts := map[string]func(*world){
		"deactivate":   func(w *world) { w.activate("ann", false) },
		"leave group":  func(w *world) { w.members(directory.RemoveMembers, "Support", "ann") },
		"delete group": func(w *world) { w.deleteGroup("Support") },
		"delete user":  func(w *world) { w.deleteUser("ann") },
	}
	for _, order := range permutations([]string{"deactivate", "leave group", "delete group", "delete user"}) {
		if strings.Index(strings.Join(order, ","), "delete user") < strings.Index(strings.Join(order, ","), "deactivate") ||
			strings.Index(strings.Join(order, ","), "delete group") < strings.Index(strings.Join(order, ","), "leave group") {
			continue // what is deleted can neither be deactivated nor left
		}
		for _, between := range []time.Duration{0, time.Minute, 26 * time.Hour} {
			t.Run(fmt.Sprintf("%s every %s", strings.Join(order, ", "), between), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.apply(plainMapping)
				w.hire("ann")
				w.group("Support", "ann")
				w.settle()
				w.wantVendor(map[string]string{"ann": "active agent"})
				for _, act := range order {
					acts[act](w)
					if between > 0 {
						w.pass(between)
					}
				}
				w.pass(26 * time.Hour)
				w.wantVendor(map[string]string{})
				w.wantHolds()
			})
		}
	}
}

func permutations(s []string) [][]string {
	if len(s) <= 1 {
		return [][]string{s}
	}
	var out [][]string
	for i := range s {
		rest := append(append([]string(nil), s[:i]...), s[i+1:]...)
		for _, p := range permutations(rest) {
			out = append(out, append([]string{s[i]}, p...))
		}
	}
	return out
}

func TestGroupDeletionFreezesGrantsForADayButNotDeactivations(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob")
	w.deleteGroup("Support")
	w.activate("bob", false)
	w.pass(23 * time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent"})
	w.pass(2 * time.Hour)
	w.wantVendor(map[string]string{})
}

func TestRecreatedGroupTakesOverWithoutAnybodyLosingAccess(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.deleteGroup("Support")
	w.pass(time.Hour)
	w.group("Support", "ann")
	w.pass(48 * time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent"})
	if got := w.vendor.count("create"); got != 1 {
		t.Errorf("creates: got %d, want 1", got)
	}
}

func TestReturnAfterDeletionOfTheSCIMUserMakesAnAccountAnew(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.deleteUser("ann")
	w.settle()
	w.wantVendor(map[string]string{})
	first := w.users["ann"]
	w.hire("ann")
	w.members(directory.AddMembers, "Support", "ann")
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"})
	if w.users["ann"] != first {
		t.Errorf("the same user of the same source came back as another person")
	}
}

func TestReturnBeforeTheRemovalKeepsTheAccount(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.ReplaceAll(plainMapping, "after: 0s", "after: 7d"), "ann")
	w.deleteUser("ann")
	w.pass(24 * time.Hour)
	w.hire("ann")
	w.members(directory.AddMembers, "Support", "ann")
	w.pass(14 * 24 * time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent"})
	if got := w.vendor.count("remove"); got != 0 {
		t.Errorf("removals: got %d, want 0", got)
	}
}

const steppedMapping = `
version: 1
apps:
  desk:
    connection: desk-prod
    mode: enforce
    grants:
      - {group: Support, role: agent, teams: [Tier 1]}
    when_deactivated: [demote, suspend, {action: delete, after: 24h}]
    when_ungranted: [{action: delete, after: 7d}]
`

func TestStepsCountFromTheMomentTheAccountBecameUnwanted(t *testing.T) {
	t.Parallel()
	w := staffed(t, steppedMapping, "ann")
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1"})
	w.activate("ann", false)
	w.settle()
	w.wantVendor(map[string]string{"ann": "suspended observer"})
	w.pass(20 * time.Hour)
	// More facts about the same leaver do not start the count again.
	w.members(directory.RemoveMembers, "Support", "ann")
	w.pass(3*time.Hour + 50*time.Minute)
	w.wantVendor(map[string]string{"ann": "suspended observer"})
	w.pass(15 * time.Minute)
	w.wantVendor(map[string]string{})
}

func TestReturnRestoresRoleTeamsAndSignIn(t *testing.T) {
	t.Parallel()
	w := staffed(t, steppedMapping, "ann")
	w.activate("ann", false)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "suspended observer"})
	w.activate("ann", true)
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1"})
	w.pass(48 * time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1"})
}

func TestAMissedStepIsNotMadeUpBeforeADueDeletion(t *testing.T) {
	t.Parallel()
	w := staffed(t, steppedMapping, "ann")
	w.vendor.down = problem(adapters.Unavailable, "anything")
	w.activate("ann", false)
	w.pass(25 * time.Hour)
	w.vendor.down = nil
	w.pass(5 * time.Minute)
	w.wantVendor(map[string]string{})
	if got := w.vendor.count("suspend"); got > 30 {
		t.Errorf("suspensions tried while down: %d", got)
	}
}

func TestDeactivationUndoneInTheQuietTimeMakesNoCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.quiet = provision.QuietTime{Pause: 5 * time.Second, AtMost: 2 * time.Minute}
	w.start()
	w.apply(plainMapping)
	w.hire("ann")
	w.group("Support", "ann")
	w.settle()
	before := len(w.vendor.calls)
	w.activate("ann", false)
	w.now = w.now.Add(3 * time.Second)
	w.settle()
	w.activate("ann", true)
	w.pass(time.Minute)
	if got := w.vendor.calls[before:]; len(got) != 0 {
		t.Errorf("vendor calls: got %q, want none", got)
	}
	w.activate("ann", false)
	w.pass(20 * time.Second)
	w.wantVendor(map[string]string{})
}

func TestSomebodyNeverEntitledGetsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.hire("ann")
	w.group("Others", "ann")
	w.pass(time.Hour)
	if got := w.vendor.calls; len(got) != 0 {
		t.Errorf("vendor calls: got %q, want none", got)
	}
}

func TestEmailAndNameChangesFollow(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	rename := w.write("anna", true)
	rename.ExternalID = "ext-ann"
	_, _, err := w.dir.UpdateUser(t.Context(), w.okta, "req", w.users["ann"], func(directory.User) (directory.UserWrite, error) { return rename, nil })
	w.must(err)
	w.settle()
	w.wantVendor(map[string]string{"anna": "active agent"})
	if got := w.vendor.count("create"); got != 1 {
		t.Errorf("creates: got %d, want 1", got)
	}
}

func TestWhereTheVendorKeepsTheAddressItIsAQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.vendor.can.EmailChange = false
	w.apply(plainMapping)
	w.hire("ann")
	w.group("Support", "ann")
	w.settle()
	rename := w.write("anna", true)
	rename.ExternalID = "ext-ann"
	_, _, err := w.dir.UpdateUser(t.Context(), w.okta, "req", w.users["ann"], func(directory.User) (directory.UserWrite, error) { return rename, nil })
	w.must(err)
	w.settle()
	open := w.wantHolds(provision.HoldEmail)
	w.approve(open[0], false)
	w.settle()
	w.wantHolds()
	w.wantVendor(map[string]string{"ann": "active agent"})
}

func TestTeamsOfManyJoinersAreOneWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(steppedMapping)
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf("p%02d", i))
	}
	w.hire(names...)
	w.group("Support", names...)
	w.settle()
	if got := len(w.vendor.teams["Tier 1"]); got != 40 {
		t.Fatalf("members: got %d, want 40\n%s", got, w.story())
	}
	if got := w.vendor.count("team"); got > 5 {
		t.Errorf("team writes: got %d, want a few", got)
	}
	x, err := w.engine.Why(t.Context(), "p07@acme.example", "desk")
	w.must(err)
	if x.Facts[0].Act != audit.AccountTeams || !strings.Contains(string(x.Facts[0].Detail), `"joined":"Tier 1"`) {
		t.Errorf("the newest fact: %s %s", x.Facts[0].Act, x.Facts[0].Detail)
	}
}
