package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/memory"
)

var kim = uuid.MustParse("01a1ffff-0000-7000-8000-00000000000a")

// world is alerts over a store, at a moment that only the test moves on.
type world struct {
	t      *testing.T
	now    time.Time
	disk   *memory.Disk
	store  store.Store
	alerts *Alerts
	mail   *channel
	hook   *channel
	state  State
	inside map[uuid.UUID][]Inside
	log    strings.Builder
	newID  func() uuid.UUID
}

// channel is one that takes messages, or fails as it is told to.
type channel struct {
	name string
	mu   sync.Mutex
	fail error
	got  []Message
}

func (c *channel) Name() string   { return c.name }
func (c *channel) Target() string { return "the test" }

func (c *channel) Send(_ context.Context, m Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return c.fail
	}
	c.got = append(c.got, m)
	return nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), disk: memory.NewDisk(),
		mail: &channel{name: "email"}, hook: &channel{name: "webhook"}, inside: map[uuid.UUID][]Inside{},
	}
	w.newID = audit.IDs(func() time.Time { return w.now })
	w.start(w.mail, w.hook)
	w.pass(0)
	return w
}

// start makes everything above the disk anew, as a restarted process would.
func (w *world) start(channels ...Channel) {
	w.store = w.disk.Open()
	w.alerts = New(Options{
		Store: w.store, Channels: channels, Now: func() time.Time { return w.now }, NewID: w.newID,
		State:  func(context.Context) (State, error) { return w.state, nil },
		Inside: func(_ context.Context, p uuid.UUID) ([]Inside, error) { return w.inside[p], nil },
		Names: func(_ context.Context, ids []uuid.UUID) (map[uuid.UUID]string, error) {
			names := map[uuid.UUID]string{}
			for _, id := range ids {
				if id == kim {
					names[id] = "kim@acme.example"
				}
			}
			return names, nil
		},
		Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// pass moves the clock on and does everything once.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(d)
	w.must(w.alerts.Collect(w.t.Context()))
	w.must(w.alerts.Watch(w.t.Context()))
	w.must(w.alerts.Deliver(w.t.Context()))
}

// fact is one of this moment, not yet written.
func (w *world) fact(act audit.Act, app string, detail map[string]string, persons ...uuid.UUID) audit.Change {
	c := audit.Change{ID: w.newID(), At: w.now, Act: act, App: app, Persons: persons, Actor: audit.Actor{Kind: audit.ByEngine, Name: "usher"}}
	if detail != nil {
		var err error
		c.Detail, err = json.Marshal(detail)
		w.must(err)
	}
	return c
}

func (w *world) write(facts ...audit.Change) {
	w.t.Helper()
	w.must(w.store.Update(w.t.Context(), func(tx store.Tx) error {
		for _, c := range facts {
			if err := audit.Record(tx, c); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (w *world) holds(n int, kind string) {
	w.t.Helper()
	facts := make([]audit.Change, n)
	for i := range facts {
		facts[i] = w.fact(audit.HoldOpened, "zoom", map[string]string{"hold": fmt.Sprint("h", i), "kind": kind}, uuid.New())
	}
	w.write(facts...)
}

// titles are what the mail channel got.
func (w *world) titles() []string {
	titles := make([]string, 0, len(w.mail.got))
	for _, m := range w.mail.got {
		titles = append(titles, m.Title)
	}
	return titles
}

func (w *world) wantTitles(want ...string) {
	w.t.Helper()
	got := w.titles()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		w.t.Errorf("told: got %q, want %q", got, want)
	}
}

var errDown = errors.New("it is down")
