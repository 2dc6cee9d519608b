package bolt

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/usher-scim/usher/store"
)

// steps to formats 2 and 3: the first renames a key, the second counts.
func testSteps() []migration {
	return []migration{
		{from: 1, run: func(tx *bbolt.Tx) error {
			bucket := tx.Bucket([]byte("t"))
			return errors.Join(bucket.Put([]byte("new"), bucket.Get([]byte("old"))), bucket.Delete([]byte("old")))
		}},
		{from: 2, run: func(tx *bbolt.Tx) error { return tx.Bucket([]byte("t")).Put([]byte("third"), []byte("3")) }},
	}
}

// fileOf makes a store of the given format that holds t/old.
func fileOf(t *testing.T, steps []migration) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usher.db")
	s, err := open(path, Options{}, steps)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Update(t.Context(), put("t", "old")), s.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnOlderFormatIsUpgradedAfterABackup(t *testing.T) {
	path := fileOf(t, nil)
	if err := os.WriteFile(path+".before-format-3", []byte("of another life"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, run := range []string{"the upgrade", "the next start"} {
		s, err := open(path, Options{}, testSteps())
		if err != nil {
			t.Fatalf("%s: %v", run, err)
		}
		for key, want := range map[string]bool{"old": false, "new": true, "third": true} {
			if got := has(t, s, "t", key); got != want {
				t.Errorf("%s: %s is there: got %v, want %v", run, key, got, want)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := filepath.Glob(path + ".*")
	if want := []string{path + ".before-format-3", path + ".before-format-3.2"}; err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("got the backups %q, %v, want %q", got, err, want)
	}
	backup, err := open(path+".before-format-3.2", Options{}, nil)
	if err != nil {
		t.Fatalf("open the backup: %v", err)
	}
	if !has(t, backup, "t", "old") || has(t, backup, "t", "new") {
		t.Error("the backup is not as before the upgrade")
	}
	if err := backup.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAFailedUpgradeLeavesTheFormatItReached(t *testing.T) {
	path := fileOf(t, nil)
	steps := testSteps()
	second := steps[1].run
	steps[1].run = func(tx *bbolt.Tx) error { return errors.Join(second(tx), errRefused) }
	if _, err := open(path, Options{}, steps); !errors.Is(err, errRefused) || !strings.Contains(err.Error(), "from format 2 to 3") {
		t.Fatalf("got %v, want the failure of the step from format 2 to 3", err)
	}
	steps[0].run = func(*bbolt.Tx) error { t.Error("the first step ran again"); return nil }
	steps[1].run = second
	s, err := open(path, Options{}, steps)
	if err != nil {
		t.Fatal(err)
	}
	if !has(t, s, "t", "new") || !has(t, s, "t", "third") {
		t.Error("the upgrade is not whole")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestANewFileHasTheNewestFormat(t *testing.T) {
	steps := testSteps()
	for i := range steps {
		steps[i].run = func(*bbolt.Tx) error { t.Error("a step ran on a new file"); return nil }
	}
	path := fileOf(t, steps)
	if got, err := filepath.Glob(path + ".*"); err != nil || len(got) != 0 {
		t.Errorf("got the backups %q, %v, want none", got, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	newer := fileOf(t, testSteps())
	inUse := fileOf(t, nil)
	user, err := Open(inUse, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = user.Close() }()
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign.db")
	db, err := bbolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, failed := tx.CreateBucket([]byte("theirs"))
		return failed
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(dir, "damaged.db")
	if err := os.WriteFile(damaged, bytes.Repeat([]byte("no store "), 2000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, want string }{
		{"a newer format", newer, "has format 3, but this usher knows formats only up to 1: start the newer usher"},
		{"a file in use", inUse, "is in use by another usher"},
		{"a bbolt file of somebody else", foreign, "is not a store of usher"},
		{"a damaged file", damaged, "is damaged or not a store of usher"},
		{"a directory that is missing", filepath.Join(dir, "missing", "usher.db"), "does not exist"},
	} {
		before, _ := os.ReadFile(c.path) // one of them is missing
		s, err := Open(c.path, Options{LockTimeout: 1})
		if err == nil {
			t.Errorf("%s: opened", c.name)
			_ = s.Close()
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %q, want it to say %q", c.name, err, c.want)
		}
		if after, _ := os.ReadFile(c.path); !bytes.Equal(after, before) {
			t.Errorf("%s: the file was changed", c.name)
		}
	}
}

func TestMigrationsAreInOrder(t *testing.T) {
	steps := testSteps()
	steps[0], steps[1] = steps[1], steps[0]
	if s, err := open(filepath.Join(t.TempDir(), "usher.db"), Options{}, steps); err == nil {
		t.Error("opened with steps out of order")
		_ = s.Close()
	}
}

func TestBackupIsConsistentWhileWritesGoOn(t *testing.T) {
	s := openTest(t, Options{NoSync: true})
	both := func(i byte) func(store.Tx) error {
		return func(tx store.Tx) error { return errors.Join(put("a", string(i))(tx), put("b", string(i))(tx)) }
	}
	if err := s.Update(t.Context(), both(0)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	done := make(chan error)
	go func() {
		var err error
		for i := range byte(100) {
			err = errors.Join(err, s.Update(context.Background(), both(i)))
		}
		done <- err
	}()
	if err := errors.Join(s.BackupFile(t.Context(), path), <-done); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a file for its owner alone", info, err)
	}
	if err := s.BackupFile(t.Context(), path); !errors.Is(err, os.ErrExist) {
		t.Errorf("over an existing file: got %v, want %v", err, os.ErrExist)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); err != nil || len(left) != 0 {
		t.Errorf("got %q, %v left behind, want nothing", left, err)
	}
	copied, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range byte(100) {
		if a, b := has(t, copied, "a", string(i)), has(t, copied, "b", string(i)); a != b || i == 0 && !a {
			t.Errorf("transaction %d: the copy has one half: %v, %v", i, a, b)
		}
	}
	if err := copied.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestBackupStops(t *testing.T) {
	s := openTest(t, Options{NoSync: true})
	ctx, cancel := context.WithCancel(t.Context())
	w := writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	if err := s.Backup(ctx, w); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: got %v, want %v", err, context.Canceled)
	}
	w = func([]byte) (int, error) { return 0, errRefused }
	if err := s.Backup(t.Context(), w); !errors.Is(err, errRefused) {
		t.Errorf("failing writer: got %v, want %v", err, errRefused)
	}
	dir := t.TempDir()
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if err := backupFile(ctx, s.db, filepath.Join(dir, "copy.db")); !errors.Is(err, context.Canceled) {
		t.Errorf("backup file: got %v, want %v", err, context.Canceled)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("got %v, %v left behind, want nothing", left, err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
