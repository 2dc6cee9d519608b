// Package storetest is what a store must do, as tests: each backend runs [Run].
//
// For the tests of everything above a store it has [New], a fast store that ends with the test, and wrappers:
// [Counting] counts what reaches the store, [Faulty] lets commits fail before or after their
// effect, [Rerun] runs every update twice, as a backend may.
package storetest
