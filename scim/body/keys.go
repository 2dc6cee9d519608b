package body

import (
	"strings"

	"github.com/usher-scim/usher/directory"
)

// keySet tells whether a key was seen before, without regard to case. Small objects, nearly all there are, are
// compared key by key; a large one gets a set, so that the time stays linear.
type keySet struct {
	few    [fewKeys]string
	n      int // of few
	folded map[string]struct{}
}

func (s *keySet) add(key string) bool {
	if s.folded == nil && s.n < fewKeys {
		for _, seen := range s.few[:s.n] {
			if strings.EqualFold(seen, key) {
				return false
			}
		}
		s.few[s.n] = key
		s.n++
		return true
	}
	if s.folded == nil {
		s.folded = make(map[string]struct{}, 4*fewKeys)
		for _, seen := range s.few {
			s.folded[directory.Fold(seen)] = struct{}{}
		}
	}
	k := directory.Fold(key)
	if _, seen := s.folded[k]; seen {
		return false
	}
	s.folded[k] = struct{}{}
	return true
}
