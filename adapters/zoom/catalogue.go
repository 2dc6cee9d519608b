package zoom

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// catalogueAge is how long a list of names is believed.
const catalogueAge = time.Minute

// catalogue keeps the roles or the groups of the account, read anew when older than
// catalogueAge. It holds no lock while it reads: two callers may read at once, and the
// later answer stays.
type catalogue struct {
	load func(context.Context) ([]named, error)
	now  func() time.Time

	mu    sync.Mutex
	all   []named
	read  time.Time // zero: never, or forgotten
	epoch int       // counts forgettings, so that an answer from before one is not kept
}

func newCatalogue(load func(context.Context) ([]named, error), now func() time.Time) *catalogue {
	return &catalogue{load: load, now: now}
}

// list returns all entries.
func (c *catalogue) list(ctx context.Context) ([]named, error) {
	c.mu.Lock()
	all, read, epoch := c.all, c.read, c.epoch
	c.mu.Unlock()
	if age := c.now().Sub(read); !read.IsZero() && age >= 0 && age < catalogueAge {
		return all, nil
	}
	started := c.now()
	all, err := c.load(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch == epoch {
		c.all, c.read = all, started
	}
	return all, nil
}

// forget makes the next caller read anew.
func (c *catalogue) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = time.Time{}
	c.epoch++
}

// add puts in an entry that was just made, which a read may not show yet.
func (c *catalogue) add(n named) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(slices.Clone(c.all), n)
	c.epoch++
}

// find returns the entry of that name: as written, else without regard to case.
func (c *catalogue) find(ctx context.Context, name string) (named, bool, error) {
	all, err := c.list(ctx)
	if err != nil {
		return named{}, false, err
	}
	for _, n := range all {
		if n.Name == name {
			return n, true, nil
		}
	}
	for _, n := range all {
		if strings.EqualFold(n.Name, name) {
			return n, true, nil
		}
	}
	return named{}, false, nil
}

// names returns the names by id.
func (c *catalogue) names(ctx context.Context) (map[string]string, error) {
	all, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]string, len(all))
	for _, n := range all {
		byID[n.ID] = n.Name
	}
	return byID, nil
}
