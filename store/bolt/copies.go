package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/usher-scim/usher/store"
)

// CopyOptions say where copies of a store are kept, and how many.
type CopyOptions struct {
	// Folder must be there: it is not made, as it may be a disk that is not mounted.
	Folder string
	Every  time.Duration // from one copy to the next
	Keep   int           // how many stay, at least one
	Now    func() time.Time
	// Series makes the name by which a store knows its own copies in a folder that it shares with others: 8 letters or digits,
	// random. It is asked once in the life of a store.
	Series func() string
	// Observe, when set, is told of every try: nil, or why there is no new copy, or why old ones could not be removed.
	Observe func(error)
}

// Copies writes copies of a store on a schedule and keeps the newest of them. A copy appears under its name when it is whole, on
// the disk, and was read back; only then older ones go. What others put into the folder is left alone, also copies of
// another store.
type Copies struct {
	store *Store
	o     CopyOptions
	fill  func(ctx context.Context, db *bbolt.DB, file *os.File) error // fill, but for tests

	mu     sync.Mutex
	status CopyStatus
	tried  time.Time // the last try; zero before the first
}

// CopyStatus says how the copies are. Times are UTC.
type CopyStatus struct {
	Folder string
	Last   time.Time // when the newest copy was made; zero: there is none
	File   string    // its path
	Next   time.Time // when the next is due
	Failed string    // why the last try failed; "" when it did not
	Since  time.Time // of the first of the failures in a row
	Tries  int       // failures in a row
}

const (
	copyLook    = time.Minute      // how often the clock is looked at
	copyRetry   = 15 * time.Minute // after a failure, or sooner where copies are made more often
	copyStamp   = "20060102T150405Z"
	copiesTable = "copies"
)

// NewCopies returns the copies of a store. Nothing is written before Run or Turn.
func NewCopies(s *Store, o CopyOptions) *Copies {
	if o.Observe == nil {
		o.Observe = func(error) {}
	}
	return &Copies{store: s, o: o, fill: fill, status: CopyStatus{Folder: o.Folder}}
}

// Status says how the copies are.
func (c *Copies) Status() CopyStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Run makes copies until ctx ends. A failure does not end it.
func (c *Copies) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(c.Turn(ctx))
	}
}

// Turn makes a copy if one is due, and returns how long to wait before the next look. The first look at a folder
// finds out when the newest copy in it was made.
func (c *Copies) Turn(ctx context.Context) time.Duration {
	now := c.o.Now().UTC().Truncate(time.Second)
	if !c.due(ctx, now) {
		return min(copyLook, c.o.Every)
	}
	file, err := c.make(ctx, now)
	if ctx.Err() != nil {
		return copyLook
	}
	c.tell(now, file, err)
	c.o.Observe(err)
	return min(copyLook, c.o.Every)
}

// due reports whether it is time. A last copy, or try, of the future is of a clock that was set back meanwhile, and says nothing.
func (c *Copies) due(ctx context.Context, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tried.IsZero() {
		series, err := c.series(ctx)
		if err != nil {
			return true // the try says why
		}
		own, err := c.own(series, now)
		if err != nil || len(own) == 0 || own[0].made.After(now) {
			return true
		}
		c.tried = own[0].made
		c.status.Last, c.status.File, c.status.Next = own[0].made, own[0].path, own[0].made.Add(c.o.Every)
	}
	wait := c.o.Every
	if c.status.Tries > 0 {
		wait = min(wait, copyRetry)
	}
	c.status.Next = c.tried.Add(wait)
	return now.Before(c.tried) || !now.Before(c.status.Next)
}

// tell keeps what came of a try. A file without an error, or with one: the copy stands, and old ones could not be removed.
func (c *Copies) tell(now time.Time, file string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried = now
	if file != "" {
		c.status.Last, c.status.File = now, file
	}
	wait := c.o.Every
	if err == nil {
		c.status.Failed, c.status.Since, c.status.Tries = "", time.Time{}, 0
	} else {
		if c.status.Tries++; c.status.Tries == 1 {
			c.status.Since = now
		}
		c.status.Failed = err.Error()
		wait = min(wait, copyRetry)
	}
	c.status.Next = now.Add(wait)
}

// make writes one copy and removes those beyond what is kept. It returns the copy's path where that stands.
func (c *Copies) make(ctx context.Context, now time.Time) (string, error) {
	series, err := c.series(ctx)
	if err != nil {
		return "", fmt.Errorf("back up the store: %w", err)
	}
	info, err := os.Stat(c.o.Folder)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("back up the store: there is no folder %s: make it, or mount the disk that it is on", c.o.Folder)
	case err != nil:
		return "", fmt.Errorf("back up the store: %w", err)
	case !info.IsDir():
		return "", fmt.Errorf("back up the store: %s is not a folder", c.o.Folder)
	}
	if err := c.sweep(series); err != nil {
		return "", err
	}
	file := filepath.Join(c.o.Folder, copyName(series, now))
	if err := c.write(ctx, file); err != nil {
		return "", err
	}
	return file, c.retain(series, file, now)
}

// write makes the copy under another name, reads it back, and then gives it its own.
func (c *Copies) write(ctx context.Context, file string) (err error) {
	temp, err := os.CreateTemp(c.o.Folder, "."+filepath.Base(file)+".*") // readable by its owner alone
	if err != nil {
		return fmt.Errorf("back up the store: %w", err)
	}
	defer func() {
		if gone := os.Remove(temp.Name()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	if err := c.store.enter(ctx); err != nil {
		return errors.Join(err, temp.Close())
	}
	err = c.fill(ctx, c.store.db, temp)
	c.store.running.Done()
	if err != nil {
		return err
	}
	if err := readBack(ctx, temp.Name()); err != nil {
		return fmt.Errorf("back up the store: the copy cannot be read: %w", err)
	}
	if err := publish(temp.Name(), file); err != nil {
		return fmt.Errorf("back up the store: %w", err)
	}
	return nil
}

func readBack(ctx context.Context, path string) error {
	s, err := OpenReadOnly(path, Options{})
	if err != nil {
		return err
	}
	return errors.Join(s.Check(ctx), s.Close())
}

// madeCopy is a file of the folder that this store made.
type madeCopy struct {
	path string
	made time.Time
}

func copyName(series string, at time.Time) string {
	return "usher-" + series + "-" + at.Format(copyStamp) + ".db"
}

var copyPattern = regexp.MustCompile(`^usher-([a-z0-9]{8})-(\d{8}T\d{6}Z)\.db$`)

// own lists the store's copies in the folder, the newest first. One with a time in the future was made before the clock was
// set back, so it is older than those with a time that has passed.
func (c *Copies) own(series string, now time.Time) ([]madeCopy, error) {
	entries, err := os.ReadDir(c.o.Folder)
	if err != nil {
		return nil, err
	}
	var own []madeCopy
	for _, e := range entries {
		parts := copyPattern.FindStringSubmatch(e.Name())
		if len(parts) != 3 || parts[1] != series || !e.Type().IsRegular() {
			continue
		}
		if made, err := time.Parse(copyStamp, parts[2]); err == nil {
			own = append(own, madeCopy{filepath.Join(c.o.Folder, e.Name()), made})
		}
	}
	slices.SortFunc(own, func(a, b madeCopy) int {
		if future := a.made.After(now); future != b.made.After(now) {
			if future {
				return 1
			}
			return -1
		}
		return b.made.Compare(a.made)
	})
	return own, nil
}

// retain removes the copies beyond those kept, never the one just made.
func (c *Copies) retain(series, made string, now time.Time) error {
	own, err := c.own(series, now)
	if err != nil {
		return fmt.Errorf("the backup %s is made, and older ones could not be listed: %w", made, err)
	}
	own = slices.DeleteFunc(own, func(m madeCopy) bool { return m.path == made })
	var errs []error
	for i := max(c.o.Keep, 1) - 1; i < len(own); i++ {
		if err := os.Remove(own[i].path); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("the backup %s is made, and older ones could not be removed: %w", made, err)
	}
	return nil
}

// sweep removes what copies of this store left that a crash cut: they have names of their own, which no whole copy has.
func (c *Copies) sweep(series string) error {
	entries, err := os.ReadDir(c.o.Folder)
	if err != nil {
		return fmt.Errorf("back up the store: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".usher-"+series+"-") && e.Type().IsRegular() {
			if err := os.Remove(filepath.Join(c.o.Folder, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("back up the store: remove an unfinished copy: %w", err)
			}
		}
	}
	return nil
}

// series returns the name of the store's copies, which it keeps in itself: a restored store goes on with the same.
func (c *Copies) series(ctx context.Context) (string, error) {
	key := []byte("series")
	series := ""
	read := func(r store.Reader) error {
		value, err := r.Get(copiesTable, key)
		if errors.Is(err, store.ErrNotFound) {
			value, err = nil, nil
		}
		series = string(value)
		return err
	}
	if err := c.store.View(ctx, read); err != nil || series != "" {
		return series, err
	}
	fresh := c.o.Series()
	err := c.store.Update(ctx, func(tx store.Tx) error {
		if err := read(tx); err != nil || series != "" {
			return err
		}
		series = fresh
		return tx.Put(copiesTable, key, []byte(fresh))
	})
	return series, err
}
