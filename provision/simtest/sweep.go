package simtest

// Script is the history that a crash is played at every place of: somebody joins, gets a team, is changed, leaves and
// returns, the mapping is edited, and an administrator terminates and reinstates somebody.
func Script() []Act {
	day := Act{What: "time", A: 6}    // 25 hours
	moment := Act{What: "time", A: 3} // 30 seconds
	return []Act{
		{What: "mapping", A: 0, C: 3},
		{What: "hire", A: 0, B: 1, C: 1}, {What: "hire", A: 1, B: 1, C: 1}, {What: "hire", A: 2, B: 1, C: 1}, {What: "hire", A: 3, B: 1, C: 1},
		{What: "create group", A: 0, B: 0b0111, C: 1}, moment, // three join, with a team
		{What: "create group", A: 1, B: 0b0001, C: 1}, moment, // one becomes a lead: another team and licence, and a question
		{What: "change", A: 1, B: 7, C: 1}, {What: "rename", A: 2, B: 1, C: 1}, moment,
		{What: "approve", A: 0, B: 1}, moment,
		{What: "deactivate", A: 1, C: 1}, moment,
		{What: "leave", A: 2, B: 0, C: 1}, day, // the leaver is ended by now, who lost the group is suspended
		{What: "activate", A: 1, C: 1}, {What: "join", A: 2, B: 0, C: 1}, moment, // both return
		{What: "mapping", A: 1, C: 3}, moment,
		{What: "terminate", A: 1}, moment,
		{What: "reinstate", A: 0}, moment,
	}
}

// CrashAt returns a history in which the process dies at the nth place of a kind, counted from the first act on.
func CrashAt(acts []Act, kind, n int) []Act {
	return append([]Act{{What: "crash", A: kind, B: n - 1, C: exactly}}, acts...)
}

// exactly marks a crash whose B is the place itself and not taken modulo anything.
const exactly = -1

// Places names the kinds of places at which a process may die, as Result.Passed counts them.
func Places() []string {
	var names []string
	for p := range points {
		names = append(names, p.String())
	}
	return names
}
