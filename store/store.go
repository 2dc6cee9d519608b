package store

import (
	"context"
	"errors"
	"iter"
)

// MaxKey is the longest key a backend must take, in bytes. The record layer
// hashes longer index values so that they fit; a raw Put beyond it fails.
const MaxKey = 1024

var (
	// ErrNotFound means that no value stands under the key.
	ErrNotFound = errors.New("not found")
	// ErrExists means that Insert met a record with the same primary key.
	ErrExists = errors.New("already exists")
	// ErrRangeOpen means that a write was tried while a Range of the same transaction was being read.
	ErrRangeOpen = errors.New("write during a range")
	// ErrKeyTooLong means that a raw key is longer than MaxKey.
	ErrKeyTooLong = errors.New("key too long")
	// ErrKeyEmpty means that a write named an empty key or an empty table.
	ErrKeyEmpty = errors.New("key is empty")
	// ErrUncertain means that a commit ended in an I/O error, so that its outcome is unknown.
	// The store refuses every later write with it until it is reopened; reads go on.
	ErrUncertain = errors.New("commit outcome unknown: the store refuses writes until it is reopened")
	// ErrClosed means that the store was closed.
	ErrClosed = errors.New("store is closed")
)

// Store is an ordered key-value store with serializable transactions. Keys live
// in named tables; a table comes into being with its first Put, and one that
// does not exist reads as empty.
type Store interface {
	// View runs fn once on a consistent snapshot. fn must not wait on anything
	// outside (a socket, a lock): page and copy. When a read failed inside fn,
	// View returns that failure whatever fn returned.
	View(ctx context.Context, fn func(Reader) error) error
	// Update runs fn in a transaction. When Update returns nil the writes are
	// durable; when it returns an error other than ErrUncertain none of them
	// happened. fn may run more than once and has no effects of its own: ids and
	// times are made outside, and what fn hands out it sets afresh in each run.
	// Concurrent Updates share one fsync; one that fails or panics is undone alone.
	Update(ctx context.Context, fn func(Tx) error) error
	// Close waits for running transactions and closes the store. It may be called again.
	Close() error
}

// Reader reads one consistent state. Slices it hands out are valid only until
// the transaction ends: copy what is kept.
type Reader interface {
	// Get returns the value under key, or ErrNotFound.
	Get(table string, key []byte) ([]byte, error)
	// Range yields the pairs with from <= key < to in ascending order. A nil from
	// is the beginning, a nil to the end. Ranges nest. When a backend cannot read on,
	// the range ends early and the transaction fails with the reason.
	Range(table string, from, to []byte) iter.Seq2[[]byte, []byte]
	// RangeReverse yields the same pairs as Range in descending order.
	RangeReverse(table string, from, to []byte) iter.Seq2[[]byte, []byte]
}

// Tx reads and writes; it sees its own writes.
type Tx interface {
	Reader
	// Put sets the value under key. The slices are not kept after the call. It fails with
	// ErrRangeOpen while a range of this transaction is being read, with ErrKeyTooLong beyond
	// MaxKey, with ErrKeyEmpty for an empty key or table; then it has written nothing.
	Put(table string, key, value []byte) error
	// Delete removes the key; removing what is not there succeeds. It fails as Put does.
	Delete(table string, key []byte) error
}
