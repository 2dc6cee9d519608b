package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/bench/floor"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store/bolt"
)

// maxPreload bounds -preload.
const maxPreload = 2_000_000

// fillers is how many users are under way at a time while data are filled, and so how many share a commit.
const fillers = 8192

// preloaded are data folders with users in them, that every run goes on with.
type preloaded struct {
	dir   string
	token string // of Usher's
	// users are those of each server, in the same order at both. The order is random, so that
	// any of them stand all over the directory.
	users map[kind][]user
}

func (p *preloaded) of(k kind) string { return filepath.Join(p.dir, string(k)) }

// preload fills the data of servers of these kinds with the same n users below dir. Their names are
// random, so that the order in which they are made says nothing of where they stand in an index.
func preload(ctx context.Context, dir string, n int, kinds ...kind) (*preloaded, error) {
	below, err := os.MkdirTemp(dir, "usher-bench-*")
	if err != nil {
		return nil, err
	}
	p := &preloaded{dir: below, users: make(map[kind][]user)}
	for _, k := range kinds {
		err = os.Mkdir(p.of(k), 0o700)
		switch {
		case err != nil:
		case k == kindFloor:
			p.users[k], err = fillFloor(ctx, p.of(k), n)
		default:
			p.token, p.users[k], err = fillUsher(ctx, p.of(k), n)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("filling the data of the %s server: %w", k, err), p.remove())
		}
		shuffle(p.users[k])
	}
	return p, nil
}

// shuffle brings users that were made in the same order into the same random order.
func shuffle(users []user) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // not a secret: an order
	random.Shuffle(len(users), func(i, j int) { users[i], users[j] = users[j], users[i] })
}

// share returns the n users that a run asks for: no other run changes them.
func (p *preloaded) share(k kind, run, n int) []user { return p.users[k][run*n : (run+1)*n] }

func (p *preloaded) remove() error { return os.RemoveAll(p.dir) }

func fillFloor(ctx context.Context, dir string, n int) ([]user, error) {
	path := filepath.Join(dir, floorFile)
	s, err := floor.OpenUnsynced(path, fillers)
	if err != nil {
		return nil, err
	}
	users := make([]user, n)
	err = fill(ctx, n, func(i int, name string) error {
		u := &floor.User{
			Schemas: []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, ExternalID: "00u" + name, UserName: name,
			Name: floor.Name{Given: "Test", Family: fmt.Sprint("User", i)}, DisplayName: fmt.Sprint("Test User", i),
			Emails: []floor.Email{{Value: name, Type: "work", Primary: true}}, Locale: "en-US", Active: true,
		}
		err := s.Add(u)
		users[i] = user{id: u.ID, name: name}
		return err
	})
	return users, errors.Join(err, s.Close(), syncFile(path))
}

func fillUsher(ctx context.Context, dir string, n int) (token string, users []user, err error) {
	path := filepath.Join(dir, usherFile)
	s, err := bolt.Open(path, bolt.Options{NoSync: true, BatchSize: fillers})
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, s.Close(), syncFile(path)) }()
	d := directory.New(s, time.Now, audit.IDs(time.Now))
	source, token, err := d.AddSource(ctx, admin(), directory.NewSource{Name: "okta", Kind: directory.Okta})
	if err != nil {
		return "", nil, fmt.Errorf("adding a source: %w", err)
	}
	users = make([]user, n)
	return token, users, fill(ctx, n, func(i int, name string) error {
		made, err := d.CreateUser(ctx, source, "preload", userWrite(i, name), directory.CreateOptions{})
		users[i] = user{id: made.Person.String(), name: name}
		return err
	})
}

// userWrite is what becomes of the body that newUser returns when Usher has read it.
func userWrite(i int, name string) directory.UserWrite {
	return directory.UserWrite{
		UserName: name, ExternalID: "00u" + name, Active: true, Emails: []string{name},
		Attributes: fmt.Appendf(nil, `{"userName":%q,"name":{"givenName":"Test","familyName":"User%d"},"emails":[{"primary":true,"value":%q,"type":"work"}],`+
			`"displayName":"Test User%d","locale":"en-US","externalId":%q,"active":true}`, name, i, name, i, "00u"+name),
	}
}

// fill calls add for n users with random names, many at a time, until one fails.
func fill(ctx context.Context, n int, add func(i int, name string) error) error {
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // not a secret: names, the same at both servers
	names := make([]uint64, n)
	for i := range names {
		names[i] = random.Uint64()
	}
	var next atomic.Int64
	var failure atomic.Pointer[error]
	var workers sync.WaitGroup
	for range min(fillers, n) {
		workers.Go(func() {
			for failure.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				err := ctx.Err()
				if err == nil {
					err = add(i, fmt.Sprintf("%016x@acme.example", names[i]))
				}
				if err != nil {
					failure.Store(&err)
				}
			}
		})
	}
	workers.Wait()
	if failed := failure.Load(); failed != nil {
		return *failed
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
