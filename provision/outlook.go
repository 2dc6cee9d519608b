package provision

import (
	"context"
	"slices"

	"github.com/usher-scim/usher/mapping"
)

// Outlook is what the engine would do in an app now, with nothing changed: what waits in queue and outbox, and wherever else the ledger
// is not what the mapping in force wants. What waits for a budget counts as let through, what waits for a person's answer does not.
type Outlook struct {
	App string `json:"app"`
	Fates
}

// outlook looks at everybody in the apps that the mapping enforces; in the others nothing is done to anybody.
func (e *Engine) outlook(ctx context.Context) ([]Outlook, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return nil, err
	}
	v := &survey{Engine: e, mapping: m, reads: m.Reads(), at: e.o.Now(), tell: due}
	for _, app := range m.Apps() {
		if app.Mode != mapping.Enforce {
			continue
		}
		conn, err := e.o.Connections.Open(ctx, app.Connection)
		if err != nil {
			return nil, err
		}
		v.apps = append(v.apps, surveyed{app: app, conn: conn, ledger: app.Key})
	}
	found, err := v.everybody(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Outlook, len(v.apps))
	for i, at := range v.apps {
		out[i] = Outlook{App: at.app.Key, Fates: found.apps[i].Fates}
	}
	return out, nil
}

// due tallies what the engine does about one person.
func due(l *look, i int, s Situation) error {
	plan := s.Plan()
	fate := s.fate(plan)
	switch {
	case s.Want.Wanted && fate == FateNone && has(plan, OpObtain): // begun before
		fate = FateCreate
	case !s.Want.Wanted && !plan.ends():
		fate = FateNone
	}
	if to := l.found.apps[i].of(fate); to != nil {
		to.add(func() Affected {
			if fate.Loses() {
				return l.affected(&s, "")
			}
			return l.affected(&s, changes(&s, plan.Steps))
		})
	}
	return nil
}

// ends reports whether something is taken away, now or once quiet time and budget let it pass.
func (p *Plan) ends() bool {
	return len(p.Unwanted) > 0 || p.Waiting || slices.ContainsFunc(p.Steps, func(s Step) bool {
		return s.Op == OpDemote || s.Op == OpSuspend || s.Op == OpRemove
	})
}
