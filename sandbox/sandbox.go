package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/wire"
	"github.com/usher-scim/usher/sandbox/zoom"
)

// Options say how a Sandbox is made.
type Options struct {
	Clock    wire.Clock
	LogLimit int // calls kept in the log; 0 is wire.DefaultLogLimit
	Gorgias  gorgias.Settings
	Zoom     zoom.Settings
}

// Sandbox is all vendors with one log, so that one sees in which order they were
// called. It is safe for concurrent use.
type Sandbox struct {
	Gorgias *gorgias.Vendor
	Zoom    *zoom.Vendor
	Log     *wire.Log
}

// New returns a sandbox with the vendors' first accounts.
func New(o Options) *Sandbox {
	log := wire.NewLog(o.LogLimit)
	return &Sandbox{
		Gorgias: gorgias.New(gorgias.Options{Clock: o.Clock, Log: log, Settings: o.Gorgias}),
		Zoom:    zoom.New(zoom.Options{Clock: o.Clock, Log: log, Settings: o.Zoom}),
		Log:     log,
	}
}

// Handler serves every vendor below its name, and the control API at /_sandbox.
// It routes by prefix alone and redirects nothing: what a vendor answers to a path
// like "/users//status" is what a client must see.
func (s *Sandbox) Handler() http.Handler {
	toGorgias, toZoom := http.StripPrefix("/gorgias", s.Gorgias), http.StripPrefix("/zoom", s.Zoom)
	control := wire.Control(s.Log, s.Gorgias.Front, s.Zoom.Front)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case strings.HasPrefix(path, "/gorgias/"):
			toGorgias.ServeHTTP(w, r)
		case strings.HasPrefix(path, "/zoom/"):
			toZoom.ServeHTTP(w, r)
		case strings.HasPrefix(path, "/_sandbox/"):
			control.ServeHTTP(w, r)
		default:
			http.Error(w, "the sandbox has /gorgias/api, /zoom/v2 and /_sandbox", http.StatusNotFound)
		}
	})
}

// Serve answers calls on ln until ctx ends, then waits at most a moment for those
// that run. It closes ln and returns nil after an orderly end.
func (s *Sandbox) Serve(ctx context.Context, ln net.Listener) error {
	srv := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve sandbox: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := srv.Shutdown(end); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop sandbox: %w", err)
	}
	if err := srv.Close(); err != nil {
		return fmt.Errorf("close sandbox: %w", err)
	}
	return nil
}
