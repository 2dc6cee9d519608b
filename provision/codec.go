package provision

import (
	"encoding"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/usher-scim/usher/store"
)

// What every mark reads or writes is kept as a format byte and fields of the store (store.AppendField); one that is
// zero is left out. A number, once used, keeps its meaning, and a field that a program does not know is passed over. What
// was written before there was this form is JSON, which is read as well. Times are kept to the nanosecond and come back in UTC. Of the
// parts that few records have, the rarer ones are JSON inside.
const format = 1

// object is the first byte of the JSON that was written before.
const object = '{'

var errForm = errors.New("the record has a form that this program does not know")

// binaryRecord is a record that writes and reads itself.
type binaryRecord[T any] interface {
	*T
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// compact is the codec of a record that writes and reads itself.
type compact[T any, P binaryRecord[T]] struct{}

var (
	_ store.Codec[Item]    = compact[Item, *Item]{}
	_ store.Codec[Account] = compact[Account, *Account]{}
)

// Encode implements store.Codec.
func (compact[T, P]) Encode(record *T) ([]byte, error) { return P(record).MarshalBinary() }

// Decode implements store.Codec.
func (compact[T, P]) Decode(data []byte) (*T, error) {
	record := new(T)
	if err := P(record).UnmarshalBinary(data); err != nil {
		return nil, err
	}
	return record, nil
}

// eachField tells read of every field of a record; text is the value as a string of its own. The value is not the record's to keep.
func eachField(data []byte, read func(number byte, value []byte, text string) error) error {
	if len(data) == 0 || data[0] != format {
		return errForm
	}
	texts := string(data) // one copy, of which all texts are cut
	for fields := data[1:]; len(fields) > 0; {
		number, value, rest, err := store.CutField(fields)
		if err != nil {
			return err
		}
		end := len(data) - len(rest)
		if err := read(number, value, texts[end-len(value):end]); err != nil {
			return fmt.Errorf("field %d: %w", number, err)
		}
		fields = rest
	}
	return nil
}

func appendText[S ~string](data []byte, number byte, text S) []byte {
	if text == "" {
		return data
	}
	return store.AppendField(data, number, text)
}

func appendInt(data []byte, number byte, n int) []byte {
	if n == 0 {
		return data
	}
	var value [binary.MaxVarintLen64]byte
	return store.AppendField(data, number, binary.AppendVarint(value[:0], int64(n)))
}

func readInt(value []byte) (int, error) {
	n, size := binary.Varint(value)
	if size != len(value) || size == 0 {
		return 0, errors.New("not a number")
	}
	return int(n), nil
}

// appendFlags appends a byte of up to eight flags, the first in its lowest bit.
func appendFlags(data []byte, number byte, flags ...bool) []byte {
	var value byte
	for n, set := range flags {
		if set {
			value |= 1 << n
		}
	}
	if value == 0 {
		return data
	}
	return append(data, number, 1, value)
}

func readFlags(value []byte, flags ...*bool) error {
	if len(value) != 1 {
		return errors.New("not flags")
	}
	for n, flag := range flags {
		*flag = value[0]&(1<<n) != 0
	}
	return nil
}

// appendPairs appends a field for each entry of a map, in the order of their keys.
func appendPairs(data []byte, number byte, pairs map[string]string) []byte {
	var few [8]string
	names := slices.AppendSeq(few[:0], maps.Keys(pairs))
	slices.Sort(names)
	for _, name := range names {
		var length [binary.MaxVarintLen64]byte
		n := binary.PutUvarint(length[:], uint64(len(name)))
		data = binary.AppendUvarint(append(data, number), uint64(n+len(name)+len(pairs[name]))) //nolint:gosec // a length
		data = append(append(append(data, length[:n]...), name...), pairs[name]...)
	}
	return data
}

func readPair(pairs *map[string]string, value []byte, text string) error {
	length, n := binary.Uvarint(value)
	if n <= 0 || length > uint64(len(value)-n) { //nolint:gosec // n is not above the length
		return errors.New("not a name and a value")
	}
	if *pairs == nil {
		*pairs = map[string]string{}
	}
	end := n + int(length) //nolint:gosec // within the value
	(*pairs)[text[n:end]] = text[end:]
	return nil
}

// appendJSON appends what few records have; nothing for nil.
func appendJSON[T any](data []byte, number byte, part *T) ([]byte, error) {
	if part == nil {
		return data, nil
	}
	value, err := json.Marshal(part)
	if err != nil {
		return nil, err
	}
	return store.AppendField(data, number, value), nil
}

// timeSize is a time in a record: seconds of the Unix time, eight bytes, and nanoseconds, four.
const timeSize = 12

func appendTime(data []byte, number byte, t time.Time) []byte {
	if t.IsZero() {
		return data
	}
	return putTime(append(data, number, timeSize), t)
}

func putTime(data []byte, t time.Time) []byte {
	data = binary.BigEndian.AppendUint64(data, uint64(t.Unix()))       //nolint:gosec // the bits are wanted
	return binary.BigEndian.AppendUint32(data, uint32(t.Nanosecond())) //nolint:gosec // below 1e9
}

func readTime(value []byte) (time.Time, error) {
	if len(value) != timeSize {
		return time.Time{}, errors.New("not a time")
	}
	seconds, nanos := int64(binary.BigEndian.Uint64(value)), binary.BigEndian.Uint32(value[8:]) //nolint:gosec // undoes what putTime did
	if nanos >= 1e9 {
		return time.Time{}, errors.New("not a time")
	}
	return time.Unix(seconds, int64(nanos)).UTC(), nil
}
