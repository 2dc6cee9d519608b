package simtest_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/usher-scim/usher/provision/simtest"
)

var stride = flag.Int("sim.stride", placesPassed, "of the places of the sweep, every how many-th is played; 1 for all")

// sweepSeed is a world of one source whose vendors' reads lag, so that what was written is not always seen at once.
const sweepSeed = 14

// Wherever the process dies in a short life of a company, at every commit and every call, before and after it, what
// follows is what would have followed anyway.
func TestACrashAtEveryPlace(t *testing.T) {
	t.Parallel()
	whole := play(t, sweepSeed, simtest.CrashAt(simtest.Script(), 0, 1_000_000), true)
	if whole.Err != nil {
		t.Fatalf("without a crash: %v\n%s", whole.Err, strings.Join(whole.Trace, "\n"))
	}
	total := 0
	for kind, place := range simtest.Places() {
		total += whole.Passed[kind]
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			for n := 1 + kind%*stride; n <= whole.Passed[kind]; n += *stride {
				acts := simtest.CrashAt(simtest.Script(), kind, n)
				r := play(t, sweepSeed, acts, false)
				if r.Err == nil && r.Died != 1 {
					t.Fatalf("%s number %d: the process died %d times, want once", place, n, r.Died)
				}
				if r.Err != nil {
					r = play(t, sweepSeed, acts, true)
					t.Fatalf("%s number %d: %v\n%s", place, n, r.Err, strings.Join(r.Trace, "\n"))
				}
			}
		})
	}
	t.Logf("%d places: %v of %v; every %d. is played", total, whole.Passed, simtest.Places(), *stride)
}
