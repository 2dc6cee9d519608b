package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Pruned says what a prune removed, or would remove.
type Pruned struct {
	Facts      uint64     `json:"facts"`
	Segments   uint64     `json:"segments"`
	Checkpoint Checkpoint `json:"checkpoint"` // the one that stays and stands for them; zero for none
}

// pruneDetail is the detail of audit.pruned.
type pruneDetail struct {
	Through    uint64    `json:"through"` // the last position that was removed
	Facts      uint64    `json:"facts"`
	Checkpoint uint64    `json:"checkpoint"`
	Before     time.Time `json:"before"`
}

// Prunable says what Prune would remove now.
func (c *Chain) Prunable(ctx context.Context, before time.Time) (Pruned, error) {
	var p Pruned
	err := c.view(ctx, "look for segments to prune", func(r store.Reader) (err error) {
		p, err = prunable(r, before)
		return err
	})
	return p, err
}

// prunable finds the oldest closed segments, in a row, all of whose facts happened before a time.
func prunable(r store.Reader, before time.Time) (Pruned, error) {
	var p Pruned
	b, err := readBase(r)
	if err != nil {
		return p, err
	}
	for number := b.Checkpoint.Number + 1; ; number++ {
		cp, err := readCheckpoint(r, number)
		if errors.Is(err, store.ErrNotFound) {
			return p, nil
		}
		if err != nil {
			return p, err
		}
		if !cp.To.Before(before) {
			return p, nil
		}
		p.Facts += cp.Facts()
		p.Segments++
		p.Checkpoint = cp
	}
}

// Prune removes the facts of whole segments that happened before a time, behind their signed checkpoints, which
// stay. That it did is a fact itself, and verifying begins at the last of these checkpoints from then on. The removal is
// decided in one transaction and carried out in slices; one that is interrupted goes on with the next Prune or Run.
// Changes that wait, and the segment that still grows, are never touched.
func (c *Chain) Prune(ctx context.Context, actor Actor, before time.Time) (Pruned, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	fact := Change{ID: c.o.NewID(), At: c.now(), Actor: actor, Act: AuditPruned}
	var p Pruned
	err := c.o.Store.Update(ctx, func(tx store.Tx) error {
		var err error
		if p, err = prunable(tx, before); err != nil || p.Facts == 0 {
			return err
		}
		done := fact
		if done.Detail, err = json.Marshal(pruneDetail{p.Checkpoint.Last, p.Facts, p.Checkpoint.Number, before.UTC()}); err != nil {
			return err
		}
		if err := putJSON(tx, headTable, baseKey, base{Checkpoint: p.Checkpoint, Fact: done.ID}); err != nil {
			return err
		}
		return Record(tx, done)
	})
	if err != nil {
		return Pruned{}, fmt.Errorf("prune the audit: %w", err)
	}
	return p, c.finishPrune(ctx)
}

// finishPrune removes what stands before the base, in slices. It may be repeated.
func (c *Chain) finishPrune(ctx context.Context) error {
	removed := 0
	for {
		var rows []Sealed
		err := c.view(ctx, "read the facts to prune", func(r store.Reader) error {
			rows = nil
			b, err := readBase(r)
			if err != nil {
				return err
			}
			for key, row := range r.Range(sealedTable, nil, store.Uint64(b.Checkpoint.Last+1)) {
				if len(rows) == c.o.Slice {
					break
				}
				s, err := parseRow(key, row)
				if err != nil { // damaged; it goes all the same
					s = Sealed{}
					s.Position, _ = store.ParseUint64(key)
				}
				s.Body = nil
				rows = append(rows, s)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		for _, s := range rows {
			if err := c.dropParts(ctx, s.ID); err != nil {
				return err
			}
		}
		err = c.o.Store.Update(ctx, func(tx store.Tx) error {
			for _, s := range rows {
				if err := tx.Delete(placeTable, s.ID[:]); err != nil {
					return err
				}
				if err := tx.Delete(sealedTable, store.Uint64(s.Position)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("prune facts: %w", err)
		}
		removed += len(rows)
	}
	if removed == 0 {
		return nil
	}
	c.o.Logger.Info("facts pruned", "count", removed)
	return c.sweep(ctx)
}

// dropParts removes the persons listed behind a fact, a few parts at a time.
func (c *Chain) dropParts(ctx context.Context, id uuid.UUID) error {
	for {
		keys, err := c.keysFrom(ctx, factPartsTable, id[:], store.PrefixEnd(id[:]), 16)
		if err != nil || len(keys) == 0 {
			return err
		}
		if err := c.drop(ctx, factPartsTable, keys); err != nil {
			return err
		}
	}
}

// sweep removes the index entries of facts that are gone, and then the keys of persons of whom no fact is left.
func (c *Chain) sweep(ctx context.Context) error {
	gone := func(r store.Reader, key []byte) (bool, error) {
		if len(key) < 16 {
			return true, nil
		}
		_, err := Get(r, uuid.UUID(key[len(key)-16:]))
		return errors.Is(err, store.ErrNotFound), nil
	}
	for _, table := range []string{personTable, appTable} {
		if err := c.dropWhere(ctx, table, gone); err != nil {
			return err
		}
	}
	return c.dropWhere(ctx, personKeyTable, func(r store.Reader, person []byte) (bool, error) {
		for range r.Range(personTable, person, store.PrefixEnd(person)) {
			return false, nil
		}
		return true, nil
	})
}

// dropWhere walks through a table in pages and removes what is unwanted, each page in a transaction that looks again.
func (c *Chain) dropWhere(ctx context.Context, table string, unwanted func(store.Reader, []byte) (bool, error)) error {
	var from []byte
	for {
		page, err := c.keysFrom(ctx, table, from, nil, pageRows)
		if err != nil || len(page) == 0 {
			return err
		}
		from = append(bytes.Clone(page[len(page)-1]), 0)
		var found [][]byte
		err = c.view(ctx, "look through the index", func(r store.Reader) error {
			found = nil
			for _, key := range page {
				if drop, err := unwanted(r, key); err != nil || !drop {
					if err != nil {
						return err
					}
					continue
				}
				found = append(found, key)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(found) == 0 {
			continue
		}
		err = c.o.Store.Update(ctx, func(tx store.Tx) error {
			for _, key := range found {
				drop, err := unwanted(tx, key)
				if err == nil && drop {
					err = tx.Delete(table, key)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("remove what was pruned from %s: %w", table, err)
		}
	}
}

func (c *Chain) keysFrom(ctx context.Context, table string, from, to []byte, most int) ([][]byte, error) {
	var keys [][]byte
	err := c.view(ctx, "read keys of "+table, func(r store.Reader) error {
		keys = nil
		for key := range r.Range(table, from, to) {
			if len(keys) == most {
				break
			}
			keys = append(keys, bytes.Clone(key))
		}
		return nil
	})
	return keys, err
}

func (c *Chain) drop(ctx context.Context, table string, keys [][]byte) error {
	return c.o.Store.Update(ctx, func(tx store.Tx) error {
		for _, key := range keys {
			if err := tx.Delete(table, key); err != nil {
				return err
			}
		}
		return nil
	})
}
