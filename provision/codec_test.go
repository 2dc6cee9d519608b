package provision

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// drawn sets every field of a value that the JSON of it has, to anything.
func drawn(t *rapid.T, v reflect.Value, name string) {
	if rapid.IntRange(0, 3).Draw(t, name+"?") == 0 {
		return // zero
	}
	switch v.Interface().(type) {
	case time.Time:
		at := time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, name), rapid.Int64Range(0, 999_999_999).Draw(t, name+" ns")).UTC()
		v.Set(reflect.ValueOf(at))
		return
	case json.RawMessage:
		v.SetBytes([]byte(rapid.SampledFrom([]string{`{}`, `{"a":1}`, `"x"`}).Draw(t, name)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			drawn(t, v.Field(i), name+"."+v.Type().Field(i).Name)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		drawn(t, v.Elem(), name)
	case reflect.String:
		v.SetString(rapid.StringN(0, 300, -1).Draw(t, name))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(rapid.Int64().Draw(t, name))
	case reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(t, name))
	case reflect.Array: // an id
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(rapid.Byte().Draw(t, name)))
		}
	case reflect.Slice:
		n := rapid.IntRange(1, 4).Draw(t, name+" length")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			drawn(t, v.Index(i), name)
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(rapid.MapOfN(rapid.String(), rapid.String(), 1, 4).Draw(t, name)))
	default:
		t.Fatalf("%s is a %s: say how one is drawn", name, v.Type())
	}
}

// roundTrip checks that a record comes back as it was, from its own form and from the JSON of before; that equal
// records have equal bytes; and that what is damaged or of a later form is refused.
func roundTrip[T any](t *rapid.T, c store.Codec[T]) {
	var want T
	v := reflect.ValueOf(&want).Elem()
	for i := range v.NumField() {
		drawn(t, v.Field(i), v.Type().Field(i).Name)
	}
	data, err := c.Encode(&want)
	if err != nil {
		t.Fatal(err)
	}
	old, err := json.Marshal(&want)
	if err != nil {
		t.Fatal(err)
	}
	for what, kept := range map[string][]byte{
		"as written":         bytes.Clone(data),
		"with a later field": store.AppendField(bytes.Clone(data), 200, "of a later version"),
		"as JSON":            old,
	} {
		got, err := c.Decode(kept)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		clear(kept) // nothing of it may be kept
		if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" {
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
		t.Fatal("a record of another form was read")
	}
	if _, err := c.Decode(nil); err == nil {
		t.Fatal("nothing was read as a record")
	}
}

func TestCodecsBringBackWhatWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		roundTrip(t, compact[Item, *Item]{})
		roundTrip(t, compact[Account, *Account]{})
	})
}

func anID(n byte) uuid.UUID {
	id := uuid.MustParse("01890000-0000-7000-8000-000000000000")
	id[15] = n
	return id
}

func anItem() *Item {
	return &Item{
		App: "zoom", Subject: personSubject(anID(1)), Generation: 7, State: Ready, Lane: Removal, Due: time.Unix(1, 2).UTC(), Marked: time.Unix(1, 0).UTC(),
		Source: "s", Urgent: true, Cut: true, Causes: []uuid.UUID{anID(2), anID(3)}, Fresh: 1, Attempts: 300,
	}
}

func anAccount() *Account {
	return &Account{
		ID: anID(1), App: "zoom", Person: anID(2), VendorID: "v1", Email: "kim@acme.example", State: Removing, Origin: Created, Role: "agent",
		Profile: map[string]string{"name": "Kim", "a": ""}, Teams: []string{"Tier 1"}, Enforced: true,
		Before:        &adapters.Account{ID: "v1", Email: "kim@acme.example", State: adapters.Active},
		UnwantedSince: time.Unix(1, 0).UTC(), UnwantedWhy: mapping.Deactivated, Done: []adapters.Action{adapters.Suspend},
		Intent: &Intent{Op: OpRemove, At: time.Unix(2, 0).UTC(), Sent: true, Probes: 1}, From: Active, Created: time.Unix(1, 0).UTC(), Modified: time.Unix(2, 0).UTC(),
	}
}

// What is on the disks of those who run it does not change: this is form 1, byte for byte, and the JSON before it.
func TestFormOfRecordsStays(t *testing.T) {
	t.Parallel()
	item, err := anItem().MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	account, err := anAccount().MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ what, got, want string }{
		{"an item", hex.EncodeToString(item), "0101047a6f6f6d0226702f30313839303030302d303030302d373030302d383030302d30303030303030303030303103057265616479040772656d6f" +
			"76616c052000000000000000070000000000000001000000020000000000000001000000000601090801730901020a20018900000000700080000000" +
			"00000002018900000000700080000000000000030c02d804"},
		{"an account", hex.EncodeToString(account), "010120018900000000700080000000000000010189000000007000800000000000000202047a6f6f6d0302763104106b696d4061636d652e6578616d" +
			"706c65050872656d6f76696e6706076372656174656408056167656e740a0201610a08046e616d654b696d0b065469657220310f010210377b226964" +
			"223a227631222c22656d61696c223a226b696d4061636d652e6578616d706c65222c227374617465223a22616374697665227d110c00000000000000" +
			"0100000000120b6465616374697661746564140773757370656e641914010000000000000002000000000272656d6f76651a066163746976651b1800" +
			"0000000000000100000000000000000000000200000000"},
	} {
		if row.got != row.want {
			t.Errorf("%s:\ngot  %s\nwant %s", row.what, row.got, row.want)
		}
	}
}

func TestRecordsOfBeforeAreRead(t *testing.T) {
	t.Parallel()
	const item = `{"app":"zoom","subject":"p/01890000-0000-7000-8000-000000000001","generation":7,"state":"ready","lane":"removal",` +
		`"due":"1970-01-01T00:00:01.000000002Z","marked":"1970-01-01T02:00:01+02:00","source":"s","urgent":true,"fresh":1,"cut":true,` +
		`"causes":["01890000-0000-7000-8000-000000000002","01890000-0000-7000-8000-000000000003"],"attempts":300}`
	var i Item
	if err := i.UnmarshalBinary([]byte(item)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(anItem(), &i); diff != "" {
		t.Errorf("the item (-want +got):\n%s", diff)
	}
	const account = `{"id":"01890000-0000-7000-8000-000000000001","app":"zoom","person":"01890000-0000-7000-8000-000000000002","vendorId":"v1",` +
		`"email":"kim@acme.example","state":"removing","origin":"created","role":"agent","profile":{"a":"","name":"Kim"},"teams":["Tier 1"],"enforced":true,` +
		`"before":{"id":"v1","email":"kim@acme.example","state":"active"},"unwantedSince":"1970-01-01T00:00:01Z","unwantedWhy":"deactivated","done":["suspend"],` +
		`"intent":{"op":"remove","at":"1970-01-01T00:00:02Z","sent":true,"probes":1},"from":"active","created":"1970-01-01T00:00:01Z","modified":"1970-01-01T00:00:02Z"}`
	var a Account
	if err := a.UnmarshalBinary([]byte(account)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(anAccount(), &a); diff != "" {
		t.Errorf("the account (-want +got):\n%s", diff)
	}
}

func FuzzDecodeItem(f *testing.F) { fuzzDecode(f, compact[Item, *Item]{}, anItem()) }

func FuzzDecodeAccount(f *testing.F) { fuzzDecode(f, compact[Account, *Account]{}, anAccount()) }

// fuzzDecode checks that whatever is read as a record is written in a form that stays.
func fuzzDecode[T any](f *testing.F, c store.Codec[T], example *T) {
	data, err := c.Encode(example)
	if err != nil {
		f.Fatal(err)
	}
	old, err := json.Marshal(example)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:40])
	f.Add(old)
	f.Add([]byte{format})
	f.Fuzz(func(t *testing.T, data []byte) {
		record, err := c.Decode(data)
		if err != nil {
			return
		}
		first, err := c.Encode(record)
		if err != nil {
			return // a time in its JSON that JSON cannot have
		}
		record, err = c.Decode(first)
		if err != nil {
			t.Fatalf("%x: written as %x, which is not read: %v", data, first, err)
		}
		if again, err := c.Encode(record); err != nil || !bytes.Equal(first, again) {
			t.Fatalf("%x: written as %x, then as %x, %v", data, first, again, err)
		}
	})
}
