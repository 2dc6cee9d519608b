//go:build race

package simtest_test

// Under the race detector everything takes about ten times as long, and it looks for something else than the histories do.
const (
	seedsPlayed  = 16
	placesPassed = 60
)
