package mapping

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// keyPattern is the form of an app's key: it stands in paths, commands and metrics.
var keyPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// document reads the whole tree.
func (r *reader) document(n *yaml.Node) *Document {
	f := r.fields(n, "", "version", "groups", "people", "source_budget", "apps")
	doc := &Document{SourceBudget: DefaultBudgets()}
	switch version := f["version"]; {
	case n.Kind != yaml.MappingNode:
		return doc
	case version == nil:
		r.add(at(n), "version", "is missing: the document begins with version: 1")
	case version.Tag != "!!int" || version.Value != "1":
		r.add(at(version), "version", "must be 1, the only form there is, but is %s", clip(version.Value))
	default:
		doc.Version = 1
	}
	if groups := f["groups"]; groups != nil {
		for _, p := range r.pairs(groups, "groups") {
			doc.Groups = append(doc.Groups, r.groupSet(p))
		}
	}
	if people := f["people"]; people != nil {
		doc.Exclude = r.expression(r.fields(people, "people", "exclude")["exclude"], "people.exclude", wantBool)
	}
	if budget := f["source_budget"]; budget != nil {
		doc.SourceBudget = r.budgets(budget, "source_budget")
	}
	if apps := f["apps"]; apps != nil {
		for _, p := range r.pairs(apps, "apps") {
			doc.Apps = append(doc.Apps, r.app(p))
		}
	}
	return doc
}

// groupSet reads `support: {any: [okta/Support]}` or its short form `support: [okta/Support]`.
func (r *reader) groupSet(p pair) GroupSet {
	set := GroupSet{Name: textOf(p.key)}
	list, path := p.value, p.path
	if p.value.Kind == yaml.MappingNode {
		path = join(p.path, "any")
		list = r.fields(p.value, p.path, "any")["any"]
	}
	if strings.TrimSpace(set.Name.Value) == "" {
		r.add(set.Name.Pos, "groups", "a set needs a name")
	}
	set.Any = r.texts(list, path)
	if len(set.Any) == 0 && (list == nil || len(list.Content) == 0 && list.Kind == yaml.SequenceNode) {
		r.add(at(p.value), path, "names no group")
	}
	return set
}

// app reads one app's rules.
func (r *reader) app(p pair) AppRules {
	app := AppRules{Key: textOf(p.key), Mode: Observe, Budget: DefaultBudgets(), BudgetPos: at(p.key)}
	if !keyPattern.MatchString(app.Key.Value) {
		r.add(app.Key.Pos, p.path, "an app's key is up to 64 of a-z, 0-9, dot, dash and underscore, and begins with a letter or digit")
	}
	f := r.fields(p.value, p.path, "connection", "renamed_from", "mode", "rank", "grants", "deny", "profile",
		"when_deactivated", "when_ungranted", "protect", "budget", "drift", "reconcile")
	if p.value.Kind == yaml.MappingNode && f["connection"] == nil {
		r.add(app.Key.Pos, p.path, "names no connection")
	}
	app.Connection = r.text(f["connection"], p.path+".connection")
	app.RenamedFrom = r.text(f["renamed_from"], p.path+".renamed_from")
	if mode := r.text(f["mode"], p.path+".mode"); mode.Value != "" {
		app.Mode = Mode(mode.Value)
		if !slices.Contains([]Mode{Observe, Enforce, Paused}, app.Mode) {
			r.add(mode.Pos, p.path+".mode", "must be observe, enforce or paused, but is %s", clip(mode.Value))
		}
	}
	app.Rank = r.texts(f["rank"], p.path+".rank")
	for i, n := range r.items(f["grants"], p.path+".grants") {
		app.Grants = append(app.Grants, r.grant(n, index(p.path+".grants", i)))
	}
	for i, n := range r.items(f["deny"], p.path+".deny") {
		path := index(p.path+".deny", i)
		app.Deny = append(app.Deny, Deny{Who: r.who(n, path, r.fields(n, path, "group", "person", "when"))})
	}
	if profile := f["profile"]; profile != nil {
		for _, entry := range r.pairs(profile, p.path+".profile") {
			app.Profile = append(app.Profile, ProfileEntry{Field: textOf(entry.key), Value: r.expression(entry.value, entry.path, wantText)})
		}
	}
	app.WhenDeactivated = r.steps(f["when_deactivated"], p.path+".when_deactivated")
	app.WhenUngranted = r.steps(f["when_ungranted"], p.path+".when_ungranted")
	app.Protect = r.protection(f["protect"], p.path+".protect")
	app.Drift = r.drift(f["drift"], p.path+".drift")
	app.Reconcile = r.reconcile(f["reconcile"], p.path+".reconcile")
	if budget := f["budget"]; budget != nil {
		app.Budget, app.BudgetPos = r.budgets(budget, p.path+".budget"), at(budget)
	}
	return app
}

func (r *reader) grant(n *yaml.Node, path string) Grant {
	f := r.fields(n, path, "group", "person", "when", "until", "reason", "role", "licence", "teams")
	return Grant{
		Who:     r.who(n, path, f),
		Until:   r.until(f["until"], path+".until"),
		Reason:  r.text(f["reason"], path+".reason"),
		Role:    r.text(f["role"], path+".role"),
		Licence: r.text(f["licence"], path+".licence"),
		Teams:   r.texts(f["teams"], path+".teams"),
	}
}

func (r *reader) who(n *yaml.Node, path string, f map[string]*yaml.Node) Who {
	w := Who{
		Group:  r.text(f["group"], path+".group"),
		Person: r.text(f["person"], path+".person"),
		When:   r.expression(f["when"], path+".when", wantBool),
		Pos:    at(n),
	}
	switch {
	case n.Kind != yaml.MappingNode: // reported by fields
	case f["group"] == nil && f["person"] == nil:
		r.add(w.Pos, path, "names nobody: give it a group or a person")
	case f["group"] != nil && f["person"] != nil:
		r.add(w.Pos, path, "names a group and a person: give it one of them")
	}
	return w
}

// steps reads a list whose items are an action's name or {action, after, transfer}.
func (r *reader) steps(n *yaml.Node, path string) *Steps {
	if n == nil {
		return nil
	}
	steps := &Steps{Pos: at(n)}
	var before time.Duration
	for i, item := range r.items(n, path) {
		place := index(path, i)
		step := StepRule{Pos: at(item)}
		if item.Kind == yaml.MappingNode {
			f := r.fields(item, place, "action", "after", "transfer")
			if f["action"] == nil {
				r.add(step.Pos, place, "names no action")
			}
			step.Action = r.text(f["action"], place+".action")
			step.After = r.duration(f["after"], place+".after")
			step.Transfer = r.transfer(f["transfer"], place+".transfer")
		} else {
			step.Action = r.text(item, place)
		}
		if step.After < before {
			r.add(step.Pos, place, "comes after a step with a later `after`: write steps in the order of time, each counted from the moment the account became unwanted")
		}
		before = step.After
		steps.List = append(steps.List, step)
	}
	return steps
}

func (r *reader) transfer(n *yaml.Node, path string) *TransferRule {
	if n == nil {
		return nil
	}
	f := r.fields(n, path, "to", "else", "what")
	if n.Kind == yaml.MappingNode && f["to"] == nil {
		r.add(at(n), path, "says nobody who receives: give it `to`")
	}
	return &TransferRule{
		To:   r.receiver(f["to"], path+".to"),
		Else: r.receiver(f["else"], path+".else"),
		What: r.texts(f["what"], path+".what"),
		Pos:  at(n),
	}
}

// address is an e-mail address as far as it must be told from an expression: no expression holds a bare @.
var address = regexp.MustCompile(`^[^\s"'@()]+@[^\s"'@()]+$`)

func (r *reader) receiver(n *yaml.Node, path string) Receiver {
	text := r.text(n, path)
	if text.Value == "" || address.MatchString(text.Value) {
		return Receiver{Text: text}
	}
	return Receiver{Text: text, value: r.expression(n, path, wantText)}
}

var durationPattern = regexp.MustCompile(`^(\d{1,9})([smhd])$`)

// maxDuration is ten years: what is longer is a slip of the keyboard.
const maxDuration = 3650 * 24 * time.Hour

// duration reads 0s, 90s, 15m, 24h or 30d; a day is 24 hours.
func (r *reader) duration(n *yaml.Node, path string) time.Duration {
	if n == nil {
		return 0
	}
	m := durationPattern.FindStringSubmatch(n.Value)
	if n.Kind != yaml.ScalarNode || m == nil {
		r.add(at(n), path, "must be a length of time such as 0s, 90s, 15m, 24h or 7d")
		return 0
	}
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]]
	count, _ := strconv.Atoi(m[1]) // at most nine digits by the pattern
	if time.Duration(count) > maxDuration/unit {
		r.add(at(n), path, "is longer than 3650d")
		return 0
	}
	return time.Duration(count) * unit
}

// until reads a date, which is valid through the end of that day in UTC, or an RFC 3339 moment.
func (r *reader) until(n *yaml.Node, path string) time.Time {
	if n == nil {
		return time.Time{}
	}
	if n.Kind == yaml.ScalarNode {
		if day, err := time.Parse(time.DateOnly, n.Value); err == nil && plausible(day) {
			return day.AddDate(0, 0, 1)
		}
		if moment, err := time.Parse(time.RFC3339, n.Value); err == nil && plausible(moment) {
			return moment.UTC()
		}
	}
	r.add(at(n), path, "must be a date such as 2026-12-31 (valid through the end of that day, UTC) or a moment such as 2026-12-31T18:00:00Z")
	return time.Time{}
}

// plausible refuses years in which the zero time, or a fifth digit, would be met.
func plausible(t time.Time) bool { return t.Year() >= 1970 && t.Year() < 9999 }
