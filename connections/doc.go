// Package connections keeps the credentials and addresses of vendor tenants and
// opens them: a connection names an adapter and holds its settings.
//
// Only administrators see or change connections; the mapping refers to them by
// name, so that no document holds an address or a secret. Secrets are kept as
// references, or sealed in the vault; they are resolved when a connection is
// opened and never given out again. Start with Save in connections.go.
package connections
