package provision

import (
	"fmt"
	"strings"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
)

func (p *planner) wanted() {
	for i := range p.Accounts {
		if a := &p.Accounts[i]; a.unwanted() {
			p.plan.Returned = append(p.plan.Returned, a.ID)
		}
	}
	profile, ok := p.profile()
	if !ok {
		return
	}
	if len(p.Accounts) == 0 {
		if p.leftAlone() || !p.newcomer() || !p.returns() {
			return
		}
		profile.Role = p.newRole(nil, profile.Role)
		if p.effect(createEffect(profile.Email)) {
			p.step(Step{Op: OpObtain, Profile: profile})
		}
		return
	}
	for i := range p.Accounts {
		a := &p.Accounts[i]
		switch {
		case a.State == Creating: // the create was admitted when the entry was made
			made := profile
			made.Role = p.newRole(a, profile.Role)
			p.step(Step{Op: OpObtain, Account: a.ID, Profile: made})
		case a.State == Removing:
			p.step(Step{Op: OpVerify, Account: a.ID})
		case a.Missed != nil:
			p.confirm(a)
		case p.protection(a) != "":
			// Theirs as it is.
		case a.State == Suspended:
			p.resume(a)
		default:
			p.align(a, profile)
		}
	}
}

// profile is what a new account would be made of; false when something it needs is missing.
func (p *planner) profile() (adapters.Profile, bool) {
	out := adapters.Profile{
		ExternalID: p.Person.ID.String(),
		Email:      emailOf(p.Want, p.Person),
		Attributes: map[string]string{},
		Role:       p.Want.Role,
		Licence:    p.Want.Licence,
	}
	for k, v := range p.Want.Profile {
		if k != "email" {
			out.Attributes[k] = v
		}
	}
	var missing []string
	if out.Email == "" {
		missing = append(missing, "an e-mail address")
	}
	for _, f := range p.Can.Fields {
		if f.Required && f.Name != "email" && out.Attributes[f.Name] == "" {
			missing = append(missing, fmt.Sprintf("%q", f.Name))
		}
	}
	if len(missing) == 0 {
		return out, true
	}
	what := strings.Join(missing, " and ")
	p.plan.Holds = append(p.plan.Holds, HoldSpec{
		Kind: HoldProfile, Fingerprint: what,
		Text: fmt.Sprintf("%s needs %s for this person, and the directory has none", p.Can.Title, what),
		Fix:  "complete the user at the identity provider, or set the field under profile: in the mapping",
	})
	return out, false
}

// emailOf is the address an account gets: the mapping's, else the person's primary one, else a userName that is an address.
func emailOf(w mapping.Want, person directory.Person) string {
	if e := w.Profile["email"]; e != "" {
		return directory.Fold(e)
	}
	if len(person.Emails) > 0 {
		return directory.Fold(person.Emails[0])
	}
	if strings.Contains(person.UserName, "@") {
		return directory.Fold(person.UserName)
	}
	return ""
}

func (p *planner) resume(a *Account) {
	ours := a.did(adapters.Suspend)
	if a.Before != nil {
		ours = a.Before.State != adapters.Suspended // also when it left and came back meanwhile
	}
	if ours || p.hold(HoldSpec{
		Kind: HoldSuspended, Fingerprint: suspendedFingerprint(a),
		Text: fmt.Sprintf("the %s account %s is suspended, and not by Usher", p.Can.Title, a.Email),
		Fix:  "approve to reactivate it, or reactivate it at " + p.Can.Title,
	}) {
		p.step(Step{Op: OpResume, Account: a.ID, WithoutRole: !p.rolesBack(a)})
	}
}

// rolesBack reports whether a reactivation gives back the role that the account had before. An administrator's comes back after a yes, and
// not where the mapping names another one; the person signs in without it meanwhile.
func (p *planner) rolesBack(a *Account) bool {
	if a.Before == nil || !p.Can.MayAdministrate(a.Before.Role) {
		return true
	}
	if p.Want.Role != "" && p.Want.Role != a.Before.Role {
		return false
	}
	return p.effect(adminEffect(a, a.Before.Role))
}

// suspendedFingerprint names one time of being suspended by others: the ledger entry is written when it is found so,
// and again after it was reactivated, so that an approval does not wake what is suspended anew.
func suspendedFingerprint(a *Account) string {
	return fmt.Sprintf("%s %d", a.ID, a.SuspendedAt.UnixMilli())
}

// newRole is the role that a new account is made with: the granted one, or the app's ordinary one
// while nobody has approved that somebody becomes an administrator.
func (p *planner) newRole(a *Account, role string) string {
	if !p.Can.MayAdministrate(role) || p.effect(adminEffect(a, role)) {
		return role
	}
	if p.Can.MayAdministrate(p.Can.DefaultRole) {
		return weakest(p.Can)
	}
	return p.Can.DefaultRole
}
