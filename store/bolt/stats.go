package bolt

import (
	"sync"
	"time"
)

// Stats are counters since the store was opened.
type Stats struct {
	// Commits is how many times the store was written and synced, Failed how many of
	// those ended in an error.
	Commits, Failed uint64
	// Updates is how many updates those commits held. Updates that wrote nothing need no commit.
	Updates uint64
	// Writes is how many puts and deletes they made.
	Writes uint64
	// Duration is the time the commits took together; zero without Options.Now.
	Duration time.Duration
}

// Stats returns the counters.
func (s *Store) Stats() Stats {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	return s.stats.sum
}

type stats struct {
	mu  sync.Mutex
	sum Stats
}

func (s *stats) add(c Commit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum.Commits++
	if c.Err != nil {
		s.sum.Failed++
	}
	s.sum.Updates += uint64(c.Updates) //nolint:gosec // counts are not negative
	s.sum.Writes += uint64(c.Writes)   //nolint:gosec // counts are not negative
	s.sum.Duration += c.Duration
}
