package zoom

import (
	"context"

	"github.com/usher-scim/usher/adapters"
)

// Find looks an account up by p.ID, which is Zoom's id or the address of an invitation, else
// by e-mail. Zoom keeps no id of ours, so p.ExternalID finds nothing. Codes 1001, 1120 (the
// invitation has ended) and 1010 are NotFound. The account's Extra holds its licences, so that
// one read before a suspension can be restored.
func (z *Adapter) Find(ctx context.Context, p adapters.Probe) (adapters.Account, error) {
	const op = "find user"
	key := p.ID
	if key == "" {
		key = fold(p.Email)
	}
	if key == "" {
		return adapters.Account{}, invalid(op, "a Zoom user is found by id or e-mail address, and neither is known", "")
	}
	u, err := z.read(ctx, op, key)
	if err != nil {
		return adapters.Account{}, err
	}
	a, err := z.show(ctx, u)
	if err != nil {
		return adapters.Account{}, err
	}
	if err := z.keepLicences(ctx, u, &a); err != nil {
		return adapters.Account{}, asError(op, err)
	}
	return a, nil
}
