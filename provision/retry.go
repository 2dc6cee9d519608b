package provision

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// Retry gives failed and waiting items another try at once: one person's, or with
// uuid.Nil all of the app's. It also lifts the app's own waiting. It returns how many items it
// moved, however many there are: it moves them in transactions of at most expandSlice. After an error the number is of those moved
// before it; repeating goes on with the others. A person of whom nothing waits is looked at anew.
func (e *Engine) Retry(ctx context.Context, actor audit.Actor, app string, person uuid.UUID) (int, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return 0, err
	}
	if _, ok := m.App(app); !ok {
		return 0, &DecisionError{"the mapping has no app " + app}
	}
	e.mu.Lock()
	run := e.run(app)
	run.gate.lift()
	run.checked = time.Time{}
	e.mu.Unlock()

	c := e.fact(audit.RetryRequested, app, person, uuid.Nil, nil, nil)
	c.Actor = actor
	// What is to be moved is read first: what fails again while the others are moved is not moved in a loop.
	var subjects []string
	err = e.o.Store.View(ctx, func(r store.Reader) error {
		var err error
		subjects, err = retryable(r, app, person)
		return err
	})
	if err != nil {
		return 0, err
	}
	if len(subjects) == 0 && person != uuid.Nil {
		subjects = []string{personSubject(person)}
	}
	defer e.Wake()
	moved := 0
	for first := true; first || len(subjects) > 0; first = false {
		slice := subjects[:min(len(subjects), expandSlice)]
		subjects = subjects[len(slice):]
		err := e.o.Store.Update(ctx, func(tx store.Tx) error {
			if first {
				if err := audit.Record(tx, c); err != nil {
					return err
				}
			}
			for _, s := range slice {
				if err := retryItem(tx, app, s, &c); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return moved, err
		}
		moved += len(slice)
	}
	return moved, nil
}

// RetryAll is Retry for everything in every app of the mapping. It returns how many items it moved in each app in which there were any.
func (e *Engine) RetryAll(ctx context.Context, actor audit.Actor) (map[string]int, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return nil, err
	}
	moved := map[string]int{}
	for _, app := range m.Apps() {
		n, err := e.Retry(ctx, actor, app.Key, uuid.Nil)
		if n > 0 {
			moved[app.Key] = n
		}
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}

func retryItem(tx store.Tx, app, subject string, c *audit.Change) error {
	it, err := items.Get(tx, itemKey(app, subject))
	switch {
	case err == nil:
		it.NotBefore, it.Attempts, it.Due = time.Time{}, 0, c.At
		if err := items.Put(tx, it); err != nil {
			return err
		}
	case !errors.Is(err, store.ErrNotFound): // one that was done meanwhile is looked at once more, which does no harm
		return err
	}
	return mark(tx, app, subject, c, c.At)
}

// retryable lists the subjects that failed, are held or wait for a retry: their keys alone are kept in memory.
func retryable(r store.Reader, app string, person uuid.UUID) ([]string, error) {
	if person != uuid.Nil {
		it, err := items.Get(r, itemKey(app, personSubject(person)))
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		if err != nil || !it.retryable() {
			return nil, err
		}
		return []string{it.Subject}, nil
	}
	var subjects []string
	for _, c := range []class{classFailed, classHeld, classRemoval, classUpdate, classJoiner} {
		for it, err := range items.Find(r, byDue, classPrefix(app, c)) {
			if err != nil {
				return nil, err
			}
			if it.retryable() {
				subjects = append(subjects, it.Subject)
			}
		}
	}
	return subjects, nil
}

func (i *Item) retryable() bool {
	switch i.State {
	case Failed, Held:
		return true
	case Ready:
		return i.Attempts > 0 || i.Failure != nil
	default:
		return false
	}
}
