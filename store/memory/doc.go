// Package memory is a store that lives in memory and ends with the process: for simulations, which
// open, crash and reopen one many thousand times, and for tests that need no file.
//
// Its tables are persistent trees: a transaction works on a new version that shares what it did not
// touch with the one before. So a snapshot of a whole store, and going back to one, cost nothing.
// Start reading at Disk, which is what survives a process, then Store, then tree.go.
package memory
