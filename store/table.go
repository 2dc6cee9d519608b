package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// Table keeps records of type T under a primary key and keeps their indexes
// true in the same transaction. It holds no data and no state: one Table is made at start
// and used from everywhere. What it hands out belongs to the caller, also after
// the transaction.
//
// A write that fails has written nothing, so the transaction can go on without it.
type Table[T any] struct {
	name    string
	key     func(*T) []byte
	codec   Codec[T]
	indexes []index[T]
}

// Index describes a way to find records other than by primary key. Its entries
// live in a table of their own, named "table.index".
type Index[T any] struct {
	// Name names the index within its table.
	Name string
	// Unique says that no two records may have the same value.
	Unique bool
	// Keys returns the values under which a record is found; none: the record is not
	// indexed. It reads nothing but the record. Two equal values count once. Values of
	// several parts are built with [Key].
	Keys func(*T) [][]byte
	// Same may be set to tell, without building them, that two records have the same values. It may
	// say false of such too, but never true of others.
	Same func(a, b *T) bool
}

// Codec turns records into bytes and back. Encode gives the same bytes for equal records, or
// they are written more often than needed. Decode does not keep data.
type Codec[T any] interface {
	Encode(record *T) ([]byte, error)
	Decode(data []byte) (*T, error)
}

// UniqueError says that another record holds a value that must be unique.
type UniqueError struct {
	Table, Index string
	Key          []byte // the primary key of the holder
}

// Error names table and index, not the value: that may be personal data.
func (e *UniqueError) Error() string {
	return fmt.Sprintf("another record of %s has the same %s", e.Table, e.Index)
}

// NewTable describes the table name: key gives a record's primary key, at most MaxPrimaryKey bytes and
// not empty; a nil codec stands for JSON. It panics when the description itself is wrong: a name
// that is empty, has a dot or comes twice, a missing function.
func NewTable[T any](name string, key func(*T) []byte, codec Codec[T], indexes ...Index[T]) *Table[T] {
	if name == "" || strings.Contains(name, ".") || key == nil {
		panic(fmt.Sprintf("store: table %q needs a name without dots and a key", name))
	}
	if codec == nil {
		codec = jsonCodec[T]{}
	}
	t := &Table[T]{name: name, key: key, codec: codec}
	for _, ix := range indexes {
		if _, err := t.index(ix.Name); err == nil || ix.Name == "" || strings.Contains(ix.Name, ".") || ix.Keys == nil {
			panic(fmt.Sprintf("store: index %q of table %q needs a name of its own without dots, and keys", ix.Name, name))
		}
		t.indexes = append(t.indexes, index[T]{Index: ix, table: name + "." + ix.Name})
	}
	return t
}

// Get returns the record under key, or ErrNotFound.
func (t *Table[T]) Get(r Reader, key []byte) (*T, error) {
	data, err := r.Get(t.name, key)
	if err != nil {
		return nil, err
	}
	return t.decode(data)
}

// Insert adds a record. When one stands under the same primary key it fails
// with ErrExists, when another holds one of its unique values with *UniqueError.
func (t *Table[T]) Insert(tx Tx, record *T) error {
	key, data, err := t.encode(record)
	if err != nil {
		return err
	}
	switch _, err = tx.Get(t.name, key); {
	case err == nil:
		return ErrExists
	case !errors.Is(err, ErrNotFound):
		return err
	}
	changes, err := t.changes(tx, key, nil, record)
	if err != nil {
		return err
	}
	return t.write(tx, key, data, changes)
}

// Put adds a record or replaces the one under the same primary key. It writes
// only what differs: an equal record costs no write, an unchanged index value
// none either. When another record holds one of its unique values it fails with *UniqueError.
func (t *Table[T]) Put(tx Tx, record *T) error {
	key, data, err := t.encode(record)
	if err != nil {
		return err
	}
	var old *T
	was, err := tx.Get(t.name, key)
	switch {
	case err == nil && bytes.Equal(was, data):
		return nil
	case err == nil && len(t.indexes) > 0:
		if old, err = t.decode(was); err != nil {
			return err
		}
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	}
	changes, err := t.changes(tx, key, old, record)
	if err != nil {
		return err
	}
	return t.write(tx, key, data, changes)
}

// Replace is Put of a record that stands in for old, which is as Get returned it in this transaction, under
// the same primary key, or nil where Get found none: the old record is not read once more. An equal record is written all the same.
func (t *Table[T]) Replace(tx Tx, old, record *T) error {
	key, data, err := t.encode(record)
	if err != nil {
		return err
	}
	if old != nil && !bytes.Equal(t.key(old), key) {
		return fmt.Errorf("replace a record of %s: it has another primary key", t.name)
	}
	changes, err := t.changes(tx, key, old, record)
	if err != nil {
		return err
	}
	return t.write(tx, key, data, changes)
}

// Delete removes the record under key and its index entries; ErrNotFound when there is none.
func (t *Table[T]) Delete(tx Tx, key []byte) error {
	old, err := t.Get(tx, key)
	if err != nil {
		return err
	}
	return t.remove(tx, key, old)
}

// Remove is Delete of a record that is as Get returned it in this transaction: it is not read once more.
func (t *Table[T]) Remove(tx Tx, old *T) error { return t.remove(tx, t.key(old), old) }

func (t *Table[T]) remove(tx Tx, key []byte, old *T) error {
	changes, err := t.changes(tx, key, old, nil)
	if err != nil {
		return err
	}
	// The first write decides: it fails when a range is open, and then the others would too.
	if err := tx.Delete(t.name, key); err != nil {
		return err
	}
	return writeEntries(tx, changes)
}

// Scan yields the records whose primary key begins with prefix, in the order of
// their keys; nil: all. It ends with the first error.
func (t *Table[T]) Scan(r Reader, prefix []byte) iter.Seq2[*T, error] {
	return t.ScanAfter(r, prefix, nil)
}

// ScanAfter yields what Scan does, but only what stands behind the key after, which need not exist;
// nil: from the first. So a long scan is read in pages, one View each.
func (t *Table[T]) ScanAfter(r Reader, prefix, after []byte) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for _, data := range r.Range(t.name, behind(prefix, after), PrefixEnd(prefix)) {
			record, err := t.decode(data)
			if !yield(record, err) || err != nil {
				return
			}
		}
	}
}

// Name returns the name of the table.
func (t *Table[T]) Name() string { return t.name }

func (t *Table[T]) encode(record *T) (key, data []byte, err error) {
	key = t.key(record)
	switch {
	case len(key) == 0:
		return nil, nil, fmt.Errorf("write a record of %s: %w", t.name, ErrKeyEmpty)
	case len(key) > MaxPrimaryKey:
		return nil, nil, fmt.Errorf("write a record of %s: %w", t.name, ErrKeyTooLong)
	}
	if data, err = t.codec.Encode(record); err != nil {
		return nil, nil, fmt.Errorf("encode a record of %s: %w", t.name, err)
	}
	return key, data, nil
}

func (t *Table[T]) decode(data []byte) (*T, error) {
	record, err := t.codec.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("decode a record of %s: %w", t.name, err)
	}
	return record, nil
}

func (t *Table[T]) write(tx Tx, key, data []byte, changes []entryChange) error {
	if err := tx.Put(t.name, key, data); err != nil {
		return err
	}
	return writeEntries(tx, changes)
}

// behind returns where a scan of prefix begins that goes on behind the key after.
func behind(prefix, after []byte) []byte {
	if after == nil || bytes.Compare(after, prefix) < 0 {
		return prefix
	}
	return append(bytes.Clone(after), 0)
}

type jsonCodec[T any] struct{}

func (jsonCodec[T]) Encode(record *T) ([]byte, error) { return json.Marshal(record) }

func (jsonCodec[T]) Decode(data []byte) (*T, error) {
	record := new(T)
	if err := json.Unmarshal(data, record); err != nil {
		return nil, err
	}
	return record, nil
}
