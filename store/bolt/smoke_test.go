package bolt_test

import (
	"context"
	"testing"

	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

type user struct{ ID, Name, Mail string }

func TestSmoke(t *testing.T) {
	s := storetest.Counting(storetest.New(t))
	users := store.NewTable("users", func(u *user) []byte { return []byte(u.ID) }, nil,
		store.Index[user]{Name: "name", Unique: true, Keys: func(u *user) [][]byte { return [][]byte{[]byte(u.Name)} }},
		store.Index[user]{Name: "mail", Keys: func(u *user) [][]byte { return [][]byte{[]byte(u.Mail)} }})
	err := s.Update(context.Background(), func(tx store.Tx) error {
		if err := users.Insert(tx, &user{"1", "ann", "a@x"}); err != nil {
			return err
		}
		return users.Insert(tx, &user{"2", "bob", "a@x"})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Counts().Puts, int64(6); got != want {
		t.Errorf("got %d puts, want %d", got, want)
	}
	err = s.View(context.Background(), func(r store.Reader) error {
		u, err := users.Lookup(r, "name", []byte("bob"))
		if err != nil {
			return err
		}
		if u.ID != "2" {
			t.Errorf("got %v", u)
		}
		n := 0
		for _, err := range users.Find(r, "mail", []byte("a@")) {
			if err != nil {
				return err
			}
			n++
		}
		if n != 2 {
			t.Errorf("got %d", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
