package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usher-scim/usher/store/bolt"
)

// How much the engine has to do, and how often somebody reads meanwhile.
const (
	drained   = 100_000
	readEvery = time.Millisecond
	readAlone = 5 * time.Second
)

// drain measures reads by id at a fixed rate, first while the engine has nothing to do and then while it works marks off: a group
// that no grant names gets another name, whereupon all its members need a look. The server is a process of its own with Usher's SCIM
// side and its engine. Only reads that begin between the answer to the new name and the end of the last mark count.
func drain(ctx context.Context, p *prober) (err error) {
	n := p.sized(drained)
	dir, err := os.MkdirTemp(p.dir, "usher-bench-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	data, group, err := fillDrain(ctx, dir, n)
	if err != nil {
		return err
	}
	var ratios, rates []float64
	var alone, busy []time.Duration
	for i := range p.runs {
		_, err := p.atKind(ctx, kindEngine, data, func(t *target) error {
			end := time.Duration(float64(readAlone) * p.share)
			without, err := t.readEvenly(ctx, p.connections, func() (func() bool, error) {
				began := time.Now()
				return func() bool { return time.Since(began) > end }, nil
			})
			if err != nil {
				return err
			}
			var took time.Duration
			var d drainer
			with, err := t.readEvenly(ctx, p.connections, func() (func() bool, error) {
				return d.begin(ctx, t, group, fmt.Sprintf("Everyone %d", i))
			})
			if took, err = d.end(err); err != nil {
				return err
			}
			a, b := percentile(without, 99), percentile(with, 99)
			alone, busy, ratios = append(alone, a), append(busy, b), append(ratios, float64(b)/float64(a))
			rates = append(rates, float64(n)/took.Seconds())
			return nil
		})
		if err != nil {
			return err
		}
	}
	p.found(took(median(alone)), "", "GET of a user, one every %s: p99, median of %d runs", readEvery, p.runs)
	p.found(took(median(busy)), "", "while %d marks drain: p99", n)
	p.found(fmt.Sprintf("%.2f", median(ratios)), "≤ 1.3", "ratio: median of the runs'")
	p.found(fmt.Sprintf("%.0f/s", median(rates)), "", "marks drained meanwhile")
	return nil
}

// fillDrain makes a directory of n users and a group of all of them, of which no grant knows, and an app.
func fillDrain(ctx context.Context, dir string, n int) (data *preloaded, group string, err error) {
	data = &preloaded{dir: dir, users: make(map[kind][]user)}
	if err := os.Mkdir(data.of(kindEngine), 0o700); err != nil {
		return nil, "", err
	}
	h, err := openHouse(filepath.Join(data.of(kindEngine), usherFile), bolt.Options{NoSync: true, BatchSize: fillers}, newVendor(4, 0))
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, h.store.Close(), syncFile(h.path)) }()
	if err = h.begin(ctx); err != nil {
		return nil, "", err
	}
	data.token = h.token
	if err = h.apply(ctx, "{group: Support, role: agent}"); err != nil {
		return nil, "", err
	}
	people, err := h.people(ctx, n)
	if err != nil {
		return nil, "", err
	}
	for _, id := range people {
		data.users[kindEngine] = append(data.users[kindEngine], user{id: id.String(), name: id.String()})
	}
	shuffle(data.users[kindEngine])
	made, err := h.group(ctx, "Everyone", people)
	if err != nil {
		return nil, "", err
	}
	return data, made.String(), h.quiesce(ctx)
}

// drainer gives the engine work and sees when it is done.
type drainer struct {
	done    atomic.Bool
	watcher sync.WaitGroup
	took    time.Duration
	err     error
}

// begin renames a group, and returns whether the marks that come of it are drained.
func (d *drainer) begin(ctx context.Context, t *target, group, name string) (func() bool, error) {
	c, err := dial(ctx, t.addr)
	if err != nil {
		return nil, err
	}
	body := fmt.Appendf(nil, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"displayName","value":%q}]}`, name)
	if _, _, err := c.ask(request{wire: t.wire("PATCH", "/scim/v2/Groups/"+group+"?attributes=displayName", body), status: 200}); err != nil {
		return nil, errors.Join(err, c.close())
	}
	began := time.Now()
	d.watcher.Go(func() {
		defer d.done.Store(true)
		d.err = errors.Join(until(ctx, func() (bool, error) {
			left, _, err := c.ask(request{wire: t.wire("GET", queuePath, nil), status: 200})
			return bytes.Equal(left, []byte(queueEmpty)), err
		}), c.close())
		d.took = time.Since(began)
	})
	return d.done.Load, nil
}

// end waits for the end of the marks, and returns how long they took.
func (d *drainer) end(err error) (time.Duration, error) {
	d.watcher.Wait()
	return d.took, errors.Join(err, d.err)
}

// readEvenly reads users at a fixed rate, over so many connections, until the function that begin returns says so, and returns how long each
// read took from the moment when it was to be sent, in order of size. A server that answers late is not asked less.
func (t *target) readEvenly(ctx context.Context, connections int, begin func() (func() bool, error)) (reads []time.Duration, err error) {
	due := make(chan time.Time, 1<<16) // as many as can wait before the benchmark itself does
	var mu sync.Mutex
	var next atomic.Int64
	var readers sync.WaitGroup
	for range connections {
		c, dialErr := dial(ctx, t.addr)
		if dialErr != nil {
			err = dialErr
			break
		}
		readers.Go(func() {
			for at := range due {
				_, _, askErr := c.ask(t.getUser(int(next.Add(1)) % len(t.users)))
				mu.Lock()
				reads, err = append(reads, time.Since(at)), errors.Join(err, askErr)
				mu.Unlock()
			}
			_ = c.close() // nothing of it is used any more
		})
	}
	stop, beginErr := begin()
	if beginErr == nil {
		for at := time.Now(); !stop() && ctx.Err() == nil; at = at.Add(readEvery) {
			<-time.After(time.Until(at))
			due <- time.Now()
		}
	}
	close(due)
	readers.Wait()
	slices.Sort(reads)
	return reads, errors.Join(err, beginErr, ctx.Err())
}
