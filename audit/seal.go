package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// A slice is prepared on a snapshot: hashing and encrypting happen outside of the transaction. The transaction then
// looks whether everything still is as it was, and writes.

// sliceBytes bounds the facts of one slice besides their number.
const sliceBytes = 1 << 20

// errMoved says that what a slice was prepared from has changed.
var errMoved = errors.New("the facts changed while they were prepared")

// rawFact is a fact that waits to be sealed, as it stands.
type rawFact struct {
	id    uuid.UUID
	value []byte
}

// slice is what one transaction seals.
type slice struct {
	facts  []rawFact
	sealed []Sealed
	apps   []string // of the sealed facts
	keys   map[uuid.UUID]keyState
	fresh  map[uuid.UUID][]byte // wrapped keys to write

	before []byte // the head that it was prepared on
	closed []Checkpoint
	head   Checkpoint
}

// Seal moves the oldest facts that wait, at most Options.Slice, to the end of the chain, in one transaction, and
// returns how many. The chain is in the order of sealing and not of ids: a fact that was committed late, with an id
// from before, follows the others and is never put between them.
func (c *Chain) Seal(ctx context.Context) (int, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	return c.seal(ctx)
}

// SealAll seals until no fact waits that was there when it was called.
func (c *Chain) SealAll(ctx context.Context) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	return c.sealAll(ctx)
}

func (c *Chain) sealAll(ctx context.Context) error {
	waiting := 0
	err := c.view(ctx, "count the facts to seal", func(r store.Reader) error {
		waiting = 0
		for range r.Range(factTable, nil, nil) {
			waiting++
		}
		return nil
	})
	for err == nil && waiting > 0 {
		var n int
		n, err = c.seal(ctx)
		if n == 0 {
			break
		}
		waiting -= n
	}
	return err
}

func (c *Chain) seal(ctx context.Context) (int, error) {
	for try := 0; ; try++ {
		s, err := c.prepare(ctx)
		if err != nil || len(s.facts) == 0 {
			return 0, err
		}
		err = c.o.Store.Update(ctx, s.write)
		if errors.Is(err, errMoved) && try < 5 {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("seal %d facts: %w", len(s.facts), err)
		}
		return len(s.facts), nil
	}
}

// prepare reads a slice and makes its part of the chain.
func (c *Chain) prepare(ctx context.Context) (*slice, error) {
	s := &slice{}
	err := c.view(ctx, "read the facts to seal", func(r store.Reader) error { return s.read(r, c.o.Slice) })
	if err != nil || len(s.facts) == 0 {
		return s, err
	}
	if s.before != nil {
		if err := s.head.check([]ed25519.PublicKey{c.PublicKey()}); err != nil {
			return nil, fmt.Errorf("the head of the audit chain %w; nothing is sealed onto it: run `usher audit verify`", err)
		}
	}
	now := c.now()
	if s.head.Number > 0 && !sameDay(s.head.Opened, now) {
		s.closeSegment(c, now)
	}
	for _, f := range s.facts {
		body, at, app, err := c.body(ctx, s, f)
		if err != nil {
			return nil, err
		}
		if s.head.Facts() >= uint64(c.o.Segment) { // #nosec G115 -- not negative
			s.closeSegment(c, now)
		}
		s.add(f.id, body, at, now)
		s.apps = append(s.apps, app)
	}
	s.head = c.sign(s.head, now, true)
	return s, nil
}

func sameDay(a, b time.Time) bool {
	const day = 24 * time.Hour
	return a.UTC().Truncate(day).Equal(b.UTC().Truncate(day))
}

func (s *slice) read(r store.Reader, most int) error {
	*s = slice{keys: map[uuid.UUID]keyState{}, fresh: map[uuid.UUID][]byte{}}
	var err error
	if s.head, s.before, err = readHead(r); err != nil {
		return err
	}
	size := 0
	for key, value := range r.Range(factTable, nil, nil) {
		if len(s.facts) == most || size > sliceBytes {
			break
		}
		size += len(value)
		s.facts = append(s.facts, rawFact{uuid.UUID(key), bytes.Clone(value)})
	}
	for _, f := range s.facts {
		change, err := decode(f.id[:], f.value)
		if err != nil {
			continue // it is sealed as it stands
		}
		person, ok := change.sole()
		if !ok {
			continue
		}
		if s.keys[person], err = readKeyState(r, person); err != nil {
			return err
		}
	}
	return nil
}

// body renders a fact for the chain. One that cannot be read is sealed as it stands, so that it holds nobody up;
// verifying tells of it.
func (c *Chain) body(ctx context.Context, s *slice, f rawFact) (body []byte, at time.Time, app string, err error) {
	change, err := decode(f.id[:], f.value)
	if err != nil {
		c.o.Logger.Error("a fact that cannot be read is sealed as it stands", "fact", f.id, "err", err)
		return f.value, c.now(), "", nil
	}
	k := contents{Change: change}
	if change.Parts > 0 {
		if k.partsHash, err = c.hashParts(ctx, change); err != nil {
			return nil, at, "", err
		}
	}
	if person, ok := change.sole(); ok {
		if err := c.shutDetail(s, person, &k); err != nil {
			return nil, at, "", err
		}
	}
	body, err = k.body()
	if err != nil {
		return nil, at, "", fmt.Errorf("seal the fact %s: %w", f.id, err)
	}
	return body, change.At, change.App, nil
}

// shutDetail puts what is personal in a detail under the person's key, which is made if there is none. Of a person who was erased it is dropped.
func (c *Chain) shutDetail(s *slice, person uuid.UUID, k *contents) error {
	open, personal, err := split(k.Detail)
	if err != nil || len(personal) == 0 {
		return err
	}
	k.Detail = open
	state := s.keys[person]
	if state.erased {
		k.Erased = true
		return nil
	}
	wrapped := state.wrapped
	if wrapped == nil {
		wrapped = s.fresh[person]
	}
	if wrapped == nil {
		wrapped = c.o.Box.Seal(personKeyName(person), newPersonKey())
		s.fresh[person] = wrapped
	}
	key, err := c.o.Box.Open(personKeyName(person), wrapped)
	if err != nil {
		return err
	}
	k.Shut, k.commitment, err = shut(key, person, k.ID, personal)
	return err
}

// hashParts reads the parts of a fact one by one, each in a transaction of its own: they do not change any more.
func (c *Chain) hashParts(ctx context.Context, change Change) ([]byte, error) {
	return partsHash(change.Parts, func(n int) (packed []byte, err error) {
		err = c.view(ctx, "read the persons of a fact", func(r store.Reader) error {
			value, err := r.Get(factPartsTable, partKey(change.ID, n))
			packed = bytes.Clone(value)
			return err
		})
		return packed, err
	})
}

// add binds a fact to the chain.
func (s *slice) add(id uuid.UUID, body []byte, at, now time.Time) {
	h := &s.head
	if h.Number == 0 {
		*h = Checkpoint{Number: 1, First: 1}
	}
	if h.Last < h.First || h.Opened.IsZero() {
		h.From, h.To, h.Opened = at, at, now
	}
	if at.Before(h.From) {
		h.From = at
	}
	if at.After(h.To) {
		h.To = at
	}
	h.Last++
	h.Link = linkOf(h.Link, h.Last, id, body)
	s.sealed = append(s.sealed, Sealed{Position: h.Last, Link: h.Link, ID: id, Body: body})
}

// closeSegment makes the head a checkpoint and begins the next segment.
func (s *slice) closeSegment(c *Chain, now time.Time) {
	closed := c.sign(s.head, now, false)
	s.closed = append(s.closed, closed)
	s.head = Checkpoint{Number: closed.Number + 1, First: closed.Last + 1, Last: closed.Last, Link: closed.Link, Previous: closed.digest()}
}

// write is the transaction of a slice. It fails with errMoved when something is not as it was prepared.
func (s *slice) write(tx store.Tx) error {
	if err := s.unmoved(tx); err != nil {
		return err
	}
	for person, wrapped := range s.fresh {
		if err := tx.Put(personKeyTable, person[:], wrapped); err != nil {
			return err
		}
	}
	for i, f := range s.sealed {
		if err := writeSealed(tx, f, s.apps[i]); err != nil {
			return err
		}
	}
	for _, cp := range s.closed {
		if err := putJSON(tx, checkpointTable, store.Uint64(cp.Number), cp); err != nil {
			return err
		}
	}
	return putJSON(tx, headTable, headKey, s.head)
}

func writeSealed(tx store.Tx, f Sealed, app string) error {
	// The fact that was sealed first keeps the place; verifying tells of the second.
	_, err := tx.Get(placeTable, f.ID[:])
	if errors.Is(err, store.ErrNotFound) {
		err = tx.Put(placeTable, f.ID[:], store.Uint64(f.Position))
	}
	if err == nil {
		err = tx.Put(sealedTable, store.Uint64(f.Position), f.row())
	}
	if err == nil && app != "" {
		err = tx.Put(appTable, appKey(app, f.ID), nil)
	}
	if err == nil {
		err = tx.Delete(factTable, f.ID[:])
	}
	return err
}

func (s *slice) unmoved(r store.Reader) error {
	_, before, err := readHead(r)
	if err != nil {
		return err
	}
	if !bytes.Equal(before, s.before) {
		return errMoved
	}
	for _, f := range s.facts {
		value, err := r.Get(factTable, f.id[:])
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err != nil || !bytes.Equal(value, f.value) {
			return errMoved
		}
	}
	for person, was := range s.keys {
		is, err := readKeyState(r, person)
		if err != nil {
			return err
		}
		if is.erased != was.erased || !bytes.Equal(is.wrapped, was.wrapped) {
			return errMoved
		}
	}
	return nil
}

// Run seals what comes until ctx ends. It begins with what an interruption left: facts behind a prune, keys of persons that
// a former key of the ring wraps. It looks for facts every Options.Every, and lets go of the store for Options.Pause after each full slice.
func (c *Chain) Run(ctx context.Context) error {
	trouble := ""
	tell := func(err error) {
		text := ""
		if err != nil && ctx.Err() == nil {
			text = err.Error()
		}
		if text != "" && text != trouble {
			c.o.Logger.Error("facts are not sealed", "err", err)
		}
		trouble = text
	}
	err := c.finishPrune(ctx)
	if err == nil {
		err = c.rewrapKeys(ctx)
	}
	tell(err)
	wait := time.NewTimer(c.o.Every)
	defer wait.Stop()
	for {
		n, err := c.Seal(ctx)
		tell(err)
		next := c.o.Every
		if err == nil && n >= c.o.Slice {
			next = c.o.Pause
		}
		wait.Reset(next)
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
		}
	}
}

// rewrapKeys wraps the keys of persons anew that an older key of the ring wrapped, in slices.
func (c *Chain) rewrapKeys(ctx context.Context) error {
	type old struct{ person, wrapped []byte }
	var after []byte
	total := 0
	for {
		var page []old
		seen := 0
		err := c.view(ctx, "read the keys of persons", func(r store.Reader) error {
			page, seen = nil, 0
			for person, wrapped := range r.Range(personKeyTable, after, nil) {
				if seen == pageRows {
					break
				}
				seen++
				after = append(bytes.Clone(person), 0)
				if !c.o.Box.Current(wrapped) {
					page = append(page, old{bytes.Clone(person), bytes.Clone(wrapped)})
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		fresh := make([][]byte, len(page))
		for i, k := range page {
			name := personKeyName(uuid.UUID(k.person))
			key, err := c.o.Box.Open(name, k.wrapped)
			if err != nil {
				return err
			}
			fresh[i] = c.o.Box.Seal(name, key)
		}
		if len(page) > 0 {
			if err := c.o.Store.Update(ctx, func(tx store.Tx) error {
				for i, k := range page {
					now, err := tx.Get(personKeyTable, k.person)
					if errors.Is(err, store.ErrNotFound) || err == nil && !bytes.Equal(now, k.wrapped) {
						continue // erased, or wrapped anew, meanwhile
					}
					if err == nil {
						err = tx.Put(personKeyTable, k.person, fresh[i])
					}
					if err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				return fmt.Errorf("wrap the keys of persons with the newest key: %w", err)
			}
		}
		total += len(page)
		if seen < pageRows {
			break
		}
	}
	if total > 0 {
		c.o.Logger.Info("audit keys of persons wrapped with the newest key", "count", total)
	}
	return nil
}

// pageRows is how many rows a walk through a table reads in one transaction.
const pageRows = 500
