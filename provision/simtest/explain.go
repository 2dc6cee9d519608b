package simtest

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/sandbox/wire"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/memory"
)

// Every write at a vendor is explained: what was about to be done stands in the ledger when the write takes effect, and a fact of
// that account and kind tells it afterwards.

// told is a write that a fact has to tell.
type told struct {
	app    string
	at     time.Time // Usher's clock when the vendor got it, which is no later than its effect
	what   string    // for the text of a failure
	op     provision.Op
	or     provision.Op // another that may have done it; "" for none
	person uuid.UUID
	team   string // of a membership
	joined bool
	clean  bool // the vendor confirmed it, and the process did not die before it was told
}

// fact is what the audit says of one account.
type fact struct {
	act    audit.Act
	app    string
	at     time.Time
	person uuid.UUID
	detail map[string]string
}

// recorded is what the simulator remembers for it.
type recorded struct {
	writes      []told
	finished    int    // how many of them are of processes that have ended
	lost        []fact // of stores that a backup replaced
	backwards   time.Duration
	memberships map[string]map[string][]string // by app and account: the teams as they were seen last
	asked       map[teamChange]time.Time       // when a change of a team was last seen waiting, by the vendors' clock
	askedAt     memory.Snapshot
	teamWrote   map[string]time.Time // when a team of the app was last written
}

// teamsNow is who is in which teams.
func (w *World) teamsNow(app string) map[string][]string {
	now := map[string][]string{}
	for id, l := range w.logins(app) {
		now[id] = l.teams
	}
	return now
}

// judgeIntent: the ledger says what is about to be done before it takes effect.
func (w *World) judgeIntent(app string, c wire.Call, a *provision.Account) error {
	ops := opsOf(app, c)
	if len(ops) == 0 {
		return nil // about teams: judged by who is in them
	}
	if a == nil {
		return broken("every write has an intent", "%s %s at %s: the ledger has no such account", c.Method, c.Path, app)
	}
	if a.Intent == nil || !a.Intent.Sent || !slices.Contains(ops, a.Intent.Op) {
		return broken("every write has an intent", "%s %s at %s: the ledger says %+v of %s (%s)", c.Method, c.Path, app, a.Intent, a.Email, a.State)
	}
	w.writes = append(w.writes, told{
		app: app, at: w.arrived(c), what: c.Method + " " + c.Path, op: a.Intent.Op, person: a.Person,
		clean: c.Status/100 == 2 && c.Fault == "" && !w.p.dead,
	})
	return nil
}

// arrived is when a vendor got a call, by Usher's clock. A slow one may have been answered, and its fact made, before the simulator comes to look.
func (w *World) arrived(c wire.Call) time.Time { return c.Time.Add(w.clock.skew) }

// opsOf says as part of what a call may be made; nothing for one about teams.
func opsOf(app string, c wire.Call) []provision.Op {
	parts := strings.Split(strings.Trim(c.Path, "/"), "/")
	switch {
	case parts[0] == "groups" || parts[0] == "teams":
		return nil
	case parts[0] == "users" && len(parts) == 1:
		return []provision.Op{provision.OpObtain}
	case parts[0] == "users" && len(parts) == 2 && c.Method == http.MethodDelete:
		return []provision.Op{provision.OpRemove, provision.OpSuspend} // an invitation is withdrawn
	case parts[0] == "users" && len(parts) == 3 && (parts[2] == "status" || parts[2] == "token"):
		return []provision.Op{provision.OpSuspend, provision.OpResume}
	case parts[0] == "roles":
		return []provision.Op{provision.OpObtain, provision.OpUpdate, provision.OpResume, provision.OpSuspend, provision.OpRemove}
	case app == desk:
		return []provision.Op{provision.OpUpdate, provision.OpDemote}
	}
	return []provision.Op{provision.OpObtain, provision.OpUpdate, provision.OpResume}
}

// teamChange is what waits to be written into a team.
type teamChange struct {
	App     string    `json:"app"`
	Team    string    `json:"team"`
	Account uuid.UUID `json:"account"`
	Join    bool      `json:"join"`
	Dropped bool      `json:"dropped"`
}

// judgeTeams: who entered or left a team by a write was to do so. Whoever is reduced or ends leaves all teams.
func (w *World) judgeTeams(app string, calls []wire.Call) error {
	was, now := w.memberships[app], w.teamsNow(app)
	w.memberships[app] = now
	defer func() {
		if slices.ContainsFunc(calls, func(c wire.Call) bool { return strings.HasPrefix(c.Path, "/teams") }) {
			w.teamWrote[app] = vendorNow()
		}
	}()
	clean, made := true, map[string]bool{}
	for _, c := range calls {
		clean = clean && c.Status/100 == 2 && c.Fault == ""
		if strings.Trim(c.Path, "/") == "users" {
			email, err := newAddress(c)
			if err != nil {
				return err
			}
			made[email] = true // under the handle of an invitation that has ended, perhaps
		}
	}
	for _, id := range slices.Sorted(maps.Keys(now)) {
		before, known := was[id]
		if !known || made[strings.ToLower(id)] {
			continue
		}
		for _, t := range slices.Concat(now[id], before) {
			joined, left := !slices.Contains(before, t), !slices.Contains(now[id], t)
			if !joined && !left {
				continue
			}
			if err := w.judgeMembership(app, id, t, joined, clean, w.arrived(calls[0])); err != nil {
				return err
			}
		}
	}
	return nil
}

// aCall is longer than any call takes, with those that follow it in the same exchange.
const aCall = 2 * time.Minute

// watchTeams notes which changes of teams wait. One may be replaced by its opposite while the call for it is on its way.
func (w *World) watchTeams() error {
	now := w.disk.Snapshot()
	if now.Same(w.askedAt, "team-changes") {
		return nil
	}
	old := w.askedAt
	w.askedAt = now
	for _, s := range []memory.Snapshot{old, now} { // what was there until now was there a moment ago
		for _, data := range s.Range("team-changes") {
			var c teamChange
			if err := decode(data, &c); err != nil {
				return broken("no unexpected error", "read a team change: %v", err)
			}
			c.Dropped = false
			w.asked[c] = vendorNow()
		}
	}
	return nil
}

func (w *World) judgeMembership(app, id, team string, joined, clean bool, at time.Time) error {
	a, err := w.entry(app, func(a *provision.Account) bool { return w.means(app, a.VendorID, id) })
	if err != nil {
		return err
	}
	verb := map[bool]string{true: "entered", false: "left"}[joined]
	if a == nil {
		return broken("every write has an intent", "%s %s %s at %s: the ledger has no such account", id, verb, team, app)
	}
	t := told{app: app, at: at, what: verb + " " + team, op: provision.OpTeams, person: a.Person, team: team, joined: joined, clean: clean && !w.p.dead}
	same := map[uuid.UUID]bool{}
	for other, err := range all[provision.Account](w, "accounts") {
		if err != nil {
			return err
		}
		// An invitation is known by its address, so one that ended and the next one of the same person cannot be told apart.
		same[other.ID] = other.ID == a.ID || other.App == app && other.Person == a.Person && strings.EqualFold(other.VendorID, a.VendorID)
	}
	asks := func(c teamChange) bool {
		return c.App == app && same[c.Account] && strings.EqualFold(c.Team, team) && c.Join == joined
	}
	asked, undone := false, false
	for c, err := range all[teamChange](w, "team-changes") {
		if err != nil {
			return err
		}
		asked = asked || asks(*c)
		undone = undone || c.App == app && c.Account == a.ID && strings.EqualFold(c.Team, team) && c.Join && !joined
	}
	lagged := app == desk && vendorNow().Sub(w.teamWrote[app]) < w.kind.lag
	if !lagged || !joined { // else the same as below, though it was asked for once
		for c, last := range w.asked {
			asked = asked || asks(c) && vendorNow().Sub(last) < aCall
		}
	}
	ends := []provision.Op{provision.OpDemote, provision.OpRemove, provision.OpSuspend}
	leaves := a.Intent != nil && a.Intent.Sent && !joined && slices.Contains(ends, a.Intent.Op)
	if asked {
		if leaves { // whichever of the two came first
			t.or = a.Intent.Op
		}
		w.writes = append(w.writes, t)
		return nil
	}
	if undone && !a.UnwantedSince.IsZero() {
		if leaves { // as part of the account's end, before the joining is looked at
			t.or = a.Intent.Op
		}
		w.writes = append(w.writes, t) // a write of unknown outcome may have let the leaver in
		return nil
	}
	if leaves {
		t.op = a.Intent.Op
		w.writes = append(w.writes, t)
		return nil
	}
	if lagged {
		w.excuse("a whole list of members was written from a read that lagged behind another write")
		return nil
	}
	if joined || a.State.Over() {
		return broken("every write has an intent", "%s %s %s at %s, and nothing asked for it; the ledger says %s", a.Email, verb, team, app, a.State)
	}
	return broken("every write has an intent", "%s %s %s at %s, and nothing asked for it", a.Email, verb, team, app)
}

// facts reads what the audit tells of accounts.
func (w *World) facts() ([]fact, error) {
	var out []fact
	err := w.disk.Open().View(context.Background(), func(r store.Reader) error {
		out = nil
		for c, err := range audit.Read(r, time.Time{}, time.Time{}) {
			if err != nil {
				return err
			}
			team := len(c.Persons) == 0 && c.Act == audit.AccountStepFailed
			if c.App == "" || len(c.Persons) != 1 && !team {
				continue
			}
			f := fact{act: c.Act, app: c.App, at: c.At}
			if !team {
				f.person = c.Persons[0]
			}
			if len(c.Detail) > 0 {
				if err := json.Unmarshal(c.Detail, &f.detail); err != nil {
					return err
				}
			}
			out = append(out, f)
		}
		return nil
	})
	if err != nil {
		return nil, broken("no unexpected error", "read the audit: %v", err)
	}
	return out, nil
}

// tells reports whether a fact is the one that a write of an operation ends in.
func (f *fact) tells(t *told) bool {
	return f.ends(t, t.op) || t.or != "" && f.ends(t, t.or)
}

// ends reports whether a fact is the one that a write ends in as part of an operation.
func (f *fact) ends(t *told, op provision.Op) bool {
	switch op {
	case provision.OpObtain:
		return f.act == audit.AccountCreated
	case provision.OpUpdate:
		return f.act == audit.AccountUpdated
	case provision.OpResume:
		return f.act == audit.AccountResumed
	case provision.OpDemote:
		return f.act == audit.AccountDemoted
	case provision.OpSuspend:
		return f.act == audit.AccountSuspended || f.act == audit.AccountRemoved // a withdrawn invitation is gone
	case provision.OpRemove:
		return f.act == audit.AccountRemoved || t.team != "" && f.act == audit.AccountKept // the teams are left first
	case provision.OpTeams:
		return f.act == audit.AccountTeams && strings.EqualFold(f.detail[map[bool]string{true: "joined", false: "left"}[t.joined]], t.team)
	}
	return false
}

// settles reports whether a fact tells what became of an operation that was not confirmed: it failed, was asked about, or was
// overtaken by another one.
func (f *fact) settles() bool {
	return strings.HasPrefix(string(f.act), "account.") || f.act == audit.HoldOpened || f.act == audit.HoldLeaver
}

// explained: each write has its fact, no earlier than itself.
func (w *World) explained() error {
	now, err := w.facts()
	if err != nil {
		return err
	}
	all := append(slices.Clone(w.lost), now...)
	for i := range w.writes {
		t := &w.writes[i]
		from := t.at.Add(-w.backwards).Truncate(time.Millisecond)
		exact, other := false, false
		for j := range all {
			f := &all[j]
			if f.app != t.app || f.person != t.person || f.at.Before(from) {
				continue
			}
			exact = exact || f.tells(t)
			other = other || f.settles()
		}
		switch {
		case exact:
		case other && !t.clean:
			w.excuse("a write of unknown outcome is told by the fact that settled it")
		case other && w.overtaken(t, all):
			w.excuse("one part of an operation was done and another was not: the failure is told")
		default:
			return broken("every write is explained by a fact", "%s at %s for %s on %s (%s)", t.what, t.app, w.name(t.person), t.at.Format(time.DateTime), t.op)
		}
	}
	return nil
}

// unfinished notes that a process died: what it wrote and did not tell by then has an unknown outcome for the next one.
func (w *World) unfinished() error {
	if !slices.ContainsFunc(w.writes[w.finished:], func(t told) bool { return t.clean }) {
		w.finished = len(w.writes)
		return nil
	}
	now, err := w.facts()
	if err != nil {
		return err
	}
	for i := w.finished; i < len(w.writes); i++ {
		t := &w.writes[i]
		from := t.at.Add(-w.backwards).Truncate(time.Millisecond)
		t.clean = t.clean && slices.ContainsFunc(now, func(f fact) bool {
			return f.app == t.app && f.person == t.person && !f.at.Before(from) && f.tells(t)
		})
	}
	w.finished = len(w.writes)
	return nil
}

// overtaken reports whether the operation that a confirmed call was part of failed at another call. A team's is told of the team: after a
// refusal, which is no open question, whoever is not refused has a fact.
func (w *World) overtaken(t *told, all []fact) bool {
	return slices.ContainsFunc(all, func(f fact) bool {
		if t.op == provision.OpTeams && f.act == audit.AccountStepFailed {
			open := []adapters.Kind{adapters.Uncertain, adapters.Unavailable, adapters.Retry, adapters.Unauthorized}
			return f.app == t.app && strings.EqualFold(f.detail["team"], t.team) && slices.Contains(open, adapters.Kind(f.detail["kind"]))
		}
		return f.app == t.app && f.person == t.person && (f.act == audit.AccountStepFailed || f.act == audit.HoldOpened)
	})
}

// keepFacts takes over what a store tells before a backup replaces it. A write whose fact was still to come stays unexplained
// for ever: the next store knows nothing of it.
func (w *World) keepFacts() error {
	now, err := w.facts()
	if err != nil {
		return err
	}
	w.lost = append(w.lost, now...)
	kept := w.writes[:0]
	for _, t := range w.writes {
		told := slices.ContainsFunc(w.lost, func(f fact) bool { return f.app == t.app && f.person == t.person && f.tells(&t) })
		if told {
			kept = append(kept, t)
		} else {
			w.excuse("a backup was put back between a write and its fact")
		}
	}
	w.writes, w.finished = kept, len(kept)
	return nil
}
