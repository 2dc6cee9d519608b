package simtest_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/provision/simtest"
)

var (
	seeds = flag.Uint64("sim.seeds", seedsPlayed, "how many histories are played")
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

// shards is how many histories are played at once.
const shards = 4

// Whatever happens, once it has settled the vendors have what the directory says, or something visible
// says why not. `make sim SEEDS=n SEED_START=k` plays others.
func TestHistories(t *testing.T) {
	began := time.Now()
	var mu sync.Mutex
	var excuses map[string]int
	played := 0
	t.Cleanup(func() {
		t.Logf("%d histories of the %d from seed %d on, %.1f a second", played, *seeds, *start, float64(played)/time.Since(began).Seconds())
		for _, why := range slices.Sorted(maps.Keys(excuses)) {
			t.Logf("%7d times: %s", excuses[why], why)
		}
	})
	for shard := range uint64(shards) {
		t.Run(fmt.Sprintf("shard %d", shard), func(t *testing.T) {
			t.Parallel()
			for seed := *start + shard; seed < *start+*seeds && !t.Failed(); seed += shards {
				r := tell(t, seed)
				mu.Lock()
				excuses = simtest.Excuses(excuses, r)
				played++
				mu.Unlock()
			}
		})
	}
}

// tell plays a history; when something breaks, or it was asked for, it tells it.
func tell(t *testing.T, seed uint64) simtest.Result {
	t.Helper()
	acts := simtest.History(seed)
	r := play(t, seed, acts, *told)
	if *told {
		t.Logf("seed %d: %d calls, %v\n%s", seed, r.Calls, acts, strings.Join(r.Trace, "\n"))
	}
	if r.Err != nil {
		t.Error(explain(t, seed, acts, r))
	}
	return r
}

// The same seed plays the same history, call for call: else no failure could be looked into. Calls that
// time out at the same instant may be logged in either order.
func TestASeedPlaysOneHistory(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			first := play(t, seed, simtest.History(seed), true)
			again := play(t, seed, simtest.History(seed), true)
			slices.Sort(first.Trace)
			slices.Sort(again.Trace)
			if diff := cmp.Diff(first.Trace, again.Trace); diff != "" {
				t.Errorf("the second time it went another way:\n%s", diff)
			}
		})
	}
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
