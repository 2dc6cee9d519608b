// Package schema knows what SCIM attributes there are and what may stand in them. It compiles the definitions of
// RFC 7643 (taken from github.com/elimity-com/scim, never typed again) into an index that resolves any spelling of an
// attribute path with one look-up, and it is the one place where a value is checked and brought into
// canonical form: for bodies, for patches and for the values of extensions added later.
//
// It does no I/O and knows no protocol: filters, patches and routes are in the packages beside it. Start with
// ResourceType, then Attribute.Value.
package schema
