package directory

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// memberDiff is what a write does to the members of a group, each list sorted.
type memberDiff struct {
	added   []Member
	removed []uuid.UUID
	waiting []pendingMember // new pending members
	given   []string        // values that are pending no longer
}

func (m memberDiff) empty() bool {
	return len(m.added)+len(m.removed)+len(m.waiting)+len(m.given) == 0
}

// memberEdit collects what the steps of a write do to the members of a group, over
// the edges as they stand, so that adding one member to a large group reads one edge.
type memberEdit struct {
	d      *Directory
	tx     store.Reader
	act    act
	src    Source
	group  Group
	policy MemberPolicy

	replaced bool // what stands counts no longer; only the maps do
	members  map[uuid.UUID]*Member
	waiting  map[string]*pendingMember
}

// editMembers returns what the steps change, applied in order. It writes nothing.
func (d *Directory) editMembers(r store.Reader, a act, src Source, group Group, steps []MemberOp, p MemberPolicy) (memberDiff, error) {
	if len(steps) == 0 {
		return memberDiff{}, nil
	}
	e := &memberEdit{
		d: d, tx: r, act: a, src: src, group: group, policy: p,
		members: make(map[uuid.UUID]*Member), waiting: make(map[string]*pendingMember),
	}
	for _, step := range steps {
		if err := e.step(step); err != nil {
			return memberDiff{}, err
		}
	}
	return e.diff()
}

func (e *memberEdit) step(op MemberOp) error {
	switch op.Kind {
	case RemoveMatching:
		return e.removeMatching(op.Match)
	case ReplaceMembers:
		e.replaced = true
		clear(e.members)
		clear(e.waiting)
	case AddMembers, RemoveMembers:
	default:
		return fmt.Errorf("unknown member step %d", op.Kind)
	}
	for _, ref := range op.Members {
		if ref.Value == "" {
			return &Error{Code: Invalid, Field: "members", Message: "a member needs a value"}
		}
		if err := checkValue("members", ref.Value); err != nil {
			return err
		}
		if err := checkValue("members", ref.Display); err != nil {
			return err
		}
		var err error
		if op.Kind == RemoveMembers {
			err = e.remove(ref.Value)
		} else {
			err = e.add(ref)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// add makes whom a reference means a member (scim.md law 18).
func (e *memberEdit) add(ref MemberRef) error {
	person, err := e.resolve(ref.Value)
	if err != nil {
		return err
	}
	if person != uuid.Nil {
		if e.members[person] == nil {
			e.members[person] = &Member{Person: person, Display: ref.Display, Added: e.act.at}
		}
		return nil
	}
	nested, err := e.isGroup(ref.Value)
	switch {
	case err != nil:
		return err
	case nested:
		return &Error{Code: Invalid, Field: "members", Message: fmt.Sprintf(
			"the member %q is a group: nested groups are not supported yet", ref.Value)}
	case !e.policy.Early:
		return &Error{Code: Invalid, Field: "members", Message: fmt.Sprintf("the member %q is no user", ref.Value)}
	}
	if e.waiting[ref.Value] == nil {
		e.waiting[ref.Value] = &pendingMember{
			Group: e.group.ID, Source: e.src.ID, Value: ref.Value, Display: ref.Display, Added: e.act.at,
		}
	}
	return nil
}

// remove ends the membership of whom a reference means, and of the reference itself while it is pending.
func (e *memberEdit) remove(value string) error {
	if id, ok := parseID(value); ok {
		e.members[id] = nil
		alias, err := e.d.aliasOf(e.tx, e.src.ID, id)
		if err != nil {
			return err
		}
		if alias != uuid.Nil {
			e.members[alias] = nil
		}
	}
	person, err := e.d.byExternalID(e.tx, e.src.ID, value)
	if err != nil {
		return err
	}
	if person != uuid.Nil {
		e.members[person] = nil
	}
	e.waiting[value] = nil
	return nil
}

// resolve returns the person that a reference means: by id, else by this source's
// externalId; uuid.Nil for nobody.
func (e *memberEdit) resolve(value string) (uuid.UUID, error) {
	if id, ok := parseID(value); ok {
		held, err := e.d.holds(e.tx, e.src.ID, id)
		if err == nil && !held {
			held, err = e.d.heldBy(e.tx, id, e.src.ID)
		}
		if err != nil || held {
			return id, err
		}
		if alias, err := e.d.aliasOf(e.tx, e.src.ID, id); err != nil || alias != uuid.Nil {
			return alias, err
		}
	}
	return e.d.byExternalID(e.tx, e.src.ID, value)
}

// isGroup reports whether a reference means a living group, by id or by this source's externalId.
func (e *memberEdit) isGroup(value string) (bool, error) {
	if id, ok := parseID(value); ok {
		group, err := found(e.d.groups.Get(e.tx, id[:]))
		if err != nil || group != nil {
			return group != nil && group.Deleted.IsZero(), err
		}
	}
	group, err := found(e.d.groups.Lookup(e.tx, byExternalID, in(value, e.src.ID)))
	return group != nil, err
}

// removeMatching removes every member, pending ones too, that match accepts.
func (e *memberEdit) removeMatching(match func(Member) bool) error {
	if match == nil {
		return nil
	}
	for person, m := range e.members {
		if m != nil && match(*m) {
			e.members[person] = nil
		}
	}
	for value, w := range e.waiting {
		if w != nil && match(w.member()) {
			e.waiting[value] = nil
		}
	}
	if e.replaced {
		return nil
	}
	for key, value := range e.tx.Range(membersTable, e.group.ID[:], store.PrefixEnd(e.group.ID[:])) {
		m, err := readMember(key, value)
		if err != nil {
			return err
		}
		if _, edited := e.members[m.Person]; !edited && match(m) {
			e.members[m.Person] = nil
		}
	}
	for w, err := range e.d.pending.Scan(e.tx, e.group.ID[:]) {
		if err != nil {
			return err
		}
		if _, edited := e.waiting[w.Value]; !edited && match(w.member()) {
			e.waiting[w.Value] = nil
		}
	}
	return nil
}

// diff compares what was collected with the edges as they stand.
func (e *memberEdit) diff() (memberDiff, error) {
	var diff memberDiff
	if err := e.diffMembers(&diff); err != nil {
		return diff, err
	}
	if err := e.diffPending(&diff); err != nil {
		return diff, err
	}
	slices.SortFunc(diff.added, func(a, b Member) int { return bytes.Compare(a.Person[:], b.Person[:]) })
	sortIDs(diff.removed)
	slices.SortFunc(diff.waiting, func(a, b pendingMember) int { return bytes.Compare([]byte(a.Value), []byte(b.Value)) })
	slices.Sort(diff.given)
	return diff, nil
}

func (e *memberEdit) diffMembers(diff *memberDiff) error {
	if e.replaced {
		// One scan instead of a read for each: what stands already leaves the map.
		for key := range e.tx.Range(membersTable, e.group.ID[:], store.PrefixEnd(e.group.ID[:])) {
			person := second(key)
			if e.members[person] == nil {
				diff.removed = append(diff.removed, person)
			}
			delete(e.members, person)
		}
		for _, m := range e.members {
			if m != nil {
				diff.added = append(diff.added, *m)
			}
		}
		return nil
	}
	for person, m := range e.members {
		there, err := has(e.tx, membersTable, pair(e.group.ID, person))
		switch {
		case err != nil:
			return err
		case there && m == nil:
			diff.removed = append(diff.removed, person)
		case !there && m != nil:
			diff.added = append(diff.added, *m)
		}
	}
	return nil
}

func (e *memberEdit) diffPending(diff *memberDiff) error {
	if len(e.waiting) == 0 && !e.replaced {
		return nil
	}
	standing := make(map[string]bool)
	for w, err := range e.d.pending.Scan(e.tx, e.group.ID[:]) {
		if err != nil {
			return err
		}
		standing[w.Value] = true
		kept, edited := e.waiting[w.Value]
		if kept == nil && (edited || e.replaced) {
			diff.given = append(diff.given, w.Value)
		}
	}
	for value, w := range e.waiting {
		if w != nil && !standing[value] {
			diff.waiting = append(diff.waiting, *w)
		}
	}
	if n := len(standing) + len(diff.waiting) - len(diff.given); n > MaxPending {
		return &Error{Code: TooMany, Field: "members", Message: fmt.Sprintf(
			"%d members of the group would wait for users that do not exist yet, more than %d", n, MaxPending)}
	}
	return nil
}

// writeMembers writes a diff, in the order of the keys.
func (d *Directory) writeMembers(tx store.Tx, group Group, diff memberDiff) error {
	for _, m := range diff.added {
		if err := putEdge(tx, group, m); err != nil {
			return err
		}
	}
	for _, person := range diff.removed {
		if err := deleteEdge(tx, group.ID, person); err != nil {
			return err
		}
	}
	for _, w := range diff.waiting {
		if err := d.pending.Insert(tx, &w); err != nil {
			return fmt.Errorf("add a pending member: %w", err)
		}
	}
	for _, value := range diff.given {
		if err := d.pending.Delete(tx, pendingKey(group.ID, value)); err != nil {
			return fmt.Errorf("remove a pending member: %w", err)
		}
	}
	return nil
}
