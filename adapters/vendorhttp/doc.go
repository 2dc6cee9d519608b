// Package vendorhttp is the one HTTP client through which adapters call vendors:
// pacing by lanes and by limits learnt from headers, authorization with one
// renewal, quick repetition of safe calls, bounded replies, and one table from
// what went wrong to adapters.Error.
//
// It knows no vendor: an adapter gives it a base address, an Auth, limits and a
// Classify function for the vendor's error bodies. It never waits long: a pause
// that the vendor orders becomes an error of kind Retry, and the engine's queue
// does the waiting. Start at Client.Do in client.go.
package vendorhttp
