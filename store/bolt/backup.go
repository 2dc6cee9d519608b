package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// Backup writes a consistent copy of the store, as of the last commit, to w. Reads and writes go on
// meanwhile; the file may grow by what is written until w has taken all. The copy is
// itself a store that [Open] opens. It stops when ctx ends.
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.running.Done()
	return backup(ctx, s.db, w)
}

// BackupFile writes what [Store.Backup] does to a new file that its owner alone can read. The
// file appears under its name when it is whole and on the disk. One that exists is not
// touched: the error is then os.ErrExist.
func (s *Store) BackupFile(ctx context.Context, path string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.running.Done()
	return backupFile(ctx, s.db, path)
}

func backup(ctx context.Context, db *bbolt.DB, w io.Writer) error {
	to := &endingWriter{ctx: ctx, w: w}
	err := db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(to)
		return err
	})
	if to.err != nil {
		err = to.err // bbolt tells it, but does not wrap it
	}
	if err != nil {
		return fmt.Errorf("back up the store: %w", err)
	}
	return nil
}

func backupFile(ctx context.Context, db *bbolt.DB, path string) (err error) {
	if _, absent := os.Lstat(path); absent == nil {
		return fmt.Errorf("back up the store: %s: %w", path, os.ErrExist)
	}
	// CreateTemp makes it readable by its owner alone.
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("back up the store: %w", err)
	}
	defer func() {
		if gone := os.Remove(file.Name()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	if err = fill(ctx, db, file); err != nil {
		return err
	}
	if err = publish(file.Name(), path); err != nil {
		return fmt.Errorf("back up the store: %w", err)
	}
	return nil
}

// fill writes the copy into file, puts it on the disk and closes it.
func fill(ctx context.Context, db *bbolt.DB, file *os.File) error {
	err := backup(ctx, db, file)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// publish gives the file temp the name path, unless that is taken. A link never replaces; where there
// are no links, a look and a rename must do.
func publish(temp, path string) error {
	err := os.Link(temp, path)
	if errors.Is(err, os.ErrExist) {
		return err
	}
	if err != nil {
		if _, absent := os.Lstat(path); absent == nil {
			return fmt.Errorf("%s: %w", path, os.ErrExist)
		}
		if err := os.Rename(temp, path); err != nil {
			return err
		}
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// endingWriter stops a copy when the context ends, and keeps why it stopped.
type endingWriter struct {
	ctx context.Context
	w   io.Writer
	err error
}

func (e *endingWriter) Write(p []byte) (int, error) {
	if e.err = e.ctx.Err(); e.err != nil {
		return 0, e.err
	}
	var n int
	n, e.err = e.w.Write(p)
	return n, e.err
}
