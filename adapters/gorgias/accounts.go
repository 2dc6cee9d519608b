package gorgias

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// Find looks a user up by id; else by external id, where only exact equals count; else by e-mail
// without regard to case, bots left out. Several users that match are a Conflict.
func (a *Adapter) Find(ctx context.Context, p adapters.Probe) (adapters.Account, error) {
	const op = "find user"
	if p.ID == "" && p.ExternalID == "" && p.Email == "" {
		return adapters.Account{}, refusal(op, adapters.Invalid, "there is nothing to look for")
	}
	u, err := a.find(ctx, op, p)
	if err != nil {
		return adapters.Account{}, err
	}
	me, err := a.self(ctx)
	if err != nil {
		return adapters.Account{}, err
	}
	return a.account(u, me), nil
}

func (a *Adapter) find(ctx context.Context, op string, p adapters.Probe) (user, error) {
	if p.ID != "" {
		if err := usable(op, p.ID); err != nil {
			return user{}, err
		}
		return a.readUser(ctx, op, p.ID)
	}
	if p.ExternalID != "" {
		u, err := a.only(ctx, op, url.Values{"external_id": {p.ExternalID}}, "external id", func(u user) bool {
			return u.ExternalID == p.ExternalID
		})
		if p.Email == "" || !adapters.IsKind(err, adapters.NotFound) {
			return u, err
		}
	}
	email := strings.ToLower(p.Email)
	return a.only(ctx, op, url.Values{"email": {email}}, "e-mail", func(u user) bool {
		return strings.EqualFold(u.Email, email) && !u.bot()
	})
}

// only returns the one user of a filtered list that really matches.
func (a *Adapter) only(ctx context.Context, op string, filter url.Values, what string, match func(user) bool) (user, error) {
	found, _, err := page[user](ctx, a.api, op, "/users", filter)
	if err != nil {
		return user{}, err
	}
	var hit user
	for _, u := range found {
		switch {
		case !match(u) || u.ID == hit.ID:
		case hit.ID != 0:
			e := refusal(op, adapters.Conflict, "several users have this "+what)
			e.Fix = "leave one of them in Gorgias"
			return user{}, e
		default:
			hit = u
		}
	}
	if hit.ID == 0 {
		return user{}, refusal(op, adapters.NotFound, "no user has this "+what)
	}
	return hit, nil
}

// Create makes a user. The reply's status is not looked at beyond 2xx: 200 is recorded, 201 documented.
func (a *Adapter) Create(ctx context.Context, p adapters.Profile) (adapters.Account, error) {
	const op = "create user"
	body, err := newUser(op, p)
	if err != nil {
		return adapters.Account{}, err
	}
	u, err := one[user](ctx, a.api, vendorhttp.Request{Op: op, Method: http.MethodPost, Path: "/users", Body: body})
	if err != nil {
		return adapters.Account{}, err
	}
	return a.account(u, user{}), nil
}

// newUser is the body of a creation. Nothing empty is sent: unknown and bad values are refused with 400.
func newUser(op string, p adapters.Profile) (map[string]any, error) {
	email := strings.ToLower(strings.TrimSpace(p.Email))
	if email == "" {
		return nil, refusal(op, adapters.Invalid, "an account needs an e-mail address")
	}
	if p.Licence != "" {
		return nil, refusal(op, adapters.Unsupported, "Gorgias has no licences")
	}
	role := p.Role
	if role == "" {
		role = ordinary
	}
	if err := allowed(op, role); err != nil {
		return nil, err
	}
	body := map[string]any{"email": email, "role": roleName{role}}
	if p.ExternalID != "" {
		body["external_id"] = p.ExternalID
	}
	for field, value := range p.Attributes {
		v, send, err := normal(op, field, value)
		if err != nil {
			return nil, err
		}
		if send && v != "" {
			body[field] = v
		}
	}
	if body["name"] == nil {
		return nil, refusal(op, adapters.Invalid, "an account needs a name")
	}
	return body, nil
}

// Update reads the user, sends what differs, and nothing when nothing does. The e-mail address
// cannot be changed; an external id that somebody else wrote is left alone (Conflict). Taking
// the role of an administrator waits for other such changes of this connection.
func (a *Adapter) Update(ctx context.Context, id string, c adapters.Change) (adapters.Account, error) {
	const op = "update user"
	u, err := a.guarded(ctx, op, id)
	if err != nil {
		return adapters.Account{}, err
	}
	body, err := changes(op, u, c)
	if err != nil {
		return adapters.Account{}, err
	}
	if len(body) > 0 {
		if u, err = a.write(ctx, op, u, body); err != nil {
			return adapters.Account{}, err
		}
	}
	return a.account(u, user{}), nil
}

// write sends an update. The vendor leaves fields that are not sent as they are, though it is a PUT.
func (a *Adapter) write(ctx context.Context, op string, u user, body map[string]any) (user, error) {
	_, changesRole := body["role"]
	if changesRole && u.Role.Name == admin {
		release, err := a.lastAdmin(ctx, op, u)
		if err != nil {
			return user{}, err
		}
		defer release()
	}
	after, err := one[user](ctx, a.api, vendorhttp.Request{Op: op, Method: http.MethodPut, Path: "/users/{id}", Args: []string{u.id()}, Body: body})
	if err != nil && changesRole {
		return user{}, a.refused(ctx, u, err, "role")
	}
	return after, err
}

// refused looks into a 400 or 403 for what may only concern this account: the owner and the last
// administrator can be neither deleted nor given another role, and which status says so is not
// documented. A 403 is the connection's problem only if its own user is no administrator any more.
func (a *Adapter) refused(ctx context.Context, u user, err error, field string) error {
	e, ok := errors.AsType[*adapters.Error](err)
	if !ok || u.Role.Name != admin {
		return err
	}
	switch e.Status {
	case http.StatusBadRequest:
		if field != "" && !atFault(e, field) {
			return err
		}
	case http.StatusForbidden:
		if me, selfErr := a.readSelf(ctx); selfErr != nil || me.Role.Name != admin {
			return err
		}
	default:
		return err
	}
	e.Kind, e.Scope = adapters.Protected, adapters.OneAccount
	e.Fix = "if this is the account owner, name the owner as owner_email in the connection's settings, or transfer the ownership in Gorgias"
	return e
}
