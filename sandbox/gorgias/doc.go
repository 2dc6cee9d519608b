// Package gorgias is a stateful stand-in of Gorgias' REST API for users and
// teams: one helpdesk account with people, bots, an owner and teams, reached
// with an API key or an OAuth2 token.
//
// It follows the public reference (developers.gorgias.com) and, where that is
// silent, recorded replies; where nobody knows, a field of Settings chooses.
// Tickets, customers and everything else of the product are not here.
// Start reading at New, then users.go.
package gorgias
