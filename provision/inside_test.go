package provision_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
)

// Who should be out must not stay inside because something went wrong on the way. Each of these paths once kept somebody in.

// A suspension without an answer may not have taken place, whatever the ledger says of the account meanwhile: it is sent again, also where
// nothing else is due and when the next answer is a definite no.
func TestASuspensionWithoutAnAnswerIsSentAgain(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]adapters.Kind{
		"an unknown outcome":                    {adapters.Uncertain},
		"an unknown outcome, then a refusal":    {adapters.Uncertain, adapters.Retry},
		"an unknown outcome, then out of order": {adapters.Uncertain, adapters.Unavailable},
	} {
		t.Run("who is terminated, "+name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, later, "ann")
			for _, kind := range faults {
				w.vendor.fail("suspend", problem(kind, "suspend"))
			}
			w.terminate("ann", 0)
			w.pass(10 * time.Minute)
			w.wantVendor(map[string]string{"ann": "suspended agent"})
		})
		t.Run("whose work nobody can receive, "+name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, transferMapping, "ann")
			for _, kind := range faults {
				w.vendor.fail("suspend", problem(kind, "suspend"))
			}
			w.activate("ann", false)
			w.pass(10 * time.Minute)
			w.wantVendor(map[string]string{"ann": "suspended agent"})
			w.wantHolds(provision.HoldTransfer)
		})
		t.Run("who was found at the vendor, "+name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, plainMapping, "bob")
			w.hire("ann")
			w.activate("ann", false)
			w.settle()
			w.vendor.seed(adapters.Account{Email: "ann@acme.example", Role: "agent"})
			for _, kind := range faults {
				w.vendor.fail("suspend", problem(kind, "suspend"))
			}
			w.now = w.now.Add(time.Hour)
			_, err := w.engine.Reconcile(t.Context(), "desk")
			w.must(err)
			w.pass(10 * time.Minute)
			w.wantVendor(map[string]string{"ann": "suspended agent", "bob": "active agent"})
			w.wantHolds(provision.HoldLeaver)
		})
	}
}

// What became of a creation is looked up for as long as it takes when the person has left meanwhile.
func TestACreationWithoutAnAnswerIsFollowedUntilTheLeaverIsOut(t *testing.T) {
	t.Parallel()
	for name, kinds := range map[string][]adapters.Kind{
		"refused look-ups": {adapters.Invalid},
		"unclear look-ups": slices.Repeat([]adapters.Kind{adapters.Uncertain}, 30),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(plainMapping)
			w.hire("ann")
			w.vendor.failAfter("create", problem(adapters.Uncertain, "create"))
			w.group("Support", "ann")
			w.settle()
			for _, kind := range kinds {
				w.vendor.fail("find", problem(kind, "find"))
			}
			w.activate("ann", false)
			for range 40 {
				w.pass(2 * time.Hour)
			}
			w.wantVendor(map[string]string{})
		})
	}
}

// An account that stands under another id each time that it is to be removed keeps coming up; that is told, and not given up.
func TestARemovalThatComesUpAgainAndAgainIsNotGivenUp(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob")
	moved := 0
	w.vendor.slow = func() {
		last := w.vendor.calls[len(w.vendor.calls)-1]
		if id, removes := strings.CutPrefix(last, "remove "); removes && moved < 12 && w.vendor.accounts[id] != nil {
			moved++
			a := w.vendor.accounts[id]
			delete(w.vendor.accounts, id)
			a.ID += "x"
			w.vendor.accounts[a.ID] = a
		}
	}
	w.activate("ann", false)
	w.pass(time.Minute)
	f, err := w.engine.Failures(t.Context(), "desk", 10)
	w.must(err)
	if len(f.List) != 1 || f.List[0].Next.IsZero() {
		t.Errorf("failures: got %+v, want one that is tried again", f.List)
	}
	w.pass(40 * time.Hour)
	w.wantVendor(map[string]string{"bob": "active agent"})
}

// A deletion takes the place of the steps before it that are due as well. When it cannot be, they are carried out.
func TestADeletionThatCannotBeLeavesNobodyAsTheyWere(t *testing.T) {
	t.Parallel()
	const steps = "[demote, {action: delete, after: 1h"
	for name, c := range map[string]struct {
		doc    string
		refuse bool
		hold   provision.HoldKind
		want   string
	}{
		"refused": {
			doc:    strings.Replace(plainMapping, "when_deactivated: [{action: delete, after: 0s}]", "when_deactivated: "+steps+"}]", 1),
			refuse: true, hold: provision.HoldRefused, want: "active observer",
		},
		"nobody can receive the data": {
			doc:  strings.Replace(transferMapping, "[{action: delete, after: 0s", steps, 1),
			hold: provision.HoldTransfer, want: "suspended agent",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, c.doc, "ann", "bob")
			w.vendor.down = problem(adapters.Unavailable, "anything")
			w.activate("ann", false)
			w.pass(2 * time.Hour)
			w.vendor.down = nil
			if c.refuse {
				w.vendor.fail("remove", problem(adapters.Conflict, "remove"))
			}
			w.pass(10 * time.Minute)
			w.wantVendor(map[string]string{"ann": c.want, "bob": "active agent"})
			w.wantHolds(c.hold)
		})
	}
}

// The account of a leaver is gone, and somebody new has its address: that is no reason to keep the leaver's entry, which would keep
// the new one out.
func TestALeaversAddressThatIsSomebodyElsesByNow(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob", "eve")
	w.vendor.dupes = true
	for id, a := range w.vendor.accounts {
		if a.Email == "ann@acme.example" {
			delete(w.vendor.accounts, id) // by hand
		}
	}
	w.vendor.seed(adapters.Account{Email: "ann@acme.example", ExternalID: w.users["bob"].String(), Role: "agent"})
	w.activate("ann", false)
	w.pass(time.Hour)
	x, err := w.engine.Why(t.Context(), w.users["ann"].String(), "desk")
	w.must(err)
	if x.Item != nil || len(x.Accounts) != 1 || x.Accounts[0].State != provision.Gone {
		t.Errorf("got %+v, %+v, want an account that is gone and nothing to do", x.Item, x.Accounts)
	}
	w.wantHolds()
}

// A creation without an answer that never took place: what stands under the address by now may be somebody else's.
func TestAnAccountThatIsSomebodyElsesIsNotTakenForALostCreation(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "bob", "eve")
	w.hire("ann")
	w.vendor.fail("create", problem(adapters.Uncertain, "create"))
	w.members(directory.AddMembers, "Support", "ann")
	w.settle()
	w.vendor.dupes = true
	w.vendor.seed(adapters.Account{Email: "ann@acme.example", ExternalID: w.users["bob"].String(), Role: "agent"})
	w.activate("ann", false)
	w.pass(time.Hour)
	if n := w.vendor.count("remove"); n != 0 {
		t.Errorf("somebody else's account was removed: %s", w.story())
	}
}
