// Package registry is the map of all adapters: one line each, and nothing that
// registers itself. It is the only package that knows every adapter; adapters do
// not know each other.
package registry
