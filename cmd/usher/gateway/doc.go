// Package gateway puts the rooms together into one running server: store,
// directory, mapping, engine, the SCIM and the operations listeners, and the
// administrators' API on its unix socket. It holds wiring and nothing else.
//
// Start with Open in gateway.go.
package gateway
