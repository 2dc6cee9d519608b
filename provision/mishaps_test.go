package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
)

// Each of these went wrong once.

const suspendMapping = `
version: 1
apps:
  desk:
    connection: desk-prod
    mode: enforce
    grants:
      - {group: Support, role: agent, teams: [Tier 1]}
    when_deactivated: [suspend]
    when_ungranted: [{action: delete, after: 7d}]
`

func TestATeamNotGivenToALeaverIsGivenOnReturn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.quiet = provision.QuietTime{Pause: 5 * time.Second, AtMost: 2 * time.Minute}
	w.start()
	w.apply(suspendMapping)
	w.hire("ann")
	w.group("Support", "ann")
	w.vendor.fail("team", &adapters.Error{Kind: adapters.Retry, Scope: adapters.OneAccount, After: time.Second, Op: "team", Message: "busy"})
	w.settle()
	w.activate("ann", false)
	w.now = w.now.Add(2 * time.Second)
	w.settle()
	w.activate("ann", true)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1"})
}

func TestWhoWeSuspendedIsResumedHoweverOftenTheMindChanges(t *testing.T) {
	t.Parallel()
	w := staffed(t, suspendMapping, "ann")
	w.activate("ann", false)
	w.settle()
	w.vendor.fail("resume", &adapters.Error{Kind: adapters.Retry, Scope: adapters.OneAccount, After: time.Minute, Op: "resume", Message: "busy"})
	w.activate("ann", true)
	w.settle()
	w.members(directory.RemoveMembers, "Support", "ann")
	w.settle()
	w.members(directory.AddMembers, "Support", "ann")
	w.pass(time.Hour)
	w.wantHolds()
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1"})
}

func TestARejectionDoesNotKeepSomebodyInsideWhoIsDeactivatedLater(t *testing.T) {
	t.Parallel()
	w := company(t, 20)
	w.members(directory.RemoveMembers, "Support", people(10)...)
	w.pass(time.Minute)
	for _, h := range w.holds() {
		_, err := w.engine.Reject(t.Context(), admin, h.ID)
		w.must(err)
	}
	w.settle()
	w.activate("p00", false)
	w.pass(48 * time.Hour)
	if _, there := w.vendor.have()["p00@acme.example"]; there && len(w.holds()) == 0 {
		t.Error("fired, still inside, nobody asked")
	}
}

func TestARemovalThatTheVendorCannotDoDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	for _, kind := range []adapters.Kind{adapters.Unavailable, adapters.Unauthorized} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(plainMapping)
			w.hire("ann", "bob")
			w.group("Support", "ann")
			w.settle()
			for range 5000 {
				w.vendor.fail("remove", problem(kind, "remove"))
			}
			w.activate("ann", false)
			w.settle()
			w.members(directory.AddMembers, "Support", "bob")
			w.pass(5 * time.Hour)
			if _, there := w.vendor.have()["bob@acme.example"]; !there {
				t.Errorf("bob waits: %d removes", w.vendor.count("remove"))
			}
		})
	}
}

func TestAnAddressIsGivenOnWhenItsFormerAccountHasEnded(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.ReplaceAll(plainMapping, "after: 0s", "after: 1d"), "ann")
	w.deleteUser("ann")
	w.pass(time.Hour)
	write := w.write("ann", true)
	write.ExternalID = "another-human"
	u, err := w.dir.CreateUser(t.Context(), w.okta, "req", write, directory.CreateOptions{})
	w.must(err)
	w.users["ann"] = u.Person
	w.members(directory.AddMembers, "Support", "ann")
	w.pass(time.Hour)
	w.wantHolds(provision.HoldForeign)
	w.pass(72 * time.Hour)
	w.wantHolds()
	w.wantVendor(map[string]string{"ann": "active agent"})
}

func TestAReturnCountsAlsoWhenTheProfileIsIncomplete(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.ReplaceAll(plainMapping, "after: 0s", "after: 7d"), "ann")
	w.activate("ann", false)
	w.pass(time.Hour)
	// back, without a display name
	_, _, err := w.dir.UpdateUser(t.Context(), w.okta, "req", w.users["ann"], func(directory.User) (directory.UserWrite, error) {
		x := w.write("ann", true)
		x.Attributes = []byte(strings.Replace(string(x.Attributes), `"displayName":"Ann",`, "", 1))
		return x, nil
	})
	w.must(err)
	w.pass(10 * 24 * time.Hour)
	w.activate("ann", false)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent"})
}

func TestDemotingASuspendedAccountDoesNotHideThatItIsSuspended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.vendor.seed(adapters.Account{Email: "ann@acme.example", Role: "agent", State: adapters.Suspended, Attributes: map[string]string{"name": "Ann"}})
	w.apply(strings.ReplaceAll(plainMapping, "when_deactivated: [{action: delete, after: 0s}]", "when_deactivated: [demote]"))
	w.hire("ann")
	w.group("Support", "ann")
	w.settle()
	w.activate("ann", false)
	w.settle()
	for _, h := range w.holds() {
		w.approve(h, false)
	}
	w.settle()
	w.activate("ann", true)
	w.pass(time.Hour)
	if w.vendor.have()["ann@acme.example"] != "active agent" && len(w.holds()) == 0 {
		t.Error("suspended, and the ledger says active")
	}
}

func TestAnAddressThatTheLedgerKnowsAsAnothersIsAQuestionNotALoop(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.ReplaceAll(plainMapping, "after: 0s", "after: 7d"), "ann", "bob")
	w.deleteUser("bob")
	w.settle()
	clear(w.vendor.accounts)
	w.vendor.seed(adapters.Account{Email: "ann@acme.example", ExternalID: w.users["ann"].String(), Role: "agent"})
	for id, a := range w.vendor.accounts {
		delete(w.vendor.accounts, id)
		a.ID = "v1"
		w.vendor.accounts["v1"] = a
	}
	rename := w.write("bob", true)
	rename.ExternalID = "ext-ann"
	_, _, err := w.dir.UpdateUser(t.Context(), w.okta, "req", w.users["ann"], func(directory.User) (directory.UserWrite, error) { return rename, nil })
	w.must(err)
	err = w.work()
	w.must(err)
	w.wantHolds(provision.HoldForeign)
}

func TestALostReplyOfASuspensionDoesNotKeepWhoReturnsOut(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"suspend", "demote"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(strings.ReplaceAll(suspendMapping, "[suspend]", "["+op+"]"))
			w.hire("ann")
			w.group("Support", "ann")
			w.settle()
			w.vendor.failAfter(op, problem(adapters.Uncertain, op))
			w.activate("ann", false)
			w.settle()
			w.activate("ann", true)
			w.pass(time.Hour)
			w.wantVendor(map[string]string{"ann": "active agent in Tier 1"})
		})
	}
}

func TestALostReplyOfAnUpdateThatIsTakenBackLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.vendor.failAfter("update", problem(adapters.Uncertain, "update"))
	w.group("Leads", "ann")
	w.settle()
	w.members(directory.RemoveMembers, "Leads", "ann")
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent"})
}

func TestALostReplyOfARemovalIsRememberedThroughAnOutage(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.vendor.failAfter("remove", problem(adapters.Uncertain, "remove"))
	w.vendor.fail("remove", problem(adapters.Unavailable, "remove"))
	w.activate("ann", false)
	w.settle()
	w.now = w.now.Add(10 * time.Second)
	w.settle()
	if got := w.vendor.count("remove"); got != 2 {
		t.Fatalf("removals: got %d, want the lost one and the one that met the outage", got)
	}
	w.activate("ann", true)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent"})
}
