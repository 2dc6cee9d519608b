// Command usher is a SCIM provisioning gateway and the tool by which administrators
// speak to it. This package holds the commands: what they take, what they print and how
// they exit. app.go says what a command may use of the world, root.go lists them all; the
// running server is put together in package gateway, and package client speaks to it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run())
}

// run is the process: it returns the exit code.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process the hard way
	return newApp().execute(ctx, os.Args[1:])
}
