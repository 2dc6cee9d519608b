package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Erasure says when a person was erased, and which fact says so.
type Erasure struct {
	At   time.Time `json:"at"`
	Fact uuid.UUID `json:"fact"`
}

// Erase destroys the key of a person, so that the personal values of all facts about the person are unreadable from then
// on; the facts themselves, their ids and states, stay and still verify. Facts that wait are sealed first; of those that come
// later the personal values are dropped. The erasure is a fact itself, in the same transaction.
// It may be repeated: a person who was erased already is erased no second time, and the first Erasure is returned.
//
// The caller sees to it that nothing still needs the values, and that other rooms forget the person too.
func (c *Chain) Erase(ctx context.Context, actor Actor, person uuid.UUID) (Erasure, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	if err := c.sealAll(ctx); err != nil {
		return Erasure{}, fmt.Errorf("erase person %s: %w", person, err)
	}
	fact := Change{ID: c.o.NewID(), At: c.now(), Actor: actor, Act: PersonErased, Persons: []uuid.UUID{person}}
	var done Erasure
	err := c.o.Store.Update(ctx, func(tx store.Tx) error {
		before, _, err := readJSON[Erasure](tx, erasedTable, person[:], "an erasure")
		if err != nil {
			return err
		}
		if done = before; done.Fact != uuid.Nil {
			return nil
		}
		done = Erasure{At: fact.At, Fact: fact.ID}
		if err := tx.Delete(personKeyTable, person[:]); err != nil {
			return err
		}
		if err := putJSON(tx, erasedTable, person[:], done); err != nil {
			return err
		}
		return Record(tx, fact)
	})
	if err != nil {
		return Erasure{}, fmt.Errorf("erase person %s: %w", person, err)
	}
	return done, nil
}

// Erased returns the erasure of a person; store.ErrNotFound for one who was not erased.
func Erased(r store.Reader, person uuid.UUID) (Erasure, error) {
	e, raw, err := readJSON[Erasure](r, erasedTable, person[:], "an erasure")
	if err == nil && raw == nil {
		err = fmt.Errorf("erasure of person %s: %w", person, store.ErrNotFound)
	}
	return e, err
}

// ErrPruned means that the facts asked for were removed.
var ErrPruned = errors.New("the facts were pruned")
