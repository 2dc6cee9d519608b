package gorgias

import (
	"slices"
	"time"
)

// teamWrite is a list that was written to a team, and the one that it was made from.
type teamWrite struct {
	from, to []int64
	at       time.Time
}

// keptWrites is how many writes of one team are remembered at most.
const keptWrites = 8

// wrote notes that the vendor took a team's list.
func (a *Adapter) wrote(team int64, from, to []int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := append(a.recent(team), teamWrite{from: from, to: to, at: a.now()})
	a.written[team] = all[max(0, len(all)-keptWrites):]
}

// latest returns a team's members where a read shows them as shown. Reads lag, and a list is written whole: a read that shows a list which
// we have replaced within the read lag is taken for an old one, and what we wrote last is the team. A list that we do not know is another hand's.
func (a *Adapter) latest(team int64, shown []int64) []int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	recent := a.recent(team)
	if slices.ContainsFunc(recent, func(w teamWrite) bool { return slices.Equal(shown, w.from) || slices.Equal(shown, w.to) }) {
		return recent[len(recent)-1].to
	}
	return shown
}

// behind reports whether a read that shows a team's members as shown misses our last write.
func (a *Adapter) behind(team int64, shown []int64) bool {
	return !slices.Equal(a.latest(team, shown), shown)
}

// recent returns the writes of a team within the read lag, oldest first. The caller holds mu.
func (a *Adapter) recent(team int64) []teamWrite {
	now := a.now()
	recent := slices.DeleteFunc(a.written[team], func(w teamWrite) bool { return now.Sub(w.at).Abs() >= readLag })
	if len(recent) == 0 {
		delete(a.written, team)
		return nil
	}
	a.written[team] = recent
	return recent
}
