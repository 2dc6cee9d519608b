package store

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// An entry of an index has the key
//
//	unique:  escaped value, end of part             -> primary key
//	plain:   escaped value, end of part, primary key -> empty
//
// where the value is what Fit leaves of it.
type index[T any] struct {
	Index[T]
	table string
}

// entryChange is one entry to write, or to delete.
type entryChange struct {
	table      string
	key, value []byte
	remove     bool
}

// Lookup returns the record that holds value in a unique index, or ErrNotFound.
func (t *Table[T]) Lookup(r Reader, index string, value []byte) (*T, error) {
	key, err := t.lookup(r, index, value)
	if err != nil {
		return nil, err
	}
	return t.indexed(r, index, key)
}

// LookupKey returns the primary key of the record that holds value in a unique index, or ErrNotFound.
func (t *Table[T]) LookupKey(r Reader, index string, value []byte) ([]byte, error) {
	key, err := t.lookup(r, index, value)
	return bytes.Clone(key), err
}

// lookup is LookupKey; the key is good until the transaction ends.
func (t *Table[T]) lookup(r Reader, index string, value []byte) ([]byte, error) {
	ix, err := t.index(index)
	if err != nil {
		return nil, err
	}
	if !ix.Unique {
		return nil, fmt.Errorf("look up in %s: the index is not unique", ix.table)
	}
	return r.Get(ix.table, entryOf(value, 0))
}

// Find yields the records with a value in index that begins with prefix, in the
// order of the values, then of the primary keys; a record with several such values comes once for each. A
// prefix is not a whole value: "ann" finds "anna". For whole values there is FindEqual,
// or values built with [Key], which end where they end. A prefix of more than MaxIndexPrefix
// bytes is ErrKeyTooLong. It ends with the first error.
func (t *Table[T]) Find(r Reader, index string, prefix []byte) iter.Seq2[*T, error] {
	return t.records(r, index, t.FindKeys(r, index, prefix))
}

// FindKeys yields the primary keys of what Find yields, without reading the records.
func (t *Table[T]) FindKeys(r Reader, index string, prefix []byte) iter.Seq2[[]byte, error] {
	return t.keys(r, index, prefix, nil)
}

// FindAfter yields what Find does, but only what stands behind the record with
// the primary key afterKey under the value afterValue, which need not exist any more. So a long
// answer is read in pages, one View each.
func (t *Table[T]) FindAfter(r Reader, index string, prefix, afterValue, afterKey []byte) iter.Seq2[*T, error] {
	return t.records(r, index, t.FindKeysAfter(r, index, prefix, afterValue, afterKey))
}

// FindKeysAfter yields the primary keys of what FindAfter yields, without reading the records.
func (t *Table[T]) FindKeysAfter(r Reader, index string, prefix, afterValue, afterKey []byte) iter.Seq2[[]byte, error] {
	after := entryOf(afterValue, len(afterKey))
	if ix, err := t.index(index); err == nil && !ix.Unique {
		after = append(after, afterKey...)
	}
	return t.keys(r, index, prefix, after)
}

// FindEqual yields the records with exactly this value in index, in the order of their primary keys.
func (t *Table[T]) FindEqual(r Reader, index string, value []byte) iter.Seq2[*T, error] {
	return t.records(r, index, t.FindEqualKeys(r, index, value))
}

// FindEqualKeys yields the primary keys of what FindEqual yields, without reading the records.
func (t *Table[T]) FindEqualKeys(r Reader, index string, value []byte) iter.Seq2[[]byte, error] {
	return t.entries(r, index, entryOf(value, 0), nil)
}

func (t *Table[T]) keys(r Reader, index string, prefix, after []byte) iter.Seq2[[]byte, error] {
	if len(prefix) > MaxIndexPrefix {
		return func(yield func([]byte, error) bool) {
			yield(nil, fmt.Errorf("search %s.%s: %w", t.name, index, ErrKeyTooLong))
		}
	}
	return t.entries(r, index, appendEscaped(nil, prefix), after)
}

// entries yields the primary keys of the entries whose key begins with prefix and stands behind after.
func (t *Table[T]) entries(r Reader, index string, prefix, after []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		ix, err := t.index(index)
		if err != nil {
			yield(nil, err)
			return
		}
		for entry, value := range r.Range(ix.table, behind(prefix, after), PrefixEnd(prefix)) {
			key := value
			if !ix.Unique {
				if key, err = skipPart(entry); err != nil {
					yield(nil, fmt.Errorf("read an entry of %s: %w", ix.table, err))
					return
				}
			}
			if !yield(bytes.Clone(key), nil) {
				return
			}
		}
	}
}

// records reads the record behind each key.
func (t *Table[T]) records(r Reader, index string, keys iter.Seq2[[]byte, error]) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for key, err := range keys {
			var record *T
			if err == nil {
				record, err = t.indexed(r, index, key)
			}
			if !yield(record, err) || err != nil {
				return
			}
		}
	}
}

// indexed reads a record that an index points to, so it must be there.
func (t *Table[T]) indexed(r Reader, index string, key []byte) (*T, error) {
	record, err := t.Get(r, key)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("the index %s.%s points to a record that is not there", t.name, index)
	}
	return record, err
}

func (t *Table[T]) index(name string) (*index[T], error) {
	for i := range t.indexes {
		if t.indexes[i].Name == name {
			return &t.indexes[i], nil
		}
	}
	return nil, fmt.Errorf("the table %s has no index %q", t.name, name)
}

// changes returns what must be written to the indexes when the record under key
// turns from old (nil: none) into record (nil: none), after checking the unique ones.
func (t *Table[T]) changes(r Reader, key []byte, old, record *T) ([]entryChange, error) {
	changes := make([]entryChange, 0, len(t.indexes))
	for i := range t.indexes {
		ix := &t.indexes[i]
		if ix.Same != nil && old != nil && record != nil && ix.Same(old, record) {
			continue
		}
		before, after := ix.values(old), ix.values(record)
		for _, value := range before {
			if !contains(after, value) {
				entry, _ := ix.entry(value, key)
				changes = append(changes, entryChange{table: ix.table, key: entry, remove: true})
			}
		}
		for _, value := range after {
			if contains(before, value) {
				continue
			}
			entry, held := ix.entry(value, key)
			if ix.Unique {
				if err := ix.check(r, t.name, entry, key); err != nil {
					return nil, err
				}
			}
			changes = append(changes, entryChange{table: ix.table, key: entry, value: held})
		}
	}
	return changes, nil
}

// values returns the values of a record in byte order, each once.
func (ix *index[T]) values(record *T) [][]byte {
	if record == nil {
		return nil
	}
	values := ix.Keys(record)
	if len(values) < 2 {
		return values
	}
	values = slices.Clone(values)
	slices.SortFunc(values, bytes.Compare)
	return slices.CompactFunc(values, bytes.Equal)
}

func (ix *index[T]) entry(value, key []byte) (entry, held []byte) {
	if ix.Unique {
		return entryOf(value, 0), key
	}
	return append(entryOf(value, len(key)), key...), nil
}

// entryOf returns the key of the entries of a value, up to the primary key of a
// plain one, for which it has room.
func entryOf(value []byte, room int) []byte {
	value = Fit(value)
	return appendPart(make([]byte, 0, len(value)+2+bytes.Count(value, []byte{escape})+room), value)
}

// check fails when a record other than the one under key holds the entry.
func (ix *index[T]) check(r Reader, table string, entry, key []byte) error {
	switch holder, err := r.Get(ix.table, entry); {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case bytes.Equal(holder, key):
		return nil
	default:
		return &UniqueError{Table: table, Index: ix.Name, Key: bytes.Clone(holder)}
	}
}

func writeEntries(tx Tx, changes []entryChange) error {
	for _, c := range changes {
		var err error
		if c.remove {
			err = tx.Delete(c.table, c.key)
		} else {
			err = tx.Put(c.table, c.key, c.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// contains searches values that are in byte order.
func contains(values [][]byte, value []byte) bool {
	_, found := slices.BinarySearchFunc(values, value, bytes.Compare)
	return found
}
