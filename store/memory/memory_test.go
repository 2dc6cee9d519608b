package memory_test

import (
	"context"
	"errors"
	"testing"

	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/memory"
	"github.com/usher-scim/usher/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Factory {
		disk := memory.NewDisk()
		return func() (store.Store, error) { return disk.Open(), nil }
	})
}

func TestASnapshotIsPutBackWhole(t *testing.T) {
	disk := memory.NewDisk()
	s := disk.Open()
	put := func(key, value string) {
		t.Helper()
		err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", []byte(key), []byte(value)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	put("a", "1")
	backup := disk.Snapshot()
	put("a", "2")
	put("b", "2")
	disk.Restore(backup)
	err := disk.Open().View(t.Context(), func(r store.Reader) error {
		if got, err := r.Get("t", []byte("a")); err != nil || string(got) != "1" {
			t.Errorf("a: got %q, %v, want 1", got, err)
		}
		if _, err := r.Get("t", []byte("b")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("b: got %v, want not found", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if again := disk.Snapshot(); !again.Same(backup, "t") {
		t.Error("the table is not the one of the backup")
	}
	put("a", "3")
	if again := disk.Snapshot(); again.Same(backup, "t") {
		t.Error("the table has changed and counts as the same")
	}
	for key, value := range backup.Range("t") {
		if string(key) != "a" || string(value) != "1" {
			t.Errorf("the backup holds %q: %q", key, value)
		}
	}
}

func TestAStoreThatIsClosedLeavesTheDiskToTheNext(t *testing.T) {
	disk := memory.NewDisk()
	first := disk.Open()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.View(context.Background(), func(store.Reader) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("got %v, want %v", err, store.ErrClosed)
	}
	if err := disk.Open().Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", []byte("k"), nil) }); err != nil {
		t.Error(err)
	}
}
