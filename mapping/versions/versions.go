package versions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// MaxComment is the longest comment of a version, in bytes.
const MaxComment = 1000

// Directory is what versions needs of the directory. An unknown group is a *directory.Error with code NotFound.
type Directory interface {
	// SourcesIn returns all sources, removed ones too.
	SourcesIn(r store.Reader) ([]directory.Source, error)
	// GroupIn returns a group by its id, a deleted one too while it is kept.
	GroupIn(r store.Reader, id uuid.UUID) (directory.Group, error)
	// GroupByNameIn returns the living group of a source by its name, without regard to case.
	GroupByNameIn(r store.Reader, source uuid.UUID, name string) (directory.Group, error)
}

// Versions keeps the mapping's versions and bindings. It is safe for concurrent use.
type Versions struct {
	store     store.Store
	directory Directory
	catalog   func() mapping.Catalog
	now       func() time.Time
	newID     func() uuid.UUID
	tables
	cache cache
}

// New returns the versions that s holds. catalog is asked once for each Check and Apply, outside of any transaction.
// newID makes UUIDv7 whose time is that of now (audit.IDs does).
func New(s store.Store, d Directory, catalog func() mapping.Catalog, now func() time.Time, newID func() uuid.UUID) *Versions {
	return &Versions{store: s, directory: d, catalog: catalog, now: now, newID: newID, tables: newTables()}
}

// UnknownVersionError says that there is no version of a number.
type UnknownVersionError struct{ Number, Current int }

func (e *UnknownVersionError) Error() string {
	if e.Current == 0 {
		return fmt.Sprintf("there is no mapping version %d: none was applied yet", e.Number)
	}
	return fmt.Sprintf("there is no mapping version %d; they go from 1 to %d", e.Number, e.Current)
}

// ConflictError says that the mapping is not at the version that the author had seen.
type ConflictError struct{ Expected, Current int }

func (e *ConflictError) Error() string {
	return fmt.Sprintf("the mapping is at version %d, not %d as expected: look at what changed and apply again", e.Current, e.Expected)
}

// ApplyOptions go with an Apply.
type ApplyOptions struct {
	Expect    int // the version that must be the current one; 0 for any
	Comment   string
	Confirmed int // see Version.Confirmed
	Exceeding int // see Version.Exceeding
	// Ring is who follows the version first: a group's name as a document writes it, or a share such as "5%"; "" for everybody.
	Ring string

	ends bool // it ends a rollout and takes its version back
}

// Check parses and compiles a document against the connections, sources and groups of this moment and returns the
// mapping that Apply would put in force, with the next version's number and the bindings as they would be. It writes
// nothing. A faulty document is a *mapping.Problems.
func (v *Versions) Check(ctx context.Context, src []byte) (*mapping.Mapping, error) {
	return v.CheckIn(ctx, src, "")
}

// CheckIn is Check of a document that would be rolled out to a ring first (ApplyOptions.Ring): the mapping is then the one in force, with
// the new version for those in the ring. What cannot be rolled out so is a *RolloutError.
func (v *Versions) CheckIn(ctx context.Context, src []byte, ring string) (*mapping.Mapping, error) {
	doc, err := mapping.Parse(src)
	if err != nil {
		return nil, err
	}
	world, at := freeze(doc, v.catalog()), v.moment()
	var m *mapping.Mapping
	err = v.store.View(ctx, func(r store.Reader) error {
		n, failed := v.next(r, doc, world, at)
		if failed != nil {
			return failed
		}
		m = n.compiled.With(n.number, n.bindings)
		if ring == "" {
			return nil
		}
		in, failed := v.begin(r, n, doc, ring)
		if failed != nil {
			return failed
		}
		now, failed := v.compiledIn(r, n.current.Version)
		if failed != nil {
			return failed
		}
		m = now.With(n.current.Version, n.bindings).Rolling(m, in)
		return nil
	})
	return m, wrap("check the mapping", err)
}

// Apply puts a document in force as a new version. One transaction writes the version, the bindings and one change
// (audit.MappingApplied) by which everybody gets a look. A faulty document is a *mapping.Problems, an unexpected
// current version a *ConflictError; both change nothing. Applying the same text again makes a new version of it, which
// takes over what connections and sources have become.
//
// With a Ring the version in force stays, and those in the ring follow the new one (see Rollout); what cannot be rolled out so is a
// *RolloutError, and so is an Apply while a version is rolled out.
func (v *Versions) Apply(ctx context.Context, actor audit.Actor, src []byte, o ApplyOptions) (Version, error) {
	if len(o.Comment) > MaxComment {
		return Version{}, fmt.Errorf("apply the mapping: the comment has %d bytes, more than %d", len(o.Comment), MaxComment)
	}
	doc, err := mapping.Parse(src)
	if err != nil {
		return Version{}, err
	}
	world, at := freeze(doc, v.catalog()), v.moment()
	change, stamp := v.newID(), v.newID()
	var rec record
	err = v.store.Update(ctx, func(tx store.Tx) error {
		n, failed := v.next(tx, doc, world, at)
		if failed != nil {
			return failed
		}
		if o.Expect != 0 && o.Expect != n.current.Version {
			return &ConflictError{Expected: o.Expect, Current: n.current.Version}
		}
		if ro := n.current.Rollout; ro != nil && !o.ends {
			return &RolloutError{fmt.Sprintf("version %d is being rolled out (%s): give it to all (usher rollout all) or take it back (usher rollback) first", ro.Version, ro.Ring)}
		}
		var ro *Rollout
		if o.Ring != "" {
			in, failed := v.begin(tx, n, doc, o.Ring)
			if failed != nil {
				return failed
			}
			ro = &Rollout{Version: n.number, Ring: in, Since: at, By: actor, Changes: []uuid.UUID{change}}
		}
		rec = record{
			Version: Version{Number: n.number, At: at, Actor: actor, Comment: o.Comment, Confirmed: o.Confirmed, Exceeding: o.Exceeding, Text: string(src)},
			Sources: n.sources, Apps: world.apps, Connections: world.names, Extensions: world.extensions,
		}
		if err := v.write(tx, &rec, n, ro, change, stamp); err != nil {
			return err
		}
		rec.Rollout = ro
		return nil
	})
	if err != nil {
		return Version{}, wrap("apply the mapping", err)
	}
	return rec.Version, nil
}

// write stores a new version with its bindings and its change; with a rollout it is in force for its ring alone.
func (v *Versions) write(tx store.Tx, rec *record, n *next, ro *Rollout, change, stamp uuid.UUID) error {
	if err := v.withdraw(tx, n.current.Rollout); err != nil {
		return err
	}
	if err := v.records.Insert(tx, rec); err != nil {
		return err
	}
	if err := tx.Put(textTable, versionKey(rec.Number), []byte(rec.Text)); err != nil {
		return err
	}
	for _, key := range n.dropped {
		if err := v.bindings.Delete(tx, bindingKey(key)); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	for _, b := range sortedBindings(n.bindings) {
		if err := v.bindings.Put(tx, &b); err != nil {
			return err
		}
	}
	next := state{Version: rec.Number, Stamp: stamp}
	if ro != nil {
		next.Version, next.Rollout = n.current.Version, ro
	}
	if err := v.state.Put(tx, &next); err != nil {
		return err
	}
	told := applied{Version: rec.Number, Comment: rec.Comment, Confirmed: rec.Confirmed, Exceeding: rec.Exceeding, Bound: n.bound}
	c := audit.Change{
		ID: change, At: rec.At, Actor: rec.Actor, Act: audit.MappingApplied, Everybody: true,
		Confirmed: rec.Confirmed > 0, Exceeding: rec.Exceeding > 0,
	}
	if ro != nil {
		told.Ring = &ro.Ring
		ro.reach(&c)
	}
	var err error
	if c.Detail, err = json.Marshal(told); err != nil {
		return err
	}
	return audit.Append(tx, c)
}

// applied is the detail of audit.MappingApplied.
type applied struct {
	Version   int    `json:"version"`
	Comment   string `json:"comment,omitempty"`
	Confirmed int    `json:"confirmed,omitempty"`
	Exceeding int    `json:"exceeding,omitempty"`
	Bound     int    `json:"bound,omitempty"` // names that this version bound
	// Ring is who follows the version first; nil: everybody.
	Ring *mapping.Ring `json:"ring,omitempty"`
}

// next is a version about to be.
type next struct {
	current  state // before it
	number   int
	compiled *mapping.Compiled
	sources  []source
	bindings mapping.Bindings // all of them, as they will be
	dropped  []mapping.BindingKey
	bound    int
}

// next compiles a document as the next version and binds its names.
func (v *Versions) next(r store.Reader, doc *mapping.Document, world frozen, at time.Time) (*next, error) {
	current, err := v.stateIn(r)
	if err != nil {
		return nil, err
	}
	sources, err := v.directory.SourcesIn(r)
	if err != nil {
		return nil, err
	}
	n := &next{current: current, number: current.newest() + 1}
	if n.compiled, err = mapping.Compile(doc, world, sources); err != nil {
		return nil, err
	}
	for _, s := range sources {
		n.sources = append(n.sources, source{ID: s.ID, Name: s.Name, Removed: s.Removed})
	}
	if n.bindings, err = v.bindingsIn(r); err != nil {
		return nil, err
	}
	n.rename(doc)
	for _, ref := range n.compiled.GroupRefs() {
		key := mapping.BindingKey{App: ref.App, Name: ref.Name}
		old, ok := n.bindings[key]
		b, changed, err := v.bindingFor(r, ref, old, ok, at)
		if err != nil {
			return nil, err
		}
		if changed {
			n.bindings[key] = b
			n.bound++
		}
	}
	return n, nil
}

// rename moves the bindings of apps that have a new key. What the new key has bound itself stays.
func (n *next) rename(doc *mapping.Document) {
	for _, app := range doc.Apps {
		former := app.RenamedFrom.Value
		if former == "" {
			continue
		}
		for _, b := range sortedBindings(n.bindings) {
			if b.App != former {
				continue
			}
			from, to := mapping.BindingKey{App: former, Name: b.Name}, mapping.BindingKey{App: app.Key.Value, Name: b.Name}
			delete(n.bindings, from)
			n.dropped = append(n.dropped, from)
			if _, taken := n.bindings[to]; !taken {
				b.App = to.App
				n.bindings[to] = b
			}
		}
	}
}

// Rollback applies the text of an older version as a new one. It meets the connections, sources and groups of this
// moment, so it may fail where the text no longer fits. It ends a rollout: everybody follows the new version.
func (v *Versions) Rollback(ctx context.Context, actor audit.Actor, to int, o ApplyOptions) (Version, error) {
	old, err := v.Get(ctx, to)
	if err != nil {
		return Version{}, err
	}
	if o.Comment == "" {
		o.Comment = fmt.Sprintf("back to version %d", to)
	}
	o.Ring, o.ends = "", true
	return v.Apply(ctx, actor, []byte(old.Text), o)
}

// Get returns a version with its text; *UnknownVersionError when there is none of that number.
func (v *Versions) Get(ctx context.Context, number int) (Version, error) {
	var found Version
	err := v.store.View(ctx, func(r store.Reader) error {
		rec, err := v.recordIn(r, number)
		if err != nil {
			return err
		}
		found = rec.Version
		found.Rollout, err = v.rolloutOf(r, number)
		return err
	})
	return found, wrap("read a mapping version", err)
}

// List returns all versions, the oldest first, without their texts.
func (v *Versions) List(ctx context.Context) ([]Version, error) {
	var list []Version
	err := v.store.View(ctx, func(r store.Reader) error {
		list = nil
		for rec, err := range v.records.Scan(r, nil) {
			if err != nil {
				return err
			}
			list = append(list, rec.Version)
		}
		if n := len(list); n > 0 {
			var err error
			list[n-1].Rollout, err = v.rolloutOf(r, list[n-1].Number)
			return err
		}
		return nil
	})
	return list, wrap("list the mapping versions", err)
}

// moment is now as it is stored.
func (v *Versions) moment() time.Time { return v.now().UTC().Truncate(time.Millisecond) }

// wrap says what was being done where the error is not for people as it is.
func wrap(doing string, err error) error {
	var problems *mapping.Problems
	var unknown *UnknownVersionError
	var conflict *ConflictError
	var misfit *MisfitError
	var rollout *RolloutError
	if err == nil || errors.As(err, &misfit) || errors.As(err, &rollout) || errors.As(err, &problems) || errors.As(err, &unknown) || errors.As(err, &conflict) {
		return err
	}
	return fmt.Errorf("%s: %w", doing, err)
}
