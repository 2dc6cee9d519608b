package zoom

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/usher-scim/usher/adapters"
)

// roleName brings the built-in roles' names into the words of the mapping; the account's own
// roles keep theirs. The ids 0, 1 and 2 of the built-in ones are nowhere promised.
func roleName(s string) string {
	switch l := strings.ToLower(strings.TrimSpace(s)); l {
	case RoleOwner, RoleAdmin, RoleMember:
		return l
	case "administrator":
		return RoleAdmin
	}
	return s
}

// setRole gives u the role of that name. A user has one role; giving one replaces the other,
// and the role member is had by taking the other away.
func (z *Adapter) setRole(ctx context.Context, op string, u user, want string) error {
	want, have := roleName(want), roleName(u.RoleName)
	switch {
	case want == "" || strings.EqualFold(want, have):
		return nil
	case want == RoleOwner:
		return invalid(op, "the role owner cannot be given by a connector", "hand the ownership over in the Zoom web portal")
	case have == RoleOwner:
		return z.refuseProtected(op, u)
	case want == RoleMember:
		return z.dropRole(ctx, u)
	}
	r, found, err := z.role(ctx, want)
	if err != nil {
		return err
	}
	if !found {
		return invalid(op, fmt.Sprintf("the Zoom account has no role %q", want), "make the role in Zoom, or name another in the mapping")
	}
	given, err := z.api.addRoleMember(ctx, r.ID, u.member())
	if err == nil && given == "" && u.pending() {
		return conflict(op, "an invited user cannot have a role before the invitation is accepted", "wait until the person has accepted")
	}
	return err
}

// dropRole makes u a plain member.
func (z *Adapter) dropRole(ctx context.Context, u user) error {
	if !u.elevated() {
		return nil
	}
	id := u.RoleID
	if id == "" {
		r, found, err := z.role(ctx, roleName(u.RoleName))
		if err != nil {
			return err
		}
		if !found {
			return invalid("take role away", fmt.Sprintf("the Zoom account has no role %q", u.RoleName), "")
		}
		id = r.ID
	}
	err := z.api.deleteRoleMember(ctx, id, u.handle())
	if adapters.IsKind(err, adapters.NotFound) {
		return nil // the user was read a moment ago: what is not there is the membership
	}
	return err
}

// elevated reports whether u has a role beyond member.
func (u user) elevated() bool {
	r := roleName(u.RoleName)
	return r != "" && r != RoleMember
}

// role looks a role up by the mapping's name.
func (z *Adapter) role(ctx context.Context, name string) (named, bool, error) {
	all, err := z.roles.list(ctx)
	if err != nil {
		return named{}, false, err
	}
	for _, r := range all {
		if strings.EqualFold(roleName(r.Name), name) {
			return r, true, nil
		}
	}
	return named{}, false, nil
}

// asError makes every error one of the contract.
func asError(op string, err error) error {
	if err == nil {
		return nil
	}
	var e *adapters.Error
	if errors.As(err, &e) {
		return err
	}
	return &adapters.Error{Kind: adapters.Uncertain, Scope: adapters.OneAccount, Op: op, Message: "stopped before it was done", Err: err}
}
