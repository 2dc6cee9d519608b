package gateway

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/usher-scim/usher/secrets"
	"github.com/usher-scim/usher/store"
)

// auditEntry is the secret that signs the checkpoints of the audit.
const auditEntry = "usher.audit-key"

// auditKey returns the key that signs the audit, which is made at the first start.
func auditKey(ctx context.Context, vault *secrets.Vault) (ed25519.PrivateKey, error) {
	value, err := vault.Get(ctx, auditEntry)
	if errors.Is(err, store.ErrNotFound) {
		seed := make([]byte, ed25519.SeedSize)
		_, _ = rand.Read(seed) // never fails (crypto/rand)
		value = secrets.NewValue(base64.StdEncoding.EncodeToString(seed))
		err = vault.Set(ctx, auditEntry, value)
	}
	if err != nil {
		return nil, fmt.Errorf("the key of the audit: %w", err)
	}
	seed, err := base64.StdEncoding.DecodeString(value.Reveal())
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("the key of the audit: the secret %s is not what Usher stored there; restore it from a backup", auditEntry)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
