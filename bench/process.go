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
	"runtime/metrics"
	"syscall"
	"time"

	"github.com/usher-scim/usher/bench/floor"
)

// kind names a server that this program can be.
type kind string

const (
	kindFloor kind = "floor"
	kindUsher kind = "usher"
	// kindEngine is Usher with its engine, on data that are there, beside an app in its process.
	kindEngine kind = "engine"
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
	out   *bufio.Reader
	dir   string // removed in the end; "" for data that stay
	ready
	kind  kind
	start time.Duration // until it could be asked
	used  used
}

// used is the one line that a server prints when it ends.
type used struct {
	Heap uint64 `json:"heap"` // the most bytes of heap that were seen in use
}

const floorFile = "floor.db"

// startServer starts this program again as a server with empty data below dir, or with data (not nil) that are there. The
// process ends by itself when this one does, however it does.
func startServer(ctx context.Context, k kind, dir string, data *preloaded) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{kind: k}
	args := []string{"-serve", string(k), "-dir"}
	if data != nil {
		args = append(args, data.of(k), "-preload", "1")
	} else {
		if s.dir, err = os.MkdirTemp(dir, "usher-bench-*"); err != nil {
			return nil, err
		}
		args = append(args, s.dir)
	}
	began := time.Now()
	s.cmd = exec.CommandContext(ctx, self, args...) //nolint:gosec // this program itself
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
	s.out = bufio.NewReader(stdout)
	line, err := s.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s.ready)
	}
	s.start = time.Since(began)
	if data != nil && k != kindFloor {
		s.Token = data.token
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the %s server did not start: %w", k, err), s.stop())
	}
	return s, nil
}

// stop ends the process and removes its data, unless they stay.
func (s *server) stop() error {
	err := s.stdin.Close()
	if line, missing := s.out.ReadBytes('\n'); missing == nil {
		err = errors.Join(err, json.Unmarshal(line, &s.used))
	}
	err = errors.Join(err, s.cmd.Wait())
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}

// serve is what the other process does: it serves o.serve on a free port of loopback until standard
// input ends.
func serve(ctx context.Context, o options, stdin io.Reader, stdout io.Writer) (err error) {
	var handler http.Handler
	var token string
	var closeData func() error
	switch o.serve {
	case kindFloor:
		var f *floor.Server
		if f, err = floor.Open(filepath.Join(o.dir, floorFile)); err == nil {
			handler, closeData = f.Handler(), f.Close
		}
	case kindUsher:
		handler, token, closeData, err = openUsher(ctx, o.dir, o.preload > 0)
	case kindEngine:
		handler, closeData, err = openEngine(ctx, o.dir)
	default:
		err = fmt.Errorf("there is no server %q", o.serve)
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
	watched := watchHeap()
	if _, err := io.Copy(io.Discard, stdin); err != nil {
		return errors.Join(err, srv.Close())
	}
	if err := json.NewEncoder(stdout).Encode(used{Heap: watched()}); err != nil {
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

// watchHeap looks ten times a second at how much heap is in use, until it is asked for the most it saw.
func watchHeap() (most func() uint64) {
	stop, seen := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for high := uint64(0); ; {
			metrics.Read(sample)
			high = max(high, sample[0].Value.Uint64()+sample[1].Value.Uint64())
			select {
			case <-ticker.C:
			case <-stop:
				seen <- high
				return
			}
		}
	}()
	return func() uint64 { close(stop); return <-seen }
}

// processorTime is what this process has used of the processors, on all cores, in its own code and in the system's.
func processorTime() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
