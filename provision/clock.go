package provision

import (
	"context"
	"errors"
	"time"

	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// clockSeen is the newest time that the engine has looked at, kept so that a clock that was set back is noticed also by the next process.
type clockSeen struct {
	At time.Time `json:"at"`
}

var clocks = store.NewTable("clock", func(*clockSeen) []byte { return []byte("seen") }, nil)

// clockTolerance is how far a clock may go back without notice: time services correct by less.
const clockTolerance = time.Minute

// noticeClock looks whether the clock went back since the last look. Then what was written down as of a time that lies ahead is as of now
// (clockback.go), and what would otherwise wait until the clock has caught up is due: retries are tried now, and what waits for a time of
// its own is judged anew, which gives it the right one. It takes nothing from quiet time and budget. Interrupted, or where an execution
// works on some of it, it begins again at the next look.
func (e *Engine) noticeClock(ctx context.Context, m *mapping.Mapping, now time.Time) error {
	var seen *clockSeen
	err := e.o.Store.View(ctx, func(r store.Reader) (err error) {
		if seen, err = clocks.Get(r, []byte("seen")); errors.Is(err, store.ErrNotFound) {
			seen, err = &clockSeen{At: now}, nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if back := seen.At.Sub(now); back > clockTolerance {
		e.o.Logger.Warn("the clock was set back; what waited for a time is looked at anew", "by", back.Round(time.Second))
		for _, app := range m.Apps() {
			e.mu.Lock()
			run := e.run(app.Key)
			run.gate.lift()
			run.checked = time.Time{}
			e.mu.Unlock()
		}
		left, err := e.setBack(ctx, now)
		if err != nil {
			return err
		}
		for _, app := range m.Apps() {
			if err := e.hastenAll(ctx, app.Key, now); err != nil {
				return err
			}
		}
		e.Wake()
		if left {
			return nil
		}
	}
	return e.o.Store.Update(ctx, func(tx store.Tx) error { return clocks.Put(tx, &clockSeen{At: now}) })
}

// hastenAll makes the items of an app due that wait for a time to come, and takes those that were marked in a time to come for marked now.
func (e *Engine) hastenAll(ctx context.Context, app string, now time.Time) error {
	ahead := func(it *Item) bool {
		return it.Due.After(now) && it.Due.Before(never) || it.NotBefore.After(now) || it.Marked.After(now)
	}
	var subjects []string // read first: what is judged meanwhile is not moved in a loop
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		subjects = nil
		for c := classUrgent; c <= classFailed; c++ {
			for it, err := range items.Find(r, byDue, classPrefix(app, c)) {
				if err != nil {
					return err
				}
				if ahead(it) {
					subjects = append(subjects, it.Subject)
				}
			}
		}
		return nil
	})
	for err == nil && len(subjects) > 0 {
		slice := subjects[:min(len(subjects), expandSlice)]
		subjects = subjects[len(slice):]
		err = e.o.Store.Update(ctx, func(tx store.Tx) error {
			for _, s := range slice {
				it, err := items.Get(tx, itemKey(app, s))
				if errors.Is(err, store.ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				if !ahead(it) {
					continue
				}
				if it.Due.Before(never) {
					it.Due = earlier(it.Due, now)
				}
				it.NotBefore, it.Marked = time.Time{}, earlier(it.Marked, now)
				if err := items.Put(tx, it); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return err
}
