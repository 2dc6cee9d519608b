package gateway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/config"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/secrets"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/bolt"
)

// Content is what a store holds, at a glance. Times are UTC.
type Content struct {
	File     string         `json:"file"`
	Bytes    int64          `json:"bytes"`
	Newest   time.Time      `json:"newest,omitzero"` // the last thing that it knows of
	Sources  []string       `json:"sources"`
	People   int            `json:"people"`
	Groups   int            `json:"groups"`
	Accounts map[string]int `json:"accounts"` // that stand, by app
	Mapping  int            `json:"mapping"`  // the newest version
}

// Restore is a backup that was looked at and can be put in place. While it is open no server starts on the data folder.
type Restore struct {
	Backup  Content  `json:"backup"`
	Present *Content `json:"present,omitempty"` // nil: there is none, or it cannot be read
	// Unreadable says why the present store cannot be read; it is kept all the same.
	Unreadable string `json:"unreadable,omitempty"`

	data    string
	box     *secrets.Box
	now     func() time.Time
	backup  *bolt.Store
	present *bolt.Store
	reached func(step string) error // for tests; nil: goes on
}

// OpenRestore looks whether the backup in file can be put in place of the store in the data folder: whether it is whole, is a store that
// this program knows, and the key file belongs to it. It changes nothing. It fails while a server runs on the data
// folder. The caller closes what it returns.
func OpenRestore(ctx context.Context, cfg config.Config, file string, now func() time.Time) (_ *Restore, err error) {
	r := &Restore{data: cfg.Data, now: now}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if r.present, err = r.openPresent(ctx); err != nil {
		return nil, err
	}
	path := filepath.Join(cfg.Data, "usher.db")
	if same(file, path) {
		return nil, fmt.Errorf("%s is the present store itself", file)
	}
	if r.backup, err = bolt.OpenReadOnly(file, bolt.Options{}); err != nil {
		return nil, err
	}
	if err := r.backup.Check(ctx); err != nil {
		return nil, err
	}
	keys, _ := cfg.Keys()
	ring, err := secrets.LoadKeyring(keys)
	if err != nil {
		return nil, fmt.Errorf("%w: put the key file that belongs to the backup there first", err)
	}
	r.box = secrets.NewBox(ring)
	if err := secrets.Fits(ctx, r.backup, r.box); err != nil {
		return nil, fmt.Errorf("%s does not fit: %w", file, err)
	}
	if r.Backup, err = contentOf(ctx, r.backup, file, now); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return r, nil
}

func same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// openPresent opens the present store to look at it, which keeps servers out. One that is damaged is no hindrance: a restore is for that.
func (r *Restore) openPresent(ctx context.Context) (*bolt.Store, error) {
	path := filepath.Join(r.data, "usher.db")
	s, err := bolt.OpenReadOnly(path, bolt.Options{})
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case bolt.InUse(err):
		return nil, fmt.Errorf("a server runs on %s: stop it first, a restore changes its store", r.data)
	case err != nil:
		r.Unreadable = err.Error()
		return nil, nil //nolint:nilerr // kept in Unreadable
	}
	if err := s.Check(ctx); err != nil {
		r.Unreadable = err.Error()
		return s, ctx.Err()
	}
	c, err := contentOf(ctx, s, path, r.now)
	if err != nil {
		r.Unreadable = err.Error()
		return s, ctx.Err()
	}
	r.Present = &c
	return s, nil
}

func contentOf(ctx context.Context, s store.Store, file string, now func() time.Time) (Content, error) {
	c := Content{File: file, Sources: []string{}}
	info, err := os.Stat(file)
	if err != nil {
		return c, err
	}
	c.Bytes = info.Size()
	dir := directory.New(s, now, audit.IDs(now))
	sources, err := dir.Sources(ctx)
	if err != nil {
		return c, err
	}
	for i := range sources {
		if sources[i].Removed.IsZero() {
			c.Sources = append(c.Sources, sources[i].Name)
		}
		n, err := dir.CountGroups(ctx, sources[i])
		if err != nil {
			return c, err
		}
		c.Groups += n
	}
	for _, err := range dir.Persons(ctx) {
		if err != nil {
			return c, err
		}
		c.People++
	}
	all, err := versions.New(s, dir, func() mapping.Catalog { return nil }, now, audit.IDs(now)).List(ctx)
	if err != nil {
		return c, err
	}
	if len(all) > 0 {
		c.Mapping = all[len(all)-1].Number
	}
	err = s.View(ctx, func(r store.Reader) error {
		c.Newest = audit.Newest(r)
		c.Accounts, err = provision.StandingIn(r)
		return err
	})
	return c, err
}

// partOf begins the names of copies that are not in place yet.
const partOf = ".usher.db.restoring-"

// Carry puts a copy of the backup in place of the present store, and returns the name under which that is kept, "" where there was
// none. The backup itself is left as it is. Whenever the process ends, the one store or the other is in place, whole; and the
// restored one never without the marker that keeps vendors from being written to.
func (r *Restore) Carry(ctx context.Context, actor string) (kept string, err error) {
	if err := os.MkdirAll(r.data, 0o700); err != nil {
		return "", fmt.Errorf("make the data folder: %w", err)
	}
	if err := r.sweep(); err != nil {
		return "", err
	}
	at := r.now().UTC().Truncate(time.Millisecond)
	path := filepath.Join(r.data, "usher.db")
	if _, err := os.Lstat(path); err == nil {
		kept = fmt.Sprintf("usher.db.before-restore-%s", at.Format("20060102T150405Z"))
	}
	if err := r.at("begun"); err != nil {
		return "", err
	}
	part, err := r.prepare(ctx, provision.Restored{
		At: at, By: actor, File: filepath.Base(r.Backup.File), Newest: r.Backup.Newest, Kept: kept,
	})
	if err != nil {
		return "", err
	}
	if err := r.at("prepared"); err != nil {
		return "", err
	}
	if err := bolt.Swap(ctx, path, part, filepath.Join(r.data, kept)); err != nil {
		if gone := os.Remove(part); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return "", err
	}
	return kept, nil
}

func (r *Restore) at(step string) error {
	if r.reached == nil {
		return nil
	}
	return r.reached(step)
}

// prepare copies the backup into the data folder, opens the copy as a server would, and marks it. All of it is on the disk when it returns.
func (r *Restore) prepare(ctx context.Context, m provision.Restored) (part string, err error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("restore: %w", err)
	}
	part = filepath.Join(r.data, partOf+id.String())
	if err := r.backup.BackupFile(ctx, part); err != nil {
		return "", fmt.Errorf("copy the backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	if err := r.at("copied"); err != nil {
		return "", err
	}
	s, err := bolt.Open(part, bolt.Options{})
	if err != nil {
		return "", err
	}
	_, err = secrets.OpenVault(ctx, s, r.box, r.now)
	if err == nil {
		err = provision.MarkRestored(ctx, s, m, audit.IDs(r.now)())
	}
	if err = errors.Join(err, s.Close()); err != nil {
		return "", fmt.Errorf("mark the copy as restored: %w", err)
	}
	return part, nil
}

// sweep removes what a restore left that was cut.
func (r *Restore) sweep() error {
	entries, err := os.ReadDir(r.data)
	if err != nil {
		return fmt.Errorf("read the data folder: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), partOf) {
			if err := os.Remove(filepath.Join(r.data, e.Name())); err != nil {
				return fmt.Errorf("remove what an earlier restore left: %w", err)
			}
		}
	}
	return nil
}

// Close lets go of both stores.
func (r *Restore) Close() error {
	var errs []error
	for _, s := range []*bolt.Store{r.backup, r.present} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}
