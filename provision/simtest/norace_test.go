//go:build !race

package simtest_test

// What an ordinary run of the tests plays: so many histories, and of the places of the sweep every so many-th.
const (
	seedsPlayed  = 60
	placesPassed = 8
)
