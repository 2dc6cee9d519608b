// Package patch applies the operations of a PATCH (RFC 7644 section 3.5.2) to a resource in the canonical form of package schema:
// in order, all or none, driven by the schema. Members of a group are not in the resource: what happens to
// them becomes steps that package directory carries out, so that adding one member to a group of 100,000 costs what it costs
// in a group of ten.
//
// It is pure: no I/O, no clock, the resource that goes in is not changed. Start with Parse and Rules.Apply.
package patch
