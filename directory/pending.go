package directory

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// pendingMember is a member of a group that its source has named before it created
// the user (scim.md law 18).
type pendingMember struct {
	Group   uuid.UUID `json:"group"`
	Source  uuid.UUID `json:"source"`
	Value   string    `json:"value"` // the externalId that the user is to have
	Display string    `json:"display,omitempty"`
	Added   time.Time `json:"added"`
}

func (p pendingMember) member() Member {
	return Member{Value: p.Value, Display: p.Display, Added: p.Added}
}

// fulfil makes a user a member of the groups of its source that wait for its externalId, and
// returns those groups.
func (d *Directory) fulfil(tx store.Tx, a act, src Source, record Record) ([]uuid.UUID, error) {
	if record.ExternalID == "" {
		return nil, nil
	}
	var waiting []pendingMember
	for w, err := range d.pending.FindEqual(tx, byExternalID, in(record.ExternalID, src.ID)) {
		if err != nil {
			return nil, err
		}
		waiting = append(waiting, *w)
	}
	var joined []uuid.UUID
	for _, w := range waiting {
		if err := d.pending.Delete(tx, pendingKey(w.Group, w.Value)); err != nil {
			return nil, err
		}
		group, err := found(d.groups.Get(tx, w.Group[:]))
		if err != nil {
			return nil, err
		}
		if group == nil || !group.Deleted.IsZero() {
			continue
		}
		there, err := has(tx, membersTable, pair(w.Group, record.Person))
		if err != nil {
			return nil, err
		}
		more := 0
		if !there {
			more = 1
			if err := putEdge(tx, *group, Member{Person: record.Person, Display: w.Display, Added: a.at}); err != nil {
				return nil, err
			}
			joined = append(joined, w.Group)
		}
		if err := d.touchGroup(tx, a, w.Group, more); err != nil {
			return nil, err
		}
	}
	return joined, nil
}

// ExpirePending drops pending members that have waited longer than PendingFor, the
// oldest first, at most limit (and MaxPage) in one transaction, and returns how many. Nobody's access differs
// by it: it is recorded as a fact that asks for no work.
func (d *Directory) ExpirePending(ctx context.Context, limit int) (int, error) {
	a := d.act(audit.Actor{Kind: audit.ByEngine}, "")
	limit = min(limit, MaxPage)
	n := 0
	err := d.store.Update(ctx, func(tx store.Tx) error {
		var over []pendingMember
		for w, err := range d.pending.Find(tx, byAdded, nil) {
			if err != nil {
				return err
			}
			if len(over) >= limit || w.Added.Add(PendingFor).After(a.at) {
				break
			}
			over = append(over, *w)
		}
		n = len(over)
		if n == 0 {
			return nil
		}
		touched := make(map[uuid.UUID]bool)
		for _, w := range over {
			if err := d.pending.Delete(tx, pendingKey(w.Group, w.Value)); err != nil {
				return err
			}
			if touched[w.Group] {
				continue
			}
			touched[w.Group] = true
			if err := d.touchGroup(tx, a, w.Group, 0); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		change := a.begin(audit.GroupMembers)
		var err error
		if change.Detail, err = (detail{Expired: n}).encode(); err != nil {
			return err
		}
		return audit.Record(tx, change)
	})
	if err != nil {
		return 0, wrap("expire pending members", err)
	}
	return n, nil
}

// PendingMembers returns the members of a group that wait for their users, in no
// meaningful order, at most MaxPending. They are not among Members.
func (d *Directory) PendingMembers(ctx context.Context, group uuid.UUID) ([]Member, error) {
	var members []Member
	err := d.store.View(ctx, func(r store.Reader) error {
		for w, err := range d.pending.Scan(r, group[:]) {
			if err != nil {
				return err
			}
			members = append(members, w.member())
		}
		return nil
	})
	if err != nil {
		return nil, wrap("list pending members", err)
	}
	return members, nil
}
