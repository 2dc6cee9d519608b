package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
)

// The exit codes. They are part of what scripts rely on: a number never changes its meaning.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUse         = 2
	exitUnreachable = 3
	exitUnconfirmed = 4
	exitRefused     = 5
	exitInterrupted = 130
)

// exitCode is one line of the documentation of exit codes.
type exitCode struct {
	code    int
	meaning string
}

func exitCodes() []exitCode {
	return []exitCode{
		{exitDone, "done"},
		{exitFailed, "failed: the server or a vendor could not do it; `usher demo --once` also when the accounts differ from what they must be"},
		{exitUse, "wrong use: an argument, a setting or the file given is wrong; nothing changed"},
		{exitUnreachable, "no server: none is running on the data folder, or its socket is another user's"},
		{exitUnconfirmed, "not confirmed: people would lose accounts and nobody confirmed their number; nothing changed"},
		{exitRefused, "refused: what it is about is not there, or has changed in the meantime; nothing changed"},
		{exitInterrupted, "interrupted by Ctrl-C or SIGTERM"},
	}
}

func newExitCodes() *cobra.Command {
	var b strings.Builder
	b.WriteString("Every command ends with one of these codes:\n\n")
	for _, e := range exitCodes() {
		fmt.Fprintf(&b, "  %-4d %s\n", e.code, e.meaning)
	}
	b.WriteString("\nA number never changes its meaning.")
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: b.String()}
}

// usageError is a mistake of the caller, found before anything was done.
type usageError struct {
	command string // whose --help may help; may be ""
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func wrongUse(format string, args ...any) error { return &usageError{err: fmt.Errorf(format, args...)} }

// unconfirmedError says that nothing was done, as people would lose accounts and nobody said yes.
type unconfirmedError struct{ text string }

func (e *unconfirmedError) Error() string { return e.text }

// refusedError is a wish that does not fit how things are, found by a command itself.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return e.text }

func codeOf(err error) int {
	var (
		usage       *usageError
		unreachable *client.UnreachableError
		unconfirmed *unconfirmedError
		refused     *refusedError
		api         *client.Error
	)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &usage):
		return exitUse
	case errors.As(err, &unreachable):
		return exitUnreachable
	case errors.As(err, &unconfirmed):
		return exitUnconfirmed
	case errors.As(err, &refused):
		return exitRefused
	case errors.As(err, &api):
		switch api.Code() {
		case admin.BadRequest:
			return exitUse
		case admin.Unconfirmed:
			return exitUnconfirmed
		case admin.NotFound, admin.Conflict, admin.Forbidden:
			return exitRefused
		}
	}
	return exitFailed
}

// exit tells an error on standard error and returns the exit code.
func (a *app) exit(err error) int {
	code := codeOf(err)
	switch {
	case code == exitDone:
	case code == exitInterrupted:
		fmt.Fprintln(a.stderr, "usher: interrupted")
	case a.output == asJSON:
		fmt.Fprintf(a.stderr, "%s\n", errorJSON(err))
	default:
		a.tell(err)
	}
	return code
}

func (a *app) tell(err error) {
	p := a.errPage()
	defer p.flush()
	var located *problemsError
	if errors.As(err, &located) {
		located.write(p)
		return
	}
	p.line("usher: %s", p.paint(red, err.Error()))
	var api *client.Error
	if errors.As(err, &api) && api.Reply.Error.Fix != "" {
		p.line("       → %s", api.Reply.Error.Fix)
	}
	var usage *usageError
	for e := err; errors.As(e, &usage); e = usage.err {
		if usage.command != "" {
			p.line("       see `%s --help`", usage.command)
			break
		}
	}
}

// errorJSON is an error as the API writes it: its own words, where it has said any.
func errorJSON(err error) []byte {
	var api *client.Error
	if errors.As(err, &api) && api.JSON != nil {
		return bytes.TrimSpace(api.JSON)
	}
	var r admin.ErrorReply
	r.Error.Message = err.Error()
	switch codeOf(err) {
	case exitUse:
		r.Error.Code = admin.BadRequest
	case exitUnreachable:
		r.Error.Code = admin.Unavailable
	case exitUnconfirmed:
		r.Error.Code = admin.Unconfirmed
	case exitRefused:
		r.Error.Code = admin.Conflict
	default:
		r.Error.Code = admin.Internal
	}
	raw, jsonErr := json.Marshal(r)
	if jsonErr != nil {
		return []byte(`{"error":{"code":"internal","message":"the error cannot be written as JSON"}}`)
	}
	return raw
}
