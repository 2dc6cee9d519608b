package scim_test

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/usher-scim/usher/store"
)

// countedStore counts what is read from a store, to show what is not.
type countedStore struct {
	store.Store
	mu     sync.Mutex
	counts map[string]int
	values []byte          // everything that was ever written
	tables map[string]bool // that were ever written to
}

func (s *countedStore) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts = map[string]int{}
}

func (s *countedStore) table(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[name]
}

func (s *countedStore) pairs() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := 0
	for _, n := range s.counts {
		sum += n
	}
	return sum
}

func (s *countedStore) count(table string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[table]++
}

func (s *countedStore) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.Store.View(ctx, func(r store.Reader) error { return fn(countedReader{r, s}) })
}

func (s *countedStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error { return fn(countedTx{tx, s}) })
}

type countedReader struct {
	store.Reader
	s *countedStore
}

func (r countedReader) Get(table string, key []byte) ([]byte, error) {
	r.s.count(table)
	return r.Reader.Get(table, key)
}

func (r countedReader) Range(table string, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		r.s.count(table)
		for k, v := range r.Reader.Range(table, from, to) {
			r.s.count(table)
			if !yield(k, v) {
				return
			}
		}
	}
}

type countedTx struct {
	store.Tx
	s *countedStore
}

func (tx countedTx) Put(table string, key, value []byte) error {
	tx.s.mu.Lock()
	tx.s.values = append(append(tx.s.values, key...), value...)
	if tx.s.tables == nil {
		tx.s.tables = map[string]bool{}
	}
	tx.s.tables[table] = true
	tx.s.mu.Unlock()
	return tx.Tx.Put(table, key, value)
}

// dump returns all that is in the store, table by table.
func (h *house) dump(t require) string {
	h.reads.mu.Lock()
	tables := slices.Sorted(maps.Keys(h.reads.tables))
	h.reads.mu.Unlock()
	var dst []byte
	err := h.reads.Store.View(context.Background(), func(r store.Reader) error {
		for _, table := range tables {
			dst = append(dst, table...)
			for k, v := range r.Range(table, nil, nil) {
				dst = append(append(append(append(dst, 0), k...), 1), v...)
			}
		}
		return nil
	})
	if err != nil || len(dst) == 0 {
		t.Fatalf("read the whole store: %d bytes, %v", len(dst), err)
	}
	return string(dst)
}

type require interface {
	Fatalf(format string, args ...any)
}

// everything returns all that was ever written to the store.
func (h *house) everything(t *testing.T) string {
	t.Helper()
	h.reads.mu.Lock()
	defer h.reads.mu.Unlock()
	if len(h.reads.values) == 0 {
		t.Fatal("nothing was written")
	}
	return string(h.reads.values)
}
