package secrets

import (
	"context"
	"errors"
	"fmt"

	"github.com/usher-scim/usher/store"
)

// ErrNoVault means that a store was never opened by a server: it holds nothing that a key could be tried on.
var ErrNoVault = errors.New("it was never opened by a server of usher")

// Fits reports whether the keys of box belong to the data in s: the mark that OpenVault left, and every stored secret, can be
// opened. It writes nothing. The error is ErrNoVault, ErrOtherKey or ErrTampered, or of the store.
func Fits(ctx context.Context, s store.Store, box *Box) error {
	err := s.View(ctx, func(r store.Reader) error {
		sealed, err := r.Get(checkTable, []byte(checkKey))
		if errors.Is(err, store.ErrNotFound) {
			return ErrNoVault
		}
		if err == nil {
			_, err = box.Open(checkName, sealed)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("trying the keys: %w", err)
	}
	v := &Vault{store: s, box: box, table: vaultEntries()}
	all, err := v.all(ctx)
	if err != nil {
		return err
	}
	for _, e := range all {
		if _, err := box.Open(recordKey(e.Name), e.Sealed); err != nil {
			return fmt.Errorf("trying the keys: %w", err)
		}
	}
	return nil
}
