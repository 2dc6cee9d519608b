package zoom

import (
	"context"
	"errors"
	"strings"

	"github.com/usher-scim/usher/adapters"
)

// Create makes a user the way the connection's create_action says. POST /users takes only
// names and licence; the other fields and the role follow in calls of their own.
//
// If one of those fails after the user was made, Create returns an Uncertain error that says
// so: looking the account up finds it, and Update then brings it to what is wanted, or gets
// the refusal itself. An invitation may refuse or ignore the fields, so for one a definite
// refusal of them is passed over; the returned Attributes hold only what Zoom took.
func (z *Adapter) Create(ctx context.Context, p adapters.Profile) (adapters.Account, error) {
	const op = "create user"
	body, later, err := z.newUser(op, p)
	if err != nil {
		return adapters.Account{}, err
	}
	made, err := z.api.createUser(ctx, body)
	if err != nil {
		return adapters.Account{}, err
	}
	u := user{
		ID: made.ID, Email: body.Info.Email, Status: statusActive, Type: body.Info.Type, RoleName: RoleMember,
		FirstName: body.Info.FirstName, LastName: body.Info.LastName, DisplayName: body.Info.DisplayName,
	}
	switch {
	case body.Action == Invite:
		u.Status = statusPending
	case u.ID == "":
		return adapters.Account{}, unfinished(op, "the reply names no id", nil)
	}
	a := z.account(u, true, nil)
	if err := z.changeProfile(ctx, u, later, &a); err != nil && !(u.pending() && refused(err)) {
		return adapters.Account{}, unfinished(op, "its profile is not complete", err)
	}
	if err := z.changeRole(ctx, op, u, &p.Role, &a); err != nil {
		return adapters.Account{}, unfinished(op, "its role is not given", err)
	}
	return a, nil
}

// newUser is the body of POST /users and what must follow it.
func (z *Adapter) newUser(op string, p adapters.Profile) (body newUser, later map[string]string, err error) {
	email := fold(p.Email)
	if at := strings.LastIndexByte(email, '@'); at < 1 || at == len(email)-1 || len(email) > 128 {
		return body, nil, invalid(op, "a Zoom user needs an e-mail address of at most 128 characters", fixText)
	}
	if attrErr := checkAttributes(op, p.Attributes); attrErr != nil {
		return body, nil, attrErr
	}
	if roleName(p.Role) == RoleOwner {
		return body, nil, invalid(op, "the role owner cannot be given by a connector", fixText)
	}
	first, later := splitCreate(p.Attributes)
	body = newUser{Action: z.cfg.CreateAction, Info: newUserInfo{
		Email: email, FirstName: first["first_name"], LastName: first["last_name"], DisplayName: first["display_name"],
	}}
	if body.Info.Type, err = userType(op, p.Licence); err != nil {
		return body, nil, err
	}
	if body.Action == WithPassword {
		if body.Info.Password, err = newPassword(z.random); err != nil {
			return body, nil, &adapters.Error{Kind: adapters.Unavailable, Scope: adapters.WholeApp, Op: op, Message: "no random password could be drawn", Err: err}
		}
	}
	return body, later, nil
}

// refused reports whether err is a definite answer about the one account.
func refused(err error) bool {
	return settled(err) && !adapters.IsKind(err, adapters.Unauthorized)
}

// unfinished says that the user was made and something after it failed with cause.
func unfinished(op, what string, cause error) error {
	e := &adapters.Error{Kind: adapters.Uncertain, Scope: adapters.OneAccount, Op: op, Message: "the user was made, but " + what, Err: cause}
	var c *adapters.Error
	if errors.As(cause, &c) {
		e.Message += ": " + c.Message
		e.Fix, e.Status, e.Code, e.Request = c.Fix, c.Status, c.Code, c.Request
	}
	return e
}
