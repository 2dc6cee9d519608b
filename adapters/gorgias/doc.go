// Package gorgias manages the users and teams of a Gorgias helpdesk over its REST
// API. What the vendor documents, what was only seen in recorded replies and what
// nobody knows is told apart in docs/apps/gorgias.md.
//
// Nothing here is about customers (shoppers), tickets or the product's settings.
// Start at Open in gorgias.go; accounts.go and removal.go have the methods.
package gorgias
