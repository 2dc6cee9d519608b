package main

import (
	"flag"
	"os"
	"testing"
	"testing/synctest"

	"github.com/usher-scim/usher/provision/simtest"
)

var (
	huntStart = flag.Uint64("hunt.start", 1, "the first seed")
	huntSeeds = flag.Uint64("hunt.seeds", 5, "how many histories are played at most")
)

// Histories are played until one breaks an invariant, whose name is printed. With the engine as it is, none
// does; `make mutants` runs the same test with engines that are broken.
func TestHunt(t *testing.T) {
	last := *huntStart
	for seed := *huntStart; seed < *huntStart+*huntSeeds; seed++ {
		last = seed
		var r simtest.Result
		synctest.Test(t, func(*testing.T) { r = simtest.Play(seed, simtest.History(seed), false) })
		if r.Err != nil {
			say(os.Stdout, "%s %d %s\n", brokenWord, seed, r.Invariant())
			t.Fatalf("seed %d: %v", seed, r.Err)
		}
	}
	say(os.Stdout, "%s %d\n", wholeWord, last)
}
