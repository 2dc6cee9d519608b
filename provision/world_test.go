package provision_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

// world is a directory, a mapping and an engine around one vendor, at a moment that only the test moves on.
type world struct {
	t      testing.TB
	now    time.Time
	store  store.Store
	dir    *directory.Directory
	maps   *versions.Versions
	engine *provision.Engine
	vendor *vendor
	okta   directory.Source
	users  map[string]uuid.UUID
	groups map[string]uuid.UUID
	quiet  provision.QuietTime
	admins []string

	inEngine, crashed bool
	commits           int // of the engine

	ids func(func() time.Time) func() uuid.UUID
}

var admin = audit.Actor{Kind: audit.ByAdmin, Name: "root"}

const plainMapping = `
version: 1
apps:
  desk:
    connection: desk-prod
    mode: enforce
    grants:
      - {group: Support, role: agent}
      - {group: Leads, role: admin}
    when_deactivated: [{action: delete, after: 0s}]
    when_ungranted: [{action: delete, after: 0s}]
`

func newWorld(t testing.TB) *world { return newWorldOn(t, storetest.New(t)) }

func newWorldOn(t testing.TB, s store.Store) *world {
	t.Helper()
	return newWorldWith(t, s, audit.IDs)
}

// newWorldWith is a world whose ids come from the given source.
func newWorldWith(t testing.TB, s store.Store, ids func(func() time.Time) func() uuid.UUID) *world {
	t.Helper()
	w := &world{
		ids: ids,
		t:   t, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), store: s, vendor: newVendor(),
		users: map[string]uuid.UUID{}, groups: map[string]uuid.UUID{},
	}
	w.start()
	var err error
	w.okta, _, err = w.dir.AddSource(t.Context(), admin, directory.NewSource{Name: "okta", Kind: directory.Okta, Rank: 1})
	w.must(err)
	return w
}

// staffed is a world under a mapping, with people in Support who have what it gives them.
func staffed(t *testing.T, doc string, names ...string) *world {
	t.Helper()
	w := newWorld(t)
	w.apply(doc)
	w.hire(names...)
	w.group("Support", names...)
	w.settle()
	return w
}

// start makes everything above the store anew, as a restarted process would.
func (w *world) start() {
	clock := func() time.Time { return w.now }
	ids := w.ids(clock)
	w.dir = directory.New(w.store, clock, ids)
	w.maps = versions.New(w.store, w.dir, func() mapping.Catalog { return catalog{w.vendor} }, clock, ids)
	w.engine = provision.New(provision.Options{
		Store: w.store, Directory: w.dir, Mappings: w.maps, Connections: connections{w.vendor},
		Quiet: w.quiet, Administrators: w.admins, Now: clock, NewID: ids, Rand: rand.New(rand.NewPCG(1, 2)), Logger: slog.New(slog.DiscardHandler),
	})
}

// lags makes the vendor one whose reads may miss what was written just now.
func (w *world) lags() {
	w.vendor.can.ReadLag = lag
	w.start()
}

type connections struct{ vendor *vendor }

func (c connections) Open(context.Context, string) (provision.Connection, error) {
	return provision.Connection{Adapter: c.vendor, Can: c.vendor.can, Revision: "1"}, nil
}

type catalog struct{ vendor *vendor }

func (c catalog) Connections() []string { return []string{"desk-prod"} }

func (c catalog) AppInfo(name string) (mapping.AppInfo, bool) {
	return provision.AppInfo(c.vendor.can), name == "desk-prod"
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) apply(doc string) {
	w.t.Helper()
	_, err := w.maps.Apply(w.t.Context(), admin, []byte(doc), versions.ApplyOptions{})
	w.must(err)
}

func (w *world) group(name string, members ...string) {
	w.t.Helper()
	ops := []directory.MemberOp{{Kind: directory.AddMembers, Members: w.refs(members)}}
	g, err := w.dir.CreateGroup(w.t.Context(), w.okta, "req", directory.GroupWrite{Name: name, Members: ops}, directory.MemberPolicy{})
	w.must(err)
	w.groups[name] = g.ID
}

func (w *world) refs(names []string) []directory.MemberRef {
	var refs []directory.MemberRef
	for _, n := range names {
		refs = append(refs, directory.MemberRef{Value: w.users[n].String()})
	}
	return refs
}

func (w *world) write(name string, active bool) directory.UserWrite {
	attrs, err := json.Marshal(map[string]any{
		"userName": name + "@acme.example", "displayName": strings.ToUpper(name[:1]) + name[1:], "active": active,
		"emails": []any{map[string]any{"value": name + "@acme.example", "primary": true, "type": "work"}},
	})
	w.must(err)
	return directory.UserWrite{
		UserName: name + "@acme.example", ExternalID: "ext-" + name, Active: active,
		Emails: []string{name + "@acme.example"}, Attributes: attrs,
	}
}

func (w *world) hire(names ...string) {
	w.t.Helper()
	for _, n := range names {
		u, err := w.dir.CreateUser(w.t.Context(), w.okta, "req", w.write(n, true), directory.CreateOptions{Reactivate: true})
		w.must(err)
		w.users[n] = u.Person
	}
}

func (w *world) activate(name string, active bool) {
	w.t.Helper()
	_, _, err := w.dir.UpdateUser(w.t.Context(), w.okta, "req", w.users[name], func(directory.User) (directory.UserWrite, error) {
		return w.write(name, active), nil
	})
	w.must(err)
}

func (w *world) members(kind directory.MemberOpKind, group string, names ...string) {
	w.t.Helper()
	_, _, err := w.dir.UpdateGroup(w.t.Context(), w.okta, "req", w.groups[group], directory.MemberPolicy{}, func(g directory.Group) (directory.GroupWrite, error) {
		return directory.GroupWrite{
			Name: g.Name, ExternalID: g.ExternalID, Attributes: g.Attributes,
			Members: []directory.MemberOp{{Kind: kind, Members: w.refs(names)}},
		}, nil
	})
	w.must(err)
}

func (w *world) deleteUser(name string) {
	w.t.Helper()
	w.must(w.dir.DeleteUser(w.t.Context(), w.okta, "req", w.users[name]))
}

func (w *world) deleteGroup(name string) {
	w.t.Helper()
	w.must(w.dir.DeleteGroup(w.t.Context(), w.okta, "req", w.groups[name]))
}

// settle lets the engine work until nothing is due at this moment.
func (w *world) settle() {
	w.t.Helper()
	w.must(w.work())
}

func (w *world) work() error {
	ctx := w.t.Context()
	for range 1000 {
		busy := false
		for n := 1; n > 0; {
			var err error
			if n, err = w.engine.Expand(ctx); err != nil {
				return err
			}
			busy = busy || n > 0
		}
		m, err := w.maps.Current(ctx)
		if err != nil {
			return err
		}
		for _, app := range m.Apps() {
			if app.Mode == mapping.Paused {
				continue
			}
			did, err := w.workOn(ctx, app.Key)
			if err != nil {
				return err
			}
			busy = busy || did
		}
		if !busy {
			return nil
		}
	}
	return errors.New("the engine does not come to rest")
}

func (w *world) workOn(ctx context.Context, app string) (busy bool, err error) {
	t, err := w.engine.Triage(ctx, app)
	if err != nil {
		return false, err
	}
	a, err := w.engine.Admit(ctx, app)
	if err != nil {
		return false, err
	}
	busy = t+a > 0
	for range 500 {
		if w.engine.Waiting(app) {
			return busy, nil
		}
		it, err := w.engine.Next(ctx, app)
		if err != nil || it == nil {
			return busy, err
		}
		if err := w.engine.Execute(ctx, *it); err != nil {
			return false, err
		}
		busy = true
	}
	return busy, errors.New("the engine works for ever at the same moment")
}

// pass moves the clock on in steps and lets the engine work at each of them.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.settle()
	step := max(d/20, time.Second)
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(step)
		w.settle()
	}
}

// step does what pass does; the process dies where crashAt says and starts again.
func (w *world) step(d time.Duration) {
	w.t.Helper()
	w.inEngine = true
	defer func() { w.inEngine = false }()
	end := w.now.Add(d)
	for {
		err := w.work()
		if errors.Is(err, errCrash) {
			w.crashed = false
			w.start()
			continue
		}
		w.must(err)
		if !w.now.Before(end) {
			return
		}
		w.now = w.now.Add(max(d/20, time.Second))
	}
}

// crashAt arranges for the process to die at the nth vendor call or engine commit.
func (w *world) crashAt(f *storetest.Faults, at string, n int) {
	calls := 0
	w.vendor.crash = func() (before, after error) {
		if w.crashed {
			return errCrash, nil
		}
		calls++
		switch {
		case at == "before call" && calls == n:
			w.crashed = true
			return errCrash, nil
		case at == "after call" && calls == n:
			w.crashed = true
			return nil, errCrash
		}
		return nil, nil
	}
	commit := func(when string, counts bool) func(int) error {
		return func(int) error {
			if w.crashed {
				return errCrash
			}
			if !w.inEngine || !counts {
				return nil
			}
			w.commits++
			if at == when && w.commits == n {
				w.crashed = true
				return errCrash
			}
			return nil
		}
	}
	f.BeforeCommit(commit("before commit", at != "after commit"))
	f.AfterCommit(commit("after commit", at == "after commit"))
}

// wantVendor compares the vendor's accounts, by e-mail without its domain.
func (w *world) wantVendor(want map[string]string) {
	w.t.Helper()
	got := map[string]string{}
	for email, v := range w.vendor.have() {
		got[strings.TrimSuffix(email, "@acme.example")] = v
	}
	if diff := cmp.Diff(got, want); diff != "" {
		w.t.Fatalf("accounts at the vendor (-got +want):\n%s\n%s", diff, w.story())
	}
}

func (w *world) holds() []provision.Hold {
	w.t.Helper()
	h, err := w.engine.Holds(w.t.Context(), provision.HoldFilter{}, 1000)
	w.must(err)
	return h
}

func (w *world) wantHolds(kinds ...provision.HoldKind) []provision.Hold {
	w.t.Helper()
	open := w.holds()
	var got []provision.HoldKind
	for _, h := range open {
		got = append(got, h.Kind)
	}
	slices.Sort(got) // their ids are drawn
	slices.Sort(kinds)
	if diff := cmp.Diff(got, kinds); diff != "" {
		w.t.Fatalf("open holds (-got +want):\n%s\n%s", diff, w.story())
	}
	return open
}

func (w *world) approve(h provision.Hold, withoutTransfer bool) {
	w.t.Helper()
	_, err := w.engine.Approve(w.t.Context(), admin, h.ID, withoutTransfer)
	w.must(err)
}

// story tells what the engine thinks, for failures.
func (w *world) story() string {
	var b strings.Builder
	st, err := w.engine.Status(w.t.Context())
	fmt.Fprintf(&b, "at %s: calls %q\n", w.now.Format(time.RFC3339), w.vendor.calls)
	for _, s := range st {
		j, _ := json.Marshal(s)
		fmt.Fprintf(&b, "status %s %v\n", j, err)
	}
	for name := range w.users {
		x, err := w.engine.Why(w.t.Context(), w.users[name].String(), "desk")
		j, _ := json.Marshal(struct {
			Want  mapping.Want
			Item  *provision.Item
			Holds []provision.Hold
			Acc   []provision.Account
		}{x.Want, x.Item, x.Holds, x.Accounts})
		fmt.Fprintf(&b, "%s: %s %v\n", name, j, err)
	}
	return b.String()
}
