package bolt

import (
	"bytes"

	"go.etcd.io/bbolt"
)

// scan reads the keys from <= key < to of a table: those in the file (a nil
// cursor: none) with the pending writes (nil: none) laid over them.
type scan struct {
	cursor   *bbolt.Cursor
	pending  *pending
	from, to []byte // nil: open
}

func (s scan) ascend(yield func(key, value []byte) bool) {
	var next func() (key, value []byte)
	var key, value []byte
	if s.cursor != nil {
		next = s.cursor.Next
		if s.from != nil {
			key, value = s.cursor.Seek(s.from)
		} else {
			key, value = s.cursor.First()
		}
	}
	var at place
	if s.pending != nil && s.from != nil {
		at, _ = s.pending.seek(s.from)
	}
	inside := func(key []byte) bool { return s.to == nil || bytes.Compare(key, s.to) < 0 }
	for {
		w := s.pending.at(at)
		switch order := compare(key, w); {
		case key == nil && w == nil:
			return
		case w == nil || key != nil && order < 0:
			if !inside(key) || !yield(key, value) {
				return
			}
			key, value = next()
		default:
			if !inside(w.key) || !w.deleted && !yield(w.key, w.value) {
				return
			}
			at = s.pending.next(at)
			if order == 0 {
				key, value = next()
			}
		}
	}
}

func (s scan) descend(yield func(key, value []byte) bool) {
	var previous func() (key, value []byte)
	var key, value []byte
	if s.cursor != nil {
		previous = s.cursor.Prev
		key, value = lastBefore(s.cursor, s.to)
	}
	at := place{chunk: -1}
	if s.pending != nil {
		at = s.pending.end()
		if s.to != nil {
			at, _ = s.pending.seek(s.to)
		}
		at = s.pending.previous(at)
	}
	inside := func(key []byte) bool { return bytes.Compare(key, s.from) >= 0 }
	for {
		w := s.pending.at(at)
		switch order := compare(key, w); {
		case key == nil && w == nil:
			return
		case w == nil || key != nil && order > 0:
			if !inside(key) || !yield(key, value) {
				return
			}
			key, value = previous()
		default:
			if !inside(w.key) || !w.deleted && !yield(w.key, w.value) {
				return
			}
			at = s.pending.previous(at)
			if order == 0 {
				key, value = previous()
			}
		}
	}
}

// compare orders a key of the file and a pending write; without one of them the order is not zero.
func compare(key []byte, w *write) int {
	if key == nil || w == nil {
		return 1
	}
	return bytes.Compare(key, w.key)
}

// lastBefore returns the last pair whose key is before to; nil: the last of all.
func lastBefore(cursor *bbolt.Cursor, to []byte) (key, value []byte) {
	if to == nil {
		return cursor.Last()
	}
	if key, _ = cursor.Seek(to); key == nil {
		return cursor.Last()
	}
	return cursor.Prev()
}
