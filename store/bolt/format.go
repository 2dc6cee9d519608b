package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"
)

// firstFormat is the format of a file that no migration has touched.
const firstFormat = 1

// migrations lead from each format to the next, in order. Adding one here raises
// the format that this program writes; one that was released is never changed.
func migrations() []migration { return nil }

// migration rewrites a file of format from so that it has format from+1, in one transaction.
type migration struct {
	from int
	run  func(*bbolt.Tx) error
}

var (
	formatBucket = []byte("\x00usher")
	formatKey    = []byte("format")
)

// migrate brings the file to the format the steps lead to. A new file has that
// format from the start. Before the first step the file is copied to path.before-format-N.
func migrate(db *bbolt.DB, path string, steps []migration) error {
	for i, step := range steps {
		if step.from != firstFormat+i {
			return fmt.Errorf("open the store: migration %d begins at format %d, not %d", i, step.from, firstFormat+i)
		}
	}
	newest := firstFormat + len(steps)
	format, err := readFormat(db, path, newest)
	switch {
	case err != nil:
		return err
	case format == newest:
		return nil
	case format > newest:
		return fmt.Errorf("open the store: %s has format %d, but this usher knows formats only up to %d: "+
			"start the newer usher that wrote it, or put back the backup from before that upgrade", path, format, newest)
	case format < firstFormat:
		return fmt.Errorf("open the store: %s has the unknown format %d", path, format)
	}
	if err := backupBefore(db, path, newest); err != nil {
		return err
	}
	for _, step := range steps[format-firstFormat:] {
		err := db.Update(func(tx *bbolt.Tx) error {
			if err := step.run(tx); err != nil {
				return err
			}
			return writeFormat(tx, step.from+1)
		})
		if err != nil {
			return fmt.Errorf("upgrade %s from format %d to %d: %w", path, step.from, step.from+1, err)
		}
	}
	return nil
}

// readFormat returns the format of the file, and writes the newest into an empty one.
func readFormat(db *bbolt.DB, path string, newest int) (int, error) {
	format := 0
	err := db.View(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(formatBucket)
		if bucket == nil {
			if first, _ := tx.Cursor().First(); first != nil {
				return fmt.Errorf("open the store: %s is not a store of usher: it has no format number", path)
			}
			return nil
		}
		var err error
		format, err = formatIn(bucket, path)
		return err
	})
	if err != nil || format != 0 {
		return format, err
	}
	if err := db.Update(func(tx *bbolt.Tx) error { return writeFormat(tx, newest) }); err != nil {
		return 0, fmt.Errorf("open the store: begin %s: %w", path, err)
	}
	return newest, nil
}

func formatIn(bucket *bbolt.Bucket, path string) (int, error) {
	number := bucket.Get(formatKey)
	if len(number) != 8 {
		return 0, fmt.Errorf("open the store: %s is damaged: its format number cannot be read", path)
	}
	return int(binary.BigEndian.Uint64(number)), nil //nolint:gosec // a small number, and a wrong one is refused
}

func writeFormat(tx *bbolt.Tx, format int) error {
	bucket, err := tx.CreateBucketIfNotExists(formatBucket)
	if err != nil {
		return err
	}
	return bucket.Put(formatKey, binary.BigEndian.AppendUint64(nil, uint64(format))) //nolint:gosec // never negative
}

// backupBefore copies the file before it is upgraded. A copy of the same name is
// of an earlier try, or of another life of this file: it stays, and the new one gets a number.
func backupBefore(db *bbolt.DB, path string, format int) error {
	name := fmt.Sprintf("%s.before-format-%d", path, format)
	for n := 2; ; n++ {
		err := backupFile(context.Background(), db, name)
		if err == nil {
			return nil
		}
		if !errors.Is(err, os.ErrExist) || n > 99 {
			return fmt.Errorf("before upgrading %s: %w", path, err)
		}
		name = fmt.Sprintf("%s.before-format-%d.%d", path, format, n)
	}
}
