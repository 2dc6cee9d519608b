package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/usher-scim/usher/store"
)

var errRefused = errors.New("refused")

func openTest(t *testing.T, options Options) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "usher.db"), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // some tests break the file
	return s
}

// together starts updates that all wait while another one runs, and returns when they have ended.
func together(t *testing.T, s *Store, updates ...func(store.Tx) error) []error {
	t.Helper()
	errs := make([]error, len(updates))
	gate := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		if err := s.Update(context.Background(), func(store.Tx) error { <-gate; return nil }); err != nil {
			t.Errorf("the update all wait for: %v", err)
		}
	})
	synctest.Wait()
	for i, fn := range updates {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("panic: %v", p)
				}
			}()
			errs[i] = errors.New("did not return")
			errs[i] = s.Update(context.Background(), fn)
		})
		synctest.Wait() // so that they queue in this order
	}
	close(gate)
	all.Wait()
	return errs
}

func put(table, key string) func(store.Tx) error {
	return func(tx store.Tx) error { return tx.Put(table, []byte(key), []byte(key)) }
}

func has(t *testing.T, s *Store, table, key string) bool {
	t.Helper()
	var found bool
	err := s.View(context.Background(), func(r store.Reader) error {
		_, err := r.Get(table, []byte(key))
		found = err == nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestUpdatesShareOneCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var commits []Commit
		s := openTest(t, Options{Observe: func(c Commit) { commits = append(commits, c) }})
		errs := together(t, s,
			put("t", "first"),
			func(tx store.Tx) error { return errors.Join(put("t", "failed")(tx), errRefused) },
			func(tx store.Tx) error {
				if err := put("t", "panicked")(tx); err != nil {
					return err
				}
				panic("oops")
			},
			func(tx store.Tx) error {
				if err := put("t", "left")(tx); err != nil {
					return err
				}
				runtime.Goexit() // as t.Fatal does
				return nil
			},
			func(tx store.Tx) error {
				if _, err := tx.Get("t", []byte("first")); err != nil {
					return fmt.Errorf("the write of an earlier update in the same commit: %w", err)
				}
				if _, err := tx.Get("t", []byte("failed")); !errors.Is(err, store.ErrNotFound) {
					return fmt.Errorf("the write of a failed update: got %w", err)
				}
				return put("t", "last")(tx)
			},
		)
		for i, want := range []string{"<nil>", "refused", "panic: oops", "did not return", "<nil>"} {
			if got := fmt.Sprint(errs[i]); got != want {
				t.Errorf("update %d: got %s, want %s", i, got, want)
			}
		}
		for key, want := range map[string]bool{"first": true, "failed": false, "panicked": false, "left": false, "last": true} {
			if got := has(t, s, "t", key); got != want {
				t.Errorf("%s is there: got %v, want %v", key, got, want)
			}
		}
		if len(commits) != 1 || commits[0].Writes != 2 {
			t.Errorf("got the commits %+v, want one with two writes", commits)
		}
	})
}

func TestCloseLetsUpdatesThatWaitFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, Options{})
		gate := make(chan struct{})
		errs := make(chan error, 3)
		go func() { errs <- s.Update(context.Background(), func(store.Tx) error { <-gate; return nil }) }()
		synctest.Wait()
		go func() { errs <- s.Update(context.Background(), put("t", "waits")) }()
		synctest.Wait()
		go func() { errs <- s.Close() }()
		synctest.Wait()
		if err := s.Update(t.Context(), put("t", "late")); !errors.Is(err, store.ErrClosed) {
			t.Errorf("after close has begun: got %v, want %v", err, store.ErrClosed)
		}
		close(gate)
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		again, err := Open(s.path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !has(t, again, "t", "waits") || has(t, again, "t", "late") {
			t.Error("the update that waited is not there, or the late one is")
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestBatchSizeBoundsACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, Options{BatchSize: 2, Now: time.Now})
		for i, err := range together(t, s, put("t", "a"), put("t", "b"), put("t", "c"), put("t", "d")) {
			if err != nil {
				t.Errorf("update %d: %v", i, err)
			}
		}
		stats := s.Stats() // one update, which writes nothing, shares the first commit
		if stats.Commits != 3 || stats.Updates != 4 || stats.Writes != 4 || stats.Failed != 0 {
			t.Errorf("got %+v, want 3 commits of 4 updates with 4 writes", stats)
		}
	})
}

func TestAnUpdateWithoutEffectNeedsNoCommit(t *testing.T) {
	s := openTest(t, Options{})
	for _, fn := range []func(store.Tx) error{
		func(store.Tx) error { return nil },
		func(tx store.Tx) error { return tx.Delete("t", []byte("never there")) },
		func(tx store.Tx) error { return errors.Join(put("t", "a")(tx), errRefused) },
	} {
		if err := s.Update(t.Context(), fn); err != nil && !errors.Is(err, errRefused) {
			t.Fatal(err)
		}
	}
	if got := s.Stats(); got != (Stats{}) {
		t.Errorf("got %+v, want none", got)
	}
}

func TestAnUpdateWhoseContextEndsWhileItWaitsIsNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		var late error
		var waiting sync.WaitGroup
		err := s.Update(t.Context(), func(store.Tx) error {
			waiting.Go(func() {
				late = s.Update(ctx, func(store.Tx) error { t.Error("it ran"); return nil })
			})
			synctest.Wait()
			cancel()
			synctest.Wait()
			return nil
		})
		waiting.Wait()
		if err != nil || !errors.Is(late, context.Canceled) {
			t.Errorf("got %v and %v, want nil and %v", err, late, context.Canceled)
		}
	})
}

func TestACommitOfUnknownOutcomeClosesTheStoreToWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("input/output error")
		s := openTest(t, Options{})
		if err := s.Update(t.Context(), put("t", "before")); err != nil {
			t.Fatal(err)
		}
		commit := s.commit
		s.commit = func(tx *bbolt.Tx) error { return errors.Join(cause, tx.Rollback()) }
		errs := together(t, s, put("t", "a"),
			func(tx store.Tx) error { // its failure rests on what is not durable
				_, err := tx.Get("t", []byte("a"))
				return errors.Join(err, errRefused)
			}, put("t", "b"))
		s.commit = commit // the disk is well again; who knows what it holds
		errs = append(errs, s.Update(t.Context(), func(store.Tx) error { t.Error("an update ran after the failure"); return nil }))
		for i, err := range errs {
			if !errors.Is(err, store.ErrUncertain) || !errors.Is(err, cause) {
				t.Errorf("update %d: got %v, want %v with its cause", i, err, store.ErrUncertain)
			}
		}
		if !has(t, s, "t", "before") {
			t.Error("reads do not go on")
		}
		if got := s.Stats(); got.Failed != 1 || got.Commits != 2 {
			t.Errorf("got %+v, want 2 commits, 1 failed", got)
		}
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		again, err := Open(s.path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(again.Update(t.Context(), put("t", "after")), again.Close()); err != nil {
			t.Errorf("after reopening: %v", err)
		}
	})
}

// The file is closed under the store, so that writing really fails.
func TestAFailingFile(t *testing.T) {
	var file *os.File
	s := openTest(t, Options{openFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
		var err error
		file, err = os.OpenFile(name, flag, mode)
		return file, err
	}})
	if err := s.Update(t.Context(), put("t", "before")); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "b"} {
		if err := s.Update(t.Context(), put("t", key)); !errors.Is(err, store.ErrUncertain) || !errors.Is(err, os.ErrClosed) {
			t.Errorf("got %v, want %v because of %v", err, store.ErrUncertain, os.ErrClosed)
		}
	}
	if !has(t, s, "t", "before") || has(t, s, "t", "a") {
		t.Error("reads do not show the last good commit")
	}
}

func TestAFullDiskIsNamed(t *testing.T) {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		s := openTest(t, Options{})
		s.commit = func(tx *bbolt.Tx) error {
			return errors.Join(&os.PathError{Op: "write", Path: s.path, Err: full}, tx.Rollback())
		}
		err := s.Update(t.Context(), put("t", "a"))
		if !errors.Is(err, store.ErrUncertain) || !errors.Is(err, full) {
			t.Errorf("got %v, want %v because of %v", err, store.ErrUncertain, full)
		}
		if want := "the disk that holds " + s.path + " is full: "; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %q, want it to begin with %q", err, want)
		}
	}
}

func TestAKeptTransactionIsDead(t *testing.T) {
	s := openTest(t, Options{})
	var tx store.Tx
	var r store.Reader
	err := errors.Join(
		s.Update(t.Context(), func(kept store.Tx) error { tx = kept; return put("t", "a")(kept) }),
		s.View(t.Context(), func(kept store.Reader) error { r = kept; return nil }))
	if err != nil {
		t.Fatal(err)
	}
	for _, reader := range []store.Reader{tx, r} {
		if _, err := reader.Get("t", []byte("a")); !errors.Is(err, errEnded) {
			t.Errorf("get: got %v, want %v", err, errEnded)
		}
		for key := range reader.Range("t", nil, nil) {
			t.Errorf("got %q from a range", key)
		}
		for key := range reader.RangeReverse("t", nil, nil) {
			t.Errorf("got %q from a reverse range", key)
		}
	}
	if err := put("t", "b")(tx); !errors.Is(err, errEnded) {
		t.Errorf("put: got %v, want %v", err, errEnded)
	}
}
