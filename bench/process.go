package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/usher-scim/usher/bench/floor"
)

// kind names a server that this program can be.
type kind string

const (
	kindFloor kind = "floor"
	kindUsher kind = "usher"
)

// ready is the one line that a server prints when it listens.
type ready struct {
	Addr  string `json:"addr"`
	Token string `json:"token,omitempty"`
}

// server is a server process, started by startServer.
type server struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	dir   string
	ready
}

// startServer starts this program again as a server with empty data below dir. The
// process ends by itself when this one does, however it does.
func startServer(ctx context.Context, k kind, dir string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{}
	if s.dir, err = os.MkdirTemp(dir, "usher-bench-*"); err != nil {
		return nil, err
	}
	s.cmd = exec.CommandContext(ctx, self, "-serve", string(k), "-dir", s.dir) //nolint:gosec // this program itself
	s.cmd.Stderr = os.Stderr
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err = s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s.ready)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the %s server did not start: %w", k, err), s.stop())
	}
	return s, nil
}

// stop ends the process and removes its data.
func (s *server) stop() error {
	return errors.Join(s.stdin.Close(), s.cmd.Wait(), os.RemoveAll(s.dir))
}

// serve is what the other process does: it serves k on a free port of loopback until standard
// input ends.
func serve(ctx context.Context, k kind, dir string, stdin io.Reader, stdout io.Writer) (err error) {
	var handler http.Handler
	var token string
	var closeData func() error
	switch k {
	case kindFloor:
		var f *floor.Server
		if f, err = floor.Open(filepath.Join(dir, "floor.db")); err == nil {
			handler, closeData = f.Handler(), f.Close
		}
	case kindUsher:
		handler, token, closeData, err = openUsher(ctx, dir)
	default:
		err = fmt.Errorf("there is no server %q", k)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeData()) }()

	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	if err := json.NewEncoder(stdout).Encode(ready{Addr: l.Addr().String(), Token: token}); err != nil {
		return errors.Join(err, srv.Close())
	}
	if _, err := io.Copy(io.Discard, stdin); err != nil {
		return errors.Join(err, srv.Close())
	}
	if err := srv.Shutdown(ctx); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
