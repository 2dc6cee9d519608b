package provision

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store/memory"
	"github.com/usher-scim/usher/store/storetest"
)

// What a transaction makes is the same when the store runs it again, and no two things of it are the same.
func TestATransactionThatRunsAgainMakesTheSameIDs(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	e := New(Options{Store: storetest.Rerun(memory.New()), Now: now, NewID: audit.IDs(now)})
	var runs [][]string
	err := e.commit(t.Context(), func(tx *txn) error {
		at = at.Add(time.Hour) // the clock goes on between two runs
		var made []string
		for range 100 {
			fact := tx.fact(audit.HoldOpened, "desk", uuid.Nil, uuid.Nil, nil, nil)
			made = append(made, fact.ID.String(), fact.At.String()+tx.holdID())
		}
		runs = append(runs, made)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i, id := range runs[0] {
		if again := runs[1][i]; id != again {
			t.Errorf("%d: got %s, then %s", i, id, again)
		}
		if seen[id] {
			t.Errorf("%s was made twice", id)
		}
		seen[id] = true
	}
	id, err := uuid.Parse(runs[0][0])
	if err != nil || id.Version() != 7 || id.Variant() != uuid.RFC4122 {
		t.Errorf("%s: version %d, variant %s, %v", id, id.Version(), id.Variant(), err)
	}
}

// A mass of holds must not lose one: whoever waits for a hold that is not there any more waits for ever, and nobody sees why.
func TestAHoldNeverTakesThePlaceOfAnother(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	drawn := 0
	ids := audit.IDs(func() time.Time { return at })
	first := ids()
	e := New(Options{Store: memory.New(), Now: func() time.Time { return at }, NewID: func() uuid.UUID {
		if drawn++; drawn <= 2 { // two transactions that would make the same ids of holds
			return first
		}
		return ids()
	}})
	ann, bob := ids(), ids()
	for _, person := range []uuid.UUID{ann, bob} {
		err := e.commit(t.Context(), func(tx *txn) error {
			h := Hold{App: "desk", Person: person, Kind: HoldBudget, State: HoldOpen}
			var err error
			if h.ID, err = tx.newHoldID(); err != nil {
				return err
			}
			return holds.Put(tx, &h)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	open, err := e.Holds(t.Context(), HoldFilter{}, 10)
	if err != nil || len(open) != 2 {
		t.Errorf("got %d holds, %v, want the two", len(open), err)
	}
}
