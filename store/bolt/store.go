package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	boltErrors "go.etcd.io/bbolt/errors"

	"github.com/usher-scim/usher/store"
)

// Options are the settings of a store; the zero value is right for production.
type Options struct {
	// MapSize is how much address space to reserve for the file, in bytes; 0: 64 GiB, or 1 GiB
	// where addresses have 32 bits. It takes neither memory nor disk. A file that outgrows it is mapped anew, and
	// for that a commit waits until every View that is running has ended; a View inside such a View waits for ever.
	MapSize int
	// LockTimeout is how long to wait for another process to let go of the file; 0: one second.
	LockTimeout time.Duration
	// BatchSize is the most updates that share one commit; 0: 1000.
	BatchSize int
	// NoSync leaves it to the operating system when to write: a crash of the machine loses or
	// breaks the store. For tests.
	NoSync bool
	// Now is the clock that commits are timed by; nil: they are not timed.
	Now func() time.Time
	// Observe, when set, is told of every commit. It is called between commits and must be quick.
	Observe func(Commit)

	openFile func(name string, flag int, mode os.FileMode) (*os.File, error) // for tests; nil: os.OpenFile
	readOnly bool
}

// Commit is what one commit did.
type Commit struct {
	// Updates is how many updates shared it.
	Updates int
	// Writes is how many keys it put or deleted.
	Writes int
	// Duration is how long writing and syncing took; zero without Options.Now.
	Duration time.Duration
	// Err is why it failed; nil otherwise.
	Err error
}

// Store is a [store.Store] in one file. A reader never waits for a writer.
//
// What an update reads may come from the update before it in the same commit; it is
// told its outcome after that commit, so nobody ever hears of a state that is not durable.
//
// Inside the function of a View or an Update another View may run: it sees the last commit. An Update
// inside an Update waits for itself for ever; one inside a View may.
type Store struct {
	db        *bbolt.DB
	path      string
	batchSize int
	now       func() time.Time
	observe   func(Commit)
	commit    func(*bbolt.Tx) error // (*bbolt.Tx).Commit

	turn    chan struct{} // held by the update that runs or commits
	waiting atomic.Int64  // updates that have not ended their turn
	batch   *batch        // the open one, or nil; of whoever holds the turn, as spare is
	spare   *batch        // for the next commit, or nil
	failure atomic.Pointer[error]
	stats   stats
	idle    idle

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // views and updates
	closing sync.Once
	closeEr error
}

var _ store.Store = (*Store)(nil)

// Open opens the store in the file at path, and makes it, readable by its owner alone, when there is none. It upgrades a file of an
// older format, after writing a backup beside it. It fails when another process has the file
// open, or when the file has a format newer than this program.
func Open(path string, options Options) (*Store, error) {
	return open(path, options, migrations())
}

func open(path string, options Options, steps []migration) (*Store, error) {
	db, err := openFile(path, options)
	if err != nil {
		return nil, err
	}
	if err := migrate(db, path, steps); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &Store{
		db:        db,
		path:      path,
		batchSize: options.BatchSize,
		now:       options.Now,
		observe:   options.Observe,
		commit:    (*bbolt.Tx).Commit,
		turn:      make(chan struct{}, 1),
	}
	if s.batchSize <= 0 {
		s.batchSize = 1000
	}
	if s.now == nil {
		s.now = func() time.Time { return time.Time{} }
	}
	if err := s.begun(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// begun makes the first snapshot, of the commit that the file ends with.
func (s *Store) begun() error {
	tx, err := s.db.Begin(false)
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	s.idle.resume(tx.ID())
	s.idle.give(newSnapshot(tx))
	return nil
}

var errInUse = errors.New("in use by another usher")

// InUse reports whether a store could not be opened because another process has it open.
func InUse(err error) bool { return errors.Is(err, errInUse) }

func openFile(path string, options Options) (*bbolt.DB, error) {
	if options.MapSize <= 0 {
		options.MapSize = 1 << min(36, strconv.IntSize-2)
	}
	if options.readOnly {
		options.MapSize = 0 // the file as it is
	}
	if options.LockTimeout <= 0 {
		options.LockTimeout = time.Second
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         options.LockTimeout,
		InitialMmapSize: options.MapSize,
		NoSync:          options.NoSync,
		ReadOnly:        options.readOnly,
		// The list of free pages is not written with each commit: it grows with what was ever deleted, and
		// can be found again by reading the file once when it is opened. The map finds a free run of
		// pages in constant time.
		NoFreelistSync: true,
		FreelistType:   bbolt.FreelistMapType,
		NoStatistics:   true,
		OpenFile:       options.openFile,
	})
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, boltErrors.ErrTimeout):
		return nil, fmt.Errorf("open the store: %s is %w: stop that one first, or choose another data directory", path, errInUse)
	case errors.Is(err, boltErrors.ErrInvalid), errors.Is(err, boltErrors.ErrChecksum), errors.Is(err, boltErrors.ErrVersionMismatch):
		return nil, fmt.Errorf("open the store: %s is damaged or not a store of usher: %w", path, err)
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("open the store: the directory of %s does not exist: %w", path, err)
	default:
		return nil, fmt.Errorf("open the store: %w", err)
	}
}

// View implements [store.Store]. Reads come from mapped memory and do not fail; a context that has ended
// before it begins is the only error of its own besides store.ErrClosed.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.running.Done()
	snapshot := s.idle.take()
	if snapshot == nil {
		tx, err := s.db.Begin(false)
		if err != nil {
			return fmt.Errorf("begin to read: %w", err)
		}
		snapshot = newSnapshot(tx)
	}
	r := &reader{snapshot: snapshot}
	defer func() {
		r.ended = true
		s.idle.give(snapshot)
	}()
	if err := fn(r); err != nil {
		return err
	}
	return r.err
}

// Close implements [store.Store]. Inside the function of a View or an Update it would wait for itself.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.running.Wait()
	s.closing.Do(func() {
		s.idle.pause()
		if err := errors.Join(s.keepFreePages(), s.db.Close()); err != nil {
			s.closeEr = fmt.Errorf("close the store: %w", err)
		}
	})
	return s.closeEr
}

// keepFreePages writes the list of free pages, so that whoever opens the file next does not have to read
// all of it to find them. Commits leave it out: it is found again after a crash.
func (s *Store) keepFreePages() error {
	if s.failure.Load() != nil || s.Stats().Commits == 0 {
		return nil
	}
	s.db.NoFreelistSync = false
	return s.db.Update(func(*bbolt.Tx) error { return nil })
}

// enter counts a transaction in, so that Close waits for it.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	s.running.Add(1)
	return nil
}
