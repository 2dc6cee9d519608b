package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/scim"
	"github.com/usher-scim/usher/secrets"
	"github.com/usher-scim/usher/store"
)

// readSchemas reads the custom attributes that the setting "schemas" names.
func readSchemas(files []string) ([]scim.CustomSchema, error) {
	all := make([]scim.CustomSchema, 0, len(files))
	for _, name := range files {
		text, err := readBounded(name, scim.MaxSchema+1)
		if err != nil {
			return nil, fmt.Errorf("schemas: %w", err)
		}
		s, err := scim.ParseSchema(name, text)
		if err != nil {
			return nil, fmt.Errorf("schemas: %w", err)
		}
		all = append(all, s)
	}
	return all, nil
}

// cursorEntry is the stored secret that SCIM cursors are sealed with. It is made at the first start, so that a
// client that pages through a long list does not notice a restart; whoever removes it only ends open cursors.
const cursorEntry = "usher.cursor-key"

func cursorKey(ctx context.Context, vault *secrets.Vault) ([]byte, error) {
	key, err := vault.Get(ctx, cursorEntry)
	if errors.Is(err, store.ErrNotFound) {
		key = secrets.NewValue(rand.Text() + rand.Text())
		err = vault.Set(ctx, cursorEntry, key)
	}
	if err != nil {
		return nil, fmt.Errorf("the key of SCIM cursors: %w", err)
	}
	return []byte(key.Reveal()), nil
}

// readBounded reads at most limit bytes of a file.
func readBounded(name string, limit int64) (text []byte, err error) {
	f, err := os.Open(name) // #nosec G304 -- an administrator's setting
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s", name)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if text, err = io.ReadAll(io.LimitReader(f, limit)); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, plain(err))
	}
	return text, nil
}

// status tells SCIM clients what became of a person.
func status(e *provision.Engine) scim.StatusFunc {
	return func(ctx context.Context, person uuid.UUID) ([]scim.AppStatus, error) {
		all, err := e.PersonStatus(ctx, person)
		if err != nil {
			return nil, err
		}
		apps := make([]scim.AppStatus, len(all))
		for i, s := range all {
			apps[i] = scim.AppStatus{App: s.App, State: s.State, AccountID: s.AccountID, Since: s.Since, Error: s.Error}
		}
		return apps, nil
	}
}
