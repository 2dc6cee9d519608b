package store

import (
	"encoding/binary"
	"errors"
)

// A record that is written on every request is kept as fields: the number of a field in one
// byte, the length of its value as an unsigned varint, the value. Fields say themselves
// where they end, so one that is new to a reader is passed over, and one that is not there is
// zero. What stands before the first field, a format byte say, is the owner's.

// AppendField appends a field to a record.
func AppendField[V ~[]byte | ~string](record []byte, number byte, value V) []byte {
	record = append(record, number)
	record = binary.AppendUvarint(record, uint64(len(value)))
	return append(record, value...)
}

// CutField returns the first of the fields, and those behind it. The value is not copied.
func CutField(fields []byte) (number byte, value, rest []byte, err error) {
	if len(fields) < 2 {
		return 0, nil, nil, errors.New("read a field: it is cut off")
	}
	number = fields[0]
	length, n := uint64(fields[1]), 1
	if length >= 0x80 {
		if length, n = binary.Uvarint(fields[1:]); n <= 0 {
			return 0, nil, nil, errors.New("read a field: its length is damaged")
		}
	}
	fields = fields[1+n:]
	if length > uint64(len(fields)) {
		return 0, nil, nil, errors.New("read a field: it is cut off")
	}
	return number, fields[:length:length], fields[length:], nil
}
