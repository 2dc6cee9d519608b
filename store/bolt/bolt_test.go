package bolt_test

import (
	"path/filepath"
	"testing"

	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/bolt"
	"github.com/usher-scim/usher/store/storetest"
)

func TestConformance(t *testing.T) {
	for name, options := range map[string]bolt.Options{
		"many share a commit": {},
		"each commits alone":  {BatchSize: 1, NoSync: true},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Factory {
				path := filepath.Join(t.TempDir(), "usher.db")
				return func() (store.Store, error) { return bolt.Open(path, options) }
			})
		})
	}
}
