package directory_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

func TestPersonIsTheMergeByRankThenByTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	low, high, peer := h.source("low", 9), h.source("high", 1), h.source("peer", 9)
	named := func(w directory.UserWrite, pairs ...any) directory.UserWrite {
		for i := 0; i < len(pairs); i += 2 {
			w = with(w, pairs[i].(string), pairs[i+1])
		}
		return w
	}
	kim := h.create(high, named(user("kim"), "title", "Lead",
		enterprise, map[string]any{"department": "R&D"}, "huge", 1e300))
	h.pass(time.Second)
	h.create(low, named(withExternalID(user("kim"), "low-1"), "title", "Engineer", "nickName", "K (low)",
		"locale", "en", enterprise, map[string]any{"department": "Sales", "costCenter": "7"}))
	h.pass(time.Second)
	h.create(peer, named(withExternalID(user("kim"), "peer-1"), "nickName", "K (peer)", "displayName", "Kim P."))

	p := h.person(kim.Person)
	equal(t, "profile", p.Profile, map[string]any{
		"userName": "kim@acme.example", "displayName": "kim", "active": true, "externalId": "ext-kim",
		"emails":   []any{map[string]any{"value": "kim@acme.example", "primary": true}},
		"title":    "Lead",                                                 // of the best rank
		"nickName": "K (peer)",                                             // of one rank the later write
		"locale":   "en",                                                   // of whoever has it
		enterprise: map[string]any{"department": "R&D", "costCenter": "7"}, // by its parts
		"huge":     1e300,
	})
	equal(t, "userName", p.UserName, "kim@acme.example")
	equal(t, "e-mail addresses", p.Emails, []string{"kim@acme.example"})
	equal(t, "holders", p.Holders, []directory.Holder{
		{Source: high.ID, Name: "high", Active: true},
		{Source: peer.ID, Name: "peer", Active: true},
		{Source: low.ID, Name: "low", Active: true},
	})

	h.pass(time.Second)
	h.put(low, kim.Person, named(withExternalID(user("kim"), "low-1"), "nickName", "K again"))
	p = h.person(kim.Person)
	equal(t, "nickName after a later write", p.Profile["nickName"], any("K again"))
	equal(t, "costCenter after it", p.Profile[enterprise], any(map[string]any{"department": "R&D"}))
	h.put(high, kim.Person, named(user("kim"), "title", nil))
	equal(t, "title after the best-ranked cleared it", h.person(kim.Person).Profile["title"], nil)
}

func TestNumbersBeyondFloatsStayText(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	okta := h.source("okta", 1)
	kim := h.create(okta, withRaw(user("kim"), `{"huge":1e999,"n":[1,{"x":2.5}]}`))
	p := h.person(kim.Person)
	equal(t, "a number that fits no float", p.Profile["huge"], any("1e999"))
	equal(t, "numbers inside", p.Profile["n"], any([]any{1.0, map[string]any{"x": 2.5}}))
	equal(t, "userName that the attributes lack", p.Profile["userName"], any("kim@acme.example"))
}

// Law 16: any holder's active:false denies; the text says who.
func TestAccessNeedsEveryHolder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hr, okta, entra := h.source("hr", 1), h.source("okta", 2), h.source("entra", 3)
	kim := h.create(hr, user("kim")).Person
	h.create(okta, user("kim"))
	h.create(entra, user("kim"))
	h.wantAccess("all active", kim, "")
	h.put(okta, kim, inactive(user("kim")))
	h.wantAccess("one not", kim, "okta says active: false")
	equal(t, "active in the profile", h.person(kim).Profile["active"], any(false))
	h.delete(entra, kim)
	h.wantAccess("and one deleted", kim, "okta says active: false; entra deleted the user on 2026-11-21")
	h.put(okta, kim, user("kim"))
	h.wantAccess("the deny stands", kim, "entra deleted the user on 2026-11-21")
	h.delete(okta, kim)
	h.delete(hr, kim)
	h.wantAccess("nobody left", kim, "no source holds this person")
	h.create(hr, user("kim"))
	h.wantAccess("the denies outlive it", kim, "okta deleted the user on 2026-11-21; entra deleted the user on 2026-11-21")
}

// Law 19: identity that arrives together with active:false is never passed on.
func TestTombstoneRename(t *testing.T) {
	t.Parallel()
	const hex = "0123456789abcdef0123456789abcdef"
	tomb := inactive(renamed(user("kim"), hex+"kim@acme.example"))
	tomb.Emails = []string{hex + "kim@acme.example"}
	tomb = with(tomb, "emails", []any{map[string]any{"value": tomb.Emails[0]}})
	for _, row := range []struct {
		name   string
		writes []directory.UserWrite
		want   string // userName of the person
		kept   bool
	}{
		{"rename and off at once", []directory.UserWrite{tomb}, "kim@acme.example", true},
		{"off, then rename", []directory.UserWrite{inactive(user("kim")), tomb}, "kim@acme.example", true},
		{"twice renamed", []directory.UserWrite{tomb, renamed(tomb, "x")}, "kim@acme.example", true},
		{"another attribute meanwhile", []directory.UserWrite{tomb, with(tomb, "title", "x")}, "kim@acme.example", true},
		{"off alone keeps nothing", []directory.UserWrite{inactive(user("kim"))}, "kim@acme.example", false},
		{"re-activation alone keeps it in force", []directory.UserWrite{tomb, active(tomb)}, "kim@acme.example", true},
		{"and so does a later change of another attribute", []directory.UserWrite{tomb, active(tomb), with(active(tomb), "title", "x")}, "kim@acme.example", true},
		{"restored: renamed back, then on", []directory.UserWrite{tomb, inactive(user("kim")), user("kim")}, "kim@acme.example", false},
		{"restored: on, then renamed back", []directory.UserWrite{tomb, active(tomb), user("kim")}, "kim@acme.example", false},
		{"restored at once", []directory.UserWrite{tomb, user("kim")}, "kim@acme.example", false},
		{"a real rename while active passes", []directory.UserWrite{renamed(user("kim"), "kim.new@acme.example")}, "kim.new@acme.example", false},
		{"and after a return", []directory.UserWrite{tomb, active(tomb), renamed(user("kim"), "kim.new@acme.example")}, "kim.new@acme.example", false},
		{"an earlier rename is what is kept", []directory.UserWrite{renamed(user("kim"), "kim.new@acme.example"), tomb}, "kim.new@acme.example", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			entra := h.source("entra", 1)
			kim := h.create(entra, user("kim"))
			last := user("kim")
			for _, w := range row.writes {
				last = w
				h.put(entra, kim.Person, w)
			}
			p := h.person(kim.Person)
			equal(t, "userName of the person", p.UserName, row.want)
			equal(t, "userName in the profile", p.Profile["userName"], any(row.want))
			equal(t, "e-mail addresses of the person", p.Emails, []string{"kim@acme.example"})
			equal(t, "emails in the profile", p.Profile["emails"], any([]any{map[string]any{"value": "kim@acme.example", "primary": true}}))
			own, err := h.d.User(context.Background(), entra, kim.Person)
			h.must(err)
			equal(t, "what the source reads back", own.UserName, last.UserName)
			equal(t, "kept", len(own.Kept) > 0, row.kept)
			h.view(func(r store.Reader) error {
				found, err := h.d.LookupIn(r, row.want)
				equal(t, "found by the name people know", found, []uuid.UUID{kim.Person})
				return err
			})
		})
	}
}

func active(w directory.UserWrite) directory.UserWrite {
	w.Active = true
	return w
}

func TestAFreedNameIsAnotherPersons(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	entra, okta := h.source("entra", 1), h.source("okta", 2)
	old := h.create(entra, user("kim"))
	h.put(entra, old.Person, inactive(renamed(user("kim"), "0123kim@acme.example")))
	for name, src := range map[string]directory.Source{"the same source": entra, "another source": okta} {
		if fresh := h.create(src, withExternalID(user("kim"), "ext-"+name)); fresh.Person == old.Person {
			t.Errorf("%s: the new owner of the name got the leaver's id", name)
		}
	}
}

func TestLookupIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hr, okta := h.source("hr", 1), h.source("okta", 2)
	kim := h.create(hr, user("kim")).Person
	h.create(okta, user("kim"))
	shared := user("lee")
	shared.Emails = []string{"Kim@Acme.example"}
	lee := h.create(okta, shared).Person
	both := []uuid.UUID{kim, lee}
	slices.SortFunc(both, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	for name, want := range map[string][]uuid.UUID{
		kim.String():        {kim},
		"KIM@ACME.EXAMPLE":  both,
		"lee@acme.example":  {lee},
		"kim@acme.exampl":   nil,
		uuid.NewString():    nil,
		"":                  nil,
		"\x00":              nil,
		"ext-kim":           nil,
		kim.String()[:35]:   nil,
		"kim@acme.example.": nil,
	} {
		h.view(func(r store.Reader) error {
			got, err := h.d.LookupIn(r, name)
			if len(got) > 0 || len(want) > 0 {
				equal(t, "look up "+name, got, want)
			}
			return err
		})
	}
}

func TestResolveIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hr, okta := h.source("hr", 1), h.source("okta", 2)
	kim := h.create(hr, withExternalID(user("kim"), "1001")).Person
	lee := h.create(okta, withExternalID(user("lee"), "1001")).Person
	h.create(okta, withExternalID(user("kim"), "2002"))
	for _, row := range []struct {
		reference string
		sources   []uuid.UUID
		want      uuid.UUID
	}{
		{kim.String(), nil, kim},
		{kim.String(), []uuid.UUID{okta.ID}, kim},
		{"2002", nil, kim},
		{"1001", nil, uuid.Nil}, // two persons
		{"1001", []uuid.UUID{hr.ID, okta.ID}, kim},
		{"1001", []uuid.UUID{okta.ID, hr.ID}, lee},
		{"2002", []uuid.UUID{hr.ID}, uuid.Nil},
		{"kim@acme.example", nil, uuid.Nil},
		{"", nil, uuid.Nil},
		{uuid.NewString(), nil, uuid.Nil},
	} {
		h.view(func(r store.Reader) error {
			got, err := h.d.ResolveIn(r, row.reference, row.sources...)
			if row.want == uuid.Nil {
				wantCode(t, "resolve "+row.reference, err, directory.NotFound)
				return nil
			}
			equal(t, "resolve "+row.reference, got, row.want)
			return err
		})
	}
}

func TestPersonsComeOnceEach(t *testing.T) {
	t.Parallel()
	h := houseOn(t, newHouse(t).store)
	sources := []directory.Source{h.source("a", 1), h.source("b", 1), h.source("c", 1)}
	want := make(map[uuid.UUID]bool)
	for i := range 40 {
		w := user(fmt.Sprintf("u%02d", i))
		for j, source := range sources {
			if i%7 == j || i%3 == j || i%5 == 0 {
				want[h.create(source, w).Person] = true
			}
		}
	}
	for _, n := range []int{1, 7, 1000} {
		got, last := make(map[uuid.UUID]bool), uuid.Nil
		for {
			var page []uuid.UUID
			h.view(func(r store.Reader) (err error) {
				page, err = h.d.PersonsIn(r, last, n)
				return err
			})
			for _, id := range page {
				if slices.Compare(last[:], id[:]) >= 0 {
					t.Fatalf("pages of %d: %s after %s", n, id, last)
				}
				got[id], last = true, id
			}
			if len(page) < n {
				break
			}
		}
		equal(t, fmt.Sprintf("persons in pages of %d", n), got, want)
	}
	got := make(map[uuid.UUID]bool)
	for id, err := range h.d.Persons(context.Background()) {
		h.must(err)
		got[id] = true
	}
	equal(t, "persons", got, want)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range h.d.Persons(cancelled) {
		if err == nil {
			t.Error("a cancelled reader got a person")
		}
	}
}
