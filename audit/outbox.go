package audit

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// MaxParts bounds how many part records one change may have.
const MaxParts = 10_000

// Append writes c into the outbox: one put, and one more for each part. A change
// that touches more than PersonsInline persons lists the first of them in
// c.Persons and the others in parts of at most PersonsInline each; c.Parts is set here.
// c.ID must be a UUIDv7 that nobody used before.
func Append(tx store.Tx, c Change, parts ...[]uuid.UUID) error {
	c.Parts = len(parts)
	value, err := encode(c)
	if err != nil {
		return fmt.Errorf("append change: %w", err)
	}
	if len(parts) > MaxParts {
		return fmt.Errorf("append change: %d parts are more than %d", len(parts), MaxParts)
	}
	for n, part := range parts {
		if len(part) > PersonsInline {
			return fmt.Errorf("append change: part %d has %d persons, more than %d", n, len(part), PersonsInline)
		}
		if err := tx.Put(outboxPartsTable, partKey(c.ID, n), packIDs(part)); err != nil {
			return fmt.Errorf("append change: %w", err)
		}
	}
	if err := tx.Put(outboxOf(&c), c.ID[:], value); err != nil {
		return fmt.Errorf("append change: %w", err)
	}
	return nil
}

// outboxOf is the table in which a pending change waits. Those that take access away, or may (an edit of
// the mapping), have one of their own, so that a leaver does not wait behind however many joiners came before.
func outboxOf(c *Change) string {
	if c.Removing || c.Everybody {
		return urgentTable
	}
	return outboxTable
}

// Pending returns changes of the outbox, at most limit: those of Urgent first, and of both the oldest first.
func Pending(r store.Reader, limit int) ([]Change, error) {
	pending, err := Urgent(r, limit)
	if err != nil {
		return nil, err
	}
	rest, err := waiting(r, outboxTable, limit-len(pending))
	return append(pending, rest...), err
}

// Urgent returns the oldest changes of the outbox that take access away or concern everybody, at most limit.
func Urgent(r store.Reader, limit int) ([]Change, error) { return waiting(r, urgentTable, limit) }

func waiting(r store.Reader, table string, limit int) ([]Change, error) {
	var pending []Change
	for key, value := range r.Range(table, nil, nil) {
		if len(pending) >= limit {
			break
		}
		c, err := decode(key, value)
		if err != nil {
			return nil, err
		}
		pending = append(pending, c)
	}
	return pending, nil
}

// inOutbox returns a pending change as it is stored, or store.ErrNotFound. The slice is the transaction's.
func inOutbox(r store.Reader, id uuid.UUID) ([]byte, error) {
	value, err := r.Get(outboxTable, id[:])
	if errors.Is(err, store.ErrNotFound) {
		value, err = r.Get(urgentTable, id[:])
	}
	return value, err
}

// Part returns the persons of part n of a change, counted from 0 to Change.Parts-1,
// whether the change is pending or a fact. A part that is not there is store.ErrNotFound.
func Part(r store.Reader, change uuid.UUID, n int) ([]uuid.UUID, error) {
	if n < 0 || n >= MaxParts {
		return nil, fmt.Errorf("read part %d of change %s: %w", n, change, store.ErrNotFound)
	}
	packed, err := r.Get(outboxPartsTable, partKey(change, n))
	if errors.Is(err, store.ErrNotFound) {
		packed, err = r.Get(factPartsTable, partKey(change, n))
	}
	if err != nil {
		return nil, fmt.Errorf("read part %d of change %s: %w", n, change, err)
	}
	return unpackIDs(packed), nil
}

// SetCursor keeps how far the expansion of a pending change has come, in the
// caller's own form, so that it goes on there after a restart. Settle drops it.
func SetCursor(tx store.Tx, change uuid.UUID, cursor []byte) error {
	if err := tx.Put(cursorTable, change[:], cursor); err != nil {
		return fmt.Errorf("keep cursor of change %s: %w", change, err)
	}
	return nil
}

// Cursor returns what SetCursor kept, nil for nothing. The slice is the caller's.
func Cursor(r store.Reader, change uuid.UUID) ([]byte, error) {
	cursor, err := r.Get(cursorTable, change[:])
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read cursor of change %s: %w", change, err)
	}
	return append([]byte{}, cursor...), nil
}

// Settle makes a pending change a fact: it leaves the outbox, its inline persons
// enter the person index, its cursor is dropped. Parts that SettlePart has not yet settled are settled too; whoever
// works a large change off in slices settles each part with its slice, so that no transaction grows with the change.
// A change that is not pending is store.ErrNotFound.
func Settle(tx store.Tx, c Change) error {
	value, err := inOutbox(tx, c.ID)
	if err != nil {
		return fmt.Errorf("settle change %s: %w", c.ID, err)
	}
	value = append([]byte(nil), value...)
	entry, err := decode(c.ID[:], value)
	if err != nil {
		return err
	}
	var open []int
	for n := range entry.Parts {
		_, err := tx.Get(outboxPartsTable, partKey(c.ID, n))
		switch {
		case err == nil:
			open = append(open, n)
		case !errors.Is(err, store.ErrNotFound):
			return fmt.Errorf("settle change %s: %w", c.ID, err)
		}
	}
	for _, n := range open {
		if err := SettlePart(tx, c.ID, n); err != nil {
			return err
		}
	}
	if err := Index(tx, c.ID, entry.Persons); err != nil {
		return err
	}
	if err := tx.Put(factTable, c.ID[:], value); err != nil {
		return fmt.Errorf("settle change %s: %w", c.ID, err)
	}
	if err := tx.Delete(outboxOf(&entry), c.ID[:]); err != nil {
		return fmt.Errorf("settle change %s: %w", c.ID, err)
	}
	if err := tx.Delete(cursorTable, c.ID[:]); err != nil {
		return fmt.Errorf("settle change %s: %w", c.ID, err)
	}
	return nil
}

// SettlePart makes part n of a pending change part of the fact: its persons enter
// the person index. It may be repeated.
func SettlePart(tx store.Tx, change uuid.UUID, n int) error {
	persons, err := Part(tx, change, n)
	if err != nil {
		return err
	}
	if err := Index(tx, change, persons); err != nil {
		return err
	}
	if err := tx.Put(factPartsTable, partKey(change, n), packIDs(persons)); err != nil {
		return fmt.Errorf("settle part %d of change %s: %w", n, change, err)
	}
	if err := tx.Delete(outboxPartsTable, partKey(change, n)); err != nil {
		return fmt.Errorf("settle part %d of change %s: %w", n, change, err)
	}
	return nil
}

// Index enters persons into the person index of a change that does not list them
// itself: the members that the expansion of a WholeGroup change met. It may be repeated.
func Index(tx store.Tx, change uuid.UUID, persons []uuid.UUID) error {
	for _, person := range persons {
		if err := tx.Put(personTable, personKey(person, change), nil); err != nil {
			return fmt.Errorf("index persons of change %s: %w", change, err)
		}
	}
	return nil
}
