// Command usher is a SCIM provisioning gateway and the tool by which administrators
// speak to it. This package holds the commands: what they take, what they print and how
// they exit. app.go says what a command may use of the world, root.go lists them all; the
// running server is put together in package gateway, and package client speaks to it.
package main
