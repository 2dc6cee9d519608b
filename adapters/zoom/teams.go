package zoom

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/usher-scim/usher/adapters"
)

// ChangeMembers adds and removes members of the group named team, at most 30 additions a
// call; Zoom removes one at a time. If a call for several fails for good, it is made for each
// alone, so that one bad id keeps nobody else out. The first failure is returned at the end.
func (z *Adapter) ChangeMembers(ctx context.Context, team string, add, remove []string) error {
	const op = "change group members"
	if team == "" {
		return invalid(op, "the team has no name", fixText)
	}
	g, found, err := z.groups.find(ctx, team)
	if err != nil {
		return asError(op, err)
	}
	if !found && len(add) > 0 {
		if g, err = z.makeGroup(ctx, team); err != nil {
			return err
		}
		found = true
	}
	if !found {
		return noGroup(op, team)
	}
	var first error
	for _, id := range remove {
		err := z.removeMember(ctx, g, id)
		switch {
		case err == nil:
		case errors.Is(err, adapters.ErrNoTeam) && len(add) > 0: // the additions make the group anew
		case errors.Is(err, adapters.ErrNoTeam), !refused(err):
			return err
		default:
			first = earliest(first, err)
		}
	}
	for batch := range slices.Chunk(add, maxMembers) {
		if err := z.addMembers(ctx, &g, batch); err != nil {
			if !refused(err) {
				return err
			}
			first = earliest(first, err)
		}
	}
	return first
}

// makeGroup makes the group, or finds the one that somebody made meanwhile.
func (z *Adapter) makeGroup(ctx context.Context, name string) (named, error) {
	const op = "create group"
	g, err := z.api.createGroup(ctx, name)
	switch {
	case err == nil && g.ID == "":
		return named{}, &adapters.Error{Kind: adapters.Uncertain, Scope: adapters.OneAccount, Op: op, Message: "the group was made, but the reply names no id"}
	case err == nil:
		z.groups.add(named{ID: g.ID, Name: name})
		return g, nil
	case !adapters.IsKind(err, adapters.AlreadyExists):
		return named{}, err
	}
	z.groups.forget()
	g, found, err := z.groups.find(ctx, name)
	if err == nil && !found {
		return named{}, &adapters.Error{
			Kind: adapters.Retry, Scope: adapters.OneAccount, Op: op, After: Describe().ReadLag,
			Message: "the group was made a moment ago, and Zoom does not show it yet",
		}
	}
	return g, asError(op, err)
}

// addMembers adds ids, making the group anew when it was deleted since its name was read.
func (z *Adapter) addMembers(ctx context.Context, g *named, ids []string) error {
	who := make([]member, len(ids))
	for i, id := range ids {
		who[i] = memberOf(id)
	}
	err := z.api.addGroupMembers(ctx, g.ID, who)
	if err == nil || !refused(err) {
		return err
	}
	if codeOf(err) == codeNoGroup {
		z.groups.forget()
		made, makeErr := z.makeGroup(ctx, g.Name)
		if makeErr != nil {
			return makeErr
		}
		*g = made
		err = z.api.addGroupMembers(ctx, g.ID, who)
		if err == nil || !refused(err) {
			return err
		}
	}
	if len(ids) == 1 {
		return err
	}
	var first error
	for i := range who {
		if err := z.api.addGroupMembers(ctx, g.ID, who[i:i+1]); err != nil {
			if !refused(err) {
				return err
			}
			first = earliest(first, err)
		}
	}
	return first
}

func noGroup(op, team string) error {
	return &adapters.Error{Kind: adapters.NotFound, Scope: adapters.OneAccount, Op: op, Message: "there is no group " + team, Err: adapters.ErrNoTeam}
}

// removeMember takes id out; one who is not in, or not there, is out. An invited user goes by the e-mail address, which a change of
// it makes unknown: then nobody can tell whether the user is still in, until the caller knows the user by another id.
func (z *Adapter) removeMember(ctx context.Context, g named, id string) error {
	err := z.api.deleteGroupMember(ctx, g.ID, id)
	switch {
	case !adapters.IsKind(err, adapters.NotFound):
		return err
	case codeOf(err) == codeNoGroup:
		z.groups.forget()
		return noGroup("change group members", g.Name)
	case !strings.Contains(id, "@"):
		return nil
	}
	_, err = z.api.getUser(ctx, id)
	if adapters.IsKind(err, adapters.NotFound) {
		return &adapters.Error{
			Kind: adapters.Retry, Scope: adapters.OneAccount, Op: "change group members", After: Describe().ReadLag,
			Message: "an invited user who is to leave the group is not known by that address any more",
		}
	}
	return err
}

func earliest(first, next error) error {
	if first != nil {
		return first
	}
	return next
}
