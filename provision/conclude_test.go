package provision_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
)

// What the vendor has answered is written also where the person cannot be judged any more, and that is told.
func TestAnAnswerIsKeptWhenTheItemCannotBeSettledWithIt(t *testing.T) {
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
	ann := w.users["ann"]
	key := append(slices.Clone(w.okta.ID[:]), ann[:]...)
	record := func(data []byte) (was []byte) {
		w.must(w.store.Update(t.Context(), func(tx store.Tx) error {
			there, err := tx.Get("records", key)
			if err != nil {
				return err
			}
			was = slices.Clone(there)
			return tx.Put("records", key, data)
		}))
		return was
	}
	var whole []byte
	w.vendor.slow = func() {
		if strings.HasPrefix(w.vendor.calls[len(w.vendor.calls)-1], "create") {
			whole = record([]byte("no record")) // while the account is made
		}
	}
	if err := w.engine.Execute(t.Context(), *it); err != nil || whole == nil {
		t.Fatalf("got %v, want no error; damaged: %v", err, whole != nil)
	}
	if f, err := w.engine.Failures(t.Context(), "desk", 10); err != nil || len(f.List) != 1 || f.List[0].Person != ann {
		t.Errorf("failures: got %+v, %v, want ann's", f.List, err)
	}
	accounts, err := w.engine.Accounts(t.Context(), "desk", uuid.Nil, 10, false)
	w.must(err)
	if len(accounts) != 1 || accounts[0].State != provision.Active || accounts[0].VendorID == "" {
		t.Errorf("the ledger has %+v, want one active account", accounts)
	}
	w.vendor.slow = nil
	record(whole)
	w.pass(time.Minute)
	w.wantVendor(map[string]string{"ann": "active agent"})
	if got := w.vendor.count("create"); got != 1 {
		t.Errorf("creates: got %d, want 1", got)
	}
}
