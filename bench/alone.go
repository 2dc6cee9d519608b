package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/bolt"
)

// maxAlone bounds what one client sends alone.
const maxAlone = 1000

// alone measures what one client waits for its POST, beside a commit, in this process and on the same disk, of the puts that such a
// POST makes. The two take turns, so that whatever the machine does besides hits both.
func alone(ctx context.Context, p *prober) error {
	n := min(p.n, maxAlone)
	warm := n/20 + 1
	users, err := recordCreates(ctx, p.dir, n+warm)
	if err != nil {
		return err
	}
	c, err := newCommitter(p.dir)
	if err != nil {
		return err
	}
	var posts, commits []time.Duration
	_, err = p.at(ctx, nil, func(t *target) error {
		requests := t.phase(opPost, n, warm, "alone").requests
		return t.with(ctx, func(client *conn) error {
			for i, r := range requests {
				_, post, err := client.ask(r)
				if err != nil {
					return err
				}
				commit, err := c.commit(ctx, users[i])
				if err != nil {
					return err
				}
				posts, commits = append(posts, post), append(commits, commit)
			}
			return nil
		})
	})
	if err = errors.Join(err, c.close()); err != nil {
		return err
	}
	post, commit := median(posts[warm:]), median(commits[warm:])
	p.found(took(post), "", "POST, one client: p50 of %d", n)
	p.found(took(commit), "", "commit of its %d puts: p50", len(users[warm]))
	p.found(times(float64(post), float64(commit)), "≤ 1.5", "ratio")
	return nil
}

// committer commits puts to a store of its own.
type committer struct {
	dir   string
	store *bolt.Store
}

func newCommitter(below string) (*committer, error) {
	dir, err := os.MkdirTemp(below, "usher-bench-*")
	if err != nil {
		return nil, err
	}
	s, err := bolt.Open(filepath.Join(dir, usherFile), bolt.Options{})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &committer{dir: dir, store: s}, nil
}

func (c *committer) commit(ctx context.Context, puts []put) (time.Duration, error) {
	begin := time.Now()
	err := c.store.Update(ctx, func(tx store.Tx) error {
		for _, w := range puts {
			if err := tx.Put(w.table, w.key, w.value); err != nil {
				return err
			}
		}
		return nil
	})
	return time.Since(begin), err
}

func (c *committer) close() error { return errors.Join(c.store.Close(), os.RemoveAll(c.dir)) }

// put is one write to a store.
type put struct {
	table      string
	key, value []byte
}

// recordCreates returns the puts by which a directory creates each of n users.
func recordCreates(ctx context.Context, below string, n int) (creates [][]put, err error) {
	dir, err := os.MkdirTemp(below, "usher-bench-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := bolt.Open(filepath.Join(dir, usherFile), bolt.Options{NoSync: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r := &recorder{Store: s}
	d := directory.New(r, time.Now, audit.IDs(time.Now))
	source, _, err := d.AddSource(ctx, admin(), directory.NewSource{Name: "okta", Kind: directory.Okta})
	if err != nil {
		return nil, err
	}
	for i := range n {
		name := fmt.Sprintf("user.%d.alone@acme.example", i)
		if _, err := d.CreateUser(ctx, source, strconv.Itoa(i), userWrite(i, name), directory.CreateOptions{}); err != nil {
			return nil, err
		}
		creates = append(creates, r.puts)
	}
	return creates, nil
}

// recorder is a store that remembers the puts of its last update.
type recorder struct {
	store.Store
	puts []put
}

// Update implements [store.Store].
func (r *recorder) Update(ctx context.Context, fn func(store.Tx) error) error {
	return r.Store.Update(ctx, func(tx store.Tx) error {
		r.puts = nil
		return fn(&recordedTx{Tx: tx, to: r})
	})
}

type recordedTx struct {
	store.Tx
	to *recorder
}

// Put implements [store.Tx].
func (t *recordedTx) Put(table string, key, value []byte) error {
	t.to.puts = append(t.to.puts, put{table: table, key: slices.Clone(key), value: slices.Clone(value)})
	return t.Tx.Put(table, key, value)
}
