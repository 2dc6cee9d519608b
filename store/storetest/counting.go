package storetest

import (
	"context"
	"sync/atomic"

	"github.com/usher-scim/usher/store"
)

// Counted is a store that counts the operations on it; make it with [Counting].
type Counted struct {
	store.Store
	puts, deletes, gets, views, updates atomic.Int64
}

// Counts are the operations since the store was wrapped or last reset. An
// update that runs again, or fails, counts too.
type Counts struct {
	Puts, Deletes, Gets, Views, Updates int64
}

var _ store.Store = (*Counted)(nil)

// Counting wraps s so that operations are counted.
func Counting(s store.Store) *Counted { return &Counted{Store: s} }

// Counts returns the counters.
func (c *Counted) Counts() Counts {
	return Counts{
		Puts:    c.puts.Load(),
		Deletes: c.deletes.Load(),
		Gets:    c.gets.Load(),
		Views:   c.views.Load(),
		Updates: c.updates.Load(),
	}
}

// Reset sets the counters to zero.
func (c *Counted) Reset() {
	for _, n := range []*atomic.Int64{&c.puts, &c.deletes, &c.gets, &c.views, &c.updates} {
		n.Store(0)
	}
}

// View implements [store.Store].
func (c *Counted) View(ctx context.Context, fn func(store.Reader) error) error {
	c.views.Add(1)
	return c.Store.View(ctx, func(r store.Reader) error {
		return fn(countingReader{Reader: r, counted: c})
	})
}

// Update implements [store.Store].
func (c *Counted) Update(ctx context.Context, fn func(store.Tx) error) error {
	c.updates.Add(1)
	return c.Store.Update(ctx, func(tx store.Tx) error {
		return fn(countingTx{Tx: tx, counted: c})
	})
}

type countingReader struct {
	store.Reader
	counted *Counted
}

func (r countingReader) Get(table string, key []byte) ([]byte, error) {
	r.counted.gets.Add(1)
	return r.Reader.Get(table, key)
}

type countingTx struct {
	store.Tx
	counted *Counted
}

func (tx countingTx) Get(table string, key []byte) ([]byte, error) {
	tx.counted.gets.Add(1)
	return tx.Tx.Get(table, key)
}

func (tx countingTx) Put(table string, key, value []byte) error {
	tx.counted.puts.Add(1)
	return tx.Tx.Put(table, key, value)
}

func (tx countingTx) Delete(table string, key []byte) error {
	tx.counted.deletes.Add(1)
	return tx.Tx.Delete(table, key)
}
