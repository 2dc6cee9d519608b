package provision_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
)

// restoredWorld is one whose store is a backup that was put in place. What happened after the backup: bob left and lost his account, dan,
// who was to get one, got it, eve came, of whom the backup knows nothing, and cid's role was changed.
func restoredWorld(t *testing.T) *world {
	t.Helper()
	w := staffed(t, plainMapping, "ann", "bob", "cid")
	w.hire("dan")
	w.members(directory.AddMembers, "Support", "dan")
	for id, a := range w.vendor.accounts {
		switch a.Email {
		case "bob@acme.example":
			delete(w.vendor.accounts, id)
		case "cid@acme.example":
			a.Role = "admin"
		}
	}
	w.vendor.seed(adapters.Account{Email: "dan@acme.example", ExternalID: w.users["dan"].String(), Role: "agent", Attributes: map[string]string{"name": "Dan"}})
	w.vendor.seed(adapters.Account{Email: "eve@acme.example", ExternalID: uuid.NewString(), Role: "agent"})
	w.vendor.seed(adapters.Account{Email: "owner@acme.example", Role: "admin"})
	w.now = w.now.Add(time.Hour)
	w.must(provision.MarkRestored(t.Context(), w.store, provision.Restored{
		At: w.now, By: "root", File: "usher.db", Newest: w.now.Add(-time.Hour),
	}, audit.IDs(func() time.Time { return w.now })()))
	w.now = w.now.Add(time.Minute)
	w.vendor.calls = nil
	return w
}

// changes are the vendor calls that change something.
func (w *world) changes() []string {
	return slices.DeleteFunc(w.vendor.writes(), func(c string) bool { return strings.HasPrefix(c, "list") })
}

func (w *world) status() *provision.RestoreStatus {
	w.t.Helper()
	s, err := w.engine.RestoreStatus(w.t.Context())
	w.must(err)
	return s
}

func (w *world) aftermath() provision.Aftermath {
	w.t.Helper()
	a, err := w.engine.Aftermath(w.t.Context(), "desk")
	w.must(err)
	return a
}

func TestAfterARestoreNothingIsWrittenBeforeSomebodySaysSo(t *testing.T) {
	t.Parallel()
	w := restoredWorld(t)
	w.activate("ann", false) // the source goes on pushing
	w.pass(48 * time.Hour)
	_, cuts, err := w.engine.Terminate(t.Context(), admin, w.users["cid"], directory.TerminateOptions{Reason: "HR-1"})
	w.must(err)
	if len(cuts) != 1 || cuts[0].Done || !strings.Contains(cuts[0].Text, "usher resume --restored") {
		t.Errorf("a termination meanwhile: got %+v", cuts)
	}
	w.pass(time.Hour)
	if got := w.changes(); len(got) > 0 {
		t.Fatalf("written to the vendor: %q", got)
	}
	// Neither a restart nor the switch of another kind lets it go on.
	w.start()
	if _, err := w.engine.Resume(t.Context(), admin, provision.PauseRestored, ""); err == nil {
		t.Error("the pause of a restore was lifted as if it were set by hand")
	}
	w.pass(time.Hour)
	if got := w.changes(); len(got) > 0 {
		t.Fatalf("written to the vendor after a restart: %q", got)
	}

	if err := w.engine.ResumeRestored(t.Context(), admin, 0, false); err == nil || !strings.Contains(err.Error(), "not compared") {
		t.Errorf("resumed without a look at the vendor: %v", err)
	}
	w.aftermath()
	s := w.status()
	var wrong *provision.CountError
	if err := w.engine.ResumeRestored(t.Context(), admin, s.Total+1, false); !errors.As(err, &wrong) || wrong.Total != s.Total {
		t.Errorf("resumed with the wrong count: %v", err)
	}
	w.must(w.engine.ResumeRestored(t.Context(), admin, s.Total, false))
	w.pass(time.Hour)
	if w.status() != nil {
		t.Error("the restore is not over")
	}
	have := w.vendor.have()
	if _, there := have["ann@acme.example"]; there {
		t.Errorf("ann left and was not removed: %v", have)
	}
}

// Nobody gets a second account, and nobody who left between the backup and the restore comes back by themselves.
func TestWhatHappenedAtTheVendorSinceTheBackupIsKnownBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	w := restoredWorld(t)
	w.pass(time.Minute)
	a := w.aftermath()
	if got := []int{a.Listed, a.Adopted.Count, a.Strange.Count, a.Missing.Count, a.Changed.Count, a.Foreign}; !slices.Equal(got, []int{5, 1, 1, 1, 1, 1}) {
		t.Errorf("listed, adopted, strange, missing, changed, foreign: got %v of %+v", got, a)
	}
	if a.Missing.First[0].Person != w.users["bob"] || a.Adopted.First[0].Person != w.users["dan"] || a.Changed.First[0].Person != w.users["cid"] {
		t.Errorf("got %+v", a)
	}
	if got := a.Changed.First[0].Text; got != "role: agent here, admin there" {
		t.Errorf("what differs is told as %q", got)
	}
	if again := w.aftermath(); again.Adopted.Count+again.Missing.Count != 0 {
		t.Errorf("a second look found the same again: %+v", again)
	}
	if got := w.changes(); len(got) > 0 {
		t.Fatalf("written to the vendor: %q", got)
	}
	w.must(w.engine.ResumeRestored(t.Context(), admin, w.status().Total, false))
	w.pass(time.Hour)
	if n := w.vendor.count("create"); n != 0 {
		t.Errorf("%d accounts were made; %s", n, w.story())
	}
	held := w.wantHolds(provision.HoldRestored)
	if held[0].Person != w.users["bob"] {
		t.Errorf("held: %+v", held)
	}

	// The word of his source answers the question; so would an approval.
	_, _, err := w.dir.UpdateUser(t.Context(), w.okta, "req", w.users["bob"], func(directory.User) (directory.UserWrite, error) {
		u := w.write("bob", true)
		u.ExternalID = "ext-bob-anew"
		return u, nil
	})
	w.must(err)
	w.pass(time.Minute)
	w.wantHolds()
	if n := w.vendor.count("create"); n != 1 {
		t.Errorf("%d accounts were made for bob, want 1; %s", n, w.story())
	}
}

func TestAnApprovalMakesAMissingAccountAnew(t *testing.T) {
	t.Parallel()
	w := restoredWorld(t)
	w.aftermath()
	w.must(w.engine.ResumeRestored(t.Context(), admin, w.status().Total, false))
	w.pass(time.Minute)
	w.approve(w.wantHolds(provision.HoldRestored)[0], false)
	w.pass(time.Minute)
	if n := w.vendor.count("create"); n != 1 || w.vendor.have()["bob@acme.example"] == "" {
		t.Errorf("bob was approved: %d creates, %v", n, w.vendor.have())
	}
}

func TestARestoreEndsByItselfOnlyWhenEverySourceIsSaidToBeBack(t *testing.T) {
	t.Parallel()
	w := restoredWorld(t)
	_, _, err := w.dir.AddSource(t.Context(), admin, directory.NewSource{Name: "hr"})
	w.must(err)
	if err := w.engine.Resynced(t.Context(), admin, "okta", false); err == nil || !strings.Contains(err.Error(), "--unchanged") {
		t.Errorf("a source that has changed nothing: %v", err)
	}
	w.activate("ann", false)
	w.must(w.engine.Resynced(t.Context(), admin, "okta", false))
	if err := w.engine.Resynced(t.Context(), admin, "nosuch", false); err == nil {
		t.Error("a source that is not there was taken")
	}
	w.aftermath()
	w.must(w.engine.Maintain(t.Context()))
	s := w.status()
	if s == nil || len(s.Waits) != 1 || !strings.Contains(s.Waits[0], "hr") {
		t.Fatalf("with one source missing: got %+v", s)
	}
	if i := slices.IndexFunc(s.Sources, func(s provision.SourceSince) bool { return s.Name == "okta" }); s.Sources[i].Changes == 0 || s.Sources[i].Resynced == nil {
		t.Errorf("okta: got %+v", s.Sources[i])
	}
	w.must(w.engine.Resynced(t.Context(), admin, "hr", true))
	if w.status() != nil {
		t.Error("every source is back and every app compared, and the restore is not over")
	}
	w.pass(time.Minute)
	if _, there := w.vendor.have()["ann@acme.example"]; there {
		t.Error("work that queued up did not go on")
	}
}

// A vendor that cannot be asked keeps the restore open, and ends nothing.
func TestAVendorThatCannotBeComparedWith(t *testing.T) {
	t.Parallel()
	w := restoredWorld(t)
	w.vendor.down = problem(adapters.Unavailable, "check")
	w.now = w.now.Add(time.Hour) // what was known of the tenant counts no more
	a := w.aftermath()
	if a.Done() || a.Failed == "" || a.Missing.Count != 0 {
		t.Errorf("got %+v", a)
	}
	if err := w.engine.ResumeRestored(t.Context(), admin, w.status().Total, false); err == nil {
		t.Error("resumed although the app was not compared")
	}
	w.must(w.engine.ResumeRestored(t.Context(), admin, w.status().Total, true))
	if err := w.engine.ResumeRestored(t.Context(), admin, 0, true); err == nil {
		t.Error("resumed twice")
	}
}

// Credentials that reach another tenant while the list is read end nothing: what that one does not have is not lost.
func TestAnotherTenantDuringTheComparisonAfterARestoreProvesNothingGone(t *testing.T) {
	t.Parallel()
	w := restoredWorld(t)
	first := w.vendor.accounts
	w.vendor.listing = func(there []adapters.Account) []adapters.Account {
		w.vendor.tenant, w.vendor.accounts = "t-2", map[string]*adapters.Account{}
		return there[:1]
	}
	a := w.aftermath()
	if a.Done() || !strings.Contains(a.Failed, `"t-2"`) || a.Missing.Count != 0 {
		t.Errorf("got %+v", a)
	}
	st, err := w.engine.Status(t.Context())
	w.must(err)
	if got := st[0].Accounts[provision.Lost] + st[0].Accounts[provision.Gone]; got != 0 {
		t.Errorf("%d accounts are over on another tenant's word", got)
	}
	w.vendor.tenant, w.vendor.accounts, w.vendor.listing = "t-1", first, nil
	w.now = w.now.Add(time.Hour)
	if a = w.aftermath(); !a.Done() || a.Missing.Count != 1 {
		t.Errorf("in the right tenant: got %+v", a)
	}
}
