package directory_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

// What each act that a request makes may allocate, its commit by itself included: of the writes
// more than half is bbolt's. The directory is small, but nothing of it grows with the directory.
func TestAllocations(t *testing.T) {
	ctx := context.Background()
	h := houseOn(t, storetest.New(t))
	okta, token, err := h.d.AddSource(ctx, admin(), directory.NewSource{Name: "okta", Kind: directory.Okta})
	h.must(err)
	kim := h.create(okta, user("kim")).Person
	team := h.group(okta, "Team")
	n := 0
	for _, row := range []struct {
		name string
		max  float64
		act  func() error
	}{
		{"Authenticate", 9, func() error { _, _, err := h.d.Authenticate(ctx, token); return err }},
		{"User", 18, func() error { _, err := h.d.User(ctx, okta, kim); return err }},
		{"FindUsers by userName", 20, func() error {
			_, err := h.d.FindUsers(ctx, okta, directory.Lookup{Field: directory.ByUserName, Value: "kim@acme.example"})
			return err
		}},
		{"CountUsers", 11, func() error { _, err := h.d.CountUsers(ctx, okta); return err }},
		{"PersonIn", 95, func() error {
			return h.store.View(ctx, func(r store.Reader) error { _, err := h.d.PersonIn(r, kim); return err })
		}},
		{"CreateUser", 330, func() error {
			n++
			_, err := h.d.CreateUser(ctx, okta, "r", user(fmt.Sprint("user", n)), directory.CreateOptions{})
			return err
		}},
		{"UpdateUser", 220, func() error {
			n++
			w := user("kim")
			w.Active = n%2 == 0
			_, _, err := h.d.UpdateUser(ctx, okta, "r", kim, func(directory.User) (directory.UserWrite, error) { return w, nil })
			return err
		}},
		{"UpdateGroup, one member", 220, func() error {
			n++
			step := add(kim)
			if n%2 == 0 {
				step = remove(kim)
			}
			_, _, err := h.d.UpdateGroup(ctx, okta, "r", team.ID, directory.MemberPolicy{}, edit(step))
			return err
		}},
	} {
		got := testing.AllocsPerRun(200, func() {
			if err := row.act(); err != nil {
				t.Fatal(row.name, err)
			}
		})
		t.Logf("%s: %.0f allocations", row.name, got)
		if got > row.max {
			t.Errorf("%s: %.0f allocations, want at most %.0f", row.name, got, row.max)
		}
	}
}

// Adds of one member each to one group at the same time are all there in the end.
func TestAddsAtTheSameTimeAreAllKept(t *testing.T) {
	t.Parallel()
	const clients, each = 64, 5
	h := houseOn(t, storetest.New(t))
	okta := h.source("okta", 1)
	team := h.group(okta, "Team")
	var want []uuid.UUID
	for i := range clients * each {
		want = append(want, h.create(okta, user(fmt.Sprint("user", i))).Person)
	}
	h.changes()
	var adding sync.WaitGroup
	for c := range clients {
		adding.Go(func() {
			for _, id := range want[c*each : (c+1)*each] {
				if _, _, err := h.d.UpdateGroup(t.Context(), okta, "r", team.ID, directory.MemberPolicy{}, edit(add(id))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	adding.Wait()
	h.wantMembers("all added", team.ID, want...)
	got, err := h.d.Group(t.Context(), okta, team.ID)
	h.must(err)
	equal(t, "version after as many changes", got.Version, uint64(1+clients*each))
	equal(t, "changes", len(h.changes()), clients*each)
	h.must(h.d.CheckCounts(t.Context()))
}
