// Package admin is the administrators' API: REST and JSON at /api/v1, spoken by the
// usher command over a unix socket in the data directory.
//
// Handlers are thin: they parse, call one exported service of another room, and
// answer. errors.go holds the one table from failures to statuses. Web pages
// will live here too; there are none yet. Start with routes.go.
package admin
