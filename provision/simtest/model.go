package simtest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/provision"
)

// model is what the sources and administrators were told is so: every write that was acknowledged. It
// works out who should have what by rules of its own, which know nothing of the packages under test.
type model struct {
	users    map[string]map[uuid.UUID]user   // by source
	groups   map[string]map[string]group     // living ones, by source and name
	denies   map[uuid.UUID]map[string]bool   // sources that deleted a person whom others hold
	applied  []int                           // the document of each version
	ended    map[uuid.UUID]bool              // whom an administrator terminated
	switches map[string]provision.Switch     // that an administrator set, by what they stop
	frozen   []group                         // deleted ones
	last     map[string]map[string]uuid.UUID // by source and human: whom acts are about
	emails   map[uuid.UUID]map[string]bool   // every address a person ever had
	entitled map[string]map[uuid.UUID]bool   // by app: who ever was
}

// user is one source's record of a person.
type user struct {
	userName, display string
	active            bool
}

type group struct {
	id           uuid.UUID
	source, name string
	members      map[uuid.UUID]bool
	deleted      time.Time
	bound        map[string]bool // apps whose mapping has bound its name: their grants and denies outlive it for a day
}

func newModel() *model {
	m := &model{
		users: map[string]map[uuid.UUID]user{}, groups: map[string]map[string]group{}, denies: map[uuid.UUID]map[string]bool{},
		ended: map[uuid.UUID]bool{}, switches: map[string]provision.Switch{},
		last: map[string]map[string]uuid.UUID{}, emails: map[uuid.UUID]map[string]bool{}, entitled: map[string]map[uuid.UUID]bool{},
	}
	for _, s := range []string{okta, entra} {
		m.users[s], m.groups[s], m.last[s] = map[uuid.UUID]user{}, map[string]group{}, map[string]uuid.UUID{}
	}
	for _, app := range apps() {
		m.entitled[app] = map[uuid.UUID]bool{}
	}
	return m
}

// clone copies what the directory holds, for a backup. What is known of the past stays shared: a restore
// does not undo it.
func (m *model) clone() *model {
	c := *m
	c.users, c.groups, c.denies = map[string]map[uuid.UUID]user{}, map[string]map[string]group{}, map[uuid.UUID]map[string]bool{}
	for s := range m.users {
		c.users[s] = maps.Clone(m.users[s])
		c.groups[s] = map[string]group{}
		for name, g := range m.groups[s] {
			g.members = maps.Clone(g.members)
			c.groups[s][name] = g
		}
	}
	for p, by := range m.denies {
		c.denies[p] = maps.Clone(by)
	}
	c.applied, c.frozen = slices.Clone(m.applied), slices.Clone(m.frozen)
	c.ended, c.switches = maps.Clone(m.ended), maps.Clone(m.switches)
	return &c
}

// document returns the document in force; ok is false before the first.
func (m *model) document() (d document, ok bool) {
	if len(m.applied) == 0 {
		return document{}, false
	}
	return documents()[m.applied[len(m.applied)-1]], true
}

// persons lists everybody who ever was, in a fixed order.
func (m *model) persons() []uuid.UUID {
	return slices.SortedFunc(maps.Keys(m.emails), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
}

// profile is the merge of a person's records: the best-ranked source decides.
func (m *model) profile(p uuid.UUID) (u user, held bool) {
	for _, s := range []string{okta, entra} {
		if u, held := m.users[s][p]; held {
			return u, true
		}
	}
	return user{}, false
}

// active: somebody holds the person, no holder says no, no source has sent the person away, and no administrator has.
func (m *model) active(p uuid.UUID) bool {
	if m.ended[p] {
		return false
	}
	held := false
	for s := range m.users {
		u, holds := m.users[s][p]
		if holds && !u.active {
			return false
		}
		held = held || holds
	}
	return held && len(m.denies[p]) == 0
}

func (m *model) member(p uuid.UUID, app, name string, frozenSince time.Time) bool {
	source, bare, _ := strings.Cut(name, "/")
	if m.groups[source][bare].members[p] {
		return true
	}
	for _, g := range m.frozen {
		if g.source == source && g.name == bare && g.bound[app] && g.deleted.After(frozenSince) && g.members[p] {
			return true
		}
	}
	return false
}

// wanted is what a person should have in an app.
type wanted struct {
	role, licence string
	teams         []string
}

var strength = map[string]int{
	"admin": 9, "agent": 8, "basic-agent": 7, "lite-agent": 6, "observer-agent": 5, "member": 4, "licensed": 3, "basic": 2,
}

// want says what a person should have in an app; frozenSince is the moment since which deleted groups count as
// living.
func (m *model) want(p uuid.UUID, app string, frozenSince time.Time) (wanted, bool) {
	d, ok := m.document()
	a, there := d.apps[app]
	if !ok || !there || !m.active(p) {
		return wanted{}, false
	}
	u, _ := m.profile(p)
	var w wanted
	entitled := false
	for _, g := range a.grants {
		if (g.group != "" && !m.member(p, app, g.group, frozenSince)) || (g.person != "" && g.person != u.userName) {
			continue
		}
		entitled = true
		if strength[g.role] > strength[w.role] {
			w.role = g.role
		}
		if strength[g.licence] > strength[w.licence] {
			w.licence = g.licence
		}
		for _, t := range g.teams {
			if !slices.Contains(w.teams, t) {
				w.teams = append(w.teams, t)
			}
		}
	}
	for _, name := range a.deny {
		if m.member(p, app, name, frozenSince) {
			return wanted{}, false
		}
	}
	slices.Sort(w.teams)
	return w, entitled
}

// remember notes who is entitled at this moment. Somebody in a group that is frozen counts.
func (m *model) remember(now time.Time) {
	for app, ever := range m.entitled {
		for p := range m.emails {
			if _, ok := m.want(p, app, now.Add(-25*time.Hour)); ok {
				ever[p] = true
			}
		}
	}
}

// freeze keeps a group that was deleted, with the apps whose mapping had bound it.
func (w *World) freeze(m *model, g group) {
	g.deleted, g.bound = w.clock.now(), map[string]bool{}
	for b, err := range all[mapping.Binding](w, "mapping-bindings") {
		if err == nil && b.Group == g.id {
			g.bound[b.App] = true
		}
	}
	m.frozen = append(m.frozen, g)
}

func (m *model) setUser(source string, p uuid.UUID, u user) {
	m.users[source][p] = u
	if m.emails[p] == nil {
		m.emails[p] = map[string]bool{}
	}
	m.emails[p][u.userName] = true
	m.last[source][human(u.userName)] = p
	delete(m.denies[p], source)
}

// human is whom an address means: its name without the digit that a rename appends.
func human(address string) string {
	name, _, _ := strings.Cut(address, "@")
	return strings.TrimRight(name, "0123456789")
}

// deleteUser drops a source's record of a person and its memberships there, or everywhere when nobody holds the person.
func (m *model) deleteUser(source string, p uuid.UUID) {
	delete(m.users[source], p)
	_, held := m.profile(p)
	if held {
		if m.denies[p] == nil {
			m.denies[p] = map[string]bool{}
		}
		m.denies[p][source] = true
	}
	for s := range m.groups {
		if held && s != source {
			continue
		}
		for _, g := range m.groups[s] {
			delete(g.members, p)
		}
	}
}

// facts writes the model down as comparable lines.
func (m *model) facts() map[string]string {
	f := map[string]string{"mapping versions": fmt.Sprint(len(m.applied))}
	for s, users := range m.users {
		for p, u := range users {
			f[fmt.Sprintf("%s user %s", s, p)] = fmt.Sprintf("%s %q active %v", u.userName, u.display, u.active)
		}
		for name, g := range m.groups[s] {
			var members []string
			for p := range g.members {
				members = append(members, p.String())
			}
			slices.Sort(members)
			f[fmt.Sprintf("%s group %s", s, name)] = fmt.Sprintf("%s %s", g.id, members)
		}
	}
	for p := range m.ended {
		f["terminated "+p.String()] = "yes"
	}
	for what, s := range m.switches {
		f["switch "+what] = s.Until.String()
	}
	for p, by := range m.denies {
		for s := range by {
			f[fmt.Sprintf("deny %s %s", p, s)] = "stands"
		}
	}
	return f
}

// learn reads from the directory what a model should hold now.
func (w *World) learn(ctx context.Context) (*model, error) {
	m := w.model.clone()
	for name, src := range w.sources {
		m.users[name], m.groups[name] = map[uuid.UUID]user{}, map[string]group{}
		users, err := w.p.dir.ListUsers(ctx, src, uuid.Nil, 100)
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			m.users[name][u.Person] = user{userName: u.UserName, display: display(u), active: u.Active}
		}
		groups, err := w.p.dir.ListGroups(ctx, src, uuid.Nil, 100)
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			members, err := w.p.dir.Members(ctx, g.ID, uuid.Nil, 100)
			if err != nil {
				return nil, err
			}
			of := group{id: g.ID, source: name, name: g.Name, members: map[uuid.UUID]bool{}}
			for _, member := range members {
				of.members[member.Person] = true
			}
			m.groups[name][g.Name] = of
		}
	}
	m.denies = map[uuid.UUID]map[string]bool{}
	for p := range m.emails {
		person, err := w.person(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, d := range person.Denies {
			for name, src := range w.sources {
				if src.ID == d.Source {
					if m.denies[p] == nil {
						m.denies[p] = map[string]bool{}
					}
					m.denies[p][name] = true
				}
			}
		}
	}
	if err := w.learnOrders(ctx, m); err != nil {
		return nil, err
	}
	versions, err := w.p.maps.List(ctx)
	if err != nil {
		return nil, err
	}
	for len(m.applied) < len(versions) {
		m.applied = append(m.applied, w.applying)
	}
	m.applied = m.applied[:len(versions)]
	return m, nil
}

func display(u directory.User) string {
	var attrs struct {
		DisplayName string `json:"displayName"`
	}
	if json.Unmarshal(u.Attributes, &attrs) != nil {
		return "?"
	}
	return attrs.DisplayName
}

// differences lists the facts that two models do not share.
func differences(a, b *model) []string {
	left, right := a.facts(), b.facts()
	var out []string
	for k, v := range left {
		if right[k] != v {
			out = append(out, fmt.Sprintf("%s: %q, not %q", k, right[k], v))
		}
	}
	for k, v := range right {
		if _, there := left[k]; !there {
			out = append(out, fmt.Sprintf("%s: %q, not there before", k, v))
		}
	}
	slices.Sort(out)
	return out
}
