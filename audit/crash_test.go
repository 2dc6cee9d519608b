package audit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

var errCrash = errors.New("the process ended")

// TestTheChainIsWholeAfterACrashAtAnyCommit records, seals, erases and prunes while the process ends before or behind commits. Every fact
// that was acknowledged is in the history exactly once until it is pruned, and the chain verifies after each crash.
func TestTheChainIsWholeAfterACrashAtAnyCommit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		b := newBook(t)
		faults := storetest.Faulty(storetest.Rerun(b.store))
		chain := b.open(faults)
		people := persons(4)
		kept := map[uuid.UUID]time.Time{} // acknowledged facts, until they may be pruned
		admin := audit.Actor{Kind: audit.ByAdmin, Name: "ada"}
		crash := func(int) error {
			if rapid.IntRange(0, 3).Draw(rt, "crash") == 0 {
				return errCrash
			}
			return nil
		}
		faults.BeforeCommit(crash)
		faults.AfterCommit(crash)
		for range rapid.IntRange(1, 25).Draw(rt, "acts") {
			var err error
			switch rapid.SampledFrom([]string{"record", "record", "record", "seal", "seal", "erase", "prune", "day"}).Draw(rt, "act") {
			case "record":
				c := b.fact(people[rapid.IntRange(0, 3).Draw(rt, "person")])
				err = faults.Update(context.Background(), func(tx store.Tx) error { return audit.Record(tx, c) })
				if err == nil {
					kept[c.ID] = c.At
				}
			case "seal":
				_, err = chain.Seal(context.Background())
			case "erase":
				_, err = chain.Erase(context.Background(), admin, people[rapid.IntRange(0, 3).Draw(rt, "erased")])
			case "prune":
				cut := b.at.Add(-time.Duration(rapid.IntRange(0, 20).Draw(rt, "age")) * time.Second)
				_, err = chain.Prune(context.Background(), admin, cut)
				for id, at := range kept {
					if at.Before(cut) {
						delete(kept, id) // perhaps it is gone
					}
				}
			case "day":
				b.at = b.at.Add(24 * time.Hour)
			}
			if err != nil {
				if !errors.Is(err, errCrash) {
					rt.Fatal(err)
				}
				chain = b.open(faults) // the next process
			}
			report, err := b.chain.Verify(context.Background())
			if err != nil || !report.Valid {
				rt.Fatalf("after a crash: %+v, %v", report.Problems, err)
			}
		}
		faults.BeforeCommit(nil)
		faults.AfterCommit(nil)
		if _, err := chain.Prune(context.Background(), admin, time.Time{}); err != nil { // finishes what was begun
			rt.Fatal(err)
		}
		if err := chain.SealAll(context.Background()); err != nil {
			rt.Fatal(err)
		}
		report, err := chain.Verify(context.Background())
		if err != nil || !report.Valid || report.Waiting != 0 {
			rt.Fatalf("at the end: %+v, %v", report, err)
		}
		seen := map[uuid.UUID]int{}
		for _, id := range b.read(time.Time{}, time.Time{}) {
			seen[id]++
		}
		for id := range kept {
			if seen[id] != 1 {
				rt.Fatalf("the fact %s is in the history %d times", id, seen[id])
			}
		}
	})
}
