package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/google/uuid"
)

// A part of a composite key ends with escape, terminator; a zero byte inside
// one is written as escape, escaped. The terminator sorts below every byte that
// can follow otherwise, so a part sorts before each longer part it begins.
const (
	escape     = 0x00
	terminator = 0x01
	escaped    = 0xff
)

// Key joins parts to one key. Keys sort as their parts do, part by part, and
// Key(a) is a byte prefix of Key(a, b) and of no Key whose first part is not a.
// Each part costs two bytes, and one for every zero byte in it.
func Key(parts ...[]byte) []byte {
	n := 0
	for _, part := range parts {
		n += len(part) + 2
	}
	key := make([]byte, 0, n)
	for _, part := range parts {
		key = appendPart(key, part)
	}
	return key
}

// AppendKey appends one part to a key, as [Key] joins it.
func AppendKey[P ~[]byte | ~string](key []byte, part P) []byte {
	for i := range len(part) {
		if part[i] == escape {
			return appendPart(key, []byte(part))
		}
	}
	return append(append(key, part...), escape, terminator)
}

// SplitKey takes a key of [Key] apart. The parts are copies.
func SplitKey(key []byte) ([][]byte, error) {
	var parts [][]byte
	for len(key) > 0 {
		part, rest, err := cutPart(key)
		if err != nil {
			return nil, err
		}
		parts, key = append(parts, part), rest
	}
	return parts, nil
}

// PrefixEnd returns the first key behind all keys that begin with prefix, for
// the open end of a Range; nil, the end of the table, when there is none.
func PrefixEnd(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			end := bytes.Clone(prefix[:i+1])
			end[i]++
			return end
		}
	}
	return nil
}

// String returns s as a part of a key.
func String(s string) []byte { return []byte(s) }

// UUID returns the sixteen bytes of id as a part of a key; UUIDs of version 7 sort by time.
func UUID(id uuid.UUID) []byte { return id[:] }

// Uint64 returns n as eight bytes that sort as the number does.
func Uint64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// ParseUint64 reads what [Uint64] wrote.
func ParseUint64(part []byte) (uint64, error) {
	if len(part) != 8 {
		return 0, errors.New("read a number from a key: not eight bytes")
	}
	return binary.BigEndian.Uint64(part), nil
}

// Time returns the instant t as eight bytes that sort by time, whatever its
// zone, to the nanosecond. What lies before 1677-09-21 (so does the zero time) or after
// 2262-04-11 counts as that limit.
func Time(t time.Time) []byte {
	nanos := t.UnixNano()
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		nanos = math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		nanos = math.MaxInt64
	}
	return Uint64(uint64(nanos) ^ 1<<63) //nolint:gosec // the bits are wanted: the flipped sign makes negative numbers sort first
}

// ParseTime reads what [Time] wrote, in UTC.
func ParseTime(part []byte) (time.Time, error) {
	n, err := ParseUint64(part)
	if err != nil {
		return time.Time{}, errors.New("read a time from a key: not eight bytes")
	}
	return time.Unix(0, int64(n^1<<63)).UTC(), nil //nolint:gosec // undoes what Time did
}

const (
	// MaxPrimaryKey is the longest primary key of a record in a [Table], in bytes.
	MaxPrimaryKey = 256
	// MaxIndexValue is the longest value that an index keeps as it is, in bytes. Of a longer
	// one it keeps the first MaxIndexPrefix bytes and a hash of the whole. With every byte
	// escaped and the longest primary key behind it, it still fits in MaxKey.
	MaxIndexValue = 380
	// MaxIndexPrefix is the longest prefix by which an index can be searched, in bytes.
	MaxIndexPrefix = MaxIndexValue + 1 - sha256.Size
)

// Fit shortens a value of more than MaxIndexValue bytes to its first
// MaxIndexPrefix bytes followed by its SHA-256, and returns others as they are. The
// result is one byte longer than the longest value left alone, so no two values can meet.
func Fit(value []byte) []byte {
	if len(value) <= MaxIndexValue {
		return value
	}
	sum := sha256.Sum256(value)
	return append(bytes.Clone(value[:MaxIndexPrefix]), sum[:]...)
}

func appendPart(key, part []byte) []byte {
	return append(appendEscaped(key, part), escape, terminator)
}

func appendEscaped(key, part []byte) []byte {
	for {
		i := bytes.IndexByte(part, escape)
		if i < 0 {
			return append(key, part...)
		}
		key = append(key, part[:i]...)
		key = append(key, escape, escaped)
		part = part[i+1:]
	}
}

// cutPart returns a copy of the first part of key and what follows it.
func cutPart(key []byte) (part, rest []byte, err error) {
	part = []byte{}
	for {
		i := bytes.IndexByte(key, escape)
		if i < 0 || i+1 == len(key) {
			return nil, nil, errors.New("split a key: it ends inside a part")
		}
		part = append(part, key[:i]...)
		mark := key[i+1]
		key = key[i+2:]
		switch mark {
		case terminator:
			return part, key, nil
		case escaped:
			part = append(part, escape)
		default:
			return nil, nil, errors.New("split a key: unknown escape")
		}
	}
}

// skipPart returns what follows the first part of key, not copied.
func skipPart(key []byte) ([]byte, error) {
	for i := 0; i+1 < len(key); i++ {
		if key[i] == escape {
			if key[i+1] == terminator {
				return key[i+2:], nil
			}
			i++
		}
	}
	return nil, errors.New("split a key: it ends inside a part")
}
