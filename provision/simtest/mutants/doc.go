// Mutants breaks the provisioning engine on purpose, in one place at a time, and sees that the invariants
// of package simtest notice. What they do not notice is a hole in them.
//
// A mutant is a replacement of some lines of a source file (table.go). It never touches the tree: the changed copy
// reaches the compiler through an overlay (overlay.go). The histories are then played with it until one breaks an
// invariant that the mutant must break (hunt.go, hunt_test.go).
//
// `make mutants` plays all and prints the table of docs/simulation.md. The tests of this package make sure that every
// replacement still fits the sources.
package main
