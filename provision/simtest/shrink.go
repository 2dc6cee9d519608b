package simtest

import "slices"

// tries bounds how often a shorter history is tried.
const tries = 400

// Shrink leaves out acts as long as the same invariant breaks, and returns what is left. play
// plays a history in a bubble of its own.
func Shrink(acts []Act, invariant string, play func([]Act) Result) []Act {
	left := tries
	for again := true; again && left > 0; {
		again = false
		for size := max(1, len(acts)/2); size > 0; size /= 2 {
			for at := 0; at+size <= len(acts) && left > 0; {
				left--
				fewer := slices.Concat(acts[:at], acts[at+size:])
				if play(fewer).Invariant() == invariant {
					acts, again = fewer, size == 1
					continue
				}
				at += size
			}
		}
	}
	return acts
}
