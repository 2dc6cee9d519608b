package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/usher-scim/usher/store"
)

// login is a record with a unique value.
type login struct{ ID, Name string }

func logins() *store.Table[login] {
	return store.NewTable("login", func(l *login) []byte { return []byte(l.ID) }, nil,
		store.Index[login]{Name: "name", Unique: true, Keys: func(l *login) [][]byte { return [][]byte{[]byte(l.Name)} }})
}

func uniqueValues(t *testing.T, f Factory) {
	s, table := f.open(t), logins()
	update(t, s, func(tx store.Tx) error { return table.Insert(tx, &login{"1", "kim"}) })
	err := s.Update(context.Background(), func(tx store.Tx) error { return table.Insert(tx, &login{"2", "kim"}) })
	var taken *store.UniqueError
	if !errors.As(err, &taken) {
		t.Fatalf("got %v, want a unique error", err)
	}
	if taken.Table != "login" || taken.Index != "name" || string(taken.Key) != "1" {
		t.Errorf("got %+v, want table login, index name, key 1", taken)
	}
	update(t, s, func(tx store.Tx) error {
		if err := table.Insert(tx, &login{"2", "kim"}); !errors.As(err, &taken) {
			return fmt.Errorf("got %w, want a unique error", err)
		}
		return errors.Join(table.Put(tx, &login{"1", "lee"}), table.Insert(tx, &login{"2", "kim"}), table.Delete(tx, []byte("1")), table.Insert(tx, &login{"3", "lee"}))
	})
	view(t, s, func(r store.Reader) error {
		key, err := table.LookupKey(r, "name", []byte("lee"))
		if string(key) != "3" {
			t.Errorf("lee: got %q, want 3", key)
		}
		return err
	})
}

func uniqueRace(t *testing.T, f Factory) {
	const workers = 20
	s, table := f.open(t), logins()
	gate := hold(t, s)
	inserted := make(chan string, workers)
	var all sync.WaitGroup
	for i := range workers {
		id := fmt.Sprint(i)
		all.Go(func() {
			err := s.Update(context.Background(), func(tx store.Tx) error { return table.Insert(tx, &login{id, "kim"}) })
			var taken *store.UniqueError
			switch {
			case err == nil:
				inserted <- id
			case !errors.As(err, &taken):
				t.Error(err)
			}
		})
	}
	close(gate)
	all.Wait()
	if got, want := len(inserted), 1; got != want {
		t.Fatalf("got %d inserted, want %d", got, want)
	}
	view(t, s, func(r store.Reader) error {
		got, err := table.Lookup(r, "name", []byte("kim"))
		if want := <-inserted; err == nil && got.ID != want {
			t.Errorf("got %s, want %s", got.ID, want)
		}
		return err
	})
}
