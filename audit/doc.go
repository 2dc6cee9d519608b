// Package audit keeps what happened. A Change is written once, in the
// transaction of the act itself, and is two things: the outbox entry from which
// provision learns what needs a look, and the fact that is shown to an auditor.
//
// A change of the directory begins in the outbox (Append), is worked off by
// provision in slices (Pending, Part, Cursor, SettlePart, Index) and becomes a
// fact (Settle). What asks for no work is a fact at once (Record). Readers see
// both as one history: Get, Read, OfPerson.
//
// All functions work inside a transaction of the caller; nothing runs on its
// own here, and nothing knows of the directory or of apps. Sealing facts into a hash chain,
// exporting and pruning them are not built yet; the facts are written so that
// they can follow: keys are unique and in time order, entries never change once
// they are facts.
//
// Start reading in change.go, then outbox.go.
package audit
