package provision

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// Preview is what a mapping would change over all people, and does not.
type Preview struct {
	Apps []AppPreview `json:"apps"`
	// People is how many were looked at: those of the directory, and those whom only the ledger knows.
	People int `json:"people"`
	// Removals is how many people would lose an account, or what it can do, through the edit alone.
	Removals int `json:"removals"`
	// Exceeding is how many people the edit alone touches in other ways in apps where that kind of work is over its budget (AppPreview.Over).
	Exceeding int `json:"exceeding"`
	// Confirm is the number that apply asks for: the people of Removals and of Exceeding, each once.
	Confirm int `json:"confirm"`
}

// AppPreview is one app's part of a Preview. The tallies from Create to Failing hold each person at most once; those of Hurts say more of some.
type AppPreview struct {
	App          string       `json:"app"`
	Mode         mapping.Mode `json:"mode"`
	New          bool         `json:"new,omitempty"`
	Disconnected bool         `json:"disconnected,omitempty"` // leaves the document; its accounts stay as they are
	Create       Tally        `json:"create"`                 // or adopt, where the account is there
	Return       Tally        `json:"return"`                 // on the way out now, wanted again then
	Change       Tally        `json:"change"`
	Demote       Tally        `json:"demote"`
	Suspend      Tally        `json:"suspend"`
	Delete       Tally        `json:"delete"` // now, or when the list of steps comes to it
	Failing      Tally        `json:"failing"`
	// Hurts are the people who meet a kind of counted work through the edit alone, without removals and suspensions, which stand above.
	Hurts    map[Kind]Tally `json:"hurts,omitempty"`
	Accounts int            `json:"accounts"` // standing in the ledger
	// Limits are the app's budgets: how many people each kind of counted work may meet within the window. What an edit causes counts for no
	// source, so the budgets of sources do not bound it.
	Limits map[Kind]int `json:"limits,omitempty"`
	// Over are the kinds of work of which the edit alone brings more than the budget. What is confirmed with the edit goes through.
	Over  []Kind      `json:"over,omitempty"`
	Seats []SeatsPlan `json:"seats,omitempty"`
}

// Losses is how many people lose their account or what it can do.
func (a *AppPreview) Losses() int { return a.Delete.Count + a.Suspend.Count + a.Demote.Count }

// Tally counts people and names the first of them.
type Tally struct {
	Count int        `json:"count"`
	First []Affected `json:"first,omitempty"`
}

// Affected is one person of a Tally.
type Affected struct {
	Person   uuid.UUID `json:"person"`
	UserName string    `json:"userName,omitempty"`
	Text     string    `json:"text,omitempty"` // why, with the lines of the mapping
}

const tallied = 50

// add counts a person; who is asked only while names are taken.
func (t *Tally) add(who func() Affected) {
	if t.Count++; len(t.First) < tallied {
		t.First = append(t.First, who())
	}
}

// join adds what came after.
func (t *Tally) join(after Tally) {
	t.Count += after.Count
	t.First = append(t.First, after.First[:min(len(after.First), tallied-len(t.First))]...)
}

// Preview computes over all people what next would change compared with the mapping in force. It reads in slices, so people who change meanwhile
// may be seen before or after; memory does not grow with the directory. Apps that can tell are asked for their free seats; what fails there is
// said in the preview and fails nothing.
func (e *Engine) Preview(ctx context.Context, next *mapping.Mapping) (Preview, error) {
	current, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return Preview{}, err
	}
	former, err := e.formerKeys(ctx)
	if err != nil {
		return Preview{}, err
	}
	p := &previewer{Engine: e, current: current, next: next, former: former, at: e.o.Now()}
	p.reads = slices.Concat(current.Reads(), next.Reads())
	for _, app := range next.Apps() {
		conn, err := e.o.Connections.Open(ctx, app.Connection)
		if err != nil {
			return Preview{}, err
		}
		p.pairs = append(p.pairs, p.pair(app, conn))
	}
	found, err := p.everybody(ctx)
	if err != nil {
		return Preview{}, err
	}
	return p.result(ctx, found)
}

// previewer compares two mappings. It is only read while people are looked at.
type previewer struct {
	*Engine
	current, next *mapping.Mapping
	former        map[string]string // keys renamed away, see formerKeys
	at            time.Time
	pairs         []*appPair
	reads         []string // of people's profiles
}

// appPair is an app of the next mapping, and what it is in the mapping in force.
type appPair struct {
	key      string
	next     *mapping.App // as the document says
	enforced *mapping.App // with the mode enforce
	now      *mapping.App // in the mapping in force, with the mode enforce; nil where that has no such app or only observes
	is       bool         // the mapping in force has the app
	conn     Connection
	ledger   string // the key under which its accounts stand
	self     []string
}

func (p *previewer) pair(app *mapping.App, conn Connection) *appPair {
	enforced := *app
	enforced.Mode = mapping.Enforce
	pair := &appPair{key: app.Key, next: app, enforced: &enforced, conn: conn, ledger: p.before(app)}
	if now, ok := p.current.App(pair.ledger); ok {
		pair.is = true
		if now.Mode != mapping.Observe {
			same := *now
			same.Mode = mapping.Enforce
			pair.now = &same
		}
	}
	return pair
}

// before is the key that the app has in the mapping in force.
func (p *previewer) before(app *mapping.App) string {
	if _, ok := p.current.App(app.Key); ok {
		return app.Key
	}
	if app.RenamedFrom != "" {
		return app.RenamedFrom
	}
	if from := p.former[app.Key]; from != "" {
		return from
	}
	return app.Key
}

// renamed reports whether an app of the mapping in force goes on under another key.
func (p *previewer) renamed(from string) bool {
	return slices.ContainsFunc(p.pairs, func(a *appPair) bool { return a.key != from && a.ledger == from })
}

// result puts together what was found, with the accounts, budgets and seats of each app.
func (p *previewer) result(ctx context.Context, found *tallies) (Preview, error) {
	out := Preview{People: found.people}
	err := p.o.Store.View(ctx, func(r store.Reader) error {
		out.Apps = nil
		for i, pair := range p.pairs {
			a := found.apps[i].AppPreview
			a.App, a.Mode, a.New = pair.key, pair.next.Mode, !pair.is || pair.ledger != pair.key
			n, err := countStanding(r, pair.ledger, 0)
			if err != nil {
				return err
			}
			a.Accounts, a.Limits = n, limits(pair.next.Budget, n)
			a.Over = found.over(i, a.Limits)
			out.Apps = append(out.Apps, a)
		}
		for _, app := range p.current.Apps() {
			if _, still := p.next.App(app.Key); still || p.renamed(app.Key) {
				continue
			}
			n, err := countStanding(r, app.Key, 0)
			if err != nil {
				return err
			}
			out.Apps = append(out.Apps, AppPreview{App: app.Key, Mode: app.Mode, Disconnected: true, Accounts: n})
		}
		return nil
	})
	if err != nil {
		return Preview{}, err
	}
	out.Removals, out.Exceeding, out.Confirm = found.confirm(out.Apps)
	for i, pair := range p.pairs {
		out.Apps[i].Seats = found.apps[i].seats.plan(ctx, pair)
	}
	slices.SortFunc(out.Apps, func(a, b AppPreview) int { return strings.Compare(a.App, b.App) })
	return out, nil
}

// limits are the budgets of an app with n accounts, for the kinds that have one.
func limits(b mapping.Budgets, n int) map[Kind]int {
	all := map[Kind]int{}
	for _, kind := range Kinds() {
		if one, ok := rule(b, kind); ok {
			all[kind] = one.Limit(n)
		}
	}
	return all
}

// changes says in words what a plan does to an account that is kept.
func changes(s Situation, steps []Step) string {
	var words []string
	for _, step := range steps {
		i := slices.IndexFunc(s.Accounts, func(a Account) bool { return a.ID == step.Account })
		if i < 0 {
			continue
		}
		words = append(words, stepWords(&s.Accounts[i], step)...)
	}
	return strings.Join(words, ", ")
}

func stepWords(a *Account, step Step) []string {
	var words []string
	change := func(what, from string, to *string) {
		switch {
		case to == nil:
		case from == "":
			words = append(words, what+" "+*to)
		default:
			words = append(words, what+" "+from+" → "+*to)
		}
	}
	switch step.Op {
	case OpUpdate:
		change("role", a.Role, step.Change.Role)
		change("licence", a.Licence, step.Change.Licence)
		change("address", a.Email, step.Change.Email)
		if n := len(step.Change.Attributes); n > 0 {
			names := make([]string, 0, n)
			for name := range step.Change.Attributes {
				names = append(names, name)
			}
			slices.Sort(names)
			words = append(words, "sets "+strings.Join(names, ", "))
		}
	case OpTeams:
		if len(step.Join) > 0 {
			words = append(words, "joins "+strings.Join(step.Join, ", "))
		}
		if len(step.Leave) > 0 {
			words = append(words, "leaves "+strings.Join(step.Leave, ", "))
		}
	case OpResume:
		words = append(words, "may sign in again")
	}
	return words
}
