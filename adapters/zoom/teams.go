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
// alone, so that one bad id keeps nobody else out. The first failure is returned at the end. Whatever ends it before, what
// was done until then stands, and the error says for whom the change is left.
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
	c := memberChange{op: op, of: len(add) + len(remove)}
	for i, id := range remove {
		err := z.removeMember(ctx, g, id)
		switch {
		case err == nil:
		case errors.Is(err, adapters.ErrNoTeam) && len(add) > 0: // the additions make the group anew
		case errors.Is(err, adapters.ErrNoTeam):
			return err // whether it was the right tenant that said so is not for us to tell
		case !refused(err):
			return c.cut(err, remove[i:], add)
		default:
			c.refuse(err, id)
		}
	}
	for i := 0; i < len(add); i += maxMembers {
		batch := add[i:min(i+maxMembers, len(add))]
		done, err := z.addMembers(ctx, &g, batch, &c)
		if err != nil {
			return c.cut(err, add[i+done:])
		}
	}
	return c.failure()
}

// memberChange keeps whom a change of a group is left for, and why the first of them.
type memberChange struct {
	op    string
	of    int // accounts that it is for
	left  []string
	first error
}

// refuse notes a definite answer about one account.
func (c *memberChange) refuse(err error, id string) {
	c.left = append(c.left, id)
	if c.first == nil {
		c.first = err
	}
}

// cut is the error of a change that ended before its end. left are those from whom on nothing is known to be done.
func (c *memberChange) cut(err error, left ...[]string) error {
	c.left, c.first = append(c.left, slices.Concat(left...)...), err
	return c.failure()
}

func (c *memberChange) failure() error {
	var e *adapters.Error
	if errors.As(asError(c.op, c.first), &e) && len(c.left) < c.of {
		return adapters.Partly(e, c.left)
	}
	return c.first
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

// addMembers adds ids, at most maxMembers, making the group anew when it was deleted since its name was read. Whoever is refused
// is noted in c; an error is one that ends the change, and comes with how many of ids were dealt with before it.
func (z *Adapter) addMembers(ctx context.Context, g *named, ids []string, c *memberChange) (done int, err error) {
	who := make([]member, len(ids))
	for i, id := range ids {
		who[i] = memberOf(id)
	}
	err = z.api.addGroupMembers(ctx, g.ID, who)
	if err == nil || !refused(err) {
		return 0, err
	}
	if codeOf(err) == codeNoGroup {
		z.groups.forget()
		made, makeErr := z.makeGroup(ctx, g.Name)
		if makeErr != nil {
			return 0, makeErr
		}
		*g = made
		err = z.api.addGroupMembers(ctx, g.ID, who)
		if err == nil || !refused(err) {
			return 0, err
		}
	}
	if len(ids) == 1 {
		c.refuse(err, ids[0])
		return 1, nil
	}
	for i, id := range ids {
		if err := z.api.addGroupMembers(ctx, g.ID, who[i:i+1]); err != nil {
			if !refused(err) {
				return i, err
			}
			c.refuse(err, id)
		}
	}
	return len(ids), nil
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
