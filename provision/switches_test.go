package provision_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

func (w *world) pause(kind provision.SwitchKind, app string, d time.Duration) provision.Switch {
	w.t.Helper()
	s, err := w.engine.Pause(w.t.Context(), admin, kind, app, provision.PauseOptions{Reason: "incident 12", For: d})
	w.must(err)
	return s
}

func (w *world) resume(kind provision.SwitchKind, app string) {
	w.t.Helper()
	_, err := w.engine.Resume(w.t.Context(), admin, kind, app)
	w.must(err)
}

// told lists the facts of an act, with who did it.
func (w *world) told(acts ...audit.Act) []string {
	w.t.Helper()
	var out []string
	w.must(w.store.View(w.t.Context(), func(r store.Reader) error {
		out = nil
		for c, err := range audit.Read(r, time.Time{}, time.Time{}) {
			if err != nil {
				return err
			}
			for _, act := range acts {
				if c.Act == act {
					out = append(out, strings.TrimSpace(c.Actor.Name+" "+string(c.Act)+" "+c.App))
				}
			}
		}
		return nil
	}))
	return out
}

func TestSwitchesStopWhatTheyName(t *testing.T) {
	t.Parallel()
	all := map[string]string{"ann": "active agent", "bob": "active agent", "cyd": "active agent"}
	for _, c := range []struct {
		name string
		kind provision.SwitchKind
		app  string
		want map[string]string // while it is on: ann has left, bob leads, cyd was terminated, dan is new
	}{
		{"no switch", "", "", map[string]string{"bob": "active admin", "dan": "active agent"}},
		{"an app is paused, and a termination waits too", provision.PauseApp, "desk", all},
		{
			"removals are paused: all else flows, and whoever is terminated goes", provision.PauseRemovals, "",
			map[string]string{"ann": "active agent", "bob": "active admin", "dan": "active agent"},
		},
		{"nothing is sent to any vendor", provision.PauseWrites, "", all},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, plainMapping, "ann", "bob", "cyd")
			w.group("Leads")
			before := len(w.vendor.writes())
			if c.kind != "" {
				w.pause(c.kind, c.app, 0)
			}
			w.activate("ann", false)
			w.members(directory.AddMembers, "Leads", "bob")
			w.terminate("cyd", 0)
			w.hire("dan")
			w.members(directory.AddMembers, "Support", "dan")
			w.pass(time.Hour)
			w.wantVendor(c.want)
			if c.kind == "" {
				return
			}
			if cmp.Equal(c.want, all) && len(w.vendor.writes()) != before {
				t.Errorf("calls: %q", w.vendor.writes()[before:])
			}
			w.start() // a switch outlives the process
			w.pass(time.Hour)
			w.wantVendor(c.want)

			w.resume(c.kind, c.app)
			w.pass(time.Hour)
			w.wantVendor(map[string]string{"bob": "active admin", "dan": "active agent"})
			if diff := cmp.Diff([]string{strings.TrimSpace("root work.paused " + c.app), strings.TrimSpace("root work.resumed " + c.app)},
				w.told(audit.WorkPaused, audit.WorkResumed)); diff != "" {
				t.Errorf("facts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestASwitchLiftsItselfWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob")
	w.pause(provision.PauseRemovals, "", 2*time.Hour)
	w.activate("ann", false)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent", "bob": "active agent"})
	x, err := w.engine.Why(t.Context(), w.users["ann"].String(), "desk")
	w.must(err)
	if x.Paused == nil || x.Paused.By != "root" || x.Paused.Reason != "incident 12" || !x.Paused.Until.Equal(x.Paused.Since.Add(2*time.Hour)) {
		t.Errorf("why: got %+v", x.Paused)
	}
	if x, err = w.engine.Why(t.Context(), w.users["bob"].String(), "desk"); err != nil || x.Paused != nil {
		t.Errorf("why of somebody with nothing to do: got %+v, %v", x.Paused, err)
	}

	w.now = w.now.Add(time.Hour)
	w.settle() // the time alone is enough
	w.wantVendor(map[string]string{"bob": "active agent"})
	w.must(w.engine.Maintain(t.Context()))
	w.must(w.engine.Maintain(t.Context()))
	if diff := cmp.Diff([]string{"root work.paused", "usher work.resumed"}, w.told(audit.WorkPaused, audit.WorkResumed)); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if all, err := w.engine.Switches(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("switches: got %+v, %v", all, err)
	}
}

// What came in while removals were paused is weighed as a whole, or a pause would empty the budget's window.
func TestRemovalsThatQueuedUpPassTheBudgetTogether(t *testing.T) {
	t.Parallel()
	w := company(t, 40)
	w.pause(provision.PauseRemovals, "", 0)
	for day, p := range people(12) {
		w.activate(p, false)
		if day%3 == 2 {
			w.pass(25 * time.Hour)
		}
	}
	if got := len(w.vendor.have()); got != 40 {
		t.Fatalf("accounts while paused: got %d, want 40", got)
	}
	w.resume(provision.PauseRemovals, "")
	w.pass(time.Hour)
	if accounts, held := len(w.vendor.have()), len(w.holds()); accounts != 40 || held != 12 {
		t.Errorf("after it: got %d accounts and %d holds, want 40 and 12", accounts, held)
	}
}

// Nothing starts after the switch is durable: not between the choice of an item and its calls, nor between two calls of one item.
func TestASwitchDuringAnExecutionStopsItsNextWrite(t *testing.T) {
	t.Parallel()
	for _, kind := range []provision.SwitchKind{provision.PauseApp, provision.PauseRemovals, provision.PauseWrites} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := staffed(t, strings.ReplaceAll(plainMapping, "[{action: delete, after: 0s}]", "[demote, suspend]"), "ann")
			app := ""
			if kind == provision.PauseApp {
				app = "desk"
			}
			w.now = w.now.Add(2 * time.Minute) // the tenant is checked anew
			w.activate("ann", false)
			w.vendor.meanwhile = func() { // the check
				w.vendor.meanwhile = func() { // the look before the first reduction
					w.vendor.meanwhile = func() { w.pause(kind, app, 0) } // the demotion
				}
			}
			w.settle()
			if w.vendor.count("demote") != 1 || w.vendor.count("suspend") != 0 {
				t.Fatalf("calls: %q", w.vendor.calls)
			}
			w.wantVendor(map[string]string{"ann": "active observer"})
			w.pass(time.Hour)
			w.wantVendor(map[string]string{"ann": "active observer"})
			w.resume(kind, app)
			w.settle()
			w.wantVendor(map[string]string{"ann": "suspended observer"})
			if n := w.vendor.count("demote"); n != 1 {
				t.Errorf("demoted %d times", n)
			}
		})
	}
}

// A call may wait long for its turn at the vendor: the switches are asked again when it comes.
func TestACallThatWaitedForItsTurnIsNotSentAfterASwitch(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob")
	w.terminate("bob", 0)
	w.activate("ann", false)
	removals := 0
	var during func()
	during = func() {
		w.vendor.meanwhile = during
		if strings.HasPrefix(w.vendor.calls[len(w.vendor.calls)-1], "remove") {
			if removals++; removals == 1 {
				w.pause(provision.PauseRemovals, "", 0)
			}
		}
	}
	w.vendor.meanwhile = during
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"}) // the first was the terminated person's, and went
	w.resume(provision.PauseRemovals, "")
	removals = 0
	w.vendor.meanwhile = during
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"})
	x, err := w.engine.Why(t.Context(), w.users["ann"].String(), "desk")
	w.must(err)
	if x.Paused == nil || x.Item == nil || x.Item.Attempts != 0 || x.Item.Failure != nil || x.Accounts[0].State != provision.Active {
		t.Errorf("got %+v, %+v", x.Item, x.Accounts)
	}
	w.vendor.meanwhile = nil
	w.resume(provision.PauseRemovals, "")
	w.settle()
	w.wantVendor(map[string]string{})
}

func TestATeamWriteWaitsForASwitch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(strings.Replace(plainMapping, "role: agent}", "role: agent, teams: [Tier 1]}", 1))
	w.hire("ann")
	w.group("Support", "ann")
	w.vendor.meanwhile = func() { // the check
		w.vendor.meanwhile = func() { // the look-up
			w.vendor.meanwhile = func() { w.pause(provision.PauseWrites, "", time.Hour) } // the create
		}
	}
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"})
	w.pass(2 * time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent in Tier 1"})
}

func TestATerminationSaysThatASwitchIsInTheWay(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.pause(provision.PauseWrites, "", 0)
	cuts := w.terminate("ann", 0)
	if len(cuts) != 1 || cuts[0].Done || !strings.Contains(cuts[0].Text, "paused by root (incident 12)") || !strings.Contains(cuts[0].Text, "usher resume --all") {
		t.Errorf("got %+v", cuts)
	}
	w.pause(provision.PauseRemovals, "", 0)
	w.resume(provision.PauseWrites, "")
	w.settle()
	if cuts = w.terminate("ann", 0); !cuts[0].Done {
		t.Errorf("with removals paused: got %+v", cuts)
	}
}

func TestPausingAgainChangesReasonAndEnd(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping)
	first := w.pause(provision.PauseApp, "desk", time.Hour)
	w.now = w.now.Add(time.Minute)
	again, err := w.engine.Pause(t.Context(), audit.Actor{Kind: audit.ByAdmin, Name: "kim"}, provision.PauseApp, "desk", provision.PauseOptions{Reason: " longer "})
	w.must(err)
	if diff := cmp.Diff(provision.Switch{Kind: provision.PauseApp, App: "desk", By: "kim", Reason: "longer", Since: first.Since}, again); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, try := range map[string]func() error{
		"no reason": func() error { return w.tryPause(provision.PauseWrites, "", provision.PauseOptions{}) },
		"too long a text": func() error {
			return w.tryPause(provision.PauseWrites, "", provision.PauseOptions{Reason: strings.Repeat("x", 501)})
		},
		"too long a time": func() error {
			return w.tryPause(provision.PauseWrites, "", provision.PauseOptions{Reason: "x", For: 367 * 24 * time.Hour})
		},
		"unknown app":      func() error { return w.tryPause(provision.PauseApp, "zoom", provision.PauseOptions{Reason: "x"}) },
		"app not needed":   func() error { return w.tryPause(provision.PauseWrites, "desk", provision.PauseOptions{Reason: "x"}) },
		"unknown switch":   func() error { return w.tryPause("light", "", provision.PauseOptions{Reason: "x"}) },
		"resume of others": func() error { _, err := w.engine.Resume(t.Context(), admin, provision.PauseWrites, ""); return err },
	} {
		var d *provision.DecisionError
		if err := try(); !errors.As(err, &d) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	all, err := w.engine.Switches(t.Context())
	w.must(err)
	if len(all) != 1 {
		t.Errorf("switches: got %+v, want the first alone", all)
	}
}

func (w *world) tryPause(kind provision.SwitchKind, app string, o provision.PauseOptions) error {
	_, err := w.engine.Pause(w.t.Context(), admin, kind, app, o)
	return err
}

func TestARenamedAppStaysPaused(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.pause(provision.PauseApp, "desk", 0)
	w.apply(strings.Replace(plainMapping, "  desk:\n", "  help:\n    renamed_from: desk\n", 1))
	w.activate("ann", false)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{"ann": "active agent"})
	all, err := w.engine.Switches(t.Context())
	w.must(err)
	if len(all) != 1 || all[0].App != "help" {
		t.Errorf("switches: got %+v", all)
	}
}

// A crash at any commit or call while switches are set and lifted loses none of the work, and does none twice.
func TestCrashesAroundASwitch(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"before call", "after call", "before commit", "after commit"} {
		for n := 1; n <= 6; n++ {
			f := storetest.Faulty(storetest.New(t))
			w := newWorldOn(t, f)
			w.apply(plainMapping)
			w.hire("ann", "bob")
			w.group("Support", "ann", "bob")
			w.settle()
			w.pause(provision.PauseRemovals, "", time.Hour)
			w.activate("ann", false)
			w.crashAt(f, at, n)
			w.step(30 * time.Minute)
			w.wantVendor(map[string]string{"ann": "active agent", "bob": "active agent"})
			w.step(40 * time.Minute)
			w.wantVendor(map[string]string{"bob": "active agent"})
			if got := len(w.vendor.removals); got != 1 {
				t.Errorf("%s %d: %d accounts were removed: %q", at, n, got, w.vendor.calls)
			}
		}
	}
}

func TestASwitchIsStoredInWords(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping)
	s := w.pause(provision.PauseApp, "desk", time.Hour)
	b, err := json.Marshal(s)
	w.must(err)
	if got, want := string(b), `{"kind":"app","app":"desk","by":"root","reason":"incident 12","since":"2026-03-02T09:00:00Z","until":"2026-03-02T10:00:00Z"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if s.Command() != "usher resume desk" || s.What() != "desk is" {
		t.Errorf("got %q, %q", s.Command(), s.What())
	}
}
