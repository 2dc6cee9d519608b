package alerts

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Channel is a way to reach people.
type Channel interface {
	// Name is the channel's name in the queue: "email", "webhook".
	Name() string
	// Target says in a few words, without secrets, where it leads.
	Target() string
	// Send delivers one message, or returns why it did not, in a sentence without secrets. It ends with ctx. A message that was
	// sent and not acknowledged is sent again with the same id.
	Send(ctx context.Context, m Message) error
}

// Options are what Alerts are made of. Nothing may be nil; Channels may be empty, then alerts are only kept.
type Options struct {
	Store    store.Store
	Channels []Channel
	// State says how things stand.
	State func(ctx context.Context) (State, error)
	// Inside says where a terminated person still is; nothing for who is out everywhere, or not terminated any more.
	Inside func(ctx context.Context, person uuid.UUID) ([]Inside, error)
	// Names says how to call people. Who is not known is left out.
	Names  func(ctx context.Context, persons []uuid.UUID) (map[uuid.UUID]string, error)
	Site   string // the server's public address, for the text; may be empty
	Now    func() time.Time
	NewID  func() uuid.UUID // UUIDv7
	Logger *slog.Logger
}

// Alerts finds what people are to be told and tells them. Its steps — Collect, Watch, Deliver — are complete by themselves; Run is the
// shell that calls them. One Alerts works on one store at a time.
type Alerts struct {
	o    Options
	wake chan struct{}

	// Of Collect alone: when facts were last read, and last read again.
	glanced, reread time.Time

	mu      sync.Mutex
	failing map[string]bool // channels whose last try failed, so that the log says it once
}

// New returns Alerts that do nothing yet.
func New(o Options) *Alerts {
	return &Alerts{o: o, wake: make(chan struct{}, 1), failing: map[string]bool{}}
}

const (
	collectEvery = 2 * time.Second
	watchEvery   = 30 * time.Second
	deliverEvery = 5 * time.Second
	pruneEvery   = time.Hour
)

// Run works until ctx ends. What it was at then is taken up at the next start.
func (a *Alerts) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	loop := func(every time.Duration, wake <-chan struct{}, what string, step func(context.Context) error) {
		running.Go(func() {
			timer := time.NewTimer(0)
			defer timer.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-wake:
				case <-timer.C:
				}
				if err := step(ctx); err != nil && ctx.Err() == nil {
					a.o.Logger.Error("alerts: "+what+" failed; trying again", "err", err)
				}
				timer.Reset(every)
			}
		})
	}
	loop(collectEvery, nil, "reading facts", a.Collect)
	loop(watchEvery, nil, "looking at what stands", a.Watch)
	loop(deliverEvery, a.wake, "delivery", a.Deliver)
	loop(pruneEvery, nil, "dropping old alerts", a.Prune)
	<-ctx.Done()
	return nil
}

func (a *Alerts) wakeDelivery() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// List returns the latest alerts, the newest first, at most limit.
func (a *Alerts) List(ctx context.Context, limit int) ([]Alert, error) {
	var all []Alert
	err := a.o.Store.View(ctx, func(r store.Reader) error {
		all = nil
		for alert, err := range alertTable.Scan(r, nil) {
			if err != nil {
				return err
			}
			if all = append(all, *alert); len(all) >= 2*limit {
				all = slices.Delete(all, 0, len(all)-limit)
			}
		}
		return nil
	})
	slices.Reverse(all)
	return all[:min(limit, len(all))], err
}

// ChannelStatus is how a channel does.
type ChannelStatus struct {
	Name    string    `json:"name"`
	Target  string    `json:"target"`
	Waiting int       `json:"waiting"`         // alerts that it has not taken yet
	Since   time.Time `json:"since,omitzero"`  // of the oldest of them
	Error   string    `json:"error,omitempty"` // why its last try failed
}

// Status says for each channel that is set how it does. None: nobody is told of anything.
func (a *Alerts) Status(ctx context.Context) ([]ChannelStatus, error) {
	all := make([]ChannelStatus, len(a.o.Channels))
	err := a.o.Store.View(ctx, func(r store.Reader) error {
		for i, c := range a.o.Channels {
			all[i] = ChannelStatus{Name: c.Name(), Target: c.Target()}
		}
		for alert, err := range alertTable.Find(r, byDue, nil) {
			if err != nil {
				return err
			}
			for _, d := range alert.Deliveries {
				i := slices.IndexFunc(all, func(s ChannelStatus) bool { return s.Name == d.Channel })
				if i < 0 || d.State != Waiting {
					continue
				}
				s := &all[i]
				if s.Waiting++; s.Since.IsZero() || alert.At.Before(s.Since) {
					s.Since = alert.At
				}
				if d.Error != "" {
					s.Error = d.Error
				}
			}
		}
		return nil
	})
	return all, err
}

// Outcome is what became of a test on one channel.
type Outcome struct {
	Channel string `json:"channel"`
	Target  string `json:"target"`
	Sent    bool   `json:"sent"`
	Error   string `json:"error,omitempty"`
}

// Test sends one message to every channel, now and once, and says what became of it. It keeps nothing.
func (a *Alerts) Test(ctx context.Context, by string) []Outcome {
	m := Message{
		ID: a.o.NewID(), At: a.o.Now().UTC().Truncate(time.Millisecond), Kind: Test, Site: a.o.Site,
		Title: "this is a test of Usher's alerts",
		Text:  fmt.Sprintf("%s asked for it. Alerts reach you here; there is nothing to do.", oneLine(by, 128)),
	}
	out := make([]Outcome, len(a.o.Channels))
	var sending sync.WaitGroup
	for i, c := range a.o.Channels {
		sending.Go(func() {
			out[i] = Outcome{Channel: c.Name(), Target: c.Target(), Sent: true}
			if err := a.send(ctx, c, m); err != nil {
				out[i].Sent, out[i].Error = false, oneLine(err.Error(), maxError)
			}
		})
	}
	sending.Wait()
	return out
}
