package zoom

import (
	"context"

	"github.com/usher-scim/usher/adapters"
)

// Update sets what c names. E-mail, licence, role and profile are calls of their own, because
// Zoom takes them only so; a definite refusal of one does not keep the others from being made,
// and the first refusal is returned.
//
// The returned account is the one read before with what Zoom confirmed put in: a read may miss
// a write for some seconds. For an invitation Zoom confirms a profile that it may yet ignore;
// the first List after the person accepted shows what is missing, and it is sent again.
func (z *Adapter) Update(ctx context.Context, id string, c adapters.Change) (adapters.Account, error) {
	const op = "update user"
	if err := checkAttributes(op, c.Attributes); err != nil {
		return adapters.Account{}, err
	}
	u, err := z.read(ctx, op, id)
	if err != nil {
		return adapters.Account{}, err
	}
	if err = z.refuseProtected(op, u); err != nil {
		return adapters.Account{}, err
	}
	a, err := z.show(ctx, u)
	if err != nil {
		return adapters.Account{}, err
	}
	var first error
	for _, step := range []func() error{
		func() error { return z.changeEmail(ctx, u, c.Email, &a) },
		func() error { return z.changeLicence(ctx, op, u, c.Licence, &a) },
		func() error { return z.changeRole(ctx, op, u, c.Role, &a) },
		func() error { return z.changeProfile(ctx, u, c.Attributes, &a) },
	} {
		err := step()
		if err == nil {
			continue
		}
		if !settled(err) || adapters.IsKind(err, adapters.Unauthorized) || adapters.IsKind(err, adapters.NotFound) {
			return adapters.Account{}, err
		}
		if first == nil {
			first = err
		}
	}
	if first != nil {
		return adapters.Account{}, first
	}
	return a, nil
}

// changeEmail changes the address where it differs: Zoom allows three changes in 24 hours,
// within the account's managed domains.
func (z *Adapter) changeEmail(ctx context.Context, u user, want *string, a *adapters.Account) error {
	if want == nil || fold(*want) == fold(u.Email) {
		return nil
	}
	if fold(*want) == "" {
		return invalid("change e-mail", "a Zoom user cannot be without an e-mail address", fixText)
	}
	if u.pending() {
		return conflict("change e-mail", "the address of an invitation cannot be changed",
			"wait until the person has accepted, or delete the pending user in Zoom so that the new address is invited")
	}
	if err := z.api.putEmail(ctx, u.handle(), fold(*want)); err != nil {
		return err
	}
	a.Email = fold(*want)
	return nil
}

// changeLicence sets the user's type, in a PATCH that holds nothing else: Zoom refuses type
// together with the other licence fields.
func (z *Adapter) changeLicence(ctx context.Context, op string, u user, want *string, a *adapters.Account) error {
	if want == nil || *want == "" || *want == licenceOf(u.Type) {
		return nil
	}
	t, err := userType(op, *want)
	if err != nil {
		return err
	}
	if err := z.api.patchUser(ctx, u.handle(), map[string]any{"type": t}); err != nil {
		return err
	}
	a.Licence = licenceOf(t)
	return nil
}

func (z *Adapter) changeRole(ctx context.Context, op string, u user, want *string, a *adapters.Account) error {
	if want == nil || *want == "" {
		return nil
	}
	if err := z.setRole(ctx, op, u, *want); err != nil {
		return err
	}
	a.Role = roleName(*want)
	a.Admin = a.Role == RoleAdmin
	return nil
}

// changeProfile sends the attributes that differ from what was read, in one PATCH.
func (z *Adapter) changeProfile(ctx context.Context, u user, attributes map[string]string, a *adapters.Account) error {
	if body := patchOf(u, differing(u, attributes)); body != nil {
		if err := z.api.patchUser(ctx, u.handle(), body); err != nil {
			return err
		}
	}
	for name, value := range attributes {
		f, _ := fieldNamed(name)
		switch {
		case value == "" && f.keeps:
		case value == "" && name == "display_name":
			delete(a.Attributes, name) // Zoom builds one of its own
		default:
			a.Attributes[name] = value
		}
	}
	return nil
}

// conflict is a refusal of our own for the state of something else.
func conflict(op, message, fix string) *adapters.Error {
	return &adapters.Error{Kind: adapters.Conflict, Scope: adapters.OneAccount, Op: op, Message: message, Fix: fix}
}
