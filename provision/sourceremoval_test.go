package provision_test

import (
	"testing"
	"time"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
)

// What rests on a source is whom no other living source knows, and who is to have an account.
func TestWhoIsLeftWithNobodyToSayThatTheyLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hr := w.source("hr")
	w.apply("version: 1\napps:\n  desk:\n    connection: desk-prod\n    mode: enforce\n    budget: {percent: 0, at_least: 0, at_most: 1}\n" +
		"    grants:\n      - {group: okta/Support, role: agent}\n      - {group: okta/Later, role: agent}\n")
	w.hire("ann", "bob", "cid", "dan", "eve")
	w.group("Support", "ann", "bob", "cid", "dan")
	w.group("Unused", "eve")
	_, err := w.dir.CreateUser(t.Context(), hr, "req", w.write("bob", true), directory.CreateOptions{})
	w.must(err)
	w.pass(time.Minute)
	for _, h := range w.holds() {
		w.approve(h, false)
	}
	w.pass(time.Minute)
	w.activate("dan", false) // on the way out by okta's own word
	w.pass(time.Minute)

	got := w.removal("okta")
	if got.Users != 5 || got.Groups != 2 || got.People != 2 || got.Confirm != 2 || len(got.Apps) != 1 {
		t.Fatalf("got %+v", got)
	}
	if a := got.Apps[0]; a.App != "desk" || a.Rests.Count != 2 || a.Rests.First[0].UserName != "ann@acme.example" || a.Rests.First[1].UserName != "cid@acme.example" ||
		a.Rests.First[0].Text != "granted by okta/Support (line 8)" || !a.Over || a.Limit != 0 {
		t.Errorf("desk: got %+v", a)
	}
	if len(got.Frozen) != 1 || got.Frozen[0].Name != "Support" || got.Frozen[0].Members != 4 || len(got.Frozen[0].Lines) != 1 || got.Frozen[0].Lines[0].Line != 8 {
		t.Errorf("frozen: got %+v", got.Frozen)
	}
	// Nobody has an account by the word of hr alone.
	if got := w.removal("hr"); got.People != 0 || got.Confirm != 0 || len(got.Apps)+len(got.Frozen) != 0 || got.Users != 1 {
		t.Errorf("hr: got %+v", got)
	}
	if _, err := w.engine.PlanSourceRemoval(t.Context(), "nosuch"); directory.CodeOf(err) != directory.NotFound {
		t.Errorf("a source that is not there: got %v", err)
	}

	// It takes an account from nobody, and a removed source keeps nobody off the list.
	w.must(w.dir.RemoveSource(t.Context(), admin, "hr"))
	if got := w.removal("okta"); got.People != 3 {
		t.Errorf("with hr gone: %d people rest on okta, want 3", got.People)
	}
	w.vendor.calls = nil
	w.must(w.dir.RemoveSource(t.Context(), admin, "okta"))
	w.pass(48 * time.Hour)
	if calls := w.changes(); len(calls) > 0 {
		t.Errorf("a source was removed, and the vendor was written to: %q", calls)
	}
}

func (w *world) removal(source string) provision.SourceRemoval {
	w.t.Helper()
	got, err := w.engine.PlanSourceRemoval(w.t.Context(), source)
	w.must(err)
	return got
}

func (w *world) source(name string) directory.Source {
	w.t.Helper()
	s, _, err := w.dir.AddSource(w.t.Context(), admin, directory.NewSource{Name: name})
	w.must(err)
	return s
}
