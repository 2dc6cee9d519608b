package bolt

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var errDied = errors.New("the process died")

// storeWith makes a store at path that holds t/key and nothing else.
func storeWith(t *testing.T, path, key string) {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Update(t.Context(), put("t", key)), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// holds says which of the keys the store at path has, after reading all of it.
func holdsOf(t *testing.T, path string, keys ...string) string {
	t.Helper()
	s, err := OpenReadOnly(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	var found []string
	for _, key := range keys {
		if has(t, s, "t", key) {
			found = append(found, key)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(found, " ")
}

// Wherever the process ends, a whole store is in place: the former one, or the restored one, and the former one is kept.
func TestASwapThatIsCutLeavesOneOfTheTwo(t *testing.T) {
	t.Parallel()
	noLinks := func(string, string) error { return errors.New("this file system has no links") }
	for _, test := range []struct {
		name    string
		link    func(string, string) error
		dieAt   string
		inPlace string
		keeps   bool
	}{
		{"nothing in the way", os.Link, "", "restored", true},
		{"dies after the present one is kept", os.Link, "kept", "present", true},
		{"dies after the rename", os.Link, "renamed", "restored", true},
		{"without links", noLinks, "", "restored", true},
		{"without links, dies while copying", noLinks, "copied", "present", false},
		{"without links, dies after the copy", noLinks, "kept", "present", true},
		{"without links, dies after the rename", noLinks, "renamed", "restored", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path, with, kept := filepath.Join(dir, "usher.db"), filepath.Join(dir, "new"), filepath.Join(dir, "kept")
			storeWith(t, path, "present")
			storeWith(t, with, "restored")
			err := swapping{link: test.link, reached: func(step string) error {
				if step == test.dieAt {
					return errDied
				}
				return nil
			}}.swap(t.Context(), path, with, kept)
			if died := test.dieAt != ""; errors.Is(err, errDied) != died || (err != nil) != died {
				t.Fatalf("got %v", err)
			}
			if got := holdsOf(t, path, "present", "restored"); got != test.inPlace {
				t.Errorf("in place: got %q, want %q", got, test.inPlace)
			}
			if _, err := os.Stat(kept); test.keeps != (err == nil) {
				t.Errorf("kept: got %v, want there: %v", err, test.keeps)
			} else if err == nil && holdsOf(t, kept, "present", "restored") != "present" {
				t.Error("what is kept is not the store that was there")
			}
			// The next try, under another name, is not in the way of the first.
			if test.inPlace == "present" {
				if err := Swap(t.Context(), path, with, kept+"2"); err != nil {
					t.Fatal(err)
				}
				if got := holdsOf(t, path, "present", "restored"); got != "restored" {
					t.Errorf("tried again: got %q", got)
				}
			}
		})
	}
}

func TestASwapReplacesNothingThatItDoesNotKeep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, with, kept := filepath.Join(dir, "usher.db"), filepath.Join(dir, "new"), filepath.Join(dir, "kept")
	storeWith(t, with, "restored")
	if err := Swap(t.Context(), path, with, kept); err != nil {
		t.Fatalf("where there is no store: %v", err)
	}
	if got := holdsOf(t, path, "restored"); got != "restored" {
		t.Errorf("got %q", got)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	storeWith(t, with, "second")
	if err := os.WriteFile(kept, []byte("somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Swap(t.Context(), path, with, kept); !errors.Is(err, os.ErrExist) {
		t.Errorf("a name that is taken: got %v", err)
	}
	if got := holdsOf(t, path, "restored", "second"); got != "restored" {
		t.Errorf("got %q", got)
	}
}

func TestWhatIsNoWholeStoreIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	storeWith(t, good, "present")
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	page := os.Getpagesize()
	broken := append([]byte(nil), content...)
	for i := 2 * page; i < len(broken); i++ {
		broken[i] ^= 0x5a
	}
	for _, test := range []struct{ name, path, want string }{
		{"nothing there", filepath.Join(dir, "none"), "no such file"},
		{"a folder", dir, "is not a file"},
		{"empty", write("empty", nil), "is empty"},
		{"text", write("text", []byte(strings.Repeat("hello world\n", 2000))), "damaged or not a store"},
		{"cut", write("cut", content[:3*page]), "was cut short"},
		{"cut in its head", write("head", content[:page]), "open the store"},
		{"broken pages", write("broken", broken), "damaged"},
	} {
		s, err := OpenReadOnly(test.path, Options{})
		if err == nil {
			err = errors.Join(s.Check(t.Context()), s.Close())
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want …%s…", test.name, err, test.want)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "empty")); err != nil || info.Size() != 0 {
		t.Error("a look changed the file")
	}
}

// Whoever looks keeps a server out, and a server keeps those out who look.
func TestALookAndAServerKeepEachOtherOut(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	storeWith(t, path, "present")
	look, err := OpenReadOnly(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{LockTimeout: 1}); err == nil || !strings.Contains(err.Error(), "in use by another usher") {
		t.Errorf("open during a look: got %v", err)
	}
	if err := look.Update(t.Context(), put("t", "x")); err == nil {
		t.Error("a store that is open to look was written")
	}
	if err := look.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReadOnly(path, Options{LockTimeout: 1}); err == nil || !strings.Contains(err.Error(), "in use by another usher") {
		t.Errorf("a look while a server runs: got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
