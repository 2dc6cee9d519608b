// Package zoom manages the users of one Zoom account over Zoom's REST API v2,
// signed in as a Server-to-Server OAuth app.
//
// It knows users (invite, pre-provision, change, suspend, delete with hand-over),
// their type of licence, roles and groups. It does not know meetings, phones or
// Zoom's own SCIM service, and it decides nothing: which account is to be what is
// the engine's business.
//
// Start with config.go and zoom.go; each act of the contract has a file of its own
// name. What Zoom's numbers mean stands in codes.go, as one table. What an
// administrator must know is in docs/apps/zoom.md.
package zoom
