// Package bulk reads bulk requests (RFC 7644 section 3.7): what the operations are, which of them name resources that others of
// them create ("bulkId:x"), and in which order that lets them be carried out.
//
// It does no I/O and carries nothing out: package scim does, with the handlers of single requests. Start with Parse, then Order.
package bulk
