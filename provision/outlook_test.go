package provision_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
)

// outlooks says what the restore's status says of the desk: for each fate the people's names.
func (w *world) outlooks() map[string]string {
	w.t.Helper()
	all := map[string]string{}
	for _, o := range w.status().Outlook {
		for what, tally := range map[string]provision.Tally{
			"create": o.Create, "return": o.Return, "change": o.Change, "demote": o.Demote, "suspend": o.Suspend, "delete": o.Delete,
		} {
			var names []string
			for _, one := range tally.First {
				name, _, _ := strings.Cut(one.UserName, "@")
				names = append(names, name)
			}
			if len(names) > 0 {
				slices.Sort(names)
				all[what] = strings.Join(names, " ")
			}
		}
	}
	return all
}

// What a restore counts is what the engine does next: all that differs from what is wanted, whether it was looked at yet or not, and
// nothing that waits for a person's answer.
func TestTheOutlookIsWhatTheEngineDoesNext(t *testing.T) {
	t.Parallel()
	w := staffed(t, strings.NewReplacer(
		"when_deactivated: [{action: delete, after: 0s}]", "when_deactivated: [suspend, {action: delete, after: 30d}]",
		"when_ungranted: [{action: delete, after: 0s}]", "when_ungranted: [suspend]",
	).Replace(plainMapping), "ann", "bob", "cid", "dan", "eve")
	w.activate("dan", false) // suspended before the backup; the rest of the list is not due for a month
	w.pass(time.Minute)
	w.now = w.now.Add(time.Hour)
	w.must(provision.MarkRestored(t.Context(), w.store, provision.Restored{At: w.now, By: "root", File: "usher.db"}, uuid.Must(uuid.NewV7())))
	w.now = w.now.Add(time.Minute)
	for id, a := range w.vendor.accounts {
		if a.Email == "bob@acme.example" {
			delete(w.vendor.accounts, id)
		}
	}
	w.aftermath()

	// In the outbox, not expanded.
	w.hire("fay")
	w.members(directory.AddMembers, "Support", "fay")
	w.activate("ann", false)
	w.members(directory.RemoveMembers, "Support", "cid")
	want := map[string]string{"create": "fay", "delete": "ann", "suspend": "cid"}
	if got := w.outlooks(); !maps.Equal(got, want) {
		t.Errorf("before the changes are looked at: got %v, want %v", got, want)
	}
	// In the queue, and bob's question is open.
	w.pass(time.Minute)
	if got := w.outlooks(); !maps.Equal(got, want) {
		t.Errorf("queued: got %v, want %v; %s", got, want, w.story())
	}
	w.wantHolds(provision.HoldRestored)
	s := w.status()
	if s.Total != 3 {
		t.Errorf("%d accounts would be touched, want 3: %+v", s.Total, s.Outlook)
	}

	w.vendor.calls = nil
	w.must(w.engine.ResumeRestored(t.Context(), admin, 3, false))
	w.pass(time.Minute)
	have := w.vendor.have()
	for name, begins := range map[string]string{"fay": "active", "ann": "suspended", "cid": "suspended", "dan": "suspended", "eve": "active", "bob": ""} {
		if got := have[name+"@acme.example"]; !strings.HasPrefix(got, begins) || begins == "" && got != "" {
			t.Errorf("%s: got %q, want %q", name, got, begins)
		}
	}
	if n := len(w.changes()); n != 3 {
		t.Errorf("%d accounts were touched, want 3: %q", n, w.changes())
	}
}
