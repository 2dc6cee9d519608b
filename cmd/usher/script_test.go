package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"usher": func() { os.Exit(run()) },
		"scim":  func() { os.Exit(scim()) },

		"receiver": func() { os.Exit(receiver()) },
	})
}

// TestScripts runs testdata/script against the real binary: gateway, sandbox and commands are processes
// of their own, on free ports of loopback and with sockets in the script's folder.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"waitfor": waitFor, "capture": capture},
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_PROXY", "*")
			return nil
		},
	})
}

// patience bounds how long a script waits for one thing.
const patience = 60 * time.Second

// poll tries until it works, at most for patience.
func poll(ts *testscript.TestScript, what string, try func() bool) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	next := time.NewTicker(50 * time.Millisecond)
	defer next.Stop()
	for !try() {
		select {
		case <-deadline.C:
			ts.Fatalf("waited %s for %s", patience, what)
		case <-next.C:
		}
	}
}

// waitFor is `waitfor REGEXP PROGRAM ARGS…`: it runs the program until its standard output matches.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: waitfor REGEXP PROGRAM ARGS…")
	}
	want := regexp.MustCompile(`(?m)` + args[0])
	poll(ts, args[0], func() bool {
		err := ts.Exec(args[1], args[2:]...)
		return err == nil && want.MatchString(ts.ReadFile("stdout"))
	})
}

// capture is `capture NAME FILE REGEXP`: it waits until the file, or stdout, matches, and sets the variable to the first group.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: capture NAME FILE REGEXP")
	}
	want := regexp.MustCompile(`(?m)` + args[2])
	poll(ts, args[2]+" in "+args[1], func() bool {
		text := ""
		if args[1] == "stdout" || args[1] == "stderr" {
			text = ts.ReadFile(args[1])
		} else if content, err := os.ReadFile(ts.MkAbs(args[1])); err == nil {
			text = string(content)
		}
		found := want.FindStringSubmatch(text)
		if found == nil {
			return false
		}
		ts.Setenv(args[0], found[1])
		return true
	})
}

// scim is `scim METHOD PATH`: one request to $SCIM with $TOKEN and the body of standard input, as an identity provider makes it.
func scim() int {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		return exitFailed
	}
	req, err := http.NewRequestWithContext(ctx, os.Args[1], os.Getenv("SCIM")+os.Args[2], strings.NewReader(string(body))) //nolint:gosec // the script names the address
	if err != nil {
		return exitFailed
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
	req.Header.Set("Content-Type", "application/scim+json")
	reply, err := http.DefaultClient.Do(req) //nolint:gosec // as above
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	defer func() { _ = reply.Body.Close() }()
	if _, err := io.Copy(os.Stdout, reply.Body); err != nil || reply.StatusCode >= http.StatusBadRequest {
		fmt.Fprintln(os.Stderr, reply.Status, err)
		return exitFailed
	}
	return exitDone
}
