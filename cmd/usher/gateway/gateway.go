package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/registry"
	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/alerts"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/config"
	"github.com/usher-scim/usher/connections"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/scim"
	"github.com/usher-scim/usher/secrets"
	"github.com/usher-scim/usher/store/bolt"
)

// Options are what a Gateway needs besides its settings.
type Options struct {
	Logger  *slog.Logger
	Version string
	// LookupEnv resolves {env: NAME}; nil: os.LookupEnv.
	LookupEnv func(string) (string, bool)
}

// Gateway is one running server.
type Gateway struct {
	cfg     config.Config
	log     *slog.Logger
	store   *bolt.Store
	engine  *provision.Engine
	audit   *audit.Chain
	alerts  *alerts.Alerts
	metrics *metrics
	copies  *bolt.Copies // nil: no backups are scheduled

	scim, ops, api             *http.Server
	scimLn, opsLn, apiListener net.Listener
	closeOnce                  sync.Once
	closeErr                   error
}

// Open takes the data folder and the ports, and puts the rooms together. Nothing is
// served before Run. When it fails, everything it took is given back.
func Open(ctx context.Context, cfg config.Config, o Options) (_ *Gateway, err error) {
	g := &Gateway{cfg: cfg, log: o.Logger, metrics: newMetrics()}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.Close())
		}
	}()
	socket, err := cfg.Socket()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if g.store, err = bolt.Open(filepath.Join(cfg.Data, "usher.db"), bolt.Options{Now: time.Now, Observe: g.metrics.commit}); err != nil {
		return nil, err
	}
	box, vault, err := openVault(ctx, cfg, g.store)
	if err != nil {
		return nil, err
	}
	if n, err := vault.Reseal(ctx); err != nil {
		return nil, fmt.Errorf("seal the stored secrets with the newest key: %w", err)
	} else if n > 0 {
		g.log.Info("stored secrets sealed with the newest key", "count", n)
	}
	if cfg.TLS.Enabled() {
		if _, err := tls.LoadX509KeyPair(cfg.TLS.Cert, cfg.TLS.Key); err != nil {
			return nil, fmt.Errorf("read the certificate (tls.cert, tls.key): %w", err)
		}
	}
	if err := g.listen(ctx, socket); err != nil {
		return nil, err
	}
	if err := g.wire(ctx, o, box, vault); err != nil {
		return nil, err
	}
	return g, nil
}

func openVault(ctx context.Context, cfg config.Config, s *bolt.Store) (*secrets.Box, *secrets.Vault, error) {
	path, create := cfg.Keys()
	load := secrets.LoadKeyring
	if create {
		load = secrets.EnsureKeyring
	}
	ring, err := load(path)
	if err != nil {
		return nil, nil, err
	}
	box := secrets.NewBox(ring)
	vault, err := secrets.OpenVault(ctx, s, box, time.Now)
	return box, vault, err
}

func (g *Gateway) listen(ctx context.Context, socket string) error {
	var lc net.ListenConfig
	var err error
	if g.scimLn, err = lc.Listen(ctx, "tcp", g.cfg.Listen); err != nil {
		return fmt.Errorf("listen for SCIM on %s (set with --listen): %w", g.cfg.Listen, plain(err))
	}
	if g.opsLn, err = lc.Listen(ctx, "tcp", g.cfg.AdminListen); err != nil {
		return fmt.Errorf("listen for metrics and health on %s (set with --admin-listen): %w", g.cfg.AdminListen, plain(err))
	}
	// The store's lock says that no other server uses this folder, so a socket that is there is left over.
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the old socket: %w", err)
	}
	if g.apiListener, err = lc.Listen(ctx, "unix", socket); err != nil {
		return fmt.Errorf("listen on the socket %s: %w", socket, plain(err))
	}
	mode := os.FileMode(0o600)
	if len(g.cfg.Administrators) > 0 {
		mode = 0o666 // whoever speaks is asked for by name; the data folder says who gets this far
	}
	if err := os.Chmod(socket, mode); err != nil {
		return fmt.Errorf("close the socket to others: %w", err)
	}
	return nil
}

// plain drops the operation and address that net's errors repeat.
func plain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		var sys *os.SyscallError
		if errors.As(op.Err, &sys) {
			return sys.Err
		}
		return op.Err
	}
	return err
}

func (g *Gateway) wire(ctx context.Context, o Options, box *secrets.Box, vault *secrets.Vault) error {
	now, newID := time.Now, audit.IDs(time.Now)
	env := o.LookupEnv
	if env == nil {
		env = os.LookupEnv
	}
	resolver, userAgent := secrets.NewResolver(vault, env), "usher/"+o.Version
	conns := connections.New(connections.Options{
		Store: g.store, Vault: vault, Resolver: resolver, Registry: registry.Adapters(),
		Deps: adapters.Deps{Now: now, NewID: uuid.NewString, Observe: g.metrics.vendorCall, UserAgent: userAgent},
		Now:  now, NewID: newID,
	})
	schemas, err := readSchemas(g.cfg.Schemas)
	if err != nil {
		return err
	}
	dir := directory.New(g.store, now, newID)
	known := catalog{c: conns, extensions: userExtensions(schemas)}
	maps := versions.New(g.store, dir, func() mapping.Catalog { return known }, now, newID)
	if err := maps.Fits(ctx); err != nil {
		return err
	}
	signer, err := auditKey(ctx, vault)
	if err != nil {
		return err
	}
	g.audit = audit.New(audit.Options{Store: g.store, Box: box, Key: signer, Now: now, NewID: newID, Logger: g.log})
	g.engine = provision.New(provision.Options{
		Store: g.store, Directory: dir, Mappings: maps, Connections: opener{conns},
		Quiet: provision.QuietTime{Pause: g.cfg.Quiet.Pause, AtMost: g.cfg.Quiet.AtMost},
		Now:   now, NewID: newID, Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), //nolint:gosec // jitter, not secrets
		Logger: g.log, OpenFact: g.audit.Open, Observe: g.metrics.step, Administrators: g.cfg.Administrators,
	})
	g.metrics.watch(g.engine)
	told, err := channels(ctx, g.cfg.Alerts, resolver, g.log, userAgent)
	if err != nil {
		return err
	}
	stand := surroundings{engine: g.engine, dir: dir, conns: conns, store: g.store, late: g.cfg.Alerts.RemovalLate}
	g.alerts = alerts.New(alerts.Options{
		Store: g.store, Channels: told, State: stand.state, Inside: stand.inside, Names: g.engine.Names,
		Site: g.cfg.PublicURL, Now: now, NewID: newID, Logger: g.log,
	})

	cursors, err := cursorKey(ctx, vault)
	if err != nil {
		return err
	}
	front, err := scim.New(scim.Options{
		CursorKey: cursors, Directory: dir, PublicURL: g.cfg.PublicURL, TrustedProxies: g.cfg.TrustedProxies, Logger: g.log,
		Now: now, NewID: newID, Observe: g.observeRequest, Schemas: schemas, Status: status(g.engine),
		Limits: scim.Limits{
			UserBody: g.cfg.Limits.UserBody, GroupBody: g.cfg.Limits.GroupBody, BulkBody: g.cfg.Limits.BulkBody,
			BulkOperations: g.cfg.Limits.BulkOperations, Scan: g.cfg.Limits.Scan,
			RequestsPerSecond: g.cfg.Limits.RequestsPerSecond, Burst: g.cfg.Limits.Burst,
		},
		CursorTimeout: g.cfg.Limits.CursorTimeout,
	})
	if err != nil {
		return err
	}
	g.scheduleCopies()
	g.scim = g.server(g.withHealth(front.Handler()))
	g.ops = g.server(g.withHealth(g.metrics.handler()))
	g.api = g.server(admin.New(admin.Services{
		Directory: dir, Mappings: maps, Connections: conns, Engine: g.engine, Vault: vault, Audit: g.audit, Alerts: g.alerts,
		Backup:  func(ctx context.Context, w io.Writer) error { return g.store.Backup(ctx, w) },
		Version: o.Version, Started: now(), Logger: g.log, Backups: g.backups, Administrators: g.cfg.Administrators,
	}))
	g.api.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return admin.WithPeer(ctx, peer(c)) }
	return nil
}

func (g *Gateway) observeRequest(method, route string, status int, took time.Duration) {
	g.metrics.request(method, route, status, took)
	if method != http.MethodGet && method != http.MethodHead && status < http.StatusBadRequest {
		g.engine.Wake()
	} else {
		g.engine.GiveWay()
	}
}

// maxHeader leaves room for an absurd filter, so that the SCIM server can refuse it in words instead of net/http without.
const maxHeader = 512 << 10

// server bounds what a client may take: headers, their time, and idle connections.
func (g *Gateway) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
}

// SCIMAddr returns the address of the SCIM listener, with the port that port 0 became.
func (g *Gateway) SCIMAddr() string { return g.scimLn.Addr().String() }

// AdminAddr returns the address of the listener for metrics and health.
func (g *Gateway) AdminAddr() string { return g.opsLn.Addr().String() }

// Socket returns the path of the administrators' socket.
func (g *Gateway) Socket() string { return g.apiListener.Addr().String() }

// Run serves until ctx ends, then stops in order: no new requests, running ones are
// answered, the engine parks what is at a vendor, the store closes. It returns nil after such a stop.
func (g *Gateway) Run(ctx context.Context) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	failed := make(chan error, 6)
	var running sync.WaitGroup
	serve := func(s *http.Server, ln net.Listener, secure bool) {
		running.Go(func() {
			var err error
			if secure {
				err = s.ServeTLS(ln, g.cfg.TLS.Cert, g.cfg.TLS.Key)
			} else {
				err = s.Serve(ln)
			}
			if !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
	}
	serve(g.scim, g.scimLn, g.cfg.TLS.Enabled())
	serve(g.ops, g.opsLn, false)
	serve(g.api, g.apiListener, false)
	running.Go(func() {
		if err := g.engine.Run(work); err != nil {
			failed <- err
		}
	})
	if g.copies != nil {
		running.Go(func() { g.copies.Run(work) })
	}
	running.Go(func() {
		if err := g.audit.Run(work); err != nil {
			failed <- err
		}
	})
	running.Go(func() {
		if err := g.alerts.Run(work); err != nil {
			failed <- err
		}
	})
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	g.log.Info("stopping")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.cfg.ShutdownTimeout)
	defer cancel()
	for _, s := range []*http.Server{g.scim, g.api, g.ops} {
		if serr := s.Shutdown(grace); serr != nil {
			err = errors.Join(err, s.Close())
		}
	}
	stopWork()
	running.Wait()
	return errors.Join(err, g.Close())
}

// Close gives back what Open took. It may be called again.
func (g *Gateway) Close() error {
	g.closeOnce.Do(func() {
		for _, ln := range []net.Listener{g.scimLn, g.opsLn, g.apiListener} {
			if ln != nil {
				if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
					g.closeErr = errors.Join(g.closeErr, err)
				}
			}
		}
		if g.store != nil {
			g.closeErr = errors.Join(g.closeErr, g.store.Close())
		}
	})
	return g.closeErr
}
