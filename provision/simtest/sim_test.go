package simtest_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-scim/usher/provision/simtest"
)

var (
	seeds = flag.Uint64("sim.seeds", 500, "how many histories are played")
	start = flag.Uint64("sim.start", 1, "the first seed")
	told  = flag.Bool("sim.trace", false, "tell every history, also those in which nothing breaks")
	whole = flag.Bool("sim.whole", false, "show a failing history as it is, not its shortest form")
)

// play plays a history in a bubble of its own.
func play(t *testing.T, seed uint64, acts []simtest.Act, tracing bool) simtest.Result {
	t.Helper()
	var r simtest.Result
	synctest.Test(t, func(*testing.T) { r = simtest.Play(seed, acts, tracing) })
	return r
}

// Whatever happens, once it has settled the vendors have what the directory says, or something visible
// says why not. `make sim SEEDS=n SEED_START=k` plays others.
func TestHistories(t *testing.T) {
	began, failed := time.Now(), 0
	for seed := *start; seed < *start+*seeds && failed < 5; seed++ {
		acts := simtest.History(seed)
		r := play(t, seed, acts, *told)
		if *told {
			t.Logf("seed %d: %d calls, %v\n%s", seed, r.Calls, acts, strings.Join(r.Trace, "\n"))
		}
		if r.Err != nil {
			failed++
			t.Error(explain(t, seed, acts, r))
		}
	}
	t.Logf("%d histories from seed %d, %.1f a second", *seeds, *start, float64(*seeds)/time.Since(began).Seconds())
}

// explain plays a failing history again, in its shortest form, and tells it.
func explain(t *testing.T, seed uint64, acts []simtest.Act, r simtest.Result) string {
	t.Helper()
	whole := len(acts)
	acts = shrunk(t, seed, acts, r.Invariant())
	r = play(t, seed, acts, true)
	return fmt.Sprintf("seed %d: %v\n%d of %d acts are enough: %v\n%s", seed, r.Err, len(acts), whole, acts, strings.Join(r.Trace, "\n"))
}

func shrunk(t *testing.T, seed uint64, acts []simtest.Act, invariant string) []simtest.Act {
	t.Helper()
	if *whole {
		return acts
	}
	return simtest.Shrink(acts, invariant, func(fewer []simtest.Act) simtest.Result { return play(t, seed, fewer, false) })
}
