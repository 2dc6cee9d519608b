// Package client speaks the administrators' API of a running server, over the unix
// socket in its data folder. Its calls take and return the types of package admin;
// it prints nothing and decides nothing. Start with New; calls.go has one method for each
// route of the API.
package client
