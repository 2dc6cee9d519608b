// Package audit keeps what happened. A Change is written once, in the
// transaction of the act itself, and is two things: the outbox entry from which
// provision learns what needs a look, and the fact that is shown to an auditor.
//
// A change of the directory begins in the outbox (Append), is worked off by
// provision in slices (Pending, Part, Cursor, SettlePart, Index) and becomes a
// fact (Settle). What asks for no work is a fact at once (Record). Readers see
// pending changes, facts and sealed facts as one history: Get, Read, OfPerson. These functions work inside a
// transaction of the caller.
//
// A Chain seals facts in the background: each is bound to the one before it by a hash, its personal values
// are put under a key of the person, and segments end in signed checkpoints. It verifies (Verify, and VerifyExport without the
// server), finds (Find), exports, prunes, and erases a person by destroying the key.
// docs/audit.md describes the format. Nothing here knows of the directory or of apps.
//
// Start reading in change.go, then outbox.go; for the chain in chain.go, then seal.go and sealed.go.
package audit
