package provision

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/google/uuid"
)

// The fields of an Item.
const (
	itemApp     = iota + 1
	itemSubject // "p/" + person id, or "t/" + team name
	itemState
	itemLane
	itemClock // generation (eight bytes), due, marked
	itemFlags // one byte: urgent, approved, edited, cut, prompt, exceeds
	itemWork
	itemSource
	itemFresh
	itemCauses // ids, one after the other
	itemDropped
	itemAttempts
	itemRounds
	itemNotBefore
	itemFailure // JSON
	itemTurns
)

// MarshalBinary returns the item as the store keeps it: the same bytes for equal items.
func (i *Item) MarshalBinary() ([]byte, error) {
	size := 96 + len(i.App) + len(i.Subject) + len(i.State) + len(i.Lane) + len(i.Work) + len(i.Source) + 16*len(i.Causes)
	data := append(make([]byte, 0, size), format)
	data = appendText(data, itemApp, i.App)
	data = appendText(data, itemSubject, i.Subject)
	data = appendText(data, itemState, i.State)
	data = appendText(data, itemLane, i.Lane)
	data = append(data, itemClock, 8+2*timeSize)
	data = binary.BigEndian.AppendUint64(data, i.Generation)
	data = putTime(putTime(data, i.Due), i.Marked)
	data = appendFlags(data, itemFlags, i.Urgent, i.Approved, i.Edited, i.Cut, i.Prompt, i.Exceeds)
	data = appendText(data, itemWork, i.Work)
	data = appendText(data, itemSource, i.Source)
	data = appendInt(data, itemFresh, i.Fresh)
	if len(i.Causes) > 0 {
		data = append(data, itemCauses)
		data = binary.AppendUvarint(data, uint64(16*len(i.Causes)))
		for _, id := range i.Causes {
			data = append(data, id[:]...)
		}
	}
	data = appendInt(data, itemDropped, i.Dropped)
	data = appendInt(data, itemAttempts, i.Attempts)
	data = appendInt(data, itemRounds, i.Rounds)
	data = appendTime(data, itemNotBefore, i.NotBefore)
	data, err := appendJSON(data, itemFailure, i.Failure)
	return appendTime(data, itemTurns, i.Turns), err
}

// UnmarshalBinary reads an item as a store keeps it, in any form that it ever had. It keeps nothing of data.
func (i *Item) UnmarshalBinary(data []byte) error {
	*i = Item{}
	if len(data) > 0 && data[0] == object {
		return json.Unmarshal(data, i)
	}
	return eachField(data, i.read)
}

func (i *Item) read(number byte, value []byte, text string) (err error) {
	switch number {
	case itemApp:
		i.App = text
	case itemSubject:
		i.Subject = text
	case itemState:
		i.State = ItemState(text)
	case itemLane:
		i.Lane = Lane(text)
	case itemClock:
		if len(value) != 8+2*timeSize {
			return errors.New("not a generation and two times")
		}
		i.Generation = binary.BigEndian.Uint64(value)
		if i.Due, err = readTime(value[8 : 8+timeSize]); err == nil {
			i.Marked, err = readTime(value[8+timeSize:])
		}
	case itemFlags:
		err = readFlags(value, &i.Urgent, &i.Approved, &i.Edited, &i.Cut, &i.Prompt, &i.Exceeds)
	case itemWork:
		i.Work = Kind(text)
	case itemSource:
		i.Source = text
	case itemFresh:
		i.Fresh, err = readInt(value)
	case itemCauses:
		if len(value)%16 != 0 || len(value) == 0 {
			return errors.New("not ids")
		}
		i.Causes = make([]uuid.UUID, len(value)/16)
		for n := range i.Causes {
			i.Causes[n] = uuid.UUID(value[16*n : 16*n+16])
		}
	case itemDropped:
		i.Dropped, err = readInt(value)
	case itemAttempts:
		i.Attempts, err = readInt(value)
	case itemRounds:
		i.Rounds, err = readInt(value)
	case itemNotBefore:
		i.NotBefore, err = readTime(value)
	case itemFailure:
		err = json.Unmarshal(value, &i.Failure)
	case itemTurns:
		i.Turns, err = readTime(value)
	}
	return err
}
