package provision

import (
	"context"
	"slices"
	"strings"

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

// AppPreview is one app's part of a Preview. Those of Hurts are in a tally of Fates as well.
type AppPreview struct {
	App          string       `json:"app"`
	Mode         mapping.Mode `json:"mode"`
	New          bool         `json:"new,omitempty"`
	Disconnected bool         `json:"disconnected,omitempty"` // leaves the document; its accounts stay as they are
	Fates
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

// Preview computes over all people what next would change compared with the mapping in force. It reads in slices, so people who change meanwhile
// may be seen before or after; memory does not grow with the directory. Apps that can tell are asked for their free seats; what fails there is
// said in the preview and fails nothing.
func (e *Engine) Preview(ctx context.Context, next *mapping.Mapping) (Preview, error) {
	p, err := e.previewer(ctx, next)
	if err != nil {
		return Preview{}, err
	}
	found, err := p.everybody(ctx)
	if err != nil {
		return Preview{}, err
	}
	return p.result(ctx, found)
}

// previewer prepares the comparison of a mapping with the one in force.
func (e *Engine) previewer(ctx context.Context, next *mapping.Mapping) (*previewer, error) {
	current, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return nil, err
	}
	former, err := e.formerKeys(ctx)
	if err != nil {
		return nil, err
	}
	p := &previewer{current: current, former: former}
	p.survey = &survey{Engine: e, mapping: next, reads: slices.Concat(current.Reads(), next.Reads()), at: e.o.Now(), tell: p.person}
	for _, app := range next.Apps() {
		conn, err := e.o.Connections.Open(ctx, app.Connection)
		if err != nil {
			return nil, err
		}
		p.add(app, conn)
	}
	return p, nil
}

// previewer compares the mapping of its survey with the one in force. It is only read while people are looked at.
type previewer struct {
	*survey
	current *mapping.Mapping
	former  map[string]string // keys renamed away, see formerKeys
	edits   []appEdit         // in the order of the survey's apps
}

// appEdit is an app of the next mapping, and what it is in the mapping in force.
type appEdit struct {
	next *mapping.App // as the document says, with its mode
	now  *mapping.App // in the mapping in force, as if enforced; nil where that has no such app or only observes
	is   bool         // the mapping in force has the app
}

// add puts an app of the next mapping into the survey, as if enforced.
func (p *previewer) add(app *mapping.App, conn Connection) {
	ledger, edit := p.before(app), appEdit{next: app}
	if now, ok := p.current.App(ledger); ok {
		edit.is = true
		if now.Mode != mapping.Observe {
			edit.now = enforced(now)
		}
	}
	p.edits = append(p.edits, edit)
	p.apps = append(p.apps, surveyed{app: enforced(app), conn: conn, ledger: ledger})
}

// enforced is the app as it would be in the mode enforce.
func enforced(app *mapping.App) *mapping.App {
	same := *app
	same.Mode = mapping.Enforce
	return &same
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
	return slices.ContainsFunc(p.apps, func(a surveyed) bool { return a.app.Key != from && a.ledger == from })
}

// result puts together what was found, with the accounts, budgets and seats of each app.
func (p *previewer) result(ctx context.Context, found *tallies) (Preview, error) {
	out := Preview{People: found.people}
	over := make([][]Kind, len(p.apps))
	err := p.o.Store.View(ctx, func(r store.Reader) error {
		out.Apps = nil
		for i, at := range p.apps {
			edit := p.edits[i]
			n, err := countStanding(r, at.ledger, 0)
			if err != nil {
				return err
			}
			a := AppPreview{
				App: at.app.Key, Mode: edit.next.Mode, New: !edit.is || at.ledger != at.app.Key,
				Fates: found.apps[i].Fates, Hurts: found.apps[i].hurts, Accounts: n, Limits: limits(edit.next.Budget, n),
			}
			over[i] = found.over(i, a.Limits)
			a.Over = over[i]
			out.Apps = append(out.Apps, a)
		}
		for _, app := range p.current.Apps() {
			if _, still := p.mapping.App(app.Key); still || p.renamed(app.Key) {
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
	out.Removals, out.Exceeding, out.Confirm = found.confirm(over)
	for i, at := range p.apps {
		out.Apps[i].Seats = found.apps[i].seats.plan(ctx, at.conn)
	}
	slices.SortFunc(out.Apps, func(a, b AppPreview) int { return strings.Compare(a.App, b.App) })
	return out, nil
}

// limits are the budgets of an app with n accounts, for the kinds that have one.
func limits(b mapping.Budgets, n int) map[Kind]int {
	all := map[Kind]int{}
	for _, kind := range Kinds() {
		if one := rule(b, kind); one != (mapping.Budget{}) {
			all[kind] = one.Limit(n)
		}
	}
	return all
}

// person tallies one person in one app.
func (p *previewer) person(l *look, i int, s Situation) error {
	out := &l.found.apps[i]
	next := s.Outcome()
	out.seats.add(s, next)
	if next.Fate == FateNone && len(next.Effects) == 0 {
		return nil
	}
	now, err := p.inForce(l, i, s)
	if err != nil {
		return err
	}
	kinds := Caused(now, next)
	p.tally(l, &out.Fates, s, next, kinds)
	if p.edits[i].next.Mode == mapping.Observe {
		return nil
	}
	for _, kind := range kinds {
		l.caused[i] |= bit(kind)
		if kind != Removals && kind != Suspensions {
			out.hurt(kind, func(t *Tally) {
				t.add(func() Affected { return Affected{s.Person.ID, s.Person.UserName, effectText(next.Effects, kind)} })
			})
		}
	}
	return nil
}

// inForce is what the mapping in force does to the same person at the same moment. What cannot be told counts as the edit's doing.
func (p *previewer) inForce(l *look, i int, s Situation) (Outcome, error) {
	now := p.edits[i].now
	if now == nil {
		return Outcome{}, nil
	}
	if p.links != nil && p.links.Users[s.Person.ID] != uuid.Nil {
		var err error
		if s.Person, err = l.unlinked.Person(s.Person.ID); err != nil {
			return Outcome{}, err
		}
	}
	want, err := p.current.Decide(now.Key, &s.Person, p.at)
	if err != nil {
		return Outcome{}, nil //nolint:nilerr // see above
	}
	if own, ok := p.current.AppFor(now.Key, &s.Person); ok && p.current.For(&s.Person) != p.current {
		now = enforced(own)
	}
	s.App, s.Want = now, want
	s.undone()
	return s.Outcome(), nil
}

// tally counts the person where the fate belongs. Somebody who is on the way out already is counted when the edit makes it worse.
func (p *previewer) tally(l *look, out *Fates, s Situation, next Outcome, kinds []Kind) {
	to := out.of(next.Fate)
	leaving := slices.ContainsFunc(s.Accounts, func(a Account) bool { return a.unwanted() })
	if to == nil || next.Fate.Loses() && leaving && !slices.Contains(kinds, Removals) && !slices.Contains(kinds, Suspensions) {
		return
	}
	to.add(func() Affected {
		if next.Fate.Loses() {
			return l.affected(&s, "")
		}
		return l.affected(&s, changes(&s, next.Steps))
	})
}

// effectText says what the effects of a kind do.
func effectText(effects []Effect, kind Kind) string {
	i := slices.IndexFunc(effects, func(e Effect) bool { return e.Kind == kind })
	if i < 0 {
		return ""
	}
	return effects[i].Text
}
