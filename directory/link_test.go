package directory_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
)

// A user that Entra pushed under another name is said to be somebody whom Okta knows: one person, whatever id Entra goes on to use.
func TestLinkedUsersAreOnePerson(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta, entra := h.source("okta", 1), h.source("entra", 2)
	kim := h.create(okta, user("kim"))
	upn := h.create(entra, renamed(with(user("kim"), "title", "Lead"), "kim@acme.onmicrosoft.example"))
	if upn.Person == kim.Person {
		t.Fatal("the two are linked already")
	}
	mates := h.group(entra, "Support", upn.Person)
	both := h.group(entra, "Both", upn.Person, kim.Person)
	h.changes()

	h.must(h.d.Link(ctx, admin(), entra, upn.Person, kim.Person))
	c := h.lastChange("link")
	if c.Act != audit.UserLinked || c.Removing || len(c.Persons) != 2 || c.Persons[0] != kim.Person || c.Actor != admin() {
		t.Errorf("got change %+v", c)
	}
	p := h.person(kim.Person)
	if len(p.Holders) != 2 || p.Profile["title"] != "Lead" || p.UserName != "kim@acme.example" || len(p.Memberships) != 2 {
		t.Errorf("got person %+v", p)
	}
	h.wantAccess("the former id", upn.Person, "no source holds this person")
	h.wantMembers("its group", mates.ID, kim.Person)
	h.wantMembers("a group of both", both.ID, kim.Person)
	h.must(h.d.CheckCounts(ctx))
	h.must(h.d.Link(ctx, admin(), entra, upn.Person, kim.Person))

	// Entra goes on with the id it knows.
	got, err := h.d.User(ctx, entra, upn.Person)
	h.must(err)
	if got.Person != kim.Person || !got.Held || got.UserName != "kim@acme.onmicrosoft.example" || len(got.Groups) != 2 {
		t.Errorf("read by the former id: got %+v", got)
	}
	written, changed := h.put(entra, upn.Person, with(renamed(user("kim"), "kim@acme.onmicrosoft.example"), "title", "Head"))
	if !changed || written.Person != kim.Person || h.person(kim.Person).Profile["title"] != "Head" {
		t.Errorf("written by the former id: got %+v", written)
	}
	team := h.group(entra, "Team", upn.Person)
	h.wantMembers("a member by the former id", team.ID, kim.Person)
	groups, err := h.d.FindGroups(ctx, entra, directory.Lookup{Field: directory.ByMember, Value: upn.Person.String()})
	h.must(err)
	if len(groups) != 3 {
		t.Errorf("groups of the former id: got %v", groups)
	}
	_, _, err = h.d.UpdateGroup(ctx, entra, "req", team.ID, directory.MemberPolicy{}, edit(remove(upn.Person)))
	h.must(err)
	h.wantMembers("removed by the former id", team.ID)
	if _, err := h.d.User(ctx, okta, upn.Person); directory.CodeOf(err) != directory.NotFound {
		t.Errorf("another source by the former id: got %v", err)
	}
	h.delete(entra, upn.Person)
	h.wantAccess("deleted by the former id", kim.Person, "entra deleted the user on 2026-11-21")
	if _, err := h.d.User(ctx, entra, upn.Person); directory.CodeOf(err) != directory.NotFound {
		t.Errorf("read after the delete: got %v", err)
	}
	h.must(h.d.CheckCounts(ctx))
}

func TestWhoCannotBeLinked(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta, entra, hr := h.source("okta", 1), h.source("entra", 2), h.source("hr", 3)
	other := func(name string) directory.UserWrite { return renamed(user(name), name+"@other.example") }
	kim, ann, out := h.create(okta, user("kim")), h.create(okta, user("ann")), h.create(okta, user("out"))
	taken := h.create(entra, user("ann")) // linked by its userName
	shared, plain := h.create(entra, other("shared")), h.create(entra, other("plain"))
	h.create(hr, other("shared"))
	left := h.create(okta, user("left"))
	h.create(entra, user("left"))
	h.delete(entra, left.Person)
	_, _, err := h.d.Terminate(ctx, admin(), out.Person, directory.TerminateOptions{Reason: "HR-1"})
	h.must(err)
	for name, tc := range map[string]struct{ user, person uuid.UUID }{
		"the source has no such user":          {uuid.New(), kim.Person},
		"another source holds the user too":    {shared.Person, kim.Person},
		"the user is linked already":           {taken.Person, kim.Person},
		"nobody holds the person":              {plain.Person, uuid.New()},
		"the person is the source's alone":     {plain.Person, shared.Person},
		"the source has one of that person":    {plain.Person, ann.Person},
		"the person is terminated":             {plain.Person, out.Person},
		"the source deleted one of the person": {plain.Person, left.Person},
	} {
		wantCode(t, name, h.d.Link(ctx, admin(), entra, tc.user, tc.person), directory.Invalid)
	}
	h.must(h.d.CheckCounts(ctx))
	h.wantAccess("the user that was refused", plain.Person, "")
}

func TestCounterparts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	okta, entra := h.source("okta", 1), h.source("entra", 2)
	other := func(name, external string, active bool) directory.UserWrite {
		w := renamed(user(name), "upn-"+name)
		w.ExternalID, w.Active = external, active
		return w
	}
	h.create(okta, user("same"))
	h.create(entra, user("same"))
	h.create(okta, user("mail"))
	mail := h.create(entra, other("MAIL", "", true))
	h.create(okta, user("gone"))
	h.create(okta, inactive(user("left")))
	h.create(entra, other("left", "", true))
	h.create(okta, inactive(user("back")))
	h.create(entra, user("back"))
	h.create(okta, user("number"))
	x := other("nobody", "ext-number", false)
	x.Emails, x.Attributes = nil, attributes("userName", x.UserName)
	number := h.create(entra, x)

	got := map[string]directory.Counterpart{}
	for _, page := range []int{1, 2, 10} {
		clear(got)
		var after uuid.UUID
		for {
			var all []directory.Counterpart
			h.view(func(r store.Reader) (err error) {
				all, after, err = h.d.CounterpartsIn(r, okta.ID, entra.ID, after, page)
				return err
			})
			for _, c := range all {
				got[c.UserName] = c
			}
			if after == uuid.Nil {
				break
			}
		}
		if len(got) != 5 {
			t.Fatalf("pages of %d: got %+v", page, got)
		}
	}
	if c := got["same@acme.example"]; !c.Linked || !c.Active || len(c.Candidates) > 0 {
		t.Errorf("of one userName: got %+v", c)
	}
	if c := got["mail@acme.example"]; c.Linked || len(c.Candidates) != 1 || c.Candidates[0] != (directory.Candidate{Person: mail.Person, UserName: "upn-MAIL", Active: true, Alone: true}) {
		t.Errorf("of one address: got %+v", c)
	}
	if c := got["number@acme.example"]; len(c.Candidates) != 1 || c.Candidates[0].Person != number.Person || c.Candidates[0].Active {
		t.Errorf("of one externalId: got %+v", c)
	}
	if c := got["back@acme.example"]; !c.Out || !c.Linked || !c.Active {
		t.Errorf("inactive in one alone: got %+v", c)
	}
	if c := got["gone@acme.example"]; c.Linked || len(c.Candidates) > 0 {
		t.Errorf("nowhere: got %+v", c)
	}
}

// What links would do is what Link then does.
func TestPeopleAsLinked(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta, entra := h.source("okta", 2), h.source("entra", 1)
	kim := h.create(okta, user("kim"))
	upn := h.create(entra, renamed(with(user("kim"), "title", "Lead"), "upn-kim"))
	h.group(okta, "Everyone", kim.Person)
	h.group(entra, "Support", upn.Person)
	links := &directory.Links{Source: entra.ID, Users: map[uuid.UUID]uuid.UUID{kim.Person: upn.Person}, Gone: map[uuid.UUID]bool{upn.Person: true}}
	read := func(l *directory.Links) (all []directory.Person) {
		h.view(func(r store.Reader) error {
			all = nil
			people := h.d.People(r, []string{"title", "displayName"}).As(l)
			for _, id := range []uuid.UUID{kim.Person, upn.Person} {
				p, err := people.Person(id)
				if err != nil {
					return err
				}
				all = append(all, p)
			}
			return nil
		})
		return all
	}
	before := read(links)
	h.must(h.d.Link(ctx, admin(), entra, upn.Person, kim.Person))
	equal(t, "the person", before[0], read(nil)[0])
	equal(t, "the former id", before[1], read(nil)[1])
}

// The last word of a removed source cannot be set right by it any more, so an administrator may take it away.
func TestTheLastWordOfARemovedSourceIsLifted(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta, entra := h.source("okta", 1), h.source("entra", 2)
	kim, ann := h.create(okta, inactive(user("kim"))), h.create(okta, inactive(user("ann")))
	h.create(entra, user("kim"))
	wantCode(t, "while the source lives", h.d.ClearDeny(ctx, admin(), kim.Person, okta.ID), directory.NotFound)
	h.must(h.d.RemoveSource(ctx, admin(), "okta"))
	h.wantAccess("before", kim.Person, "okta (removed) says active: false")
	h.changes()
	h.must(h.d.ClearDeny(ctx, admin(), kim.Person, okta.ID))
	h.wantAccess("after", kim.Person, "")
	if c := h.lastChange("lift"); c.Act != audit.DenyCleared || c.Persons[0] != kim.Person {
		t.Errorf("got change %+v", c)
	}
	wantCode(t, "again", h.d.ClearDeny(ctx, admin(), kim.Person, okta.ID), directory.NotFound)
	wantCode(t, "of whom nobody else holds", h.d.ClearDeny(ctx, admin(), ann.Person, okta.ID), directory.NotFound)
	h.must(h.d.CheckCounts(ctx))
}
