package provision

import (
	"slices"

	"github.com/usher-scim/usher/adapters"
)

// A returning person's account gets what the mapping says, and beside that what it had before we first reduced it
// (Account.Before) and the mapping does not speak of: given by hand, taken by us. A suspension gives it back in the
// adapter's Resume; what follows is for demotions, and for removals that did not take place.

// asBefore completes what is wanted of a returning account with the role and the licence it had, where the mapping names none.
// Without a memory of them, a demoted account gets the app's default.
func (p *planner) asBefore(a *Account, wanted *adapters.Profile) {
	var before adapters.Account
	switch {
	case a.Before != nil:
		before = *a.Before
	case a.State != Demoted:
		return
	}
	if wanted.Role == "" {
		wanted.Role = before.Role
	}
	if wanted.Licence == "" {
		wanted.Licence = before.Licence
	}
	if a.State == Demoted && wanted.Role == "" {
		wanted.Role = p.Can.DefaultRole
	}
}

// teamsBefore are the teams that a returning account was in by hand and is not in any more: those that no grant names, but for those that
// Usher had put it into.
func (p *planner) teamsBefore(a *Account) []string {
	if a.Before == nil {
		return nil
	}
	var join []string
	for _, t := range a.Before.Teams {
		if !slices.Contains(a.Teams, t) && !p.App.ManagesTeam(t) && !slices.Contains(a.Entered, t) && !slices.Contains(p.Want.Teams, t) {
			join = append(join, t)
		}
	}
	return join
}
