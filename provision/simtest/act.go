package simtest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Act is one thing that happens in a history. Its numbers are taken modulo what there is, and what does not
// fit the moment does nothing, so that a history stays one when acts are left out.
type Act struct {
	What    string
	A, B, C int
	Order   uint64 // seeds the choice among goroutines that could run
}

func (a Act) String() string { return fmt.Sprintf("%s(%d,%d,%d)", a.What, a.A, a.B, a.C) }

// chance says how often an act comes, in ordinary histories and in those without faults.
type chance struct {
	what           string
	often, without int
}

// chances lists the acts.
var chances = []chance{
	{"hire", 6, 8}, {"another human", 1, 0}, {"change", 2, 4}, {"rename", 2, 1}, {"deactivate", 6, 3}, {"activate", 5, 4},
	{"delete user", 3, 1}, {"readmit", 1, 0}, {"burst", 2, 0},
	{"create group", 5, 4}, {"delete group", 2, 0}, {"join", 10, 10}, {"join twice", 1, 1}, {"leave", 6, 3}, {"replace members", 2, 1},
	{"mapping", 3, 1}, {"rollback", 1, 0}, {"approve", 3, 0}, {"reject", 1, 0}, {"retry", 1, 0},
	{"fault", 14, 0}, {"chaos", 1, 0}, {"outage", 1, 0}, {"revoked", 1, 0}, {"other tenant", 1, 0}, {"refused", 1, 0}, {"seats", 1, 0},
	{"pause", 2, 0}, {"resume", 3, 0}, {"terminate", 2, 1}, {"reinstate", 1, 1}, {"reconcile", 2, 1}, {"go on", 1, 0},
	{"by hand", 2, 0}, {"changed by hand", 2, 0}, {"stranger", 1, 0}, {"works", 2, 2}, {"accept", 2, 0},
	{"crash", 6, 0}, {"restart", 1, 1}, {"clock", 1, 0}, {"backup", 1, 0}, {"restore", 1, 0},
	{"steps", 25, 0}, {"time", 20, 20},
}

var (
	humans     = []string{"ann", "bob", "cat", "dan", "eve", "fay", protectedOne, "hal", "ida"}
	groupNames = []string{"Support", "Leads", "Interns"}
	pauses     = []time.Duration{
		0, time.Second, 4 * time.Second, 30 * time.Second, 10 * time.Minute, 3 * time.Hour, 25 * time.Hour, 8 * 24 * time.Hour,
	}
)

// History returns the acts of a seed.
func History(seed uint64) []Act {
	r := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // repeatable on purpose
	k := kindOf(seed)
	weight := func(c chance) int {
		if k.faultless {
			return c.without
		}
		return c.often
	}
	total := 0
	for _, c := range chances {
		total += weight(c)
	}
	acts := []Act{{What: "mapping", C: 3}}
	for n := range r.IntN(len(humans) + 1) {
		acts = append(acts, Act{What: "hire", A: n, B: 1})
	}
	acts = append(acts, Act{What: "create group", B: r.IntN(1 << len(humans))}, Act{What: "time", A: r.IntN(5), Order: r.Uint64()})
	for range 20 + r.IntN(60) {
		n := r.IntN(total)
		for _, c := range chances {
			if n -= weight(c); n < 0 {
				acts = append(acts, Act{What: c.what, A: r.IntN(1000), B: r.IntN(1024), C: r.IntN(1000), Order: r.Uint64()})
				break
			}
		}
	}
	return acts
}
