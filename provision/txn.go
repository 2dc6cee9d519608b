package provision

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// txn is a transaction of the engine in which facts and holds are made. Their ids and
// times follow from what was drawn before it began, so that a store that runs it again gets the same.
type txn struct {
	store.Tx
	now   time.Time
	first uuid.UUID // the ids of this transaction count up from here
	made  uint64
}

// commit runs fn in a transaction that can make ids.
func (e *Engine) commit(ctx context.Context, fn func(tx *txn) error) error {
	now, first := e.o.Now(), e.o.NewID()
	return e.o.Store.Update(ctx, func(tx store.Tx) error {
		return fn(&txn{Tx: tx, now: now, first: first})
	})
}

// newID returns the transaction's next id: its time, and its random part counted up.
func (t *txn) newID() uuid.UUID {
	const variant = 3 << 62 // the two bits that say what kind of UUID it is
	id := t.first
	tail := binary.BigEndian.Uint64(id[8:])
	binary.BigEndian.PutUint64(id[8:], tail&variant|(tail+t.made)&^uint64(variant))
	t.made++
	return id
}

// holdLetters spell the ids of holds: no 0, 1, 8 and 9, which look like letters.
const holdLetters = "abcdefghijklmnopqrstuvwxyz234567"

// holdID is short enough to type: 35 bits, so among very many two may be the same. Two of one transaction do not look alike.
func (t *txn) holdID() string {
	id := t.newID()
	n := binary.BigEndian.Uint64(id[8:]) * 0x9e3779b97f4a7c15
	n ^= n >> 32
	var b strings.Builder
	for range 7 {
		b.WriteByte(holdLetters[n&31])
		n >>= 5
	}
	return b.String()
}

// newHoldID returns an id that no hold has, decided ones included: another hold under the same one would take its place.
func (t *txn) newHoldID() (string, error) {
	for {
		id := t.holdID()
		if _, err := holds.Get(t, []byte(id)); err != nil {
			if errors.Is(err, store.ErrNotFound) {
				err = nil
			}
			return id, err
		}
	}
}

// fact makes a change that is only told, within the transaction.
func (t *txn) fact(act audit.Act, app string, person, account uuid.UUID, causes []uuid.UUID, detail map[string]string) audit.Change {
	return factOf(t.newID(), t.now, act, app, person, account, causes, detail)
}

// fact makes a change that is only told, outside of a transaction.
func (e *Engine) fact(act audit.Act, app string, person, account uuid.UUID, causes []uuid.UUID, detail map[string]string) audit.Change {
	return factOf(e.o.NewID(), e.o.Now(), act, app, person, account, causes, detail)
}

// factOf makes a change that is only told, with detail as small JSON.
func factOf(id uuid.UUID, at time.Time, act audit.Act, app string, person, account uuid.UUID, causes []uuid.UUID, detail map[string]string) audit.Change {
	c := audit.Change{
		ID: id, At: at.UTC().Truncate(time.Millisecond), Actor: engineActor, Act: act,
		App: app, Account: account, Causes: causes,
	}
	if person != uuid.Nil {
		c.Persons = []uuid.UUID{person}
	}
	if len(detail) > 0 {
		if b, err := json.Marshal(detail); err == nil {
			c.Detail = b
		}
	}
	return c
}
