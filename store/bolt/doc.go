// Package bolt keeps a store in one file with bbolt: the default, for one process on one machine.
//
// Start with [Open] in store.go. commit.go shares commits between concurrent
// updates, tx.go is the transaction an update sees, pending.go what a shared commit has not yet written,
// format.go upgrades older files, backup.go copies a running store.
package bolt
