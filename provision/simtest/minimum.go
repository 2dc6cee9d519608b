package simtest

import (
	"slices"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/provision"
)

// How many calls a history without faults needs: whenever everything rests, what has changed at the vendors since the last rest is
// priced by the shortest exchange that each adapter's contract allows. docs/simulation.md has the prices.

// counted is what the simulator remembers for it.
type counted struct {
	calls, minimum int
	recent         map[string]int              // calls of each app since the last rest
	seenLogins     map[string]map[string]login // as they stood at the last rest
	ran            map[string]time.Time        // comparisons that were priced
	checked        map[string]time.Time        // when each tenant was asked for last
	looks          int                         // calls that only looked whether the reason of a question has gone away
}

// Overhead is how many calls a history without faults may need for each that is necessary.
const Overhead = 1.2

// tally prices what happened since the last rest.
func (w *World) tally() {
	if !w.kind.faultless {
		return
	}
	for _, app := range apps() {
		made := w.recent[app]
		if made == 0 {
			continue
		}
		w.recent[app] = 0
		before, after := w.seenLogins[app], w.logins(app)
		w.seenLogins[app] = after
		price, runs := w.priceOf(app, before, after), w.priceOfRuns(app)
		if price+runs == 0 && w.looksAgain(app) {
			w.looks += made
			continue
		}
		if now := vendorNow(); price > 0 && now.Sub(w.checked[app]) >= trust {
			price += checkPrice
			w.checked[app] = now
		}
		price += runs
		w.minimum += price
		if w.tracing {
			w.say("    %s: %d calls, %d needed", app, made, price)
		}
	}
}

// looksAgain reports whether a question of an app is looked at every hour: the reason may go away at the vendor.
func (w *World) looksAgain(app string) bool {
	for h, err := range all[provision.Hold](w, "holds") {
		if err == nil && h.App == app && h.State == provision.HoldOpen && slices.Contains([]provision.HoldKind{
			provision.HoldTransfer, provision.HoldRefused, provision.HoldForeign, provision.HoldAdopt, provision.HoldLastAdmin,
		}, h.Kind) {
			return true
		}
	}
	for it, err := range all[provision.Item](w, "items") {
		if err == nil && it.App == app && it.State == provision.Failed && it.Failure != nil && it.Failure.Kind == adapters.Conflict {
			return true
		}
	}
	return false
}

// The prices, in calls.
const (
	checkPrice = 2 // the tenant: once a minute of work
	deskRun    = 4 // the tenant, teams, users
	meetRun    = 7 // the tenant, roles, groups, and the users of three statuses
)

// priceOfRuns is what the comparisons since the last rest cost.
func (w *World) priceOfRuns(app string) int {
	rec := w.comparison(app)
	if rec == nil || rec.Complete.Equal(w.ran[app]) || rec.Complete.IsZero() {
		return 0
	}
	w.ran[app] = rec.Complete
	if app == desk {
		return deskRun
	}
	return meetRun
}

// priceOf is what it costs to bring a vendor's accounts from one state to another.
func (w *World) priceOf(app string, before, after map[string]login) int {
	price := 0
	teams := map[string]bool{} // that somebody entered or left who stays
	for id, l := range after {
		was, known := before[id]
		if !known {
			price += createPrice(app)
			if l.role == "admin" {
				price += adminPrice(app)
			}
		} else {
			price += changePrice(app, was, l)
		}
		if w.reduced(app, was, l) {
			continue // the reduction takes the teams as well, and is priced with them
		}
		for _, t := range symmetric(was.teams, l.teams) {
			teams[t] = true
			if app == meet && slices.Contains(was.teams, t) {
				price++ // Zoom removes one at a time
			}
		}
	}
	for id, was := range before {
		if _, still := after[id]; !still {
			price += w.removePrice(app, was)
		}
	}
	for t := range teams {
		price += teamPrice(app, known(before, t))
	}
	return price
}

func known(logins map[string]login, team string) bool {
	for _, l := range logins {
		if slices.Contains(l.teams, team) {
			return true
		}
	}
	return false
}

func symmetric(a, b []string) []string {
	var out []string
	for _, t := range slices.Concat(a, b) {
		if slices.Contains(a, t) != slices.Contains(b, t) && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// createPrice: looked up by external id and by address, made. Zoom knows no external id.
func createPrice(app string) int {
	if app == desk {
		return 3
	}
	return 2
}

// adminPrice: a role at Zoom is given in a call of its own.
func adminPrice(app string) int {
	if app == meet {
		return 1
	}
	return 0
}

// reduced reports whether an account was demoted for being unwanted.
func (w *World) reduced(app string, was, now login) bool {
	return app == desk && was.role != now.role && now.role == "observer-agent" && len(now.teams) == 0
}

// changePrice: read, then one write for each part that the vendor takes apart.
func changePrice(app string, was, now login) int {
	writes := 0
	switch {
	case app == desk && was.role != now.role && now.role == "observer-agent" && len(now.teams) == 0: // kept as it was, read, written, taken out of the teams
		return 4 + teamExchange*len(was.teams) + lastAdmin(was)
	case app == desk && (was.role != now.role || was.name != now.name):
		return 2 + lastAdmin(was)
	case app == desk:
		return 0
	case was.active && !now.active && !was.pending: // kept as it was with its add-ons, read, signed out, deactivated
		return 4 + settings(was)
	case !was.active && now.active && !was.pending: // read, activated, licence
		writes = 1
	}
	if was.licence != now.licence && now.licence != "" {
		writes++
	}
	if was.name != now.name {
		writes++
	}
	if was.email != now.email {
		writes++
	}
	if was.role != now.role {
		writes++
	}
	if writes == 0 {
		return 0
	}
	return 1 + writes
}

// teamExchange: read, written, read back.
const teamExchange = 3

// lastAdmin: who else is an administrator is asked before one is taken away.
func lastAdmin(l login) int {
	if l.role == "admin" {
		return 1
	}
	return 0
}

// settings: the add-ons of an active Zoom account are read before they are taken.
func settings(l login) int {
	if l.active {
		return 1
	}
	return 0
}

// removePrice: read, taken out of the teams, deleted, read back. At Zoom the receiver of the data is judged before the removal is
// written down, and once more with it: the leaver, the receiver and the leaver's add-ons.
func (w *World) removePrice(app string, was login) int {
	if app == desk {
		return 4 + teamExchange*len(was.teams) + lastAdmin(was)
	}
	if was.pending {
		return 3
	}
	return 3 + 2 + settings(was) + 1 + settings(was)
}

// teamPrice: at Gorgias found and made, or read, written and read back; at Zoom one write for those who enter.
func teamPrice(app string, known bool) int {
	switch {
	case app == meet && known:
		return 1
	case app == meet:
		return 3
	case known:
		return teamExchange
	}
	return 2
}
