package main

import (
	"slices"
	"strings"
	"testing"
)

func TestPreloadedUsersAreTheSameAtBothServersInNoOrder(t *testing.T) {
	t.Parallel()
	data, err := preload(t.Context(), t.TempDir(), 200, kindFloor, kindUsher)
	if err != nil {
		t.Fatal(err)
	}
	floor, usher := data.users[kindFloor], data.users[kindUsher]
	if len(floor) != 200 || len(usher) != 200 {
		t.Fatalf("%d and %d users, want 200 each", len(floor), len(usher))
	}
	seen := map[string]bool{}
	for i := range floor {
		if floor[i].name != usher[i].name {
			t.Errorf("user %d is %s at the floor and %s at Usher", i, floor[i].name, usher[i].name)
		}
		if floor[i].id == "" || usher[i].id == "" || seen[usher[i].id] {
			t.Errorf("user %d: ids %q and %q, want one of its own at each", i, floor[i].id, usher[i].id)
		}
		seen[usher[i].id] = true
	}
	// Ids are in the order of their making.
	if byID := func(a, b user) int { return strings.Compare(a.id, b.id) }; slices.IsSortedFunc(floor[:20], byID) || slices.IsSortedFunc(usher[:20], byID) {
		t.Error("the users stand in the order in which they were made")
	}
	first, second := data.share(kindUsher, 0, 50), data.share(kindUsher, 1, 50)
	if len(first) != 50 || len(second) != 50 || slices.ContainsFunc(second, func(u user) bool { return slices.Contains(first, u) }) {
		t.Error("two runs ask for the same users")
	}
}
