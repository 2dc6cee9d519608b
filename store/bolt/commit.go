package bolt

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"syscall"

	"github.com/usher-scim/usher/store"
)

// Concurrent updates share a commit. The committer opens a transaction when the first
// update arrives and gives it to each update that waits, in turn; every one runs in its own
// goroutine, so a panic unwinds where it belongs. When nobody waits any more it writes and syncs what has come together,
// and tells all of them. Those that arrive meanwhile form the next
// commit. So nobody waits for a timer, and the slower the disk is the more updates share a sync.

// update is an Update that waits for its turn and then for the outcome.
type update struct {
	turn chan *tx   // its transaction
	done chan error // how the commit ended
}

// Update implements [store.Store]. fn runs once, in the goroutine of the caller. A context that ends before
// its turn means that fn has not run; later ones change nothing. A failure of fn, too, is
// reported after the commit of the updates that fn may have seen.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.running.Done()
	u := &update{turn: make(chan *tx, 1), done: make(chan error, 1)}
	select {
	case s.queue <- u:
	case <-ctx.Done():
		return ctx.Err()
	}
	failure := s.run(ctx, <-u.turn, fn)
	if err := <-u.done; err != nil {
		return err
	}
	return failure
}

// run takes the turn. The deferred end of it also runs when fn panics.
func (s *Store) run(ctx context.Context, tx *tx, fn func(store.Tx) error) (err error) {
	failed := true
	defer func() {
		tx.end(failed)
		s.ran <- struct{}{}
	}()
	if err := ctx.Err(); err != nil {
		return err
	}
	if tx.err != nil {
		return tx.err
	}
	if err := fn(tx); err != nil {
		return err
	}
	failed = tx.err != nil
	return tx.err
}

// commitAll is the committer. It ends when the queue is closed.
func (s *Store) commitAll() {
	defer close(s.stopped)
	for u := range s.queue {
		s.commitWith(u)
	}
}

// commitWith runs one shared commit that begins with u.
func (s *Store) commitWith(u *update) {
	b, err := s.begin()
	var sharing []*update
	for n := 1; u != nil; n++ {
		u.turn <- &tx{reader: reader{snapshot: b.snapshot, err: err}, batch: b}
		<-s.ran
		if b.writes == 0 {
			u.done <- nil // it has changed nothing and seen nothing but the last commit
		} else {
			sharing = append(sharing, u)
		}
		if u = nil; n < s.batchSize {
			u = s.next()
		}
	}
	err = s.finish(b, len(sharing))
	for _, u := range sharing {
		u.done <- err
	}
}

// next returns an update that waits, or nil.
func (s *Store) next() *update {
	select {
	case u := <-s.queue:
		return u
	default:
	}
	// Whoever is about to ask, is let ask: this gives way to what can run now and does not wait.
	runtime.Gosched()
	select {
	case u := <-s.queue:
		return u
	default:
		return nil
	}
}

// begin opens a transaction. When there is none to be had, the batch is empty and
// every update in it fails with the error.
func (s *Store) begin() (*batch, error) {
	b := &batch{}
	if failure := s.failure.Load(); failure != nil {
		return b, *failure
	}
	tx, err := s.db.Begin(true)
	if err != nil {
		return b, fmt.Errorf("begin to write: %w", err)
	}
	b.snapshot = newSnapshot(tx)
	return b, nil
}

// finish makes the batch durable. Any failure leaves open what of it is on the disk: the
// store takes no further writes.
func (s *Store) finish(b *batch, updates int) error {
	if b.snapshot == nil {
		return nil
	}
	if b.writes == 0 {
		_ = b.bolt.Rollback() // fails only when it has ended
		return nil
	}
	start := s.now()
	err := b.flush()
	if err != nil {
		_ = b.bolt.Rollback() // the first error counts
	} else {
		s.idle.pause()
		id := b.bolt.ID()
		if err = s.commit(b.bolt); err == nil {
			s.idle.resume(id)
		}
	}
	if err != nil {
		err = uncertain(s.path, err)
		s.failure.Store(&err)
	}
	c := Commit{Updates: updates, Writes: b.writes, Duration: s.now().Sub(start), Err: err}
	s.stats.add(c)
	if s.observe != nil {
		s.observe(c)
	}
	return err
}

// uncertain wraps why a commit failed in [store.ErrUncertain].
func uncertain(path string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("the disk that holds %s is full: free space and start again: %w (%w)", path, store.ErrUncertain, err)
	}
	return fmt.Errorf("write %s: %w (%w)", path, store.ErrUncertain, err)
}
