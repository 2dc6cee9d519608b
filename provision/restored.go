package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
)

// Restored marks a store that is a backup put in place. While it stands nothing is written to any vendor, not even a removal:
// what the store says of the vendors, and what it does not know of people, is of the time of the backup. People and groups
// go on being pushed, and work queues up.
type Restored struct {
	At      time.Time `json:"at"`                // of the restore, UTC
	By      string    `json:"by"`                // who did it
	File    string    `json:"file"`              // the backup's name, without its folder
	Newest  time.Time `json:"newest,omitzero"`   // the last thing that the backup knows of; what came later is not in it
	Kept    string    `json:"kept,omitempty"`    // the name under which the store of before is kept
	Resyncs []Resync  `json:"resyncs,omitempty"` // what administrators said of sources
}

// Resync is an administrator's word that a source has pushed all its users and groups anew since the restore.
type Resync struct {
	Source uuid.UUID `json:"source"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
}

func (m *Restored) resync(source uuid.UUID) *Resync {
	for i := range m.Resyncs {
		if m.Resyncs[i].Source == source {
			return &m.Resyncs[i]
		}
	}
	return nil
}

// stop is the marker as the switch that it is.
func (m *Restored) stop() Switch {
	return Switch{
		Kind: PauseRestored, By: m.By, Since: m.At,
		Reason: fmt.Sprintf("restored from the backup %s, which knows nothing after %s", m.File, m.Newest.UTC().Format(time.RFC3339)),
	}
}

var restoredMarks = store.NewTable("restored", func(*Restored) []byte { return []byte("restored") }, nil)

// RestoredIn returns the marker, nil where none stands.
func RestoredIn(r store.Reader) (*Restored, error) {
	m, err := restoredMarks.Get(r, []byte("restored"))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return m, err
}

// MarkRestored writes the marker into a copy that is to be put in place, with the fact that says so, in one transaction. id is
// a new UUIDv7. What an earlier restore had left to do is left behind: this one begins anew.
func MarkRestored(ctx context.Context, s store.Store, m Restored, id uuid.UUID) error {
	detail := map[string]string{"file": m.File, "newest": m.Newest.UTC().Format(time.RFC3339), "kept": m.Kept}
	fact := factOf(id, m.At, audit.StoreRestored, "", uuid.Nil, uuid.Nil, nil, detail)
	fact.Actor = audit.Actor{Kind: audit.ByAdmin, Name: m.By}
	return s.Update(ctx, func(tx store.Tx) error {
		var apps []string
		for a, err := range aftermaths.Scan(tx, nil) {
			if err != nil {
				return err
			}
			apps = append(apps, a.App)
		}
		for _, app := range apps {
			if err := aftermaths.Delete(tx, []byte(app)); err != nil {
				return err
			}
		}
		if err := restoredMarks.Put(tx, &m); err != nil {
			return err
		}
		return audit.Record(tx, fact)
	})
}

// StandingIn counts the accounts of each app that somebody could sign in to.
func StandingIn(r store.Reader) (map[string]int, error) {
	counts := map[string]int{}
	for s, err := range appStates.Scan(r, nil) {
		if err != nil {
			return nil, err
		}
		n, err := countStanding(r, s.App, 0)
		if err != nil {
			return nil, err
		}
		counts[s.App] = n
	}
	return counts, nil
}

// restored returns the marker, nil where none stands.
func (e *Engine) restored(ctx context.Context) (m *Restored, err error) {
	err = e.o.Store.View(ctx, func(r store.Reader) error {
		m, err = RestoredIn(r)
		return err
	})
	return m, err
}

// afterRestore reports whether the marker stands, so that no vendor may be written to.
func (e *Engine) afterRestore(ctx context.Context) (bool, error) {
	m, err := e.restored(ctx)
	return m != nil, err
}

// RestoreStatus says how far things are after a restore.
type RestoreStatus struct {
	Restored
	Sources []SourceSince `json:"sources"`
	Apps    []Aftermath   `json:"apps"`
	// Outlook is what the engine would do in each app that the mapping enforces if it went on now; Total counts the accounts.
	Outlook []Outlook `json:"outlook"`
	Total   int       `json:"total"`
	// Waits lists what keeps it from going on by itself.
	Waits []string `json:"waits"`
}

// SourceSince is what a source did since a restore.
type SourceSince struct {
	Source   uuid.UUID `json:"source"`
	Name     string    `json:"name"`
	Changes  int       `json:"changes"` // that it pushed since; what it pushed as it was before is no change
	Last     time.Time `json:"last,omitzero"`
	Resynced *Resync   `json:"resynced,omitempty"`
}

// RestoreStatus returns how far things are, nil when no restore waits to be ended. It looks at all people.
func (e *Engine) RestoreStatus(ctx context.Context) (*RestoreStatus, error) {
	m, err := e.restored(ctx)
	if err != nil || m == nil {
		return nil, err
	}
	s := &RestoreStatus{Restored: *m, Waits: []string{}, Sources: []SourceSince{}, Apps: []Aftermath{}}
	if s.Sources, err = e.since(ctx, m); err != nil {
		return nil, err
	}
	if s.Apps, err = e.aftermaths(ctx); err != nil {
		return nil, err
	}
	s.Waits = waits(s.Sources, s.Apps)
	if s.Outlook, err = e.outlook(ctx); err != nil {
		return nil, err
	}
	for i := range s.Outlook {
		s.Total += s.Outlook[i].Touched()
	}
	return s, nil
}

// waits says in words what is missing before the engine goes on by itself: the word on every source, and a look at every app.
func waits(sources []SourceSince, apps []Aftermath) []string {
	out := []string{}
	for _, s := range sources {
		if s.Resynced == nil {
			out = append(out, "nobody has said that "+s.Name+" has pushed everything anew")
		}
	}
	if len(sources) == 0 {
		out = append(out, "there is no source")
	}
	for _, a := range apps {
		if !a.Done() {
			out = append(out, a.App+" has not been compared with the vendor's accounts")
		}
	}
	return out
}

// maxSince bounds how many facts are read to count what sources did.
const maxSince = 100_000

// since lists the living sources, with what each has changed since the restore.
func (e *Engine) since(ctx context.Context, m *Restored) ([]SourceSince, error) {
	all, err := e.o.Directory.Sources(ctx)
	if err != nil {
		return nil, err
	}
	out := []SourceSince{}
	at := map[string]int{}
	for i := range all {
		if s := &all[i]; s.Removed.IsZero() {
			at[s.ID.String()] = len(out)
			out = append(out, SourceSince{Source: s.ID, Name: s.Name, Resynced: m.resync(s.ID)})
		}
	}
	err = e.o.Store.View(ctx, func(r store.Reader) error {
		for i := range out {
			out[i].Changes, out[i].Last = 0, time.Time{}
		}
		n := 0
		for c, err := range audit.Read(r, m.At, time.Time{}) {
			if err != nil {
				return err
			}
			if i, known := at[c.Actor.ID]; known && c.Actor.Kind == audit.BySource {
				out[i].Changes++
				out[i].Last = c.At
			}
			if n++; n == maxSince {
				break
			}
		}
		return nil
	})
	return out, err
}

// Resynced takes an administrator's word that a source has pushed all its users and groups anew since the restore. Of a source
// that has changed nothing since, the word counts only with unchanged: pushing everything as it was leaves no trace. What cannot
// be said is a *DecisionError.
func (e *Engine) Resynced(ctx context.Context, actor audit.Actor, name string, unchanged bool) error {
	m, err := e.restored(ctx)
	if err != nil {
		return err
	}
	if m == nil {
		return errNotRestored()
	}
	sources, err := e.since(ctx, m)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(sources, func(s SourceSince) bool { return s.Name == directory.Fold(name) })
	switch {
	case i < 0:
		return &DecisionError{fmt.Sprintf("there is no source %q", name)}
	case sources[i].Changes == 0 && !unchanged:
		return &DecisionError{fmt.Sprintf("%s has changed nothing since the restore: if it has pushed everything and all was as before, say so with --unchanged", name)}
	}
	now := e.o.Now().UTC()
	fact := e.fact(audit.SourceResynced, "", uuid.Nil, uuid.Nil, nil, map[string]string{"source": sources[i].Source.String(), "name": sources[i].Name})
	fact.Actor = actor
	err = e.o.Store.Update(ctx, func(tx store.Tx) error {
		m, err := RestoredIn(tx)
		if err != nil {
			return err
		}
		if m == nil {
			return errNotRestored()
		}
		if m.resync(sources[i].Source) != nil {
			return nil
		}
		m.Resyncs = append(m.Resyncs, Resync{Source: sources[i].Source, At: now, By: actor.Name})
		if err := restoredMarks.Put(tx, m); err != nil {
			return err
		}
		return audit.Record(tx, fact)
	})
	if err != nil {
		return err
	}
	return e.resumeBySources(ctx)
}

func errNotRestored() error { return &DecisionError{"no restore waits to be ended"} }

// CountError says that a resume was not confirmed with the number that it is about.
type CountError struct{ Total int }

func (e *CountError) Error() string {
	return fmt.Sprintf("going on would touch %d accounts: look at them (usher restored) and run this again with --count %d; nothing changed", e.Total, e.Total)
}

// ResumeRestored ends what a restore began: vendors are written to again. count is how many accounts the engine would touch now, as
// RestoreStatus counts them, else it is a *CountError. An app that could not be compared with the vendor's accounts is a
// *DecisionError, unless unchecked.
func (e *Engine) ResumeRestored(ctx context.Context, actor audit.Actor, count int, unchecked bool) error {
	s, err := e.RestoreStatus(ctx)
	if err != nil {
		return err
	}
	if s == nil {
		return errNotRestored()
	}
	var open []string
	for _, a := range s.Apps {
		if !a.Done() {
			open = append(open, a.App)
		}
	}
	switch {
	case len(open) > 0 && !unchecked:
		return &DecisionError{fmt.Sprintf("not compared with the vendor's accounts yet: %s; wait, or go on with --unchecked", strings.Join(open, ", "))}
	case count != s.Total:
		return &CountError{Total: s.Total}
	}
	return e.endRestore(ctx, actor)
}

// resumeBySources goes on when an administrator has given the word for every source, and every app was compared.
func (e *Engine) resumeBySources(ctx context.Context) error {
	m, err := e.restored(ctx)
	if err != nil || m == nil {
		return err
	}
	all, err := e.o.Directory.Sources(ctx)
	if err != nil {
		return err
	}
	var sources []SourceSince
	for i := range all {
		if all[i].Removed.IsZero() {
			sources = append(sources, SourceSince{Name: all[i].Name, Resynced: m.resync(all[i].ID)})
		}
	}
	apps, err := e.aftermaths(ctx)
	if err != nil || len(waits(sources, apps)) > 0 {
		return err
	}
	return e.endRestore(ctx, engineActor)
}

func (e *Engine) endRestore(ctx context.Context, actor audit.Actor) error {
	fact := e.fact(audit.StoreResumed, "", uuid.Nil, uuid.Nil, nil, nil)
	fact.Actor = actor
	err := e.o.Store.Update(ctx, func(tx store.Tx) error {
		m, err := RestoredIn(tx)
		if err != nil || m == nil {
			return err
		}
		if err := restoredMarks.Delete(tx, []byte("restored")); err != nil {
			return err
		}
		return audit.Record(tx, fact)
	})
	if err == nil {
		e.o.Logger.Warn("resumed after a restore: vendors are written to again", "by", actor.Name)
		e.Wake()
	}
	return err
}
