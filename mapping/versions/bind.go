package versions

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// maxPrevious is how many deleted groups a binding remembers. A freeze lasts a day, so older ones have long ended.
const maxPrevious = 8

// bindingFor decides what a name is bound to when a version is applied:
//
//   - a binding stays, also when its group has another name by now;
//   - where its group is deleted, a living group of the same name and source takes over;
//   - where the source's name has come to mean another source, a living group there takes over; without one the
//     binding stays;
//   - a name without a binding gets the living group of its name, or waits.
func (v *Versions) bindingFor(r store.Reader, ref mapping.GroupRef, old mapping.Binding, bound bool, at time.Time) (mapping.Binding, bool, error) {
	if bound && old.Source == ref.Source {
		gone, err := v.gone(r, old.Group)
		if err != nil || !gone {
			return old, false, err
		}
	}
	names := []string{ref.Group}
	if bound && old.Source == ref.Source && old.Named != "" && !strings.EqualFold(old.Named, ref.Group) {
		names = append(names, old.Named)
	}
	for _, name := range names {
		group, err := v.directory.GroupByNameIn(r, ref.Source, name)
		switch {
		case directory.CodeOf(err) == directory.NotFound:
			continue
		case err != nil:
			return old, false, err
		}
		return rebound(ref, old, bound, group, at), true, nil
	}
	return old, false, nil
}

// rebound is a name's binding to a group. The group it had before is remembered, as its members' grants go on for a
// while, if it was the same source's.
func rebound(ref mapping.GroupRef, old mapping.Binding, bound bool, group directory.Group, at time.Time) mapping.Binding {
	b := mapping.Binding{App: ref.App, Name: ref.Name, Source: group.Source, Group: group.ID, Bound: at, Named: group.Name}
	if bound && old.Source == group.Source {
		b.Previous = slices.DeleteFunc(append(slices.Clone(old.Previous), old.Group), func(id uuid.UUID) bool { return id == group.ID })
		b.Previous = b.Previous[max(0, len(b.Previous)-maxPrevious):]
	}
	return b
}

// gone says whether a group is deleted.
func (v *Versions) gone(r store.Reader, id uuid.UUID) (bool, error) {
	group, err := v.directory.GroupIn(r, id)
	if directory.CodeOf(err) == directory.NotFound {
		return true, nil
	}
	return !group.Deleted.IsZero(), err
}

// errMoved says that a newer mapping came between two looks at it.
var errMoved = errors.New("the mapping changed meanwhile")

// Bind lets names find a group that was created or renamed: names that wait for its name are bound to it, and it takes
// over the bindings of a deleted group of the same source and name. A renamed group keeps its bindings. Each new
// binding appends one change (audit.MappingBound), by which the group's members get a look. What became of the group
// in the meantime counts, and Bind may be repeated: it then binds nothing.
func (v *Versions) Bind(ctx context.Context, group directory.Group) ([]mapping.Binding, error) {
	for {
		bound, err := v.bind(ctx, group.ID)
		if errors.Is(err, errMoved) && ctx.Err() == nil {
			continue
		}
		return bound, wrap("bind a group", err)
	}
}

func (v *Versions) bind(ctx context.Context, id uuid.UUID) ([]mapping.Binding, error) {
	at := v.moment()
	var todo []match
	err := v.store.View(ctx, func(r store.Reader) error {
		var err error
		todo, err = v.matches(r, id, at)
		return err
	})
	if err != nil || len(todo) == 0 {
		return nil, err
	}
	stamp, ids := v.newID(), make([]uuid.UUID, len(todo))
	for i := range ids {
		ids[i] = v.newID()
	}
	var bound []mapping.Binding
	err = v.store.Update(ctx, func(tx store.Tx) error {
		var failed error
		bound, failed = v.rebind(tx, id, ids, stamp, at)
		return failed
	})
	return bound, err
}

// rebind writes the bindings that a group gets, and a change for each but those that merely take note of a new name.
func (v *Versions) rebind(tx store.Tx, id uuid.UUID, ids []uuid.UUID, stamp uuid.UUID, at time.Time) ([]mapping.Binding, error) {
	todo, err := v.matches(tx, id, at)
	if err != nil {
		return nil, err
	}
	if len(todo) > len(ids) {
		return nil, errMoved
	}
	var bound []mapping.Binding
	for i, m := range todo {
		if err = v.bindings.Put(tx, &m.binding); err != nil {
			return nil, err
		}
		if m.renamed {
			continue
		}
		if err = appendBound(tx, m.binding, ids[i], at); err != nil {
			return nil, err
		}
		bound = append(bound, m.binding)
	}
	current, err := v.stateIn(tx)
	if err != nil {
		return nil, err
	}
	current.Stamp = stamp
	return bound, v.state.Put(tx, &current)
}

// match is a binding to write; a renamed one only takes note of its group's new name.
type match struct {
	binding mapping.Binding
	renamed bool
}

// matches finds what a group's name means to the current mapping.
func (v *Versions) matches(r store.Reader, id uuid.UUID, at time.Time) ([]match, error) {
	group, err := v.directory.GroupIn(r, id)
	if directory.CodeOf(err) == directory.NotFound || err == nil && !group.Deleted.IsZero() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	current, err := v.CurrentIn(r)
	if err != nil {
		return nil, err
	}
	var found []match
	for _, ref := range current.GroupRefs() {
		if ref.Source != group.Source {
			continue
		}
		old, bound := current.Binding(ref.App, ref.Name)
		if bound && old.Group == group.ID {
			if old.Named != group.Name {
				old.Named = group.Name
				found = append(found, match{binding: old, renamed: true})
			}
			continue
		}
		written := strings.EqualFold(ref.Group, group.Name)
		last := bound && old.Named != "" && strings.EqualFold(old.Named, group.Name)
		if !written && !last {
			continue
		}
		if bound {
			if old.Source != group.Source {
				continue // another source of the same name: applying again decides
			}
			gone, err := v.gone(r, old.Group)
			if err != nil {
				return nil, err
			}
			if !gone {
				continue
			}
		}
		found = append(found, match{binding: rebound(ref, old, bound, group, at)})
	}
	return found, nil
}

func appendBound(tx store.Tx, b mapping.Binding, id uuid.UUID, at time.Time) error {
	detail, err := json.Marshal(struct {
		Name     string      `json:"name"`
		Previous []uuid.UUID `json:"previous,omitempty"`
	}{b.Name, b.Previous})
	if err != nil {
		return err
	}
	return audit.Append(tx, audit.Change{
		ID: id, At: at, Actor: audit.Actor{Kind: audit.ByEngine}, Act: audit.MappingBound,
		Group: b.Group, WholeGroup: true, App: b.App, Detail: detail,
	})
}
