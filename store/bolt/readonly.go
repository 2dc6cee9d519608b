package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"go.etcd.io/bbolt"
)

// OpenReadOnly opens the store in the file at path to look at it, and changes nothing of it: every Update fails. Others may
// look at the same time; while it is open nobody opens the file with [Open]. It fails when a server has the
// file open, when there is none, when it was cut short, and when its format is newer than this program. Of
// options only LockTimeout counts.
func OpenReadOnly(path string, options Options) (*Store, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open the store: %s is not a file", path)
	}
	if info.Size() == 0 { // bbolt would begin a store in it
		return nil, fmt.Errorf("open the store: %s is empty", path)
	}
	db, err := openFile(path, Options{LockTimeout: options.LockTimeout, readOnly: true})
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, path: path, turn: make(chan struct{}, 1)}
	if err := errors.Join(notCut(db, path, info.Size()), knownFormat(db, path)); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := s.begun(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// notCut fails for a file that ends before the last page that its head names: reading on would be a fault of memory.
func notCut(db *bbolt.DB, path string, size int64) error {
	return db.View(func(tx *bbolt.Tx) error {
		if tx.Size() > size {
			return fmt.Errorf("open the store: %s was cut short: it has %d bytes of %d", path, size, tx.Size())
		}
		return nil
	})
}

// knownFormat fails for what is no store of ours, or one of a format that this program does not know.
func knownFormat(db *bbolt.DB, path string) error {
	newest := firstFormat + len(migrations())
	return sound(path, func() error {
		return db.View(func(tx *bbolt.Tx) error {
			bucket := tx.Bucket(formatBucket)
			if bucket == nil {
				return fmt.Errorf("open the store: %s is not a store of usher: it has no format number", path)
			}
			format, err := formatIn(bucket, path)
			if err == nil && (format < firstFormat || format > newest) {
				return fmt.Errorf("open the store: %s has format %d, and this usher knows formats only up to %d", path, format, newest)
			}
			return err
		})
	})
}

// Check reads the whole file, every key and value, and fails when something of it cannot be read or is out of order. What a
// value says it does not judge.
func (s *Store) Check(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.running.Done()
	return sound(s.path, func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(name []byte, b *bbolt.Bucket) error { return readThrough(ctx, s.path, string(name), b) })
		})
	})
}

// lookEvery is after how many keys a check looks whether it shall stop.
const lookEvery = 4096

func readThrough(ctx context.Context, path, table string, b *bbolt.Bucket) error {
	var before []byte
	var read byte
	n := 0
	err := b.ForEach(func(k, v []byte) error {
		if n++; n%lookEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if before != nil && string(before) >= string(k) {
			return fmt.Errorf("check the store: %s is damaged: the keys of table %q are out of order", path, table)
		}
		before = append(before[:0], k...)
		for i := 0; i < len(v); i += os.Getpagesize() {
			read ^= v[i]
		}
		if len(v) > 0 {
			read ^= v[len(v)-1]
		}
		return nil
	})
	_ = read
	return err
}

// sound turns what bbolt does on meeting a damaged page, a panic or a fault of memory, into an error.
func sound(path string, read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("check the store: %s is damaged: %v", path, p)
		}
	}()
	return read()
}
