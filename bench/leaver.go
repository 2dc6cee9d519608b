package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
)

// patience is how long the probe waits for a removal that does not come.
const patience = 5 * time.Minute

// crowd is how many joiners a leaver meets.
const crowd = 50_000

// leaver measures how long somebody who is deactivated waits behind a crowd of joiners, of whose calls the app takes four at a time: first when
// all of them are in the queue, then when nothing of what happened to them has been looked at. Counted is what
// is sent to the app from the moment when the deactivation is durable until the removal is sent.
func leaver(ctx context.Context, p *prober) error {
	n := p.sized(crowd)
	for _, tc := range []struct {
		name   string
		queued bool
	}{{"%d joiners are queued", true}, {"%d joiners are not looked at yet", false}} {
		m, err := p.leave(ctx, n, tc.queued)
		if err != nil {
			return fmt.Errorf(tc.name+": %w", n, err)
		}
		p.found(fmt.Sprint(m.calls), "among the next", "calls to the app before the leaver's removal, while "+tc.name, n)
		p.found(took(m.took), "", "from durable to the removal's call")
	}
	return nil
}

// departure is what a leaver's removal waited for.
type departure struct {
	calls int
	took  time.Duration
}

func (p *prober) leave(ctx context.Context, n int, queued bool) (d departure, err error) {
	v := newVendor(4, 0)
	var people []uuid.UUID
	prepare := func(h *house) error {
		if err := h.apply(ctx, "{group: Support, role: agent}", "{group: Leads, role: agent}"); err != nil {
			return err
		}
		if people, err = h.people(ctx, n+1); err != nil {
			return err
		}
		if _, err := h.group(ctx, "Leads", people[n:]); err != nil {
			return err
		}
		err := h.run(ctx, func() (bool, error) {
			if v.standing() == 0 {
				return false, nil
			}
			return h.nothingQueued(ctx)
		})
		if err != nil {
			return err
		}
		_, err = h.group(ctx, "Support", people[:n])
		return err
	}
	err = p.inHouse(ctx, v, prepare, func(h *house) error {
		v.took = vendorLatency
		if queued {
			if err := h.quiesce(ctx); err != nil {
				return err
			}
		}
		w := &watch{}
		v.called = w.call
		if queued {
			// He comes while calls are under way.
			return h.run(ctx, func() (bool, error) {
				if w.count() < 20 {
					return false, nil
				}
				d, err = h.leaves(ctx, people[n], w)
				return true, err
			})
		}
		// The engine starts with all of it before it.
		if err := h.deactivate(ctx, people[n]); err != nil {
			return err
		}
		w.begin()
		err := h.run(ctx, w.done)
		d = w.departure()
		return err
	})
	return d, err
}

// leaves deactivates a person while the engine runs, and waits for the removal.
func (h *house) leaves(ctx context.Context, person uuid.UUID, w *watch) (departure, error) {
	if err := h.deactivate(ctx, person); err != nil {
		return departure{}, err
	}
	w.begin()
	h.engine.Wake()
	err := until(ctx, w.done)
	return w.departure(), err
}

func (h *house) deactivate(ctx context.Context, person uuid.UUID) error {
	_, _, err := h.dir.UpdateUser(ctx, h.source, "bench", person, func(u directory.User) (directory.UserWrite, error) {
		return directory.UserWrite{UserName: u.UserName, ExternalID: u.ExternalID, Emails: u.Emails, Attributes: u.Attributes}, nil
	})
	return err
}

// watch counts calls until a removal.
type watch struct {
	mu            sync.Mutex
	calls, before int
	began, ended  time.Time
	last          int
}

func (w *watch) call(op, _ string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if op == "remove" && w.ended.IsZero() {
		w.ended, w.last = time.Now(), w.calls
	}
	w.calls++
}

func (w *watch) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

// begin says that what is to be removed is durable.
func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began, w.before = time.Now(), w.calls
}

func (w *watch) done() (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended.IsZero() && !w.began.IsZero() && time.Since(w.began) > patience {
		return false, errors.New("the removal was not sent within " + patience.String())
	}
	return !w.ended.IsZero(), nil
}

func (w *watch) departure() departure {
	w.mu.Lock()
	defer w.mu.Unlock()
	return departure{calls: max(0, w.last-w.before), took: max(0, w.ended.Sub(w.began))}
}
