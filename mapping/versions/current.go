package versions

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// cache holds the last mapping that was asked for. It is only ever compared with the store's stamp, so it cannot be
// stale, and another process may write the same store.
type cache struct {
	mu       sync.Mutex
	stamp    uuid.UUID
	mapping  *mapping.Mapping
	compiled map[int]*mapping.Compiled // by number: the version in force, and one that is rolled out
}

// Current returns the mapping in force; before the first version the empty one with version 0. It costs one read while
// nothing changes. The result is shared and immutable.
func (v *Versions) Current(ctx context.Context) (*mapping.Mapping, error) {
	var m *mapping.Mapping
	err := v.store.View(ctx, func(r store.Reader) error {
		var err error
		m, err = v.CurrentIn(r)
		return err
	})
	return m, wrap("read the mapping", err)
}

// CurrentIn is Current as one transaction sees it.
func (v *Versions) CurrentIn(r store.Reader) (*mapping.Mapping, error) {
	s, err := v.stateIn(r)
	if err != nil {
		return nil, err
	}
	if s.Version == 0 {
		return mapping.Empty(), nil
	}
	if m := v.cached(s.Stamp); m != nil {
		return m, nil
	}
	m, compiled, err := v.assemble(r, &s)
	if err != nil {
		return nil, err
	}
	v.cache.mu.Lock()
	defer v.cache.mu.Unlock()
	v.cache.stamp, v.cache.mapping, v.cache.compiled = s.Stamp, m, compiled
	return m, nil
}

// assemble makes the mapping of a state, and returns what it compiled for that.
func (v *Versions) assemble(r store.Reader, s *state) (*mapping.Mapping, map[int]*mapping.Compiled, error) {
	bindings, err := v.bindingsIn(r)
	if err != nil {
		return nil, nil, err
	}
	compiled := map[int]*mapping.Compiled{}
	if compiled[s.Version], err = v.compiledIn(r, s.Version); err != nil {
		return nil, nil, err
	}
	m := compiled[s.Version].With(s.Version, bindings)
	if ro := s.Rollout; ro != nil {
		if compiled[ro.Version], err = v.compiledIn(r, ro.Version); err != nil {
			return nil, nil, err
		}
		m = m.Rolling(compiled[ro.Version].With(ro.Version, bindings), ro.Ring)
	}
	return m, compiled, nil
}

func (v *Versions) cached(stamp uuid.UUID) *mapping.Mapping {
	v.cache.mu.Lock()
	defer v.cache.mu.Unlock()
	if v.cache.stamp == stamp {
		return v.cache.mapping
	}
	return nil
}

// compiledIn compiles a version, or takes it from the cache when only the bindings changed.
func (v *Versions) compiledIn(r store.Reader, number int) (*mapping.Compiled, error) {
	v.cache.mu.Lock()
	compiled := v.cache.compiled[number]
	v.cache.mu.Unlock()
	if compiled != nil {
		return compiled, nil
	}
	rec, err := v.recordIn(r, number)
	if err != nil {
		return nil, fmt.Errorf("read mapping version %d: %w", number, err)
	}
	return rec.compiled(v.catalog())
}

// Waiting lists the names of the current mapping that no group bears yet.
func (v *Versions) Waiting(ctx context.Context) ([]mapping.GroupRef, error) {
	m, err := v.Current(ctx)
	if err != nil {
		return nil, err
	}
	return m.Waiting(), nil
}
