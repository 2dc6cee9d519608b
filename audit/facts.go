package audit

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Record writes c as a fact at once, with its persons: for acts that ask for no
// work, like the engine's own. c.ID must be a UUIDv7 that nobody used before; one that is a fact already is
// store.ErrExists.
func Record(tx store.Tx, c Change) error {
	c.Parts = 0
	value, err := encode(c)
	if err != nil {
		return fmt.Errorf("record change: %w", err)
	}
	for _, table := range []string{factTable, placeTable} {
		switch _, err := tx.Get(table, c.ID[:]); {
		case err == nil:
			return fmt.Errorf("record change %s: %w", c.ID, store.ErrExists)
		case !errors.Is(err, store.ErrNotFound):
			return fmt.Errorf("record change: %w", err)
		}
	}
	if err := tx.Put(factTable, c.ID[:], value); err != nil {
		return fmt.Errorf("record change: %w", err)
	}
	return Index(tx, c.ID, c.Persons)
}

// Get returns a change, pending, fact or sealed, or store.ErrNotFound. The personal values of a sealed one are shut.
func Get(r store.Reader, id uuid.UUID) (Change, error) {
	place, err := placeOf(r, id)
	if err == nil {
		sealed, err := sealedAt(r, place)
		if err != nil {
			return Change{}, fmt.Errorf("read change %s: %w", id, err)
		}
		k, err := sealed.open()
		return k.Change, err
	}
	if !errors.Is(err, store.ErrNotFound) {
		return Change{}, fmt.Errorf("read change %s: %w", id, err)
	}
	value, err := r.Get(factTable, id[:])
	if errors.Is(err, store.ErrNotFound) {
		value, err = inOutbox(r, id)
	}
	if err != nil {
		return Change{}, fmt.Errorf("read change %s: %w", id, err)
	}
	return decode(id[:], value)
}

// Read yields what happened from from on and before to, pending, fact or sealed, oldest
// first. A zero to means no end. Times are compared in milliseconds. An error ends it.
func Read(r store.Reader, from, to time.Time) iter.Seq2[Change, error] {
	low, high := timeKey(from), []byte(nil)
	if !to.IsZero() {
		high = timeKey(to)
	}
	outbox := merge(r.Range(outboxTable, low, high), r.Range(urgentTable, low, high), ascending)
	unsealed := merge(r.Range(factTable, low, high), outbox, ascending)
	return each(r, merge(r.Range(placeTable, low, high), unsealed, ascending))
}

// OfPerson yields the changes that touched a person, pending, fact or sealed, newest
// first. A pending change of a whole group or of everybody is among them from the moment its
// expansion reached the person and Index was told. An error ends it.
func OfPerson(r store.Reader, person uuid.UUID) iter.Seq2[Change, error] {
	return each(r, ofPerson(r, person, nil, nil))
}

// ofPerson yields the ids of a person's changes from low on and before high, newest first.
func ofPerson(r store.Reader, person uuid.UUID, low, high []byte) iter.Seq2[[]byte, []byte] {
	return merge(indexed(r, personTable, person[:], low, high), pendingOf(r, person, low, high), descending)
}

// each reads the changes of some ids. What was pruned while its index entries are still being removed is passed over.
func each(r store.Reader, ids iter.Seq2[[]byte, []byte]) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for id := range ids {
			c, err := Get(r, uuid.UUID(id))
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

func ascending(a, b []byte) bool  { return bytes.Compare(a, b) < 0 }
func descending(a, b []byte) bool { return bytes.Compare(a, b) > 0 }

// indexed yields the ids that an index has behind a prefix, from low on and before high, newest first. Nil stands for no bound.
func indexed(r store.Reader, table string, prefix, low, high []byte) iter.Seq2[[]byte, []byte] {
	from, to := append(bytes.Clone(prefix), low...), store.PrefixEnd(prefix)
	if high != nil {
		to = append(bytes.Clone(prefix), high...)
	}
	return func(yield func([]byte, []byte) bool) {
		for key := range r.RangeReverse(table, from, to) {
			if !yield(key[len(prefix):], nil) {
				return
			}
		}
	}
}

// pendingOf yields the ids of the changes in the outbox that list a person,
// newest first. The outbox is short while the engine runs; a look at the bytes spares decoding most of it.
func pendingOf(r store.Reader, person uuid.UUID, low, high []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		for key, value := range outboxDown(r, low, high) {
			listed, parts, err := lists(value, person)
			// One that cannot be read is yielded, so that whoever reads it meets the error.
			if err == nil && !listed && (!parts || !inParts(r, key, person)) {
				continue
			}
			if !yield(key, nil) {
				return
			}
		}
	}
}

// outboxDown yields the changes of the outbox from low on and before high, newest first.
func outboxDown(r store.Reader, low, high []byte) iter.Seq2[[]byte, []byte] {
	return merge(r.RangeReverse(outboxTable, low, high), r.RangeReverse(urgentTable, low, high), descending)
}

// inParts reports whether a part of a pending change that is not settled yet lists the person.
func inParts(r store.Reader, change []byte, person uuid.UUID) bool {
	for _, packed := range r.Range(outboxPartsTable, change, store.PrefixEnd(change)) {
		if packedHas(packed, person) {
			return true
		}
	}
	return false
}

// merge yields the pairs of two sequences that are each in order, in that order;
// of two equal keys only a's.
func merge(a, b iter.Seq2[[]byte, []byte], before func(x, y []byte) bool) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		next, stop := iter.Pull2(b)
		defer stop()
		key, value, ok := next()
		for k, v := range a {
			for ok && before(key, k) {
				if !yield(key, value) {
					return
				}
				key, value, ok = next()
			}
			if ok && bytes.Equal(key, k) {
				key, value, ok = next()
			}
			if !yield(k, v) {
				return
			}
		}
		for ; ok; key, value, ok = next() {
			if !yield(key, value) {
				return
			}
		}
	}
}
