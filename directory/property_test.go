package directory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

// world is a naive model of the directory beside the real one: maps and loops, no indexes.
type world struct {
	*house
	sources []directory.Source
	records map[uuid.UUID]map[uuid.UUID]directory.UserWrite // by source and person
	known   map[[2]uuid.UUID]string                         // userName that a person's record at a source stands for
	denies  map[[2]uuid.UUID]bool                           // person and source
	traces  map[string]uuid.UUID
	owner   map[uuid.UUID]uuid.UUID // of living groups
	dead    map[uuid.UUID]uuid.UUID
	edges   map[[2]uuid.UUID]bool // group and person
	persons []uuid.UUID           // everybody there ever was
	groups  []uuid.UUID
}

func newWorld(t testing.TB) *world {
	w := &world{
		house:   houseOn(t, storetest.New(t)),
		records: make(map[uuid.UUID]map[uuid.UUID]directory.UserWrite),
		known:   make(map[[2]uuid.UUID]string),
		denies:  make(map[[2]uuid.UUID]bool),
		traces:  make(map[string]uuid.UUID),
		owner:   make(map[uuid.UUID]uuid.UUID),
		dead:    make(map[uuid.UUID]uuid.UUID),
		edges:   make(map[[2]uuid.UUID]bool),
	}
	for rank, name := range []string{"hr", "okta", "entra"} {
		source := w.source(name, rank)
		w.sources = append(w.sources, source)
		w.records[source.ID] = make(map[uuid.UUID]directory.UserWrite)
	}
	return w
}

// held reports whether a source other than one holds a person.
func (w *world) held(person, except uuid.UUID) bool {
	for source, records := range w.records {
		if _, held := records[person]; held && source != except {
			return true
		}
	}
	return false
}

// own returns the persons that a source's own records with the userName or externalId are of.
func (w *world) own(source uuid.UUID, write directory.UserWrite) map[uuid.UUID]bool {
	found := make(map[uuid.UUID]bool)
	for person, r := range w.records[source] {
		if strings.EqualFold(r.UserName, write.UserName) || write.ExternalID != "" && r.ExternalID == write.ExternalID {
			found[person] = true
		}
	}
	return found
}

// linked returns the person that a create of a source links to or gets back; uuid.Nil for a new one.
func (w *world) linked(source directory.Source, write directory.UserWrite) uuid.UUID {
	for _, other := range w.sources { // by rank
		for person, r := range w.records[other.ID] {
			_, held := w.records[source.ID][person]
			if other.ID != source.ID && !held && strings.EqualFold(r.UserName, write.UserName) {
				return person
			}
		}
	}
	person := w.traces[traceOf(source, write.ExternalID, write.UserName)]
	if _, held := w.records[source.ID][person]; held || write.ExternalID == "" {
		return uuid.Nil
	}
	return person
}

func traceOf(source directory.Source, externalID, userName string) string {
	return source.Name + " " + externalID + " " + strings.ToLower(userName)
}

// wrote notes that a source wrote its record of a person.
func (w *world) wrote(source directory.Source, person uuid.UUID, write directory.UserWrite) {
	was, held := w.records[source.ID][person]
	w.records[source.ID][person] = write
	who := [2]uuid.UUID{person, source.ID}
	if !held {
		delete(w.denies, who)
		delete(w.traces, traceOf(source, write.ExternalID, write.UserName))
	}
	if !held || write.Active && identityOf(was) != identityOf(write) {
		w.known[who] = write.UserName
	}
}

// identityOf returns what a test's write says of who the person is.
func identityOf(write directory.UserWrite) string {
	var attributes struct{ DisplayName string }
	if err := json.Unmarshal(write.Attributes, &attributes); err != nil {
		panic(err)
	}
	return write.UserName + " " + attributes.DisplayName
}

func (w *world) reason(person uuid.UUID) string {
	if !w.held(person, uuid.Nil) {
		return "nobody"
	}
	for _, source := range w.sources {
		if r, held := w.records[source.ID][person]; held && !r.Active || w.denies[[2]uuid.UUID{person, source.ID}] {
			return "denied"
		}
	}
	return ""
}

// check compares the directory with the model.
func (w *world) check(t *rapid.T) {
	ctx := context.Background()
	if err := w.d.CheckCounts(ctx); err != nil {
		t.Fatal(err)
	}
	for _, source := range w.sources {
		n, err := w.d.CountUsers(ctx, source)
		if want := len(w.records[source.ID]); err != nil || n != want {
			t.Fatalf("users of %s: got %d, %v, want %d", source.Name, n, err, want)
		}
		users, err := w.d.ListUsers(ctx, source, uuid.Nil, directory.MaxPage)
		w.must(err)
		got := make(map[uuid.UUID]string)
		for _, u := range users {
			got[u.Person] = fmt.Sprint(u.UserName, u.ExternalID, u.Active)
		}
		want := make(map[uuid.UUID]string)
		for person, r := range w.records[source.ID] {
			want[person] = fmt.Sprint(r.UserName, r.ExternalID, r.Active)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("records of %s (-want +got):\n%s", source.Name, diff)
		}
	}
	for _, id := range w.persons {
		p := w.person(id)
		if reason := w.reason(id); p.Active != (reason == "") || (reason == "nobody") != (len(p.Holders) == 0) {
			t.Fatalf("person %s: got active %v because %q, want %q", id, p.Active, p.Inactive, reason)
		}
		if len(p.Holders) > 0 && p.UserName != w.known[[2]uuid.UUID{id, p.Holders[0].Source}] {
			t.Fatalf("person %s: got userName %s, want %s", id, p.UserName, w.known[[2]uuid.UUID{id, p.Holders[0].Source}])
		}
		got, want := make(map[[2]uuid.UUID]bool), make(map[[2]uuid.UUID]bool)
		for _, m := range p.Memberships {
			got[[2]uuid.UUID{m.Group, id}] = true
		}
		for edge := range w.edges {
			if edge[1] == id {
				want[edge] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("memberships of %s (-want +got):\n%s", id, diff)
		}
	}
	w.checkGroups(t)
}

func (w *world) checkGroups(t *rapid.T) {
	for _, source := range w.sources {
		groups, err := w.d.ListGroups(context.Background(), source, uuid.Nil, directory.MaxPage)
		w.must(err)
		got := make(map[uuid.UUID]uuid.UUID)
		for _, g := range groups {
			got[g.ID] = g.Source
		}
		want := maps.Clone(w.owner)
		maps.DeleteFunc(want, func(_, owner uuid.UUID) bool { return owner != source.ID })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("groups of %s (-want +got):\n%s", source.Name, diff)
		}
	}
	for _, group := range w.groups {
		members, err := w.d.Members(context.Background(), group, uuid.Nil, directory.MaxPage)
		w.must(err)
		got, want := make(map[uuid.UUID]bool), make(map[uuid.UUID]bool)
		for _, m := range members {
			got[m.Person] = true
		}
		for edge := range w.edges {
			if edge[0] == group {
				want[edge[1]] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("members of %s (-want +got):\n%s", group, diff)
		}
	}
}

// state is all that could decide about a person's access and accounts.
func (w *world) state() map[uuid.UUID]directory.Person {
	states := make(map[uuid.UUID]directory.Person)
	for _, id := range w.persons {
		states[id] = w.person(id)
	}
	return states
}

// checkCovered fails when a person's state differs from before and no change names the person, or when
// access was lost without a change that says so.
func (w *world) checkCovered(t *rapid.T, before map[uuid.UUID]directory.Person) {
	named, removing := make(map[uuid.UUID]bool), make(map[uuid.UUID]bool)
	for _, c := range w.changes() {
		touched := slices.Clone(c.Persons)
		if c.WholeGroup {
			w.view(func(r store.Reader) error {
				members, err := w.d.MembersIn(r, c.Group, uuid.Nil, 1000)
				touched = append(touched, members...)
				return err
			})
		}
		for _, id := range touched {
			named[id] = true
			removing[id] = removing[id] || c.Removing
		}
	}
	for id, now := range w.state() {
		was, known := before[id]
		if !known {
			was = directory.Person{ID: id, Inactive: "no source holds this person", Profile: map[string]any{}}
		}
		if diff := cmp.Diff(was, now); diff != "" && !named[id] {
			t.Fatalf("no change names %s, whose state changed:\n%s", id, diff)
		}
		if was.Active && !now.Active && !removing[id] {
			t.Fatalf("no removing change names %s, who lost access", id)
		}
		for _, m := range was.Memberships {
			if !slices.Contains(now.Memberships, m) && m.Deleted.IsZero() && !removing[id] && !w.renamedGroup(m, now) {
				t.Fatalf("no removing change names %s, who lost a membership", id)
			}
		}
	}
}

// renamedGroup reports whether a membership is still there under another name.
func (w *world) renamedGroup(m directory.Membership, now directory.Person) bool {
	return slices.ContainsFunc(now.Memberships, func(n directory.Membership) bool {
		return n.Group == m.Group && n.Deleted.IsZero()
	})
}

func (w *world) drawWrite(t *rapid.T) directory.UserWrite {
	name := rapid.SampledFrom([]string{"ann", "Ann", "bob", "cat"}).Draw(t, "name")
	write := user(name)
	write.ExternalID = rapid.SampledFrom([]string{"", "e1", "e2", "e3"}).Draw(t, "externalId")
	write.Active = rapid.Bool().Draw(t, "active")
	return with(write, "title", rapid.SampledFrom([]string{"x", "y"}).Draw(t, "title"))
}

func (w *world) create(t *rapid.T) {
	source, write := rapid.SampledFrom(w.sources).Draw(t, "source"), w.drawWrite(t)
	reactivate := rapid.Bool().Draw(t, "reactivate")
	u, err := w.d.CreateUser(context.Background(), source, "r", write, directory.CreateOptions{Reactivate: reactivate})
	same := slices.Collect(maps.Keys(w.own(source.ID, write)))
	if len(same) > 1 || len(same) == 1 && (w.records[source.ID][same[0]].Active || !reactivate) {
		wantCode(w.t, "create a user that is there", err, directory.Uniqueness)
		return
	}
	w.must(err)
	want := w.linked(source, write)
	if len(same) == 1 {
		want = same[0]
	}
	if want != uuid.Nil && u.Person != want || want == uuid.Nil && slices.Contains(w.persons, u.Person) {
		t.Fatalf("got person %s, want %s of %v", u.Person, want, w.persons)
	}
	if want == uuid.Nil {
		w.persons = append(w.persons, u.Person)
	}
	w.wrote(source, u.Person, write)
}

func (w *world) update(t *rapid.T) {
	source, write := rapid.SampledFrom(w.sources).Draw(t, "source"), w.drawWrite(t)
	if len(w.persons) == 0 {
		return
	}
	person := rapid.SampledFrom(w.persons).Draw(t, "person")
	_, changed, err := w.d.UpdateUser(context.Background(), source, "r", person,
		func(directory.User) (directory.UserWrite, error) { return write, nil })
	was, held := w.records[source.ID][person]
	if !held && (!w.held(person, source.ID) || w.denies[[2]uuid.UUID{person, source.ID}]) {
		wantCode(w.t, "update a user that is not there", err, directory.NotFound)
		return
	}
	same := w.own(source.ID, write)
	delete(same, person)
	if len(same) > 0 {
		wantCode(w.t, "update to a taken name", err, directory.Uniqueness)
		return
	}
	w.must(err)
	if differs := !held || cmp.Diff(was, write) != ""; changed != differs {
		t.Fatalf("got changed %v, want %v", changed, differs)
	}
	w.wrote(source, person, write)
}

func (w *world) delete(t *rapid.T) {
	source := rapid.SampledFrom(w.sources).Draw(t, "source")
	if len(w.persons) == 0 {
		return
	}
	person := rapid.SampledFrom(w.persons).Draw(t, "person")
	err := w.d.DeleteUser(context.Background(), source, "r", person)
	write, held := w.records[source.ID][person]
	if !held {
		wantCode(w.t, "delete a user that is not there", err, directory.NotFound)
		return
	}
	w.must(err)
	delete(w.records[source.ID], person)
	if write.ExternalID != "" {
		w.traces[traceOf(source, write.ExternalID, w.known[[2]uuid.UUID{person, source.ID}])] = person
	}
	others := w.held(person, source.ID)
	if others {
		w.denies[[2]uuid.UUID{person, source.ID}] = true
	}
	maps.DeleteFunc(w.edges, func(e [2]uuid.UUID, _ bool) bool {
		owner, living := w.owner[e[0]]
		if !living {
			owner = w.dead[e[0]]
		}
		return e[1] == person && (!others || owner == source.ID)
	})
}

func (w *world) clearDeny(t *rapid.T) {
	if len(w.persons) == 0 {
		return
	}
	person, source := rapid.SampledFrom(w.persons).Draw(t, "person"), rapid.SampledFrom(w.sources).Draw(t, "source")
	err := w.d.ClearDeny(context.Background(), admin(), person, source.ID)
	deny := [2]uuid.UUID{person, source.ID}
	if !w.denies[deny] {
		wantCode(w.t, "clear a deny that is not there", err, directory.NotFound)
		return
	}
	w.must(err)
	delete(w.denies, deny)
}

func (w *world) createGroup(t *rapid.T) {
	source := rapid.SampledFrom(w.sources).Draw(t, "source")
	g, err := w.d.CreateGroup(context.Background(), source, "r",
		directory.GroupWrite{Name: fmt.Sprintf("g%d", len(w.groups))}, directory.MemberPolicy{})
	w.must(err)
	w.groups = append(w.groups, g.ID)
	w.owner[g.ID] = source.ID
}

func (w *world) changeGroup(t *rapid.T) {
	if len(w.groups) == 0 || len(w.persons) == 0 {
		return
	}
	group := rapid.SampledFrom(w.groups).Draw(t, "group")
	owner, living := w.owner[group]
	if !living {
		return
	}
	next := maps.Clone(w.edges)
	var steps []directory.MemberOp
	for range rapid.IntRange(0, 3).Draw(t, "steps") {
		some := rapid.SliceOfN(rapid.SampledFrom(w.persons), 0, 3).Draw(t, "members")
		some = slices.DeleteFunc(some, func(id uuid.UUID) bool { return !w.held(id, uuid.Nil) })
		switch rapid.IntRange(0, 2).Draw(t, "step") {
		case 0:
			steps = append(steps, add(some...))
		case 1:
			steps = append(steps, remove(some...))
			for _, id := range some {
				delete(next, [2]uuid.UUID{group, id})
			}
			continue
		case 2:
			steps = append(steps, replace(some...))
			maps.DeleteFunc(next, func(e [2]uuid.UUID, _ bool) bool { return e[0] == group })
		}
		for _, id := range some {
			next[[2]uuid.UUID{group, id}] = true
		}
	}
	rename := rapid.Bool().Draw(t, "rename")
	src := w.sources[slices.IndexFunc(w.sources, func(s directory.Source) bool { return s.ID == owner })]
	_, changed, err := w.d.UpdateGroup(context.Background(), src, "r", group, directory.MemberPolicy{},
		func(g directory.Group) (directory.GroupWrite, error) {
			write := directory.GroupWrite{Name: g.Name, Members: steps}
			if rename {
				write.Name += "'"
			}
			return write, nil
		})
	w.must(err)
	if differs := rename || !maps.Equal(next, w.edges); changed != differs {
		t.Fatalf("got changed %v, want %v", changed, differs)
	}
	w.edges = next
}

func (w *world) deleteGroup(t *rapid.T) {
	if len(w.groups) == 0 {
		return
	}
	group := rapid.SampledFrom(w.groups).Draw(t, "group")
	if owner, living := w.owner[group]; living {
		src := w.sources[slices.IndexFunc(w.sources, func(s directory.Source) bool { return s.ID == owner })]
		w.must(w.d.DeleteGroup(context.Background(), src, "r", group))
		delete(w.owner, group)
		w.dead[group] = owner
		return
	}
	for done := false; !done; {
		var err error
		done, err = w.d.SweepGroup(context.Background(), group, 1)
		w.must(err)
	}
	maps.DeleteFunc(w.edges, func(e [2]uuid.UUID, _ bool) bool { return e[0] == group })
}

// Whatever is done in whatever order, the directory is what a naive model says, and each change of what a person is
// is told to those who act on it.
func TestAnyHistoryMatchesTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		before := w.state()
		do := func(act func(*rapid.T)) func(*rapid.T) {
			return func(rt *rapid.T) {
				before = w.state()
				w.pass(time.Millisecond)
				act(rt)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create":      do(w.create),
			"update":      do(w.update),
			"delete":      do(w.delete),
			"clearDeny":   do(w.clearDeny),
			"createGroup": do(w.createGroup),
			"changeGroup": do(w.changeGroup),
			"deleteGroup": do(w.deleteGroup),
			"":            func(rt *rapid.T) { w.checkCovered(rt, before); w.check(rt) },
		})
	})
}
