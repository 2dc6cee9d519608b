// Package store is the ordered key-value contract everything durable stands on
// and the record layer above it. It knows nothing of people or apps.
//
// Start with [Store] in store.go: tables of sorted keys, snapshots, and
// transactions that share a commit. [Table] in table.go keeps records of one
// Go type under a primary key, with unique and plain indexes written in the
// same transaction; it is what the other packages use. key.go builds keys whose
// byte order is the order of their parts.
//
// Backends live below: store/bolt keeps everything in one file. store/storetest
// is the suite each backend passes.
package store
