package secrets_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-scim/usher/secrets"
)

// box returns a box over a key file with the given lines.
func box(t testing.TB, lines ...string) *secrets.Box {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usher.key")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	ring, err := secrets.LoadKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	return secrets.NewBox(ring)
}

func TestWhatIsSealedOpensAndNothingElse(t *testing.T) {
	t.Parallel()
	b := box(t, secrets.NewKeyLine())
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.String().Draw(t, "record key")
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "value")
		sealed := b.Seal(key, plain)
		if got, err := b.Open(key, sealed); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("Open = %q, %v, want %q", got, err, plain)
		}
		if bytes.Equal(sealed, b.Seal(key, plain)) {
			t.Fatal("sealing twice gave the same bytes")
		}
		if other := rapid.String().Draw(t, "other record key"); other != key {
			if _, err := b.Open(other, sealed); !errors.Is(err, secrets.ErrTampered) {
				t.Fatalf("under another record key: error = %v, want ErrTampered", err)
			}
		}
		cut := rapid.IntRange(0, len(sealed)-1).Draw(t, "cut")
		if _, err := b.Open(key, sealed[:cut]); err == nil {
			t.Fatalf("cut to %d bytes it still opens", cut)
		}
	})
}

func TestEveryChangedBitIsFound(t *testing.T) {
	t.Parallel()
	b := box(t, secrets.NewKeyLine())
	sealed := b.Seal("r", []byte("value"))
	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			_, err := b.Open("r", changed)
			if !errors.Is(err, secrets.ErrTampered) && !errors.Is(err, secrets.ErrOtherKey) {
				t.Errorf("byte %d, bit %d: error = %v, want ErrTampered or ErrOtherKey", i, bit, err)
			}
		}
	}
	if _, err := b.Open("r", append(bytes.Clone(sealed), 0)); !errors.Is(err, secrets.ErrTampered) {
		t.Errorf("with a byte more: error = %v, want ErrTampered", err)
	}
}

func TestTheWrongKeyFileIsSaidInOneSentence(t *testing.T) {
	t.Parallel()
	sealed := box(t, secrets.NewKeyLine()).Seal("the secret gorgias", []byte("hunter2"))
	_, err := box(t, secrets.NewKeyLine()).Open("the secret gorgias", sealed)
	if !errors.Is(err, secrets.ErrOtherKey) {
		t.Fatalf("error = %v, want ErrOtherKey", err)
	}
	for _, want := range []string{"the secret gorgias", "usher.key", "give the key file that belongs to this data"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	older, newer := secrets.NewKeyLine(), secrets.NewKeyLine()
	before, during, after := box(t, older), box(t, newer, older), box(t, newer)

	old := before.Seal("r", []byte("x"))
	if got, err := during.Open("r", old); err != nil || string(got) != "x" {
		t.Errorf("what the old key sealed: Open = %q, %v, want it", got, err)
	}
	if during.Current(old) {
		t.Error("what the old key sealed counts as current")
	}
	fresh := during.Seal("r", []byte("x"))
	if !during.Current(fresh) {
		t.Error("what was sealed now does not count as current")
	}
	if got, err := after.Open("r", fresh); err != nil || string(got) != "x" {
		t.Errorf("without the old key: Open = %q, %v, want what the new one sealed", got, err)
	}
	if _, err := after.Open("r", old); !errors.Is(err, secrets.ErrOtherKey) {
		t.Errorf("without the old key: error = %v, want ErrOtherKey", err)
	}
}

func FuzzOpen(f *testing.F) {
	b := box(f, secrets.NewKeyLine())
	f.Add("r", b.Seal("r", []byte("x")))
	f.Add("", []byte{})
	f.Add("r", []byte{1, 2, 3})
	f.Add("r", bytes.Repeat([]byte{1}, 9))
	f.Fuzz(func(t *testing.T, key string, sealed []byte) {
		plain, err := b.Open(key, sealed)
		if err != nil && plain != nil {
			t.Errorf("Open gave both %q and %v", plain, err)
		}
	})
}
