package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// sourceCodec is JSON that decodes the same bytes once. Every request reads its
// source, and there are few; because it goes by what is stored, it cannot be stale, whoever wrote it.
type sourceCodec struct {
	mu    sync.RWMutex
	known map[string]*Source // by the stored bytes; never changed
}

// maxKnownSources bounds what is remembered; each write of a source adds one.
const maxKnownSources = 256

var _ store.Codec[Source] = (*sourceCodec)(nil)

// Encode implements store.Codec.
func (c *sourceCodec) Encode(s *Source) ([]byte, error) { return json.Marshal(s) }

// Decode implements store.Codec. What it returns may be changed by the caller, but for the
// hashes of the tokens, which nobody changes.
func (c *sourceCodec) Decode(data []byte) (*Source, error) {
	shared, err := c.shared(data)
	if err != nil {
		return nil, err
	}
	s := *shared
	s.Tokens = slices.Clone(s.Tokens)
	return &s, nil
}

// shared decodes a source that the caller does not change.
func (c *sourceCodec) shared(data []byte) (*Source, error) {
	c.mu.RLock()
	s := c.known[string(data)]
	c.mu.RUnlock()
	if s != nil {
		return s, nil
	}
	s = new(Source)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxKnownSources {
		c.known = make(map[string]*Source)
	}
	c.known[string(data)] = s
	return s, nil
}

// sharedSource is SourceIn of a source that the caller does not change.
func (d *Directory) sharedSource(r store.Reader, id uuid.UUID) (*Source, error) {
	data, err := r.Get(d.sources.Name(), id[:])
	if errors.Is(err, store.ErrNotFound) {
		return nil, &Error{Code: NotFound, Message: fmt.Sprintf("there is no source %s", id)}
	}
	if err != nil {
		return nil, err
	}
	return d.known.shared(data)
}
