package secrets_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/secrets"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

func clock() time.Time { return time.Date(2026, 3, 1, 9, 0, 0, 0, time.FixedZone("CET", 3600)) }

func open(t *testing.T, s store.Store, b *secrets.Box) *secrets.Vault {
	t.Helper()
	v, err := secrets.OpenVault(t.Context(), s, b, clock)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func set(t *testing.T, v *secrets.Vault, name, plain string) {
	t.Helper()
	if err := v.Set(t.Context(), name, secrets.NewValue(plain)); err != nil {
		t.Fatal(err)
	}
}

func TestAVaultKeepsSecrets(t *testing.T) {
	t.Parallel()
	v := open(t, storetest.New(t), box(t, secrets.NewKeyLine()))
	set(t, v, "zoom", "first")
	set(t, v, "gorgias", "other")
	set(t, v, "zoom", "second")

	if got, err := v.Get(t.Context(), "zoom"); err != nil || got.Reveal() != "second" {
		t.Errorf("Get = %q, %v, want what was set last", got.Reveal(), err)
	}
	infos, err := v.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []secrets.Info{{Name: "gorgias", Set: clock().UTC()}, {Name: "zoom", Set: clock().UTC()}}
	if diff := cmp.Diff(infos, want); diff != "" {
		t.Errorf("List (-got +want):\n%s", diff)
	}
	if err := v.Delete(t.Context(), "zoom"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Get(t.Context(), "zoom"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get after Delete: error = %v, want store.ErrNotFound", err)
	}
	if err := v.Delete(t.Context(), "zoom"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Delete of what is not there: error = %v, want store.ErrNotFound", err)
	}
}

func TestAVaultRefuses(t *testing.T) {
	t.Parallel()
	v := open(t, storetest.New(t), box(t, secrets.NewKeyLine()))
	for _, tc := range []struct{ what, name, plain, want string }{
		{"no name", "", "x", `"" cannot be the name of a secret`},
		{"a path", "../x", "x", `"../x" cannot be the name of a secret`},
		{"capitals", "Zoom", "x", `"Zoom" cannot be the name of a secret`},
		{"a long name", strings.Repeat("n", 65), "x", "cannot be the name of a secret: at most 64"},
		{"nothing", "zoom", "", "the secret is empty"},
		{"too much", "zoom", strings.Repeat("v", secrets.MaxValue+1), "the secret is longer than 65536 bytes"},
	} {
		err := v.Set(t.Context(), tc.name, secrets.NewValue(tc.plain))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error = %v, want one that says %q", tc.what, err, tc.want)
		}
	}
	if infos, err := v.List(t.Context()); err != nil || len(infos) != 0 {
		t.Errorf("List = %v, %v, want nothing", infos, err)
	}
}

// raw reads or writes the bytes of a stored secret, as somebody with the file could.
func raw(t *testing.T, s store.Store, change func(tx store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

func TestTheStoreHoldsNothingReadable(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	set(t, open(t, s, box(t, secrets.NewKeyLine())), "zoom", "hunter2-hunter2")
	seen := 0
	raw(t, s, func(tx store.Tx) error {
		for _, table := range []string{"secrets", "keycheck"} {
			for key, value := range tx.Range(table, nil, nil) {
				seen++
				if bytes.Contains(value, []byte("hunter2")) || bytes.Contains(value, []byte("aHVudGVyMi")) {
					t.Errorf("%s/%s shows the secret: %s", table, key, value)
				}
			}
		}
		return nil
	})
	if seen != 2 {
		t.Errorf("saw %d records, want the secret and the mark", seen)
	}
}

func TestSecretsCannotBeSwapped(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	v := open(t, s, box(t, secrets.NewKeyLine()))
	set(t, v, "admin-key", "strong")
	set(t, v, "guest-key", "weak")
	raw(t, s, func(tx store.Tx) error {
		weak, err := tx.Get("secrets", []byte("guest-key"))
		if err != nil {
			return err
		}
		return tx.Put("secrets", []byte("admin-key"), bytes.ReplaceAll(weak, []byte("guest-key"), []byte("admin-key")))
	})
	if _, err := v.Get(t.Context(), "admin-key"); !errors.Is(err, secrets.ErrTampered) {
		t.Errorf("a secret put under another's name: error = %v, want ErrTampered", err)
	}
}

func TestAVaultIsNotOpenedWithAnotherKeyFile(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	open(t, s, box(t, secrets.NewKeyLine()))
	_, err := secrets.OpenVault(t.Context(), s, box(t, secrets.NewKeyLine()), clock)
	if !errors.Is(err, secrets.ErrOtherKey) || !strings.Contains(err.Error(), "usher.key") {
		t.Errorf("error = %v, want ErrOtherKey with the file's name", err)
	}
}

func TestAVaultIsResealed(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	older, newer := secrets.NewKeyLine(), secrets.NewKeyLine()
	set(t, open(t, s, box(t, older)), "zoom", "z")
	both := open(t, s, box(t, newer, older))
	set(t, both, "gorgias", "g")

	for _, want := range []int{1, 0} {
		if got, err := both.Reseal(t.Context()); err != nil || got != want {
			t.Errorf("Reseal = %d, %v, want %d", got, err, want)
		}
	}
	alone := open(t, s, box(t, newer))
	for name, want := range map[string]string{"zoom": "z", "gorgias": "g"} {
		if got, err := alone.Get(t.Context(), name); err != nil || got.Reveal() != want {
			t.Errorf("%s, without the old key: %q, %v, want %q", name, got.Reveal(), err, want)
		}
	}
	if _, err := secrets.OpenVault(t.Context(), s, box(t, older), clock); !errors.Is(err, secrets.ErrOtherKey) {
		t.Errorf("with the old key alone: error = %v, want ErrOtherKey", err)
	}
}

// A secret set while a Reseal runs stays as it was set.
func TestResealLeavesWhatIsSetMeanwhile(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	older, newer := secrets.NewKeyLine(), secrets.NewKeyLine()
	set(t, open(t, s, box(t, older)), "zoom", "old")
	rotated := box(t, newer, older)
	v := open(t, s, rotated)
	meanwhile := &setBefore{Store: s, set: func() { set(t, v, "zoom", "new") }}
	if _, err := open(t, meanwhile, rotated).Reseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !meanwhile.done {
		t.Fatal("nothing was set meanwhile")
	}
	if got, err := v.Get(t.Context(), "zoom"); err != nil || got.Reveal() != "new" {
		t.Errorf("Get = %q, %v, want what was set meanwhile", got.Reveal(), err)
	}
}

// setBefore sets a secret between the first View and the Update that follows it.
type setBefore struct {
	store.Store
	set          func()
	viewed, done bool
}

func (s *setBefore) View(ctx context.Context, fn func(store.Reader) error) error {
	s.viewed = true
	return s.Store.View(ctx, fn)
}

func (s *setBefore) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.viewed && !s.done {
		s.done = true
		s.set()
	}
	return s.Store.Update(ctx, fn)
}
