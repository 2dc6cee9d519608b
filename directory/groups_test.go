package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

func TestGroupNamesAreUniqueInTheirSource(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta, entra := h.source("okta", 1), h.source("entra", 2)
	team := h.group(okta, "Team Straße")
	create := func(src directory.Source, w directory.GroupWrite) error {
		_, err := h.d.CreateGroup(ctx, src, "req", w, directory.MemberPolicy{})
		return err
	}
	wantCode(t, "the same name in another case", create(okta, directory.GroupWrite{Name: "TEAM STRAßE"}), directory.Uniqueness)
	wantCode(t, "the same name in another source", create(entra, directory.GroupWrite{Name: "Team Straße"}), "")
	wantCode(t, "an externalId", create(okta, directory.GroupWrite{Name: "A", ExternalID: "g1"}), "")
	wantCode(t, "the same externalId", create(okta, directory.GroupWrite{Name: "B", ExternalID: "g1"}), directory.Uniqueness)
	wantCode(t, "no name", create(okta, directory.GroupWrite{Name: " "}), directory.Invalid)
	wantCode(t, "a long name", create(okta, directory.GroupWrite{Name: strings.Repeat("g", directory.MaxValue+1)}), directory.Invalid)

	h.must(h.d.DeleteGroup(ctx, okta, "req", team.ID))
	wantCode(t, "the name of a deleted group", create(okta, directory.GroupWrite{Name: "Team Straße"}), "")
}

// Law 16: a group belongs to the source that made it.
func TestAGroupBelongsToItsSource(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta, entra := h.source("okta", 1), h.source("entra", 2)
	team := h.group(okta, "Team")
	_, err := h.d.Group(ctx, entra, team.ID)
	wantCode(t, "read", err, directory.NotFound)
	_, _, err = h.d.UpdateGroup(ctx, entra, "req", team.ID, directory.MemberPolicy{}, edit())
	wantCode(t, "write", err, directory.Forbidden)
	wantCode(t, "delete", h.d.DeleteGroup(ctx, entra, "req", team.ID), directory.Forbidden)
	wantCode(t, "delete what is not there", h.d.DeleteGroup(ctx, entra, "req", uuid.New()), directory.NotFound)
	for _, field := range []directory.LookupField{directory.ByID, directory.ByDisplayName} {
		found, err := h.d.FindGroups(ctx, entra, directory.Lookup{Field: field, Value: map[directory.LookupField]string{
			directory.ByID: team.ID.String(), directory.ByDisplayName: "Team"}[field]})
		h.must(err)
		equal(t, "found by "+string(field), len(found), 0)
	}
}

func TestFindAndListGroups(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta := h.source("okta", 1)
	kim := h.create(okta, user("kim")).Person
	var ids []uuid.UUID
	for i := range 5 {
		g, err := h.d.CreateGroup(ctx, okta, "req", directory.GroupWrite{
			Name: fmt.Sprintf("Group %d", i), ExternalID: fmt.Sprintf("g%d", i), Members: []directory.MemberOp{add(kim)},
		}, directory.MemberPolicy{})
		h.must(err)
		ids = append(ids, g.ID)
	}
	h.group(h.source("entra", 1), "Group 9", kim)
	h.must(h.d.DeleteGroup(ctx, okta, "req", ids[4]))
	for l, want := range map[directory.Lookup][]uuid.UUID{
		{Field: directory.ByID, Value: ids[1].String()}:                   {ids[1]},
		{Field: directory.ByID, Value: ids[4].String()}:                   nil,
		{Field: directory.ByID, Value: "x"}:                               nil,
		{Field: directory.ByDisplayName, Value: "GROUP 2"}:                {ids[2]},
		{Field: directory.ByDisplayName, Value: "Group"}:                  nil,
		{Field: directory.ByDisplayName, Value: "Group 4"}:                nil,
		{Field: directory.ByDisplayName, Value: "Group 9"}:                nil,
		{Field: directory.ByExternalID, Value: "g3"}:                      {ids[3]},
		{Field: directory.ByExternalID, Value: "G3"}:                      nil,
		{Field: directory.ByMember, Value: kim.String()}:                  ids[:4],
		{Field: directory.ByMember, Value: uuid.NewString()}:              nil,
		{Field: directory.ByMember, Value: "kim"}:                         nil,
		{Field: directory.ByDisplayName, Value: "a\x00b"}:                 nil,
		{Field: directory.ByExternalID, Value: ""}:                        nil,
		{Field: directory.ByExternalID, Value: strings.Repeat("g", 4000)}: nil,
	} {
		groups, err := h.d.FindGroups(ctx, okta, l)
		h.must(err)
		var got []uuid.UUID
		for _, g := range groups {
			got = append(got, g.ID)
		}
		equal(t, "find by "+string(l.Field)+" "+l.Value, got, want)
	}
	_, err := h.d.FindGroups(ctx, okta, directory.Lookup{Field: directory.ByEmail, Value: "x"})
	wantCode(t, "a field that groups have no index of", err, directory.Invalid)

	page := func(after uuid.UUID, limit int) (got []uuid.UUID) {
		groups, failed := h.d.ListGroups(ctx, okta, after, limit)
		h.must(failed)
		for _, g := range groups {
			got = append(got, g.ID)
		}
		return got
	}
	equal(t, "all groups", page(uuid.Nil, 100), ids[:4])
	equal(t, "two behind the first", page(ids[0], 2), ids[1:3])
	equal(t, "none", page(uuid.Nil, 0), []uuid.UUID(nil))
	n, err := h.d.CountGroups(ctx, okta)
	h.must(err)
	equal(t, "count", n, 4)
	after, err := h.d.SkipGroups(ctx, okta, 2)
	h.must(err)
	equal(t, "skip two", after, ids[1])

	h.view(func(r store.Reader) error {
		g, err := h.d.GroupByNameIn(r, okta.ID, "group 0")
		equal(t, "by name", g.ID, ids[0])
		_, missing := h.d.GroupByNameIn(r, okta.ID, "Group 4")
		wantCode(t, "a deleted one by name", missing, directory.NotFound)
		gone, kept := h.d.GroupIn(r, ids[4])
		equal(t, "a deleted one by id", gone.Deleted, begin())
		return errors.Join(err, kept)
	})
}

func TestUpdateGroup(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		edit   func(w *directory.GroupWrite)
		act    audit.Act // "" for no change
		whole  bool
		detail string
	}{
		{"the same", func(*directory.GroupWrite) {}, "", false, ""},
		{"no steps", func(w *directory.GroupWrite) { w.Members = []directory.MemberOp{{Kind: directory.AddMembers}} }, "", false, ""},
		{"name", func(w *directory.GroupWrite) { w.Name = "team" }, audit.GroupUpdated, true, `{"attributes":["displayName"],"values":{"displayName":{"from":"Team","to":"team"}}}`},
		{"externalId", func(w *directory.GroupWrite) { w.ExternalID = "g2" }, audit.GroupUpdated, false, `{"attributes":["externalId"],"values":{"externalId":{"to":"g2"}}}`},
		{"attributes", func(w *directory.GroupWrite) { w.Attributes = json.RawMessage(`{"x":1}`) }, audit.GroupUpdated, false, `{"attributes":["x"],"values":{"x":{"to":1}}}`},
		{"an empty object is no attribute", func(w *directory.GroupWrite) { w.Attributes = json.RawMessage(`{}`) }, "", false, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			okta := h.source("okta", 1)
			team := h.group(okta, "Team")
			h.changes()
			h.pass(time.Minute)
			got, changed, err := h.d.UpdateGroup(context.Background(), okta, "req", team.ID, directory.MemberPolicy{},
				func(g directory.Group) (directory.GroupWrite, error) {
					w := directory.GroupWrite{Name: g.Name, ExternalID: g.ExternalID, Attributes: g.Attributes}
					row.edit(&w)
					return w, nil
				})
			h.must(err)
			equal(t, "changed", changed, row.act != "")
			if row.act == "" {
				equal(t, "group", got, team)
				equal(t, "changes", len(h.changes()), 0)
				return
			}
			equal(t, "version", got.Version, uint64(2))
			equal(t, "modified", got.Modified, begin().Add(time.Minute))
			c := h.lastChange("update")
			equal(t, "act", c.Act, row.act)
			equal(t, "group of the change", c.Group, team.ID)
			equal(t, "every member needs a look", c.WholeGroup, row.whole)
			equal(t, "detail", string(c.Detail), row.detail)
		})
	}
}

func TestUpdateGroupGivesBackTheEditsError(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	okta := h.source("okta", 1)
	team := h.group(okta, "Team")
	_, _, err := h.d.UpdateGroup(context.Background(), okta, "req", team.ID, directory.MemberPolicy{},
		func(directory.Group) (directory.GroupWrite, error) {
			return directory.GroupWrite{}, errors.ErrUnsupported
		})
	if err != errors.ErrUnsupported { //nolint:errorlint // as it is, not wrapped
		t.Errorf("got %v, want the error as it is", err)
	}
}

func TestMemberSteps(t *testing.T) {
	t.Parallel()
	// Persons a to e; the group begins with a, b and c.
	const (
		a = iota
		b
		c
		d
		e
	)
	type step func(ids []uuid.UUID) directory.MemberOp
	of := func(op func(...uuid.UUID) directory.MemberOp, which ...int) step {
		return func(ids []uuid.UUID) directory.MemberOp {
			var persons []uuid.UUID
			for _, i := range which {
				persons = append(persons, ids[i])
			}
			return op(persons...)
		}
	}
	matching := func(which ...int) step {
		return func(ids []uuid.UUID) directory.MemberOp {
			return directory.MemberOp{Kind: directory.RemoveMatching, Match: func(m directory.Member) bool {
				for _, i := range which {
					if m.Person == ids[i] {
						return true
					}
				}
				return false
			}}
		}
	}
	for _, row := range []struct {
		name           string
		steps          []step
		want           []int
		added, removed []int
	}{
		{"add one", []step{of(add, d)}, []int{a, b, c, d}, []int{d}, nil},
		{"add who is there", []step{of(add, a, b)}, []int{a, b, c}, nil, nil},
		{"add one twice", []step{of(add, d, d), of(add, d)}, []int{a, b, c, d}, []int{d}, nil},
		{"remove only those listed", []step{of(remove, a, d)}, []int{b, c}, nil, []int{a}},
		{"remove who is not there", []step{of(remove, e)}, []int{a, b, c}, nil, nil},
		{"remove, then add again", []step{of(remove, a), of(add, a)}, []int{a, b, c}, nil, nil},
		{"add, then remove again", []step{of(add, d), of(remove, d)}, []int{a, b, c}, nil, nil},
		{"remove and add", []step{of(remove, a), of(add, e)}, []int{b, c, e}, []int{e}, []int{a}},
		{"replace", []step{of(replace, c, d, e)}, []int{c, d, e}, []int{d, e}, []int{a, b}},
		{"replace by the same", []step{of(replace, c, b, a)}, []int{a, b, c}, nil, nil},
		{"replace by nobody", []step{of(replace)}, nil, nil, []int{a, b, c}},
		{"replace, then add and remove", []step{of(replace, a), of(add, d), of(remove, a)}, []int{d}, []int{d}, []int{a, b, c}},
		{"add, then replace", []step{of(add, d), of(replace, a, b)}, []int{a, b}, nil, []int{c}},
		{"matching", []step{matching(a, d)}, []int{b, c}, nil, []int{a}},
		{"matching what a step before added", []step{of(add, d), matching(a, d)}, []int{b, c}, nil, []int{a}},
		{"matching after a replacement", []step{of(replace, a, d), matching(a, b)}, []int{d}, []int{d}, []int{a, b, c}},
		{"matching, then added again", []step{matching(a), of(add, a)}, []int{a, b, c}, nil, nil},
		{"matching nobody", []step{matching(e)}, []int{a, b, c}, nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			okta := h.source("okta", 1)
			var ids []uuid.UUID
			for _, name := range strings.Fields("a b c d e") {
				ids = append(ids, h.create(okta, user(name)).Person)
			}
			pick := func(which []int) (persons []uuid.UUID) {
				for _, i := range which {
					persons = append(persons, ids[i])
				}
				return persons
			}
			team := h.group(okta, "Team", ids[:3]...)
			h.changes()
			var steps []directory.MemberOp
			for _, s := range row.steps {
				steps = append(steps, s(ids))
			}
			got, changed := h.members(okta, team.ID, steps...)
			h.wantMembers("members", team.ID, pick(row.want)...)
			for i, id := range ids {
				is, err := h.d.IsMember(context.Background(), team.ID, id)
				h.must(err)
				in := len(h.person(id).Memberships) == 1
				if want := contains(row.want, i); is != want || in != want {
					t.Errorf("person %d: member %v, membership %v, want %v", i, is, in, want)
				}
			}
			if len(row.added)+len(row.removed) == 0 {
				equal(t, "changed", changed, false)
				equal(t, "version", got.Version, uint64(1))
				equal(t, "changes", len(h.changes()), 0)
				return
			}
			equal(t, "version", got.Version, uint64(2))
			change := h.lastChange("steps")
			equal(t, "act", change.Act, audit.GroupMembers)
			equal(t, "persons: added, then removed", change.Persons, append(pick(row.added), pick(row.removed)...))
			equal(t, "removing", change.Removing, len(row.removed) > 0)
			var detail struct{ Added, Removed int }
			h.must(json.Unmarshal(change.Detail, &detail))
			equal(t, "added", detail.Added, len(row.added))
			equal(t, "removed", detail.Removed, len(row.removed))
		})
	}
}

func contains(list []int, i int) bool {
	for _, x := range list {
		if x == i {
			return true
		}
	}
	return false
}

// Law 18: by the person's id, else by this source's externalId.
func TestMembersAreMatchedByIDThenByExternalID(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta, hr := h.source("okta", 1), h.source("hr", 2)
	kim, lee := h.create(okta, user("kim")).Person, h.create(hr, user("lee")).Person
	gone := h.create(okta, user("gone")).Person
	h.delete(okta, gone)
	parent := h.group(okta, "Parent")
	nested, err := h.d.CreateGroup(ctx, okta, "req", directory.GroupWrite{Name: "Nested", ExternalID: "ext-nested"}, directory.MemberPolicy{})
	h.must(err)
	for _, row := range []struct {
		name, value string
		want        []uuid.UUID
		message     string
	}{
		{"a person's id", kim.String(), []uuid.UUID{kim}, ""},
		{"the id of a person that only others hold", lee.String(), []uuid.UUID{lee}, ""},
		{"this source's externalId", "ext-kim", []uuid.UUID{kim}, ""},
		{"another source's externalId", "ext-lee", nil, `the member "ext-lee" is no user`},
		{"nobody", "nobody", nil, `the member "nobody" is no user`},
		{"an id that is written otherwise", strings.ToUpper(kim.String()), nil, "is no user"},
		{"a deleted user", gone.String(), nil, "is no user"},
		{"a group", nested.ID.String(), nil, "nested groups are not supported yet"},
		{"a group's externalId", "ext-nested", nil, "nested groups are not supported yet"},
		{"nothing", "", nil, "a member needs a value"},
	} {
		_, _, err = h.d.UpdateGroup(ctx, okta, "req", parent.ID, directory.MemberPolicy{}, edit(byValue(directory.ReplaceMembers, row.value)))
		if row.message == "" {
			h.must(err)
			h.wantMembers(row.name, parent.ID, row.want...)
			continue
		}
		wantCode(t, row.name, err, directory.Invalid)
		if err != nil && !strings.Contains(err.Error(), row.message) {
			t.Errorf("%s: got %q, want %q", row.name, err, row.message)
		}
	}
	h.members(okta, parent.ID, replace(kim))
	h.members(okta, parent.ID, byValue(directory.RemoveMembers, "ext-kim"))
	h.wantMembers("removed by externalId", parent.ID)
	_, err = h.d.CreateGroup(ctx, okta, "req", directory.GroupWrite{
		Name: "New", Members: []directory.MemberOp{add(kim), byValue(directory.AddMembers, "nobody")},
	}, directory.MemberPolicy{})
	wantCode(t, "create with a member that is nobody", err, directory.Invalid)
	found, err := h.d.FindGroups(ctx, okta, directory.Lookup{Field: directory.ByDisplayName, Value: "New"})
	h.must(err)
	equal(t, "groups of a refused create", len(found), 0)
}

func TestCreateGroupWithMembers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	okta := h.source("okta", 1)
	kim, lee := h.create(okta, user("kim")).Person, h.create(okta, user("lee")).Person
	h.changes()
	team := h.group(okta, "Team", lee, kim, lee)
	c := h.lastChange("create")
	equal(t, "act", c.Act, audit.GroupCreated)
	equal(t, "group", c.Group, team.ID)
	equal(t, "persons", c.Persons, []uuid.UUID{kim, lee})
	equal(t, "detail", string(c.Detail), `{"added":2}`)
	u, err := h.d.User(context.Background(), okta, kim)
	h.must(err)
	equal(t, "groups of the user", u.Groups, []directory.GroupRef{{ID: team.ID, Name: "Team"}})
}

func TestDeletedUsersLeaveTheGroups(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta, hr := h.source("okta", 1), h.source("hr", 2)
	kim := h.create(okta, user("kim")).Person
	h.create(hr, user("kim"))
	own, other := h.group(okta, "Own", kim), h.group(hr, "Other", kim)
	foreign := h.group(h.source("entra", 3), "Foreign", kim)

	h.delete(okta, kim)
	h.wantMembers("a group of the source", own.ID)
	h.wantMembers("a group of another holder", other.ID, kim)
	h.wantMembers("a group of a source that never held the person", foreign.ID, kim)
	g, err := h.d.Group(ctx, okta, own.ID)
	h.must(err)
	equal(t, "version of the group that lost a member", g.Version, uint64(2))

	h.delete(hr, kim)
	h.wantMembers("a group of the last holder", other.ID)
	h.wantMembers("a foreign group, when nobody holds the person", foreign.ID)
	equal(t, "memberships", len(h.person(kim).Memberships), 0)
}

// Law 18: kinds that send references early.
func TestPendingMembers(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	early := directory.MemberPolicy{Early: true}
	h := newHouse(t)
	entra, okta := h.source("entra", 1), h.source("okta", 1)
	create := func(name string, steps ...directory.MemberOp) directory.Group {
		g, err := h.d.CreateGroup(ctx, entra, "req", directory.GroupWrite{Name: name, Members: steps}, early)
		h.must(err)
		return g
	}
	change := func(g directory.Group, steps ...directory.MemberOp) bool {
		_, changed, err := h.d.UpdateGroup(ctx, entra, "req", g.ID, early, edit(steps...))
		h.must(err)
		return changed
	}
	waiting := func(g directory.Group) (values []string) {
		members, err := h.d.PendingMembers(ctx, g.ID)
		h.must(err)
		for _, m := range members {
			if m.Person != uuid.Nil || m.Added.IsZero() {
				t.Errorf("got pending member %+v", m)
			}
			values = append(values, m.Value)
		}
		return values
	}
	team := create("Team", byValue(directory.AddMembers, "ext-kim", "ext-lee", "ext-kim"))
	board := create("Board", byValue(directory.AddMembers, "ext-kim"))
	dead := create("Dead", byValue(directory.AddMembers, "ext-kim"))
	h.must(h.d.DeleteGroup(ctx, entra, "req", dead.ID))
	equal(t, "pending", len(waiting(team)), 2)
	h.wantMembers("nobody yet", team.ID)
	equal(t, "adding what waits changes nothing", change(team, byValue(directory.AddMembers, "ext-kim")), false)

	h.create(okta, user("kim"))
	equal(t, "a user of another source fulfils nothing", len(waiting(team)), 2)
	h.changes()
	kim := h.create(entra, user("kim"))
	h.wantMembers("fulfilled by a create (a link)", team.ID, kim.Person)
	h.wantMembers("in every group", board.ID, kim.Person)
	h.wantMembers("but a deleted one", dead.ID)
	equal(t, "groups in the answer", len(kim.Groups), 2)
	equal(t, "pending after it", waiting(team), []string{"ext-lee"})
	c := h.lastChange("create")
	equal(t, "persons", c.Persons, []uuid.UUID{kim.Person})
	equal(t, "detail", string(c.Detail), fmt.Sprintf(`{"joined":[%q,%q]}`, team.ID, board.ID))
	g, err := h.d.Group(ctx, entra, board.ID)
	h.must(err)
	equal(t, "version of the group", g.Version, uint64(2))

	lee := h.create(entra, withExternalID(user("lee"), ""))
	h.put(entra, lee.Person, user("lee"))
	h.wantMembers("fulfilled by an update", team.ID, kim.Person, lee.Person)

	equal(t, "changed", change(team, byValue(directory.AddMembers, "x", "y", "z")), true)
	change(team, byValue(directory.RemoveMembers, "x"))
	equal(t, "removed while pending", len(waiting(team)), 2)
	change(team, directory.MemberOp{Kind: directory.RemoveMatching, Match: func(m directory.Member) bool { return m.Value == "y" }})
	equal(t, "removed by a filter", waiting(team), []string{"z"})
	equal(t, "replaced by the same", change(team, replace(kim.Person, lee.Person), byValue(directory.AddMembers, "z")), false)
	change(team, replace(kim.Person))
	equal(t, "replaced", len(waiting(team)), 0)
}

func TestPendingMembersExpire(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	entra := h.source("entra", 1)
	create := func(name string, values ...string) directory.Group {
		g, err := h.d.CreateGroup(ctx, entra, "req", directory.GroupWrite{
			Name: name, Members: []directory.MemberOp{byValue(directory.AddMembers, values...)}}, directory.MemberPolicy{Early: true})
		h.must(err)
		return g
	}
	expire := func(limit int) int {
		n, err := h.d.ExpirePending(ctx, limit)
		h.must(err)
		return n
	}
	old := create("Old", "a", "b", "c")
	h.pass(24 * time.Hour)
	young := create("Young", "a")
	h.changes()
	h.pass(29*24*time.Hour - time.Millisecond)
	equal(t, "just before 30 days", expire(100), 0)
	h.pass(time.Millisecond)
	equal(t, "at 30 days, two at most", expire(2), 2)
	equal(t, "the rest", expire(100), 1)
	equal(t, "again", expire(100), 0)
	for group, want := range map[uuid.UUID]int{old.ID: 0, young.ID: 1} {
		members, err := h.d.PendingMembers(ctx, group)
		h.must(err)
		equal(t, "pending", len(members), want)
	}
	equal(t, "changes that ask for work", len(h.changes()), 0)
	kim := h.create(entra, withExternalID(user("kim"), "a")).Person
	h.wantMembers("an expired one is not fulfilled", old.ID)
	h.wantMembers("one in time is", young.ID, kim)
}

func TestPendingMembersAreBounded(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := houseOn(t, storetest.New(t))
	entra := h.source("entra", 1)
	values := make([]string, directory.MaxPending)
	for i := range values {
		values[i] = fmt.Sprintf("v%d", i)
	}
	early := directory.MemberPolicy{Early: true}
	g, err := h.d.CreateGroup(ctx, entra, "req", directory.GroupWrite{
		Name: "Team", Members: []directory.MemberOp{byValue(directory.AddMembers, values...)}}, early)
	h.must(err)
	_, _, err = h.d.UpdateGroup(ctx, entra, "req", g.ID, early, edit(byValue(directory.AddMembers, "one more")))
	wantCode(t, "one too many", err, directory.TooMany)
	_, _, err = h.d.UpdateGroup(ctx, entra, "req", g.ID, early, edit(byValue(directory.RemoveMembers, "v0"), byValue(directory.AddMembers, "one more")))
	wantCode(t, "one for another", err, "")
}

func TestReplaceOfALargeGroupIsOneTransaction(t *testing.T) {
	t.Parallel()
	const size = 5000
	counted := storetest.Counting(storetest.New(t))
	h := houseOn(t, counted)
	okta := h.source("okta", 1)
	ids := make([]uuid.UUID, size)
	for i := range ids {
		w := directory.UserWrite{UserName: fmt.Sprintf("u%d", i), Active: true}
		ids[i] = h.create(okta, w).Person
	}
	team := h.group(okta, "Team", ids[:size/2]...)
	h.changes()
	counted.Reset()
	h.members(okta, team.ID, replace(ids[1000:]...))
	counts := counted.Counts()
	equal(t, "transactions", counts.Updates, int64(1))
	// two edges each of those that come, the group, the change and its parts
	equal(t, "puts", counts.Puts, int64(2*size/2+1+1+3))
	equal(t, "deletes", counts.Deletes, int64(2*1000))
	h.view(func(r store.Reader) error {
		pending, err := audit.Pending(r, 10)
		if err != nil || len(pending) != 1 {
			t.Fatalf("got %d changes, %v", len(pending), err)
		}
		c := pending[0]
		all := c.Persons
		for n := range c.Parts {
			part, err := audit.Part(r, c.ID, n)
			h.must(err)
			all = append(all, part...)
		}
		equal(t, "persons inline", len(c.Persons), audit.PersonsInline)
		equal(t, "persons: added, then removed", all, append(append([]uuid.UUID(nil), ids[size/2:]...), ids[:1000]...))
		return nil
	})

	counted.Reset()
	h.members(okta, team.ID, add(ids[0]))
	equal(t, "puts of one more member of a large group: two edges, group, change", counted.Counts().Puts, int64(4))
}

func TestParallelAddsLoseNobody(t *testing.T) {
	t.Parallel()
	h := houseOn(t, storetest.New(t))
	okta := h.source("okta", 1)
	team := h.group(okta, "Team")
	var (
		ids [40]uuid.UUID
		wg  sync.WaitGroup
	)
	for i := range ids {
		ids[i] = h.create(okta, user(fmt.Sprintf("u%d", i))).Person
	}
	for i := range ids {
		wg.Go(func() {
			_, _, err := h.d.UpdateGroup(context.Background(), okta, "req", team.ID, directory.MemberPolicy{}, edit(add(ids[i])))
			if err != nil {
				t.Errorf("add member %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	h.wantMembers("after all", team.ID, ids[:]...)
	g, err := h.d.Group(context.Background(), okta, team.ID)
	h.must(err)
	equal(t, "version", g.Version, uint64(1+len(ids)))
}

func TestParallelCreatesOfOneUserMakeOne(t *testing.T) {
	t.Parallel()
	h := houseOn(t, storetest.New(t))
	okta := h.source("okta", 1)
	results := make(chan error, 16)
	for range cap(results) {
		go func() {
			_, err := h.d.CreateUser(context.Background(), okta, "req", user("kim"), directory.CreateOptions{})
			results <- err
		}()
	}
	made := 0
	for range cap(results) {
		if err := <-results; err == nil {
			made++
		} else {
			wantCode(t, "a create that came second", err, directory.Uniqueness)
		}
	}
	equal(t, "made", made, 1)
}

func TestDeletedGroupsAreKeptThenSwept(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta := h.source("okta", 1)
	var ids []uuid.UUID
	for _, name := range strings.Fields("a b c d e") {
		ids = append(ids, h.create(okta, user(name)).Person)
	}
	team, err := h.d.CreateGroup(ctx, okta, "req", directory.GroupWrite{
		Name: "Team", Members: []directory.MemberOp{add(ids...), byValue(directory.AddMembers, "x", "y")}}, directory.MemberPolicy{Early: true})
	h.must(err)
	h.changes()
	_, err = h.d.SweepGroup(ctx, team.ID, 10)
	wantCode(t, "sweep a living group", err, directory.Invalid)

	h.must(h.d.DeleteGroup(ctx, okta, "req", team.ID))
	c := h.lastChange("delete")
	equal(t, "act", c.Act, audit.GroupDeleted)
	if c.Group != team.ID || !c.WholeGroup || !c.Removing {
		t.Errorf("got change %+v, want one of the whole group that removes", c)
	}
	_, err = h.d.Group(ctx, okta, team.ID)
	wantCode(t, "read it", err, directory.NotFound)
	wantCode(t, "delete it again", h.d.DeleteGroup(ctx, okta, "req", team.ID), directory.NotFound)
	u, err := h.d.User(ctx, okta, ids[0])
	h.must(err)
	equal(t, "groups of a member", len(u.Groups), 0)
	equal(t, "memberships of the person", h.person(ids[0]).Memberships,
		[]directory.Membership{{Group: team.ID, Source: okta.ID, Name: "Team", Deleted: begin()}})
	h.view(func(r store.Reader) error {
		page, failed := h.d.MembersIn(r, team.ID, ids[1], 2)
		equal(t, "a page of its members", page, ids[2:4])
		return failed
	})
	deleted, err := h.d.DeletedGroups(ctx)
	h.must(err)
	equal(t, "deleted groups", len(deleted), 1)

	var swept []uuid.UUID
	rounds := 0
	for done := false; !done; rounds++ {
		done, err = h.d.SweepGroup(ctx, team.ID, 2)
		h.must(err)
		for _, c := range h.changes() {
			swept = append(swept, c.Persons...)
			equal(t, "a slice removes", c.Removing || len(c.Persons) == 0, true)
		}
	}
	equal(t, "rounds", rounds, 4)
	equal(t, "persons that the slices name", swept, ids)
	equal(t, "memberships of the person after it", len(h.person(ids[0]).Memberships), 0)
	deleted, err = h.d.DeletedGroups(ctx)
	h.must(err)
	equal(t, "deleted groups after it", len(deleted), 0)
	done, err := h.d.SweepGroup(ctx, team.ID, 2)
	if err != nil || !done {
		t.Errorf("sweep what is gone: got %v, %v; want done", done, err)
	}
	left, err := h.d.PendingMembers(ctx, team.ID)
	h.must(err)
	equal(t, "pending members after it", len(left), 0)
}
