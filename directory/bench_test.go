package directory_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

// What a request costs beside its commit: the store does not sync here.
func BenchmarkHotPaths(b *testing.B) {
	ctx := context.Background()
	h := houseOn(b, storetest.New(b))
	okta, token, err := h.d.AddSource(ctx, admin(), directory.NewSource{Name: "okta", Kind: directory.Okta, Rank: 1})
	h.must(err)
	h.source("hr", 2)
	ids := make([]uuid.UUID, 2000)
	for i := range ids {
		ids[i] = h.create(okta, user(fmt.Sprintf("user%d", i))).Person
	}
	for i := range 5 {
		h.group(okta, fmt.Sprintf("Group %d", i), ids...)
	}
	b.Run("Authenticate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := h.d.Authenticate(ctx, token); err != nil {
				b.Fatal(err)
			}
		}
	})
	n := len(ids)
	b.Run("CreateUser", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n++
			if _, err := h.d.CreateUser(ctx, okta, "r", user(fmt.Sprintf("user%d", n)), directory.CreateOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("UpdateUser", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			_, changed, err := h.d.UpdateUser(ctx, okta, "r", ids[i%len(ids)], func(directory.User) (directory.UserWrite, error) {
				return with(user(fmt.Sprintf("user%d", i%len(ids))), "title", i), nil
			})
			if err != nil || !changed {
				b.Fatal(changed, err)
			}
		}
	})
	b.Run("FindUsersByUserName", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			found, err := h.d.FindUsers(ctx, okta, directory.Lookup{Field: directory.ByUserName, Value: fmt.Sprintf("USER%d@acme.example", i%len(ids))})
			if err != nil || len(found) != 1 {
				b.Fatal(len(found), err)
			}
		}
	})
	b.Run("PersonIn", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			if err := h.store.View(ctx, func(r store.Reader) error {
				_, err := h.d.PersonIn(r, ids[i%len(ids)])
				return err
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// What a change of a group's members costs by the size of the group.
func BenchmarkGroups(b *testing.B) {
	ctx := context.Background()
	const large = 100_000
	h := houseOn(b, storetest.New(b))
	okta := h.source("okta", 1)
	ids := make([]uuid.UUID, large+1)
	var clients sync.WaitGroup
	var next atomic.Int64
	for range 64 {
		clients.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(ids)); i = next.Add(1) - 1 {
				u, err := h.d.CreateUser(ctx, okta, "r", directory.UserWrite{UserName: fmt.Sprintf("u%d", i), Active: true}, directory.CreateOptions{})
				if err != nil {
					b.Error(err)
				}
				ids[i] = u.Person
			}
		})
	}
	clients.Wait()
	members := ids[:large]
	teams := make(map[int]directory.Group) // made before any is measured: what they cost the store alike is not the matter
	for _, size := range []int{10, large} {
		teams[size] = h.group(okta, fmt.Sprint("Team of ", size), members[:size]...)
	}
	for _, size := range []int{10, large} {
		team := teams[size]
		b.Run(fmt.Sprint("AddAndRemoveOneOf", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.members(okta, team.ID, add(ids[large]))
				h.members(okta, team.ID, remove(ids[large]))
			}
		})
	}
	everybody, nobody := replace(members...), replace()
	team := h.group(okta, "Everybody")
	b.Run("ReplaceOf100000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h.members(okta, team.ID, everybody)
			h.members(okta, team.ID, nobody)
		}
	})
}
