package simtest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/gorgias"
	"github.com/usher-scim/usher/adapters/zoom"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
	gorgiasbox "github.com/usher-scim/usher/sandbox/gorgias"
	zoombox "github.com/usher-scim/usher/sandbox/zoom"
)

// process is one life of Usher, from its start to a crash or restart: everything above the disk.
type process struct {
	w      *World
	ctx    context.Context
	cancel context.CancelFunc
	dead   bool

	dir    *directory.Directory
	maps   *versions.Versions
	engine *provision.Engine
	conns  connections

	workers   []*worker
	passing   bool            // a pass is among the workers
	comparing map[string]bool // what lists an app's accounts is among the workers
	idle      bool            // the last pass found nothing to do
	flyingMu  sync.Mutex
	flying    map[string]int
}

// concurrency is how many items of one app are worked on at once.
const concurrency = 3

// start makes a process on what the disk holds.
func (w *World) start() {
	w.lives++
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{w: w, ctx: ctx, cancel: cancel, flying: map[string]int{}, comparing: map[string]bool{}}
	s := commits{Store: w.disk.Open(), p: p}
	newID := ids(w.seed<<8|uint64(w.lives), w.clock.now)     //nolint:gosec // not negative
	random := rand.New(rand.NewPCG(w.seed, uint64(w.lives))) //nolint:gosec // jitter; not negative
	p.conns = w.connect(p, random)
	p.dir = directory.New(s, w.clock.now, newID)
	p.maps = versions.New(s, p.dir, func() mapping.Catalog { return p.conns }, w.clock.now, newID)
	p.engine = provision.New(provision.Options{
		Store: s, Directory: p.dir, Mappings: p.maps, Connections: p.conns, Quiet: quiet,
		Now: w.clock.now, NewID: newID, Rand: random, Logger: slog.New(slog.DiscardHandler),
	})
	w.p = p
}

// connections are the opened tenants, by name.
type connections map[string]provision.Connection

// Open implements [provision.Connections].
func (c connections) Open(_ context.Context, name string) (provision.Connection, error) {
	conn, known := c[name]
	if !known {
		return provision.Connection{}, fmt.Errorf("there is no connection %q", name)
	}
	return conn, nil
}

// Connections implements [mapping.Catalog].
func (connections) Connections() []string { return []string{desk, meet} }

// AppInfo implements [mapping.Catalog].
func (c connections) AppInfo(name string) (mapping.AppInfo, bool) {
	conn, known := c[name]
	return provision.AppInfo(conn.Can), known
}

// The hosts under which a process reaches the stand-ins.
const (
	deskHost = "127.0.0.1:1"
	meetHost = "127.0.0.1:2"
)

// connect opens the real adapters over the process's transport.
func (w *World) connect(p *process, random *rand.Rand) connections {
	var mu sync.Mutex
	n, life := 0, w.lives
	deps := adapters.Deps{
		Now: w.clock.now,
		Random: func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return random.Float64()
		},
		NewID: func() string {
			mu.Lock()
			defer mu.Unlock()
			n++
			return fmt.Sprintf("%d-%d", life, n)
		},
		Transport: &transport{p: p, hosts: map[string]http.Handler{deskHost: w.desk, meetHost: w.meet}},
	}
	d, err := gorgias.Open(gorgias.Config{
		BaseURL: "http://" + deskHost + "/api", Email: gorgiasbox.DemoEmail, APIKey: gorgiasbox.DemoKey,
		OwnerEmail: w.deskOwner(), CallsPerSecond: 1000,
	}, deps)
	if err != nil {
		panic(err) // the settings above are wrong
	}
	z, err := zoom.Open(zoom.Config{
		AccountID: zoombox.DemoAccountID, ClientID: zoombox.DemoClientID, ClientSecret: zoombox.DemoClientSecret,
		BaseURL: "http://" + meetHost + "/v2", TokenURL: "http://" + meetHost + "/oauth/token", CreateAction: w.kind.creation,
		LightPerSecond: 1e6, MediumPerSecond: 1e6,
	}, deps)
	if err != nil {
		panic(err) // the settings above are wrong
	}
	return connections{
		desk: {Adapter: d, Can: d.Describe(), Revision: "1"},
		meet: {Adapter: z, Can: z.Describe(), Revision: "1"},
	}
}

// pass does once what the engine's shell of goroutines does in a loop.
func (p *process) pass(ctx context.Context) error {
	defer func() { p.passing = false }()
	busy := false
	for {
		n, err := p.engine.Expand(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		busy = true
	}
	m, err := p.maps.Current(ctx)
	if err != nil {
		return err
	}
	for _, app := range m.Apps() {
		did, err := p.passApp(ctx, app)
		if err != nil {
			return err
		}
		busy = busy || did
	}
	p.idle = !busy && !p.compare()
	return nil
}

func (p *process) passApp(ctx context.Context, app *mapping.App) (busy bool, err error) {
	n, err := p.engine.Triage(ctx, app.Key)
	if err != nil {
		return false, err
	}
	if p.w.restoredMark() != nil {
		return p.lookAround(app.Key) || n > 0, nil
	}
	if app.Mode == mapping.Paused {
		return n > 0, nil
	}
	moved, err := p.engine.Admit(ctx, app.Key)
	if err != nil {
		return false, err
	}
	if moved > 0 {
		if _, err := p.engine.Triage(ctx, app.Key); err != nil {
			return false, err
		}
	}
	busy = n+moved > 0
	for p.fly(app.Key, 0) < concurrency && !p.engine.Waiting(app.Key) {
		it, err := p.engine.Next(ctx, app.Key)
		if err != nil || it == nil {
			return busy, err
		}
		if err := p.w.firstInLine(it); err != nil {
			return busy, err
		}
		busy = true
		p.fly(app.Key, 1)
		p.spawn(it.App+" "+it.Subject, func(ctx context.Context) error {
			defer p.fly(app.Key, -1)
			return p.engine.Execute(ctx, *it)
		})
	}
	return busy, nil
}

// fly counts executions under way. Those of a process that died end all at once.
func (p *process) fly(app string, more int) int {
	p.flyingMu.Lock()
	defer p.flyingMu.Unlock()
	p.flying[app] += more
	return p.flying[app]
}

// point is a place where a process may die.
type point int

const (
	beforeCommit point = iota // nothing of the commit is there
	afterCommit               // it is durable, and nobody learnt of it
	beforeCall                // the call did not leave
	afterCall                 // the vendor did it, and nobody learnt of it
	points
)

func (p point) String() string {
	return [...]string{"before a commit", "after a commit", "before a call", "after a call"}[p]
}

// dies counts the places that the process passes and reports whether it ends at this one.
func (p *process) dies(at point) bool {
	w := p.w
	if !w.calmed {
		w.passed[at]++
	}
	if p.dead {
		return true
	}
	if w.crashIn == 0 || w.crashAt != at {
		return false
	}
	if w.crashIn--; w.crashIn > 0 {
		return false
	}
	w.say("the process dies %s", at)
	w.died++
	p.dead = true
	p.cancel()
	return true
}
