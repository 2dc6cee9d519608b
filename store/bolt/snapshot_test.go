package bolt

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/usher-scim/usher/store"
)

// Snapshots kept for later Views never hold up a file that grows beyond its map, and never show an old state.
func TestKeptSnapshotsAreOfTheLastCommit(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{NoSync: true, MapSize: 1 << 16})
	ctx := context.Background()
	value := make([]byte, 2000)
	var clients sync.WaitGroup
	for c := range 8 {
		clients.Go(func() {
			for i := range 200 {
				key := fmt.Appendf(nil, "%d.%d", c, i)
				if err := s.Update(ctx, func(tx store.Tx) error { return tx.Put("t", key, value) }); err != nil {
					t.Error(err)
					return
				}
				err := s.View(ctx, func(r store.Reader) error {
					_, err := r.Get("t", key)
					return err
				})
				if err != nil {
					t.Errorf("read %s right after it was written: %v", key, err)
					return
				}
			}
		})
	}
	clients.Wait()
	if got := len(s.idle.snapshots); got < 1 || got > maxIdle {
		t.Errorf("%d snapshots are kept, want 1 to %d", got, maxIdle)
	}
	for _, kept := range s.idle.snapshots {
		if got, want := kept.bolt.ID(), s.idle.commit; got != want {
			t.Errorf("a snapshot of commit %d is kept, want %d", got, want)
		}
	}
}

// Ranges of one table read inside each other do not share their place, and their cursors are used again.
func TestNestedRangesHaveCursorsOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{NoSync: true})
	ctx := context.Background()
	const n = 20
	err := s.Update(ctx, func(tx store.Tx) error {
		for i := range n {
			if err := tx.Put("t", []byte{byte(i)}, []byte{byte(i)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(ctx, func(r store.Reader) error {
		pairs := 0
		for a := range r.Range("t", nil, nil) {
			for b := range r.RangeReverse("t", nil, nil) {
				if value, err := r.Get("t", a); err != nil || value[0] != a[0] {
					return fmt.Errorf("get %v: %v, %w", a, value, err)
				}
				if b[0] == a[0] {
					break
				}
				pairs++
			}
		}
		if want := n * (n - 1) / 2; pairs != want {
			return fmt.Errorf("%d pairs, want %d", pairs, want)
		}
		if got := len(r.(*reader).table("t").free); got != 2 {
			return fmt.Errorf("%d cursors were made for two ranges at a time", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What a read and a commit may allocate.
func TestAllocations(t *testing.T) {
	s := openTest(t, Options{NoSync: true})
	ctx := context.Background()
	key, value := []byte("key"), make([]byte, 600)
	put := func(tx store.Tx) error { return tx.Put("t", key, value) }
	if err := s.Update(ctx, put); err != nil {
		t.Fatal(err)
	}
	get := func(r store.Reader) error { _, err := r.Get("t", key); return err }
	for name, operation := range map[string]struct {
		run func() error
		max float64
	}{
		"View with a Get":   {func() error { return s.View(ctx, get) }, 1},
		"Update with a Put": {func() error { return s.Update(ctx, put) }, 75},
	} {
		got := testing.AllocsPerRun(200, func() {
			if err := operation.run(); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: %.0f allocations", name, got)
		if got > operation.max {
			t.Errorf("%s: %.0f allocations, want at most %.0f", name, got, operation.max)
		}
	}
}

// A store that was closed is opened without reading the whole file: the free pages are listed in it.
func TestACloseListsTheFreePages(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	for i := range 50 {
		err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", store.Uint64(uint64(i)), make([]byte, 1000)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	if lists(t, s.path) {
		t.Error("every commit writes the list of free pages")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !lists(t, s.path) {
		t.Error("the list of free pages is missing")
	}
	again, err := Open(s.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Update(t.Context(), put("t", "after")); err != nil {
		t.Fatal(err)
	}
	if lists(t, s.path) || !has(t, again, "t", "after") {
		t.Error("the list outlives the first commit, which makes it untrue")
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// lists reports whether the newest meta page of a file names a list of free pages.
func lists(t *testing.T, path string) bool {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const noList = ^uint64(0)
	var newest, list uint64
	for page := range 2 {
		meta := data[page*os.Getpagesize()+16:] // behind the page's header
		if id := binary.NativeEndian.Uint64(meta[48:]); id >= newest {
			newest, list = id, binary.NativeEndian.Uint64(meta[32:])
		}
	}
	return list != noList
}
