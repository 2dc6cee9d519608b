package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// A change is kept under its id as a format byte and fields of the store (store.AppendField), in the order of their
// numbers; one that is zero is left out. A number, once used, keeps its meaning, and a field
// that a program does not know is passed over: facts outlive the program that wrote them.
const format = 1

const (
	fieldAt    = iota + 1 // milliseconds of the Unix time, eight bytes
	fieldFlags            // one byte
	fieldAct
	fieldActorKind
	fieldActorID
	fieldActorName
	fieldRequest
	fieldPersons // ids, one after the other
	fieldParts   // four bytes
	fieldGroup
	fieldApp
	fieldAccount
	fieldCauses // ids
	fieldDetail // JSON
)

const (
	flagWholeGroup = 1 << iota
	flagEverybody
	flagRemoving
	flagConfirmed
	flagExceeding
)

// encode checks what every change must have and renders it.
func encode(c Change) ([]byte, error) {
	switch {
	case c.ID.Version() != 7:
		return nil, fmt.Errorf("id %s is not a UUIDv7", c.ID)
	case c.Act == "":
		return nil, errors.New("no act")
	case len(c.Persons) > PersonsInline:
		return nil, fmt.Errorf("%d persons are more than the %d a change lists itself", len(c.Persons), PersonsInline)
	}
	size := 64 + 16*len(c.Persons) + 16*len(c.Causes) + len(c.Detail) + len(c.Act) +
		len(c.Actor.Kind) + len(c.Actor.ID) + len(c.Actor.Name) + len(c.Request) + len(c.App)
	data := append(make([]byte, 0, size), format, fieldAt, 8)
	data = binary.BigEndian.AppendUint64(data, uint64(c.At.UnixMilli())) // #nosec G115 -- the bits are wanted
	if flags := c.flags(); flags != 0 {
		data = append(data, fieldFlags, 1, flags)
	}
	data = store.AppendField(data, fieldAct, c.Act)
	data = appendText(data, fieldActorKind, string(c.Actor.Kind))
	data = appendText(data, fieldActorID, c.Actor.ID)
	data = appendText(data, fieldActorName, c.Actor.Name)
	data = appendText(data, fieldRequest, c.Request)
	data = appendIDs(data, fieldPersons, c.Persons)
	if c.Parts != 0 {
		data = append(data, fieldParts, 4)
		data = binary.BigEndian.AppendUint32(data, uint32(c.Parts)) // #nosec G115 -- at most MaxParts
	}
	data = appendID(data, fieldGroup, c.Group)
	data = appendText(data, fieldApp, c.App)
	data = appendID(data, fieldAccount, c.Account)
	data = appendIDs(data, fieldCauses, c.Causes)
	if len(c.Detail) > 0 {
		data = store.AppendField(data, fieldDetail, c.Detail)
	}
	return data, nil
}

// decode reads what encode rendered for the change under key. It keeps nothing of value.
func decode(key, value []byte) (Change, error) {
	c := Change{ID: uuid.UUID(key)}
	err := eachField(value, c.read)
	if err == nil && c.Act == "" {
		err = errors.New("no act")
	}
	if err != nil {
		return Change{}, fmt.Errorf("read change %s: %w", c.ID, err)
	}
	return c, nil
}

// read takes over one field. It returns true to go on.
func (c *Change) read(number byte, value []byte) (bool, error) {
	var err error
	switch number {
	case fieldAt:
		if len(value) != 8 {
			return false, errors.New("its time is damaged")
		}
		c.At = time.UnixMilli(int64(binary.BigEndian.Uint64(value))).UTC() // #nosec G115 -- undoes encode
	case fieldFlags:
		if len(value) != 1 {
			return false, errors.New("its flags are damaged")
		}
		c.WholeGroup, c.Everybody = value[0]&flagWholeGroup != 0, value[0]&flagEverybody != 0
		c.Removing, c.Confirmed = value[0]&flagRemoving != 0, value[0]&flagConfirmed != 0
		c.Exceeding = value[0]&flagExceeding != 0
	case fieldAct:
		c.Act = Act(value)
	case fieldActorKind:
		c.Actor.Kind = ActorKind(value)
	case fieldActorID:
		c.Actor.ID = string(value)
	case fieldActorName:
		c.Actor.Name = string(value)
	case fieldRequest:
		c.Request = string(value)
	case fieldPersons:
		c.Persons, err = readIDs(value)
	case fieldParts:
		if len(value) != 4 {
			return false, errors.New("the number of its parts is damaged")
		}
		c.Parts = int(binary.BigEndian.Uint32(value))
	case fieldGroup:
		c.Group, err = readID(value)
	case fieldApp:
		c.App = string(value)
	case fieldAccount:
		c.Account, err = readID(value)
	case fieldCauses:
		c.Causes, err = readIDs(value)
	case fieldDetail:
		c.Detail = append(c.Detail, value...)
	}
	return true, err
}

// lists reports whether a change lists a person itself, and whether it has parts, without decoding it.
func lists(value []byte, person uuid.UUID) (listed, parts bool, err error) {
	err = eachField(value, func(number byte, value []byte) (bool, error) {
		switch number {
		case fieldPersons:
			listed = packedHas(value, person)
		case fieldParts:
			parts = true
		}
		return number < fieldParts && !listed, nil
	})
	return listed, parts, err
}

// eachField tells read of each field until it does not want more.
func eachField(data []byte, read func(number byte, value []byte) (bool, error)) error {
	if len(data) == 0 || data[0] != format {
		return errors.New("it has a form that this program does not know")
	}
	for fields := data[1:]; len(fields) > 0; {
		number, value, rest, err := store.CutField(fields)
		if err != nil {
			return err
		}
		if more, err := read(number, value); !more || err != nil {
			return err
		}
		fields = rest
	}
	return nil
}

func (c *Change) flags() byte {
	var flags byte
	for _, f := range []struct {
		set  bool
		flag byte
	}{
		{c.WholeGroup, flagWholeGroup}, {c.Everybody, flagEverybody}, {c.Removing, flagRemoving},
		{c.Confirmed, flagConfirmed}, {c.Exceeding, flagExceeding},
	} {
		if f.set {
			flags |= f.flag
		}
	}
	return flags
}

func appendText(data []byte, number byte, text string) []byte {
	if text == "" {
		return data
	}
	return store.AppendField(data, number, text)
}

func appendID(data []byte, number byte, id uuid.UUID) []byte {
	if id == uuid.Nil {
		return data
	}
	return store.AppendField(data, number, id[:])
}

func appendIDs(data []byte, number byte, ids []uuid.UUID) []byte {
	if len(ids) == 0 {
		return data
	}
	data = append(data, number)
	data = binary.AppendUvarint(data, uint64(16*len(ids)))
	return appendPacked(data, ids)
}

func readID(value []byte) (uuid.UUID, error) {
	if len(value) != 16 {
		return uuid.Nil, errors.New("an id in it is damaged")
	}
	return uuid.UUID(value), nil
}

func readIDs(value []byte) ([]uuid.UUID, error) {
	if len(value)%16 != 0 {
		return nil, errors.New("a list of ids in it is damaged")
	}
	if len(value) == 0 {
		return nil, nil
	}
	return unpackIDs(value), nil
}
