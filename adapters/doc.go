// Package adapters is the contract between the engine and the apps it manages:
// the Adapter interface with its optional capabilities, the kinds of errors, and
// what an adapter is given when it is opened.
//
// It does no I/O and knows no vendor. The shared vendor HTTP client lives in
// adapters/vendorhttp, each app in adapters/<app>, the map of all of them in
// adapters/registry, and the suite every adapter must pass in
// adapters/adaptertest. Start at adapter.go, then errors.go; docs/adding-an-adapter.md
// walks through a new one.
package adapters
