package bolt

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-scim/usher/store"
)

// Whatever the updates of one commit write, in whatever order some of them fail: each sees what the
// successful ones before it left, and the file has what they left together.
func TestUpdatesOfOneCommitAreUndoneAlone(t *testing.T) {
	s := openTest(t, Options{NoSync: true})
	committed := map[string]string{}
	rapid.Check(t, func(t *rapid.T) {
		b := s.open()
		if b.failure != nil {
			t.Fatal(b.failure)
		}
		done := false
		defer func() {
			if !done {
				_ = b.bolt.Rollback() // the check failed
			}
		}()
		for range rapid.IntRange(1, 6).Draw(t, "updates") {
			var err error
			seen := maps.Clone(committed)
			tx := &tx{reader: reader{snapshot: b.snapshot}, batch: b, undo: b.undo[:0]}
			for range rapid.IntRange(0, 12).Draw(t, "writes") {
				key := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "key")
				if rapid.Bool().Draw(t, "delete") {
					err = tx.Delete("t", []byte(key))
					delete(seen, key)
				} else {
					value := rapid.StringN(0, 3, -1).Draw(t, "value")
					err = tx.Put("t", []byte(key), []byte(value))
					seen[key] = value
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			compareTable(t, tx, seen)
			failed := rapid.Bool().Draw(t, "failed")
			tx.end(failed)
			if !failed {
				committed = seen
			}
		}
		done = true
		ended := b.outcome
		if s.finish(); ended.err != nil {
			t.Fatal(ended.err)
		}
		tx, err := s.db.Begin(false)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		compareTable(t, &reader{snapshot: newSnapshot(tx)}, committed)
	})
}

func compareTable(t *rapid.T, r store.Reader, want map[string]string) {
	got := map[string]string{}
	var order []string
	for key, value := range r.Range("t", nil, nil) {
		got[string(key)] = string(value)
		order = append(order, string(key))
	}
	if !maps.Equal(got, want) || !slices.IsSorted(order) {
		t.Fatalf("got %q in the order %q, want %q", got, order, want)
	}
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		value, err := r.Get("t", []byte(key))
		if held, there := want[key]; there != (err == nil) || string(value) != held {
			t.Fatalf("get %s: got %q, %v, want %q, there: %v", key, value, err, held, there)
		}
	}
}

// The pending writes stay sorted and whole over many splits.
func TestPendingIsASortedSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, want := &pending{}, map[uint16]bool{}
		for _, n := range rapid.SliceOfN(rapid.Uint16Range(0, 4000), 0, 3000).Draw(t, "inserted") {
			if at, found := p.seek(store.Uint64(uint64(n))); found != want[n] {
				t.Fatalf("%d is there: got %v, want %v", n, found, want[n])
			} else if !found {
				p.insert(at, &write{key: store.Uint64(uint64(n))})
				want[n] = true
			}
		}
		for _, n := range rapid.SliceOfN(rapid.Uint16Range(0, 4000), 0, 1000).Draw(t, "removed") {
			p.remove(store.Uint64(uint64(n)))
			delete(want, n)
		}
		var forth, back []*write
		for at := (place{}); p.at(at) != nil; at = p.next(at) {
			forth = append(forth, p.at(at))
		}
		for at := p.previous(p.end()); p.at(at) != nil; at = p.previous(at) {
			back = append(back, p.at(at))
		}
		slices.Reverse(back)
		sorted := slices.IsSortedFunc(forth, func(a, b *write) int { return bytes.Compare(a.key, b.key) })
		if len(forth) != len(want) || !sorted || !slices.Equal(forth, back) {
			t.Fatalf("got %d forth, %d back, sorted: %v, want %d", len(forth), len(back), sorted, len(want))
		}
		for n := range want {
			if p.get(store.Uint64(uint64(n))) == nil {
				t.Fatalf("%d is missing", n)
			}
		}
	})
}

// A file that outgrows its map is mapped anew; what was read before is not touched.
func TestTheFileOutgrowsItsMap(t *testing.T) {
	s := openTest(t, Options{MapSize: 1, NoSync: true})
	const n = 200
	value := bytes.Repeat([]byte("v"), 4000)
	for i := range uint64(n) {
		if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", store.Uint64(i), value) }); err != nil {
			t.Fatal(err)
		}
	}
	err := s.View(t.Context(), func(r store.Reader) error {
		got := 0
		for _, v := range r.Range("t", nil, nil) {
			if !bytes.Equal(v, value) {
				return errors.New("a value changed")
			}
			got++
		}
		if got != n {
			t.Errorf("got %d values, want %d", got, n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
