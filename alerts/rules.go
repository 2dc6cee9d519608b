package alerts

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
)

// notice is what a fact asks to tell. Notices of one key that come within a window are one alert.
type notice struct {
	kind   Kind
	app    string
	detail string // the kind of hold, with the kind of work for one of the budget; the reason of a stop
}

func (n notice) key() string { return string(n.kind) + " " + n.app + " " + n.topic() }

// topic keeps reasons, of which there may be any number, out of the key.
func (n notice) topic() string {
	if n.kind == HoldsOpened {
		return n.detail
	}
	return ""
}

// noticeOf says whether people are told of a fact.
func noticeOf(c *audit.Change) (notice, bool) {
	var d struct{ Kind, Work, Reason string }
	if len(c.Detail) > 0 && json.Unmarshal(c.Detail, &d) != nil {
		d.Kind, d.Work, d.Reason = "", "", "" // a detail of another form says nothing here
	}
	switch c.Act {
	case audit.HoldOpened:
		if d.Kind == budgetHold {
			d.Kind += " " + d.Work
		}
		return notice{HoldsOpened, c.App, d.Kind}, true
	case audit.HoldLeaver:
		return notice{LeaverHeld, c.App, d.Kind}, true
	case audit.AppStopped:
		return notice{AppStopped, c.App, d.Reason}, true
	case audit.AppResumed:
		return notice{AppResumed, c.App, ""}, true
	case audit.RolloutStopped: // by hand, those who have to know did it
		return notice{RolloutStopped, "", d.Reason}, c.Actor.Kind == audit.ByEngine
	case audit.AccountReturned:
		return notice{LeaverReturned, c.App, ""}, true
	case audit.DriftFound:
		return notice{LeaverReturned, c.App, ""}, d.Kind == "leaver"
	default:
		return notice{}, false
	}
}

const (
	// batchWindow is how long further notices of the same kind are waited for, so that a batch is one alert.
	batchWindow = time.Minute
	// busyWindow is that time while the last alert of the kind is younger than busyAfter: a long storm is a few alerts, not one a minute.
	busyWindow = 15 * time.Minute
	busyAfter  = time.Hour
)

// window is how long a group of notices stays open that begins now, when the last alert of its kind was told at told.
func (k Kind) window(told, now time.Time) time.Duration {
	switch {
	case k != HoldsOpened:
		return 0 // somebody may be inside who must not be, or everything waits: at once
	case !told.IsZero() && now.Sub(told) < busyAfter:
		return busyWindow
	default:
		return batchWindow
	}
}

// group is the notices of one key that are told together.
type group struct {
	Key     string      `json:"key"`
	Kind    Kind        `json:"kind"`
	App     string      `json:"app,omitempty"`
	Detail  string      `json:"detail,omitempty"`
	Count   int         `json:"count,omitempty"`
	Persons []uuid.UUID `json:"persons,omitempty"` // the first few
	Closes  time.Time   `json:"closes,omitzero"`   // when they are told
	Told    time.Time   `json:"told,omitzero"`     // when the last alert of the key was made
}

// add takes a notice in.
func (g *group) add(n notice, c *audit.Change, now time.Time) {
	if g.Count == 0 {
		begin := c.At // what is read late does not wait anew
		if begin.After(now) {
			begin = now
		}
		g.Kind, g.App, g.Persons, g.Closes = n.kind, n.app, nil, begin.Add(n.kind.window(g.Told, now))
	}
	g.Count++
	g.Detail = n.detail
	for _, p := range c.Persons {
		if len(g.Persons) < maxNamed {
			g.Persons = append(g.Persons, p)
		}
	}
}

// alert puts the group into words. People are named only where somebody has to act on the very person; who is in a batch is
// looked up in Usher, as mail and chat keep what they get for ever.
func (g *group) alert() Alert {
	a := Alert{Kind: g.Kind, App: g.App, Count: g.Count}
	switch g.Kind {
	case HoldsOpened:
		a.Title = fmt.Sprintf("%s: %s", g.App, holdTitle(g.Detail, g.Count))
		a.Text = "These accounts stay as they are until somebody decides. All other work goes on."
		a.Do = "Look at who it is, then approve or reject."
		a.Commands = []string{"usher holds --app " + g.App}
	case LeaverHeld:
		a.Title = fmt.Sprintf("%s: %s deactivated and still inside, because removals are held", g.App, people(g.Count))
		a.Text = "The removal alone is within the budget. It waits only because others are held, and can be let through by itself."
		a.Do = "Approve the hold of this person, or end the person's access everywhere at once."
		a.Commands = []string{"usher holds --app " + g.App, "usher terminate USER --reason TEXT"}
		a.Persons = g.Persons
	case AppStopped:
		a.Title = g.App + " is stopped: nothing is sent to it, and nobody is removed there"
		a.Text = sentence(g.Detail)
		a.Do = "Repair the connection. Usher tries again every five minutes."
		a.Commands = []string{"usher status", "usher retry " + g.App}
	case AppResumed:
		a.Title = g.App + " goes on: what had waited is worked off now"
		a.Text = "The connection works again."
		a.Commands = []string{"usher status"}
	case RolloutStopped:
		a.Title = "the rollout of a new version of the mapping was stopped"
		a.Text = sentence(g.Detail) + " Who follows the new version goes on following it; nobody else comes in."
		a.Do = "Look at who fails or is held, then let it go on or take it back."
		a.Commands = []string{"usher rollout", "usher rollout resume", "usher rollback"}
	case LeaverReturned:
		a.Title = fmt.Sprintf("%s: %s has an account that can be used, and should have none", g.App, people(g.Count))
		a.Text = "The app's own list shows an account of somebody who left or is not entitled to it. Somebody may have made it, or switched it on, by hand."
		a.Do = "See what becomes of it, and find out who brought it back."
		a.Commands = []string{"usher why USER " + g.App}
		a.Persons = g.Persons
	default:
		a.Title = g.App + ": " + string(g.Kind)
	}
	return a
}

// holdTitle says what is held, by the kind of the holds.
func holdTitle(kind string, n int) string {
	if work, ok := strings.CutPrefix(kind, budgetHold+" "); ok {
		return budgetWords(work, n, "is held", "are held") + ", more than the budget allows"
	}
	switch kind {
	case "admin":
		return plural(n, "person would become an administrator", "people would become administrators")
	case "mapping":
		return plural(n, "account would end", "accounts would end") + " by an edit of the mapping that nobody confirmed"
	case "reduction":
		return plural(n, "adopted account would be reduced", "adopted accounts would be reduced")
	case "foreign":
		return plural(n, "account belongs", "accounts belong") + " to somebody else, or may"
	case "protected", "last-admin":
		return plural(n, "account is not wanted any more, and protected", "accounts are not wanted any more, and protected")
	case "transfer":
		return plural(n, "removal waits", "removals wait") + ", as nobody can receive the data"
	case "refused":
		return plural(n, "removal is refused by the app", "removals are refused by the app")
	case "namesake":
		return plural(n, "newcomer has the name of somebody", "newcomers have the names of people") + " whom an administrator terminated"
	default:
		return plural(n, "change waits", "changes wait") + " for a person (" + kind + ")"
	}
}

// budgetHold is the kind of hold that a budget opens.
const budgetHold = "budget"

// budgetWords counts work that is held for a budget, by its kind.
func budgetWords(work string, n int, is, are string) string {
	switch work {
	case "", "removal":
		return plural(n, "removal "+is, "removals "+are)
	case "suspension":
		return plural(n, "suspension "+is, "suspensions "+are)
	case "create":
		return plural(n, "new account "+is, "new accounts "+are)
	case "identity":
		return plural(n, "change of an address "+is, "changes of addresses "+are)
	default:
		return plural(n, "change ("+work+") "+is, "changes ("+work+") "+are)
	}
}

func people(n int) string { return plural(n, "person", "people") }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
