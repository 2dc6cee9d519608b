package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

func TestAPlainCreateIsFivePuts(t *testing.T) {
	t.Parallel()
	counted := storetest.Counting(storetest.New(t))
	h := houseOn(t, counted)
	okta := h.source("okta", 1)
	h.create(okta, user("ann"))

	counted.Reset()
	kim := h.create(okta, user("kim"))
	equal(t, "puts of a create: record, userName, which is the e-mail, externalId, count, change", counted.Counts().Puts, int64(5))
	equal(t, "deletes of a create", counted.Counts().Deletes, int64(0))
	equal(t, "transactions of a create", counted.Counts().Updates, int64(1))

	counted.Reset()
	h.create(okta, renamed(user("lee"), "lee"))
	equal(t, "puts of a create whose e-mail is another than its userName", counted.Counts().Puts, int64(6))

	counted.Reset()
	h.put(okta, kim.Person, with(user("kim"), "title", "Engineer"))
	equal(t, "puts of an update: record, change", counted.Counts().Puts, int64(2))

	counted.Reset()
	h.put(okta, kim.Person, with(user("kim"), "title", "Engineer"))
	equal(t, "puts of an update that changes nothing", counted.Counts().Puts, int64(0))
}

// Law 12.
func TestCreateMeetsARecordOfTheSameSource(t *testing.T) {
	t.Parallel()
	other := user("other")
	for _, row := range []struct {
		name       string
		second     directory.UserWrite
		inactive   bool // the first record
		reactivate bool
		want       directory.Code
	}{
		{"same of both, active", user("kim"), false, true, directory.Uniqueness},
		{"same userName in another case, active", withName(other, "KIM@acme.example"), false, true, directory.Uniqueness},
		{"same externalId, active", withExternalID(other, "ext-kim"), false, true, directory.Uniqueness},
		{"externalId in another case is another", withExternalID(other, "EXT-kim"), false, true, ""},
		{"same of both, inactive", user("kim"), true, true, ""},
		{"same userName, inactive", withName(other, "Kim@acme.example"), true, true, ""},
		{"same externalId, inactive", withExternalID(other, "ext-kim"), true, true, ""},
		{"inactive, but the kind does not reactivate", user("kim"), true, false, directory.Uniqueness},
		{"inactive again", inactive(user("kim")), true, true, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			okta := h.source("okta", 1)
			first := h.create(okta, user("kim"))
			if row.inactive {
				h.put(okta, first.Person, inactive(user("kim")))
			}
			h.changes()
			second, err := h.d.CreateUser(context.Background(), okta, "req", row.second, directory.CreateOptions{Reactivate: row.reactivate})
			wantCode(t, "second create", err, row.want)
			switch {
			case row.want != "":
				equal(t, "changes of a refused create", len(h.changes()), 0)
			case row.inactive:
				equal(t, "id", second.Person, first.Person)
				equal(t, "active", second.Active, row.second.Active)
				equal(t, "userName", second.UserName, row.second.UserName)
			case second.Person == first.Person:
				t.Error("another user got the same id")
			}
		})
	}
}

func withName(w directory.UserWrite, userName string) directory.UserWrite {
	return renamed(w, userName)
}

func withExternalID(w directory.UserWrite, id string) directory.UserWrite {
	w.ExternalID = id
	return w
}

func TestCreateThatMeansTwoUsersIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	okta := h.source("okta", 1)
	for _, name := range []string{"kim", "lee"} {
		u := h.create(okta, user(name))
		h.put(okta, u.Person, inactive(user(name)))
	}
	_, err := h.d.CreateUser(context.Background(), okta, "req", withExternalID(user("kim"), "ext-lee"), directory.CreateOptions{Reactivate: true})
	wantCode(t, "create", err, directory.Uniqueness)
}

// Law 12, law 16.
func TestCreateLinksByUserNameAcrossSources(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hr, okta := h.source("hr", 1), h.source("okta", 2)
	kim := h.create(hr, user("kim"))
	h.changes()

	linked := h.create(okta, withExternalID(withName(user("kim"), "KIM@acme.example"), "00u1"))
	equal(t, "id", linked.Person, kim.Person)
	equal(t, "the source's own externalId", linked.ExternalID, "00u1")
	c := h.lastChange("link")
	if c.Act != audit.UserLinked || c.Removing {
		t.Errorf("got change %s, removing %v; want user.linked", c.Act, c.Removing)
	}
	equal(t, "persons of the change", c.Persons, []uuid.UUID{kim.Person})

	// A reused e-mail address or externalId links nobody.
	same := withExternalID(withName(user("kim"), "kim2@acme.example"), "ext-kim")
	if other := h.create(okta, same); other.Person == kim.Person {
		t.Error("a user with only the e-mail address and another source's externalId was linked")
	}
	// Neither does a userName of a person that the source holds already.
	h.put(okta, kim.Person, withExternalID(withName(user("kim"), "moved@acme.example"), "00u1"))
	if other := h.create(okta, withExternalID(user("kim"), "00u2")); other.Person == kim.Person {
		t.Error("the source got a second record of one person")
	}
}

func TestLinkPrefersTheBestRankedHolder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	low, high, okta := h.source("low", 9), h.source("high", 1), h.source("okta", 5)
	h.create(low, user("kim"))
	renamedLater := h.create(high, user("other"))
	h.put(high, renamedLater.Person, user("kim"))
	found, err := h.d.FindUsers(context.Background(), okta, directory.Lookup{Field: directory.ByUserName, Value: "kim@acme.example"})
	h.must(err)
	if len(found) != 1 || found[0].Person != renamedLater.Person || found[0].Held {
		t.Fatalf("got %v, want the person of the best-ranked holder, not held", found)
	}
	equal(t, "linked", h.create(okta, user("kim")).Person, renamedLater.Person)
}

func TestALinkThatIsInactiveDenies(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hr, okta := h.source("hr", 1), h.source("okta", 2)
	kim := h.create(hr, user("kim"))
	h.changes()
	h.create(okta, inactive(user("kim")))
	if c := h.lastChange("link"); !c.Removing {
		t.Error("the change does not say that it removes")
	}
	h.wantAccess("after it", kim.Person, "okta says active: false")
}

// Law 16: a POST with active:false of somebody never seen creates the record and grants nothing.
func TestCreateInactive(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	okta := h.source("okta", 1)
	h.changes()
	kim := h.create(okta, inactive(user("kim")))
	c := h.lastChange("create")
	equal(t, "act", c.Act, audit.UserCreated)
	equal(t, "removing", c.Removing, false)
	h.wantAccess("never active", kim.Person, "okta says active: false")
}

// Law 16 and 17.
func TestDeleteLeavesADenyWhileOthersHold(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	hr, entra := h.source("hr", 1), h.source("entra", 2)
	kim := h.create(hr, user("kim"))
	h.create(entra, user("kim"))
	h.changes()

	h.delete(entra, kim.Person)
	c := h.lastChange("delete")
	equal(t, "act", c.Act, audit.UserDeleted)
	equal(t, "removing", c.Removing, true)
	equal(t, "persons", c.Persons, []uuid.UUID{kim.Person})
	const denied = "entra deleted the user on 2026-11-21"
	h.wantAccess("after the delete", kim.Person, denied)

	_, err := h.d.User(ctx, entra, kim.Person)
	wantCode(t, "read by the source that deleted", err, directory.NotFound)
	wantCode(t, "delete again", h.d.DeleteUser(ctx, entra, "req", kim.Person), directory.NotFound)
	_, _, err = h.d.UpdateUser(ctx, entra, "req", kim.Person, func(directory.User) (directory.UserWrite, error) { return user("kim"), nil })
	wantCode(t, "write by the source that deleted", err, directory.NotFound)
	for _, l := range []directory.Lookup{
		{Field: directory.ByID, Value: kim.Person.String()},
		{Field: directory.ByUserName, Value: "kim@acme.example"},
		{Field: directory.ByEmail, Value: "kim@acme.example"},
		{Field: directory.ByExternalID, Value: "ext-kim"},
	} {
		found, err := h.d.FindUsers(ctx, entra, l)
		h.must(err)
		equal(t, "found by "+string(l.Field), len(found), 0)
	}

	// A month later HR still holds, and even touches, the leaver: the deny stands.
	h.pass(30 * 24 * time.Hour)
	h.put(hr, kim.Person, with(user("kim"), "title", "x"))
	h.put(hr, kim.Person, inactive(user("kim")))
	h.put(hr, kim.Person, user("kim"))
	h.wantAccess("after writes by another holder", kim.Person, denied)

	back := h.create(entra, user("kim"))
	equal(t, "re-created by the same source", back.Person, kim.Person)
	h.wantAccess("after the same source created it again", kim.Person, "")
}

func TestAnAdministratorClearsADeny(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	hr, entra := h.source("hr", 1), h.source("entra", 2)
	kim := h.create(hr, user("kim"))
	h.create(entra, user("kim"))
	h.delete(entra, kim.Person)
	h.changes()
	wantCode(t, "clear what does not stand", h.d.ClearDeny(ctx, admin(), kim.Person, hr.ID), directory.NotFound)
	h.must(h.d.ClearDeny(ctx, admin(), kim.Person, entra.ID))
	c := h.lastChange("clear")
	equal(t, "act", c.Act, audit.DenyCleared)
	equal(t, "persons", c.Persons, []uuid.UUID{kim.Person})
	h.wantAccess("after it", kim.Person, "")
}

func TestDeleteByTheLastHolder(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		again directory.UserWrite
		same  bool
	}{
		{"both the same", user("kim"), true},
		{"userName in another case", withName(user("kim"), "KIM@acme.example"), true},
		{"only the userName", withExternalID(user("kim"), "ext-new"), false},
		{"only the externalId", withName(user("kim"), "new@acme.example"), false},
		{"only the e-mail address", withExternalID(withName(user("kim"), "new@acme.example"), "ext-new"), false},
		{"no externalId at all", withExternalID(user("kim"), ""), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			okta := h.source("okta", 1)
			kim := h.create(okta, user("kim"))
			h.delete(okta, kim.Person)
			h.wantAccess("deleted", kim.Person, "no source holds this person")
			equal(t, "denies", len(h.person(kim.Person).Denies), 0)
			h.view(func(r store.Reader) error {
				exists, err := h.d.PersonExists(r, kim.Person)
				equal(t, "exists", exists, false)
				return err
			})
			again := h.create(okta, row.again)
			equal(t, "same person", again.Person == kim.Person, row.same)
			version := uint64(1)
			if row.same {
				version = 2 // it goes on, lest a client's old one fit
			}
			equal(t, "version", again.Version, version)
		})
	}
	t.Run("another source", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		okta, entra := h.source("okta", 1), h.source("entra", 1)
		kim := h.create(okta, user("kim"))
		h.delete(okta, kim.Person)
		if again := h.create(entra, user("kim")); again.Person == kim.Person {
			t.Error("another source got the deleted person back")
		}
	})
	t.Run("known by the name before a tombstone rename", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		entra := h.source("entra", 1)
		kim := h.create(entra, user("kim"))
		h.put(entra, kim.Person, inactive(renamed(user("kim"), "0123abckim@acme.example")))
		h.delete(entra, kim.Person)
		equal(t, "id", h.create(entra, user("kim")).Person, kim.Person)
	})
}

func TestLongValuesAreNotKeptOfAChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	okta := h.source("okta", 1)
	kim := h.create(okta, with(user("kim"), "title", "Engineer"))
	h.changes()
	h.put(okta, kim.Person, with(user("kim"), "title", strings.Repeat("x", 600)))
	equal(t, "detail", string(h.lastChange("update").Detail), `{"attributes":["title"],"values":{"title":{"long":true}}}`)

	many := user("kim")
	for i := range 12 {
		many = with(many, fmt.Sprintf("a%02d", i), strings.Repeat("y", 500))
	}
	h.put(okta, kim.Person, many)
	if n := len(h.lastChange("update of many").Detail); n > 6<<10 {
		t.Errorf("a detail of %d bytes, want it bounded", n)
	}
}

func TestTheLastFactOfADeletedUserSaysWhoItWas(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	okta := h.source("okta", 1)
	kim := h.create(okta, user("kim"))
	h.changes()
	h.delete(okta, kim.Person)
	var d struct{ Values map[string]struct{ From any } }
	h.must(json.Unmarshal(h.lastChange("delete").Detail, &d))
	equal(t, "userName", d.Values["userName"].From, any("kim@acme.example"))
	equal(t, "displayName", d.Values["displayName"].From, any("kim"))
}

func TestUpdateUser(t *testing.T) {
	t.Parallel()
	urn := "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	first := with(with(user("kim"), "title", "Engineer"), urn, map[string]any{"department": "R&D", "costCenter": "7"})
	for _, row := range []struct {
		name     string
		second   directory.UserWrite
		act      audit.Act // "" for no change
		removing bool
		detail   string
	}{
		{"the same", first, "", false, ""},
		{"the same in another order", withRaw(first, `{"title":"Engineer","emails":[{"primary":true,"value":"kim@acme.example"}],"displayName":"kim","userName":"kim@acme.example", "`+urn+`":{"costCenter":"7", "department":"R&D"}}`), "", false, ""},
		{"another title", with(first, "title", "Lead"), audit.UserUpdated, false, `{"attributes":["title"],"values":{"title":{"from":"Engineer","to":"Lead"}}}`},
		{"a new attribute", with(first, "nickName", "K"), audit.UserUpdated, false, `{"attributes":["nickName"],"values":{"nickName":{"to":"K"}}}`},
		{"null is absent", with(first, "nickName", nil), "", false, ""},
		{"an extension's attribute", with(first, urn, map[string]any{"department": "Sales", "costCenter": "7"}), audit.UserUpdated, false, `{"attributes":["` + urn + `:department"],"values":{"` + urn + `:department":{"from":"R\u0026D","to":"Sales"}}}`},
		{"an extension goes", with(first, urn, nil), audit.UserUpdated, false, `{"attributes":["` + urn + `"],"values":{"` + urn + `":{"from":{"costCenter":"7","department":"R\u0026D"}}}}`},
		{"userName in another case is a change", withName(first, "Kim@acme.example"), audit.UserUpdated, false, `{"attributes":["userName"],"values":{"userName":{"from":"kim@acme.example","to":"Kim@acme.example"}}}`},
		{"externalId", withExternalID(first, "x"), audit.UserUpdated, false, `{"attributes":["externalId"],"values":{"externalId":{"from":"ext-kim","to":"x"}}}`},
		{"off", inactive(first), audit.UserDeactivated, true, `{"attributes":["active"],"active":{"from":true,"to":false}}`},
		{"off and more", inactive(with(first, "title", "x")), audit.UserDeactivated, true, `{"attributes":["active","title"],"values":{"title":{"from":"Engineer","to":"x"}},"active":{"from":true,"to":false}}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			okta := h.source("okta", 1)
			kim := h.create(okta, first)
			h.changes()
			h.pass(time.Minute)
			got, changed := h.put(okta, kim.Person, row.second)
			equal(t, "changed", changed, row.act != "")
			if row.act == "" {
				equal(t, "user", got, kim)
				equal(t, "changes", len(h.changes()), 0)
				return
			}
			equal(t, "version", got.Version, uint64(2))
			equal(t, "modified", got.Modified, begin().Add(time.Minute))
			equal(t, "created", got.Created, begin())
			read, err := h.d.User(context.Background(), okta, kim.Person)
			h.must(err)
			equal(t, "read back", read.UserName, row.second.UserName)
			c := h.lastChange("update")
			equal(t, "act", c.Act, row.act)
			equal(t, "removing", c.Removing, row.removing)
			equal(t, "detail", string(c.Detail), row.detail)
			equal(t, "persons", c.Persons, []uuid.UUID{kim.Person})
			equal(t, "request", c.Request, "req")
			equal(t, "actor", c.Actor, audit.Actor{Kind: audit.BySource, ID: okta.ID.String(), Name: "okta"})
		})
	}
}

func withRaw(w directory.UserWrite, raw string) directory.UserWrite {
	w.Attributes = []byte(raw)
	return w
}

func TestReactivationIsAChangeOfItsOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	okta := h.source("okta", 1)
	kim := h.create(okta, inactive(user("kim")))
	h.changes()
	h.put(okta, kim.Person, user("kim"))
	c := h.lastChange("activate")
	equal(t, "act", c.Act, audit.UserActivated)
	equal(t, "removing", c.Removing, false)
	h.wantAccess("after it", kim.Person, "")
}

func TestUpdateUserGivesBackTheEditsError(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	okta := h.source("okta", 1)
	kim := h.create(okta, user("kim"))
	h.changes()
	want := &directory.Error{Code: directory.Mutability, Message: "no"}
	for name, refused := range map[string]error{"known": want, "unknown": errors.ErrUnsupported} {
		_, _, err := h.d.UpdateUser(context.Background(), okta, "req", kim.Person,
			func(directory.User) (directory.UserWrite, error) { return user("lee"), refused })
		if err != refused { //nolint:errorlint // as it is, not wrapped
			t.Errorf("%s error: got %v, want %v as it is", name, err, refused)
		}
	}
	_, _, err := h.d.UpdateUser(context.Background(), okta, "req", kim.Person,
		func(directory.User) (directory.UserWrite, error) { return directory.UserWrite{}, nil })
	wantCode(t, "an edit without userName", err, directory.Invalid)
	equal(t, "changes", len(h.changes()), 0)
}

func TestUpdateUserToATakenName(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta, hr := h.source("okta", 1), h.source("hr", 1)
	kim := h.create(okta, user("kim"))
	h.create(okta, user("lee"))
	h.create(hr, user("ann"))
	for name, row := range map[string]struct {
		w     directory.UserWrite
		field string
	}{
		"userName":   {withName(user("kim"), "LEE@acme.example"), "userName"},
		"externalId": {withExternalID(user("kim"), "ext-lee"), "externalId"},
	} {
		_, _, err := h.d.UpdateUser(ctx, okta, "req", kim.Person, func(directory.User) (directory.UserWrite, error) { return row.w, nil })
		wantCode(t, name, err, directory.Uniqueness)
		var e *directory.Error
		if errors.As(err, &e) {
			equal(t, "field", e.Field, row.field)
		}
	}
	moved, _ := h.put(okta, kim.Person, withName(user("kim"), "ann@acme.example"))
	equal(t, "a name that another source has", moved.UserName, "ann@acme.example")
}

// Law 16: an exact look-up finds whom only others hold; writing makes the source a holder.
func TestWritingToAMergedUserMakesAHolder(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	hr, okta := h.source("hr", 1), h.source("okta", 2)
	kim := h.create(hr, with(user("kim"), "title", "Engineer"))
	h.group(hr, "HR group", kim.Person)
	team := h.group(okta, "Team", kim.Person)
	for _, l := range []directory.Lookup{
		{Field: directory.ByID, Value: kim.Person.String()},
		{Field: directory.ByUserName, Value: "KIM@acme.example"},
		{Field: directory.ByEmail, Value: "Kim@Acme.example"},
	} {
		found, err := h.d.FindUsers(ctx, okta, l)
		h.must(err)
		if len(found) != 1 || found[0].Held || found[0].Person != kim.Person || found[0].ExternalID != "" {
			t.Fatalf("found by %s: got %+v, want the merge without the other source's externalId", l.Field, found)
		}
		equal(t, "groups", found[0].Groups, []directory.GroupRef{{ID: team.ID, Name: "Team"}})
		if !strings.Contains(string(found[0].Attributes), `"title":"Engineer"`) || strings.Contains(string(found[0].Attributes), "ext-kim") {
			t.Errorf("attributes of the merge: got %s", found[0].Attributes)
		}
	}
	n, err := h.d.CountUsers(ctx, okta)
	h.must(err)
	equal(t, "users that the source lists", n, 0)
	wantCode(t, "delete what it does not hold", h.d.DeleteUser(ctx, okta, "req", kim.Person), directory.NotFound)
	h.changes()

	got, changed, err := h.d.UpdateUser(ctx, okta, "req", kim.Person, func(u directory.User) (directory.UserWrite, error) {
		equal(t, "what edit gets", u.Held, false)
		return directory.UserWrite{UserName: u.UserName, ExternalID: "00u1", Active: true, Attributes: u.Attributes}, nil
	})
	h.must(err)
	if !changed || !got.Held || got.Source != okta.ID || got.Version != 1 {
		t.Errorf("got %+v, want the source's own first record", got)
	}
	equal(t, "act", h.lastChange("write").Act, audit.UserLinked)
	equal(t, "holders", h.person(kim.Person).Holders, []directory.Holder{
		{Source: hr.ID, Name: "hr", Active: true}, {Source: okta.ID, Name: "okta", Active: true},
	})
}

func TestASourceReadsBackItsOwnRecord(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	hr, okta := h.source("hr", 1), h.source("okta", 2)
	kim := h.create(hr, with(user("kim"), "title", "Engineer"))
	h.create(okta, inactive(with(user("kim"), "title", "Lead")))
	for _, l := range []directory.Lookup{
		{Field: directory.ByID, Value: kim.Person.String()},
		{Field: directory.ByUserName, Value: "KIM@acme.example"},
		{Field: directory.ByEmail, Value: "KIM@acme.example"},
		{Field: directory.ByExternalID, Value: "ext-kim"},
	} {
		for source, want := range map[*directory.Source]string{&hr: "Engineer", &okta: "Lead"} {
			found, err := h.d.FindUsers(ctx, *source, l)
			h.must(err)
			if len(found) != 1 || !found[0].Held || found[0].Active != (source == &hr) || !strings.Contains(string(found[0].Attributes), want) {
				t.Errorf("%s by %s: got %+v, want its own record with %s", source.Name, l.Field, found, want)
			}
		}
	}
	for _, l := range []directory.Lookup{
		{Field: directory.ByID, Value: "x"},
		{Field: directory.ByID, Value: strings.ToUpper(kim.Person.String())},
		{Field: directory.ByID, Value: uuid.NewString()},
		{Field: directory.ByUserName, Value: "kim"},
		{Field: directory.ByUserName, Value: "kim@acme.example\x00"},
		{Field: directory.ByUserName, Value: strings.Repeat("k", 5000)},
		{Field: directory.ByExternalID, Value: "EXT-KIM"},
		{Field: directory.ByEmail, Value: ""},
	} {
		found, err := h.d.FindUsers(ctx, okta, l)
		h.must(err)
		equal(t, "found by "+string(l.Field)+" "+l.Value, len(found), 0)
	}
	_, err := h.d.FindUsers(ctx, okta, directory.Lookup{Field: directory.ByDisplayName, Value: "x"})
	wantCode(t, "a field that users have no index of", err, directory.Invalid)
}

func TestListUsers(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta, hr := h.source("okta", 1), h.source("hr", 1)
	var ids []uuid.UUID
	for _, name := range strings.Fields("ann bob cat dan eve") {
		ids = append(ids, h.create(okta, user(name)).Person)
	}
	h.create(hr, user("fay"))
	list := func(after uuid.UUID, limit int) (got []uuid.UUID) {
		users, err := h.d.ListUsers(ctx, okta, after, limit)
		h.must(err)
		for _, u := range users {
			got = append(got, u.Person)
		}
		return got
	}
	equal(t, "all", list(uuid.Nil, 100), ids)
	equal(t, "first two", list(uuid.Nil, 2), ids[:2])
	equal(t, "next two", list(ids[1], 2), ids[2:4])
	equal(t, "none behind the last", list(ids[4], 2), []uuid.UUID(nil))
	equal(t, "a page of nothing", list(uuid.Nil, 0), []uuid.UUID(nil))
	for skip, want := range map[int]uuid.UUID{-1: uuid.Nil, 0: uuid.Nil, 3: ids[2], 9: ids[4]} {
		got, err := h.d.SkipUsers(ctx, okta, skip)
		h.must(err)
		equal(t, "skip", got, want)
	}
	n, err := h.d.CountUsers(ctx, okta)
	h.must(err)
	equal(t, "count", n, 5)
}

func TestUsersAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	okta := h.source("okta", 1)
	h.changes()
	many := user("kim")
	many.Emails = make([]string, directory.MaxEmails+1)
	for name, row := range map[string]struct {
		w    directory.UserWrite
		want directory.Code
	}{
		"no userName":        {withName(user("kim"), " "), directory.Invalid},
		"long userName":      {withName(user("kim"), strings.Repeat("k", directory.MaxValue+1)), directory.Invalid},
		"userName with NUL":  {withName(user("kim"), "kim\x00"), directory.Invalid},
		"not UTF-8":          {withExternalID(user("kim"), "\xff"), directory.Invalid},
		"too many addresses": {many, directory.TooMany},
		"not an object":      {withRaw(user("kim"), `[1]`), directory.Invalid},
		"too much":           {withRaw(user("kim"), `{"a":"`+strings.Repeat("a", directory.MaxAttributes)+`"}`), directory.Invalid},
	} {
		_, err := h.d.CreateUser(context.Background(), okta, "req", row.w, directory.CreateOptions{})
		wantCode(t, name, err, row.want)
	}
	equal(t, "changes", len(h.changes()), 0)

	long := strings.Repeat("K", directory.MaxValue-1)
	kim := h.create(okta, withName(user("kim"), long+"1"))
	lee := h.create(okta, withName(user("lee"), long+"2"))
	found, err := h.d.FindUsers(context.Background(), okta, directory.Lookup{Field: directory.ByUserName, Value: strings.ToLower(long) + "2"})
	h.must(err)
	if len(found) != 1 || found[0].Person != lee.Person || kim.Person == lee.Person {
		t.Errorf("long names that begin alike: got %v", found)
	}
}
