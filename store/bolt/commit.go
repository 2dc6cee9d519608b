package bolt

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"syscall"

	"go.etcd.io/bbolt"

	"github.com/usher-scim/usher/store"
)

// Concurrent updates share a commit. They take turns, in the order in which they came; the first of a batch
// opens a transaction, and each runs in it in its own goroutine, so a panic unwinds where it belongs. The
// one behind which nobody waits any more writes and syncs what has come together,
// and tells all of them. Those that arrive meanwhile form the next
// commit. So nobody waits for a timer, and the slower the disk is the more updates share a sync.

// Update implements [store.Store]. fn runs once, in the goroutine of the caller. A context that ends before
// its turn means that fn has not run; later ones change nothing. A failure of fn, too, is
// reported after the commit of the updates that fn may have seen.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.running.Done()
	s.waiting.Add(1)
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		// Whoever ran last may have left the commit to this update.
		if s.waiting.Add(-1) == 0 {
			s.running.Go(s.settle)
		}
		return ctx.Err()
	}
	shared, failure := s.run(ctx, fn)
	if shared != nil {
		<-shared.ended
		if shared.err != nil {
			return shared.err
		}
	}
	return failure
}

// run takes the turn, and gives it on or commits. It returns the commit whose outcome the update rests on; nil for none.
// The deferred end of it also runs when fn panics or its goroutine ends.
func (s *Store) run(ctx context.Context, fn func(store.Tx) error) (shared *outcome, err error) {
	b := s.open()
	tx := &tx{reader: reader{snapshot: b.snapshot, err: b.failure}, batch: b, undo: b.undo[:0]}
	failed, returned := true, false
	defer func() {
		tx.end(failed)
		if b.ran++; b.writes > 0 { // else it has changed nothing and seen nothing but the last commit
			shared = b.outcome
			b.sharing++
		}
		if returned {
			s.passOn()
			return
		}
		// A panic is on its way: it does not wait for the disk.
		s.running.Go(s.passOn)
	}()
	err = s.try(ctx, tx, fn)
	failed, returned = err != nil, true
	return shared, err
}

func (s *Store) try(ctx context.Context, tx *tx, fn func(store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if tx.err != nil {
		return tx.err
	}
	if err := fn(tx); err != nil {
		return err
	}
	return tx.err
}

// passOn ends a turn: the next update has it, or, when none waits or the batch is full, what has come together is committed.
func (s *Store) passOn() {
	if s.waiting.Add(-1) == 0 {
		// Whoever is about to ask, is let ask: this gives way to what can run now and does not wait.
		runtime.Gosched()
	}
	if s.waiting.Load() == 0 || s.batch.ran >= s.batchSize {
		s.finish()
	}
	<-s.turn
}

// settle commits what updates have left to one that did not come to its turn.
func (s *Store) settle() {
	s.turn <- struct{}{}
	if s.batch != nil && s.waiting.Load() == 0 {
		s.finish()
	}
	<-s.turn
}

// open returns the batch that is open, or opens one. When there is no transaction to be had, the batch is empty and
// every update in it fails with the error.
func (s *Store) open() *batch {
	if s.batch != nil {
		return s.batch
	}
	b := s.spare
	if s.spare = nil; b == nil {
		b = newBatch()
	}
	s.batch = b
	b.outcome = &outcome{ended: make(chan struct{})}
	if failure := s.failure.Load(); failure != nil {
		b.failure = *failure
		return b
	}
	tx, err := s.db.Begin(true)
	if err != nil {
		b.failure = fmt.Errorf("begin to write: %w", err)
		return b
	}
	b.snapshot = newSnapshot(tx)
	return b
}

// finish makes the open batch durable, tells whoever shares it, and clears it for the next.
func (s *Store) finish() {
	b := s.batch
	s.batch = nil
	b.outcome.err = s.write(b)
	close(b.outcome.ended)
	if b.reset() {
		s.spare = b
	}
}

// write writes the batch to the disk. Any failure leaves open what of it is there: the
// store takes no further writes.
func (s *Store) write(b *batch) error {
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
		err = s.commitAlone(b.bolt)
	}
	if err != nil {
		err = uncertain(s.path, err)
		s.failure.Store(&err)
	}
	c := Commit{Updates: b.sharing, Writes: b.writes, Duration: s.now().Sub(start), Err: err}
	s.stats.add(c)
	if s.observe != nil {
		s.observe(c)
	}
	return err
}

// commitAlone commits while no snapshots are kept.
func (s *Store) commitAlone(tx *bbolt.Tx) error {
	s.idle.pause()
	id := tx.ID()
	err := s.commit(tx)
	if err == nil {
		s.idle.resume(id)
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
