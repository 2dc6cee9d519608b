package alerts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// A fact's key is the time at which its transaction began, and it can be read once that is durable: facts appear roughly in the
// order of their keys. So the cursor stays behind what was read by overlap, everything behind it is read again once a minute,
// and what was told is known by the fact's id. Between two such readings only the last glance is read again, which finds nearly everything.
const (
	overlap   = 5 * time.Minute
	glance    = 10 * time.Second
	rereadGap = time.Minute
	// seenFor is how long told facts are known by their id; a clock may be set back by that much.
	seenFor = 24 * time.Hour

	pageSize = 1000
)

// cursor is how far the facts were read: those before Upto completely.
type cursor struct {
	Name string    `json:"name"`
	Upto time.Time `json:"upto"`
}

// seen marks a fact as told.
type seen struct {
	Fact uuid.UUID `json:"fact"`
}

// watched is a terminated person whom nobody has seen out of every app yet.
type watched struct {
	Person uuid.UUID `json:"person"`
	At     time.Time `json:"at"`
}

var (
	cursorTable  = store.NewTable("alert-cursor", func(c *cursor) []byte { return []byte(c.Name) }, nil)
	seenTable    = store.NewTable("alert-seen", func(s *seen) []byte { return s.Fact[:] }, nil)
	groupTable   = store.NewTable("alert-groups", func(g *group) []byte { return []byte(g.Key) }, nil)
	watchedTable = store.NewTable("alert-watched", func(w *watched) []byte { return w.Person[:] }, nil)
)

const factCursor = "facts"

// Collect reads the facts that have come since the last time, gathers those that people are told of, and makes alerts of the
// groups whose time is over. The first time ever it begins with the present. It may be repeated, and be interrupted anywhere. One caller at a time.
func (a *Alerts) Collect(ctx context.Context) error {
	now := a.o.Now()
	upto, err := a.position(ctx, now)
	if err != nil {
		return fmt.Errorf("read how far the facts were read: %w", err)
	}
	from := a.glanced.Add(-glance)
	deep := a.reread.IsZero() || now.Before(a.reread) || now.Sub(a.reread) >= rereadGap
	if deep {
		from = upto
	}
	if latest := now.Add(-glance); from.After(latest) {
		from = latest // the clock was set back
	}
	if err := a.read(ctx, from, now); err != nil {
		return fmt.Errorf("read facts for alerts: %w", err)
	}
	a.glanced = now
	if deep {
		if err := a.move(ctx, now.Add(-overlap)); err != nil {
			return fmt.Errorf("keep how far the facts were read: %w", err)
		}
		a.reread = now
	}
	if err := a.closeGroups(ctx, now); err != nil {
		return fmt.Errorf("make alerts: %w", err)
	}
	return nil
}

// position returns the cursor; the first time it is put at the present.
func (a *Alerts) position(ctx context.Context, now time.Time) (time.Time, error) {
	var c *cursor
	err := a.o.Store.View(ctx, func(r store.Reader) error {
		var err error
		c, err = cursorTable.Get(r, []byte(factCursor))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return now, a.move(ctx, now)
	}
	if err != nil {
		return time.Time{}, err
	}
	return c.Upto, nil
}

// move sets the cursor and forgets the told facts that are not read again.
func (a *Alerts) move(ctx context.Context, upto time.Time) error {
	return a.o.Store.Update(ctx, func(tx store.Tx) error {
		old, err := cursorTable.Get(tx, []byte(factCursor))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if old != nil && upto.Before(old.Upto) && old.Upto.Sub(upto) <= overlap {
			return nil // of the first minutes: nothing before the beginning is told
		}
		var stale [][]byte
		for s, err := range seenTable.Scan(tx, nil) {
			if err != nil {
				return err
			}
			if len(stale) == pageSize || !timeOf(s.Fact).Before(upto.Add(-seenFor)) {
				break
			}
			stale = append(stale, append([]byte(nil), s.Fact[:]...))
		}
		for _, key := range stale {
			if err := seenTable.Delete(tx, key); err != nil {
				return err
			}
		}
		return cursorTable.Put(tx, &cursor{Name: factCursor, Upto: upto})
	})
}

// timeOf is the time that a UUIDv7 carries.
func timeOf(id uuid.UUID) time.Time { return time.Unix(id.Time().UnixTime()).UTC() }

// read takes the facts from from on in pages, each a view and, where it has something to tell, a transaction of its own.
func (a *Alerts) read(ctx context.Context, from, now time.Time) error {
	for {
		var page []audit.Change
		next := time.Time{}
		err := a.o.Store.View(ctx, func(r store.Reader) error {
			page, next = nil, time.Time{}
			n, last := 0, time.Time{}
			for c, err := range audit.Read(r, from, time.Time{}) {
				if err != nil {
					return err
				}
				at := timeOf(c.ID)
				if n++; n > pageSize && at.After(last) && at.After(from) {
					next = at // a page ends between two milliseconds, as a reading begins with one
					return nil
				}
				last = at
				_, told := noticeOf(&c)
				if told || c.Act == audit.PersonTerminated || c.Act == audit.PersonReinstated {
					page = append(page, c)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for len(page) > 0 {
			n := min(len(page), pageSize)
			if err := a.take(ctx, page[:n], now); err != nil {
				return err
			}
			page = page[n:]
		}
		if next.IsZero() {
			return nil
		}
		from = next
	}
}

// take gathers the facts that were not told before, in one transaction.
func (a *Alerts) take(ctx context.Context, facts []audit.Change, now time.Time) error {
	fresh := false
	err := a.o.Store.View(ctx, func(r store.Reader) error {
		fresh = false
		for i := range facts {
			switch _, err := seenTable.Get(r, facts[i].ID[:]); {
			case errors.Is(err, store.ErrNotFound):
				fresh = true
				return nil
			case err != nil:
				return err
			}
		}
		return nil
	})
	if err != nil || !fresh {
		return err
	}
	return a.o.Store.Update(ctx, func(tx store.Tx) error {
		for i := range facts {
			if err := takeFact(tx, &facts[i], now); err != nil {
				return err
			}
		}
		return nil
	})
}

func takeFact(tx store.Tx, c *audit.Change, now time.Time) error {
	switch err := seenTable.Insert(tx, &seen{Fact: c.ID}); {
	case errors.Is(err, store.ErrExists):
		return nil
	case err != nil:
		return err
	}
	switch c.Act {
	case audit.PersonTerminated, audit.PersonReinstated:
		return watch(tx, c)
	}
	n, _ := noticeOf(c)
	g, err := groupTable.Get(tx, []byte(n.key()))
	if errors.Is(err, store.ErrNotFound) {
		g, err = &group{Key: n.key()}, nil
	}
	if err != nil {
		return err
	}
	g.add(n, c, now)
	return groupTable.Put(tx, g)
}

// watch begins or ends to look whether a terminated person is out.
func watch(tx store.Tx, c *audit.Change) error {
	for _, p := range c.Persons {
		if c.Act == audit.PersonTerminated {
			if err := watchedTable.Put(tx, &watched{Person: p, At: c.At}); err != nil {
				return err
			}
			continue
		}
		if err := watchedTable.Delete(tx, p[:]); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}

// closeGroups makes alerts of the groups whose window is over, each in a transaction of its own.
func (a *Alerts) closeGroups(ctx context.Context, now time.Time) error {
	var due, stale []string
	err := a.o.Store.View(ctx, func(r store.Reader) error {
		due, stale = nil, nil
		for g, err := range groupTable.Scan(r, nil) {
			switch {
			case err != nil:
				return err
			case g.Count > 0 && !now.Before(g.Closes), g.Count > 0 && g.Closes.Sub(now) > busyWindow: // or the clock was set back
				due = append(due, g.Key)
			case g.Count == 0 && now.Sub(g.Told) >= busyAfter:
				stale = append(stale, g.Key)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range due {
		id := a.o.NewID()
		err := a.o.Store.Update(ctx, func(tx store.Tx) error {
			g, err := groupTable.Get(tx, []byte(key))
			if err != nil {
				return err
			}
			alert := a.address(g.alert(), id, now)
			g.Count, g.Persons, g.Closes, g.Told = 0, nil, time.Time{}, now
			if err := groupTable.Put(tx, g); err != nil {
				return err
			}
			return alertTable.Insert(tx, &alert)
		})
		if err != nil {
			return err
		}
		a.wakeDelivery()
	}
	for _, key := range stale {
		if err := a.o.Store.Update(ctx, func(tx store.Tx) error { return groupTable.Delete(tx, []byte(key)) }); err != nil {
			return err
		}
	}
	return nil
}
