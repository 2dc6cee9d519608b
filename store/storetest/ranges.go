package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/store"
)

func rangeBounds(t *testing.T, f Factory) {
	s := f.open(t)
	update(t, s, func(tx store.Tx) error { return put(tx, "t", "b", "bb", "d", "a\x00", "a", "\xff") })
	for _, c := range []struct {
		from, to string
		want     []string
	}{
		{"", "", []string{"a", "a\x00", "b", "bb", "d", "\xff"}},
		{"a", "", []string{"a", "a\x00", "b", "bb", "d", "\xff"}},
		{"a\x00", "d", []string{"a\x00", "b", "bb"}},
		{"", "d", []string{"a", "a\x00", "b", "bb"}},
		{"c", "", []string{"d", "\xff"}},
		{"b", "b", []string{}},
		{"d", "b", []string{}},
		{"e", "f", []string{}},
		{"\xff\xff", "", []string{}},
		{"", "a", []string{}},
	} {
		check := func(r store.Reader) {
			if diff := cmp.Diff(list(r, "t", c.from, c.to), c.want); diff != "" {
				t.Errorf("from %q to %q (-got +want):\n%s", c.from, c.to, diff)
			}
			want := slices.Clone(c.want)
			slices.Reverse(want)
			if diff := cmp.Diff(listReverse(r, "t", c.from, c.to), want); diff != "" {
				t.Errorf("backwards from %q to %q (-got +want):\n%s", c.from, c.to, diff)
			}
			if got := list(r, "no table", c.from, c.to); len(got) != 0 {
				t.Errorf("got %q in a table that is not there", got)
			}
		}
		view(t, s, func(r store.Reader) error { check(r); return nil })
		update(t, s, func(tx store.Tx) error { check(tx); return nil })
	}
	view(t, s, func(r store.Reader) error {
		for key, value := range r.Range("t", []byte{}, nil) {
			if !bytes.Equal(key, value) {
				t.Errorf("got %q under %q", value, key)
			}
		}
		for key := range r.Range("t", nil, []byte{}) {
			t.Errorf("got %q before the empty key", key)
		}
		return nil
	})
}

func rangeOverlay(t *testing.T, f Factory) {
	s := f.open(t)
	update(t, s, func(tx store.Tx) error { return put(tx, "t", "a", "c", "e", "g") })
	update(t, s, func(tx store.Tx) error {
		err := errors.Join(put(tx, "t", "0", "b", "c", "f", "h"), tx.Delete("t", []byte("e")), tx.Delete("t", []byte("a")), put(tx, "t", "a"), tx.Delete("t", []byte("h")), put(tx, "new", "n"))
		if diff := cmp.Diff(list(tx, "t", "", ""), []string{"0", "a", "b", "c", "f", "g"}); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		if diff := cmp.Diff(listReverse(tx, "t", "a", "g"), []string{"f", "c", "b", "a"}); diff != "" {
			t.Errorf("backwards (-got +want):\n%s", diff)
		}
		if diff := cmp.Diff(listReverse(tx, "new", "", ""), []string{"n"}); diff != "" {
			t.Errorf("new table (-got +want):\n%s", diff)
		}
		return err
	})
	if diff := cmp.Diff(keysOf(t, s, "t"), []string{"0", "a", "b", "c", "f", "g"}); diff != "" {
		t.Errorf("afterwards (-got +want):\n%s", diff)
	}
	update(t, s, func(tx store.Tx) error {
		var err error
		for _, key := range list(tx, "t", "", "") {
			err = errors.Join(err, tx.Delete("t", []byte(key)))
		}
		if got := append(list(tx, "t", "", ""), listReverse(tx, "t", "", "")...); len(got) != 0 {
			t.Errorf("got %q in an emptied table", got)
		}
		return err
	})
}

func nestedRanges(t *testing.T, f Factory) {
	s := f.open(t)
	update(t, s, func(tx store.Tx) error { return put(tx, "t", "a", "b", "c") })
	pairs := func(r store.Reader) error {
		var got []string
		for outer := range r.Range("t", nil, nil) {
			for inner := range r.RangeReverse("t", nil, nil) {
				if string(inner) == "a" {
					break
				}
				value, err := r.Get("t", inner)
				if err != nil {
					return err
				}
				got = append(got, string(outer)+string(value))
			}
		}
		if diff := cmp.Diff(got, []string{"ac", "ab", "bc", "bb", "cc", "cb"}); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		return nil
	}
	view(t, s, pairs)
	update(t, s, func(tx store.Tx) error { return pairs(tx) })
}

func writeDuringRange(t *testing.T, f Factory) {
	s := f.open(t)
	update(t, s, func(tx store.Tx) error { return put(tx, "t", "a", "b") })
	for name, write := range map[string]func(store.Tx) error{
		"put":                      func(tx store.Tx) error { return put(tx, "t", "c") },
		"put into another table":   func(tx store.Tx) error { return put(tx, "u", "c") },
		"delete":                   func(tx store.Tx) error { return tx.Delete("t", []byte("a")) },
		"delete what is not there": func(tx store.Tx) error { return tx.Delete("t", []byte("z")) },
	} {
		err := s.Update(context.Background(), func(tx store.Tx) error {
			for range tx.Range("t", nil, nil) {
				for range tx.RangeReverse("t", nil, nil) {
					break // the inner ones have ended, the outer one has not
				}
				for range tx.Range("t", nil, nil) {
					break
				}
				if err := write(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if !errors.Is(err, store.ErrRangeOpen) {
			t.Errorf("%s: got %v, want %v", name, err, store.ErrRangeOpen)
		}
	}
	update(t, s, func(tx store.Tx) error {
		for range tx.Range("t", nil, nil) {
			break
		}
		_ = recovered(func() error {
			for range tx.RangeReverse("t", nil, nil) {
				panic("inside")
			}
			return nil
		})
		return put(tx, "t", "c") // both have ended
	})
	if diff := cmp.Diff(keysOf(t, s, "t"), []string{"a", "b", "c"}); diff != "" {
		t.Errorf("afterwards (-got +want):\n%s", diff)
	}
}

func largeTransaction(t *testing.T, f Factory) {
	const n = 100_000
	s := f.open(t)
	key := func(i int) string { return fmt.Sprintf("%06d", i*7919%n) } // every number once, in no order
	update(t, s, func(tx store.Tx) error {
		for i := range n {
			if err := put(tx, "t", key(i)); err != nil {
				return err
			}
		}
		return nil
	})
	update(t, s, func(tx store.Tx) error {
		for i := range n {
			if i%2 == 0 {
				if err := tx.Delete("t", []byte(key(i))); err != nil {
					return err
				}
			}
		}
		if got, want := len(list(tx, "t", "", "")), n/2; got != want {
			t.Errorf("inside: got %d keys, want %d", got, want)
		}
		return nil
	})
	got := keysOf(t, s, "t")
	if len(got) != n/2 || !slices.IsSorted(got) {
		t.Errorf("got %d keys, sorted: %v, want %d", len(got), slices.IsSorted(got), n/2)
	}
}
