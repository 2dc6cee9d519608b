package provision_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
)

// later deletes a leaver's account a day after, and does nothing before.
const later = `
version: 1
apps:
  desk:
    connection: desk-prod
    mode: enforce
    grants:
      - {group: Support, role: agent}
      - {group: Leads, role: admin}
    when_deactivated: [{action: delete, after: 24h}]
    when_ungranted: [{action: delete, after: 24h}]
`

// terminate ends a person's access and returns what the engine says of each app.
func (w *world) terminate(name string, count int) []provision.Cut {
	w.t.Helper()
	_, cuts, err := w.engine.Terminate(w.t.Context(), admin, w.users[name], directory.TerminateOptions{Reason: "HR-7", Count: count})
	w.must(err)
	return cuts
}

func TestATerminationWaitsForNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		doc     string
		actions []adapters.Action
		want    map[string]string // at once
		after   map[string]string // two days later
	}{
		"`after` is not waited for where the app can suspend": {
			doc: later, actions: []adapters.Action{adapters.Demote, adapters.Suspend, adapters.Delete},
			want: map[string]string{"ann": "suspended agent"}, after: map[string]string{},
		},
		"nor where it can only delete": {
			doc: later, actions: []adapters.Action{adapters.Demote, adapters.Delete},
			want: map[string]string{}, after: map[string]string{},
		},
		"where the mapping never deletes, suspension is all": {
			doc:     strings.ReplaceAll(later, "{action: delete, after: 24h}", "demote"),
			actions: []adapters.Action{adapters.Demote, adapters.Suspend, adapters.Delete},
			want:    map[string]string{"ann": "suspended observer"}, after: map[string]string{"ann": "suspended observer"},
		},
		"and where the app cannot suspend, the weakest role": {
			doc:     strings.ReplaceAll(later, "{action: delete, after: 24h}", "demote"),
			actions: []adapters.Action{adapters.Demote, adapters.Delete},
			want:    map[string]string{"ann": "active observer"}, after: map[string]string{"ann": "active observer"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.quiet = provision.QuietTime{Pause: time.Hour, AtMost: 2 * time.Hour}
			w.vendor.can.Actions = c.actions
			w.start()
			w.apply(c.doc)
			w.hire("ann")
			w.group("Support", "ann")
			w.settle()
			w.terminate("ann", 0)
			w.settle() // the clock stands still
			w.wantVendor(c.want)
			w.pass(48 * time.Hour)
			w.wantVendor(c.after)
		})
	}
}

func TestATerminationGoesAheadOfAHoldAndOfEveryOtherRemoval(t *testing.T) {
	t.Parallel()
	w := company(t, 40)
	for _, p := range people(20) {
		w.activate(p, false)
	}
	w.pass(time.Minute)
	if got := len(w.holds()); got != 20 {
		t.Fatalf("holds: got %d, want 20", got)
	}
	for _, h := range w.holds()[:10] {
		w.approve(h, false) // ten removals are due now
	}
	_, err := w.engine.Triage(t.Context(), "desk")
	w.must(err)
	w.terminate("p39", 0)
	_, err = w.engine.Triage(t.Context(), "desk")
	w.must(err)
	it, err := w.engine.Next(t.Context(), "desk")
	w.must(err)
	if person, _ := it.Person(); person != w.users["p39"] {
		t.Errorf("next: got %s, want the terminated person", it.Subject)
	}
	w.must(w.engine.Execute(t.Context(), *it))
	w.settle()
	if _, there := w.vendor.have()["p39"]; there {
		t.Error("the terminated person still has an account")
	}
	// One of those who are held is terminated: a hold does not keep the fired inside.
	held := w.holds()[0]
	for name, id := range w.users {
		if id == held.Person {
			w.terminate(name, 0)
			w.settle()
			if _, there := w.vendor.have()[name]; there {
				t.Error("the hold kept a terminated person inside")
			}
		}
	}
	if got := len(w.holds()); got != 9 {
		t.Errorf("holds: got %d, want the nine others", got)
	}
}

func TestATerminationWinsOverEveryLaterActive(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.terminate("ann", 0)
	w.settle()
	w.wantVendor(map[string]string{})

	w.activate("ann", false)
	w.activate("ann", true)
	w.pass(time.Hour)
	w.wantVendor(map[string]string{})
	w.deleteUser("ann")
	w.hire("ann") // the source makes the same user again
	w.members(directory.AddMembers, "Support", "ann")
	w.pass(time.Hour)
	w.wantVendor(map[string]string{})
	all, err := w.dir.Terminations(t.Context())
	w.must(err)
	if len(all) != 1 || !slices.Equal(all[0].Claims, []string{"okta"}) {
		t.Errorf("terminations: got %+v, want one that okta contradicts", all)
	}

	w.must(w.engine.Reinstate(t.Context(), admin, w.users["ann"], "HR-8"))
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"})
}

func TestWhoComesUnderATerminatedPersonsNameIsAQuestion(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	first := w.users["ann"]
	w.terminate("ann", 0)
	w.settle()
	w.deleteUser("ann")
	write := w.write("ann", true)
	write.ExternalID = "another"
	u, err := w.dir.CreateUser(t.Context(), w.okta, "req", write, directory.CreateOptions{})
	w.must(err)
	if u.Person == first {
		t.Fatal("the same person came back")
	}
	w.users["ann"] = u.Person
	w.members(directory.AddMembers, "Support", "ann")
	w.pass(time.Hour)
	w.wantVendor(map[string]string{})
	h := w.wantHolds(provision.HoldNamesake)[0]
	w.approve(h, false) // another Ann indeed
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"})
}

func TestATerminationDuringACreateEndsWithoutAnAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.hire("ann")
	w.group("Support", "ann")
	w.vendor.meanwhile = func() { // the check
		w.vendor.meanwhile = func() { // the look-up
			w.vendor.meanwhile = func() { w.terminate("ann", 0) } // the create
		}
	}
	w.settle()
	w.wantVendor(map[string]string{})
	if w.vendor.count("create") != 1 || w.vendor.count("remove") != 1 {
		t.Errorf("calls: %q", w.vendor.calls)
	}
}

func TestATerminationSaysWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.apply(strings.Replace(plainMapping, "mode: enforce", "mode: paused", 1))
	cuts := w.terminate("ann", 0)
	if len(cuts) != 1 || cuts[0].Done || !strings.Contains(cuts[0].Text, "paused") {
		t.Errorf("paused: got %+v", cuts)
	}
	w.apply(plainMapping)
	w.settle()
	cuts = w.terminate("ann", 0)
	if diff := cmp.Diff([]provision.Cut{{App: "desk", Mode: "enforce", Text: "the account is gone", Done: true}}, cuts); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
}

func TestManyTerminationsWithinAnHourAreConfirmedByTheirNumber(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob", "cyd", "dan", "eve")
	for _, n := range []string{"ann", "bob", "cyd"} {
		w.terminate(n, 0)
	}
	_, _, err := w.engine.Terminate(t.Context(), admin, w.users["dan"], directory.TerminateOptions{Reason: "HR-7"})
	if directory.CodeOf(err) != directory.TooMany || !strings.Contains(err.Error(), "4th person") {
		t.Fatalf("the fourth: got %v, want a question", err)
	}
	w.terminate("dan", 4)
	w.now = w.now.Add(time.Hour)
	w.terminate("eve", 0)
	_, _, err = w.engine.Terminate(t.Context(), admin, w.users["eve"], directory.TerminateOptions{})
	var e *directory.Error
	if !errors.As(err, &e) || e.Field != "reason" {
		t.Errorf("without a reason: got %v", err)
	}
}
