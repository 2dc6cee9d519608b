// Package zoom is a stateful stand-in of Zoom's REST API v2 for one account:
// users in their three statuses, licences and seats, groups, roles, and the
// token endpoint of a Server-to-Server OAuth app.
//
// It follows the public API reference; where that is silent, a field of Settings
// chooses. Meetings, webinars and recordings exist only as counts per user, so
// that one can see where they go when a user is deleted.
// Start reading at New, then routes.go.
package zoom
