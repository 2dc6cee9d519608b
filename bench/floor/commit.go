package floor

import (
	"runtime"

	"go.etcd.io/bbolt"
)

// batchSize is the most writes that share a commit, as in store/bolt.
const batchSize = 1000

// committer runs writes one after the other and shares commits: whatever waits when a write has
// run joins the open transaction, and when nobody waits any more it is written and synced. There is no timer. It is the
// policy of store/bolt without what a real store needs besides: isolation of
// failures, transactions that read their own writes, statistics.
type committer struct {
	db    *bbolt.DB
	most  int // writes that share a commit
	queue chan *write
	ended chan struct{}
}

type write struct {
	// run must not fail after its first Put: nothing is undone.
	run  func(*bbolt.Tx) error
	done chan error
}

func newCommitter(db *bbolt.DB, most int) *committer {
	c := &committer{db: db, most: most, queue: make(chan *write), ended: make(chan struct{})}
	go c.commitAll()
	return c
}

// do returns when run and the commit it shared have ended.
func (c *committer) do(run func(*bbolt.Tx) error) error {
	w := &write{run: run, done: make(chan error, 1)}
	c.queue <- w
	return <-w.done
}

// close ends the committer; do must not be called any more.
func (c *committer) close() {
	close(c.queue)
	<-c.ended
}

func (c *committer) commitAll() {
	defer close(c.ended)
	for w := range c.queue {
		c.commitWith(w)
	}
}

func (c *committer) commitWith(w *write) {
	tx, err := c.db.Begin(true)
	if err != nil {
		w.done <- err
		return
	}
	var sharing []*write
	for n := 1; w != nil; n++ {
		if err = w.run(tx); err != nil {
			w.done <- err
		} else {
			sharing = append(sharing, w)
		}
		if w = nil; n < c.most {
			w = c.next()
		}
	}
	err = tx.Commit()
	for _, w := range sharing {
		w.done <- err
	}
}

// next returns a write that waits, or nil.
func (c *committer) next() *write {
	select {
	case w := <-c.queue:
		return w
	default:
	}
	runtime.Gosched()
	select {
	case w := <-c.queue:
		return w
	default:
		return nil
	}
}
