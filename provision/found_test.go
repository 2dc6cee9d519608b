package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
)

// Each of these was found by a history of the simulator (provision/simtest), whose seed stands beside it.

// rename gives a user another display name and, where it is not "", another address.
func (w *world) rename(name, display, address string) {
	w.t.Helper()
	_, _, err := w.dir.UpdateUser(w.t.Context(), w.okta, "req", w.users[name], func(directory.User) (directory.UserWrite, error) {
		write := w.write(name, true)
		attrs := strings.Replace(string(write.Attributes), strings.ToUpper(name[:1])+name[1:], display, 1)
		if address != "" {
			attrs = strings.ReplaceAll(attrs, write.UserName, address)
			write.UserName, write.Emails = address, []string{address}
		}
		write.Attributes = []byte(attrs)
		return write, nil
	})
	w.must(err)
}

// Seed 59.
func TestAnUpdateOfSeveralPartsThatWasRefusedMayHaveTakenEffectInPart(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.vendor.failAfter("update", problem(adapters.Invalid, "update"))
	w.rename("ann", "Annabel", "annabel@acme.example")
	w.settle()
	w.rename("ann", "Ann", "") // back, before anything was sent again
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"})
	for _, a := range w.vendor.accounts {
		if got := a.Attributes["name"]; got != "Ann" {
			t.Errorf("name: got %q, want Ann", got)
		}
	}
}

// Seed 46.
func TestNothingIsWrittenAfterALookThatTookLongerThanATenantIsBelieved(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.hire("bob")
	w.members(directory.AddMembers, "Support", "bob")
	w.vendor.calls = nil
	w.vendor.meanwhile = func() { // during the look-up before the create
		w.now = w.now.Add(2 * time.Minute)
		w.vendor.tenant = "t-2"
	}
	w.settle()
	if w.vendor.count("find") == 0 {
		t.Fatal("nobody was looked up")
	}
	if got := w.vendor.writes(); len(got) > 0 {
		t.Errorf("written in another tenant: %q", got)
	}
}

// Seed 477.
func TestAnUpdateLearnsThatSomebodySuspendedTheAccount(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	for _, a := range w.vendor.accounts {
		a.State = adapters.Suspended
	}
	w.rename("ann", "Annabel", "")
	w.settle()
	open := w.wantHolds(provision.HoldSuspended)
	w.approve(open[0], false)
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"})
}

// Beside seed 23125: the failure was told before, and what was done this time was not.
func TestWhatAnUpdateDidBeforeItWasRefusedIsTold(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	told := func() int {
		x, err := w.engine.Why(t.Context(), w.users["ann"].String(), "desk")
		w.must(err)
		n := 0
		for _, c := range x.Facts {
			if c.Act == audit.AccountUpdated {
				n++
			}
		}
		return n
	}
	refused := problem(adapters.Conflict, "update")
	for i, name := range []string{"Annabel", "Anna"} {
		w.vendor.failPart("update", refused, func() { w.vendor.accounts["v1"].Attributes["name"] = name })
		w.rename("ann", name, "annabel@acme.example")
		w.settle()
		if got := told(); got != i+1 {
			t.Errorf("%s: got %d facts of an update, want %d", name, got, i+1)
		}
	}
	w.vendor.fail("update", refused) // nothing was done
	w.rename("ann", "Ann", "annabel@acme.example")
	w.settle()
	if got := told(); got != 2 {
		t.Errorf("got %d facts of an update, want 2", got)
	}
}

// Beside seed 23125.
func TestAnAddressThatWasTakenIsTriedAgainWhenItMayBeFree(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.vendor.strict = true
	other := w.vendor.seed(adapters.Account{Email: "annabel@acme.example", Role: "agent"})
	w.rename("ann", "Annabel", "annabel@acme.example")
	w.pass(2 * time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent", "annabel": "active agent"})
	if list, err := w.engine.Stuck(t.Context()); err != nil || len(list) != 1 || list[0].Kind != adapters.Conflict {
		t.Errorf("got %+v, %v, want a conflict that waits for a person", list, err)
	}
	delete(w.vendor.accounts, other) // by hand
	w.pass(2 * time.Hour)
	w.wantVendor(map[string]string{"annabel": "active agent"})
	if list, err := w.engine.Stuck(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("got %+v, %v, want nothing that waits for a person", list, err)
	}
}

// Seed 66.
func TestALeaverWhoseAccountIsNotThereNeedsNobodyToReceiveTheData(t *testing.T) {
	t.Parallel()
	w := staffed(t, transferMapping, "ann", "boss", "kim")
	w.vendor.receives = func(leaver, _ string, _ []string) error {
		if w.vendor.accounts[leaver] == nil {
			return problem(adapters.NotFound, "check receiver")
		}
		return nil
	}
	for id, a := range w.vendor.accounts {
		if a.Email == "ann@acme.example" {
			delete(w.vendor.accounts, id) // by hand
		}
	}
	w.activate("ann", false)
	w.pass(time.Hour)
	x, err := w.engine.Why(t.Context(), w.users["ann"].String(), "desk")
	w.must(err)
	if x.Item != nil || len(x.Accounts) != 1 || x.Accounts[0].State != provision.Gone {
		t.Errorf("got %+v, %+v, want an account that is gone and nothing to do", x.Item, x.Accounts)
	}
}

// Seed 84.
func TestACorrectionAtTheVendorDoesNotPartABatchThatEmptiesAnApp(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping+"    drift: {changed: correct}\n", "ann", "bob")
	w.deleteGroup("Support") // which takes effect after a day
	w.settle()
	w.now = w.now.Add(time.Hour)
	for _, a := range w.vendor.accounts {
		if a.Email == "ann@acme.example" {
			a.Role = "observer" // by hand
		}
	}
	if _, err := w.engine.Reconcile(t.Context(), "desk"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent", "bob": "active agent"})
	w.now = w.now.Add(24 * time.Hour)
	w.settle()
	w.wantHolds(provision.HoldBudget, provision.HoldBudget)
}

// Seed 124.
func TestARequestedComparisonRunsOnceThoughTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	if _, err := w.engine.RequestReconcile(t.Context(), admin, "desk"); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(-25 * time.Hour)
	ran := 0
	for range 3 {
		n, err := w.engine.ReconcileDue(t.Context())
		w.must(err)
		ran += n
	}
	if ran != 1 {
		t.Errorf("ran %d times, want once", ran)
	}
	w.now = w.now.Add(-time.Hour)
	if _, err := w.engine.RequestReconcile(t.Context(), admin, "desk"); err != nil {
		t.Fatal(err)
	}
	if n, err := w.engine.ReconcileDue(t.Context()); err != nil || n != 1 {
		t.Errorf("asked for once more: ran %d times, %v", n, err)
	}
}

// Seed 11157.
func TestATeamMadeJustBeforeARestartIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.Replace(plainMapping, "role: agent}", "role: agent, teams: [Tier 1]}", 1), "ann")
	if got := w.vendor.count("team"); got != 1 {
		t.Fatalf("got %d writes of the team, want 1", got)
	}
	w.now = w.now.Add(time.Second) // less than the vendor's read lag
	w.lags()
	w.hire("bob")
	w.members(directory.AddMembers, "Support", "bob")
	w.settle()
	if got := w.vendor.count("team"); got != 1 {
		t.Errorf("got %d writes of the team while the vendor may not show it, want 1", got)
	}
	w.now = w.now.Add(time.Second)
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1", "bob": "active agent in Tier 1"})
	w.hire("cat") // the process knows the team from now on
	w.members(directory.AddMembers, "Support", "cat")
	w.settle()
	if got := w.vendor.count("team"); got != 3 {
		t.Errorf("got %d writes of the team, want 3 without a wait", got)
	}
}

// Seed 13766.
func TestATeamWaitsWhileItsAppIsOnlyObserved(t *testing.T) {
	t.Parallel()
	teams := strings.Replace(plainMapping, "role: agent}", "role: agent, teams: [Tier 1]}", 1)
	w := newWorld(t)
	w.apply(teams)
	w.hire("ann")
	w.vendor.fail("team", &adapters.Error{Kind: adapters.Retry, Scope: adapters.OneAccount, After: time.Minute, Op: "team", Message: "busy"})
	w.group("Support", "ann")
	w.settle()
	w.vendor.calls = nil
	w.apply(strings.Replace(teams, "mode: enforce", "mode: observe", 1))
	w.pass(time.Hour)
	if got := w.vendor.writes(); len(got) > 0 {
		t.Errorf("written while the app is observed: %q", got)
	}
	w.apply(teams)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1"})
}

// Seed 138.
func TestWhoIsTerminatedStaysFirstAfterAFailure(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob", "cat", "dan")
	w.quiet = provision.QuietTime{Pause: time.Second, AtMost: time.Minute}
	w.start()
	w.vendor.fail("suspend", problem(adapters.Unavailable, "suspend"))
	w.vendor.fail("remove", problem(adapters.Unavailable, "remove"))
	_, _, err := w.engine.Terminate(t.Context(), admin, w.users["ann"], directory.TerminateOptions{Reason: "an incident"})
	w.must(err)
	w.activate("bob", false)
	w.settle() // ann fails, and the app is held back; bob waits in the quiet time
	w.now = w.now.Add(1500 * time.Millisecond)
	w.settle() // bob is let through
	w.vendor.calls = nil
	w.now = w.now.Add(time.Minute)
	w.settle()
	writes := w.vendor.writes()
	ann, bob := -1, -1
	for i, call := range writes {
		switch call {
		case "remove " + w.vendor.made[0]:
			ann = i
		case "remove " + w.vendor.made[1]:
			bob = i
		}
	}
	if ann < 0 || bob < 0 || ann > bob {
		t.Errorf("got %q, want the account of ann (%s) ended before that of bob (%s)", writes, w.vendor.made[0], w.vendor.made[1])
	}
}
