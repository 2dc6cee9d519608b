package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/bolt"
)

// house is a directory, a mapping and an engine around one app, in this process and on a store of its own.
type house struct {
	path   string
	app    app
	store  *bolt.Store
	dir    *directory.Directory
	maps   *versions.Versions
	engine *provision.Engine
	source directory.Source
	token  string
}

// The app's one connection, and its name in the mapping.
const (
	deskConnection = "desk-prod"
	desk           = "desk"
)

// app is what the engine provisions.
type app interface {
	adapters.Adapter
	adapters.Describer
}

// openHouse opens a house whose store is at path, or makes an empty one.
func openHouse(path string, o bolt.Options, a app) (*house, error) {
	h := &house{path: path, app: a}
	var err error
	if h.store, err = bolt.Open(path, o); err != nil {
		return nil, err
	}
	h.wire()
	return h, nil
}

// begin gives an empty house its source.
func (h *house) begin(ctx context.Context) (err error) {
	h.source, h.token, err = h.dir.AddSource(ctx, admin(), directory.NewSource{Name: "okta", Kind: directory.Okta})
	return err
}

// admin is who administrates.
func admin() audit.Actor { return audit.Actor{Kind: audit.ByAdmin, Name: "bench"} }

// wire puts the rooms over the store together, as `usher serve` does. There is no quiet time: what is measured is work and not the wait.
func (h *house) wire() {
	now, newID := time.Now, audit.IDs(time.Now)
	h.dir = directory.New(h.store, now, newID)
	h.maps = versions.New(h.store, h.dir, func() mapping.Catalog { return h }, now, newID)
	h.engine = provision.New(provision.Options{
		Store: h.store, Directory: h.dir, Mappings: h.maps, Connections: h,
		Now: now, NewID: newID, Rand: rand.New(rand.NewPCG(1, 2)), //nolint:gosec // not a secret: jitter
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
}

// reopen opens the house's store in another way.
func (h *house) reopen(o bolt.Options) error {
	err := h.store.Close()
	if err == nil {
		err = syncFile(h.path)
	}
	if err == nil {
		h.store, err = bolt.Open(h.path, o)
	}
	if err == nil {
		h.wire()
	}
	return err
}

// Open implements [provision.Connections].
func (h *house) Open(context.Context, string) (provision.Connection, error) {
	return provision.Connection{Adapter: h.app, Can: h.app.Describe(), Revision: "1"}, nil
}

// Connections implements [mapping.Catalog].
func (h *house) Connections() []string { return []string{deskConnection} }

// AppInfo implements [mapping.Catalog].
func (h *house) AppInfo(name string) (mapping.AppInfo, bool) {
	return provision.AppInfo(h.app.Describe()), name == deskConnection
}

// unbounded is a budget that holds nobody: the bench brings thousands at once, and nobody is there to approve.
const unbounded = "{percent: 100, at_least: 1000000, at_most: 1000000, creates: {percent: 100, at_least: 1000000, at_most: 1000000}}"

// apply puts a mapping with these grants into force.
func (h *house) apply(ctx context.Context, grants ...string) error {
	doc := "version: 1\nsource_budget: " + unbounded + "\napps:\n  " + desk + ":\n    connection: " + deskConnection + "\n    mode: enforce\n" +
		"    budget: " + unbounded + "\n" +
		"    when_deactivated: [{action: delete, after: 0s}]\n    grants:\n"
	for _, g := range grants {
		doc += "      - " + g + "\n"
	}
	_, err := h.maps.Apply(ctx, admin(), []byte(doc), versions.ApplyOptions{})
	return err
}

// people makes n users of random names.
func (h *house) people(ctx context.Context, n int) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, n)
	return ids, fill(ctx, n, func(i int, name string) error {
		made, err := h.dir.CreateUser(ctx, h.source, "bench", userWrite(i, name), directory.CreateOptions{})
		ids[i] = made.Person
		return err
	})
}

// group makes a group with members.
func (h *house) group(ctx context.Context, name string, members []uuid.UUID) (uuid.UUID, error) {
	refs := make([]directory.MemberRef, len(members))
	for i, m := range members {
		refs[i].Value = m.String()
	}
	w := directory.GroupWrite{Name: name}
	if len(refs) > 0 {
		w.Members = []directory.MemberOp{{Kind: directory.AddMembers, Members: refs}}
	}
	g, err := h.dir.CreateGroup(ctx, h.source, "bench", w, directory.MemberPolicy{})
	return g.ID, err
}

// quiesce expands and triages until nothing is left to judge. It carries nothing out.
func (h *house) quiesce(ctx context.Context) error {
	for {
		expanded, err := h.engine.Expand(ctx)
		if err != nil {
			return err
		}
		judged, err := h.engine.Triage(ctx, desk)
		if err != nil {
			return err
		}
		if expanded+judged == 0 {
			return nil
		}
	}
}

// run runs the engine until done says so, or an error; done is asked every few milliseconds. It returns when the engine has stopped.
func (h *house) run(ctx context.Context, done func() (bool, error)) error {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- h.engine.Run(ctx) }()
	err := until(ctx, done)
	stop()
	return errors.Join(err, <-ended)
}

// until asks every few milliseconds whether something is done.
func until(ctx context.Context, done func() (bool, error)) error {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// nothingQueued reports whether the outbox and the queue are empty, without counting what is in them.
func (h *house) nothingQueued(ctx context.Context) (bool, error) {
	empty := false
	err := h.store.View(ctx, func(r store.Reader) error {
		pending, err := audit.Pending(r, 1)
		if empty = err == nil && len(pending) == 0; !empty {
			return err
		}
		for range r.Range("items", nil, nil) {
			empty = false
			break
		}
		return nil
	})
	return empty, err
}

// status is the app at a glance.
func (h *house) status(ctx context.Context) (provision.AppStatus, error) {
	all, err := h.engine.Status(ctx)
	if err == nil && len(all) != 1 {
		err = fmt.Errorf("the mapping has %d apps, not one", len(all))
	}
	if err != nil {
		return provision.AppStatus{}, err
	}
	return all[0], nil
}

// active checks that so many accounts are active in the ledger, and that nothing waits.
func (h *house) active(ctx context.Context, want int) error {
	s, err := h.status(ctx)
	if err != nil {
		return err
	}
	waiting := 0
	for _, n := range s.Queue {
		waiting += n
	}
	if s.Accounts[provision.Active] != want || waiting > 0 {
		return fmt.Errorf("%d accounts are active and %d items wait (%v), instead of %d and none; holds: %d, failures: %v", s.Accounts[provision.Active], waiting, s.Queue, want, s.Holds, s.Failures)
	}
	return nil
}

// inHouse runs measure in a house of its own around an app in this process, whose store is filled quickly by prepare and then opened as it is in life.
func (p *prober) inHouse(ctx context.Context, a app, prepare, measure func(*house) error) (err error) {
	dir, err := os.MkdirTemp(p.dir, "usher-bench-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent)) // as usher serve does
	h, err := openHouse(filepath.Join(dir, usherFile), bolt.Options{NoSync: true, BatchSize: fillers}, a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.store.Close()) }()
	if err := h.begin(ctx); err != nil {
		return err
	}
	if err := prepare(h); err != nil {
		return err
	}
	if err := h.reopen(bolt.Options{}); err != nil {
		return err
	}
	return measure(h)
}
