package simtest

import "maps"

// excuse counts that something was not as it should be and that a reason was accepted for it. docs/simulation.md lists the
// reasons; a batch of histories says how often each was needed.
func (w *World) excuse(reason string) {
	if w.excuses == nil {
		w.excuses = map[string]int{}
	}
	w.excuses[reason]++
}

// Excuses adds up what several histories needed.
func Excuses(all map[string]int, r Result) map[string]int {
	sum := maps.Clone(all)
	if sum == nil {
		sum = map[string]int{}
	}
	for reason, n := range r.Excuses {
		sum[reason] += n
	}
	return sum
}
