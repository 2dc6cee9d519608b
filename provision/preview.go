package provision

import (
	"context"
	"errors"
	"sort"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// Preview is what a mapping would change over all people, and does not.
type Preview struct {
	Apps []AppPreview `json:"apps"`
	// Removals is how many people would lose an account through the edit
	// alone; apply asks for this number.
	Removals int `json:"removals"`
}

// AppPreview is one app's part of a Preview.
type AppPreview struct {
	App          string       `json:"app"`
	Mode         mapping.Mode `json:"mode"`
	New          bool         `json:"new,omitempty"`
	Disconnected bool         `json:"disconnected,omitempty"` // leaves the document; its accounts stay as they are
	Create       Tally        `json:"create"`                 // or adopt, where the account is there
	Change       Tally        `json:"change"`
	Remove       Tally        `json:"remove"` // as when_deactivated and when_ungranted say
	Return       Tally        `json:"return"` // on the way out now, wanted again then
	Failing      Tally        `json:"failing"`
	Accounts     int          `json:"accounts"` // standing in the ledger
	Limit        int          `json:"limit"`    // the budget for removals
	OverBudget   bool         `json:"overBudget,omitempty"`
}

// Tally counts people and names the first of them.
type Tally struct {
	Count int        `json:"count"`
	First []Affected `json:"first,omitempty"`
}

// Affected is one person of a Tally.
type Affected struct {
	Person   uuid.UUID `json:"person"`
	UserName string    `json:"userName,omitempty"`
	Text     string    `json:"text,omitempty"`
}

const tallied = 50

func (t *Tally) add(a Affected) {
	if t.Count++; len(t.First) < tallied {
		t.First = append(t.First, a)
	}
}

// Preview computes over all people what next would change compared with the mapping in
// force. It reads in slices, so people who change meanwhile may be seen before or after; memory does not grow with the directory.
func (e *Engine) Preview(ctx context.Context, next *mapping.Mapping) (Preview, error) {
	current, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return Preview{}, err
	}
	former, err := e.formerKeys(ctx)
	if err != nil {
		return Preview{}, err
	}
	p := previewer{Engine: e, current: current, next: next, former: former, apps: map[string]*AppPreview{}, can: map[string]adapters.Description{}}
	for _, app := range next.Apps() {
		conn, err := e.o.Connections.Open(ctx, app.Connection)
		if err != nil {
			return Preview{}, err
		}
		p.can[app.Key] = conn.Can
		_, before := current.App(app.Key)
		p.apps[app.Key] = &AppPreview{App: app.Key, Mode: app.Mode, New: !before}
	}
	for _, app := range current.Apps() {
		if _, still := next.App(app.Key); !still && !p.renamed(app.Key) {
			p.apps[app.Key] = &AppPreview{App: app.Key, Mode: app.Mode, Disconnected: true}
		}
	}
	if err := p.everybody(ctx); err != nil {
		return Preview{}, err
	}
	return p.result(ctx)
}

// renamed reports whether an app of the mapping in force goes on under another key.
func (p *previewer) renamed(from string) bool {
	for _, a := range p.next.Apps() {
		if a.Key != from && p.before(a) == from {
			return true
		}
	}
	return false
}

type previewer struct {
	*Engine
	current, next *mapping.Mapping
	former        map[string]string // keys renamed away, see formerKeys
	apps          map[string]*AppPreview
	can           map[string]adapters.Description
	removals      int
}

// everybody goes through the people of the directory, then through those whom only the ledger knows.
func (p *previewer) everybody(ctx context.Context) error {
	for _, phase := range []byte{phasePeople, phaseLedger} {
		var at []byte
		for {
			var next []byte
			err := p.o.Store.View(ctx, func(r store.Reader) error {
				var persons []uuid.UUID
				var err error
				if phase == phasePeople {
					persons, next, err = p.people(r, at)
				} else {
					persons, next, err = p.ledgerOnly(r, at)
				}
				if err != nil {
					return err
				}
				return p.slice(r, persons)
			})
			if err != nil {
				return err
			}
			if next == nil {
				break
			}
			at = next
		}
	}
	return nil
}

func (p *previewer) ledgerOnly(r store.Reader, at []byte) ([]uuid.UUID, []byte, error) {
	all, next, err := ledgerPersons(r, at)
	if err != nil {
		return nil, nil, err
	}
	var only []uuid.UUID
	for _, id := range all {
		known, err := p.o.Directory.PersonExists(r, id)
		if err != nil {
			return nil, nil, err
		}
		if !known {
			only = append(only, id)
		}
	}
	return only, next, nil
}

func (p *previewer) slice(r store.Reader, persons []uuid.UUID) error {
	for _, id := range persons {
		loses := false
		for _, app := range p.next.Apps() {
			l, err := p.person(r, app, id)
			if err != nil {
				return err
			}
			loses = loses || l
		}
		if loses {
			p.removals++
		}
	}
	return nil
}

// person tallies one person in one app and reports whether the edit takes the account away.
func (p *previewer) person(r store.Reader, app *mapping.App, id uuid.UUID) (loses bool, err error) {
	out := p.apps[app.Key]
	j := judge{Engine: p.Engine, mapping: p.next, app: app, can: p.can[app.Key], now: p.o.Now(), ledger: p.before(app)}
	s, err := j.situation(r, id)
	who := Affected{Person: id, UserName: s.Person.UserName}
	var we *wantError
	if errors.As(err, &we) {
		person, perr := p.o.Directory.PersonIn(r, id)
		who.UserName, who.Text = person.UserName, we.Error()
		out.Failing.add(who)
		return false, perr
	}
	if err != nil {
		return false, err
	}
	who.UserName, who.Text = s.Person.UserName, s.Want.Text
	enforced := *app
	enforced.Mode = mapping.Enforce
	s.App = &enforced
	s.Guarded = false
	plan := s.Plan()
	switch {
	case len(plan.Unwanted) > 0:
		out.Remove.add(who)
		return app.Mode != mapping.Observe && p.wanted(p.before(app), s), nil
	case len(plan.Returned) > 0:
		out.Return.add(who)
	case has(plan, OpObtain) && len(s.Accounts) == 0:
		out.Create.add(who)
	case has(plan, OpUpdate) || has(plan, OpTeams) || has(plan, OpResume):
		out.Change.add(who)
	}
	return false, nil
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

// wanted reports whether the mapping in force wants the account, so that losing it is the edit's doing.
func (p *previewer) wanted(app string, s Situation) bool {
	if _, ok := p.current.App(app); !ok {
		return false
	}
	w, err := p.current.Want(app, &s.Person, s.Now)
	return err != nil || w.Wanted // what cannot be told counts as a loss
}

func has(p Plan, op Op) bool {
	for _, s := range p.Steps {
		if s.Op == op {
			return true
		}
	}
	return false
}

func (p *previewer) result(ctx context.Context) (Preview, error) {
	out := Preview{Removals: p.removals}
	err := p.o.Store.View(ctx, func(r store.Reader) error {
		for key, a := range p.apps {
			ledger := key
			if app, ok := p.next.App(key); ok {
				ledger = p.before(app)
			}
			n, err := countStanding(r, ledger, 0)
			if err != nil {
				return err
			}
			a.Accounts = n
			if app, ok := p.next.App(key); ok {
				a.Limit = app.Budget.Limit(n)
				a.OverBudget = a.Remove.Count > a.Limit
			}
		}
		return nil
	})
	for _, a := range p.apps {
		out.Apps = append(out.Apps, *a)
	}
	sort.Slice(out.Apps, func(i, k int) bool { return out.Apps[i].App < out.Apps[k].App })
	return out, err
}
