package provision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// Migration is what letting one source take over from another means: its users are the same people, and the mapping names its groups instead.
// The people, their accounts and all that is known of them stay as they are.
type Migration struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Version int    `json:"version"` // of the mapping in force
	Active  int    `json:"active"`  // active users of From
	Linked  int    `json:"linked"`  // of those, how many To has as the same person already, and active
	// Matched are those that To has under another id, with a name in common: the migration links them. Its texts say which user it is.
	Matched Tally `json:"matched"`
	// The others of From are questions. Unknown: To has nobody like them. Ambiguous: it has several, or one who is like several people of From or
	// known to other sources. Inactive: To says that they are not active, or deleted them. Occupied: To's user has accounts of its own.
	Unknown   Tally `json:"unknown"`
	Ambiguous Tally `json:"ambiguous"`
	Inactive  Tally `json:"inactive"`
	Occupied  Tally `json:"occupied"`
	// Out are active in To and inactive in From, so they have no access, and would not have any while From's word counts.
	Out Tally `json:"out"`
	// Groups are those of From that the mapping in force names, in the order of its lines.
	Groups []MigratedGroup `json:"groups"`
	// Preview is what follows for everybody: the links and the other names of groups together.
	Preview Preview `json:"-"`
	// Stranded are accounts of people whom no living source but From knows; Second are accounts that somebody would get who has one already.
	Stranded Tally `json:"stranded"`
	Second   Tally `json:"second"`
	// Blocked says why it cannot be done yet; empty when it can.
	Blocked []string `json:"blocked"`

	links   *directory.Links
	doubles map[uuid.UUID]bool // users of To who may be somebody of From, and are not linked
	names   map[string]string
	to      directory.Source
}

// MigratedGroup is a group that the mapping names, and the one of the same name that takes its place.
type MigratedGroup struct {
	Name    string             `json:"name"`            // as the mapping writes it
	To      string             `json:"to,omitempty"`    // as the mapping will write it; "" where there is none
	Members int                `json:"members"`         // of the group that the name is bound to now
	There   int                `json:"there"`           // members of the other
	Waits   bool               `json:"waits,omitempty"` // no source has such a group yet, nor had
	Lines   []mapping.GroupRef `json:"lines"`           // where the mapping names it
}

// PlanMigration computes over all people what it means that the source to takes over from the source from, and changes nothing. next gives the
// mapping in force with other names in the place of names of groups. Memory grows with the people who are not linked yet, by two ids each.
func (e *Engine) PlanMigration(ctx context.Context, from, to string, next func(names map[string]string) (*mapping.Mapping, error)) (Migration, error) {
	m := Migration{Groups: []MigratedGroup{}, Blocked: []string{}}
	src, err := e.o.Directory.SourceByName(ctx, from)
	if err != nil {
		return m, err
	}
	if m.to, err = e.o.Directory.SourceByName(ctx, to); err != nil {
		return m, err
	}
	if src.ID == m.to.ID {
		return m, &DecisionError{"a source cannot take over from itself"}
	}
	m.From, m.To = src.Name, m.to.Name
	current, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return m, err
	}
	m.Version = current.Version()
	if err := e.matchPeople(ctx, src, &m); err != nil {
		return m, err
	}
	if err := e.matchGroups(ctx, src, current, &m); err != nil {
		return m, err
	}
	renamed, err := next(m.names)
	if err != nil {
		return m, err
	}
	if err := e.previewMigration(ctx, src, renamed, &m); err != nil {
		return m, err
	}
	m.Blocked = m.blocked()
	if rolled, ring := current.RollsOut(); rolled != nil {
		m.Blocked = append(m.Blocked, fmt.Sprintf("version %d of the mapping is being rolled out (%s): give it to all (usher rollout all) or take it back (usher rollback) first", rolled.Version(), ring))
	}
	return m, nil
}

// previewMigration looks at everybody under the renamed mapping, as if the links were made.
func (e *Engine) previewMigration(ctx context.Context, src directory.Source, renamed *mapping.Mapping, m *Migration) error {
	alone, err := e.heldAlone(ctx, src)
	if err != nil {
		return err
	}
	p, err := e.previewer(ctx, renamed)
	if err != nil {
		return err
	}
	p.links = m.links
	p.tell = func(l *look, i int, s Situation) error {
		if s.Want.Wanted && alone(&s.Person) {
			l.found.apps[i].hurt(stranded, func(t *Tally) { t.add(func() Affected { return l.affected(&s, s.App.Key) }) })
		}
		if m.doubles[s.Person.ID] && s.Outcome().Fate == FateCreate {
			l.found.apps[i].hurt(second, func(t *Tally) { t.add(func() Affected { return l.affected(&s, s.App.Key) }) })
		}
		return p.person(l, i, s)
	}
	found, err := p.everybody(ctx)
	if err != nil {
		return err
	}
	for i := range found.apps {
		hurts := found.apps[i].hurts
		m.Stranded.join(hurts[stranded])
		m.Second.join(hurts[second])
		delete(hurts, stranded)
		delete(hurts, second)
	}
	m.Preview, err = p.result(ctx, found)
	return err
}

// What a migration tallies beside the kinds of work.
const (
	stranded Kind = "stranded"
	second   Kind = "second"
)

// matchGroups finds for each of the source's groups that the mapping names the one of the same name, without regard to case.
func (e *Engine) matchGroups(ctx context.Context, src directory.Source, current *mapping.Mapping, m *Migration) error {
	return e.o.Store.View(ctx, func(r store.Reader) error {
		m.Groups, m.names = m.Groups[:0], map[string]string{}
		for _, ref := range current.GroupRefs() {
			if ref.Source != src.ID {
				continue
			}
			if i := slices.IndexFunc(m.Groups, func(g MigratedGroup) bool { return g.Name == ref.Name }); i >= 0 {
				m.Groups[i].Lines = append(m.Groups[i].Lines, ref)
				continue
			}
			g := MigratedGroup{Name: ref.Name, Lines: []mapping.GroupRef{ref}, Waits: true}
			called := []string{ref.Group}
			if bound, ok := current.Binding(ref.App, ref.Name); ok {
				group, err := e.o.Directory.GroupIn(r, bound.Group)
				if err != nil && directory.CodeOf(err) != directory.NotFound {
					return err
				}
				if err == nil && group.Deleted.IsZero() {
					g.Members, g.Waits = group.Members, false
					called = []string{group.Name, ref.Group}
				}
			}
			for _, name := range called {
				group, err := e.o.Directory.GroupByNameIn(r, m.to.ID, name)
				if directory.CodeOf(err) == directory.NotFound {
					continue
				}
				if err != nil {
					return err
				}
				g.To, g.There = m.to.Name+"/"+group.Name, group.Members
				break
			}
			if g.To == "" && g.Waits {
				g.To = m.to.Name + "/" + ref.Group
			}
			if g.To != "" {
				m.names[ref.Name] = g.To
			}
			m.Groups = append(m.Groups, g)
		}
		return nil
	})
}

// blocked says what has to be settled first. Nobody may lose anything, be left with nobody to say that they left, or get a second account.
func (m *Migration) blocked() []string {
	out := []string{}
	for _, g := range m.Groups {
		if g.To == "" {
			out = append(out, fmt.Sprintf("%s has no group like %s, which has %d members and which the mapping names", m.To, g.Name, g.Members))
		}
	}
	if n := m.Preview.Removals; n > 0 {
		out = append(out, fmt.Sprintf("%d of the people would lose an account or what it can do, as the plan shows", n))
	}
	if n := m.Stranded.Count; n > 0 {
		out = append(out, fmt.Sprintf("%d accounts are of people who are not in %s: it has %d of the %d active users of %s", n, m.To, m.Linked+m.Matched.Count, m.Active, m.From))
	}
	if n := m.Second.Count; n > 0 {
		out = append(out, fmt.Sprintf("%d second accounts would be made, for users of %s who may be somebody whom %s knows", n, m.To, m.From))
	}
	return out
}

// Migrate links the people that the plan matched, one by one, and then calls apply, which puts the mapping with the other names in force. Where
// the plan is blocked it is a *DecisionError, and nothing changed. When it fails on the way, the people that are linked stay linked, nobody's
// access is another by that, and the next migration goes on from there. version returns what apply put in force, 0 for nothing.
func (e *Engine) Migrate(ctx context.Context, actor audit.Actor, m Migration, apply func() (version int, err error)) error {
	if len(m.Blocked) > 0 {
		return &DecisionError{m.To + " cannot take over from " + m.From + " yet: " + m.Blocked[0]}
	}
	persons := make([]uuid.UUID, 0, len(m.links.Users))
	for person := range m.links.Users {
		persons = append(persons, person)
	}
	slices.SortFunc(persons, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	for _, person := range persons {
		if err := e.o.Directory.Link(ctx, actor, m.to, m.links.Users[person], person); err != nil {
			return err
		}
	}
	version, err := apply()
	if err != nil {
		return err
	}
	fact := e.fact(audit.SourceMigrated, "", uuid.Nil, uuid.Nil, nil, map[string]string{
		"former": m.From, "successor": m.To, "version": strconv.Itoa(version), "linked": strconv.Itoa(len(persons)), "people": strconv.Itoa(m.Linked + len(persons)),
	})
	fact.Actor = actor
	err = e.o.Store.Update(ctx, func(tx store.Tx) error { return audit.Record(tx, fact) })
	if err != nil {
		return errors.Join(errors.New("the migration is done, and could not be written down"), err)
	}
	e.Wake()
	return nil
}
