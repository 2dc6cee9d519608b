package provision

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-scim/usher/adapters"
)

// align brings a usable account to what is wanted.
func (p *planner) align(a *Account, profile adapters.Profile) {
	p.asBefore(a, &profile)
	var c adapters.Change
	complete := true // nothing was left out for want of an approval
	cautious := a.Origin != Created && !a.Enforced
	// An update whose reply was lost may have set anything: what is wanted is written whole.
	unsure := a.unsure(OpUpdate)

	if a.Email != profile.Email || unsure && p.Can.EmailChange {
		if p.Can.EmailChange {
			if a.Email == profile.Email || p.effect(identityEffect(a, profile.Email)) {
				c.Email = &profile.Email
			} else {
				complete = false
			}
		} else {
			p.hold(HoldSpec{
				Kind: HoldEmail, Fingerprint: a.ID.String() + " " + profile.Email,
				Text: fmt.Sprintf("the directory says %s, the account says %s, and %s does not let a connector change the address", profile.Email, a.Email, p.Can.Title),
				Fix:  "change it at " + p.Can.Title + " by hand, or approve to leave it",
			})
		}
	}
	if p.Can.ExternalID && a.ExternalID == "" {
		c.ExternalID = &profile.ExternalID
	}
	join, leave := p.teams(a)
	join = append(join, p.teamsBefore(a)...)
	lost := reduced{leave: leave}
	if r := profile.Role; r != "" && r != a.Role {
		switch {
		case p.raises(r, a.Role):
			if !p.Can.MayAdministrate(r) || p.effect(adminEffect(a, r)) {
				c.Role = &r
			} else {
				complete = false
			}
		case p.Can.MayAdministrate(r) && !p.Can.MayAdministrate(a.Role) && !p.effect(adminEffect(a, r)):
			complete = false
		default:
			lost.role = r
		}
	} else if unsure && r != "" {
		c.Role = &r
	}
	if l := profile.Licence; l != "" && l != a.Licence {
		if p.raises(l, a.Licence) {
			c.Licence = &l
		} else {
			lost.licence = l
		}
	} else if unsure && l != "" {
		c.Licence = &l
	}
	if cautious {
		complete = p.looked(a, &lost) && complete
	} else if !lost.none() && !p.effect(reductionEffect(a, lost)) {
		lost, complete = reduced{}, false
	}
	if lost.role != "" {
		c.Role = &lost.role
	}
	if lost.licence != "" {
		c.Licence = &lost.licence
	}
	leave = lost.leave
	for field, value := range profile.Attributes {
		if a.Profile[field] != value || unsure {
			if c.Attributes == nil {
				c.Attributes = map[string]string{}
			}
			c.Attributes[field] = value
		}
	}

	if len(join)+len(leave) > 0 {
		p.step(Step{Op: OpTeams, Account: a.ID, Join: join, Leave: leave})
	}
	settles := complete && !a.Enforced
	returned := complete && (a.State == Demoted || a.Before != nil)
	if !empty(c) || settles || returned {
		p.step(Step{Op: OpUpdate, Account: a.ID, Change: c, Settles: complete})
	}
}

// looked asks for each reduction of an adopted account that was never managed, and leaves in lost what
// somebody approved. It reports whether that was all.
func (p *planner) looked(a *Account, lost *reduced) bool {
	all := true
	if lost.role != "" && !p.reduction(a, "role", a.Role, lost.role) {
		lost.role, all = "", false
	}
	if lost.licence != "" && !p.reduction(a, "licence", a.Licence, lost.licence) {
		lost.licence, all = "", false
	}
	if len(lost.leave) > 0 && !p.reduction(a, "teams", strings.Join(lost.leave, ", "), "none of them") {
		lost.leave, all = nil, false
	}
	return all
}

// raises reports whether going from have to want takes nothing away, as far as the app's rank tells.
func (p *planner) raises(want, have string) bool {
	if have == "" {
		return true
	}
	stronger, known := p.App.Stronger(want, have)
	return known && stronger
}

func (p *planner) reduction(a *Account, what, have, want string) (approved bool) {
	return p.hold(HoldSpec{
		Kind: HoldReduction, Fingerprint: fmt.Sprintf("%s %s %s>%s", a.ID, what, have, want),
		Text: fmt.Sprintf("the adopted %s account %s has %s %q; the mapping would reduce it to %q", p.Can.Title, a.Email, what, have, want),
		Fix:  "approve to reduce it, reject to leave it, or change the mapping",
	})
}

// teams compares the teams that the mapping manages, and those that Usher put the account into; others are the app's own business. Where a
// removal may have taken the account out of its teams, it enters them all once more, also those it was in by hand.
func (p *planner) teams(a *Account) (join, leave []string) {
	for _, t := range p.Want.Teams {
		if !a.TeamsUnsure.IsZero() || !slices.Contains(a.Teams, t) {
			join = append(join, t)
		}
	}
	for _, t := range a.Teams {
		switch {
		case slices.Contains(p.Want.Teams, t):
		case p.App.ManagesTeam(t), slices.Contains(a.Entered, t):
			leave = append(leave, t)
		case !a.TeamsUnsure.IsZero():
			join = append(join, t)
		}
	}
	return join, leave
}

func empty(c adapters.Change) bool {
	return c.ExternalID == nil && c.Email == nil && c.Role == nil && c.Licence == nil && len(c.Attributes) == 0
}
