// Package adaptertest is the suite that every adapter passes against a stand-in of
// its vendor. An adapter's own test file says how to start the stand-in and which
// routes its calls take (a Vendor), and calls Run.
//
// The suite knows no vendor and imports no stand-in. It watches both sides: what
// the adapter answers, and what really reached the vendor. Start at vendor.go for
// what must be given, then suite.go for the list of cases.
package adaptertest
