package bolt

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/usher-scim/usher/store"
)

// errEnded answers whoever keeps a transaction beyond its function.
var errEnded = errors.New("the transaction has ended")

// reader is a [store.Reader] over a snapshot.
type reader struct {
	*snapshot
	err   error // why the transaction cannot succeed
	ended bool
}

var _ store.Reader = (*reader)(nil)

func (r *reader) Get(table string, key []byte) ([]byte, error) {
	if r.ended {
		return nil, errEnded
	}
	if value, found := r.table(table).get(key); found {
		return value, nil
	}
	return nil, store.ErrNotFound
}

func (r *reader) Range(table string, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if r.ended {
			return
		}
		t := r.table(table)
		cursor := t.cursor()
		defer t.release(cursor)
		scan{cursor: cursor, from: from, to: to}.ascend(yield)
	}
}

func (r *reader) RangeReverse(table string, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if r.ended {
			return
		}
		t := r.table(table)
		cursor := t.cursor()
		defer t.release(cursor)
		scan{cursor: cursor, from: from, to: to}.descend(yield)
	}
}

// tx is the transaction of one update: the file, what the batch has pending, and
// how to take back what this update wrote.
type tx struct {
	reader
	batch  *batch
	undo   []undo
	ranges int // being read
}

// undo is how one write is taken back.
type undo struct {
	pending *pending
	write   *write
	was     write // without a key: the write was not there
}

var _ store.Tx = (*tx)(nil)

func (t *tx) Get(table string, key []byte) ([]byte, error) {
	if t.ended {
		return nil, errEnded
	}
	if p := t.batch.pending[table]; p != nil {
		if w := p.get(key); w != nil {
			if w.deleted {
				return nil, store.ErrNotFound
			}
			return w.value, nil
		}
	}
	return t.reader.Get(table, key)
}

func (t *tx) Range(table string, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if t.ended {
			return
		}
		t.ranges++
		in := t.table(table)
		cursor := in.cursor()
		defer func() {
			t.ranges--
			in.release(cursor)
		}()
		scan{cursor: cursor, pending: t.batch.pending[table], from: from, to: to}.ascend(yield)
	}
}

func (t *tx) RangeReverse(table string, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if t.ended {
			return
		}
		t.ranges++
		in := t.table(table)
		cursor := in.cursor()
		defer func() {
			t.ranges--
			in.release(cursor)
		}()
		scan{cursor: cursor, pending: t.batch.pending[table], from: from, to: to}.descend(yield)
	}
}

func (t *tx) Put(table string, key, value []byte) error {
	if err := t.writable(table, key); err != nil {
		return err
	}
	if len(value) > bbolt.MaxValueSize {
		return fmt.Errorf("put into %s: the value is too large", table)
	}
	t.write(table, t.batch.newWrite(key, value, false))
	return nil
}

func (t *tx) Delete(table string, key []byte) error {
	if err := t.writable(table, key); err != nil {
		return err
	}
	if _, err := t.Get(table, key); errors.Is(err, store.ErrNotFound) {
		return nil
	}
	t.write(table, t.batch.newWrite(key, nil, true))
	return nil
}

func (t *tx) writable(table string, key []byte) error {
	switch {
	case t.ended:
		return errEnded
	case t.ranges > 0:
		return fmt.Errorf("write to %s: %w", table, store.ErrRangeOpen)
	case len(key) > store.MaxKey:
		return fmt.Errorf("write to %s: %w", table, store.ErrKeyTooLong)
	case len(key) == 0, table == "":
		return fmt.Errorf("write to table %q: %w", table, store.ErrKeyEmpty)
	}
	return nil
}

func (t *tx) write(table string, w *write) {
	p := t.batch.of(table)
	at, found := p.seek(w.key)
	if !found {
		p.insert(at, w)
		t.undo = append(t.undo, undo{pending: p, write: w})
		return
	}
	// Slices handed out before stay as they are: the value is replaced, not overwritten.
	there := p.at(at)
	t.undo = append(t.undo, undo{pending: p, write: there, was: *there})
	there.value, there.deleted = w.value, w.deleted
}

// end keeps what the update wrote, or takes it back, the last write first.
func (t *tx) end(failed bool) {
	t.ended = true
	undone := t.undo
	t.batch.undo, t.undo = undone, nil
	defer clear(undone)
	if !failed {
		t.batch.writes += len(undone)
		return
	}
	for _, u := range slices.Backward(undone) {
		if u.was.key == nil {
			u.pending.remove(u.write.key)
		} else {
			*u.write = u.was
		}
	}
}
