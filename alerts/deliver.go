package alerts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

const (
	sendTimeout  = 30 * time.Second // of one try
	firstRetry   = 15 * time.Second // doubled each time,
	maxRetry     = time.Hour        // up to this
	giveUpAfter  = 3 * 24 * time.Hour
	keepFor      = 30 * 24 * time.Hour // how long alerts are listed
	keepMost     = 5000                // how many of them
	deliverBatch = 100
)

// backoff is how long to wait after a number of failed tries.
func backoff(attempts int) time.Duration {
	return min(maxRetry, firstRetry<<min(max(attempts-1, 0), 10))
}

// Deliver sends what is due, the oldest first. The channels do not wait for each other; of one that fails the rest waits for the next call.
// What was sent is written down afterwards: a crash in between sends it again, with the same id. One caller at a time.
func (a *Alerts) Deliver(ctx context.Context) error {
	now := a.o.Now()
	due, err := a.due(ctx, now)
	if err != nil || len(due) == 0 {
		return err
	}
	var persons []uuid.UUID
	for _, alert := range due {
		persons = append(persons, alert.Persons...)
	}
	names, err := a.o.Names(ctx, persons)
	if err != nil {
		a.o.Logger.Error("alerts: people's names cannot be read; their ids are sent", "err", err)
	}
	if err := a.dropUnset(ctx, due, now); err != nil {
		return err
	}
	var sending sync.WaitGroup
	errs := make([]error, len(a.o.Channels))
	for i, c := range a.o.Channels {
		sending.Go(func() { errs[i] = a.deliverTo(ctx, c, due, names, now) })
	}
	sending.Wait()
	return errors.Join(errs...)
}

func (a *Alerts) due(ctx context.Context, now time.Time) ([]Alert, error) {
	var due []Alert
	err := a.o.Store.View(ctx, func(r store.Reader) error {
		due = nil
		for alert, err := range alertTable.Find(r, byDue, nil) {
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(alert.Deliveries, func(d Delivery) bool { return d.ready(now) }) {
				return nil // the index is in the order of the first due time
			}
			if due = append(due, *alert); len(due) == deliverBatch {
				return nil
			}
		}
		return nil
	})
	return due, err
}

// ready reports whether a delivery is tried now. One that lies further ahead than any wait belongs to a clock that was set back.
func (d Delivery) ready(now time.Time) bool {
	return d.State == Waiting && (!d.Due.After(now) || d.Due.Sub(now) > maxRetry)
}

func (a *Alerts) deliverTo(ctx context.Context, c Channel, due []Alert, names map[uuid.UUID]string, now time.Time) error {
	for _, alert := range due {
		if !slices.ContainsFunc(alert.Deliveries, func(d Delivery) bool { return d.Channel == c.Name() && d.ready(now) }) {
			continue
		}
		failure := a.send(ctx, c, alert.message(a.o.Site, names))
		if ctx.Err() != nil {
			return ctx.Err() // a stop is no failed try
		}
		if err := a.settle(ctx, alert, c.Name(), failure); err != nil {
			return err
		}
		a.say(c, failure)
		if failure != nil {
			break // it is told and kept; the rest waits for the next call
		}
	}
	return nil //nolint:nilerr // a failed try is kept with its alert; the queue itself is well
}

func (a *Alerts) send(ctx context.Context, c Channel, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err := c.Send(ctx, m)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", sendTimeout)
	}
	return err
}

// settle writes down what became of a try.
func (a *Alerts) settle(ctx context.Context, alert Alert, channel string, failure error) error {
	now := a.o.Now().UTC()
	var gaveUp bool
	err := a.change(ctx, alert.ID, channel, func(d *Delivery) {
		gaveUp = false
		d.Attempts++
		switch {
		case failure == nil:
			d.State, d.Error, d.Due, d.Ended = Delivered, "", time.Time{}, now
		case now.Sub(alert.At) >= giveUpAfter:
			gaveUp = true
			d.State, d.Error, d.Due, d.Ended = GivenUp, oneLine(failure.Error(), maxError), time.Time{}, now
		default:
			d.Error, d.Due = oneLine(failure.Error(), maxError), now.Add(backoff(d.Attempts))
		}
	})
	if err == nil && gaveUp {
		a.o.Logger.Error("alert given up: nobody was told", "alert", alert.ID, "kind", string(alert.Kind), "app", alert.App, "channel", channel, "err", oneLine(failure.Error(), maxError))
	}
	return err
}

// change writes one delivery of an alert, if it still waits.
func (a *Alerts) change(ctx context.Context, id uuid.UUID, channel string, change func(*Delivery)) error {
	err := a.o.Store.Update(ctx, func(tx store.Tx) error {
		alert, err := alertTable.Get(tx, id[:])
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range alert.Deliveries {
			if d := &alert.Deliveries[i]; d.Channel == channel && d.State == Waiting {
				change(d)
			}
		}
		return alertTable.Put(tx, alert)
	})
	if err != nil {
		return fmt.Errorf("keep what became of alert %s: %w", id, err)
	}
	return nil
}

// dropUnset ends deliveries to channels that are not set any more.
func (a *Alerts) dropUnset(ctx context.Context, due []Alert, now time.Time) error {
	for _, alert := range due {
		for _, d := range alert.Deliveries {
			if d.State != Waiting || slices.ContainsFunc(a.o.Channels, func(c Channel) bool { return c.Name() == d.Channel }) {
				continue
			}
			err := a.change(ctx, alert.ID, d.Channel, func(d *Delivery) {
				d.State, d.Error, d.Due, d.Ended = GivenUp, "this channel is not set any more", time.Time{}, now.UTC()
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// say logs when a channel begins to fail and when it works again, not each try.
func (a *Alerts) say(c Channel, failure error) {
	a.mu.Lock()
	was := a.failing[c.Name()]
	a.failing[c.Name()] = failure != nil
	a.mu.Unlock()
	switch {
	case failure != nil && !was:
		a.o.Logger.Error("alerts do not get through; trying again", "channel", c.Name(), "target", c.Target(), "err", oneLine(failure.Error(), maxError))
	case failure == nil && was:
		a.o.Logger.Info("alerts get through again", "channel", c.Name(), "target", c.Target())
	}
}

// Prune drops alerts that are older than keepFor, and the oldest beyond keepMost. What still waits is kept.
func (a *Alerts) Prune(ctx context.Context) error {
	now := a.o.Now()
	for {
		var old [][]byte
		err := a.o.Store.View(ctx, func(r store.Reader) error {
			old = nil
			var ended [][]byte
			n := 0
			for alert, err := range alertTable.Scan(r, nil) {
				if err != nil {
					return err
				}
				n++
				if slices.ContainsFunc(alert.Deliveries, func(d Delivery) bool { return d.State == Waiting }) {
					continue
				}
				if id := alert.ID; now.Sub(alert.At) > keepFor {
					old = append(old, id[:])
				} else {
					ended = append(ended, id[:])
				}
			}
			if over := n - len(old) - keepMost; over > 0 {
				old = append(old, ended[:min(over, len(ended))]...)
			}
			old = old[:min(len(old), pageSize)]
			return nil
		})
		if err != nil || len(old) == 0 {
			return err
		}
		err = a.o.Store.Update(ctx, func(tx store.Tx) error {
			for _, key := range old {
				if err := alertTable.Delete(tx, key); err != nil && !errors.Is(err, store.ErrNotFound) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}
