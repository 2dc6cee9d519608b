// Package filter is the filter and path language of SCIM (RFC 7644 sections 3.4.2.2 and 3.5.2): parse, type against the
// schema, evaluate, and find the equality that an index can answer.
//
// Both grammars share their parts: a filter compares what paths name, and a path may hold a filter in brackets. Everything
// here is pure, bounded (MaxLength, MaxDepth) and takes any bytes without a panic. What a source stores and how an
// index is read is not known here. Start with Parse and Compile; ParsePath serves package patch.
package filter
