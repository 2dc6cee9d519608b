// Package simtest plays histories of a whole company against the provisioning engine and checks that
// what must never go wrong did not. One seed gives one history: people and groups come and go, mappings
// change, vendors fail in every way they have, the process dies at any commit and any call, clocks jump,
// backups are put back.
//
// The engine, the directory, the mapping and the adapters are the real ones; the vendors are the
// stand-ins of package sandbox, reached without sockets; the disk is store/memory. Everything runs in a
// bubble of testing/synctest, one goroutine at a time, in the order that the seed draws.
//
// Start reading at Play, then world.go (what there is), sched.go (who runs when), act.go (what can
// happen), model.go (what should be so), watch.go and check.go (the invariants). docs/simulation.md says how to run
// it and how to read a trace.
package simtest
