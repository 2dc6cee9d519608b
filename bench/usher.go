package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/scim"
	"github.com/usher-scim/usher/store/bolt"
)

const usherFile = "usher.db"

// gcPercent is what `usher serve` sets; the server runs in a process of its own.
const gcPercent = 400

// openUsher returns Usher's SCIM side over the store below dir. It adds a source of kind okta and returns
// its token, unless the store was filled before and has one. It is what `usher serve` answers with, request log included; the engine, which works off what
// the requests leave behind, does not run.
func openUsher(ctx context.Context, dir string, filled bool) (handler http.Handler, token string, closeStore func() error, err error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	s, err := bolt.Open(filepath.Join(dir, usherFile), bolt.Options{})
	if err != nil {
		return nil, "", nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	d := directory.New(s, time.Now, audit.IDs(time.Now))
	if !filled {
		_, token, err = d.AddSource(ctx, admin(), directory.NewSource{Name: "okta", Kind: directory.Okta})
		if err != nil {
			return nil, "", nil, fmt.Errorf("adding a source: %w", err)
		}
	}
	handler, err = front(d, nil)
	return handler, token, s.Close, err
}

// front is the SCIM side of a directory; the engine, if not nil, is told of each request as `usher serve` tells it.
func front(d *directory.Directory, engine *provision.Engine) (http.Handler, error) {
	o := scim.Options{Directory: d, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: time.Now}
	if engine != nil {
		o.Observe = func(method, _ string, status int, _ time.Duration) {
			if method != http.MethodGet && status < http.StatusBadRequest {
				engine.Wake()
			} else {
				engine.GiveWay()
			}
		}
	}
	server, err := scim.New(o)
	if err != nil {
		return nil, err
	}
	return server.Handler(), nil
}

// What the server with an engine answers at queuePath when nothing is left to do.
const (
	queuePath  = "/queue"
	queueEmpty = "empty"
)

// openEngine returns Usher's SCIM side over the store below dir, whose engine works until closeAll is called. It is what `usher serve` runs,
// but for the app, which is in this process.
func openEngine(ctx context.Context, dir string) (handler http.Handler, closeAll func() error, err error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	h, err := openHouse(filepath.Join(dir, usherFile), bolt.Options{}, newVendor(4, vendorLatency))
	if err != nil {
		return nil, nil, err
	}
	side, err := front(h.dir, h.engine)
	if err != nil {
		return nil, nil, errors.Join(err, h.store.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- h.engine.Run(ctx) }()
	mux := http.NewServeMux()
	mux.Handle("/", side)
	mux.HandleFunc(queuePath, func(w http.ResponseWriter, r *http.Request) {
		empty, err := h.nothingQueued(r.Context())
		switch {
		case err != nil:
			w.WriteHeader(http.StatusInternalServerError)
		case empty:
			_, _ = io.WriteString(w, queueEmpty) // whoever asked and went does not matter
		}
	})
	return mux, func() error {
		stop()
		return errors.Join(<-ended, h.store.Close())
	}, nil
}
