package secrets_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/usher-scim/usher/secrets"
)

func TestAKeyFileIsMadeOncePrivateAndWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "usher.key")

	first, err := secrets.EnsureKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed := secrets.NewBox(first).Seal("r", []byte("x"))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), fs.FileMode(0o600); got != want {
		t.Errorf("mode = %04o, want %04o", got, want)
	}
	again, err := secrets.EnsureKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, openErr := secrets.NewBox(again).Open("r", sealed); openErr != nil || string(got) != "x" {
		t.Errorf("after a second start: Open = %q, %v, want what was sealed", got, openErr)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(files), 1; got != want {
		t.Errorf("%d files beside the key, want only the key file: %v", got, files)
	}
}

func TestStartsAtOnceGetTheSameKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.key")
	rings := make([]*secrets.Keyring, 8)
	var starts sync.WaitGroup
	for i := range rings {
		starts.Go(func() {
			ring, err := secrets.EnsureKeyring(path)
			if err != nil {
				t.Error(err)
			}
			rings[i] = ring
		})
	}
	starts.Wait()
	if t.Failed() {
		return
	}
	sealed := secrets.NewBox(rings[0]).Seal("r", []byte("x"))
	for i, ring := range rings {
		if _, err := secrets.NewBox(ring).Open("r", sealed); err != nil {
			t.Errorf("start %d has another key: %v", i, err)
		}
	}
}

func TestKeyFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	key := secrets.NewKeyLine()
	for _, tc := range []struct {
		name, text string
		mode       fs.FileMode
		want       string
	}{
		{"readable by the group", key, 0o640, "can be read by others (mode 0640): run chmod 600 on it"},
		{"readable by all", key, 0o644, "can be read by others (mode 0644): run chmod 600 on it"},
		{"writable by the group", key, 0o620, "can be read by others (mode 0620): run chmod 600 on it"},
		{"empty", "", 0o600, "holds no key"},
		{"only comments", "# nothing\n\n", 0o600, "holds no key"},
		{"not base64", "# key\nhello world\n", 0o600, "line 2: this is not a key"},
		{"too short a key", "c2hvcnQ=\n", 0o600, "line 1: this is not a key"},
		{"the same key twice", key + key, 0o600, "line 2: this key"},
		{"far too long", strings.Repeat("#", 70<<10), 0o600, "is longer than 65536 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "k")
			if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tc.mode); err != nil {
				t.Fatal(err)
			}
			for how, load := range map[string]func(string) (*secrets.Keyring, error){"Load": secrets.LoadKeyring, "Ensure": secrets.EnsureKeyring} {
				_, err := load(path)
				if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path) {
					t.Errorf("%s: error = %v, want one that says %q and names the file", how, err, tc.want)
				}
				if err != nil && strings.Contains(err.Error(), strings.TrimSpace(key)) {
					t.Errorf("%s: the error shows the key: %v", how, err)
				}
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != tc.text {
				t.Errorf("the refused file was changed (%v)", err)
			}
		})
	}
}

func TestAGivenKeyFileMustExist(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing")
	_, err := secrets.LoadKeyring(path)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "the key file "+path+" does not exist") {
		t.Errorf("error = %v, want one that says that %s does not exist", err, path)
	}
	if _, statErr := os.Stat(path); !errors.Is(statErr, fs.ErrNotExist) {
		t.Errorf("Load made the file (%v)", statErr)
	}
	_, err = secrets.EnsureKeyring(filepath.Join(path, "usher.key"))
	if err == nil || !strings.Contains(err.Error(), "making the key file") {
		t.Errorf("in a folder that is not there: error = %v, want one about making the key file", err)
	}
	_, err = secrets.LoadKeyring(t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("a folder: error = %v, want one that says so", err)
	}
}
