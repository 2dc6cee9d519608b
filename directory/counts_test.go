package directory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

// Counts are kept in the act's own transaction: what fails, is repeated or runs twice is not counted twice.
func TestCountsFollowWhatComesAndGoes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta, hr := h.source("okta", 1), h.source("hr", 2)
	want := func(when string, src directory.Source, users, groups int) {
		t.Helper()
		gotUsers, err := h.d.CountUsers(ctx, src)
		h.must(err)
		gotGroups, err := h.d.CountGroups(ctx, src)
		h.must(err)
		equal(t, when+": users and groups", []int{gotUsers, gotGroups}, []int{users, groups})
		h.must(h.d.CheckCounts(ctx))
	}
	want("nothing yet", okta, 0, 0)
	ann, bob := h.create(okta, user("ann")), h.create(okta, user("bob"))
	want("two users", okta, 2, 0)
	if _, err := h.d.CreateUser(ctx, okta, "r", user("ann"), directory.CreateOptions{}); err == nil {
		t.Error("ann was created twice")
	}
	want("one of them again", okta, 2, 0)
	h.create(hr, user("ann"))
	want("one linked, seen by okta", okta, 2, 0)
	want("one linked, seen by hr", hr, 1, 0)
	team := h.group(okta, "Team", ann.Person, bob.Person)
	want("a group", okta, 2, 1)
	h.members(okta, team.ID, remove(ann.Person), add(ann.Person), add(bob.Person))
	h.wantMembers("removed and added", team.ID, ann.Person, bob.Person)
	h.delete(okta, ann.Person)
	want("a user deleted", okta, 1, 1)
	h.wantMembers("a user deleted", team.ID, bob.Person)
	h.must(h.d.DeleteGroup(ctx, okta, "r", team.ID))
	want("the group deleted", okta, 1, 0)
	h.delete(okta, bob.Person)
	want("its last member deleted", okta, 0, 0)
	_, err := h.d.SweepGroup(ctx, team.ID, 1)
	h.must(err)
	want("the group swept", okta, 0, 0)
}

func TestCheckCountsNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta := h.source("okta", 1)
	team := h.group(okta, "Team", h.create(okta, user("ann")).Person)
	h.must(h.store.Update(ctx, func(tx store.Tx) error {
		for _, table := range []string{"counts", "members"} {
			var keys [][]byte
			for key := range tx.Range(table, nil, nil) {
				keys = append(keys, slices.Clone(key))
			}
			for _, key := range keys {
				if err := tx.Delete(table, key); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	err := h.d.CheckCounts(ctx)
	for _, want := range []string{
		"the source okta counts 0 users and has 1", "the source okta counts 0 groups and has 1",
		fmt.Sprintf("the group %s counts 1 members and has 0", team.ID),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}

// However userNames and addresses coincide, and whatever is written over what, an address finds those who have it.
func TestAnAddressFindsWhoHasIt(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := houseOn(t, storetest.New(t))
	other, round := h.source("hr", 2), 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		source := h.source(fmt.Sprintf("okta%d", round), 1)
		names := []string{"a@x", "A@x", "b@x", "c@x", "k@x", "\u212a@x"} // the last is a Kelvin sign
		for i := range names {
			names[i] += fmt.Sprint(round)
		}
		emails := make(map[uuid.UUID][]string)
		var ids []uuid.UUID
		for range rapid.IntRange(1, 12).Draw(t, "writes") {
			w := directory.UserWrite{
				UserName: rapid.SampledFrom(names).Draw(t, "userName"), Active: true,
				Emails: rapid.SliceOfN(rapid.SampledFrom(names), 0, 3).Draw(t, "emails"),
			}
			if len(ids) > 0 && rapid.Bool().Draw(t, "update") {
				id := rapid.SampledFrom(ids).Draw(t, "who")
				_, _, err := h.d.UpdateUser(ctx, source, "r", id, func(directory.User) (directory.UserWrite, error) { return w, nil })
				if err == nil {
					emails[id] = w.Emails
				}
				continue
			}
			if u, err := h.d.CreateUser(ctx, source, "r", w, directory.CreateOptions{}); err == nil {
				ids = append(ids, u.Person)
				emails[u.Person] = w.Emails
			}
		}
		for _, name := range names {
			var want []uuid.UUID
			for id, list := range emails {
				if slices.ContainsFunc(list, func(e string) bool { return strings.EqualFold(e, name) }) {
					want = append(want, id)
				}
			}
			slices.SortFunc(want, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
			for _, reader := range []directory.Source{source, other} {
				found, err := h.d.FindUsers(ctx, reader, directory.Lookup{Field: directory.ByEmail, Value: name})
				if err != nil {
					t.Fatal(err)
				}
				var got []uuid.UUID
				for _, u := range found {
					got = append(got, u.Person)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%s of %s: got %v, want %v of %v", name, reader.Name, got, want, emails)
				}
			}
		}
	})
	h.must(h.d.CheckCounts(ctx))
}
