package audit

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Filter says which changes are wanted. The zero Filter means all.
type Filter struct {
	Person uuid.UUID
	App    string
	Act    string // an act, or with a dot at its end all acts that begin so ("account.")
	// Since and Until bound when they happened: from Since on, before Until.
	Since, Until time.Time
	// Before goes on behind an answer: only what is older than the change with this id.
	Before uuid.UUID
	Limit  int // 0, or more than MaxFound: MaxFound
}

// MaxFound is the most changes that Find returns at once.
const MaxFound = 1000

// maxLooked bounds how many changes one Find reads, so that a rare act does not keep a snapshot open for long.
const maxLooked = 10_000

// Find returns changes that match a filter, newest first, with their personal values. A person's and an app's are
// found by an index, others by their time. next is not uuid.Nil when there may be more: it is the Before of the next question; then
// an answer may also be short, or empty.
func (c *Chain) Find(ctx context.Context, f Filter) (found []Change, next uuid.UUID, err error) {
	if f.Limit <= 0 || f.Limit > MaxFound {
		f.Limit = MaxFound
	}
	err = c.view(ctx, "find facts", func(r store.Reader) error {
		found, next = nil, uuid.Nil
		looked := 0
		for change, err := range each(r, f.ids(r)) {
			if err != nil {
				return err
			}
			if looked++; looked > maxLooked || len(found) == f.Limit {
				return nil
			}
			next = change.ID
			if !f.matches(change) {
				continue
			}
			if change, err = c.Open(r, change); err != nil {
				return err
			}
			found = append(found, change)
		}
		next = uuid.Nil
		return nil
	})
	return found, next, err
}

// ids yields the ids that the narrowest index offers, newest first.
func (f Filter) ids(r store.Reader) iter.Seq2[[]byte, []byte] {
	low, high := timeKey(f.Since), []byte(nil)
	if !f.Until.IsZero() {
		high = timeKey(f.Until)
	}
	if f.Before != uuid.Nil && (high == nil || ascending(f.Before[:], high)) {
		high = f.Before[:]
	}
	if f.Person != uuid.Nil {
		return ofPerson(r, f.Person, low, high)
	}
	unsealed := merge(r.RangeReverse(factTable, low, high), outboxDown(r, low, high), descending)
	if f.App != "" {
		return merge(indexed(r, appTable, appPrefix(f.App), low, high), unsealed, descending)
	}
	return merge(r.RangeReverse(placeTable, low, high), unsealed, descending)
}

func (f Filter) matches(c Change) bool {
	switch {
	case f.App != "" && c.App != f.App:
		return false
	case strings.HasSuffix(f.Act, "."):
		return strings.HasPrefix(string(c.Act), f.Act)
	default:
		return f.Act == "" || string(c.Act) == f.Act
	}
}
