package store_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-scim/usher/store"
)

func TestFieldsComeBackInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 300)).Draw(t, "values")
		numbers := rapid.SliceOfN(rapid.Byte(), len(values), len(values)).Draw(t, "numbers")
		var fields []byte
		for i, v := range values {
			fields = store.AppendField(fields, numbers[i], v)
		}
		for i := range values {
			number, value, rest, err := store.CutField(fields)
			if err != nil || number != numbers[i] || !bytes.Equal(value, values[i]) {
				t.Fatalf("field %d: got %d %q, %v; want %d %q", i, number, value, err, numbers[i], values[i])
			}
			fields = rest
		}
		if len(fields) != 0 {
			t.Fatalf("%d bytes are left", len(fields))
		}
	})
}

func TestFieldsThatAreCutOffAreRefused(t *testing.T) {
	t.Parallel()
	whole := store.AppendField(nil, 7, bytes.Repeat([]byte{1}, 200))
	for n := range whole {
		if _, _, _, err := store.CutField(whole[:n]); err == nil {
			t.Errorf("the first %d bytes of %d were read as a field", n, len(whole))
		}
	}
	if _, _, _, err := store.CutField(slices.Concat([]byte{7}, bytes.Repeat([]byte{0xff}, 11))); err == nil {
		t.Error("a length beyond all numbers was read")
	}
}
