// Package directory holds what the sources say of people: sources and their
// tokens, records, groups and memberships. It is the only code that writes them, and each of its
// acts is one store transaction that also appends one change to package audit.
//
// A person has no record of its own. It is the merge of the records that
// sources have of it (merge.go), all under the person's id; access needs every holder's
// active. Memberships are edges, kept in both directions (edges.go), so that a group of
// 100,000 costs no more to change than one of ten.
//
// It knows nothing of SCIM's wire form, of apps or of what follows from a
// change: scim calls it, provision and mapping read it inside their own transactions
// through the methods that end in "In".
//
// Start reading in types.go, then users.go and groups.go.
package directory
