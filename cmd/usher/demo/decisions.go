package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/provision"
)

// statement is what Usher says of some people in one app, all of them the same.
type statement struct {
	at     time.Time // of the first of them
	app    string    // its title
	people []string
	text   string
}

func (s statement) String() string {
	return s.app + " for " + listed(s.people) + ": " + s.text
}

// apps are the mapping's apps by key, with their titles.
func apps() []struct{ key, title string } {
	return []struct{ key, title string }{{"gorgias", "Gorgias"}, {"zoom", "Zoom"}}
}

// decisions reads, for everybody and every app, the facts that are new since the last time.
// What is said of several people in the same words becomes one statement.
func (w *week) decisions(ctx context.Context) ([]statement, error) {
	var all []statement
	for _, app := range apps() {
		for _, p := range w.cast.all() {
			if p.id == "" {
				continue
			}
			why, err := w.stage.admin.Why(ctx, p.id, app.key)
			if err != nil {
				return nil, fmt.Errorf("ask why %s has %s: %w", p.login, app.key, err)
			}
			for _, s := range w.about(&why.Value) {
				s.app, s.people = app.title, []string{p.name()}
				all = join(all, s)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b statement) int { return a.at.Compare(b.at) })
	return all, nil
}

// about says what is new of one person in one app: the facts, and a change of teams, which makes none.
func (w *week) about(why *provision.Explanation) (all []statement) {
	teamsSaid := false
	for _, c := range slices.Backward(why.Facts) { // oldest first
		if c.App != why.App || w.facts[c.ID] {
			continue
		}
		w.facts[c.ID] = true
		teamsSaid = teamsSaid || c.Act == audit.AccountCreated || c.Act == audit.AccountUpdated
		if text := w.words(&c, why); text != "" {
			all = append(all, statement{at: c.At, text: text})
		}
	}
	want := &why.Want
	if !want.Wanted {
		return all
	}
	key, teams := why.Person.ID.String()+" "+why.App, listed(want.Teams)
	if before, told := w.teams[key]; told && teams != before && !teamsSaid {
		all = append(all, statement{at: w.acted, text: "teams are now " + teams + "; " + want.Text})
	}
	w.teams[key] = teams
	return all
}

func join(all []statement, s statement) []statement {
	for i := range all {
		if all[i].app == s.app && all[i].text == s.text {
			all[i].people = append(all[i].people, s.people...)
			if s.at.Before(all[i].at) {
				all[i].at = s.at
			}
			return all
		}
	}
	return append(all, s)
}

// words says a fact about an account; "" for what is no news to a reader.
func (w *week) words(c *audit.Change, why *provision.Explanation) string {
	var d map[string]string
	if len(c.Detail) > 0 && json.Unmarshal(c.Detail, &d) != nil {
		return ""
	}
	switch c.Act {
	case audit.AccountCreated:
		return "new account, " + entitlement(d, why) + "; " + why.Want.Text
	case audit.AccountAdopted:
		return "has an account that Usher did not make; adopted as it is"
	case audit.AccountUpdated:
		return "account brought up to date, " + entitlement(d, why) + "; " + why.Want.Text
	case audit.AccountUnwanted:
		return "to be taken away, because " + d["text"]
	case audit.AccountWanted:
		return "to stay after all, " + d["text"]
	case audit.AccountDemoted:
		return "demoted to " + d["role"] + ", out of every team"
	case audit.AccountSuspended:
		return "suspended"
	case audit.AccountResumed:
		return "active again, " + entitlement(d, why)
	case audit.AccountRemoved:
		if to := d["transferTo"]; to != "" {
			return "gone, verified; its data moved to " + w.ids.name("zoom", to)
		}
		return "gone, verified"
	case audit.AccountLost:
		return "lost: the vendor does not have the account any more"
	case audit.AccountStepFailed:
		return "failed, to be tried again: " + d["error"]
	case audit.HoldOpened:
		return "held for a person: " + holdText(why.Holds, d["hold"])
	case audit.HoldApproved:
		return "approved by " + c.Actor.Name
	case audit.HoldRejected:
		return "rejected by " + c.Actor.Name + ", the account stays as it is"
	default:
		return ""
	}
}

// entitlement is the role or licence of a fact, with the teams that are wanted.
func entitlement(d map[string]string, why *provision.Explanation) string {
	text := strings.TrimSpace(d["role"] + " " + d["licence"])
	if text == "" {
		text = strings.TrimSpace(why.Want.Role + " " + why.Want.Licence)
	}
	if teams := why.Want.Teams; len(teams) > 0 {
		text += " in " + listed(teams)
	}
	return text
}

func holdText(holds []provision.Hold, id string) string {
	for i := range holds {
		if holds[i].ID == id {
			return holds[i].Text
		}
	}
	return "hold " + id
}

// listed joins names as a sentence does.
func listed(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// known holds the facts that were told already.
type known map[uuid.UUID]bool
