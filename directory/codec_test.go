package directory

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/store"
)

func drawTime(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, label+" is zero") {
		return time.Time{}
	}
	return time.UnixMilli(rapid.Int64Range(0, 1<<45).Draw(t, label)).UTC()
}

func drawID(t *rapid.T, label string) uuid.UUID {
	return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, label))
}

func drawRecord(t *rapid.T) Record {
	r := Record{
		Person: drawID(t, "person"), Source: drawID(t, "source"),
		UserName: rapid.String().Draw(t, "userName"), ExternalID: rapid.String().Draw(t, "externalId"),
		Active: rapid.Bool().Draw(t, "active"), Version: rapid.Uint64().Draw(t, "version"),
		Attributes: drawObject(t, "attributes"),
		Created:    drawTime(t, "created"), Modified: drawTime(t, "modified"),
	}
	if emails := rapid.SliceOfN(rapid.StringN(0, 300, -1), 0, 5).Draw(t, "emails"); len(emails) > 0 {
		r.Emails = emails
	}
	if rapid.Bool().Draw(t, "keeps") {
		r.Kept = drawObject(t, "kept")
	}
	return r
}

func drawGroup(t *rapid.T) Group {
	g := Group{
		ID: drawID(t, "id"), Source: drawID(t, "source"),
		Name: rapid.String().Draw(t, "name"), ExternalID: rapid.String().Draw(t, "externalId"),
		Version: rapid.Uint64().Draw(t, "version"), Members: rapid.IntRange(0, 1<<40).Draw(t, "members"),
		Created: drawTime(t, "created"), Modified: drawTime(t, "modified"), Deleted: drawTime(t, "deleted"),
	}
	if rapid.Bool().Draw(t, "has attributes") {
		g.Attributes = drawObject(t, "attributes")
	}
	return g
}

// roundTrip checks that a record comes back as it was, that equal records have equal bytes,
// that a field of a later version is passed over, and that what is cut off is refused or reads as less, never as rubbish.
func roundTrip[T any](t *rapid.T, c store.Codec[T], want T) {
	data, err := c.Encode(&want)
	if err != nil {
		t.Fatal(err)
	}
	for what, kept := range map[string][]byte{
		"as written":         bytes.Clone(data),
		"with a later field": store.AppendField(bytes.Clone(data), 200, "of a later version"),
	} {
		got, err := c.Decode(kept)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		clear(kept) // nothing of it may be kept
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", what, diff)
		}
		again, err := c.Encode(got)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%s: encoded again as %x, %v; want %x", what, again, err, data)
		}
	}
	if _, err := c.Decode(data[:len(data)-1]); err == nil {
		t.Fatal("a record without its last byte was read")
	}
	data[0]++
	if _, err := c.Decode(data); err == nil {
		t.Fatal("a record of another format was read")
	}
	if _, err := c.Decode(nil); err == nil {
		t.Fatal("nothing was read as a record")
	}
}

func TestCodecsBringBackWhatWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		roundTrip(t, recordCodec{}, drawRecord(t))
		group := drawGroup(t)
		roundTrip(t, groupCodec{}, group)
		data, err := groupCodec{}.Encode(&group)
		if err != nil {
			t.Fatal(err)
		}
		if name, deleted, err := groupName(data); err != nil || name != group.Name || deleted != !group.Deleted.IsZero() {
			t.Fatalf("the group %+v is named %q, deleted: %v, %v", group, name, deleted, err)
		}
		roundTrip(t, denyCodec{}, Deny{Person: drawID(t, "denied"), Source: drawID(t, "by"), At: drawTime(t, "at"), Version: rapid.Uint64().Draw(t, "version")})
		roundTrip(t, traceCodec{}, trace{Key: traceKey(drawID(t, "of"), "a", "b"), Person: drawID(t, "traced"), At: drawTime(t, "at"), Version: rapid.Uint64().Draw(t, "last")})
	})
}

// What is on the disks of those who run it does not change: this is format 1 of a record, byte for byte.
func TestFormatOfARecordStays(t *testing.T) {
	t.Parallel()
	r := Record{
		Person: uuid.MustParse("01890000-0000-7000-8000-000000000001"), Source: uuid.MustParse("01890000-0000-7000-8000-000000000002"),
		UserName: "kim", ExternalID: "x", Active: true, Emails: []string{"a@b", "c@d"},
		Attributes: json.RawMessage(`{"a":1}`), Kept: json.RawMessage(`{}`), Version: 3,
		Created: time.UnixMilli(1).UTC(), Modified: time.UnixMilli(2).UTC(),
	}
	data, err := recordCodec{}.Encode(&r)
	if err != nil {
		t.Fatal(err)
	}
	want := "01" + "0120" + "01890000000070008000000000000001" + "01890000000070008000000000000002" +
		"0219" + "01" + "0000000000000003" + "0000000000000001" + "0000000000000002" +
		"0303" + "6b696d" + "0401" + "78" + "0503" + "614062" + "0503" + "634064" + "0602" + "7b7d" + "0807" + "7b2261223a317d"
	if got := hex.EncodeToString(data); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	data, err := recordCodec{}.Encode(&Record{UserName: "kim", Emails: []string{"a@b"}, Attributes: json.RawMessage(`{}`)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:40])
	f.Add([]byte{format})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := recordCodec{}.Decode(data)
		if err != nil {
			return
		}
		again, err := recordCodec{}.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		same, err := recordCodec{}.Decode(again)
		if err != nil || !cmp.Equal(r, same) {
			t.Fatalf("%x: read as %+v, then as %+v, %v", data, r, same, err)
		}
	})
}
