package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/store"
)

var errRefused = errors.New("refused")

func failedUpdate(t *testing.T, f Factory) {
	s := f.open(t)
	update(t, s, func(tx store.Tx) error { return put(tx, "t", "a", "b") })
	err := s.Update(context.Background(), func(tx store.Tx) error {
		if err := errors.Join(put(tx, "t", "c"), tx.Put("t", []byte("a"), []byte("changed")), tx.Delete("t", []byte("b")), put(tx, "new", "d")); err != nil {
			return err
		}
		return errRefused
	})
	if !errors.Is(err, errRefused) {
		t.Errorf("got %v, want the error of the function", err)
	}
	if diff := cmp.Diff(keysOf(t, s, "t"), []string{"a", "b"}); diff != "" {
		t.Errorf("the table changed (-got +want):\n%s", diff)
	}
	if got := keysOf(t, s, "new"); len(got) != 0 {
		t.Errorf("got %q in a table of a failed update", got)
	}
	view(t, s, func(r store.Reader) error { return expect(r, "a", "a") })
}

func panickingUpdate(t *testing.T, f Factory) {
	s := f.open(t)
	got := recovered(func() error {
		return s.Update(context.Background(), func(tx store.Tx) error {
			if err := put(tx, "t", "a"); err != nil {
				return err
			}
			panic("oops")
		})
	})
	if got != "oops" {
		t.Errorf("got the panic %v, want oops", got)
	}
	if got := keysOf(t, s, "t"); len(got) != 0 {
		t.Errorf("got %q, want nothing", got)
	}
	got = recovered(func() error {
		return s.View(context.Background(), func(store.Reader) error { panic("view") })
	})
	if got != "view" {
		t.Errorf("got the panic %v, want view", got)
	}
	update(t, s, func(tx store.Tx) error { return put(tx, "t", "b") })
}

func isolation(t *testing.T, f Factory) {
	s := f.open(t)
	update(t, s, func(tx store.Tx) error { return put(tx, "t", "a", "b") })
	view(t, s, func(r store.Reader) error {
		var seen []string
		for key := range r.Range("t", nil, nil) {
			seen = append(seen, string(key))
			other := make(chan error)
			go func() {
				other <- s.Update(context.Background(), func(tx store.Tx) error {
					return errors.Join(put(tx, "t", "c", "aa"), tx.Delete("t", []byte("b")), tx.Put("t", []byte("a"), []byte("changed")))
				})
			}()
			if err := <-other; err != nil {
				return err
			}
		}
		if diff := cmp.Diff(seen, []string{"a", "b"}); diff != "" {
			t.Errorf("the snapshot moved (-got +want):\n%s", diff)
		}
		return expect(r, "a", "a")
	})
	if diff := cmp.Diff(keysOf(t, s, "t"), []string{"a", "aa", "c"}); diff != "" {
		t.Errorf("afterwards (-got +want):\n%s", diff)
	}
}

func ownWrites(t *testing.T, f Factory) {
	s := f.open(t)
	update(t, s, func(tx store.Tx) error { return put(tx, "t", "old", "gone") })
	update(t, s, func(tx store.Tx) error {
		err := errors.Join(
			tx.Put("t", []byte("new"), []byte("1")), tx.Put("t", []byte("new"), []byte("2")),
			tx.Put("t", []byte("old"), nil), tx.Delete("t", []byte("gone")), tx.Delete("t", []byte("never there")),
			expect(tx, "new", "2"), expect(tx, "old", ""))
		if _, absent := tx.Get("t", []byte("gone")); !errors.Is(absent, store.ErrNotFound) {
			t.Errorf("a deleted key: got %v, want %v", absent, store.ErrNotFound)
		}
		return err
	})
	view(t, s, func(r store.Reader) error { return errors.Join(expect(r, "new", "2"), expect(r, "old", "")) })
}

func endedContext(t *testing.T, f Factory) {
	s := f.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.Update(ctx, func(store.Tx) error { t.Error("the update ran"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("update: got %v, want %v", err, context.Canceled)
	}
	err = s.View(ctx, func(store.Reader) error { t.Error("the view ran"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("view: got %v, want %v", err, context.Canceled)
	}
}

func viewInsideUpdate(t *testing.T, f Factory) {
	s := f.open(t)
	update(t, s, func(tx store.Tx) error {
		if err := put(tx, "t", "a"); err != nil {
			return err
		}
		return s.View(context.Background(), func(r store.Reader) error {
			if got := list(r, "t", "", ""); len(got) != 0 {
				t.Errorf("got %q, want nothing: it is not committed", got)
			}
			return nil
		})
	})
}

func runAgain(t *testing.T, f Factory) {
	s := Rerun(f.open(t))
	runs := 0
	update(t, s, func(tx store.Tx) error {
		runs++
		if got := list(tx, "t", "", ""); len(got) != 0 {
			t.Errorf("run %d begins with %q, want nothing", runs, got)
		}
		return put(tx, "t", "a")
	})
	if got, want := runs, 2; got != want {
		t.Errorf("got %d runs, want %d", got, want)
	}
	if diff := cmp.Diff(keysOf(t, s, "t"), []string{"a"}); diff != "" {
		t.Errorf("afterwards (-got +want):\n%s", diff)
	}
}

// badNeighbours lets good updates, failing and panicking ones wait for the same moment, so that
// a backend that shares commits has them share one.
func badNeighbours(t *testing.T, f Factory) {
	const each = 20
	s := f.open(t)
	update(t, s, func(tx store.Tx) error { return put(tx, "t", "shared") })
	gate := hold(t, s)
	var all sync.WaitGroup
	for i := range each {
		key := fmt.Sprintf("%02d", i)
		all.Go(func() {
			err := s.Update(context.Background(), func(tx store.Tx) error { return put(tx, "t", "good"+key) })
			if err != nil {
				t.Errorf("a good update: %v", err)
			}
		})
		ruin := func(tx store.Tx) error {
			return errors.Join(put(tx, "t", "bad"+key), put(tx, "bad", key), tx.Put("t", []byte("shared"), []byte("ruined")), tx.Delete("t", []byte("good"+key)))
		}
		all.Go(func() {
			err := s.Update(context.Background(), func(tx store.Tx) error {
				if err := ruin(tx); err != nil {
					return err
				}
				return errRefused
			})
			if !errors.Is(err, errRefused) {
				t.Errorf("a failing update: got %v, want its own error", err)
			}
		})
		all.Go(func() {
			got := recovered(func() error {
				return s.Update(context.Background(), func(tx store.Tx) error {
					if err := ruin(tx); err != nil {
						return err
					}
					panic(key)
				})
			})
			if got != key {
				t.Errorf("a panicking update: got %v, want its own panic %s", got, key)
			}
		})
	}
	close(gate)
	all.Wait()
	want := []string{}
	for i := range each {
		want = append(want, fmt.Sprintf("good%02d", i))
	}
	want = append(want, "shared")
	if diff := cmp.Diff(keysOf(t, s, "t"), want); diff != "" {
		t.Errorf("afterwards (-got +want):\n%s", diff)
	}
	if got := keysOf(t, s, "bad"); len(got) != 0 {
		t.Errorf("got %q in a table of failed updates", got)
	}
	view(t, s, func(r store.Reader) error { return expect(r, "shared", "shared") })
}

// hold keeps an update open until the returned channel is closed; those that come now wait behind it.
func hold(t *testing.T, s store.Store) chan struct{} {
	t.Helper()
	gate, inside := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var done sync.WaitGroup
	done.Go(func() {
		err := s.Update(context.Background(), func(store.Tx) error {
			once.Do(func() { close(inside) })
			<-gate
			return nil
		})
		if err != nil {
			t.Errorf("the first update: %v", err)
		}
	})
	t.Cleanup(done.Wait)
	<-inside
	return gate
}

func increments(t *testing.T, f Factory) {
	const workers, rounds = 16, 25
	s := f.open(t)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range rounds {
				err := s.Update(context.Background(), func(tx store.Tx) error {
					var n uint64
					value, err := tx.Get("t", []byte("n"))
					if err == nil {
						n, err = store.ParseUint64(value)
					}
					if err != nil && !errors.Is(err, store.ErrNotFound) {
						return err
					}
					return tx.Put("t", []byte("n"), store.Uint64(n+1))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	view(t, s, func(r store.Reader) error { return expect(r, "n", string(store.Uint64(workers*rounds))) })
}

func claims(t *testing.T, f Factory) {
	const workers = 30
	s := f.open(t)
	gate := hold(t, s)
	winners := make(chan string, workers)
	var all sync.WaitGroup
	for i := range workers {
		name := fmt.Sprint(i)
		all.Go(func() {
			err := s.Update(context.Background(), func(tx store.Tx) error {
				if _, err := tx.Get("t", []byte("claim")); err == nil {
					return errRefused
				}
				return tx.Put("t", []byte("claim"), []byte(name))
			})
			switch {
			case err == nil:
				winners <- name
			case !errors.Is(err, errRefused):
				t.Error(err)
			}
		})
	}
	close(gate)
	all.Wait()
	if got, want := len(winners), 1; got != want {
		t.Fatalf("got %d winners, want %d", got, want)
	}
	view(t, s, func(r store.Reader) error { return expect(r, "claim", <-winners) })
}

func closing(t *testing.T, f Factory) {
	s := f.open(t)
	update(t, s, func(tx store.Tx) error { return put(tx, "t", "a") })
	gate := hold(t, s)
	closed := make(chan error)
	var released atomic.Bool
	go func() {
		err := s.Close()
		if !released.Load() {
			err = errors.Join(err, errors.New("close did not wait for an update"))
		}
		closed <- err
	}()
	runtime.Gosched()
	released.Store(true)
	close(gate)
	if err := errors.Join(<-closed, s.Close()); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := s.Update(context.Background(), func(store.Tx) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("update: got %v, want %v", err, store.ErrClosed)
	}
	if err := s.View(context.Background(), func(store.Reader) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("view: got %v, want %v", err, store.ErrClosed)
	}
}

func reopening(t *testing.T, f Factory) {
	for _, want := range [][]string{{}, {"0"}, {"0", "1"}} {
		s, err := f()
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		if got := append([]string{}, keysOf(t, s, "t")...); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		update(t, s, func(tx store.Tx) error { return put(tx, "t", fmt.Sprint(len(want))) })
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
}

func limits(t *testing.T, f Factory) {
	s := f.open(t)
	longest := bytes.Repeat([]byte("k"), store.MaxKey)
	large := bytes.Repeat([]byte("v"), 1<<20)
	update(t, s, func(tx store.Tx) error {
		for _, c := range []struct {
			table string
			key   []byte
			want  error
		}{
			{"t", longest, nil},
			{"t", append(longest, 'k'), store.ErrKeyTooLong},
			{"t", []byte{}, store.ErrKeyEmpty},
			{"t", nil, store.ErrKeyEmpty},
			{"", []byte("k"), store.ErrKeyEmpty},
			{"t", []byte{0}, nil},
			{"t", []byte{0xff, 0xff}, nil},
			{strings.Repeat("t", 100), []byte("k"), nil},
		} {
			if got := tx.Put(c.table, c.key, large); !errors.Is(got, c.want) {
				t.Errorf("put %q, key of %d bytes: got %v, want %v", c.table, len(c.key), got, c.want)
			}
		}
		if got := tx.Delete("t", append(longest, 'k')); !errors.Is(got, store.ErrKeyTooLong) {
			t.Errorf("delete: got %v, want %v", got, store.ErrKeyTooLong)
		}
		return nil
	})
	view(t, s, func(r store.Reader) error {
		if got, want := list(r, "t", "", ""), []string{"\x00", string(longest), "\xff\xff"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		for _, key := range [][]byte{nil, append(longest, 'k')} {
			if _, err := r.Get("t", key); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("get a key of %d bytes: got %v, want %v", len(key), err, store.ErrNotFound)
			}
		}
		return expect(r, string(longest), string(large))
	})
}

func sliceReuse(t *testing.T, f Factory) {
	s := f.open(t)
	update(t, s, func(tx store.Tx) error {
		key, value := []byte("a"), []byte("1")
		if err := tx.Put("t", key, value); err != nil {
			return err
		}
		was, err := tx.Get("t", key)
		if err != nil {
			return err
		}
		value[0] = 'x'
		if err := tx.Put("t", key, []byte("2")); err != nil {
			return err
		}
		if got, want := string(was), "1"; got != want {
			t.Errorf("a value read before: got %q, want %q", got, want)
		}
		key[0] = 'b'
		return tx.Put("t", key, []byte("3"))
	})
	view(t, s, func(r store.Reader) error { return errors.Join(expect(r, "a", "2"), expect(r, "b", "3")) })
}

// expect says what is wrong when key does not have the value in table t.
func expect(r store.Reader, key, want string) error {
	got, err := r.Get("t", []byte(key))
	if err != nil {
		return fmt.Errorf("%q: %w", key, err)
	}
	if string(got) != want {
		return fmt.Errorf("%q: got %d bytes %.40q, want %d bytes %.40q", key, len(got), got, len(want), want)
	}
	return nil
}

// recovered returns what fn panics with, or how it returned.
func recovered(fn func() error) (value any) {
	defer func() {
		if p := recover(); p != nil {
			value = p
		}
	}()
	return fn()
}
