package directory

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// sweepSlice is how many edges one transaction of a sweep drops at most.
const sweepSlice = 1000

// DeletedGroups returns the deleted groups that are still kept, the longest deleted first.
func (d *Directory) DeletedGroups(ctx context.Context) ([]Group, error) {
	var groups []Group
	err := d.store.View(ctx, func(r store.Reader) error {
		for group, err := range d.groups.Find(r, byDeleted, nil) {
			if err != nil {
				return err
			}
			groups = append(groups, *group)
		}
		return nil
	})
	if err != nil {
		return nil, wrap("list deleted groups", err)
	}
	return groups, nil
}

// SweepGroup drops up to limit (at most 1000) of what a deleted group has left, in
// one transaction with a change that names the persons, and at last the group itself. It
// is called again until done; of a group that is gone already it is. A living group is Invalid.
func (d *Directory) SweepGroup(ctx context.Context, id uuid.UUID, limit int) (done bool, err error) {
	a := d.act(audit.Actor{Kind: audit.ByEngine}, "")
	limit = max(1, min(limit, sweepSlice))
	err = d.store.Update(ctx, func(tx store.Tx) (failed error) {
		group, failed := found(d.groups.Get(tx, id[:]))
		switch {
		case failed != nil:
			return failed
		case group == nil:
			done = true
			return nil
		case group.Deleted.IsZero():
			return &Error{Code: Invalid, Message: fmt.Sprintf("the group %s is not deleted", id)}
		}
		done, failed = d.sweepSlice(tx, a, *group, limit)
		return failed
	})
	return done && err == nil, wrap("sweep a deleted group", err)
}

func (d *Directory) sweepSlice(tx store.Tx, a act, group Group, limit int) (done bool, err error) {
	var diff memberDiff
	for key := range tx.Range(membersTable, group.ID[:], store.PrefixEnd(group.ID[:])) {
		if len(diff.removed) == limit {
			break
		}
		diff.removed = append(diff.removed, second(key))
	}
	for w, err := range d.pending.Scan(tx, group.ID[:]) {
		if err != nil {
			return false, err
		}
		if len(diff.removed)+len(diff.given) >= limit {
			break
		}
		diff.given = append(diff.given, w.Value)
	}
	if err := d.writeMembers(tx, group, diff); err != nil {
		return false, err
	}
	if done = len(diff.removed)+len(diff.given) < limit; done {
		if err := d.groups.Delete(tx, group.ID[:]); err != nil {
			return false, err
		}
	}
	if diff.empty() {
		return done, nil
	}
	if !done {
		left := group
		left.Members -= len(diff.removed)
		if err := d.groups.Replace(tx, &group, &left); err != nil {
			return false, err
		}
	}
	return done, appendMembers(tx, a.begin(audit.GroupMembers), group, diff, detail{})
}
