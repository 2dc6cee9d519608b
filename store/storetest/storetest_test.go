package storetest_test

import (
	"errors"
	"testing"

	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

var errCrash = errors.New("crash")

func put(key string) func(store.Tx) error {
	return func(tx store.Tx) error { return tx.Put("t", []byte(key), nil) }
}

func has(t *testing.T, s store.Store, key string) bool {
	t.Helper()
	var found bool
	err := s.View(t.Context(), func(r store.Reader) error {
		_, err := r.Get("t", []byte(key))
		found = err == nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestFaultyFailsAtTheCommitItIsTold(t *testing.T) {
	second := func(n int) error {
		if n == 2 {
			return errCrash
		}
		return nil
	}
	for _, c := range []struct {
		name   string
		set    func(*storetest.Faults)
		effect bool // of the second update
		want   error
	}{
		{"never", func(*storetest.Faults) {}, true, nil},
		{"before the effect", func(f *storetest.Faults) { f.BeforeCommit(second) }, false, errCrash},
		{"after the effect", func(f *storetest.Faults) { f.AfterCommit(second) }, true, errCrash},
		{"no more", func(f *storetest.Faults) { f.BeforeCommit(second); f.BeforeCommit(nil) }, true, nil},
	} {
		s := storetest.Faulty(storetest.New(t))
		c.set(s)
		for i, key := range []string{"1", "2", "3"} {
			want, effect := error(nil), true
			if i == 1 {
				want, effect = c.want, c.effect
			}
			if got := s.Update(t.Context(), put(key)); !errors.Is(got, want) {
				t.Errorf("%s: update %s: got %v, want %v", c.name, key, got, want)
			}
			if got := has(t, s, key); got != effect {
				t.Errorf("%s: the effect of update %s is there: got %v, want %v", c.name, key, got, effect)
			}
		}
	}
}

func TestFaultyPassesOnWhatTheFunctionSays(t *testing.T) {
	s := storetest.Faulty(storetest.New(t))
	s.BeforeCommit(func(int) error { t.Error("a failed update was about to be committed"); return nil })
	s.AfterCommit(func(int) error { t.Error("a failed update was committed"); return nil })
	if err := s.Update(t.Context(), func(store.Tx) error { return errCrash }); !errors.Is(err, errCrash) {
		t.Errorf("got %v, want %v", err, errCrash)
	}
}

func TestCountingCounts(t *testing.T) {
	s := storetest.Counting(storetest.New(t))
	err := s.Update(t.Context(), func(tx store.Tx) error {
		_, absent := tx.Get("t", []byte("a"))
		if !errors.Is(absent, store.ErrNotFound) {
			return absent
		}
		return errors.Join(put("a")(tx), put("b")(tx), tx.Delete("t", []byte("a")))
	})
	if err != nil || has(t, s, "a") || !has(t, s, "b") {
		t.Fatalf("the store does not do what it did: %v", err)
	}
	if got, want := s.Counts(), (storetest.Counts{Puts: 2, Deletes: 1, Gets: 3, Views: 2, Updates: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s.Reset()
	if got := s.Counts(); got != (storetest.Counts{}) {
		t.Errorf("after a reset: got %+v, want none", got)
	}
}

func TestRerunFindsWhatReliesOnOneRun(t *testing.T) {
	s := storetest.Rerun(storetest.New(t))
	var handedOut []string
	err := s.Update(t.Context(), func(tx store.Tx) error {
		handedOut = append(handedOut, "not set afresh")
		return put("a")(tx)
	})
	if err != nil || !has(t, s, "a") {
		t.Fatalf("got %v, want the effect", err)
	}
	if got, want := len(handedOut), 2; got != want {
		t.Errorf("got %d runs, want %d", got, want)
	}
	if err := s.Update(t.Context(), func(store.Tx) error { return errCrash }); !errors.Is(err, errCrash) {
		t.Errorf("got %v, want %v", err, errCrash)
	}
}
