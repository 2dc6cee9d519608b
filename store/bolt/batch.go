package bolt

import (
	"bytes"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

// batch is what the updates of one commit have in common. Their writes are
// pending beside the file, which is not touched until all have run. It belongs to whoever has the turn.
type batch struct {
	*snapshot // nil: no transaction was to be had, because of failure
	failure   error
	pending   map[string]*pending
	ran       int // updates
	sharing   int // updates whose outcome is that of the commit
	writes    int // by updates that succeeded
	outcome   *outcome

	// What follows is room that one batch leaves to the next.
	undo   []undo
	unused []write // not given out yet
	bytes  []byte  // room for keys and values
	rooms  room
}

// outcome is how a commit ended. err is set when ended is closed.
type outcome struct {
	ended chan struct{}
	err   error
}

// room is what was given out of a batch's slabs.
type room struct {
	writes []write
	bytes  []byte
}

const (
	slabWrites = 1024
	slabBytes  = 256 << 10
	maxUndo    = 1 << 14
	maxPending = 1 << 12 // writes to one table whose room is kept
)

func newBatch() *batch { return &batch{pending: make(map[string]*pending)} }

// newWrite returns a write of copies of key and value. It and they are good until the commit has ended.
func (b *batch) newWrite(key, value []byte, deleted bool) *write {
	if len(b.unused) == 0 {
		b.unused = make([]write, slabWrites)
		b.rooms.writes = b.unused
	}
	w := &b.unused[0]
	b.unused = b.unused[1:]
	data := b.alloc(len(key) + len(value))
	copy(data, key)
	copy(data[len(key):], value)
	*w = write{key: data[:len(key):len(key)], value: data[len(key):], deleted: deleted}
	return w
}

func (b *batch) alloc(n int) []byte {
	if n > slabBytes/16 {
		return make([]byte, n)
	}
	if len(b.bytes) < n {
		b.bytes = make([]byte, slabBytes)
		b.rooms.bytes = b.bytes
	}
	data := b.bytes[:n:n]
	b.bytes = b.bytes[n:]
	return data
}

// of returns the pending writes to a table.
func (b *batch) of(table string) *pending {
	p := b.pending[table]
	if p == nil {
		p = &pending{}
		b.pending[table] = p
	}
	return p
}

// reset empties the batch for the next commit and reports whether that is worthwhile: what a
// large one needed is given back. The last slabs are used again from their beginning.
func (b *batch) reset() bool {
	large := cap(b.undo) > maxUndo
	for _, p := range b.pending {
		large = p.reset() || large
	}
	if large {
		return false
	}
	clear(b.rooms.writes[:len(b.rooms.writes)-len(b.unused)])
	*b = batch{pending: b.pending, undo: b.undo[:0], unused: b.rooms.writes, bytes: b.rooms.bytes, rooms: b.rooms}
	return true
}

// flush gives the pending writes to bbolt, table by table in the order of the keys.
func (b *batch) flush() error {
	tables := make([]string, 0, len(b.pending))
	for name, p := range b.pending {
		if len(p.chunks) > 0 { // else there were none, or all were taken back
			tables = append(tables, name)
		}
	}
	slices.Sort(tables)
	for _, name := range tables {
		bucket, err := b.bolt.CreateBucketIfNotExists([]byte(name))
		if err != nil {
			return fmt.Errorf("create table %s: %w", name, err)
		}
		if err := b.pending[name].flush(bucket); err != nil {
			return fmt.Errorf("write table %s: %w", name, err)
		}
	}
	return nil
}

// appended is how full pages are left where keys come in order: nothing will be put between them.
const appended = 0.95

func (p *pending) flush(bucket *bbolt.Bucket) error {
	if last, _ := bucket.Cursor().Last(); bytes.Compare(last, p.chunks[0][0].key) < 0 {
		bucket.FillPercent = appended
	}
	for _, chunk := range p.chunks {
		for _, w := range chunk {
			var err error
			if w.deleted {
				err = bucket.Delete(w.key)
			} else {
				err = bucket.Put(w.key, w.value)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
