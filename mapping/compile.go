package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
)

// Compiled is a document that was found right for the connected apps and the sources. It knows no group yet: With adds
// the bindings. It is immutable.
type Compiled struct {
	doc      *Document
	apps     []*App // without bindings
	refs     []GroupRef
	sources  map[uuid.UUID]string
	warnings []Problem
}

// Compile holds a document against what the connected apps can do and against the sources. Everything that does not
// fit is reported in one *Problems; a group that does not exist (yet) is no problem.
func Compile(doc *Document, cat Catalog, sources []directory.Source) (*Compiled, error) {
	there := newExtensions(Extensions(cat))
	c := &compiler{doc: doc, cat: cat, resolver: newResolver(doc, sources), sees: &view{extensions: there}}
	out := &Compiled{doc: doc, sources: make(map[uuid.UUID]string, len(sources))}
	for _, s := range sources {
		out.sources[s.ID] = s.Name
	}
	c.sets(doc)
	c.connections(doc)
	for e := range doc.expressions() {
		if fault := typeCheck(e.tree, e.Source, e.want, there); fault != nil {
			c.fault(fault, e.path, e.inside)
		}
	}
	for i := range doc.Apps {
		app, refs := c.app(doc, &doc.Apps[i])
		out.apps = append(out.apps, app)
		out.refs = append(out.refs, refs...)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	c.sees.names = slices.Sorted(maps.Keys(c.named(out.apps)))
	slices.SortFunc(out.apps, func(a, b *App) int { return strings.Compare(a.Key, b.Key) })
	out.warnings = sorted(c.doubts.list)
	return out, nil
}

// Document returns the document that was compiled.
func (c *Compiled) Document() *Document { return c.doc }

// GroupRefs lists every group that the lines of each app name, once per app and name, in document order.
func (c *Compiled) GroupRefs() []GroupRef { return slices.Clone(c.refs) }

// Warnings lists what is allowed but may not be meant, in document order.
func (c *Compiled) Warnings() []Problem { return slices.Clone(c.warnings) }

// compiler collects problems and doubts while a document is held against the catalogue.
type compiler struct {
	findings
	doc      *Document
	doubts   findings
	cat      Catalog
	resolver *resolver
	sees     *view
}

// named collects the attributes of people that an expression reads, those of the apps' defaults included.
func (c *compiler) named(apps []*App) map[string]bool {
	names := map[string]bool{}
	for e := range c.doc.expressions() {
		e.names(names)
	}
	for _, app := range apps {
		for _, f := range app.profile {
			f.value.names(names)
		}
	}
	return names
}

// sets checks that each set's groups can be told, and that somebody uses it.
func (c *compiler) sets(doc *Document) {
	used := map[string]bool{}
	for i := range doc.Apps {
		for _, w := range doc.Apps[i].lines() {
			used[w.Group.Value] = true
		}
	}
	for _, set := range doc.Groups {
		for i, name := range set.Any {
			c.judge(name, index("groups."+clip(set.Name.Value)+".any", i))
		}
		if !used[set.Name.Value] {
			c.doubts.add(set.Name.Pos, "groups."+clip(set.Name.Value), "no line uses this set")
		}
	}
}

// judge reports what is wrong or doubtful about a group's name.
func (c *compiler) judge(name Text, path string) {
	_, problem, doubt := c.resolver.resolve(name.Value)
	if problem != "" {
		c.add(name.Pos, path, "%s", problem)
	}
	if doubt != "" {
		c.doubts.add(name.Pos, path, "%s", doubt)
	}
}

// connections checks what apps may not share: a connection, a former key.
func (c *compiler) connections(doc *Document) {
	byConnection, byFormer := map[string]string{}, map[string]string{}
	for i := range doc.Apps {
		app := &doc.Apps[i]
		key, path := app.Key.Value, "apps."+app.Key.Value
		if other, twice := byConnection[app.Connection.Value]; twice {
			c.add(app.Connection.Pos, path+".connection", "the connection %s is that of the app %s already: one connection is one app", app.Connection.Value, other)
		} else {
			byConnection[app.Connection.Value] = key
		}
		former := app.RenamedFrom
		if former.Value == "" {
			continue
		}
		if other, twice := byFormer[former.Value]; twice {
			c.add(former.Pos, path+".renamed_from", "the app %s says that it was called %s, too", other, clip(former.Value))
		}
		byFormer[former.Value] = key
		if _, still := doc.App(former.Value); still {
			c.add(former.Pos, path+".renamed_from", "an app %s stands in the document still", clip(former.Value))
		}
	}
}

// lines returns the grants' and denies' people.
func (a *AppRules) lines() []Who {
	var list []Who
	for _, g := range a.Grants {
		list = append(list, g.Who)
	}
	for _, d := range a.Deny {
		list = append(list, d.Who)
	}
	return list
}

// app compiles one app's rules.
func (c *compiler) app(doc *Document, rules *AppRules) (*App, []GroupRef) {
	path := "apps." + rules.Key.Value
	info, ok := c.cat.AppInfo(rules.Connection.Value)
	if !ok {
		known := c.cat.Connections()
		hint := didYouMean(rules.Connection.Value, known)
		if len(known) == 0 {
			hint = ": there is none yet; make one with `usher connect`"
		}
		c.add(rules.Connection.Pos, path+".connection", "there is no connection %s%s", clip(rules.Connection.Value), hint)
	}
	if info.Title == "" {
		info.Title = rules.Key.Value
	}
	app := &App{
		Key: rules.Key.Value, Connection: rules.Connection.Value, Title: info.Title, RenamedFrom: rules.RenamedFrom.Value,
		Mode: rules.Mode, Budget: rules.Budget, Drift: rules.Drift, Reconcile: rules.Reconcile, exclude: doc.Exclude, info: info, sees: c.sees,
	}
	app.protect, app.protectRoles, app.protectKinds = folded(rules.Protect.Accounts), folded(rules.Protect.Roles), folded(rules.Protect.Kinds)
	refs := c.lines(app, rules, path)
	if !ok {
		return app, refs // the rest can only be judged by what the app can do
	}
	c.vocabulary(app, rules, path)
	app.profile = c.profile(rules, info, path+".profile")
	app.WhenDeactivated = c.steps(rules.WhenDeactivated, info, path+".when_deactivated")
	app.WhenUngranted = c.steps(rules.WhenUngranted, info, path+".when_ungranted")
	return app, refs
}

// lines compiles grants and denies and collects the groups they name.
func (c *compiler) lines(app *App, rules *AppRules, path string) []GroupRef {
	var refs []GroupRef
	seen := map[string]bool{}
	who := func(w Who, path string, until time.Time) line {
		l := line{pos: w.Pos, by: w.Group.Value, when: w.When, until: until}
		if w.Person.Value != "" {
			l.by, l.person = w.Person.Value, fold(w.Person.Value)
			return l
		}
		_, set := c.resolver.sets[w.Group.Value]
		for _, name := range c.resolver.names(w.Group) {
			l.names = append(l.names, name.Value)
			if seen[name.Value] {
				continue
			}
			seen[name.Value] = true
			ref, problem, _ := c.resolver.resolve(name.Value)
			if !set { // a set's names were judged where they stand
				c.judge(name, path+".group")
			}
			if problem == "" {
				ref.App, ref.Line = app.Key, name.Pos.Line
				refs = append(refs, ref)
			}
		}
		return l
	}
	for i, g := range rules.Grants {
		l := who(g.Who, index(path+".grants", i), g.Until)
		l.role, l.licence, l.teams = g.Role.Value, g.Licence.Value, words(g.Teams)
		app.grants = append(app.grants, l)
	}
	for i, d := range rules.Deny {
		app.denies = append(app.denies, who(d.Who, index(path+".deny", i), time.Time{}))
	}
	if len(rules.Grants) == 0 {
		c.doubts.add(rules.Key.Pos, path, "has no grants: nobody gets an account")
	}
	return refs
}

// words are the values of texts.
func words(texts []Text) []string {
	list := make([]string, len(texts))
	for i, t := range texts {
		list[i] = t.Value
	}
	return list
}

// vocabulary checks roles, licences, teams and their rank.
func (c *compiler) vocabulary(app *App, rules *AppRules, path string) {
	info, title := app.info, app.Title
	for i, w := range rules.Rank {
		if !slices.Contains(info.Roles, w.Value) && !slices.Contains(info.Licences, w.Value) && !info.OpenRoles {
			c.add(w.Pos, index(path+".rank", i), "%s has no role or licence %s%s", title, clip(w.Value), didYouMean(w.Value, slices.Concat(info.Roles, info.Licences)))
		}
	}
	app.rank = newRanking(words(rules.Rank), info)
	app.Rank = app.rank.all()
	for i, g := range rules.Grants {
		line := index(path+".grants", i)
		if w := g.Role; w.Value != "" && !slices.Contains(info.Roles, w.Value) && !info.OpenRoles {
			c.add(w.Pos, line+".role", "%s", unknownWord(title, "role", w.Value, info.Roles))
		}
		if w := g.Licence; w.Value != "" && !slices.Contains(info.Licences, w.Value) {
			c.add(w.Pos, line+".licence", "%s", unknownWord(title, "licence", w.Value, info.Licences))
		}
		if len(g.Teams) > 0 && !info.Teams {
			c.add(g.Teams[0].Pos, line+".teams", "%s has no teams", title)
		}
	}
	c.ranked(rules, path, "role", app.rank.roles, func(g Grant) Text { return g.Role })
	c.ranked(rules, path, "licence", app.rank.licences, func(g Grant) Text { return g.Licence })
}

func unknownWord(title, what, word string, known []string) string {
	if len(known) == 0 {
		return fmt.Sprintf("%s has no %ss", title, what)
	}
	return fmt.Sprintf("%s has no %s %s; it has %s", title, what, clip(word), listed(known))
}

// ranked demands that of several roles (or licences) which one person could be granted, it is known which is stronger.
func (c *compiler) ranked(rules *AppRules, path, what string, order []string, word func(Grant) Text) {
	var distinct []string
	for _, g := range rules.Grants {
		if w := word(g).Value; w != "" && !slices.Contains(distinct, w) {
			distinct = append(distinct, w)
		}
	}
	if len(distinct) < 2 {
		return
	}
	reported := map[string]bool{}
	for i, g := range rules.Grants {
		if w := word(g); w.Value != "" && !slices.Contains(order, w.Value) && !reported[w.Value] {
			reported[w.Value] = true
			c.add(w.Pos, index(path+".grants", i)+"."+what, "the %s %s is not in `rank`, so nobody can tell whether it is stronger than %s", what, clip(w.Value),
				listed(slices.DeleteFunc(slices.Clone(distinct), func(d string) bool { return d == w.Value })))
		}
	}
}

// profile compiles the attributes of accounts: the document's entries, then the app's defaults.
func (c *compiler) profile(rules *AppRules, info AppInfo, path string) []field {
	names := make([]string, len(info.Fields))
	for i, f := range info.Fields {
		names[i] = f.Name
	}
	written := map[string]*Expression{}
	for _, e := range rules.Profile {
		if !slices.Contains(names, e.Field.Value) {
			c.add(e.Field.Pos, path, "%s has no field %s; it has %s", info.Title, clip(e.Field.Value), listed(names))
			continue
		}
		written[e.Field.Value] = e.Value
	}
	var fields []field
	for _, f := range info.Fields {
		value := written[f.Name]
		if value == nil && f.Default != "" {
			compiled, fault := compileExpression(f.Default, join(path, f.Name)+" (the app's default)", rules.Key.Pos, wantText, c.sees.extensions)
			if fault != nil {
				c.add(rules.Key.Pos, path, "the app's own default for %s is wrong: %s", f.Name, fault.message)
				continue
			}
			value = compiled
		}
		switch {
		case value != nil:
			fields = append(fields, field{name: f.Name, value: value})
		case f.Required:
			c.add(rules.Key.Pos, path, "%s needs the field %s and has no default for it: add it to `profile`", info.Title, f.Name)
		}
	}
	return fields
}

// DefaultAfter is how long a deletion waits where the document says nothing and the app can do nothing milder.
const DefaultAfter = 30 * 24 * time.Hour

// defaultSteps are those of a left-out list: the least that ends access. Suspension keeps everything and is undone in
// one call; a demoted account keeps its sign-in but can do least; a deletion waits a month.
func defaultSteps(info AppInfo) []Step {
	for _, action := range []string{"suspend", "demote"} {
		if slices.Contains(info.Actions, action) {
			return []Step{{Action: action}}
		}
	}
	if slices.Contains(info.Actions, "delete") {
		return []Step{{Action: "delete", After: DefaultAfter}}
	}
	return nil
}

// steps compiles a list of steps.
func (c *compiler) steps(written *Steps, info AppInfo, path string) []Step {
	if written == nil {
		return defaultSteps(info)
	}
	if len(written.List) == 0 {
		c.doubts.add(written.Pos, path, "is empty: accounts that are no longer wanted stay as they are")
	}
	steps := []Step{}
	strength := -1
	for i, w := range written.List {
		item := index(path, i)
		now := slices.Index(info.Actions, w.Action.Value)
		switch {
		case now < 0:
			c.add(w.Action.Pos, item, "%s has no %s; it has %s", info.Title, clip(w.Action.Value), listed(info.Actions))
		case now <= strength:
			c.add(w.Action.Pos, item, "%s does nothing after %s: write steps from the weakest to the strongest", w.Action.Value, info.Actions[strength])
		default:
			strength = now
		}
		steps = append(steps, Step{Action: w.Action.Value, After: w.After, Transfer: c.transfer(w, info, item+".transfer")})
	}
	return steps
}

func (c *compiler) transfer(step StepRule, info AppInfo, path string) *Transfer {
	w := step.Transfer
	if w == nil {
		return nil
	}
	if len(info.Transfers) == 0 {
		c.add(w.Pos, path, "%s cannot move data to somebody else", info.Title)
		return nil
	}
	if step.Action.Value == "suspend" || step.Action.Value == "demote" {
		c.add(w.Pos, path, "data is moved when an account ends, not at %s: put the transfer to the step that does", step.Action.Value)
	}
	what := words(w.What)
	for i, kind := range w.What {
		if !slices.Contains(info.Transfers, kind.Value) {
			c.add(kind.Pos, index(path+".what", i), "%s cannot move %s; it can move %s", info.Title, clip(kind.Value), listed(info.Transfers))
		}
	}
	if len(what) == 0 {
		what = slices.Clone(info.Transfers)
	}
	return &Transfer{To: w.To.Value, Else: w.Else.Value, What: what, to: w.To.compiled(c.sees), otherwise: w.Else.compiled(c.sees)}
}
