package simtest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/usher-scim/usher/provision"
	gorgiasbox "github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/wire"
	zoombox "github.com/usher-scim/usher/sandbox/zoom"

	"github.com/usher-scim/usher/adapters/zoom"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store/memory"
)

// The apps of every history, which are also the names of their connections.
const (
	desk = "desk" // a Gorgias helpdesk
	meet = "meet" // a Zoom account
)

func apps() []string { return []string{desk, meet} }

// The sources of every history.
const (
	okta  = "okta"
	entra = "entra"
)

var quiet = provision.QuietTime{Pause: 5 * time.Second, AtMost: 2 * time.Minute}

var admin = audit.Actor{Kind: audit.ByAdmin, Name: "root"}

// kind is what differs between the worlds of two seeds.
type kind struct {
	faultless bool          // nothing goes wrong; calls are counted
	creation  string        // how Zoom accounts are made
	lag       time.Duration // of the vendors' reads
	sources   int           // how many push
	alone     bool          // the helpdesk has no administrator beside the connector
	answers   bool          // holds are decided in the course of the history
}

func kindOf(seed uint64) kind {
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable on purpose
	k := kind{
		faultless: seed%5 == 0,
		creation:  []string{zoom.PreProvision, zoom.PreProvision, zoom.Invite}[r.IntN(3)],
		lag:       []time.Duration{0, 0, 500 * time.Millisecond, 2900 * time.Millisecond}[r.IntN(4)],
		sources:   1 + r.IntN(2),
		alone:     r.IntN(4) == 0,
		answers:   r.IntN(2) == 0,
	}
	if k.faultless {
		k.creation, k.lag, k.alone = zoom.PreProvision, 0, false
	}
	return k
}

// World is one simulated company: Usher, the vendors it reaches, and what its sources have said. It
// lives in a bubble of testing/synctest and is moved by one goroutine.
type World struct {
	seed  uint64
	kind  kind
	clock clock
	disk  *memory.Disk
	log   *wire.Log
	desk  *gorgiasbox.Vendor
	meet  *zoombox.Vendor
	p     *process
	lives int

	crashAt point
	crashIn int         // 0: no crash is arranged
	died    int         // by a crash
	calmed  bool        // faults have ended
	rounds  int         // of answering questions and trying again in the end
	passed  [points]int // places passed, since the world began
	refuse  int         // connections that nobody accepts

	model   *model
	sources map[string]directory.Source
	backup  *backup
	tables  map[string]decoded
	watched
	tracing bool
	trace   []string
}

// newWorld makes the world of a seed: two sources, two connected apps, nobody in them.
func newWorld(seed uint64, tracing bool) (*World, error) {
	w := &World{
		seed: seed, kind: kindOf(seed), rounds: 3, disk: memory.NewDisk(), log: wire.NewLog(0), tracing: tracing,
		model: newModel(), sources: map[string]directory.Source{}, watched: newWatched(), tables: map[string]decoded{},
	}
	vendorClock := wire.Clock{Now: vendorNow}
	w.desk = gorgiasbox.New(gorgiasbox.Options{
		Clock: vendorClock, Log: w.log, Empty: w.kind.alone,
		Settings: gorgiasbox.Settings{Unlimited: true, ReadLag: w.kind.lag},
	})
	w.meet = zoombox.New(zoombox.Options{
		Clock: vendorClock, Log: w.log,
		Settings: zoombox.Settings{Unlimited: true, ReadLag: w.kind.lag},
	})
	w.start()
	for i, name := range []string{okta, entra} {
		kind := directory.Okta
		if name == entra {
			kind = directory.Entra
		}
		src, _, err := w.p.dir.AddSource(w.p.ctx, admin, directory.NewSource{Name: name, Kind: kind, Rank: i + 1})
		if err != nil {
			return nil, fmt.Errorf("add source %s: %w", name, err)
		}
		w.sources[name] = src
	}
	w.untouchable()
	return w, nil
}

// deskOwner is the helpdesk's owner as the connection's settings name it.
func (w *World) deskOwner() string {
	if w.kind.alone {
		return ""
	}
	return "owner@acme.example"
}

// refuses reports whether a connection is refused now.
func (w *World) refuses() bool {
	if w.refuse == 0 {
		return false
	}
	w.refuse--
	return true
}

// say writes a line of the trace.
func (w *World) say(format string, args ...any) {
	if w.tracing {
		w.trace = append(w.trace, w.clock.now().Format("01-02 15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}
