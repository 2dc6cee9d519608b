package bolt_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/bolt"
)

// What creating a user costs the store: five puts of a record's size and shape.
const (
	clients    = 64
	recordSize = 600
)

// sizes of the five values that one user writes.
func sizes() [5]int { return [5]int{recordSize, 16, 16, 16, recordSize / 2} }

func userKey(table int, n uint64) []byte {
	if table == 0 || table == 4 { // the record and the change have keys in the order of time
		return binary.BigEndian.AppendUint64(nil, n)
	}
	return binary.BigEndian.AppendUint64(nil, rand.New(rand.NewPCG(n, uint64(table))).Uint64())
}

func tableNames() [5]string { return [5]string{"user", "user.name", "user.mail", "user.ext", "change"} }

// BenchmarkUpdateParallel is one durable update per operation, from 64 clients.
func BenchmarkUpdateParallel(b *testing.B) {
	s, err := bolt.Open(filepath.Join(b.TempDir(), "usher.db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var n atomic.Uint64
	value := make([]byte, recordSize)
	parallel(b, func() error {
		id := n.Add(1)
		return s.Update(context.Background(), func(tx store.Tx) error {
			for i, table := range tableNames() {
				if err := tx.Put(table, userKey(i, id), value[:sizes()[i]]); err != nil {
					return err
				}
			}
			return nil
		})
	})
	stats := s.Stats()
	b.ReportMetric(float64(stats.Updates)/float64(max(stats.Commits, 1)), "updates/commit")
}

// BenchmarkUpdateAlone is one durable update per operation, from one client: what a request costs that nobody
// shares a commit with.
func BenchmarkUpdateAlone(b *testing.B) {
	s, err := bolt.Open(filepath.Join(b.TempDir(), "usher.db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	value, id := make([]byte, recordSize), uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		id++
		err := s.Update(b.Context(), func(tx store.Tx) error {
			for i, table := range tableNames() {
				if err := tx.Put(table, userKey(i, id), value[:sizes()[i]]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareBatch is the same on bbolt's own Batch: the floor.
func BenchmarkBareBatch(b *testing.B) {
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, &bbolt.Options{
		NoFreelistSync: true, FreelistType: bbolt.FreelistMapType, InitialMmapSize: 1 << 30, NoStatistics: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var n atomic.Uint64
	value := make([]byte, recordSize)
	parallel(b, func() error {
		id := n.Add(1)
		return db.Batch(func(tx *bbolt.Tx) error {
			for i, table := range tableNames() {
				bucket, err := tx.CreateBucketIfNotExists([]byte(table))
				if err != nil {
					return err
				}
				if err := bucket.Put(userKey(i, id), value[:sizes()[i]]); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// BenchmarkGetParallel is one View with one Get per operation.
func BenchmarkGetParallel(b *testing.B) {
	s, err := bolt.Open(filepath.Join(b.TempDir(), "usher.db"), bolt.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	value := make([]byte, recordSize)
	err = s.Update(b.Context(), func(tx store.Tx) error {
		for id := range uint64(10_000) {
			if failed := tx.Put("user", userKey(0, id), value); failed != nil {
				return failed
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	var n atomic.Uint64
	parallel(b, func() error {
		key := userKey(0, n.Add(1)%10_000)
		return s.View(context.Background(), func(r store.Reader) error {
			_, err := r.Get("user", key)
			return err
		})
	})
}

func parallel(b *testing.B, operation func() error) {
	b.Helper()
	b.ReportAllocs()
	b.SetParallelism(clients / 2)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := operation(); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
