package provision_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store/storetest"
)

func TestALostReplyOnCreateMakesNoSecondAccount(t *testing.T) {
	t.Parallel()
	for _, lag := range []int{0, 1} {
		t.Run(fmt.Sprintf("reads miss the write %d times", lag), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(plainMapping)
			w.hire("ann")
			w.group("Support", "ann")
			w.vendor.failAfter("create", problem(adapters.Uncertain, "create"))
			w.vendor.lag = 1 + lag // the look-up before the create finds nothing either way
			w.pass(10 * time.Minute)
			w.wantVendor(map[string]string{"ann": "active agent"})
			if got := w.vendor.count("create"); got != 1 {
				t.Errorf("creates: got %d, want 1\n%s", got, w.story())
			}
			all, err := w.engine.Accounts(t.Context(), "desk", [16]byte{}, 10, true)
			w.must(err)
			if len(all) != 1 || all[0].Origin != provision.Created || all[0].State != provision.Active {
				t.Errorf("ledger: %+v", all)
			}
		})
	}
}

func TestACreateThatNeverArrivedIsSentAgainAfterTwoLooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.hire("ann")
	w.group("Support", "ann")
	w.vendor.fail("create", problem(adapters.Uncertain, "create"))
	w.pass(10 * time.Minute)
	w.wantVendor(map[string]string{"ann": "active agent"})
	if got := w.vendor.count("find"); got != 3 {
		t.Errorf("look-ups: got %d, want one before and two after", got)
	}
}

func TestAVendorThatIsDownForAnHourDelaysOnlyItselfAndRemovalsGoFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.hire("ann", "bob", "cat", "eve")
	w.group("Support", "ann", "bob", "eve")
	w.settle()
	w.vendor.down = problem(adapters.Unavailable, "anything")
	w.members(directory.AddMembers, "Support", "cat")
	w.settle()
	w.hire("dan")
	w.members(directory.AddMembers, "Support", "dan")
	w.pass(30 * time.Minute)
	w.activate("ann", false)
	w.activate("bob", false)
	w.pass(30 * time.Minute)
	tries := len(w.vendor.calls)
	if tries > 60 {
		t.Errorf("calls to a vendor that is down for an hour: %d", tries)
	}
	w.vendor.down = nil
	w.pass(5 * time.Minute)
	w.wantVendor(map[string]string{"cat": "active agent", "dan": "active agent", "eve": "active agent"})
	var order []string
	for _, c := range w.vendor.writes() {
		op, _, _ := strings.Cut(c, " ")
		order = append(order, op)
	}
	if got := strings.Join(order, " "); got != "create create create remove remove create create" {
		t.Errorf("order of writes: %s", got)
	}
}

func TestTheVendorsWaitIsHonouredAndIsNoAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.hire("ann")
	w.group("Support", "ann")
	w.vendor.fail("create", &adapters.Error{Kind: adapters.Retry, Scope: adapters.WholeApp, After: 90 * time.Second, Op: "create user", Message: "rate limit"})
	w.settle()
	calls := len(w.vendor.calls)
	w.now = w.now.Add(89 * time.Second)
	w.settle()
	if got := len(w.vendor.calls); got != calls {
		t.Errorf("calls before the vendor's time: %d", got-calls)
	}
	x, err := w.engine.Why(t.Context(), "ann@acme.example", "desk")
	w.must(err)
	if x.Item == nil || x.Item.Attempts != 0 || !strings.Contains(x.Item.Failure.Text, "rate limit") {
		t.Errorf("item: %+v", x.Item)
	}
	w.now = w.now.Add(2 * time.Second)
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"})
}

func TestWrongCredentialsStopTheAppUntilTheyWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.vendor.down = problem(adapters.Unauthorized, "check")
	w.hire("ann")
	w.group("Support", "ann")
	w.pass(30 * time.Minute)
	st, err := w.engine.Status(t.Context())
	w.must(err)
	if !st[0].Stopped || st[0].Reason == "" {
		t.Errorf("status: %+v", st[0])
	}
	w.vendor.down = nil
	n, err := w.engine.Retry(t.Context(), admin, "desk", w.users["ann"])
	w.must(err)
	if n != 1 {
		t.Errorf("retried: %d", n)
	}
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"})
}

func TestAnImpossibleValueWaitsForAChangeNotForTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.hire("ann")
	w.group("Support", "ann")
	w.vendor.fail("create", problem(adapters.Invalid, "create"))
	w.pass(24 * time.Hour)
	if got := w.vendor.count("create"); got != 1 {
		t.Errorf("creates: got %d, want 1", got)
	}
	w.activate("ann", false)
	w.activate("ann", true)
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"})
}

func TestAChangeDuringAVendorCallIsNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.hire("ann")
	w.group("Support", "ann")
	_, err := w.engine.Expand(t.Context())
	w.must(err)
	_, err = w.engine.Triage(t.Context(), "desk")
	w.must(err)
	it, err := w.engine.Next(t.Context(), "desk")
	w.must(err)
	// While the create is under way, Ann leaves.
	w.activate("ann", false)
	_, err = w.engine.Expand(t.Context())
	w.must(err)
	_, err = w.engine.Triage(t.Context(), "desk")
	w.must(err)
	w.must(w.engine.Execute(t.Context(), *it))
	w.settle()
	w.wantVendor(map[string]string{})
}

func TestAnAccountThatVanishedIsMadeAnewForWhoIsEntitled(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.pass(time.Minute)
	clear(w.vendor.accounts)
	w.group("Leads", "ann")
	w.settle()
	w.wantVendor(map[string]string{"ann": "active admin"})
}

func TestAReadThatLagsBehindTheCreateIsNoLoss(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.group("Leads", "ann")
	w.vendor.fail("update", problem(adapters.NotFound, "update"))
	w.pass(time.Minute)
	w.wantVendor(map[string]string{"ann": "active admin"})
	if got := w.vendor.count("create"); got != 1 {
		t.Errorf("creates: got %d, want 1", got)
	}
}

// errCrash is the death of the process: nothing after it is written or called.
var errCrash = errors.New("crash")

// A process that dies at any store commit or vendor call, before or after its effect,
// and starts again ends where an undisturbed one does, with one account each.
func TestCrashAnywhereEndsInTheSamePlace(t *testing.T) {
	t.Parallel()
	script := func(w *world) {
		w.apply(steppedMapping)
		w.hire("ann", "bob", "cat")
		w.group("Support", "ann", "bob")
		w.step(0)
		w.activate("ann", false)
		w.members(directory.AddMembers, "Support", "cat")
		w.step(time.Hour)
		w.activate("ann", true)
		w.activate("bob", false)
		w.step(26 * time.Hour)
	}
	want := map[string]string{"ann": "active agent in Tier 1", "cat": "active agent in Tier 1"}

	f := storetest.Faulty(storetest.New(t))
	calm := newWorldOn(t, f)
	calm.crashAt(f, "never", 0)
	script(calm)
	calm.wantVendor(want)
	calls, commits := len(calm.vendor.calls), calm.commits

	for _, at := range []string{"before call", "after call", "before commit", "after commit"} {
		n := calls
		if strings.HasSuffix(at, "commit") {
			n = commits
		}
		for i := 1; i <= n; i++ {
			t.Run(fmt.Sprintf("%s %d", at, i), func(t *testing.T) {
				t.Parallel()
				f := storetest.Faulty(storetest.New(t))
				w := newWorldOn(t, f)
				w.crashAt(f, at, i)
				script(w)
				w.wantVendor(want)
				if got := w.vendor.most; got > 3 {
					t.Errorf("accounts at one time: %d, more than people", got)
				}
			})
		}
	}
}
