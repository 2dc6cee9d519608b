package alerts

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

func TestABatchIsOneAlert(t *testing.T) {
	w := newWorld(t)
	w.holds(40, "budget")
	w.pass(30 * time.Second)
	w.wantTitles()
	w.holds(7, "budget")
	w.pass(40 * time.Second)
	w.wantTitles("zoom: 47 removals are held, more than the budget allows")
	if got := w.mail.got[0].People; len(got) != 0 {
		t.Errorf("a batch names people: %v", got)
	}
	if got, want := w.mail.got[0].Commands, "usher holds --app zoom"; got[0] != want {
		t.Errorf("command: got %q, want %q", got[0], want)
	}
}

func TestKindsOfHoldAndAppsAreToldApart(t *testing.T) {
	w := newWorld(t)
	w.holds(2, "budget")
	w.holds(1, "transfer")
	w.write(w.fact(audit.HoldOpened, "desk", map[string]string{"kind": "budget", "work": "create"}, kim))
	w.pass(2 * time.Second)
	w.pass(61 * time.Second)
	w.wantTitles("desk: 1 new account is held, more than the budget allows", "zoom: 2 removals are held, more than the budget allows",
		"zoom: 1 removal waits, as nobody can receive the data")
}

func TestALongStormIsAFewAlerts(t *testing.T) {
	w := newWorld(t)
	for range 60 { // an hour with a hold a minute
		w.holds(1, "refused")
		w.pass(30 * time.Second)
		w.pass(30 * time.Second)
	}
	w.pass(busyWindow)
	if got := len(w.mail.got); got < 2 || got > 6 {
		t.Errorf("an hour of holds: got %d alerts, want a few: %q", got, w.titles())
	}
	told := 0
	for _, m := range w.mail.got {
		told += m.Count
	}
	if told != 60 {
		t.Errorf("holds told: got %d, want 60", told)
	}
}

func TestWhatCannotWaitIsToldAtOnce(t *testing.T) {
	for _, c := range []struct {
		act    audit.Act
		detail map[string]string
		title  string
		named  bool
	}{
		{audit.AppStopped, map[string]string{"reason": "the key was revoked"}, "zoom is stopped: nothing is sent to it, and nobody is removed there", false},
		{audit.AppResumed, nil, "zoom goes on: what had waited is worked off now", false},
		{audit.RolloutStopped, map[string]string{"reason": "4 people fail"}, "the rollout of a new version of the mapping was stopped", false},
		{audit.HoldLeaver, map[string]string{"kind": "budget"}, "zoom: 1 person deactivated and still inside, because removals are held", true},
		{"account.returned", nil, "zoom: 1 person has an account that can be used, and should have none", true},
		{"drift.found", map[string]string{"kind": "leaver"}, "zoom: 1 person has an account that can be used, and should have none", true},
	} {
		t.Run(string(c.act), func(t *testing.T) {
			w := newWorld(t)
			w.write(w.fact(c.act, "zoom", c.detail, kim))
			w.pass(2 * time.Second)
			w.wantTitles(c.title)
			if got := len(w.mail.got[0].People) == 1 && w.mail.got[0].People[0].Name == "kim@acme.example"; got != c.named {
				t.Errorf("names the person: got %t, want %t", got, c.named)
			}
		})
	}
}

func TestWhatNobodyHasToKnowIsNotTold(t *testing.T) {
	w := newWorld(t)
	for _, act := range []audit.Act{audit.AccountCreated, audit.AccountRemoved, audit.HoldApproved, audit.AccountStepFailed, "drift.found"} {
		w.write(w.fact(act, "zoom", map[string]string{"kind": "extra"}, kim))
	}
	w.pass(2 * time.Minute)
	w.wantTitles()
}

func TestAFactThatAppearsLateIsTold(t *testing.T) {
	w := newWorld(t)
	late := w.fact(audit.AppStopped, "desk", map[string]string{"reason": "x"}) // its transaction began now and takes its time
	w.pass(2 * time.Minute)
	w.write(w.fact(audit.AppStopped, "zoom", map[string]string{"reason": "x"}))
	w.pass(2 * time.Second)
	w.write(late)
	w.pass(61 * time.Second) // the next deep reading
	if got := len(w.titles()); got != 2 {
		t.Errorf("got %q, want both apps", w.titles())
	}
	for range 10 { // everything is read again, and nothing is told again
		w.pass(time.Minute)
	}
	if got := len(w.titles()); got != 2 {
		t.Errorf("after ten more minutes: got %q, want nothing new", w.titles())
	}
}

func TestAClockThatIsSetBackTellsNothingTwice(t *testing.T) {
	w := newWorld(t)
	w.pass(time.Hour)
	w.write(w.fact(audit.AppStopped, "zoom", map[string]string{"reason": "x"}))
	w.pass(2 * time.Second)
	w.now = w.now.Add(-30 * time.Minute)
	w.write(w.fact(audit.AppResumed, "zoom", nil))
	w.pass(2 * time.Second)
	w.pass(2 * time.Minute)
	w.pass(time.Hour)
	w.wantTitles("zoom is stopped: nothing is sent to it, and nobody is removed there", "zoom goes on: what had waited is worked off now")
}

func TestWhatWasBeforeTheFirstStartIsNotTold(t *testing.T) {
	w := newWorld(t)
	old := newWorld(t)
	old.disk = w.disk
	w.must(w.store.Update(t.Context(), func(tx store.Tx) error { return cursorTable.Delete(tx, []byte(factCursor)) }))
	w.write(w.fact(audit.AppStopped, "zoom", map[string]string{"reason": "x"}))
	w.now = w.now.Add(time.Hour)
	w.start(w.mail)
	w.pass(0)
	for range 8 {
		w.pass(time.Minute)
	}
	w.wantTitles()
}

func TestFactsOfOneMillisecondAreAllRead(t *testing.T) {
	w := newWorld(t)
	for range 4 {
		w.holds(900, "budget") // more than a page, all of the same moment
	}
	w.pass(2 * time.Second)
	w.pass(61 * time.Second)
	w.wantTitles("zoom: 3600 removals are held, more than the budget allows")
}

// The process dies at each commit in turn; whatever was written before is told once all the same.
func TestACrashLosesNoAlertAndMakesNoneTwice(t *testing.T) {
	for n := 1; ; n++ {
		w := newWorld(t)
		faults := storetest.Faulty(w.store)
		commits, died := 0, false
		faults.BeforeCommit(func(int) error {
			commits++
			if died = died || commits == n; died {
				return errDown
			}
			return nil
		})
		w.holds(3, "budget")
		w.write(w.fact(audit.AppStopped, "zoom", map[string]string{"reason": "x"}))
		w.alerts.o.Store = faults
		for range 40 {
			w.now = w.now.Add(5 * time.Second)
			if w.alerts.Collect(t.Context()) != nil || w.alerts.Watch(t.Context()) != nil || w.alerts.Deliver(t.Context()) != nil {
				break
			}
		}
		w.start(w.mail, w.hook)
		for range 40 {
			w.pass(10 * time.Second)
		}
		alerts, err := w.alerts.List(t.Context(), 10)
		w.must(err)
		if len(alerts) != 2 {
			t.Fatalf("died at commit %d: got %d alerts, want 2", n, len(alerts))
		}
		for _, c := range []*channel{w.mail, w.hook} {
			ids := map[uuid.UUID]bool{}
			for _, m := range c.got {
				ids[m.ID] = true
			}
			if len(ids) != 2 {
				t.Fatalf("died at commit %d: %s got %d different alerts, want 2", n, c.name, len(ids))
			}
		}
		if !died {
			if n < 6 {
				t.Fatalf("only %d commits were tried", n)
			}
			return
		}
	}
}

func TestTransactionsMayRunTwice(t *testing.T) {
	w := newWorld(t)
	w.alerts.o.Store = storetest.Rerun(w.store)
	w.holds(5, "budget")
	for range 20 {
		w.pass(10 * time.Second)
	}
	w.wantTitles("zoom: 5 removals are held, more than the budget allows")
}

func TestTerminatedAndStillInside(t *testing.T) {
	w := newWorld(t)
	w.inside[kim] = []Inside{{App: "zoom", Text: "not cut: the app is paused"}, {App: "desk", Text: "being cut now"}}
	w.write(w.fact(audit.PersonTerminated, "", map[string]string{"reason": "HR-1"}, kim))
	w.pass(time.Minute)
	w.wantTitles()
	w.pass(time.Minute)
	w.wantTitles("a terminated person is still inside: zoom, desk")
	if got := w.mail.got[0].body(); !strings.Contains(got, "Who: kim@acme.example") || !strings.Contains(got, "zoom: not cut: the app is paused") {
		t.Errorf("the mail does not say who and where:\n%s", got)
	}
	w.pass(4 * time.Hour)
	if got := len(w.mail.got); got != 2 {
		t.Errorf("after 4 h: got %d alerts, want 2", got)
	}
	delete(w.inside, kim)
	w.pass(time.Minute)
	w.inside[kim] = []Inside{{App: "zoom", Text: "being cut now"}} // of no interest any more: the person was seen out
	for range 10 {
		w.pass(time.Hour)
	}
	if got := len(w.mail.got); got != 2 {
		t.Errorf("after the person was out: got %q", w.titles())
	}
}

func TestReinstatedBeforeAnybodyWasTold(t *testing.T) {
	w := newWorld(t)
	w.inside[kim] = []Inside{{App: "zoom", Text: "being cut now"}}
	w.write(w.fact(audit.PersonTerminated, "", nil, kim))
	w.pass(time.Minute)
	w.write(w.fact(audit.PersonReinstated, "", nil, kim))
	w.pass(time.Hour)
	w.wantTitles()
}

func TestPruneKeepsWhatWaits(t *testing.T) {
	w := newWorld(t)
	w.mail.fail = errDown
	w.write(w.fact(audit.AppStopped, "zoom", map[string]string{"reason": "x"}))
	w.pass(2 * time.Second)
	w.now = w.now.Add(keepFor + time.Hour)
	w.must(w.alerts.Prune(t.Context()))
	if all, err := w.alerts.List(t.Context(), 5); err != nil || len(all) != 1 {
		t.Fatalf("one that waits: got %d, %v, want it kept", len(all), err)
	}
	w.pass(0) // given up, as it is older than three days
	w.must(w.alerts.Prune(t.Context()))
	if all, err := w.alerts.List(t.Context(), 5); err != nil || len(all) != 0 {
		t.Errorf("an old one: got %d, %v, want it dropped", len(all), err)
	}
}

func ExampleVerify() {
	fmt.Println(Verify(exampleSecret, Sign(exampleSecret, time.Unix(1_700_000_000, 0), []byte(`{}`)), []byte(`{}`), time.Unix(1_700_000_060, 0), 5*time.Minute))
	fmt.Println(Verify(exampleSecret, Sign(exampleSecret, time.Unix(1_700_000_000, 0), []byte(`{}`)), []byte(`{"a":1}`), time.Unix(1_700_000_060, 0), 5*time.Minute))
	// Output:
	// <nil>
	// the signature does not fit the body and the secret
}
