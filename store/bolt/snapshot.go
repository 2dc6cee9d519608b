package bolt

import (
	"bytes"
	"sync"

	"go.etcd.io/bbolt"
)

// snapshot is a transaction of bbolt with what was looked up in it, for one goroutine at a time.
type snapshot struct {
	bolt   *bbolt.Tx
	tables map[string]*table
}

// table is a table as one snapshot has it, with cursors that were made and are free.
type table struct {
	bucket *bbolt.Bucket // nil: there is no such table
	gets   *bbolt.Cursor
	free   []*bbolt.Cursor
}

func newSnapshot(tx *bbolt.Tx) *snapshot {
	return &snapshot{bolt: tx, tables: make(map[string]*table)}
}

func (s *snapshot) table(name string) *table {
	t := s.tables[name]
	if t == nil {
		t = &table{bucket: s.bolt.Bucket([]byte(name))}
		if t.bucket != nil {
			t.gets = t.bucket.Cursor()
		}
		s.tables[name] = t
	}
	return t
}

// get returns the value under key, or false.
func (t *table) get(key []byte) ([]byte, bool) {
	if t.bucket == nil {
		return nil, false
	}
	found, value := t.gets.Seek(key)
	return value, found != nil && bytes.Equal(found, key)
}

// cursor returns a cursor of the table's own, nil where there is no table. It is given back with release.
func (t *table) cursor() *bbolt.Cursor {
	if t.bucket == nil {
		return nil
	}
	if n := len(t.free); n > 0 {
		c := t.free[n-1]
		t.free = t.free[:n-1]
		return c
	}
	return t.bucket.Cursor()
}

func (t *table) release(c *bbolt.Cursor) {
	if c != nil {
		t.free = append(t.free, c)
	}
}

// maxIdle is how many snapshots are kept for the next Views.
const maxIdle = 64

// idle keeps snapshots of the last commit for the Views to come, since beginning a
// transaction and looking up its tables takes longer than most reads. While a commit is written it keeps none:
// bbolt may have to wait for the end of all of them.
type idle struct {
	mu        sync.Mutex
	snapshots []*snapshot
	commit    int  // the last commit
	paused    bool // a commit is being written, or the last one failed
}

// take returns a snapshot of the last commit, or nil.
func (i *idle) take() *snapshot {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := len(i.snapshots)
	if n == 0 {
		return nil
	}
	s := i.snapshots[n-1]
	i.snapshots = i.snapshots[:n-1]
	return s
}

// give takes a snapshot that is not needed any more, and keeps or ends it.
func (i *idle) give(s *snapshot) {
	if !i.keep(s) {
		_ = s.bolt.Rollback() // fails only when it has ended
	}
}

func (i *idle) keep(s *snapshot) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.paused || s.bolt.ID() != i.commit || len(i.snapshots) >= maxIdle {
		return false
	}
	i.snapshots = append(i.snapshots, s)
	return true
}

// pause ends all snapshots that are kept, and keeps none until resume.
func (i *idle) pause() {
	i.mu.Lock()
	i.paused = true
	kept := i.snapshots
	i.snapshots = nil
	i.mu.Unlock()
	for _, s := range kept {
		_ = s.bolt.Rollback() // fails only when it has ended
	}
}

// resume begins to keep snapshots of a commit.
func (i *idle) resume(commit int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.commit, i.paused = commit, false
}
