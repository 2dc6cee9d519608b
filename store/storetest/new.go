package storetest

import (
	"path/filepath"
	"testing"

	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/bolt"
)

// New returns an empty store for one test: the embedded backend in a
// temporary directory, without syncing. It is closed when the test ends.
func New(t testing.TB) store.Store {
	t.Helper()
	s, err := bolt.Open(filepath.Join(t.TempDir(), "usher.db"), bolt.Options{NoSync: true, MapSize: 1 << 30})
	if err != nil {
		t.Fatalf("open a store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}
