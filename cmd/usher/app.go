package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/user"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/config"
)

// app is what the commands use of the world outside, and the flags that all of them share.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	lookupEnv      func(string) (string, bool)
	now            func() time.Time // in the zone in which times are shown
	version        string
	user           string // the administrator's name, for the audit
	terminal       terminal

	output   output
	noColour bool
}

// terminal says which streams a person sits at.
type terminal struct {
	in, out, err bool
	width        int // of out, in columns; 0 where that is not known
	// secret reads a line from stdin without showing it; nil where in is false.
	secret func(context.Context) ([]byte, error)
}

// newApp returns the app of this process.
func newApp() *app {
	in := int(os.Stdin.Fd())
	a := &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookupEnv: os.LookupEnv, now: time.Now,
		version: buildVersion(), user: userName(os.LookupEnv), output: asText,
		terminal: terminal{in: term.IsTerminal(in), out: term.IsTerminal(int(os.Stdout.Fd())), err: term.IsTerminal(int(os.Stderr.Fd()))},
	}
	if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		a.terminal.width = width
	}
	if a.terminal.in {
		a.terminal.secret = func(ctx context.Context) ([]byte, error) { return readHidden(ctx, in) }
	}
	return a
}

// execute runs one command line and returns the exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	root := newRoot(a)
	root.SetArgs(args)
	return a.exit(root.ExecuteContext(ctx))
}

// config returns the settings as flags, environment and file give them. Its errors are of wrong use.
func (a *app) config(cmd *cobra.Command) (config.Config, error) {
	in := config.Input{Flags: map[string]string{}, LookupEnv: a.lookupEnv}
	settings := map[string]bool{}
	for _, s := range config.Settings() {
		settings[s.Flag] = true
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch {
		case f.Name == "config":
			in.File = f.Value.String()
		case settings[f.Name] && f.Annotations[settingFlag] != nil:
			in.Flags[f.Name] = f.Value.String()
		}
	})
	cfg, err := config.Load(in)
	if err != nil {
		return config.Config{}, &usageError{err: err}
	}
	return cfg, nil
}

// connect returns a client of the server that the flags name. Nothing is sent yet.
func (a *app) connect(cmd *cobra.Command) (*client.Client, error) {
	cfg, err := a.config(cmd)
	if err != nil {
		return nil, err
	}
	socket, err := cfg.Socket()
	if err != nil {
		return nil, &usageError{err: err}
	}
	return client.New(client.Options{Data: cfg.Data, Socket: socket, Actor: a.user}), nil
}

// ask returns a command's body that is given a client.
func (a *app) ask(run func(cmd *cobra.Command, c *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := a.connect(cmd)
		if err != nil {
			return err
		}
		defer c.Close()
		return run(cmd, c, args)
	}
}

// maxInput bounds what is read from a file or from standard input, in bytes.
const maxInput = 2 << 20

// read returns the content of a file, or of standard input for "-".
func (a *app) read(file string) ([]byte, error) {
	if file == "" {
		return nil, wrongUse("-f FILE is missing (- stands for standard input)")
	}
	from := a.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, &usageError{err: err}
		}
		defer func() { _ = f.Close() }()
		from = f
	}
	content, err := io.ReadAll(io.LimitReader(from, maxInput+1))
	if err != nil {
		return nil, &usageError{err: err}
	}
	if len(content) > maxInput {
		return nil, wrongUse("%s is longer than %d bytes", file, maxInput)
	}
	return content, nil
}

func userName(lookupEnv func(string) (string, bool)) string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	name, _ := lookupEnv("USER")
	return name
}

// buildVersion is the module's version, else the revision it was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}

// readHidden reads a line from a terminal without echo. When ctx ends, the terminal is put back as it was.
func readHidden(ctx context.Context, fd int) ([]byte, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	type result struct {
		line []byte
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		read <- result{line, err}
	}()
	select {
	case r := <-read:
		return r.line, r.err
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), term.Restore(fd, before))
	}
}
