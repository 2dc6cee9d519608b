// Package wire holds what the stand-ins of all vendors share: the front that
// stands before a vendor's own behaviour and plays faults, the log of calls,
// tables that a reader sees with a delay, the clock, and the control API.
// What a vendor answers is not decided here but in sandbox/gorgias and
// sandbox/zoom. Start reading at Front.ServeHTTP.
//
// The sandbox imports no package of the gateway: it is the other side of the
// wire, so that a misunderstanding cannot hide on both sides.
package wire
