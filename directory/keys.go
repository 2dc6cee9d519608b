package directory

import (
	"context"
	"errors"
	"iter"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// keys are primary keys whose last 16 bytes are an id.
type keys = iter.Seq2[[]byte, error]

// recordKeys yields the keys of a source's records, in the order of the persons' ids.
func (d *Directory) recordKeys(r store.Reader, source uuid.UUID) keys {
	return rangeKeys(r, d.records.Name(), source[:], nil)
}

// rangeKeys yields the keys of a table that begin with prefix and stand behind after.
func rangeKeys(r store.Reader, table string, prefix, after []byte) keys {
	from := prefix
	if after != nil {
		from = append(append([]byte(nil), after...), 0)
	}
	return func(yield func([]byte, error) bool) {
		for key := range r.Range(table, from, store.PrefixEnd(prefix)) {
			if !yield(key, nil) {
				return
			}
		}
	}
}

// behind is the key after which a listing of what belongs to owner goes on; nil for its beginning.
func behind(owner, after uuid.UUID) []byte {
	if after == uuid.Nil {
		return nil
	}
	return pair(owner, after)
}

func has(r store.Reader, table string, key []byte) (bool, error) {
	_, err := r.Get(table, key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (d *Directory) skip(ctx context.Context, doing string, n int, of func(store.Reader) keys) (uuid.UUID, error) {
	var last uuid.UUID
	if n <= 0 {
		return last, nil
	}
	err := d.store.View(ctx, func(r store.Reader) error {
		for key, err := range of(r) {
			if err != nil {
				return err
			}
			copy(last[:], key[len(key)-16:])
			if n--; n == 0 {
				break
			}
		}
		return nil
	})
	return last, wrap(doing, err)
}
