package provision_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
)

func TestALeaverDoesNotWaitBehindAnEditForEverybody(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann")
	w.crowd(1200)
	w.settle()
	w.apply(strings.Replace(plainMapping, "role: agent", "role: observer", 1)) // concerns 1,201 people: two slices
	w.expand()
	w.activate("ann", false)
	w.expand()
	_, err := w.engine.Triage(t.Context(), "desk")
	w.must(err)
	_, err = w.engine.Admit(t.Context(), "desk")
	w.must(err)
	_, err = w.engine.Triage(t.Context(), "desk")
	w.must(err)
	it, err := w.engine.Next(t.Context(), "desk")
	w.must(err)
	if it == nil {
		t.Fatal("nothing is due")
	}
	defer w.engine.Release(it)
	if person, _ := it.Person(); person != w.users["ann"] || it.Lane != provision.Removal {
		t.Errorf("next: got %s in lane %s, want ann's removal", it.Subject, it.Lane)
	}
}

func TestAnUnconfirmedEditIsAQuestionAlsoForWhomItHasNotReachedYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.crowd(1200)
	w.hire("zoe") // the last in the order of ids
	w.group("Support", "zoe")
	w.settle()
	w.apply(strings.Replace(plainMapping, "group: Support", "group: Leads", 1))
	w.expand()               // the first thousand
	w.group("Others", "zoe") // something else happens to her meanwhile
	w.expand()
	_, err := w.engine.Triage(t.Context(), "desk")
	w.must(err)
	w.pass(time.Hour)
	w.wantHolds(provision.HoldMapping)
	w.wantVendor(map[string]string{"zoe": "active agent"})
}

func TestARecordThatCannotBeReadStopsNobodyElse(t *testing.T) {
	t.Parallel()
	w := staffed(t, plainMapping, "ann", "bob", "cyd", "eve") // eve stays, so that the group is not emptied
	bob := w.users["bob"]
	key := append(slices.Clone(w.okta.ID[:]), bob[:]...)
	var whole []byte
	w.must(w.store.Update(t.Context(), func(tx store.Tx) error {
		data, err := tx.Get("records", key)
		if err != nil {
			return err
		}
		whole = slices.Clone(data)
		return tx.Put("records", key, []byte("no record"))
	}))
	w.members(directory.RemoveMembers, "Support", "ann", "bob", "cyd")
	w.pass(time.Minute)
	w.wantVendor(map[string]string{"bob": "active agent", "eve": "active agent"})
	status, err := w.engine.Status(t.Context())
	w.must(err)
	if got := status[0].Queue["failed"]; got != 1 {
		t.Errorf("failed: got %d, want bob alone", got)
	}
	w.must(w.store.Update(t.Context(), func(tx store.Tx) error { return tx.Put("records", key, whole) }))
	_, err = w.engine.Retry(t.Context(), admin, "desk", bob)
	w.must(err)
	w.pass(time.Minute)
	w.wantVendor(map[string]string{"eve": "active agent"})
}

// expand does one piece.
func (w *world) expand() {
	w.t.Helper()
	_, err := w.engine.Expand(w.t.Context())
	w.must(err)
}

// crowd hires n people who are in no group.
func (w *world) crowd(n int) {
	w.t.Helper()
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("x%04d", i)
	}
	w.hire(names...)
}
