package provision

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// ErrNoHold means that no hold has that id.
var ErrNoHold = errors.New("no such hold")

// DecisionError is a decision that cannot be taken, in words for the administrator.
type DecisionError struct{ Text string }

func (e *DecisionError) Error() string { return e.Text }

// HoldFilter selects holds; zero fields select all.
type HoldFilter struct {
	App    string
	Kind   HoldKind
	Source string // as Hold.Source has it
	All    bool   // decided and closed ones as well
}

// Holds lists holds, at most limit: those of leavers who are inside only because others are held come first.
func (e *Engine) Holds(ctx context.Context, f HoldFilter, limit int) ([]Hold, error) {
	var out []Hold
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		out = nil
		for _, leaver := range []bool{true, false} {
			for h, err := range f.find(r) {
				if err != nil {
					return err
				}
				if (h.Leaver && h.State == HoldOpen) != leaver {
					continue
				}
				if out = append(out, *h); len(out) == limit {
					return nil
				}
			}
		}
		return nil
	})
	return out, err
}

// find yields the holds that the filter selects.
func (f HoldFilter) find(r store.Reader) iter.Seq2[*Hold, error] {
	return func(yield func(*Hold, error) bool) {
		states := []HoldState{HoldOpen}
		if f.All {
			states = []HoldState{HoldOpen, HoldApproved, HoldRejected, HoldClosed}
		}
		for _, s := range states {
			prefix := store.Key([]byte(s))
			if f.App != "" {
				prefix = store.Key([]byte(s), []byte(f.App))
			}
			for h, err := range holds.Find(r, byHoldState, prefix) {
				if err == nil && ((f.Kind != "" && h.Kind != f.Kind) || (f.Source != "" && h.Source != f.Source)) {
					continue
				}
				if !yield(h, err) {
					return
				}
			}
		}
	}
}

// Approve is ApproveWith for somebody who looked at this one hold, and so counted it.
func (e *Engine) Approve(ctx context.Context, actor audit.Actor, id string, withoutTransfer bool) (Hold, error) {
	return e.ApproveWith(ctx, actor, id, Approval{WithoutTransfer: withoutTransfer, Count: 1})
}

// Reject leaves things as they are until the facts behind the hold change.
func (e *Engine) Reject(ctx context.Context, actor audit.Actor, id string) (Hold, error) {
	return e.decideHold(ctx, actor, id, func(h *Hold) error {
		if !h.Kind.Approvable() {
			return &DecisionError{fmt.Sprintf("hold %s is not a question (%s): %s", h.ID, h.Kind, h.Fix)}
		}
		h.State = HoldRejected
		return nil
	})
}

func (e *Engine) decideHold(ctx context.Context, actor audit.Actor, id string, take func(*Hold) error) (Hold, error) {
	now := e.o.Now()
	var decided Hold
	err := e.commit(ctx, func(tx *txn) error {
		h, err := holds.Get(tx, []byte(id))
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: %q", ErrNoHold, id)
		}
		if err != nil {
			return err
		}
		if h.State != HoldOpen {
			return &DecisionError{fmt.Sprintf("hold %s is not open any more: %s by %s on %s", h.ID, h.State, orUsher(h.By), h.Decided.Format(time.RFC3339))}
		}
		if err := take(h); err != nil {
			return err
		}
		h.Decided, h.By = now, actor.Name
		if err := holds.Put(tx, h); err != nil {
			return err
		}
		decided = *h
		act := audit.HoldApproved
		if h.State == HoldRejected {
			act = audit.HoldRejected
		}
		c := tx.fact(act, h.App, h.Person, uuid.Nil, nil, map[string]string{"hold": h.ID, "kind": string(h.Kind)})
		c.Actor = actor
		if err := audit.Record(tx, c); err != nil {
			return err
		}
		return mark(tx, h.App, personSubject(h.Person), &c, now)
	})
	if err == nil {
		e.Wake()
	}
	return decided, err
}

func orUsher(by string) string {
	if by == "" {
		return "usher"
	}
	return by
}
