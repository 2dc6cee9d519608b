package directory_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
)

// raw returns everything that the store holds of the directory, but not its history.
func (h *house) raw() string {
	h.t.Helper()
	var all strings.Builder
	h.view(func(r store.Reader) error {
		all.Reset()
		for _, table := range []string{"records", "records.userName", "records.externalId", "records.emails", "records.kept", "denies", "traces", "members", "memberships"} {
			for k, v := range r.Range(table, nil, nil) {
				all.Write(k)
				all.Write(v)
			}
		}
		return nil
	})
	return all.String()
}

func TestAnErasedPersonIsNowhereInTheDirectory(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta, entra := h.source("okta", 1), h.source("entra", 2)
	write := func(name string, active bool) directory.UserWrite {
		return directory.UserWrite{
			UserName: name + "@acme.example", ExternalID: "x-" + name, Active: active, Emails: []string{name + "@acme.example", name + "@home.example"},
			Attributes: []byte(`{"userName":"` + name + `@acme.example"}`),
		}
	}
	kim, err := h.d.CreateUser(ctx, okta, "r", write("kim", true), directory.CreateOptions{})
	h.must(err)
	_, err = h.d.CreateUser(ctx, okta, "r", write("lee", true), directory.CreateOptions{})
	h.must(err)
	linked, err := h.d.CreateUser(ctx, entra, "r", write("kim", true), directory.CreateOptions{})
	h.must(err)
	if linked.Person != kim.Person {
		t.Fatal("the second source did not link the person")
	}
	_, err = h.d.CreateGroup(ctx, okta, "r", directory.GroupWrite{
		Name: "All", Members: []directory.MemberOp{{Kind: directory.AddMembers, Members: []directory.MemberRef{{Value: kim.Person.String()}}}},
	}, directory.MemberPolicy{})
	h.must(err)
	h.must(h.d.DeleteUser(ctx, entra, "r", kim.Person)) // leaves a deny and a trace

	var refusal *directory.Error
	if err := h.d.Erase(ctx, admin(), kim.Person); !errors.As(err, &refusal) || !strings.Contains(refusal.Message, "still active in okta") {
		t.Fatalf("an active person: got %v, want a refusal that names the source", err)
	}
	h.pass(time.Second)
	_, _, err = h.d.UpdateUser(ctx, okta, "r", kim.Person, func(directory.User) (directory.UserWrite, error) { return write("kim", false), nil })
	h.must(err)
	var names []string
	h.view(func(r store.Reader) (err error) {
		names, err = h.d.CalledIn(r, kim.Person)
		return err
	})
	if strings.Join(names, " ") != "kim@acme.example kim@home.example" {
		t.Errorf("called %v", names)
	}

	h.must(h.d.Erase(ctx, admin(), kim.Person))
	h.must(h.d.Erase(ctx, admin(), kim.Person))
	id := kim.Person
	left := h.raw()
	for _, trace := range []string{"kim", id.String(), string(id[:])} {
		if strings.Contains(left, trace) {
			t.Errorf("the directory still holds %q", trace)
		}
	}
	if !strings.Contains(left, "lee@home.example") {
		t.Error("somebody else is gone too")
	}
	h.must(h.d.Erase(ctx, admin(), uuid.New())) // nobody

	again, err := h.d.CreateUser(ctx, entra, "r", write("kim", true), directory.CreateOptions{})
	h.must(err)
	if again.Person == id {
		t.Error("who comes back after an erasure is a new person")
	}
}
