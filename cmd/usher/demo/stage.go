package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/cmd/usher/gateway"
	"github.com/usher-scim/usher/config"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/sandbox"
	"github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/zoom"
)

//go:embed mapping.yaml
var mappingText []byte

// quiet is the gateway's quiet time: short, so that the week passes quickly.
const quiet = time.Second

// administrator is who decides in the story, for the audit.
const administrator = "ida.torres"

// Ports that are asked for first, so that the curl lines look the same each time.
const (
	scimPort    = "127.0.0.1:8480"
	adminPort   = "127.0.0.1:8481"
	sandboxPort = "127.0.0.1:8482"
	anyPort     = "127.0.0.1:0"
)

// stage is the running set: the vendors' stand-ins, a gateway with its data in a
// folder of its own, and a client of its administrators' API.
type stage struct {
	dir     string
	sandbox *sandbox.Sandbox
	vendors net.Listener
	gateway *gateway.Gateway
	admin   *client.Client
	logFile *os.File
}

// newStage takes folder and ports and opens the gateway; nothing is served before run.
// What it took is given back by close.
func newStage(ctx context.Context, o Options) (_ *stage, err error) {
	s := &stage{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = folder(); err != nil {
		return nil, err
	}
	if s.logFile, err = os.OpenFile(filepath.Join(s.dir, "usher.log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		return nil, fmt.Errorf("make the gateway's log: %w", err)
	}
	s.sandbox = sandbox.New(sandbox.Options{
		Gorgias: gorgias.Settings{KeyBucket: 400}, // a week's calls in half a minute
	})
	var lc net.ListenConfig
	if s.vendors, err = lc.Listen(ctx, "tcp", address(ctx, sandboxPort, o)); err != nil {
		return nil, fmt.Errorf("listen for the vendors' stand-ins: %w", err)
	}
	cfg := config.Config{
		Listen: address(ctx, scimPort, o), AdminListen: address(ctx, adminPort, o),
		Data: filepath.Join(s.dir, "data"), ShutdownTimeout: 5 * time.Second,
		Quiet: config.Quiet{Pause: quiet, AtMost: 10 * quiet},
	}
	log := slog.New(slog.NewTextHandler(s.logFile, &slog.HandlerOptions{Level: slog.LevelInfo}))
	if s.gateway, err = gateway.Open(ctx, cfg, gateway.Options{Logger: log, Version: o.Version, LookupEnv: func(string) (string, bool) { return "", false }}); err != nil {
		return nil, fmt.Errorf("open the gateway: %w", err)
	}
	s.admin = client.New(client.Options{Data: cfg.Data, Socket: s.gateway.Socket(), Actor: administrator})
	return s, nil
}

// folder makes the demo's folder. A socket's path may have a hundred bytes: where the
// system's folder for such things is deep, /tmp serves.
func folder() (string, error) {
	dir, err := os.MkdirTemp("", "usher-demo-")
	if err != nil {
		return "", fmt.Errorf("make the demo's folder: %w", err)
	}
	if _, err = (config.Config{Data: filepath.Join(dir, "data")}).Socket(); err == nil {
		return dir, nil
	}
	if err := os.Remove(dir); err != nil {
		return "", fmt.Errorf("make the demo's folder: %w", err)
	}
	if dir, err = os.MkdirTemp("/tmp", "usher-demo-"); err != nil {
		return "", fmt.Errorf("make the demo's folder: %w", err)
	}
	return dir, nil
}

// address is the wished one if it is free. A demo that only checks itself takes any: nobody copies its lines.
func address(ctx context.Context, wish string, o Options) string {
	if o.Once {
		return anyPort
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", wish)
	if err != nil {
		return anyPort
	}
	if ln.Close() != nil {
		return anyPort
	}
	return wish
}

// close gives everything back and removes the folder. The gateway and the vendors must have stopped.
func (s *stage) close() error {
	var errs []error
	if s.admin != nil {
		s.admin.Close()
	}
	if s.gateway != nil {
		errs = append(errs, s.gateway.Close())
	}
	if s.vendors != nil {
		if err := s.vendors.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.logFile != nil {
		errs = append(errs, s.logFile.Close())
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

func (s *stage) vendorsURL() string { return "http://" + s.vendors.Addr().String() }
func (s *stage) data() string       { return filepath.Join(s.dir, "data") }

// seed puts into the vendors what was there before Usher: teams, and the account of the
// head of support, which somebody made by hand.
func (s *stage) seed(c *cast) {
	for _, team := range []string{"Tier 1", "French", "Leads"} {
		s.sandbox.Gorgias.SeedTeam(gorgias.Team{Name: team})
	}
	s.sandbox.Gorgias.SeedUser(gorgias.User{Name: c.mara.name(), Email: c.mara.login, Role: "agent"})
}

// setUp adds both sources, connects both vendors and applies the mapping, all over the
// administrators' API. It returns the sources' tokens.
func (s *stage) setUp(ctx context.Context) (oktaToken, entraToken string, err error) {
	okta, err := s.admin.AddSource(ctx, admin.AddSource{Name: "okta", Kind: directory.Okta, Rank: 1})
	if err != nil {
		return "", "", fmt.Errorf("add the source okta: %w", err)
	}
	entra, err := s.admin.AddSource(ctx, admin.AddSource{Name: "entra", Kind: directory.Entra, Rank: 2})
	if err != nil {
		return "", "", fmt.Errorf("add the source entra: %w", err)
	}
	for name, file := range map[string]string{"gorgias": s.gorgiasFile(), "zoom": s.zoomFile()} {
		if _, err := s.admin.Connect(ctx, name, []byte(file)); err != nil {
			return "", "", fmt.Errorf("connect %s: %w", name, err)
		}
	}
	if _, err := s.admin.Apply(ctx, mappingText, client.Edit{Comment: "the first mapping"}); err != nil {
		return "", "", fmt.Errorf("apply the mapping: %w", err)
	}
	return okta.Value.Token, entra.Value.Token, nil
}

// gorgiasFile and zoomFile are what an administrator would give to `usher connect`. The
// credentials are the stand-ins' and open nothing.
func (s *stage) gorgiasFile() string {
	return fmt.Sprintf(`adapter: gorgias
base_url: %s/gorgias/api
email: %s
api_key: %s
owner_email: owner@acme.example
calls_per_second: 40
`, s.vendorsURL(), gorgias.DemoEmail, gorgias.DemoKey)
}

func (s *stage) zoomFile() string {
	return fmt.Sprintf(`adapter: zoom
base_url: %s/zoom/v2
token_url: %s/zoom/oauth/token
account_id: %s
client_id: %s
client_secret: %s
create_action: ssoCreate
light_per_second: 60
medium_per_second: 40
`, s.vendorsURL(), s.vendorsURL(), zoom.DemoAccountID, zoom.DemoClientID, zoom.DemoClientSecret)
}

// useZoom is what a person did at Zoom in the course of the week: data of the kinds that can
// be handed over, and the webinar licence that webinars need.
func (s *stage) useZoom(p *person, data zoom.Data, webinars bool) {
	u, ok := s.sandbox.Zoom.User(p.login)
	if !ok {
		return // the comparison at the end will say so
	}
	u.Data = data
	if webinars {
		u.Feature = map[string]any{"webinar": true, "webinar_capacity": int64(500)}
	}
	s.sandbox.Zoom.SeedUser(u)
}
