package store_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/store"
)

// part draws short byte strings that are rich in what a key escapes.
func part() *rapid.Generator[[]byte] {
	return rapid.SliceOfN(rapid.SampledFrom([]byte{0x00, 0x01, 0x02, 'a', 0xfe, 0xff}), 0, 4)
}

func TestKeysSortAsTheirPartsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(part(), 0, 4)
		a, b := parts.Draw(t, "a"), parts.Draw(t, "b")
		got := bytes.Compare(store.Key(a...), store.Key(b...))
		if want := slices.CompareFunc(a, b, bytes.Compare); got != want {
			t.Fatalf("%x and %x: got %d, want %d", store.Key(a...), store.Key(b...), got, want)
		}
		isPrefix := len(a) <= len(b) && slices.EqualFunc(a, b[:min(len(a), len(b))], bytes.Equal)
		if got := bytes.HasPrefix(store.Key(b...), store.Key(a...)); got != isPrefix {
			t.Fatalf("%x begins %x: got %v, want %v", store.Key(a...), store.Key(b...), got, isPrefix)
		}
	})
}

func TestKeysComeApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(part(), 0, 4).Draw(t, "parts")
		got, err := store.SplitKey(store.Key(want...))
		if err != nil || !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("got %x, %v, want %x", got, err, want)
		}
	})
	for name, key := range map[string]string{
		"no end":         "a",
		"half an end":    "a\x00",
		"unknown escape": "a\x00\x02\x00\x01",
		"an open part":   "a\x00\x01b",
	} {
		if got, err := store.SplitKey([]byte(key)); err == nil {
			t.Errorf("%s: got %x, want an error", name, got)
		}
	}
}

func TestPrefixEnd(t *testing.T) {
	for _, c := range []struct{ prefix, want []byte }{
		{[]byte("a"), []byte("b")},
		{[]byte("a\xff"), []byte("b")},
		{[]byte("a\x00"), []byte("a\x01")},
		{[]byte("\xff\xff"), nil},
		{[]byte{}, nil},
		{nil, nil},
	} {
		before := bytes.Clone(c.prefix)
		if got := store.PrefixEnd(c.prefix); !bytes.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%x: got %x, want %x", c.prefix, got, c.want)
		}
		if !bytes.Equal(c.prefix, before) {
			t.Errorf("%x was changed", before)
		}
	}
}

func TestTimesSortAndComeBack(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	times := []time.Time{
		time.Unix(0, -1<<63),
		time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC),
		time.Unix(0, -1), time.Unix(0, 0), time.Unix(0, 1),
		time.Date(2026, 3, 1, 0, 30, 0, 0, berlin),
		time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		time.Unix(0, 1<<63-1),
	}
	var before []byte
	for _, at := range times {
		got, err := store.ParseTime(store.Time(at))
		if err != nil || !got.Equal(at) || got.Location() != time.UTC {
			t.Errorf("got %v, %v, want %v in UTC", got, err, at.UTC())
		}
		if bytes.Compare(before, store.Time(at)) >= 0 {
			t.Errorf("%v does not sort behind the one before", at)
		}
		before = store.Time(at)
	}
	if got, want := store.Time(time.Time{}), store.Time(times[0]); !bytes.Equal(got, want) {
		t.Errorf("the zero time: got %x, want the earliest %x", got, want)
	}
	if got, want := store.Time(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)), store.Time(times[len(times)-1]); !bytes.Equal(got, want) {
		t.Errorf("the year 9999: got %x, want the latest %x", got, want)
	}
	if got, err := store.ParseTime([]byte("short")); err == nil {
		t.Errorf("got %v from five bytes, want an error", got)
	}
}

func TestNumbersAndIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b")
		if got := bytes.Compare(store.Uint64(a), store.Uint64(b)); (got < 0) != (a < b) || (got == 0) != (a == b) {
			t.Fatalf("%d and %d: got %d", a, b, got)
		}
		if got, err := store.ParseUint64(store.Uint64(a)); err != nil || got != a {
			t.Fatalf("got %d, %v, want %d", got, err, a)
		}
	})
	if _, err := store.ParseUint64(nil); err == nil {
		t.Error("read a number from nothing")
	}
	id := uuid.MustParse("0196f5a0-7c1e-7b3a-9d2f-1a2b3c4d5e6f")
	if diff := cmp.Diff(store.UUID(id), id[:]); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestFitKeepsValuesApart(t *testing.T) {
	long := bytes.Repeat([]byte("v"), 5000)
	seen := map[string]int{}
	for n := range long {
		got := store.Fit(long[:n])
		if n <= store.MaxIndexValue && !bytes.Equal(got, long[:n]) {
			t.Fatalf("%d bytes: a value that fits was changed", n)
		}
		if len(got) > store.MaxIndexValue+1 || !bytes.HasPrefix(got, long[:min(n, store.MaxIndexPrefix)]) {
			t.Fatalf("%d bytes: got %d bytes, or another beginning", n, len(got))
		}
		if other, taken := seen[string(got)]; taken {
			t.Fatalf("values of %d and %d bytes meet", n, other)
		}
		seen[string(got)] = n
		if again := store.Fit(got); len(got) <= store.MaxIndexValue && !bytes.Equal(again, got) {
			t.Fatalf("%d bytes: a value that fits was changed again", n)
		}
	}
}

func FuzzSplitKey(f *testing.F) {
	for _, seed := range [][]byte{nil, {0, 1}, {'a', 0, 255, 0, 1}, {0}, {'a', 0, 2}, store.Key([]byte("a\x00b"), nil)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key []byte) {
		parts, err := store.SplitKey(key)
		if err == nil && !bytes.Equal(store.Key(parts...), key) {
			t.Errorf("%x came back as %x", key, store.Key(parts...))
		}
		if err != nil && errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}
