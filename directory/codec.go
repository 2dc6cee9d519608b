package directory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// What every request reads or writes is kept in a compact form without reflection: a format byte, then
// fields of the store. Attributes stand there as they were written, so a read hands them on as they are.
// A number, once used, keeps its meaning; a new field gets the next one and is absent in what was
// written before.
const format = 1

// The fields of a Record and of a Group.
const (
	fieldIDs   = iota + 1 // of a record person and source, of a group its own and source
	fieldState            // flags, version, created, modified
	fieldName             // userName or displayName
	fieldExternalID
	fieldEmail // one for each
	fieldKept
	fieldDeleted
	fieldAttributes
	fieldMembers // how many a group has, eight bytes
)

const flagActive = 1

type (
	recordCodec struct{}
	groupCodec  struct{}
	denyCodec   struct{}
	traceCodec  struct{}
)

var (
	_ store.Codec[Record] = recordCodec{}
	_ store.Codec[Group]  = groupCodec{}
	_ store.Codec[Deny]   = denyCodec{}
	_ store.Codec[trace]  = traceCodec{}
)

var errFormat = errors.New("the record has a form that this program does not know")

// Encode implements store.Codec.
func (recordCodec) Encode(r *Record) ([]byte, error) {
	size := 96 + len(r.UserName) + len(r.ExternalID) + len(r.Kept) + len(r.Attributes)
	for _, e := range r.Emails {
		size += len(e) + 4
	}
	data := append(make([]byte, 0, size), format)
	var flags byte
	if r.Active {
		flags |= flagActive
	}
	data = appendIDs(data, r.Person, r.Source)
	data = appendState(data, flags, r.Version, r.Created, r.Modified)
	data = store.AppendField(data, fieldName, r.UserName)
	if r.ExternalID != "" {
		data = store.AppendField(data, fieldExternalID, r.ExternalID)
	}
	for _, e := range r.Emails {
		data = store.AppendField(data, fieldEmail, e)
	}
	if len(r.Kept) > 0 {
		data = store.AppendField(data, fieldKept, r.Kept)
	}
	return store.AppendField(data, fieldAttributes, r.Attributes), nil
}

// Decode implements store.Codec.
func (recordCodec) Decode(data []byte) (*Record, error) {
	r := new(Record)
	// One copy for all: the strings are cut out of text, and the attributes, which the caller may
	// change, out of a copy of their own.
	err := eachField(data, func(number byte, value []byte, text string) (err error) {
		switch number {
		case fieldIDs:
			r.Person, r.Source, err = readIDs(value)
		case fieldState:
			var flags byte
			flags, r.Version, r.Created, r.Modified, err = readState(value)
			r.Active = flags&flagActive != 0
		case fieldName:
			r.UserName = text
		case fieldExternalID:
			r.ExternalID = text
		case fieldEmail:
			r.Emails = append(r.Emails, text)
		case fieldKept:
			r.Kept = append(r.Kept, value...)
		case fieldAttributes:
			r.Attributes = append(make([]byte, 0, len(value)), value...)
		}
		return err
	})
	if err == nil && r.Attributes == nil {
		err = errors.New("the record has no attributes")
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Encode implements store.Codec.
func (groupCodec) Encode(g *Group) ([]byte, error) {
	data := append(make([]byte, 0, 96+len(g.Name)+len(g.ExternalID)+len(g.Attributes)), format)
	data = appendIDs(data, g.ID, g.Source)
	data = appendState(data, 0, g.Version, g.Created, g.Modified)
	data = store.AppendField(data, fieldName, g.Name)
	if g.ExternalID != "" {
		data = store.AppendField(data, fieldExternalID, g.ExternalID)
	}
	if !g.Deleted.IsZero() {
		var at [8]byte
		data = store.AppendField(data, fieldDeleted, putMillis(at[:0], g.Deleted))
	}
	if g.Members != 0 {
		data = append(data, fieldMembers, 8)
		data = binary.BigEndian.AppendUint64(data, uint64(g.Members)) //nolint:gosec // not negative
	}
	if len(g.Attributes) > 0 {
		data = store.AppendField(data, fieldAttributes, g.Attributes)
	}
	return data, nil
}

// Decode implements store.Codec.
func (groupCodec) Decode(data []byte) (*Group, error) {
	g := new(Group)
	err := eachField(data, func(number byte, value []byte, text string) (err error) {
		switch number {
		case fieldIDs:
			g.ID, g.Source, err = readIDs(value)
		case fieldState:
			_, g.Version, g.Created, g.Modified, err = readState(value)
		case fieldName:
			g.Name = text
		case fieldExternalID:
			g.ExternalID = text
		case fieldDeleted:
			g.Deleted, err = readMillis(value)
		case fieldMembers:
			g.Members = int(readCount(value))
		case fieldAttributes:
			g.Attributes = append(g.Attributes, value...)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// groupName reads of a stored group what its members see of it.
func groupName(data []byte) (name string, deleted bool, err error) {
	if len(data) == 0 || data[0] != format {
		return "", false, errFormat
	}
	for fields := data[1:]; len(fields) > 0; {
		number, value, rest, err := store.CutField(fields)
		if err != nil {
			return "", false, err
		}
		switch number {
		case fieldName:
			name = string(value)
		case fieldDeleted:
			deleted = true
		}
		fields = rest
	}
	return name, deleted, nil
}

// Encode implements store.Codec.
func (denyCodec) Encode(y *Deny) ([]byte, error) {
	data := append(make([]byte, 0, 48), format)
	data = appendIDs(data, y.Person, y.Source)
	return appendState(data, 0, y.Version, y.At, y.At), nil
}

// Decode implements store.Codec.
func (denyCodec) Decode(data []byte) (*Deny, error) {
	y := new(Deny)
	err := eachField(data, func(number byte, value []byte, _ string) (err error) {
		switch number {
		case fieldIDs:
			y.Person, y.Source, err = readIDs(value)
		case fieldState:
			_, y.Version, y.At, _, err = readState(value)
		}
		return err
	})
	return y, err
}

// Encode implements store.Codec.
func (traceCodec) Encode(t *trace) ([]byte, error) {
	data := append(make([]byte, 0, 72+len(t.Key)), format)
	data = appendIDs(data, t.Person, uuid.Nil)
	data = appendState(data, 0, t.Version, t.At, t.At)
	return store.AppendField(data, fieldName, t.Key), nil
}

// Decode implements store.Codec.
func (traceCodec) Decode(data []byte) (*trace, error) {
	t := new(trace)
	err := eachField(data, func(number byte, value []byte, _ string) (err error) {
		switch number {
		case fieldIDs:
			t.Person, _, err = readIDs(value)
		case fieldState:
			_, t.Version, t.At, _, err = readState(value)
		case fieldName:
			t.Key = append(t.Key, value...)
		}
		return err
	})
	return t, err
}

// eachField tells read of every field of a record; text is the value as a string of its own, and
// empty for attributes. The value is not the record's to keep.
func eachField(data []byte, read func(number byte, value []byte, text string) error) error {
	if len(data) == 0 || data[0] != format {
		return errFormat
	}
	texts := textOf(data)
	for fields := data[1:]; len(fields) > 0; {
		number, value, rest, err := store.CutField(fields)
		if err != nil {
			return err
		}
		text := ""
		if end := len(data) - len(rest); end <= len(texts) {
			text = texts[end-len(value) : end]
		}
		if err = read(number, value, text); err != nil {
			return fmt.Errorf("field %d: %w", number, err)
		}
		fields = rest
	}
	return nil
}

// textOf returns what stands before the attributes, the last field, as one string.
func textOf(data []byte) string {
	for fields := data[1:]; len(fields) > 0; {
		number, _, rest, err := store.CutField(fields)
		if err != nil || number == fieldAttributes {
			return string(data[:len(data)-len(fields)])
		}
		fields = rest
	}
	return string(data)
}

func appendIDs(data []byte, a, b uuid.UUID) []byte {
	data = append(data, fieldIDs, 32)
	return append(append(data, a[:]...), b[:]...)
}

func readIDs(value []byte) (a, b uuid.UUID, err error) {
	if len(value) != 32 {
		return a, b, errors.New("not two ids")
	}
	return uuid.UUID(value[:16]), uuid.UUID(value[16:]), nil
}

func appendState(data []byte, flags byte, version uint64, created, modified time.Time) []byte {
	data = append(data, fieldState, 25, flags)
	data = binary.BigEndian.AppendUint64(data, version)
	return putMillis(putMillis(data, created), modified)
}

func readState(value []byte) (flags byte, version uint64, created, modified time.Time, err error) {
	if len(value) != 25 {
		return 0, 0, created, modified, errors.New("not flags, a version and two times")
	}
	if created, err = readMillis(value[9:17]); err == nil {
		modified, err = readMillis(value[17:25])
	}
	return value[0], binary.BigEndian.Uint64(value[1:9]), created, modified, err
}

// putMillis appends a time to the millisecond; all times of the directory are.
func putMillis(data []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(data, uint64(t.UnixMilli()))
}

func readMillis(value []byte) (time.Time, error) {
	if len(value) != 8 {
		return time.Time{}, errors.New("not a time")
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(value))).UTC(), nil //nolint:gosec // undoes what putMillis did
}
