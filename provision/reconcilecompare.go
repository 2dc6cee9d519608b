package provision

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
)

// comparison is all that the judgement on one account of the ledger depends on, once the vendor's list showed it. It
// reads nothing else: no store, no vendor, no clock.
type comparison struct {
	App     *mapping.App
	Can     adapters.Description
	Account *Account
	Seen    *adapters.Account
	// Moving are teams whose membership of this account waits for its turn: a difference in them is our own unfinished work.
	Moving []string
}

// differences says in what the listed account is not what the ledger says. An account with work of unknown outcome
// is not judged: that work looks at it by itself.
func (c comparison) differences() []Drift {
	a, v := c.Account, c.Seen
	if a.State.Over() || a.State == Creating || a.State == Removing || (a.Intent != nil && a.Intent.Sent) || v.Protected != "" {
		return nil
	}
	var out []Drift
	add := func(kind DriftKind, field, ledger, seen, text, fix string) {
		out = append(out, Drift{
			App: a.App, Kind: kind, Account: a.ID, Person: a.Person, VendorID: a.VendorID, Email: a.Email,
			Field: field, Ledger: clip(ledger, driftText), Seen: clip(seen, driftText), Text: text, Fix: fix,
		})
	}
	title := c.Can.Title
	suspended := v.State == adapters.Suspended
	if a.unwanted() {
		switch {
		case a.State == Suspended && !suspended:
			add(DriftReturned, "state", "suspended", string(v.State), fmt.Sprintf("the suspended %s account of somebody who is not entitled can sign in again", title),
				"find out who or what reactivated it; often it is the automatic creation of accounts at sign-in")
		case a.State == Demoted && !suspended && v.Role != "" && v.Role != a.Role:
			add(DriftReturned, "role", a.Role, v.Role, fmt.Sprintf("the demoted %s account of somebody who is not entitled has the role %s again", title, clip(v.Role, 64)),
				"find out who or what gave the role back; often it is a role mapping at sign-in")
		}
		return out
	}
	switch {
	case suspended && a.State != Suspended:
		add(DriftSuspended, "state", string(a.State), "suspended", fmt.Sprintf("the %s account was suspended, and not by Usher, while the person is entitled to it", title),
			"reactivate it at "+title+", or approve the question that `usher holds` shows")
		return out
	case suspended:
		return nil // a suspended account has neither licence nor teams at some vendors
	case a.State == Suspended:
		add(DriftChanged, "state", "suspended", string(v.State), fmt.Sprintf("the suspended %s account was reactivated at %s", title, title), "")
	}
	changed := func(field, ledger, seen string) {
		if ledger == seen {
			return
		}
		add(DriftChanged, field, ledger, seen, fmt.Sprintf("%s of the %s account was changed at %s, from %s to %s", field, title, title, orNothing(ledger), orNothing(seen)),
			"change it back there, change the mapping, or run `usher correct` with this drift's id")
	}
	if a.Role != "" && v.Role != "" {
		changed("role", a.Role, v.Role)
	}
	if a.Licence != "" && v.Licence != "" {
		changed("licence", a.Licence, v.Licence)
	}
	if v.Email != "" {
		changed("e-mail", a.Email, directory.Fold(v.Email))
	}
	if c.Can.ExternalID && a.ExternalID != "" {
		changed("external id", a.ExternalID, v.ExternalID)
	}
	for _, field := range c.App.ManagedFields() {
		ours, wrote := a.Profile[field]
		theirs, covered := v.Attributes[field]
		usual, rendered := a.Shown[field]
		if field == "email" || !wrote || !covered || ours == "" || rendered && usual == theirs {
			continue
		}
		changed(field, ours, theirs)
	}
	if v.Teams != nil {
		have, seen := c.managed(a.Teams), c.managed(v.Teams)
		changed("teams", strings.Join(have, ", "), strings.Join(seen, ", "))
		if n := len(out); n > 0 && out[n-1].Field == "teams" {
			out[n-1].Teams = seen
		}
	}
	return out
}

// managed keeps the teams that the mapping manages and that nothing is under way for, sorted.
func (c comparison) managed(teams []string) []string {
	all := c.App.ManagedTeams()
	var out []string
	for _, t := range teams {
		if slices.Contains(all, t) && !slices.Contains(c.Moving, t) && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return clip(s, 64)
}

// take makes the ledger say of a drift's field what the vendor shows, so that a plan sees what has to be done. It
// reports false where there is nothing to take over. now is when the account was looked up.
func (c comparison) take(d *Drift, now time.Time) bool {
	a, v := c.Account, c.Seen
	switch {
	case d.Kind == DriftSuspended:
		a.State, a.SuspendedAt = Suspended, now
		return true
	case d.Kind == DriftReturned && d.Field == "state", d.Kind == DriftReturned && d.Field == "role":
		// The steps that were carried out have to be carried out again.
		a.State, a.Role, a.Done, a.SuspendedAt = Active, v.Role, nil, time.Time{}
		a.administers(c.Can)
		if v.Teams != nil {
			a.Teams = v.Teams
		}
		return true
	case d.Kind != DriftChanged:
		return false
	}
	switch d.Field {
	case "state":
		a.State, a.Before, a.Done, a.SuspendedAt = Active, nil, nil, time.Time{}
	case "role":
		a.Role = v.Role
		a.administers(c.Can)
	case "licence":
		a.Licence = v.Licence
	case "e-mail":
		a.Email = directory.Fold(v.Email)
	case "external id":
		a.ExternalID = v.ExternalID
	case "teams":
		teams := slices.Clone(v.Teams)
		for _, t := range c.Moving { // what is under way stays as it was asked
			teams = slices.DeleteFunc(teams, func(x string) bool { return x == t })
			if slices.Contains(a.Teams, t) {
				teams = append(teams, t)
			}
		}
		a.Teams = teams
	default:
		profile := map[string]string{}
		for k, value := range a.Profile {
			profile[k] = value
		}
		profile[d.Field] = v.Attributes[d.Field]
		a.Profile = profile
		delete(a.Shown, d.Field)
	}
	return true
}
