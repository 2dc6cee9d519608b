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
// work, like the engine's own. c.ID must be a UUIDv7 that nobody used before.
func Record(tx store.Tx, c Change) error {
	c.Parts = 0
	value, err := encode(c)
	if err != nil {
		return fmt.Errorf("record change: %w", err)
	}
	if err := tx.Put(factTable, c.ID[:], value); err != nil {
		return fmt.Errorf("record change: %w", err)
	}
	return Index(tx, c.ID, c.Persons)
}

// Get returns a change, pending or fact, or store.ErrNotFound.
func Get(r store.Reader, id uuid.UUID) (Change, error) {
	value, err := r.Get(factTable, id[:])
	if errors.Is(err, store.ErrNotFound) {
		value, err = inOutbox(r, id)
	}
	if err != nil {
		return Change{}, fmt.Errorf("read change %s: %w", id, err)
	}
	return decode(id[:], value)
}

// Read yields what happened from from on and before to, pending or fact, oldest
// first. A zero to means no end. Times are compared in milliseconds. An error ends it.
func Read(r store.Reader, from, to time.Time) iter.Seq2[Change, error] {
	low, high := timeKey(from), []byte(nil)
	if !to.IsZero() {
		high = timeKey(to)
	}
	return func(yield func(Change, error) bool) {
		outbox := merge(r.Range(outboxTable, low, high), r.Range(urgentTable, low, high), ascending)
		for key, value := range merge(r.Range(factTable, low, high), outbox, ascending) {
			c, err := decode(key, value)
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// OfPerson yields the changes that touched a person, pending or fact, newest
// first. A pending change of a whole group or of everybody is among them from the moment its
// expansion reached the person and Index was told. An error ends it.
func OfPerson(r store.Reader, person uuid.UUID) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for key := range merge(indexed(r, person), pendingOf(r, person), descending) {
			c, err := Get(r, uuid.UUID(key))
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// indexed yields the ids of the changes that the person index has, newest first.
func indexed(r store.Reader, person uuid.UUID) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		for key := range r.RangeReverse(personTable, person[:], store.PrefixEnd(person[:])) {
			if !yield(key[16:], nil) {
				return
			}
		}
	}
}

// pendingOf yields the ids of the changes in the outbox that list a person,
// newest first. The outbox is short while the engine runs; a look at the bytes spares decoding most of it.
func pendingOf(r store.Reader, person uuid.UUID) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		outbox := merge(r.RangeReverse(outboxTable, nil, nil), r.RangeReverse(urgentTable, nil, nil), descending)
		for key, value := range outbox {
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

// inParts reports whether a part of a pending change that is not settled yet lists the person.
func inParts(r store.Reader, change []byte, person uuid.UUID) bool {
	for _, packed := range r.Range(outboxPartsTable, change, store.PrefixEnd(change)) {
		if packedHas(packed, person) {
			return true
		}
	}
	return false
}

func ascending(a, b []byte) bool  { return bytes.Compare(a, b) < 0 }
func descending(a, b []byte) bool { return bytes.Compare(a, b) > 0 }

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
