package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Verify looks at the whole chain: every link, every checkpoint, the persons and keys behind the facts, the indexes. It reads in
// pages, so that it holds no snapshot open for long, and its memory does not grow with the chain. Facts that are sealed
// meanwhile are left for the next time. An error means that the chain could not be read; what is wrong with it stands in the report.
func (c *Chain) Verify(ctx context.Context) (Report, error) {
	w := &walk{Chain: c, inspector: inspector{keys: []ed25519.PublicKey{c.PublicKey()}}}
	if err := c.view(ctx, "verify the audit chain", w.start); err != nil {
		return Report{}, err
	}
	for more := true; more; {
		if err := c.view(ctx, "verify the audit chain", func(r store.Reader) (err error) {
			more, err = w.page(r)
			return err
		}); err != nil {
			return Report{}, err
		}
		for _, k := range w.parted {
			if err := w.parts(ctx, k); err != nil {
				return Report{}, err
			}
		}
	}
	if err := c.view(ctx, "verify the audit chain", w.end); err != nil {
		return Report{}, err
	}
	if err := w.places(ctx); err != nil {
		return Report{}, err
	}
	return w.done(c.now()), nil
}

// walk is one way through the chain in the store.
type walk struct {
	*Chain
	inspector
	head   Checkpoint // as it was at the start
	parted []contents // facts of the page whose persons stand in parts
	pruned uint64     // last position that was pruned
}

func (w *walk) start(r store.Reader) error {
	var err error
	if w.head, _, err = readHead(r); err != nil {
		return err
	}
	b, err := readBase(r)
	if err != nil {
		return err
	}
	w.pruned = b.Checkpoint.Last
	w.begin(w.pruned, b.Checkpoint.Link)
	if b.Checkpoint.Number > 0 {
		if err := b.Checkpoint.check(w.keys); err != nil {
			w.problem(BadCheckpoint, w.pruned, uuid.Nil, "the checkpoint %d, behind which facts were pruned, %v", b.Checkpoint.Number, err)
		}
		w.checkpoint, w.started = b.Checkpoint, true
		w.report.Checkpoints++
		return w.prunedByFact(r, b)
	}
	return nil
}

// prunedByFact looks whether a fact says that the facts up to here were pruned.
func (w *walk) prunedByFact(r store.Reader, b base) error {
	fact, err := Get(r, b.Fact)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	var d pruneDetail
	if err != nil || fact.Act != AuditPruned || json.Unmarshal(fact.Detail, &d) != nil || d.Through != b.Checkpoint.Last {
		w.problem(Missing, w.pruned, uuid.Nil, "the facts up to position %d are missing, and no fact says that they were pruned", w.pruned)
	}
	return nil
}

// page looks at the next facts and reports whether there may be more.
func (w *walk) page(r store.Reader) (more bool, err error) {
	w.parted = w.parted[:0]
	rows := 0
	for key, row := range r.Range(sealedTable, store.Uint64(w.position+1), store.Uint64(w.head.Last+1)) {
		if rows == pageRows || len(w.parted) == maxParted {
			return true, nil
		}
		rows++
		s, err := parseRow(key, row)
		if err != nil {
			position, keyErr := store.ParseUint64(key)
			if keyErr != nil {
				w.problem(Added, 0, uuid.Nil, "a row of the chain has a key of a form that Usher does not write")
				continue
			}
			w.gap(position)
			w.problem(Changed, position, uuid.Nil, "the fact at position %d was cut off", position)
			w.position, w.known, w.accused, w.report.To = position, false, true, position
		} else if err := w.look(r, s); err != nil {
			return false, err
		}
		if err := w.checkpoints(r); err != nil {
			return false, err
		}
	}
	return false, nil
}

// maxParted bounds the facts with parts that are remembered from one page.
const maxParted = 50

func (w *walk) look(r store.Reader, s Sealed) error {
	place, err := placeOf(r, s.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		place = 0
	case err != nil:
		return err
	}
	good := w.fact(s, place)
	if place == 0 && good {
		w.problem(BadIndex, s.Position, s.ID, "the fact %s at position %d cannot be found by its id", s.ID, s.Position)
	}
	if !good {
		return nil
	}
	k, err := s.open()
	if err != nil {
		w.problem(Unchecked, s.Position, s.ID, "the fact %s at position %d cannot be read: it was damaged before it was sealed", s.ID, s.Position)
		return nil //nolint:nilerr // it is in the report
	}
	if k.Parts > 0 {
		w.parted = append(w.parted, k)
	}
	if err := w.indexes(r, s.Position, k); err != nil {
		return err
	}
	return w.key(r, s.Position, k)
}

// indexes looks whether the fact is found by its app and by its persons.
func (w *walk) indexes(r store.Reader, position uint64, k contents) error {
	if k.App != "" {
		switch _, err := r.Get(appTable, appKey(k.App, k.ID)); {
		case errors.Is(err, store.ErrNotFound):
			w.problem(BadIndex, position, k.ID, "the fact %s at position %d is not found by its app", k.ID, position)
		case err != nil:
			return err
		}
	}
	for _, person := range k.Persons {
		switch _, err := r.Get(personTable, personKey(person, k.ID)); {
		case errors.Is(err, store.ErrNotFound):
			w.problem(BadIndex, position, k.ID, "the fact %s at position %d is not found by the person %s", k.ID, position, person)
		case err != nil:
			return err
		}
	}
	return nil
}

// key looks whether the personal values of a fact can be opened, or else were erased by an act on record.
func (w *walk) key(r store.Reader, position uint64, k contents) error {
	person, ok := k.sole()
	if k.Shut == nil || !ok {
		return nil
	}
	state, err := readKeyState(r, person)
	switch {
	case err != nil:
		return err
	case state.erased && state.wrapped != nil:
		w.problem(BadKey, position, k.ID, "the person %s was erased, and yet there is a key", person)
	case state.erased:
	case state.wrapped == nil:
		w.problem(BadKey, position, k.ID, "the key of the person %s is missing, though nobody erased the person: the personal values of the fact %s are lost", person, k.ID)
	default:
		salt, personal, err := w.personal(r, k.Change)
		if err != nil || !bytes.Equal(commit(append(bytes.Clone(salt), personal...)), k.commitment) {
			w.problem(BadKey, position, k.ID, "the key of the person %s was changed: the personal values of the fact %s cannot be read", person, k.ID)
		}
	}
	return nil
}

// parts looks at the persons behind a fact, each part in a transaction of its own.
func (w *walk) parts(ctx context.Context, k contents) error {
	missing := false
	sum, err := partsHash(k.Parts, func(n int) (packed []byte, err error) {
		err = w.view(ctx, "verify the persons of a fact", func(r store.Reader) error {
			value, err := r.Get(factPartsTable, partKey(k.ID, n))
			if errors.Is(err, store.ErrNotFound) {
				missing, err = true, nil
			}
			packed = bytes.Clone(value)
			return err
		})
		return packed, err
	})
	if err == nil && (missing || !bytes.Equal(sum, k.partsHash)) {
		w.problem(BadPersons, 0, k.ID, "the persons listed behind the fact %s are not those that were sealed", k.ID)
	}
	return err
}

// checkpoints looks at the checkpoint that must stand behind the fact just seen, if a segment ends there.
func (w *walk) checkpoints(r store.Reader) error {
	number := w.checkpoint.Number + 1
	for number < w.head.Number {
		p, err := readCheckpoint(r, number)
		if errors.Is(err, store.ErrNotFound) {
			w.missingCheckpoint(number)
			number = w.checkpoint.Number + 1
			continue
		}
		if err != nil {
			w.problem(BadCheckpoint, w.position, uuid.Nil, "the checkpoint %d cannot be read", number)
			w.checkpoint = Checkpoint{Number: number, Last: w.position}
			w.started = false
			return nil //nolint:nilerr // it is in the report
		}
		if p.Last > w.position {
			return nil
		}
		w.signed(p)
		if w.checkpoint.Number < number { // it was refused: the next one is looked for
			w.checkpoint, w.started = Checkpoint{Number: number}, false
		}
		number++
	}
	return nil
}

func (w *walk) missingCheckpoint(number uint64) {
	w.problem(BadCheckpoint, 0, uuid.Nil, "the checkpoint %d is missing", number)
	w.checkpoint, w.started = Checkpoint{Number: number}, false
}

// end looks at the head, at what stands behind it, and counts what waits.
func (w *walk) end(r store.Reader) error {
	if err := w.checkpoints(r); err != nil {
		return err
	}
	for number := w.checkpoint.Number + 1; number < w.head.Number; number++ {
		p, err := readCheckpoint(r, number)
		if err != nil {
			w.missingCheckpoint(number)
			continue
		}
		w.signed(p)
	}
	switch {
	case w.head.Number > 0:
		w.signed(w.head)
	case w.pruned > 0:
		w.problem(BadCheckpoint, 0, uuid.Nil, "the head of the chain is missing")
	}
	now, _, err := readHead(r)
	if err != nil {
		return err
	}
	if now.Number == 0 && w.head.Number == 0 {
		now.Last = w.pruned
	}
	for key := range r.Range(sealedTable, store.Uint64(now.Last+1), nil) {
		position, _ := store.ParseUint64(key)
		w.problem(Added, position, uuid.Nil, "a fact stands at position %d, behind the head of the chain", position)
	}
	w.report.Waiting = 0
	for range r.Range(factTable, nil, nil) {
		w.report.Waiting++
	}
	return nil
}

// places looks whether every id leads to its fact, and so finds the names of those that are missing.
func (w *walk) places(ctx context.Context) error {
	missing := map[uint64]*Problem{}
	for i, p := range w.report.Problems {
		if p.Kind == Missing && p.Position > w.pruned {
			missing[p.Position] = &w.report.Problems[i]
		}
	}
	var after []byte
	for more := true; more; {
		err := w.view(ctx, "verify the places of facts", func(r store.Reader) error {
			rows := 0
			more = false
			for id, place := range r.Range(placeTable, after, nil) {
				if more = rows == pageRows; more {
					break
				}
				rows++
				after = append(bytes.Clone(id), 0)
				position, err := store.ParseUint64(place)
				if err != nil || len(id) != 16 {
					w.problem(BadIndex, 0, uuid.Nil, "an entry of the index by id is damaged")
					continue
				}
				if err := w.place(r, uuid.UUID(id), position, missing); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) place(r store.Reader, id uuid.UUID, position uint64, missing map[uint64]*Problem) error {
	if position <= w.pruned { // a prune that goes on
		return nil
	}
	row, err := r.Get(sealedTable, store.Uint64(position))
	switch {
	case errors.Is(err, store.ErrNotFound):
		if p := missing[position]; p != nil {
			p.Fact, p.Text = id, fmt.Sprintf("%s; the last of them is the fact %s", p.Text, id)
			return nil
		}
		if position > w.head.Last {
			w.problem(Missing, position, id, "the fact %s was sealed at position %d, which is behind the end of the chain", id, position)
		}
		return nil
	case err != nil:
		return err
	}
	s, err := parseRow(store.Uint64(position), row)
	if err == nil && s.ID != id {
		w.problem(BadIndex, position, id, "the fact %s is looked for at position %d, where another one stands", id, position)
	}
	return nil
}
