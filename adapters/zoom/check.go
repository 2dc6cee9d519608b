package zoom

import (
	"context"
	"strconv"

	"github.com/usher-scim/usher/adapters"
)

// Check gets a token and reads one user. The tenant is the account id that Zoom itself puts
// on that user's record, so that a token that reaches another account is noticed; with no user
// to read, or no scope to read one, it is the account id of the settings. A Server-to-Server
// app signs in as no user: Self is the owner_email of the settings, if there is one. Missing
// compares the token's scopes with needs.
func (z *Adapter) Check(ctx context.Context) (adapters.Identity, error) {
	const op = "check connection"
	id := adapters.Identity{Tenant: z.cfg.AccountID}
	if z.cfg.OwnerEmail != "" {
		id.Self = []string{z.cfg.OwnerEmail}
	}
	seen, err := z.firstUser(ctx)
	token, tokenErr := z.api.token.Token(ctx)
	if tokenErr != nil {
		if err == nil {
			err = asError(op, tokenErr)
		}
		return adapters.Identity{}, err
	}
	id.Missing = missingScopes(token.Scope)
	if err != nil {
		// A missing scope is a finding; everything else is a failure of the check.
		if !adapters.IsKind(err, adapters.Unauthorized) || len(id.Missing) == 0 {
			return adapters.Identity{}, err
		}
	}
	if seen.AccountID != "" {
		id.Tenant = seen.AccountID
	}
	id.Name = "Zoom account " + id.Tenant
	if seen.AccountNo != 0 {
		id.Name = "Zoom account " + strconv.FormatInt(seen.AccountNo, 10)
	}
	return id, nil
}

// firstUser reads the record of the first active user there is; none is no failure.
func (z *Adapter) firstUser(ctx context.Context) (user, error) {
	page, err := z.api.listUsers(ctx, statusActive, "", 1)
	if err != nil || len(page.Users) == 0 {
		return user{}, err
	}
	u, err := z.api.getUser(ctx, page.Users[0].handle())
	if adapters.IsKind(err, adapters.NotFound) {
		return user{}, nil // removed between the two calls
	}
	return u, err
}
