package storetest

import (
	"context"
	"testing"

	"github.com/usher-scim/usher/store"
)

// Factory opens one and the same store, empty at first, every time it is called. It
// is called again only after the store of the last call was closed.
type Factory func() (store.Store, error)

// Run checks that a backend keeps the contract of package store. fresh returns
// a factory for a new, empty store; what it needs to clean up it registers with t.
func Run(t *testing.T, fresh func(t *testing.T) Factory) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Factory){
		"a failed update is undone whole":                  failedUpdate,
		"a panic reaches its caller and is undone":         panickingUpdate,
		"a view sees one state while others commit":        isolation,
		"an update sees its own writes":                    ownWrites,
		"an ended context runs nothing":                    endedContext,
		"a view inside an update sees the last commit":     viewInsideUpdate,
		"an update that runs again leaves the same":        runAgain,
		"one bad update among many is undone alone":        badNeighbours,
		"concurrent increments lose nothing":               increments,
		"only one of many claims succeeds":                 claims,
		"close may come twice and refuses what follows":    closing,
		"commits are there after reopening":                reopening,
		"keys and values within and beyond the limits":     limits,
		"slices are not kept":                              sliceReuse,
		"ranges have their bounds":                         rangeBounds,
		"ranges mix stored and new writes":                 rangeOverlay,
		"ranges nest":                                      nestedRanges,
		"writes during a range are refused":                writeDuringRange,
		"records: unique values":                           uniqueValues,
		"records: unique values under concurrency":         uniqueRace,
		"any history reads like that of a sorted map":      anyHistory,
		"a hundred thousand writes fit in one transaction": largeTransaction,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

// open opens the store for a whole test.
func (f Factory) open(t *testing.T) store.Store {
	t.Helper()
	s, err := f()
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func update(t testing.TB, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func view(t testing.TB, s store.Store, fn func(store.Reader) error) {
	t.Helper()
	if err := s.View(context.Background(), fn); err != nil {
		t.Fatalf("view: %v", err)
	}
}

// put writes keys with themselves as values.
func put(tx store.Tx, table string, keys ...string) error {
	for _, key := range keys {
		if err := tx.Put(table, []byte(key), []byte(key)); err != nil {
			return err
		}
	}
	return nil
}

// keysOf lists a table.
func keysOf(t testing.TB, s store.Store, table string) []string {
	t.Helper()
	var keys []string
	view(t, s, func(r store.Reader) error {
		keys = list(r, table, "", "")
		return nil
	})
	return keys
}

// list returns the keys from <= key < to; "" is an open end.
func list(r store.Reader, table, from, to string) []string {
	keys := []string{}
	for key := range r.Range(table, bound(from), bound(to)) {
		keys = append(keys, string(key))
	}
	return keys
}

// listReverse is list in descending order.
func listReverse(r store.Reader, table, from, to string) []string {
	keys := []string{}
	for key := range r.RangeReverse(table, bound(from), bound(to)) {
		keys = append(keys, string(key))
	}
	return keys
}

func bound(key string) []byte {
	if key == "" {
		return nil
	}
	return []byte(key)
}
