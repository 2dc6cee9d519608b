// Package lawtest holds the law of the house: which package may import which.
//
// It has no part in the program. The table in rooms.go is the one place where an
// arrow between packages is allowed; the test reads every Go file of the module,
// whatever its build tags, and fails on an arrow that the table does not have, on
// a package without a row, and on a folder without a doc.go. Start with rooms.go.
package lawtest
