package secrets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usher-scim/usher/store"
)

const (
	vaultTable = "secrets"
	checkTable = "keycheck"
	checkKey   = "box"
	checkName  = "the data's key check" // the mark's record key
)

// Vault keeps named secrets in the store, sealed by a box. It is safe for concurrent use.
type Vault struct {
	store store.Store
	box   *Box
	now   func() time.Time
	table *store.Table[entry]
}

// Info says of a stored secret what may be known.
type Info struct {
	Name string    `json:"name"`
	Set  time.Time `json:"set"` // in UTC
}

type entry struct {
	Info
	Sealed []byte `json:"sealed"`
}

// OpenVault returns the vault in s. The first time, it leaves a sealed mark in s; ever
// after, it opens that mark, so that a start with the wrong key file fails at once with
// ErrOtherKey, in a sentence that names the file, and not in the middle of the night.
func OpenVault(ctx context.Context, s store.Store, box *Box, now func() time.Time) (*Vault, error) {
	v := &Vault{store: s, box: box, now: now, table: vaultEntries()}
	mark := box.Seal(checkName, nil)
	err := s.Update(ctx, func(tx store.Tx) error {
		sealed, err := tx.Get(checkTable, []byte(checkKey))
		if errors.Is(err, store.ErrNotFound) {
			return tx.Put(checkTable, []byte(checkKey), mark)
		}
		if err != nil {
			return err
		}
		_, err = box.Open(checkName, sealed)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening the vault: %w", err)
	}
	return v, nil
}

func vaultEntries() *store.Table[entry] {
	return store.NewTable(vaultTable, func(e *entry) []byte { return []byte(e.Name) }, nil)
}

// Set stores value under name, replacing what was there. The name is one that
// CheckName allows, the value has 1 to MaxValue bytes.
func (v *Vault) Set(ctx context.Context, name string, value Value) error {
	err := CheckName(name)
	if err == nil {
		err = checkValue(value)
	}
	if err != nil {
		return fmt.Errorf("storing a secret: %w", err)
	}
	e := &entry{Info: Info{Name: name, Set: v.now().UTC()}, Sealed: v.box.Seal(recordKey(name), []byte(value.plain))}
	err = v.store.Update(ctx, func(tx store.Tx) error { return v.table.Put(tx, e) })
	if err != nil {
		return fmt.Errorf("storing the secret %s: %w", name, err)
	}
	return nil
}

// Get returns the secret of that name; store.ErrNotFound, wrapped, if there is none.
func (v *Vault) Get(ctx context.Context, name string) (Value, error) {
	var e *entry
	err := v.store.View(ctx, func(r store.Reader) (err error) {
		e, err = v.table.Get(r, []byte(name))
		return err
	})
	if err != nil {
		return Value{}, fmt.Errorf("reading the secret %s: %w", clip(name), err)
	}
	plain, err := v.box.Open(recordKey(name), e.Sealed)
	if err != nil {
		return Value{}, err
	}
	return NewValue(string(plain)), nil
}

// Delete removes the secret of that name; store.ErrNotFound, wrapped, if there is none.
func (v *Vault) Delete(ctx context.Context, name string) error {
	err := v.store.Update(ctx, func(tx store.Tx) error { return v.table.Delete(tx, []byte(name)) })
	if err != nil {
		return fmt.Errorf("deleting the secret %s: %w", clip(name), err)
	}
	return nil
}

// List returns what may be known of all secrets, by name.
func (v *Vault) List(ctx context.Context) ([]Info, error) {
	entries, err := v.all(ctx)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, len(entries))
	for i, e := range entries {
		infos[i] = e.Info
	}
	return infos, nil
}

// Reseal seals anew, with the current key, what older keys of the ring sealed, and
// returns how many secrets that were. Afterwards the older keys can leave the key file, as far as the
// vault is concerned. It may be interrupted and repeated; a secret that is set meanwhile is left alone.
func (v *Vault) Reseal(ctx context.Context) (int, error) {
	entries, err := v.all(ctx)
	if err != nil {
		return 0, err
	}
	resealed := 0
	for _, e := range entries {
		if v.box.Current(e.Sealed) {
			continue
		}
		if err = v.reseal(ctx, e); err != nil {
			return resealed, err
		}
		resealed++
	}
	mark := v.box.Seal(checkName, nil)
	err = v.store.Update(ctx, func(tx store.Tx) error { return tx.Put(checkTable, []byte(checkKey), mark) })
	if err != nil {
		return resealed, fmt.Errorf("sealing the key check: %w", err)
	}
	return resealed, nil
}

func (v *Vault) reseal(ctx context.Context, e *entry) error {
	plain, err := v.box.Open(recordKey(e.Name), e.Sealed)
	if err != nil {
		return err
	}
	fresh := &entry{Info: e.Info, Sealed: v.box.Seal(recordKey(e.Name), plain)}
	err = v.store.Update(ctx, func(tx store.Tx) error {
		switch current, getErr := v.table.Get(tx, []byte(e.Name)); {
		case errors.Is(getErr, store.ErrNotFound):
			return nil
		case getErr != nil:
			return getErr
		case !bytes.Equal(current.Sealed, e.Sealed):
			return nil
		}
		return v.table.Put(tx, fresh)
	})
	if err != nil {
		return fmt.Errorf("sealing the secret %s anew: %w", e.Name, err)
	}
	return nil
}

func (v *Vault) all(ctx context.Context) ([]*entry, error) {
	var entries []*entry
	err := v.store.View(ctx, func(r store.Reader) error {
		entries = nil
		for e, err := range v.table.Scan(r, nil) {
			if err != nil {
				return err
			}
			entries = append(entries, e)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the secrets: %w", err)
	}
	return entries, nil
}

// recordKey is what binds a sealed secret to its name. It reads well in an error.
func recordKey(name string) string { return "the secret " + name }
