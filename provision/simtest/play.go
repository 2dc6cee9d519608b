package simtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/sandbox/wire"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/memory"
)

// Broken is an invariant that does not hold.
type Broken struct{ Invariant, Text string }

func (b *Broken) Error() string { return b.Invariant + ": " + b.Text }

func broken(invariant, format string, args ...any) error {
	return &Broken{invariant, fmt.Sprintf(format, args...)}
}

// Result is how a history went.
type Result struct {
	Err     error // a *Broken, or nil
	Trace   []string
	Passed  [points]int    // by kind of place: where it could have crashed before its faults ended
	Died    int            // how often a crash was played
	Calls   int            // to the vendors
	Minimum int            // that were needed, of a history without faults
	Excuses map[string]int // reasons that were accepted for what was not as it should be, and how often
}

// Invariant names what is broken, "" when nothing is.
func (r Result) Invariant() string {
	var b *Broken
	switch {
	case r.Err == nil:
		return ""
	case errors.As(r.Err, &b):
		return b.Invariant
	}
	return "error"
}

// Play plays acts in the world of a seed and checks everything on the way and in the end. It
// must be called in a bubble of testing/synctest, one history to a bubble. With tracing the result tells what happened.
func Play(seed uint64, acts []Act, tracing bool) Result {
	w, err := newWorld(seed, tracing)
	if err == nil {
		err = w.playAll(acts)
	}
	w.end()
	if err != nil {
		w.say("BROKEN %v", err)
	}
	return Result{Err: err, Trace: w.trace, Passed: w.passed, Died: w.died, Calls: w.calls, Minimum: w.minimum, Excuses: w.excuses}
}

// end stops the last process, so that the bubble is left empty.
func (w *World) end() {
	w.desk.ClearFaults()
	w.meet.ClearFaults()
	w.p.dead = true
	w.p.bury()
}

func (w *World) playAll(acts []Act) error {
	for _, a := range acts {
		if err := w.play(a); err != nil {
			return err
		}
		if err := w.watch(); err != nil {
			return err
		}
	}
	return w.settle()
}

func (w *World) play(a Act) error {
	switch a.What {
	case "hire", "another human":
		return w.hire(a, a.What != "hire")
	case "change", "rename":
		return w.identity(a)
	case "deactivate", "activate":
		return w.activity(a, a.What == "activate")
	case "burst":
		for i := range humans {
			if a.B>>i&1 == 1 {
				if err := w.activity(Act{A: i, C: 1}, false); err != nil {
					return err
				}
			}
		}
		return nil
	case "delete user":
		return w.deleteUser(a)
	case "readmit":
		return w.readmit()
	case "create group":
		return w.createGroup(a)
	case "delete group":
		return w.deleteGroup(a)
	case "join":
		return w.members(a, directory.AddMembers)
	case "join twice":
		return errors.Join(w.members(a, directory.AddMembers), w.members(a, directory.AddMembers))
	case "leave":
		return w.members(a, directory.RemoveMembers)
	case "replace members":
		return w.members(a, directory.ReplaceMembers)
	case "mapping":
		return w.applyDocument(a.A%len(documents()), a.C%4 == 3)
	case "rollback":
		return w.rollback(a)
	case "approve", "reject":
		return w.decideOne(a)
	case "retry":
		return w.retry(apps()[a.A%2])
	case "pause", "resume", "terminate", "reinstate", "reconcile", "go on":
		return w.order(a)
	case "steps":
		return w.steps(1+a.A%40, a.Order)
	case "time":
		d := pauses[a.A%len(pauses)]
		if d > 24*time.Hour && a.B%8 > 0 {
			w.calm() // in most companies somebody mends what is broken within a day
		}
		w.say("%s pass", d)
		return w.run(d, a.Order)
	default:
		return w.playOutside(a)
	}
}

// playOutside plays what happens at the vendors and to the process.
func (w *World) playOutside(a Act) error {
	switch a.What {
	case "crash":
		w.crashAt, w.crashIn = point(a.A%int(points)), 1+a.B%20
		if a.C == exactly {
			w.crashIn, w.rounds, w.passed = 1+a.B, 1, [points]int{}
		}
	case "restart":
		w.say("restart")
		w.p.dead = true
		return w.restart()
	case "clock":
		d := []time.Duration{-time.Hour, -25 * time.Hour, time.Hour, 26 * time.Hour, -time.Minute, 10 * time.Second}[a.A%6]
		if since := vendorNow().Sub(w.lastWrite); d > 0 && since < w.kind.lag {
			return nil // it would shorten the wait for reads that lag behind a write, which no clock but this one tells
		}
		w.say("the clock jumps by %s", d)
		w.clock.skew += d
		if w.backwards += max(0, -d); d < 0 {
			w.clockSetBack()
		}
	case "backup":
		w.say("backup")
		w.backup = &backup{disk: w.disk.Snapshot(), model: w.model.clone(), at: w.clock.now()}
	case "restore":
		return w.restore()
	default:
		w.playVendor(a)
	}
	return nil
}

// backup is a copy of the store, and what was acknowledged by then.
type backup struct {
	disk  memory.Snapshot
	model *model
	at    time.Time
}

// restore puts the backup back, as `usher restore` does; Usher is off meanwhile. The vendors keep what they have.
func (w *World) restore() error {
	if w.backup == nil {
		return nil
	}
	w.say("the backup is put back")
	w.p.dead = true
	w.p.bury()
	if err := w.keepFacts(); err != nil {
		return err
	}
	w.disk.Restore(w.backup.disk)
	w.model = w.backup.model.clone()
	w.restored = w.clock.now()
	w.lives++
	mark := provision.Restored{At: w.restored, By: admin.Name, File: "backup", Newest: w.backup.at}
	id := ids(w.seed<<8|uint64(w.lives), w.clock.now)() //nolint:gosec // not negative
	if err := provision.MarkRestored(context.Background(), w.disk.Open(), mark, id); err != nil {
		return broken("no unexpected error", "mark a restore: %v", err)
	}
	w.lets, w.setTo, w.admitted = map[let]bool{}, map[let]time.Time{}, map[uuid.UUID]time.Time{} // its books are those of the backup
	w.ledgerAt, w.letAt, w.spentAt = memory.Snapshot{}, memory.Snapshot{}, memory.Snapshot{}     // and are read, though nothing changed since
	w.start()
	return w.audit(false)
}

// restart buries a process that died, looks at what it did last, and starts the next one. What was arranged to kill it is spent.
func (w *World) restart() error {
	w.p.bury()
	if err := w.watch(); err != nil {
		return err
	}
	if err := w.unfinished(); err != nil {
		return err
	}
	w.crashIn = 0
	w.say("a new process starts")
	w.start()
	return nil
}

// run lets the process work while time passes.
func (w *World) run(d time.Duration, order uint64) error {
	r := rand.New(rand.NewPCG(order, 3)) //nolint:gosec // repeatable on purpose
	end := vendorNow().Add(d)
	return w.work(r, -1, func() (bool, error) {
		left := end.Sub(vendorNow())
		if left <= 0 {
			return true, nil
		}
		next, err := w.nextMoment()
		if err != nil {
			return false, err
		}
		sleep(min(left, max(next.Sub(w.clock.now()), time.Millisecond)))
		return false, nil
	})
}

// steps lets the process do a number of single steps, and no time pass but what its calls take.
func (w *World) steps(n int, order uint64) error {
	r := rand.New(rand.NewPCG(order, 3)) //nolint:gosec // repeatable on purpose
	return w.work(r, n, func() (bool, error) { return true, nil })
}

// restless is how many steps one moment may take before it counts as a loop.
const restless = 20000

// work moves the process on, at most n steps (-1: without end). When nothing is left to do, rested says whether that is
// all; if not it has let time pass.
func (w *World) work(r *rand.Rand, n int, rested func() (done bool, err error)) error {
	pause, since, count := time.Millisecond, vendorNow(), 0
	w.p.idle = false
	for ; n != 0; n-- {
		if err := w.p.reap(); err != nil {
			return unexpected(err)
		}
		if w.p.dead {
			if err := w.restart(); err != nil {
				return err
			}
			if err := w.acknowledged(); err != nil {
				return err
			}
		}
		if err := w.watch(); err != nil {
			return err
		}
		if now := vendorNow(); now.After(since) {
			since, count = now, 0
		} else if count++; count > restless {
			return broken("nothing is stuck", "the engine works for ever at %s", w.clock.now())
		}
		switch {
		case !w.p.passing && !w.p.idle && (len(w.p.workers) == 0 || r.IntN(4) == 0):
			w.p.passing = true
			w.p.spawn(passName, w.p.pass)
		case w.p.step(r):
			pause = time.Millisecond
		case len(w.p.workers) > 0:
			sleep(pause) // they wait for timers
			pause = min(2*pause, 5*time.Second)
			w.p.idle = false
		default:
			w.tally()
			done, err := rested()
			if done || err != nil {
				return err
			}
			w.p.idle = false
			if err := w.maintain(); err != nil {
				return err
			}
		}
	}
	return nil
}

// unexpected is what a worker of the process ended with: an invariant that does not hold, or what should not have happened.
func unexpected(err error) error {
	var b *Broken
	if errors.As(err, &b) {
		return b
	}
	return broken("no unexpected error", "%v", err)
}

func (w *World) maintain() error {
	err := w.p.engine.Maintain(w.p.ctx)
	if err == nil || errors.Is(err, errCrash) {
		return nil
	}
	return broken("no unexpected error", "maintain: %v", err)
}

// nextMoment is when something may become due; a day from now when nothing will.
func (w *World) nextMoment() (time.Time, error) {
	now := w.clock.now()
	next := now.Add(24 * time.Hour)
	sooner := func(t time.Time) {
		if t.After(now) && t.Before(next) {
			next = t
		}
	}
	ready := false
	d, _ := w.model.document()
	for it, err := range all[provision.Item](w, "items") {
		if err != nil {
			return next, err
		}
		sooner(it.Due)
		sooner(it.Turns)
		ready = ready || it.State == provision.Ready && !it.Due.After(now) && d.apps[it.App].mode != "paused"
		if it.State == provision.Quiet {
			sooner(it.Marked.Add(quiet.Pause))
			sooner(it.Marked.Add(quiet.AtMost))
		}
	}
	w.comparisons(sooner)
	if !ready {
		return next, nil
	}
	states, err := w.p.engine.Status(w.p.ctx) // an app is held back: until when?
	if err != nil {
		return next, broken("no unexpected error", "status: %v", err)
	}
	for _, s := range states {
		sooner(s.Waiting)
	}
	return next, nil
}

// all reads a table of the store as it stands on the disk. A table that has not changed is not decoded again;
// what it yields is shared and must not be changed.
func all[T any](w *World, table string) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		records, err := tableOf[T](w, table)
		if err != nil {
			yield(nil, broken("no unexpected error", "read the table %s: %v", table, err))
			return
		}
		for i := range records {
			if !yield(&records[i], nil) {
				return
			}
		}
	}
}

// decoded is a table as it was read last.
type decoded struct {
	at      memory.Snapshot
	records any
}

func tableOf[T any](w *World, table string) ([]T, error) {
	now := w.disk.Snapshot()
	if last, ok := w.tables[table]; ok && now.Same(last.at, table) {
		if records, ok := last.records.([]T); ok {
			return records, nil
		}
	}
	var records []T
	for _, data := range now.Range(table) {
		var record T
		if err := decode(data, &record); err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	w.tables[table] = decoded{at: now, records: records}
	return records, nil
}

func (w *World) person(ctx context.Context, id uuid.UUID) (directory.Person, error) {
	var p directory.Person
	err := w.disk.Open().View(ctx, func(r store.Reader) error {
		var err error
		p, err = w.p.dir.PersonIn(r, id)
		return err
	})
	return p, err
}

func keys[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

// holds lists the open holds.
func (w *World) holds() ([]provision.Hold, error) {
	return w.p.engine.Holds(w.p.ctx, provision.HoldFilter{}, 1000)
}

func (w *World) decideOne(a Act) error {
	open, err := w.holds()
	if !w.kind.answers || err != nil || len(open) == 0 {
		return nil //nolint:nilerr // a dead process answers nothing
	}
	return w.decide(open[a.A%len(open)], a.What == "approve", a.B%2 == 0)
}

// decide answers a hold, if it can be.
func (w *World) decide(h provision.Hold, approve, waive bool) error {
	if !h.Kind.Approvable() {
		return nil
	}
	waive = waive && approve && h.Kind == provision.HoldTransfer
	w.say("the hold %s of %s in %s (%s): approve %v, without transfer %v", h.Kind, w.name(h.Person), h.App, h.Text, approve, waive)
	if waive {
		w.waived[h.Person] = true
	}
	var err error
	if approve {
		_, err = w.p.engine.Approve(w.p.ctx, admin, h.ID, waive)
	} else {
		_, err = w.p.engine.Reject(w.p.ctx, admin, h.ID)
	}
	if err == nil && approve {
		w.through(h.App, h.Person, h.Work)
	}
	var no *provision.DecisionError
	switch {
	case err == nil, errors.As(err, &no), errors.Is(err, provision.ErrNoHold), errors.Is(err, errCrash):
		return nil
	}
	return broken("no unexpected error", "decide a hold: %v", err)
}

func (w *World) retry(app string) error {
	w.say("retry %s", app)
	if _, err := w.p.engine.Retry(w.p.ctx, admin, app, uuid.Nil); err != nil && !errors.Is(err, errCrash) {
		return broken("no unexpected error", "retry: %v", err)
	}
	return nil
}

// front is the side of a vendor on which faults are armed.
func (w *World) front(app string) *wire.Front {
	if app == desk {
		return w.desk.Front
	}
	return w.meet.Front
}
