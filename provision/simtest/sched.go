package simtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing/synctest"
	"time"
)

// errCrash is what everything of a process that died answers.
var errCrash = errors.New("the process has died")

// worker is a goroutine of the simulated process. It runs only when the scheduler says so: it parks before
// each transaction of the store and before each call to a vendor. Between two of these
// points nothing else runs.
type worker struct {
	name   string
	at     string // where it parks
	resume chan struct{}
	parked atomic.Bool
	inside bool // a transaction, in which it must not park
	done   atomic.Bool
	err    error
}

type workerKey struct{}

// passName is the name of the worker that plays the engine's loop.
const passName = "pass"

// park stops the worker of ctx, if there is one, until the scheduler picks it.
func park(ctx context.Context, at string) {
	w, _ := ctx.Value(workerKey{}).(*worker)
	if w == nil || w.inside {
		return
	}
	w.at = at
	w.parked.Store(true)
	<-w.resume
	w.parked.Store(false)
}

// enter says that the worker of ctx is inside a transaction; leave that it is out again.
func enter(ctx context.Context) (leave func()) {
	w, _ := ctx.Value(workerKey{}).(*worker)
	if w == nil || w.inside {
		return func() {}
	}
	w.inside = true
	return func() { w.inside = false }
}

// spawn starts a worker of the process.
func (p *process) spawn(name string, fn func(context.Context) error) {
	w := &worker{name: name, at: "start", resume: make(chan struct{})}
	p.workers = append(p.workers, w)
	ctx := context.WithValue(p.ctx, workerKey{}, w)
	go func() {
		w.parked.Store(true)
		<-w.resume
		w.parked.Store(false)
		if !p.dead {
			w.err = fn(ctx)
		}
		w.done.Store(true)
	}()
}

// step lets one parked worker go on to where it parks next, waits for a timer, or ends. It
// reports whether there was one.
func (p *process) step(r *rand.Rand) bool {
	synctest.Wait()
	var ready []*worker
	for _, w := range p.workers {
		if w.parked.Load() {
			ready = append(ready, w)
		}
	}
	if len(ready) == 0 {
		return false
	}
	w := ready[r.IntN(len(ready))]
	w.resume <- struct{}{}
	synctest.Wait()
	return true
}

// reap takes workers off that have ended and returns the first unexpected error.
func (p *process) reap() error {
	synctest.Wait()
	var failed error
	running := p.workers[:0]
	for _, w := range p.workers {
		if !w.done.Load() {
			running = append(running, w)
			continue
		}
		p.idle = p.idle && w.name == passName
		if w.err != nil && !errors.Is(w.err, errCrash) && p.ctx.Err() == nil && failed == nil {
			failed = w.err
		}
	}
	p.workers = running
	return failed
}

// bury ends what is left of a process that died: its goroutines run into errors only.
func (p *process) bury() {
	p.cancel()
	for {
		synctest.Wait()
		p.workers = alive(p.workers)
		if len(p.workers) == 0 {
			return
		}
		moved := false
		for _, w := range p.workers {
			if w.parked.Load() {
				w.resume <- struct{}{}
				synctest.Wait()
				moved = true
			}
		}
		if !moved {
			sleep(time.Second) // it waits for a timer that does not mind the context
		}
	}
}

func alive(workers []*worker) []*worker {
	var left []*worker
	for _, w := range workers {
		if !w.done.Load() {
			left = append(left, w)
		}
	}
	return left
}

// sleep lets the bubble's clock go on.
func sleep(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the bubble's clock, which the simulator moves
}
