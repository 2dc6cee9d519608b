package directory

import (
	"encoding/json"
	"slices"
	"sync"

	"github.com/usher-scim/usher/store"
)

// sourceCodec is JSON that decodes the same bytes once. Every request reads its
// source, and there are few; because it goes by what is stored, it cannot be stale, whoever wrote it.
type sourceCodec struct {
	mu    sync.RWMutex
	known map[string]Source // by the stored bytes
}

// maxKnownSources bounds what is remembered; each write of a source adds one.
const maxKnownSources = 256

var _ store.Codec[Source] = (*sourceCodec)(nil)

// Encode implements store.Codec.
func (c *sourceCodec) Encode(s *Source) ([]byte, error) { return json.Marshal(s) }

// Decode implements store.Codec. What it returns may be changed by the caller, but for the
// hashes of the tokens, which nobody changes.
func (c *sourceCodec) Decode(data []byte) (*Source, error) {
	c.mu.RLock()
	s, ok := c.known[string(data)]
	c.mu.RUnlock()
	if !ok {
		if err := json.Unmarshal(data, &s); err != nil {
			return nil, err
		}
		c.mu.Lock()
		if c.known == nil || len(c.known) >= maxKnownSources {
			c.known = make(map[string]Source)
		}
		c.known[string(data)] = s
		c.mu.Unlock()
	}
	s.Tokens = slices.Clone(s.Tokens)
	return &s, nil
}
