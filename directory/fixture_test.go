package directory_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

// house is a directory over an empty store, with a clock that tests move.
type house struct {
	t     testing.TB
	d     *directory.Directory
	store store.Store

	mu sync.Mutex
	at time.Time
}

// begin is a Saturday.
var begin = func() time.Time { return time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC) }

// newHouse runs every update twice, so that what relies on one run breaks.
func newHouse(t testing.TB) *house {
	return houseOn(t, storetest.Rerun(storetest.New(t)))
}

func houseOn(t testing.TB, s store.Store) *house {
	h := &house{t: t, store: s, at: begin()}
	h.d = directory.New(s, h.now, audit.IDs(h.now))
	return h
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

func admin() audit.Actor { return audit.Actor{Kind: audit.ByAdmin, Name: "root"} }

func (h *house) source(name string, rank int) directory.Source {
	h.t.Helper()
	source, _, err := h.d.AddSource(context.Background(), admin(), directory.NewSource{Name: name, Kind: directory.Okta, Rank: rank})
	h.must(err)
	return source
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) view(fn func(store.Reader) error) {
	h.t.Helper()
	h.must(h.store.View(context.Background(), fn))
}

// user is a write as a client would make it: name@acme.example with an externalId of ext-name.
func user(name string) directory.UserWrite {
	email := strings.ToLower(name) + "@acme.example"
	return directory.UserWrite{
		UserName: email, ExternalID: "ext-" + name, Active: true, Emails: []string{email},
		Attributes: attributes("userName", email, "displayName", name,
			"emails", []any{map[string]any{"value": email, "primary": true}}),
	}
}

// attributes makes an object of names and values in turn.
func attributes(pairs ...any) json.RawMessage {
	object := make(map[string]any)
	for i := 0; i < len(pairs); i += 2 {
		object[pairs[i].(string)] = pairs[i+1]
	}
	raw, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return raw
}

// with sets an attribute of a write.
func with(w directory.UserWrite, name string, value any) directory.UserWrite {
	var object map[string]any
	if err := json.Unmarshal(w.Attributes, &object); err != nil {
		panic(err)
	}
	object[name] = value
	raw, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	w.Attributes = raw
	return w
}

func renamed(w directory.UserWrite, userName string) directory.UserWrite {
	w.UserName = userName
	return with(w, "userName", userName)
}

func inactive(w directory.UserWrite) directory.UserWrite {
	w.Active = false
	return w
}

func (h *house) create(src directory.Source, w directory.UserWrite) directory.User {
	h.t.Helper()
	u, err := h.d.CreateUser(context.Background(), src, "req", w, directory.CreateOptions{Reactivate: true})
	h.must(err)
	return u
}

func (h *house) put(src directory.Source, id uuid.UUID, w directory.UserWrite) (directory.User, bool) {
	h.t.Helper()
	u, changed, err := h.d.UpdateUser(context.Background(), src, "req", id, func(directory.User) (directory.UserWrite, error) { return w, nil })
	h.must(err)
	return u, changed
}

func (h *house) delete(src directory.Source, id uuid.UUID) {
	h.t.Helper()
	h.must(h.d.DeleteUser(context.Background(), src, "req", id))
}

func (h *house) person(id uuid.UUID) (p directory.Person) {
	h.t.Helper()
	h.view(func(r store.Reader) (err error) {
		p, err = h.d.PersonIn(r, id)
		return err
	})
	return p
}

// wantAccess checks the effective state: reason "" means active.
func (h *house) wantAccess(when string, id uuid.UUID, reason string) {
	h.t.Helper()
	p := h.person(id)
	if p.Inactive != reason || p.Active != (reason == "") {
		h.t.Errorf("%s: got active %v, inactive %q; want %q", when, p.Active, p.Inactive, reason)
	}
}

func (h *house) group(src directory.Source, name string, members ...uuid.UUID) directory.Group {
	h.t.Helper()
	g, err := h.d.CreateGroup(context.Background(), src, "req",
		directory.GroupWrite{Name: name, Members: []directory.MemberOp{add(members...)}}, directory.MemberPolicy{})
	h.must(err)
	return g
}

func refs(persons []uuid.UUID) []directory.MemberRef {
	list := make([]directory.MemberRef, len(persons))
	for i, p := range persons {
		list[i] = directory.MemberRef{Value: p.String()}
	}
	return list
}

func add(persons ...uuid.UUID) directory.MemberOp {
	return directory.MemberOp{Kind: directory.AddMembers, Members: refs(persons)}
}

func remove(persons ...uuid.UUID) directory.MemberOp {
	return directory.MemberOp{Kind: directory.RemoveMembers, Members: refs(persons)}
}

func replace(persons ...uuid.UUID) directory.MemberOp {
	return directory.MemberOp{Kind: directory.ReplaceMembers, Members: refs(persons)}
}

func byValue(kind directory.MemberOpKind, values ...string) directory.MemberOp {
	op := directory.MemberOp{Kind: kind}
	for _, v := range values {
		op.Members = append(op.Members, directory.MemberRef{Value: v})
	}
	return op
}

// edit changes nothing of a group but its members.
func edit(steps ...directory.MemberOp) func(directory.Group) (directory.GroupWrite, error) {
	return func(g directory.Group) (directory.GroupWrite, error) {
		return directory.GroupWrite{Name: g.Name, ExternalID: g.ExternalID, Attributes: g.Attributes, Members: steps}, nil
	}
}

func (h *house) members(src directory.Source, group uuid.UUID, steps ...directory.MemberOp) (directory.Group, bool) {
	h.t.Helper()
	g, changed, err := h.d.UpdateGroup(context.Background(), src, "req", group, directory.MemberPolicy{}, edit(steps...))
	h.must(err)
	return g, changed
}

func (h *house) wantMembers(when string, group uuid.UUID, want ...uuid.UUID) {
	h.t.Helper()
	members, err := h.d.Members(context.Background(), group, uuid.Nil, directory.MaxPage)
	h.must(err)
	got := make(map[uuid.UUID]bool)
	for _, m := range members {
		got[m.Person] = true
	}
	wanted := make(map[uuid.UUID]bool)
	for _, id := range want {
		wanted[id] = true
	}
	equal(h.t, when, got, wanted)
	n, err := h.d.MemberCount(context.Background(), group)
	h.must(err)
	equal(h.t, when+": count", n, len(wanted))
}

// changes takes all pending changes out of the outbox, oldest first.
func (h *house) changes() (taken []audit.Change) {
	h.t.Helper()
	h.must(h.store.Update(context.Background(), func(tx store.Tx) error {
		var err error
		if taken, err = audit.Pending(tx, 1<<20); err != nil {
			return err
		}
		for _, c := range taken {
			if err := audit.Settle(tx, c); err != nil {
				return err
			}
		}
		return nil
	}))
	return taken
}

// lastChange takes all pending changes and returns the only one there must be.
func (h *house) lastChange(after string) audit.Change {
	h.t.Helper()
	taken := h.changes()
	if len(taken) != 1 {
		h.t.Fatalf("%s: got %d changes, want 1", after, len(taken))
	}
	return taken[0]
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func wantCode(t testing.TB, what string, err error, want directory.Code) {
	t.Helper()
	if got := directory.CodeOf(err); got != want {
		t.Errorf("%s: got %v (code %q), want code %q", what, err, got, want)
	}
}
