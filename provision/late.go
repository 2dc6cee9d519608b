package provision

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// Late are the removals of one app that should have been done.
type Late struct {
	App     string      `json:"app"`
	Count   int         `json:"count"`
	Since   time.Time   `json:"since"`         // since when the oldest of them is due
	Persons []uuid.UUID `json:"persons"`       // the first few
	Why     string      `json:"why,omitempty"` // what is known to be in the way, of one of them
}

// lateNamed is how many persons of an app's late removals are listed.
const lateNamed = 10

// Late lists, for each app of the mapping with any, the removals that were due longer than after ago and are not done: those
// that passed quiet time and budget, and those that should have been judged by then. What is held waits for a person
// and is not late, nor is what an app in observe would do.
func (e *Engine) Late(ctx context.Context, after time.Duration) ([]Late, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return nil, err
	}
	now := e.o.Now()
	var all []Late
	for _, app := range m.Apps() {
		if app.Mode == mapping.Observe {
			continue
		}
		can, err := e.describe(ctx, app)
		if err != nil {
			can = adapters.Description{Title: app.Key} // the connection is broken: whoever should be out is late all the same
		}
		late := Late{App: app.Key}
		j := judge{Engine: e, mapping: m, app: app, can: can, now: now}
		err = e.o.Store.View(ctx, func(r store.Reader) error {
			late = Late{App: app.Key}
			return j.late(r, after, &late)
		})
		if err != nil {
			return all, err
		}
		if late.Count > 0 {
			if late.Why == "" && app.Mode == mapping.Paused {
				late.Why = "the app is paused"
			}
			all = append(all, late)
		}
	}
	return all, nil
}

func (j *judge) late(r store.Reader, after time.Duration, late *Late) error {
	before := j.now.Add(-after)
	for _, c := range []class{classRemoval, classQuiet, classUrgent} {
		for it, err := range items.Find(r, byDue, classPrefix(j.app.Key, c)) {
			if err != nil {
				return err
			}
			person, ok := it.Person()
			// What is younger than that cannot be late, whatever its steps say.
			if !ok || it.Marked.After(before) {
				continue
			}
			due := it.Marked.Add(j.o.Quiet.AtMost)
			if c == classRemoval {
				if due, err = j.dueSince(r, person); err != nil {
					return err
				}
			}
			if due.IsZero() || due.After(before) {
				continue
			}
			late.Count++
			if late.Since.IsZero() || due.Before(late.Since) {
				late.Since = due
			}
			if len(late.Persons) < lateNamed {
				late.Persons = append(late.Persons, person)
			}
			if it.Failure != nil && late.Why == "" {
				late.Why, _ = Words(it.Failure.Kind, j.can.Title)
			}
		}
	}
	return nil
}

// dueSince is when the first step that is not done yet of a person's admitted removal became due; zero for none.
func (j *judge) dueSince(r store.Reader, person uuid.UUID) (time.Time, error) {
	s, err := j.situation(r, person)
	var we *wantError
	if errors.As(err, &we) {
		return time.Time{}, nil // it is told as a failure
	}
	if err != nil {
		return time.Time{}, err
	}
	var since time.Time
	for i := range s.Accounts {
		a := &s.Accounts[i]
		if a.State.Over() || !a.unwanted() {
			continue
		}
		due := a.UnwantedSince
		for _, step := range s.App.Steps(s.Want) {
			if t := a.UnwantedSince.Add(step.After); t.After(due) {
				due = t
			}
			if !a.did(adapters.Action(step.Action)) {
				break
			}
		}
		if a.Admitted.After(due) {
			due = a.Admitted
		}
		if since.IsZero() || due.Before(since) {
			since = due
		}
	}
	return since, nil
}

// Outage is an app whose vendor does not answer well at this moment, though nobody stopped it.
type Outage struct {
	App    string `json:"app"`
	Title  string `json:"title"`
	Reason string `json:"reason"`
}

// Outages lists the apps of the mapping that have had no good answer since the vendor's last fault. It is what this process
// remembers, so after a restart it is empty until the next call.
func (e *Engine) Outages(ctx context.Context) ([]Outage, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return nil, err
	}
	var all []Outage
	for _, app := range m.Apps() {
		e.mu.Lock()
		g := e.run(app.Key).gate
		e.mu.Unlock()
		if g.probing() {
			all = append(all, Outage{App: app.Key, Title: e.title(ctx, app), Reason: g.reason})
		}
	}
	return all, nil
}
