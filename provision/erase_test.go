package provision_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
)

// refused expects a refusal that a person can act on.
func (w *world) refused(err error, want string) {
	w.t.Helper()
	var decision *provision.DecisionError
	if !errors.As(err, &decision) || !strings.Contains(decision.Text, want) {
		w.t.Fatalf("got %v, want a refusal with %q", err, want)
	}
}

// Who may still have access is not forgotten: nobody could find that access any more.
func TestNobodyWithAccessIsForgotten(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bo", "cy", "di")
	ann := w.users["ann"]
	w.refused(w.engine.Forgettable(t.Context(), ann), "still active in okta")
	w.activate("ann", false)
	_, err := w.engine.Forget(t.Context(), admin, ann)
	w.refused(err, "still has an account in desk (active)")
	w.settle()
	w.must(w.engine.Forgettable(t.Context(), ann))
}

// Ids and states stay; every name goes, wherever Usher wrote it down.
func TestAForgottenPersonLeavesNoNameBehind(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bo", "cy", "di")
	ann := w.users["ann"]
	w.activate("ann", false)
	w.settle()
	facts := w.factsOf(ann)
	forgotten, err := w.engine.Forget(t.Context(), admin, ann)
	w.must(err)
	if forgotten.Accounts != 1 {
		t.Errorf("got %+v, want one former account", forgotten)
	}
	again, err := w.engine.Forget(t.Context(), admin, ann)
	w.must(err)
	if again != (provision.Forgotten{}) {
		t.Errorf("a second time: got %+v, want nothing left to forget", again)
	}
	w.settle()
	all, err := w.engine.Accounts(t.Context(), "desk", uuid.Nil, 100, true)
	w.must(err)
	raw, err := json.Marshal(all)
	w.must(err)
	if strings.Contains(string(raw), "ann") || !strings.Contains(string(raw), "bo@") {
		t.Errorf("the ledger names the person, or lost others: %s", raw)
	}
	if _, err := w.engine.Person(t.Context(), "ann@acme.example"); err == nil {
		t.Error("the person is still found by the address")
	}
	if after := w.factsOf(ann); after != facts+1 {
		t.Errorf("%d facts about the person, want the %d from before and the deletion", after, facts)
	}
	w.wantVendor(map[string]string{"bo": "active agent", "cy": "active agent", "di": "active agent"})
}

// A failure of somebody else's may quote the person's address, in whatever case.
func TestTextsAboutOthersLoseTheName(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bo", "cy", "di")
	w.vendor.fail("create", &adapters.Error{Kind: adapters.Invalid, Scope: adapters.OneAccount, Op: "create account", Message: "the manager ANN@acme.example is unknown"})
	w.hire("eve")
	w.members(directory.AddMembers, "Support", "eve")
	w.activate("ann", false)
	w.settle()
	failure := func() string {
		x, err := w.engine.Why(t.Context(), "eve@acme.example", "desk")
		w.must(err)
		if x.Item == nil || x.Item.Failure == nil {
			t.Fatalf("no failure: %+v", x.Item)
		}
		return x.Item.Failure.Text
	}
	if before := failure(); !strings.Contains(before, "ANN@acme.example") {
		t.Fatalf("the failure does not name the person: %s", before)
	}
	forgotten, err := w.engine.Forget(t.Context(), admin, w.users["ann"])
	w.must(err)
	if after := failure(); forgotten.Texts != 1 || !strings.Contains(after, "the manager (erased) is unknown") {
		t.Errorf("got %+v, %q", forgotten, after)
	}
}

// factsOf counts what the history has of a person.
func (w *world) factsOf(person uuid.UUID) (n int) {
	w.t.Helper()
	w.must(w.store.View(w.t.Context(), func(r store.Reader) error {
		n = 0
		for _, err := range audit.OfPerson(r, person) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	}))
	return n
}
