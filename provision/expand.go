package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/store"
)

const (
	changeBatch = 256 // changes looked at in one go
	expandSlice = 256 // persons marked in one transaction
)

// Expand takes changes from the outbox and turns them into marks, those that take
// access away first. It does a bounded piece, so that what came in meanwhile gets its turn: up to changeBatch changes of
// single persons, at most expandSlice of them in one transaction, and one slice of the first large change.
// Each transaction deletes the outbox entries with their last marks; a large change goes on from its cursor, after a crash too.
// It returns how many changes it moved on; 0 means that the outbox is empty.
func (e *Engine) Expand(ctx context.Context) (int, error) {
	done, err := e.expand(ctx)
	e.astray.Store(err != nil)
	return done, err
}

func (e *Engine) expand(ctx context.Context) (int, error) {
	var pending []audit.Change
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		var err error
		pending, err = audit.Pending(r, changeBatch)
		return err
	})
	if err != nil || len(pending) == 0 {
		return 0, err
	}
	if err := e.bindGroups(ctx, pending); err != nil {
		return 0, err
	}
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return 0, err
	}
	// Nobody is marked under an app's new key before its ledger is there, wherever in the outbox the change of the mapping stands.
	applied := slices.ContainsFunc(pending, func(c audit.Change) bool { return c.Act == audit.MappingApplied })
	if version := int64(m.Version()); applied || e.renamed.Load() != version {
		if err := e.renameApps(ctx, m); err != nil {
			return 0, err
		}
		e.renamed.Store(version)
	}
	small, wide := apart(pending)
	done := 0
	for len(small) > 0 {
		n, persons := 0, 0
		for n < len(small) && persons+len(small[n].Persons) <= expandSlice {
			persons += len(small[n].Persons)
			n++
		}
		n = max(n, 1)
		if err := e.expandSmall(ctx, m, small[:n]); err != nil {
			return done, err
		}
		small = small[n:]
		done += n
	}
	if len(wide) > 0 {
		if err := e.expandLarge(ctx, m, wide[0]); err != nil {
			return done, err
		}
		done++
	}
	return done, nil
}

// apart parts changes of single persons from those that are worked off in slices, in their order.
func apart(changes []audit.Change) (small, wide []audit.Change) {
	for i := range changes {
		if large(&changes[i]) {
			wide = append(wide, changes[i])
		} else {
			small = append(small, changes[i])
		}
	}
	return small, wide
}

func large(c *audit.Change) bool { return c.Parts > 0 || c.WholeGroup || c.Everybody }

// bindGroups gives waiting group names their groups before anybody asks what the new group means.
func (e *Engine) bindGroups(ctx context.Context, pending []audit.Change) error {
	for i := range pending {
		c := &pending[i]
		if c.Group == uuid.Nil || (c.Act != audit.GroupCreated && c.Act != audit.GroupUpdated) {
			continue
		}
		g, err := e.group(ctx, c.Group)
		if directory.CodeOf(err) == directory.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		if !g.Deleted.IsZero() {
			continue
		}
		if _, err := e.o.Mappings.Bind(ctx, g); err != nil {
			return fmt.Errorf("bind group %s: %w", g.ID, err)
		}
	}
	return nil
}

func (e *Engine) expandSmall(ctx context.Context, m *mapping.Mapping, changes []audit.Change) error {
	now := e.o.Now()
	return e.o.Store.Update(ctx, func(tx store.Tx) error {
		for i := range changes {
			c := &changes[i]
			if err := markAll(tx, m, c, c.Persons, now); err != nil {
				return err
			}
			if err := audit.Settle(tx, *c); err != nil {
				return err
			}
		}
		return nil
	})
}

// expandLarge does the next slice of a change's persons. Its cursor is a phase and that phase's own position.
func (e *Engine) expandLarge(ctx context.Context, m *mapping.Mapping, c audit.Change) error {
	now := e.o.Now()
	return e.o.Store.Update(ctx, func(tx store.Tx) error {
		cursor, err := audit.Cursor(tx, c.ID)
		if err != nil {
			return err
		}
		persons, next, err := e.slice(tx, &c, cursor)
		if err != nil {
			return err
		}
		reached, err := versions.Entering(&c, persons)
		if err != nil {
			return err
		}
		if err := markAll(tx, m, &c, reached, now); err != nil {
			return err
		}
		if err := e.indexSlice(tx, &c, cursor, persons); err != nil {
			return err
		}
		if next != nil {
			return audit.SetCursor(tx, c.ID, next)
		}
		return audit.Settle(tx, c)
	})
}

// indexSlice lets the audit find the change by the slice's persons, so that settling it in the end costs little.
func (e *Engine) indexSlice(tx store.Tx, c *audit.Change, cursor []byte, persons []uuid.UUID) error {
	if len(cursor) < 2 {
		return nil // the change's own list is indexed when it settles
	}
	switch cursor[0] {
	case phaseListed:
		part, err := store.ParseUint64(cursor[1:])
		if err != nil {
			return err
		}
		return audit.SettlePart(tx, c.ID, int(part-1)) //nolint:gosec // counted up from one
	case phaseGroup:
		return audit.Index(tx, c.ID, persons)
	}
	return nil
}

// The phases of a large change's expansion, in order.
const (
	phaseListed byte = iota // persons the change lists itself and in parts
	phaseGroup              // members of a whole group
	phasePeople             // every person of the directory
	phaseLedger             // every person with an account, who may have left the directory
	phaseEnd
)

// slice returns the next persons to mark and the cursor behind them; a nil cursor means that there are no more.
func (e *Engine) slice(r store.Reader, c *audit.Change, cursor []byte) ([]uuid.UUID, []byte, error) {
	phase, at := phaseListed, []byte(nil)
	if len(cursor) > 0 {
		phase, at = cursor[0], cursor[1:]
	}
	for ; phase < phaseEnd; phase, at = phase+1, nil {
		var (
			persons []uuid.UUID
			next    []byte
			err     error
		)
		switch {
		case phase == phaseListed:
			persons, next, err = listed(r, c, at)
		case phase == phaseGroup && c.WholeGroup:
			persons, next, err = e.members(r, c.Group, at)
		case phase == phasePeople && c.Everybody:
			persons, next, err = e.people(r, at)
		case phase == phaseLedger && c.Everybody:
			persons, next, err = ledgerPersons(r, at)
		}
		if err != nil {
			return nil, nil, err
		}
		if next != nil {
			return persons, append([]byte{phase}, next...), nil
		}
		if len(persons) > 0 {
			return persons, []byte{phase + 1}, nil
		}
	}
	return nil, nil, nil
}

// listed yields the inline persons first, then one part record at a time.
func listed(r store.Reader, c *audit.Change, at []byte) ([]uuid.UUID, []byte, error) {
	part := uint64(0)
	if len(at) > 0 {
		var err error
		if part, err = store.ParseUint64(at); err != nil {
			return nil, nil, err
		}
	}
	persons := c.Persons
	if part > 0 {
		var err error
		if persons, err = audit.Part(r, c.ID, int(part-1)); err != nil { //nolint:gosec // counted up from zero below
			return nil, nil, err
		}
	}
	if int(part) < c.Parts {
		return persons, store.Uint64(part + 1), nil
	}
	return persons, nil, nil
}

func (e *Engine) members(r store.Reader, group uuid.UUID, at []byte) ([]uuid.UUID, []byte, error) {
	return page(at, func(after uuid.UUID) ([]uuid.UUID, error) {
		return e.o.Directory.MembersIn(r, group, after, expandSlice)
	})
}

func (e *Engine) people(r store.Reader, at []byte) ([]uuid.UUID, []byte, error) {
	return page(at, func(after uuid.UUID) ([]uuid.UUID, error) {
		return e.o.Directory.PersonsIn(r, after, expandSlice)
	})
}

// page reads the persons behind a cursor, which is the last one's id; a page that is not full is the last.
func page(at []byte, read func(after uuid.UUID) ([]uuid.UUID, error)) ([]uuid.UUID, []byte, error) {
	var after uuid.UUID
	copy(after[:], at)
	persons, err := read(after)
	if err != nil || len(persons) < expandSlice {
		return persons, nil, err
	}
	last := persons[len(persons)-1]
	return persons, last[:], nil
}

// ledgerPersons yields the persons of a slice of the ledger; the slice counts accounts, so it may name a person twice.
func ledgerPersons(r store.Reader, at []byte) ([]uuid.UUID, []byte, error) {
	var persons []uuid.UUID
	n := 0
	for a, err := range accounts.ScanAfter(r, nil, at) {
		if err != nil {
			return nil, nil, err
		}
		if !a.State.Over() {
			persons = append(persons, a.Person)
		}
		if n++; n == expandSlice {
			return persons, accountKey(a.ID), nil
		}
	}
	return persons, nil, nil
}

// markAll marks persons in the change's app, or in every app of the mapping.
func markAll(tx store.Tx, m *mapping.Mapping, c *audit.Change, persons []uuid.UUID, now time.Time) error {
	for _, app := range m.Apps() {
		if c.App != "" && c.App != app.Key {
			continue
		}
		for _, p := range persons {
			if err := mark(tx, app.Key, personSubject(p), c, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// mark says that a subject needs a look because of c.
func mark(tx store.Tx, app, subject string, c *audit.Change, now time.Time) error {
	it := new(Item)
	was, err := items.Get(tx, itemKey(app, subject))
	switch {
	case errors.Is(err, store.ErrNotFound):
		*it = Item{App: app, Subject: subject, Generation: uint64(now.UnixNano()), Marked: now}
	case err != nil:
		return err
	default:
		*it = *was
	}
	if n := len(it.Causes); it.Fresh == 0 || n == 0 || it.Causes[n-1] != c.ID {
		it.Fresh++ // a change of everybody marks who is in both directory and ledger twice
	}
	it.anew(now)
	if c.Act == audit.PersonTerminated {
		it.Due = time.Time{} // judged before all others
	}
	it.Urgent = it.Urgent || c.Removing
	switch c.Act {
	case audit.HoldApproved, audit.HoldRejected, audit.RetryRequested: // a decision about it is not what caused it
	case audit.DriftCorrected: // nor is what somebody did at the vendor, where a source's change waits already
		if it.Source == "" {
			it.Source = sourceOf(c.Actor)
		}
	default:
		it.Source = sourceOf(c.Actor)
	}
	it.Approved = edits(c) && c.Confirmed
	it.Exceeds = edits(c) && c.Exceeding
	it.Edited = it.Edited || (edits(c) && !c.Confirmed)
	it.addCause(c.ID)
	return items.Replace(tx, was, it)
}

// edits reports whether a change gives people another version of the mapping.
func edits(c *audit.Change) bool {
	return c.Act == audit.MappingApplied || c.Act == audit.MappingRolled
}

func sourceOf(a audit.Actor) string {
	if a.ID != "" {
		return a.ID
	}
	return string(a.Kind) + ":" + a.Name
}
