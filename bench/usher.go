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
		_, token, err = d.AddSource(ctx, audit.Actor{Kind: audit.ByAdmin, Name: "bench"}, directory.NewSource{Name: "okta", Kind: directory.Okta})
		if err != nil {
			return nil, "", nil, fmt.Errorf("adding a source: %w", err)
		}
	}
	server, err := scim.New(scim.Options{
		Directory: d,
		Logger:    slog.New(slog.NewTextHandler(io.Discard, nil)),
		Now:       time.Now,
	})
	if err != nil {
		return nil, "", nil, err
	}
	return server.Handler(), token, s.Close, nil
}
