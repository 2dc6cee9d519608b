package directory_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/usher-scim/usher/directory"
)

// A read that does not want the groups of users has all but them.
func TestUsersAreReadWithoutGroups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	okta, other := h.source("okta", 1), h.source("other", 2)
	ann := h.create(okta, user("Ann"))
	h.group(okta, "all", ann.Person)
	h.group(other, "theirs", ann.Person)
	ctx := context.Background()
	for _, src := range []directory.Source{okta, other} {
		want, err := h.d.User(ctx, src, ann.Person)
		h.must(err)
		if len(want.Groups) != 1 {
			t.Fatalf("got the groups %v, want one", want.Groups)
		}
		want.Groups = nil
		got, err := h.d.User(ctx, src, ann.Person, directory.WithoutGroups)
		h.must(err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("User: got %v, want %v", got, want)
		}
		for _, l := range []directory.Lookup{{Field: directory.ByID, Value: ann.Person.String()}, {Field: directory.ByUserName, Value: ann.UserName}, {Field: directory.ByEmail, Value: ann.Emails[0]}} {
			found, err := h.d.FindUsers(ctx, src, l, directory.WithoutGroups)
			h.must(err)
			if len(found) != 1 || !reflect.DeepEqual(found[0], want) {
				t.Errorf("FindUsers by %s: got %v, want %v", l.Field, found, want)
			}
		}
	}
	listed, err := h.d.ListUsers(ctx, okta, [16]byte{}, 10, directory.WithoutGroups)
	h.must(err)
	if len(listed) != 1 || listed[0].Groups != nil {
		t.Errorf("ListUsers: got %v, want one user without groups", listed)
	}
}

// A check of a delete sees what would be deleted, and its error leaves it.
func TestDeletesAreChecked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	okta := h.source("okta", 1)
	ann := h.create(okta, user("Ann"))
	group := h.group(okta, "all", ann.Person)
	refusal := errors.New("no")
	ctx := context.Background()
	h.changes()

	err := h.d.DeleteUser(ctx, okta, "req", ann.Person, func(u directory.User) error {
		if u.Person != ann.Person || u.Version != ann.Version {
			t.Errorf("got %v, want %v", u.Record, ann.Record)
		}
		return refusal
	})
	if !errors.Is(err, refusal) {
		t.Errorf("DeleteUser: got %v, want the error of the check", err)
	}
	err = h.d.DeleteGroup(ctx, okta, "req", group.ID, func(g directory.Group) error {
		if g.ID != group.ID {
			t.Errorf("got %v, want %v", g, group)
		}
		return refusal
	})
	if !errors.Is(err, refusal) {
		t.Errorf("DeleteGroup: got %v, want the error of the check", err)
	}
	if changes := h.changes(); len(changes) > 0 {
		t.Errorf("a refused delete left %v", changes)
	}
	h.wantMembers("after refused deletes", group.ID, ann.Person)
	h.must(h.d.DeleteGroup(ctx, okta, "req", group.ID, func(directory.Group) error { return nil }))
	h.must(h.d.DeleteUser(ctx, okta, "req", ann.Person, func(directory.User) error { return nil }))
}
