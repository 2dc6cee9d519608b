package zoom

import (
	"context"
	"encoding/json"

	"github.com/usher-scim/usher/adapters"
)

// Suspend takes a role away that forbids it, ends SSO sessions, deactivates the user, and reads back that Zoom shows it so. Zoom
// keeps the data and takes all licences.
//
// An invitation cannot be deactivated; it is withdrawn, so that nobody accepts it later, and
// Suspend returns NotFound once Zoom says that it is gone.
func (z *Adapter) Suspend(ctx context.Context, id string) error {
	const op = "suspend user"
	u, err := z.read(ctx, op, id)
	if err != nil {
		return err
	}
	if err := z.refuseProtected(op, u); err != nil {
		return err
	}
	switch u.state() {
	case adapters.Suspended:
		return nil // what Zoom answers to a second deactivation is nowhere said
	case adapters.Invited:
		return z.withdraw(ctx, op, u)
	}
	if err := z.dropRole(ctx, u); err != nil {
		return err
	}
	// A definite refusal here (a user without SSO, a missing scope) must not keep the
	// deactivation from being sent; what may pass by itself is worth repeating, as a user
	// once inactive is not signed out again.
	if err := z.api.deleteToken(ctx, u.handle()); err != nil && !settled(err) {
		return err
	}
	if err := z.api.putStatus(ctx, u.handle(), "deactivate"); err != nil {
		return err
	}
	return z.awaitSuspended(ctx, op, u.handle())
}

// withdraw takes an invitation back.
func (z *Adapter) withdraw(ctx context.Context, op string, u user) error {
	err := z.api.deleteUser(ctx, u.handle(), removalQuery(u, adapters.Removal{Action: adapters.Disassociate}, ""))
	if err != nil {
		return err
	}
	if err := z.awaitGone(ctx, op, u.handle()); err != nil {
		return err
	}
	return &adapters.Error{Kind: adapters.NotFound, Scope: adapters.OneAccount, Op: op, Message: "the invitation was withdrawn, and Zoom confirms that there is none any more"}
}

// Resume activates the user and gives back what Zoom took at the suspension: type and
// licences out of before.Extra, then the role. It sends only what is not there.
func (z *Adapter) Resume(ctx context.Context, id string, before adapters.Account) (adapters.Account, error) {
	const op = "resume user"
	u, err := z.read(ctx, op, id)
	if err != nil {
		return adapters.Account{}, err
	}
	if err = z.refuseProtected(op, u); err != nil {
		return adapters.Account{}, err
	}
	if u.state() == adapters.Suspended {
		if err = z.api.putStatus(ctx, u.handle(), "activate"); err != nil {
			return adapters.Account{}, err
		}
		u.Status = statusActive
	}
	x, err := licencesBefore(op, before)
	if err != nil {
		return adapters.Account{}, err
	}
	if err = z.restore(ctx, &u, x); err != nil {
		return adapters.Account{}, err
	}
	a, err := z.show(ctx, u)
	if err != nil {
		return adapters.Account{}, err
	}
	if before.Role != RoleOwner {
		if err := z.changeRole(ctx, op, u, &before.Role, &a); err != nil {
			return adapters.Account{}, err
		}
	}
	return a, nil
}

// licencesBefore reads what an account had; without an Extra only its licence is known.
func licencesBefore(op string, before adapters.Account) (extra, error) {
	var x extra
	if len(before.Extra) > 0 {
		if err := json.Unmarshal(before.Extra, &x); err != nil {
			return extra{}, invalid(op, "what was kept of the account's licences cannot be read", "give the licences back in the Zoom web portal")
		}
	}
	if x.Type == 0 && before.Licence != "" {
		t, err := userType(op, before.Licence)
		if err != nil {
			return extra{}, err
		}
		x.Type = t
	}
	return x, nil
}

// restore gives u the licences x. Zoom takes type, plan and Zoom One each in a call of its
// own, and the features only after the type that allows them.
func (z *Adapter) restore(ctx context.Context, u *user, x extra) error {
	key := u.handle()
	if x.Type != 0 && licenceOf(x.Type) != licenceOf(u.Type) {
		t, err := userType("update user", licenceOf(x.Type))
		if err != nil {
			return err
		}
		if err := z.api.patchUser(ctx, key, map[string]any{"type": t}); err != nil {
			return err
		}
		u.Type = t
	}
	if x.Plan != "" && x.Plan != u.PlanUnitedType {
		if err := z.api.patchUser(ctx, key, map[string]any{"plan_united_type": x.Plan}); err != nil {
			return err
		}
		u.PlanUnitedType = x.Plan
	}
	if x.ZoomOne != 0 && x.ZoomOne != u.ZoomOneType {
		if err := z.api.patchUser(ctx, key, map[string]any{"zoom_one_type": x.ZoomOne}); err != nil {
			return err
		}
		u.ZoomOneType = x.ZoomOne
	}
	if len(x.Features) == 0 {
		return nil
	}
	have, err := z.api.getSettings(ctx, key)
	if err != nil {
		return err
	}
	if missing := have.lacking(x.Features); len(missing) > 0 {
		return z.api.patchSettings(ctx, key, missing)
	}
	return nil
}
