package storetest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-scim/usher/store"
)

// model is what a store holds, table by table.
type model map[string]map[string]string

func (m model) clone() model {
	c := model{}
	for table, pairs := range m {
		c[table] = maps.Clone(pairs)
	}
	return c
}

// list returns the keys of a table inside the bounds, nil being open.
func (m model) list(table string, from, to []byte) []string {
	keys := []string{}
	for _, key := range slices.Sorted(maps.Keys(m[table])) {
		if key >= string(from) && (to == nil || key < string(to)) {
			keys = append(keys, key)
		}
	}
	return keys
}

// anyHistory plays random transactions on the store and on a map. Each case
// works in tables of its own, in one store that is closed and opened between.
func anyHistory(t *testing.T, f Factory) {
	s, err := f()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if failed := s.Close(); failed != nil {
			t.Error(failed)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		h := &history{t: t, tables: []string{"history-a", "history-b"}, committed: model{"history-a": {}, "history-b": {}}}
		h.clear(s)
		for range rapid.IntRange(1, 12).Draw(t, "transactions") {
			switch rapid.SampledFrom([]string{"update", "update", "update", "fail", "view", "reopen"}).Draw(t, "what") {
			case "update":
				h.update(s, nil)
			case "fail":
				h.update(s, errRefused)
			case "view":
				h.view(s)
			case "reopen":
				if err = s.Close(); err != nil {
					t.Fatal(err)
				}
				if s, err = f(); err != nil {
					t.Fatal(err)
				}
			}
		}
		h.view(s)
	})
}

// history is one case: what is committed, and in which tables.
type history struct {
	t         *rapid.T
	tables    []string
	committed model
}

func (h *history) clear(s store.Store) {
	err := s.Update(context.Background(), func(tx store.Tx) error {
		for _, table := range h.tables {
			for _, key := range list(tx, table, "", "") {
				if err := tx.Delete(table, []byte(key)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) update(s store.Store, outcome error) {
	after := h.committed.clone()
	err := s.Update(context.Background(), func(tx store.Tx) error {
		for range rapid.IntRange(0, 20).Draw(h.t, "operations") {
			table := rapid.SampledFrom(h.tables).Draw(h.t, "table")
			key := rapid.StringMatching(`[a-c]{1,3}`).Draw(h.t, "key")
			switch rapid.SampledFrom([]string{"put", "put", "delete", "range", "get"}).Draw(h.t, "operation") {
			case "put":
				value := rapid.StringN(0, 4, -1).Draw(h.t, "value")
				if err := tx.Put(table, []byte(key), []byte(value)); err != nil {
					return err
				}
				after[table][key] = value
			case "delete":
				if err := tx.Delete(table, []byte(key)); err != nil {
					return err
				}
				delete(after[table], key)
			case "range":
				h.compareRange(tx, after, table)
			case "get":
				h.compareGet(tx, after, table, key)
			}
		}
		return outcome
	})
	if !errors.Is(err, outcome) {
		h.t.Fatalf("update: got %v, want %v", err, outcome)
	}
	if outcome == nil {
		h.committed = after
	}
}

func (h *history) view(s store.Store) {
	err := s.View(context.Background(), func(r store.Reader) error {
		for _, table := range h.tables {
			for key := range h.committed[table] {
				h.compareGet(r, h.committed, table, key)
			}
			h.compareRange(r, h.committed, table)
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) compareGet(r store.Reader, m model, table, key string) {
	want, there := m[table][key]
	got, err := r.Get(table, []byte(key))
	if there != (err == nil) || string(got) != want {
		h.t.Fatalf("get %s/%s: got %q, %v, want %q, there: %v", table, key, got, err, want, there)
	}
}

func (h *history) compareRange(r store.Reader, m model, table string) {
	bounds := rapid.Ptr(rapid.StringMatching(`[a-c]{0,3}`), true)
	from, to := toBytes(bounds.Draw(h.t, "from")), toBytes(bounds.Draw(h.t, "to"))
	want := m.list(table, from, to)
	got := []string{}
	for key, value := range r.Range(table, from, to) {
		got = append(got, string(key))
		if string(value) != m[table][string(key)] {
			h.t.Fatalf("range %s: got %q under %q, want %q", table, value, key, m[table][string(key)])
		}
	}
	if !slices.Equal(got, want) {
		h.t.Fatalf("range %s %q to %q: got %q, want %q", table, from, to, got, want)
	}
	slices.Reverse(want)
	got = got[:0]
	for key := range r.RangeReverse(table, from, to) {
		got = append(got, string(key))
	}
	if !slices.Equal(got, want) {
		h.t.Fatalf("reverse range %s %q to %q: got %q, want %q", table, from, to, got, want)
	}
}

func toBytes(s *string) []byte {
	if s == nil {
		return nil
	}
	return []byte(*s)
}
