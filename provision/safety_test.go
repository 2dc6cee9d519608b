package provision_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
)

func people(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("p%02d", i))
	}
	return names
}

// company is a world with n people in Support who all have accounts.
func company(t *testing.T, n int) *world {
	t.Helper()
	w := newWorld(t)
	w.quiet = provision.QuietTime{Pause: 5 * time.Second, AtMost: 2 * time.Minute}
	w.start()
	w.apply(plainMapping)
	w.hire(people(n)...)
	w.group("Support", people(n)...)
	w.settle()
	if got := len(w.vendor.have()); got != n {
		t.Fatalf("accounts: got %d, want %d\n%s", got, n, w.story())
	}
	return w
}

func TestABurstOverBudgetIsHeldWholeAndEverythingElseFlows(t *testing.T) {
	t.Parallel()
	w := company(t, 20)
	for _, p := range people(10) {
		w.activate(p, false)
	}
	w.hire("newbie")
	w.members(directory.AddMembers, "Support", "newbie")
	w.pass(time.Minute)
	if got := w.vendor.count("remove"); got != 0 {
		t.Fatalf("removals: got %d, want none", got)
	}
	if got := w.vendor.have()["newbie@acme.example"]; got != "active agent" {
		t.Errorf("the new hire: got %q, want an account", got)
	}
	open := w.holds()
	if len(open) != 10 {
		t.Fatalf("holds: got %d, want 10\n%s", len(open), w.story())
	}
	if !strings.Contains(open[0].Text, "10 people would lose desk") {
		t.Errorf("text: %q", open[0].Text)
	}

	// A later removal of the same source joins them, though it would fit the budget alone.
	w.activate("p15", false)
	w.pass(time.Minute)
	if got := len(w.holds()); got != 11 {
		t.Errorf("holds: got %d, want 11", got)
	}

	// One is approved, one rejected, one comes back by itself.
	byPerson := map[uuid.UUID]provision.Hold{}
	for _, h := range w.holds() {
		byPerson[h.Person] = h
	}
	w.approve(byPerson[w.users["p00"]], false)
	_, err := w.engine.Reject(t.Context(), admin, byPerson[w.users["p01"]].ID)
	w.must(err)
	w.activate("p02", true)
	w.pass(48 * time.Hour)
	have := w.vendor.have()
	if _, there := have["p00@acme.example"]; there {
		t.Error("the approved removal did not happen")
	}
	if _, there := have["p01@acme.example"]; !there {
		t.Error("the rejected removal happened")
	}
	if got := len(w.holds()); got != 8 {
		t.Errorf("holds: got %d, want 8: nothing releases itself but by the facts\n%s", got, w.story())
	}
	if len(have) != 20 {
		t.Errorf("accounts: got %d, want 20", len(have))
	}

	// A rejected removal is a new question when the source says it anew.
	w.activate("p01", true)
	w.pass(time.Minute)
	w.activate("p01", false)
	w.pass(time.Minute)
	if got := len(w.holds()); got != 9 {
		t.Errorf("holds: got %d, want 9", got)
	}
}

func TestASlowStreamOfRemovalsIsBoundedByTheWindow(t *testing.T) {
	t.Parallel()
	w := company(t, 20)
	for _, p := range people(6) {
		w.activate(p, false)
		w.pass(time.Hour)
	}
	if got := w.vendor.count("remove"); got != 3 {
		t.Errorf("removals: got %d, want 3 (the budget's floor)", got)
	}
	if got := len(w.holds()); got != 3 {
		t.Errorf("holds: got %d, want 3", got)
	}
}

func TestAnAdoptedAccountStaysAsItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.vendor.seed(adapters.Account{Email: "ann@acme.example", Role: "admin", Attributes: map[string]string{"name": "Ann"}})
	w.vendor.seed(adapters.Account{Email: "bob@acme.example", Role: "observer", Attributes: map[string]string{"name": "Bob"}})
	w.hire("ann", "bob")
	w.group("Support", "ann", "bob")
	w.settle()
	// Bob is raised, Ann would be reduced: that needs a person.
	w.wantVendor(map[string]string{"ann": "active admin", "bob": "active agent"})
	open := w.wantHolds(provision.HoldReduction)
	if got := w.vendor.count("create"); got != 0 {
		t.Errorf("creates: got %d, want 0", got)
	}
	w.approve(open[0], false)
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent", "bob": "active agent"})
	w.wantHolds()
}

func TestAnAdoptedAccountThatWasNeverManagedIsNotRemovedUnasked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.vendor.seed(adapters.Account{Email: "ann@acme.example", Role: "agent"})
	w.apply(strings.ReplaceAll(plainMapping, "mode: enforce", "mode: observe"))
	w.hire("ann")
	w.group("Support", "ann")
	w.settle()
	if got := w.vendor.writes(); len(got) != 0 {
		t.Fatalf("writes while observing: %q", got)
	}
	w.activate("ann", false)
	w.settle()
	w.apply(plainMapping)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent"})
	open := w.wantHolds(provision.HoldReduction)
	w.approve(open[0], false)
	w.settle()
	w.wantVendor(map[string]string{})
}

func TestObserveAdoptsAndWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.vendor.seed(adapters.Account{Email: "ann@acme.example", Role: "agent"})
	w.apply(strings.ReplaceAll(plainMapping, "mode: enforce", "mode: observe"))
	w.hire("ann", "bob")
	w.group("Support", "ann", "bob")
	w.pass(time.Hour)
	if got := w.vendor.writes(); len(got) != 0 {
		t.Errorf("writes: got %q, want none", got)
	}
	if got := w.vendor.count("find"); got > 3 {
		t.Errorf("look-ups of two people: got %d", got)
	}
	st, err := w.engine.Status(t.Context())
	w.must(err)
	if len(st[0].Failures) != 0 {
		t.Errorf("failures: %+v", st[0].Failures)
	}
	all, err := w.engine.Accounts(t.Context(), "desk", uuid.Nil, 10, false)
	w.must(err)
	if len(all) != 1 || all[0].Origin != provision.Adopted {
		t.Errorf("ledger: %+v", all)
	}
	x, err := w.engine.Why(t.Context(), "bob@acme.example", "desk")
	w.must(err)
	if len(x.Plan) != 1 || x.Plan[0].Op != provision.OpObtain {
		t.Errorf("what would be done for bob: %+v", x.Plan)
	}
}

func TestSomebodyElsesAccountIsNeverAdopted(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.ReplaceAll(plainMapping, "after: 0s", "after: 30d"), "ann")
	w.deleteUser("ann")
	w.pass(time.Hour)
	// The address is given to a new person while the old account still stands.
	write := w.write("ann", true)
	write.ExternalID = "another-human"
	u, err := w.dir.CreateUser(t.Context(), w.okta, "req", write, directory.CreateOptions{})
	w.must(err)
	old := w.users["ann"]
	if u.Person == old {
		t.Fatal("a reused address linked a new person to an old one")
	}
	w.users["ann"] = u.Person
	w.members(directory.AddMembers, "Support", "ann")
	w.pass(time.Hour)
	w.wantHolds(provision.HoldForeign)
	if got := len(w.vendor.accounts); got != 1 {
		t.Errorf("accounts: got %d, want the one", got)
	}
}

func TestProtectedAccountsAreNeverTouched(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(*world) string{
		"by the mapping's list": func(*world) string {
			return strings.Replace(plainMapping, "    grants:", "    protect: [ann@acme.example]\n    grants:", 1)
		},
		"the connector's own": func(w *world) string {
			w.vendor.self = []string{"ann@acme.example"}
			return plainMapping
		},
		"the vendor's owner": func(w *world) string {
			w.vendor.seed(adapters.Account{Email: "ann@acme.example", Role: "admin", Protected: "account owner"})
			return plainMapping
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(arrange(w))
			w.hire("ann")
			w.group("Support", "ann")
			w.settle()
			writes := len(w.vendor.writes())
			w.activate("ann", false)
			w.pass(time.Hour)
			open := w.wantHolds(provision.HoldProtected)
			if got := w.vendor.writes()[writes:]; len(got) != 0 {
				t.Errorf("writes: got %q, want none", got)
			}
			if _, err := w.engine.Approve(t.Context(), admin, open[0].ID, false); err == nil {
				t.Error("a protection was approved away")
			}
		})
	}
}

// Only the vendor knows when an owner hands the company on: it is looked at every hour, and then the account ends as asked.
func TestALeaverWhomTheVendorProtectedIsRemovedWhenThatIsLifted(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.Replace(later, "when_deactivated: [{", "when_deactivated: [demote, {", 1), "ann", "bob")
	w.at("ann").Protected = "account owner"
	w.activate("ann", false)
	w.pass(time.Hour)
	w.wantHolds(provision.HoldProtected)
	w.vendor.afresh()
	w.pass(10 * time.Hour)
	if n := w.vendor.count("find"); n < 9 || n > 11 {
		t.Errorf("looked %d times in ten hours, want once an hour", n)
	}
	w.at("ann").Protected = ""
	w.pass(26 * time.Hour)
	w.wantHolds()
	w.wantVendor(map[string]string{"bob": "active agent"})
}

func TestAnotherTenantStopsTheAppAndProvesNothingGone(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	first := w.vendor.accounts
	w.vendor.tenant, w.vendor.accounts = "t-2", map[string]*adapters.Account{}
	w.activate("ann", false)
	w.pass(10 * time.Minute)
	st, err := w.engine.Status(t.Context())
	w.must(err)
	if !st[0].Stopped || !strings.Contains(st[0].Reason, `"t-2"`) {
		t.Errorf("status: %+v", st[0])
	}
	if st[0].Accounts[provision.Gone]+st[0].Accounts[provision.Lost] != 0 {
		t.Errorf("another tenant's silence was believed: %v", st[0].Accounts)
	}
	w.vendor.tenant, w.vendor.accounts = "t-1", first
	w.pass(10 * time.Minute)
	w.wantVendor(map[string]string{})
}

// Within the minute in which a check is believed a new account may be made in another tenant. The next check stops the app, nothing is
// lost on the other tenant's word, and when the app is back it is compared at once, so that whose account went astray gets one.
func TestAnAccountThatWentToAnotherTenantIsMadeAnewWhenTheAppIsBack(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob", "cid", "kim")
	first := w.vendor.accounts
	w.hire("eve")
	w.members(directory.AddMembers, "Support", "eve") // the tenant is checked for her, and believed from now on
	w.settle()
	w.vendor.tenant, w.vendor.accounts = "t-2", map[string]*adapters.Account{}
	w.hire("dan")
	w.members(directory.AddMembers, "Support", "dan")
	w.settle()
	w.wantVendor(map[string]string{"dan": "active agent"})
	w.pass(2 * time.Minute)
	w.hire("fay")
	w.members(directory.AddMembers, "Support", "fay")
	w.activate("bob", false)
	w.pass(20 * time.Minute)
	w.wantVendor(map[string]string{"dan": "active agent"}) // nothing follows her, or him
	st, err := w.engine.Status(t.Context())
	w.must(err)
	if !st[0].Stopped || !strings.Contains(st[0].Reason, `"t-2"`) {
		t.Errorf("status: %+v", st[0])
	}
	if st[0].Accounts[provision.Gone]+st[0].Accounts[provision.Lost] != 0 {
		t.Errorf("another tenant's silence was believed: %v", st[0].Accounts)
	}

	w.vendor.tenant, w.vendor.accounts = "t-1", first
	w.pass(10 * time.Minute)
	w.wantVendor(map[string]string{
		"ann": "active agent", "cid": "active agent", "eve": "active agent", "fay": "active agent", "kim": "active agent",
	})
	n, err := w.engine.ReconcileDue(t.Context())
	w.must(err)
	if n != 1 {
		t.Fatalf("comparisons that are due: got %d, want 1", n)
	}
	w.pass(10 * time.Minute)
	w.wantVendor(map[string]string{
		"ann": "active agent", "cid": "active agent", "dan": "active agent", "eve": "active agent", "fay": "active agent", "kim": "active agent",
	})
	if n, err = w.engine.ReconcileDue(t.Context()); err != nil || n != 0 {
		t.Errorf("compared once more: %d, %v", n, err)
	}
}

const transferMapping = `
version: 1
apps:
  desk:
    connection: desk-prod
    mode: enforce
    grants: [{group: Support, role: agent}]
    when_deactivated: [{action: delete, after: 0s, transfer: {to: boss@acme.example, else: it@acme.example, what: [meetings]}}]
`

func TestDataGoesToTheFirstReceiverWhoCanTakeIt(t *testing.T) {
	t.Parallel()
	w := staffed(t, transferMapping, "ann", "boss", "it")
	w.vendor.receives = func(_, receiver string, _ []string) error {
		if w.vendor.accounts[receiver].Email == "boss@acme.example" {
			return &adapters.Error{Kind: adapters.Conflict, Scope: adapters.OneAccount, Op: "check receiver", Message: "has no webinar licence"}
		}
		return nil
	}
	w.activate("ann", false)
	w.settle()
	if len(w.vendor.removals) != 1 || w.vendor.removals[0].Transfer.ToEmail != "it@acme.example" {
		t.Errorf("removals: %+v\n%s", w.vendor.removals, w.story())
	}
}

func TestWithoutAReceiverTheLeaverIsShutOutAndTheDataKept(t *testing.T) {
	t.Parallel()
	w := staffed(t, transferMapping, "ann", "boss", "kim") // kim stays, so that the app is not emptied
	w.activate("boss", false)
	w.activate("ann", false)
	w.settle()
	w.wantVendor(map[string]string{"ann": "suspended agent", "boss": "suspended agent", "kim": "active agent"})
	open := w.wantHolds(provision.HoldTransfer, provision.HoldTransfer)
	if !strings.Contains(open[0].Text, "it@acme.example: is not in the directory") {
		t.Errorf("text: %q", open[0].Text)
	}
	// Somebody who can take it appears; the hold resolves itself within the hour.
	w.hire("it")
	w.members(directory.AddMembers, "Support", "it")
	w.pass(2 * time.Hour)
	w.wantVendor(map[string]string{"it": "active agent", "kim": "active agent"})
	w.wantHolds()
}

func TestATransferCanBeWaivedByName(t *testing.T) {
	t.Parallel()
	w := staffed(t, transferMapping, "ann")
	w.activate("ann", false)
	w.settle()
	open := w.wantHolds(provision.HoldTransfer)
	w.approve(open[0], true)
	w.settle()
	w.wantVendor(map[string]string{})
	if w.vendor.removals[0].Transfer != nil {
		t.Errorf("removal: %+v", w.vendor.removals[0])
	}
}

func TestARefusedRemovalIsAQuestion(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.vendor.fail("remove", problem(adapters.Conflict, "remove"))
	w.activate("ann", false)
	w.settle()
	open := w.wantHolds(provision.HoldRefused)
	w.approve(open[0], false)
	w.settle()
	w.wantVendor(map[string]string{})
	w.wantHolds()
}

func TestAnAccountSuspendedByOthersIsNotWokenUnasked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.vendor.seed(adapters.Account{Email: "ann@acme.example", Role: "agent", State: adapters.Suspended})
	w.hire("ann")
	w.group("Support", "ann")
	w.settle()
	w.wantVendor(map[string]string{"ann": "suspended agent"})
	open := w.wantHolds(provision.HoldSuspended)
	w.approve(open[0], false)
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"})
}

func TestWhatLeavesTheDocumentRemovesNobodyByItself(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.apply("version: 1\napps: {}\n")
	w.pass(48 * time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent"})
	// Back in the document, the ledger is as it was.
	w.apply(plainMapping)
	w.settle()
	if got := w.vendor.count("create"); got != 1 {
		t.Errorf("creates: got %d, want 1", got)
	}
	// A grant line that goes without confirmation is a question for each person, not a removal.
	w.apply(strings.ReplaceAll(plainMapping, "      - {group: Support, role: agent}\n", ""))
	w.pass(48 * time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent"})
	w.wantHolds(provision.HoldMapping)
}

func TestPlanSaysWhatAnEditWouldDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.hire("ann", "bob", "cat")
	w.group("Support", "ann", "bob")
	w.group("Sales", "cat")
	w.settle()
	next, err := w.maps.Check(t.Context(), []byte(strings.ReplaceAll(plainMapping, "group: Support", "group: Sales")))
	w.must(err)
	p, err := w.engine.Preview(t.Context(), next)
	w.must(err)
	a := p.Apps[0]
	if p.Removals != 2 || a.Losses() != 2 || p.Confirm != 2 || p.People != 3 || a.Create.Count != 1 || a.Create.First[0].UserName != "cat@acme.example" {
		t.Errorf("preview: %+v", p)
	}
	if got := len(w.vendor.writes()); got != 2 {
		t.Errorf("writes: got %d, want only the two creates of before", got)
	}
}

func TestARenamedAppKeepsItsLedger(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.ReplaceAll(steppedMapping, "desk:", "helpdesk:"), "ann", "bob")
	w.apply(strings.ReplaceAll(steppedMapping, "  desk:\n", "  desk:\n    renamed_from: helpdesk\n"))
	w.activate("bob", false)
	w.pass(26 * time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1"})
	if got := w.vendor.count("create"); got != 2 {
		t.Errorf("creates: got %d, want 2", got)
	}
	x, err := w.engine.Why(t.Context(), "ann@acme.example", "desk")
	w.must(err)
	if len(x.Accounts) != 1 || x.Accounts[0].State != provision.Active {
		t.Errorf("ledger: %+v", x.Accounts)
	}
	// A rollback across the rename takes the ledger back.
	w.apply(strings.ReplaceAll(steppedMapping, "desk:", "helpdesk:"))
	w.settle()
	if x, err = w.engine.Why(t.Context(), "ann@acme.example", "helpdesk"); err != nil || len(x.Accounts) != 1 || x.Accounts[0].Origin != provision.Created {
		t.Errorf("after the rollback: %+v, %v", x.Accounts, err)
	}
	if got := w.vendor.count("create"); got != 2 {
		t.Errorf("creates: got %d, want 2", got)
	}
}

func TestAConfirmedEditTakesAwayWhatWasConfirmedAndNothingElse(t *testing.T) {
	t.Parallel()
	w := company(t, 20)
	edited := strings.Replace(plainMapping, "group: Leads, role: admin", "group: Bosses, role: admin", 1)
	confirm := func(doc string) {
		_, err := w.maps.Apply(t.Context(), admin, []byte(doc), versions.ApplyOptions{Confirmed: 1})
		w.must(err)
	}
	// The source takes ten away, and before the engine looks, a harmless edit is confirmed.
	w.members(directory.RemoveMembers, "Support", people(10)...)
	confirm(edited)
	w.pass(time.Minute)
	if got := w.vendor.count("remove"); got != 0 {
		t.Fatalf("removals: got %d, want none: they are over the budget and nobody looked at them", got)
	}
	if got := len(w.holds()); got != 10 {
		t.Errorf("holds: got %d, want 10", got)
	}
	// An edit that takes ten more away, and was confirmed as such, is carried out.
	confirm(strings.ReplaceAll(edited, "group: Support", "group: Nobody"))
	w.pass(time.Minute)
	if got := w.vendor.count("remove"); got != 10 {
		t.Errorf("removals: got %d, want the ten that were confirmed", got)
	}
}

func TestAConfirmationOfNewAccountsTakesNobodyAway(t *testing.T) {
	t.Parallel()
	w := company(t, 20)
	// What was looked at makes accounts; by the time it is in force it also takes ten away, and nobody was asked about those.
	_, err := w.maps.Apply(t.Context(), admin, []byte(strings.ReplaceAll(plainMapping, "group: Support", "group: Nobody")), versions.ApplyOptions{Exceeding: 700})
	w.must(err)
	w.pass(time.Minute)
	if got := w.vendor.count("remove"); got != 0 {
		t.Errorf("removals: got %d, want none: only new accounts were confirmed", got)
	}
	if got := len(w.holds()); got != 20 {
		t.Errorf("holds: got %d, want 20", got)
	}
}
