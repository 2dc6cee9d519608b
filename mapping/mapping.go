package mapping

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
)

// Mapping is a compiled document with its names bound to groups: what Usher follows. It is immutable and may be used
// from several goroutines.
type Mapping struct {
	version  int
	compiled *Compiled
	bindings Bindings
	apps     []*App
	byKey    map[string]*App

	next *Mapping // rolled out to those in the ring; nil for none
	ring Ring
}

// With binds the document's names to groups and gives it its number. A name without a binding matches nobody.
func (c *Compiled) With(version int, b Bindings) *Mapping {
	m := &Mapping{version: version, compiled: c, bindings: maps.Clone(b), byKey: make(map[string]*App, len(c.apps))}
	for _, unbound := range c.apps {
		app := *unbound
		app.sources = c.sources
		app.bind(b)
		m.apps = append(m.apps, &app)
		m.byKey[app.Key] = &app
	}
	return m
}

// Empty is the mapping before the first document is applied: version 0, no apps.
func Empty() *Mapping {
	return (&Compiled{doc: &Document{Version: 1, SourceBudget: DefaultBudgets()}}).With(0, nil)
}

// Version is the number of the applied document; 0 before the first.
func (m *Mapping) Version() int { return m.version }

// SourceBudget bounds what the changes of each source may do in all apps together.
func (m *Mapping) SourceBudget() Budgets { return m.compiled.doc.SourceBudget }

// Document returns the document.
func (m *Mapping) Document() *Document { return m.compiled.doc }

// GroupRefs lists the groups that the lines name, bound or not; those of a version that is rolled out as well.
func (m *Mapping) GroupRefs() []GroupRef {
	refs := m.compiled.GroupRefs()
	if m.next == nil {
		return refs
	}
	for _, ref := range m.next.GroupRefs() {
		if !slices.ContainsFunc(refs, func(r GroupRef) bool { return r.App == ref.App && r.Name == ref.Name }) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// Warnings lists what is allowed but may not be meant.
func (m *Mapping) Warnings() []Problem { return m.compiled.Warnings() }

// Binding returns what a name, as an app's lines write it, is bound to.
func (m *Mapping) Binding(app, name string) (Binding, bool) {
	b, ok := m.bindings[BindingKey{App: app, Name: name}]
	return b, ok
}

// Bindings lists what the document's names are bound to, in document order.
func (m *Mapping) Bindings() []Binding {
	var list []Binding
	for _, ref := range m.GroupRefs() {
		if b, ok := m.Binding(ref.App, ref.Name); ok {
			list = append(list, b)
		}
	}
	return list
}

// Waiting lists the names that no group bears yet.
func (m *Mapping) Waiting() []GroupRef {
	return slices.DeleteFunc(m.GroupRefs(), func(ref GroupRef) bool {
		_, bound := m.Binding(ref.App, ref.Name)
		return bound
	})
}

// Apps returns the apps, sorted by key. The slice is the caller's, the apps are shared.
func (m *Mapping) Apps() []*App { return slices.Clone(m.apps) }

// App returns an app by its key.
func (m *Mapping) App(key string) (*App, bool) {
	app, ok := m.byKey[key]
	return app, ok
}

// App is one app of a Mapping. Its slices are shared: nobody changes them.
type App struct {
	Key         string
	Connection  string
	Title       string // the app's name for people, by the catalogue; the key where it has none
	RenamedFrom string // the key it had before; "" for none
	Mode        Mode
	Budget      Budgets
	Drift       DriftPolicy
	Reconcile   time.Duration // how often the app is compared with its own list
	// Rank is the order in force, strongest first: the document's, with the app's own where it says nothing.
	Rank []string
	// WhenDeactivated and WhenUngranted are the document's lists, or the mildest the app has where it leaves them out.
	WhenDeactivated []Step
	WhenUngranted   []Step

	info                       AppInfo
	sees                       *view // what the document's expressions see of a person
	rank                       ranking
	exclude                    *Expression
	grants                     []line
	denies                     []line
	profile                    []field
	protect                    []string // folded; accounts
	protectRoles, protectKinds []string
	sources                    map[uuid.UUID]string
	// byGroup finds the lines that a group's members meet, as indexes into grants, and beyond them into denies.
	byGroup map[uuid.UUID][]int
}

// line is a grant or a deny.
type line struct {
	pos     Pos
	by      string   // the group, set or person as written
	names   []string // of the groups, as bindings know them
	person  string   // folded
	when    *Expression
	until   time.Time
	role    string
	licence string
	teams   []string
}

// field is one attribute of the app's accounts.
type field struct {
	name  string
	value *Expression
}

// bind builds the index from groups to lines.
func (a *App) bind(b Bindings) {
	a.byGroup = map[uuid.UUID][]int{}
	add := func(at int, l line) {
		for _, name := range l.names {
			bound, ok := b[BindingKey{App: a.Key, Name: name}]
			if !ok {
				continue
			}
			for _, group := range append([]uuid.UUID{bound.Group}, bound.Previous...) {
				if !slices.Contains(a.byGroup[group], at) {
					a.byGroup[group] = append(a.byGroup[group], at)
				}
			}
		}
	}
	for i, l := range a.grants {
		add(i, l)
	}
	for i, l := range a.denies {
		add(len(a.grants)+i, l)
	}
}

// Protect lists the protected accounts, e-mail addresses and vendor ids, folded to lower case.
func (a *App) Protect() []string { return slices.Clone(a.protect) }

// Protects says whether the document protects an account, by its e-mail address or its id at the vendor, both without
// regard to case.
func (a *App) Protects(email, id string) bool {
	return slices.ContainsFunc(a.protect, func(p string) bool {
		return p != "" && (p == fold(email) || p == fold(id))
	})
}

// Stronger says whether a role, or a licence, is stronger than another. It is known only for two roles or two
// licences that the rank lists.
func (a *App) Stronger(one, other string) (stronger, known bool) { return a.rank.stronger(one, other) }

// ManagedTeams lists every team that a grant names, sorted: the teams whose members Usher adds and takes out.
func (a *App) ManagedTeams() []string {
	set := map[string]bool{}
	for _, g := range a.grants {
		for _, team := range g.teams {
			set[team] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// ManagesTeam says whether a grant names the team.
func (a *App) ManagesTeam(team string) bool {
	return slices.ContainsFunc(a.grants, func(l line) bool { return slices.Contains(l.teams, team) })
}

// ManagedFields lists the attributes that Usher writes, sorted.
func (a *App) ManagedFields() []string {
	names := make([]string, len(a.profile))
	for i, f := range a.profile {
		names[i] = f.name
	}
	slices.Sort(names)
	return names
}

// Steps returns what happens to the account of somebody who is not wanted: the list for people who left the company,
// or the one for people who are merely without a grant. It is empty for somebody who is wanted.
func (a *App) Steps(w Want) []Step {
	switch {
	case w.Wanted:
		return nil
	case w.Reason == Deactivated:
		return a.WhenDeactivated
	}
	return a.WhenUngranted
}

// fold is how names of people, addresses and ids compare.
func fold(s string) string { return directory.Fold(strings.TrimSpace(s)) }
