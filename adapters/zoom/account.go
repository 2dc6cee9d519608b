package zoom

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/usher-scim/usher/adapters"
)

// handle is how calls name u, and the id its account has in the contract: Zoom's id, or for
// an invitation, which Zoom shows without an id, the e-mail address in lower case. When the
// invitation is accepted, a look-up by that address returns the account with its real id.
func (u user) handle() string {
	if u.ID == "" || u.pending() {
		return fold(u.Email)
	}
	return u.ID
}

// member names u in the body of a call.
func (u user) member() member { return memberOf(u.handle()) }

func memberOf(id string) member {
	if isEmail(id) {
		return member{Email: id}
	}
	return member{ID: id}
}

func (u user) pending() bool { return u.Status == statusPending || u.Status == "" && u.ID == "" }

func (u user) state() adapters.State {
	switch {
	case u.pending():
		return adapters.Invited
	case u.Status == statusInactive:
		return adapters.Suspended
	}
	return adapters.Active
}

// read returns the user under an id or e-mail address, with its role's name.
func (z *Adapter) read(ctx context.Context, op, id string) (user, error) {
	// "me" would be whoever the token stands for; Zoom forbids it with this kind of app.
	if id == "" || id == "me" {
		return user{}, invalid(op, "the account has no usable id", "")
	}
	if isEmail(id) {
		id = fold(id)
	}
	u, err := z.api.getUser(ctx, id)
	if err != nil {
		return user{}, err
	}
	if u.ID == "" && u.Email == "" {
		return user{}, &adapters.Error{Kind: adapters.Unavailable, Scope: adapters.OneAccount, Op: op, Message: "the reply names no user"}
	}
	if u.RoleName == "" && u.RoleID != "" {
		names, err := z.roles.names(ctx)
		if err != nil {
			return user{}, err
		}
		u.RoleName = names[u.RoleID]
	}
	return u, nil
}

// account shows u, which was read alone or stood in a list, in the contract's words. In
// Attributes, "" is a field known to be empty, and an absent one a field the reply did not cover.
func (z *Adapter) account(u user, alone bool, groups map[string]string) adapters.Account {
	a := adapters.Account{
		ID:         u.handle(),
		Email:      fold(u.Email),
		State:      u.state(),
		Role:       roleName(u.RoleName),
		Licence:    licenceOf(u.Type),
		Attributes: map[string]string{},
		Protected:  z.protected(u),
	}
	a.Admin = a.Role == RoleOwner || a.Role == RoleAdmin
	for _, f := range fields {
		if v := f.value(u); v != "" || alone || f.listed {
			a.Attributes[f.name] = v
		}
	}
	if groups != nil && !u.pending() {
		a.Teams = []string{}
		for _, id := range u.GroupIDs {
			if name, ok := groups[id]; ok {
				a.Teams = append(a.Teams, name)
			}
		}
		slices.Sort(a.Teams)
	}
	return a
}

// protected says why nothing may be done to u, or "".
func (z *Adapter) protected(u user) string {
	switch {
	case roleName(u.RoleName) == RoleOwner:
		return "account owner"
	case z.cfg.OwnerEmail != "" && fold(u.Email) == z.cfg.OwnerEmail:
		return "owner of the connection's Zoom app"
	}
	return ""
}

// refuseProtected returns an error of kind Protected for an account that may not be touched.
func (z *Adapter) refuseProtected(op string, u user) error {
	why := z.protected(u)
	if why == "" {
		return nil
	}
	return &adapters.Error{
		Kind: adapters.Protected, Scope: adapters.OneAccount, Op: op,
		Message: "the account is protected: " + why, Fix: "hand the ownership over in the Zoom web portal first",
	}
}

// groupNames returns the groups' names by id, or nil where the plan or the scopes give none.
func (z *Adapter) groupNames(ctx context.Context) (map[string]string, error) {
	names, err := z.groups.names(ctx)
	if err != nil {
		switch adapters.KindOf(err) {
		case adapters.Unauthorized, adapters.Unsupported:
			return nil, nil // Check reports the missing scope; accounts are shown without teams
		}
		return nil, err
	}
	return names, nil
}

// show is account for a user read alone, with teams.
func (z *Adapter) show(ctx context.Context, u user) (adapters.Account, error) {
	groups := map[string]string{}
	if len(u.GroupIDs) > 0 {
		var err error
		if groups, err = z.groupNames(ctx); err != nil {
			return adapters.Account{}, err
		}
	}
	return z.account(u, true, groups), nil
}

// extra is what Resume needs of an account from before: Zoom takes all licences away when a
// user is deactivated and does not remember them.
type extra struct {
	Type     int      `json:"type"`
	ZoomOne  int64    `json:"zoomOne,omitempty"`
	Plan     string   `json:"plan,omitempty"`
	Features features `json:"features,omitempty"`
}

// keepLicences puts u's licences into a.Extra. Only an active user has any to keep; where the
// settings cannot be read for want of a scope, those in the user record are kept alone.
func (z *Adapter) keepLicences(ctx context.Context, u user, a *adapters.Account) error {
	if u.state() != adapters.Active {
		return nil
	}
	x := extra{Type: u.Type, ZoomOne: u.ZoomOneType, Plan: u.PlanUnitedType}
	all, err := z.api.getSettings(ctx, u.handle())
	switch {
	case err == nil:
		x.Features = all.licences()
	case !settled(err):
		return err
	}
	a.Extra, err = json.Marshal(x)
	return err
}

// settled reports whether err is a definite answer about this one call, which repeating it
// now would not change and which leaves other calls possible.
func settled(err error) bool {
	switch adapters.KindOf(err) {
	case adapters.Retry, adapters.Uncertain, adapters.Unavailable:
		return false
	}
	return true
}
