package provision

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// SourceRemoval is what the removal of a source leaves behind. It takes an account from nobody: what the source said stands. But nobody can
// change it any more, so whoever has an account by its word alone keeps it, also when leaving.
type SourceRemoval struct {
	Source string `json:"source"`
	Users  int    `json:"users"`
	Groups int    `json:"groups"` // living ones
	// Apps are those in which somebody's account rests on the source.
	Apps []RestingApp `json:"apps"`
	// Frozen are the groups of the source that the mapping in force names: their members stay as they are.
	Frozen []FrozenGroup `json:"frozen"`
	// People is how many people's accounts rest on the source, each once.
	People int `json:"people"`
	// Confirm is the number that the removal asks for: People, where they are more than an app's budget for removals; else 0.
	Confirm int `json:"confirm"`
}

// RestingApp is an app with accounts of people whom no other living source holds.
type RestingApp struct {
	App      string `json:"app"`
	Accounts int    `json:"accounts"` // standing in the ledger
	Rests    Tally  `json:"rests"`
	Limit    int    `json:"limit"` // the app's budget for removals
	Over     bool   `json:"over,omitempty"`
}

// FrozenGroup is a group that nobody changes any more, and where the mapping names it.
type FrozenGroup struct {
	Group   uuid.UUID          `json:"group"`
	Name    string             `json:"name"`
	Members int                `json:"members"`
	Lines   []mapping.GroupRef `json:"lines"` // one for each app and name
}

// PlanSourceRemoval computes over all people what the removal of the living source of a name would leave behind, and changes nothing. A name
// that no living source has is a *directory.Error of code NotFound.
func (e *Engine) PlanSourceRemoval(ctx context.Context, name string) (SourceRemoval, error) {
	src, err := e.o.Directory.SourceByName(ctx, name)
	if err != nil {
		return SourceRemoval{}, err
	}
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return SourceRemoval{}, err
	}
	out := SourceRemoval{Source: src.Name, Apps: []RestingApp{}}
	if out.Users, err = e.o.Directory.CountUsers(ctx, src); err != nil {
		return SourceRemoval{}, err
	}
	if out.Groups, err = e.o.Directory.CountGroups(ctx, src); err != nil {
		return SourceRemoval{}, err
	}
	if out.Frozen, err = e.frozen(ctx, m, src.ID); err != nil {
		return SourceRemoval{}, err
	}
	v := &survey{Engine: e, mapping: m, reads: m.Reads(), at: e.o.Now()}
	if v.tell, err = e.resting(ctx, src); err != nil {
		return SourceRemoval{}, err
	}
	for _, app := range m.Apps() {
		if app.Mode == mapping.Observe { // nobody's account ends there, whoever says what
			continue
		}
		conn, err := e.o.Connections.Open(ctx, app.Connection)
		if err != nil {
			return SourceRemoval{}, err
		}
		v.apps = append(v.apps, surveyed{app: enforced(app), conn: conn, ledger: app.Key})
	}
	found, err := v.everybody(ctx)
	if err != nil {
		return SourceRemoval{}, err
	}
	if err := e.restingApps(ctx, v, found, &out); err != nil {
		return SourceRemoval{}, err
	}
	return out, nil
}

// resting counts the people with an account that is to stay, of whom no other living source than src knows.
func (e *Engine) resting(ctx context.Context, src directory.Source) (func(*look, int, Situation) error, error) {
	alone, err := e.heldAlone(ctx, src)
	if err != nil {
		return nil, err
	}
	return func(l *look, i int, s Situation) error {
		if !s.Want.Wanted || len(s.Accounts) == 0 || !alone(&s.Person) {
			return nil
		}
		l.caused[i] |= bit(Removals)
		l.found.apps[i].hurt(Removals, func(t *Tally) { t.add(func() Affected { return l.affected(&s, "") }) })
		return nil
	}, nil
}

// heldAlone returns what tells whether a person is held by a source and by no other living one.
func (e *Engine) heldAlone(ctx context.Context, src directory.Source) (func(*directory.Person) bool, error) {
	all, err := e.o.Directory.Sources(ctx)
	if err != nil {
		return nil, err
	}
	others := map[uuid.UUID]bool{}
	for i := range all {
		others[all[i].ID] = all[i].Removed.IsZero() && all[i].ID != src.ID
	}
	return func(p *directory.Person) bool {
		return slices.ContainsFunc(p.Holders, func(h directory.Holder) bool { return h.Source == src.ID }) &&
			!slices.ContainsFunc(p.Holders, func(h directory.Holder) bool { return others[h.Source] })
	}, nil
}

func (e *Engine) restingApps(ctx context.Context, v *survey, found *tallies, out *SourceRemoval) error {
	over := make([][]Kind, len(v.apps))
	exceeds := false
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		out.Apps = out.Apps[:0]
		for i, at := range v.apps {
			n, err := countStanding(r, at.ledger, 0)
			if err != nil {
				return err
			}
			a := RestingApp{App: at.app.Key, Accounts: n, Rests: found.apps[i].hurts[Removals], Limit: at.app.Budget.Limit(n)}
			a.Over = a.Rests.Count > a.Limit
			exceeds = exceeds || a.Over
			if a.Rests.Count > 0 {
				out.Apps = append(out.Apps, a)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if out.People, _, _ = found.confirm(over); exceeds {
		out.Confirm = out.People
	}
	return nil
}

// frozen lists the groups of a source that the mapping's lines are bound to, by name.
func (e *Engine) frozen(ctx context.Context, m *mapping.Mapping, source uuid.UUID) ([]FrozenGroup, error) {
	var all []FrozenGroup
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		all = []FrozenGroup{}
		for _, ref := range m.GroupRefs() {
			bound, ok := m.Binding(ref.App, ref.Name)
			if !ok || bound.Source != source {
				continue
			}
			if i := slices.IndexFunc(all, func(g FrozenGroup) bool { return g.Group == bound.Group }); i >= 0 {
				all[i].Lines = append(all[i].Lines, ref)
				continue
			}
			group, err := e.o.Directory.GroupIn(r, bound.Group)
			if directory.CodeOf(err) == directory.NotFound {
				continue
			}
			if err != nil {
				return err
			}
			all = append(all, FrozenGroup{Group: group.ID, Name: group.Name, Members: group.Members, Lines: []mapping.GroupRef{ref}})
		}
		slices.SortFunc(all, func(a, b FrozenGroup) int { return strings.Compare(a.Name, b.Name) })
		return nil
	})
	return all, err
}
