package audit

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/store"
)

func drawID(t *rapid.T, label string) uuid.UUID {
	return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, label))
}

func drawIDs(t *rapid.T, label string) (ids []uuid.UUID) {
	for range rapid.IntRange(0, 4).Draw(t, label+" count") {
		ids = append(ids, drawID(t, label))
	}
	return ids
}

func drawChange(t *rapid.T) Change {
	id := drawID(t, "id")
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	c := Change{
		ID: id, At: time.UnixMilli(rapid.Int64Range(0, 1<<45).Draw(t, "at")).UTC(),
		Actor: Actor{
			Kind: ActorKind(rapid.String().Draw(t, "kind")),
			ID:   rapid.String().Draw(t, "actor"), Name: rapid.StringN(0, 300, -1).Draw(t, "actor's name"),
		},
		Act: Act(rapid.StringN(1, 40, -1).Draw(t, "act")), Request: rapid.String().Draw(t, "request"),
		Persons: drawIDs(t, "persons"), Parts: rapid.IntRange(0, MaxParts).Draw(t, "parts"),
		Group:      rapid.SampledFrom([]uuid.UUID{uuid.Nil, id}).Draw(t, "group"),
		WholeGroup: rapid.Bool().Draw(t, "whole group"), Everybody: rapid.Bool().Draw(t, "everybody"),
		App: rapid.String().Draw(t, "app"), Removing: rapid.Bool().Draw(t, "removing"), Confirmed: rapid.Bool().Draw(t, "confirmed"),
		Exceeding: rapid.Bool().Draw(t, "exceeding"),
		Account:   rapid.SampledFrom([]uuid.UUID{uuid.Nil, id}).Draw(t, "account"), Causes: drawIDs(t, "causes"),
	}
	if rapid.Bool().Draw(t, "has detail") {
		c.Detail = []byte(`{"attributes":["title"]}`)
	}
	return c
}

func TestCodecBringsBackWhatWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawChange(t)
		data, err := encode(want)
		if err != nil {
			t.Fatal(err)
		}
		for what, kept := range map[string][]byte{
			"as written":         bytes.Clone(data),
			"with a later field": store.AppendField(bytes.Clone(data), 200, "of a later version"),
		} {
			got, err := decode(want.ID[:], kept)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			clear(kept) // nothing of it may be kept
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", what, diff)
			}
		}
		if _, err := decode(want.ID[:], data[:len(data)-1]); err == nil {
			t.Fatal("a change without its last byte was read")
		}
		for _, person := range append(want.Persons, drawID(t, "another")) {
			listed, parts, err := lists(data, person)
			if err != nil || listed != slices.Contains(want.Persons, person) || !listed && parts != (want.Parts > 0) {
				t.Fatalf("lists %s: got %v, %v, %v", person, listed, parts, err)
			}
		}
		data[0]++
		if _, err := decode(want.ID[:], data); err == nil {
			t.Fatal("a change of another format was read")
		}
	})
}

// Facts stay readable for years: this is format 1 of a change, byte for byte.
func TestFormatOfAChangeStays(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("01890000-0000-7000-8000-000000000001")
	data, err := encode(Change{
		ID: id, At: time.UnixMilli(1).UTC(), Actor: Actor{Kind: BySource, ID: "s", Name: "okta"}, Act: "a", Request: "r",
		Persons: []uuid.UUID{id}, Parts: 2, Group: id, App: "z", Removing: true, Account: id, Causes: []uuid.UUID{id}, Detail: []byte(`{}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	hexID := "01890000000070008000000000000001"
	want := "01" + "0108" + "0000000000000001" + "0201" + "04" + "0301" + "61" + "0406" + "736f75726365" + "0501" + "73" + "0604" + "6f6b7461" +
		"0701" + "72" + "0810" + hexID + "0904" + "00000002" + "0a10" + hexID + "0b01" + "7a" + "0c10" + hexID + "0d10" + hexID + "0e02" + "7b7d"
	if got := hex.EncodeToString(data); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	id := uuid.MustParse("01890000-0000-7000-8000-000000000001")
	data, err := encode(Change{ID: id, Act: "a", Persons: []uuid.UUID{id}, Parts: 2})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:20])
	f.Add([]byte{format})
	f.Add([]byte{format, fieldAct, 1, 'a', fieldPersons, 0, fieldDetail, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decode(id[:], data)
		if err != nil || len(c.Persons) > PersonsInline {
			return
		}
		again, err := encode(c)
		if err != nil {
			t.Fatal(err)
		}
		same, err := decode(id[:], again)
		if err != nil || !cmp.Equal(c, same) {
			t.Fatalf("%x: read as %+v, then as %+v, %v", data, c, same, err)
		}
	})
}
