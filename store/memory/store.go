package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"sync"

	"github.com/usher-scim/usher/store"
)

// Disk is what stays when a process ends: the last commit. Opened again, it shows the same. It is
// safe for concurrent use.
type Disk struct {
	writing sync.Mutex // held by the one update that runs

	mu     sync.Mutex
	tables Snapshot
}

// NewDisk returns an empty disk.
func NewDisk() *Disk { return &Disk{} }

// Snapshot is a state of a whole store. It costs no copy and never changes.
type Snapshot struct{ tables map[string]*node }

// Snapshot returns the last commit.
func (d *Disk) Snapshot() Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tables
}

// Restore puts an earlier state back, as the restore of a backup does. What was committed
// since is lost. No update may run meanwhile.
func (d *Disk) Restore(s Snapshot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tables = s
}

// Open returns a store on what the disk holds. Several stores may be open on one disk: a process that
// died and the one that follows it.
func (d *Disk) Open() *Store { return &Store{disk: d} }

// Store is a store.Store in memory: updates take turns, views read a snapshot and wait for nobody.
type Store struct {
	disk *Disk

	mu      sync.Mutex
	running sync.WaitGroup
	closed  bool
}

var _ store.Store = (*Store)(nil)

// New returns an empty store on a disk of its own.
func New() *Store { return NewDisk().Open() }

// View implements [store.Store].
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	done, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	r := &reader{tables: s.disk.Snapshot().tables}
	defer func() { r.ended = true }()
	return fn(r)
}

// Update implements [store.Store]. It runs fn once.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	done, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	s.disk.writing.Lock()
	defer s.disk.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return err // while it waited
	}
	t := &tx{reader: reader{tables: s.disk.Snapshot().tables}}
	defer func() { t.ended = true }()
	if err := fn(t); err != nil {
		return err
	}
	s.disk.Restore(Snapshot{t.tables})
	return nil
}

// Close implements [store.Store]. The disk keeps what was committed.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.running.Wait()
	return nil
}

func (s *Store) begin(ctx context.Context) (done func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, store.ErrClosed
	}
	s.running.Add(1)
	return s.running.Done, nil
}

// errEnded answers whoever keeps a transaction beyond its function.
var errEnded = errors.New("the transaction has ended")

// reader is a [store.Reader] over one state.
type reader struct {
	tables map[string]*node
	ended  bool
}

// Get implements [store.Reader].
func (r *reader) Get(table string, key []byte) ([]byte, error) {
	if r.ended {
		return nil, errEnded
	}
	if value, there := r.tables[table].get(key); there {
		return value, nil
	}
	return nil, store.ErrNotFound
}

// Range implements [store.Reader].
func (r *reader) Range(table string, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if !r.ended {
			r.tables[table].ascend(from, to, yield)
		}
	}
}

// RangeReverse implements [store.Reader].
func (r *reader) RangeReverse(table string, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if !r.ended {
			r.tables[table].descend(from, to, yield)
		}
	}
}

// tx is the transaction of one update. Its tables are its own from the first write on.
type tx struct {
	reader
	own    bool
	ranges int // being read
}

// Range implements [store.Reader].
func (t *tx) Range(table string, from, to []byte) iter.Seq2[[]byte, []byte] {
	return t.counted(t.reader.Range(table, from, to))
}

// RangeReverse implements [store.Reader].
func (t *tx) RangeReverse(table string, from, to []byte) iter.Seq2[[]byte, []byte] {
	return t.counted(t.reader.RangeReverse(table, from, to))
}

// counted keeps writes away while a range is being read.
func (t *tx) counted(pairs iter.Seq2[[]byte, []byte]) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		t.ranges++
		defer func() { t.ranges-- }()
		pairs(yield)
	}
}

// Put implements [store.Tx].
func (t *tx) Put(table string, key, value []byte) error {
	if err := t.writable(table, key); err != nil {
		return err
	}
	t.set(table, t.tables[table].put(bytes.Clone(key), append([]byte{}, value...)))
	return nil
}

// Delete implements [store.Tx].
func (t *tx) Delete(table string, key []byte) error {
	if err := t.writable(table, key); err != nil {
		return err
	}
	if _, there := t.tables[table].get(key); there {
		t.set(table, t.tables[table].remove(key))
	}
	return nil
}

func (t *tx) set(table string, root *node) {
	if !t.own {
		t.tables, t.own = maps.Clone(t.tables), true
		if t.tables == nil {
			t.tables = map[string]*node{}
		}
	}
	t.tables[table] = root
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

// Range yields the pairs of a table of a snapshot in ascending order.
func (s Snapshot) Range(table string) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) { s.tables[table].ascend(nil, nil, yield) }
}

// Same reports whether a table is the same in two snapshots of one disk, without reading it. Of
// a table that was changed and changed back it says no.
func (s Snapshot) Same(other Snapshot, table string) bool {
	return s.tables[table] == other.tables[table]
}
