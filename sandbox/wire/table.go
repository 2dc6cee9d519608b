package wire

import (
	"cmp"
	"slices"
	"time"
)

// Table keeps rows with their recent past, so that a reader can be shown the
// state of a moment ago while writers work on the present one. Rows are
// replaced, never changed in place. It is not safe for concurrent use.
type Table[K cmp.Ordered, V any] struct {
	rows map[K][]version[V]
}

type version[V any] struct {
	from  time.Time
	value V
	gone  bool
}

// NewTable returns an empty table.
func NewTable[K cmp.Ordered, V any]() *Table[K, V] {
	return &Table[K, V]{rows: map[K][]version[V]{}}
}

// Put writes the row k at the time now. A zero time makes it visible to every reader.
func (t *Table[K, V]) Put(k K, v V, now time.Time) { t.write(k, version[V]{from: now, value: v}) }

// Delete ends the row k at the time now.
func (t *Table[K, V]) Delete(k K, now time.Time) { t.write(k, version[V]{from: now, gone: true}) }

// kept is how many versions of a row a late reader may choose from.
const kept = 16

func (t *Table[K, V]) write(k K, v version[V]) {
	vs := t.rows[k]
	vs = append(vs, v)
	if v.from.IsZero() {
		vs = vs[len(vs)-1:]
	}
	if len(vs) > kept {
		vs = slices.Delete(vs, 0, len(vs)-kept)
	}
	t.rows[k] = vs
}

// Get returns the row as it is.
func (t *Table[K, V]) Get(k K) (V, bool) { return latest(t.rows[k]) }

// Find returns a present row for which ok is true; which one of several is not said.
func (t *Table[K, V]) Find(ok func(V) bool) (V, bool) {
	for _, vs := range t.rows {
		if v, there := latest(vs); there && ok(v) {
			return v, true
		}
	}
	var none V
	return none, false
}

// Seen returns the row as a reader sees it who is lag behind now.
func (t *Table[K, V]) Seen(k K, now time.Time, lag time.Duration) (V, bool) {
	return seen(t.rows[k], now, lag)
}

// All returns the present rows in the order of their keys.
func (t *Table[K, V]) All() []V {
	return t.AllSeen(time.Time{}, 0)
}

// AllSeen returns, in the order of their keys, the rows a reader sees who is lag behind now.
func (t *Table[K, V]) AllSeen(now time.Time, lag time.Duration) []V {
	keys := make([]K, 0, len(t.rows))
	for k := range t.rows {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	all := make([]V, 0, len(keys))
	for _, k := range keys {
		if v, ok := seen(t.rows[k], now, lag); ok {
			all = append(all, v)
		}
	}
	return all
}

func latest[V any](vs []version[V]) (V, bool) {
	if len(vs) == 0 || vs[len(vs)-1].gone {
		var none V
		return none, false
	}
	return vs[len(vs)-1].value, true
}

func seen[V any](vs []version[V], now time.Time, lag time.Duration) (V, bool) {
	if lag <= 0 {
		return latest(vs)
	}
	limit := now.Add(-lag)
	for len(vs) > 0 && vs[len(vs)-1].from.After(limit) {
		vs = vs[:len(vs)-1]
	}
	return latest(vs)
}
