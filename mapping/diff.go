package mapping

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// DiffKind says what became of a part of the document.
type DiffKind string

const (
	Added   DiffKind = "added"
	Removed DiffKind = "removed"
	Changed DiffKind = "changed"
)

// DiffLine is one difference between two documents.
type DiffLine struct {
	Kind DiffKind `json:"kind"`
	App  string   `json:"app,omitempty"` // "" for what concerns every app
	// What is the part: "app", "grant", "deny", "mode", "profile.name", "groups.support" …
	What string `json:"what"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// String is the difference as one line, with +, - or ~ in front.
func (d DiffLine) String() string {
	where := d.What
	if d.App != "" && d.What != "app" {
		where = d.App + ": " + d.What
	}
	switch d.Kind {
	case Added:
		return "+ " + where + " " + d.New
	case Removed:
		return "- " + where + " " + d.Old
	}
	return "~ " + where + " " + d.Old + " → " + d.New
}

// Diff compares two documents by their meaning: the order of lines, comments and layout make no difference. A nil
// document is one without anything in it.
func Diff(before, after *Document) []DiffLine {
	if before == nil {
		before = &Document{SourceBudget: DefaultBudgets()}
	}
	if after == nil {
		after = &Document{SourceBudget: DefaultBudgets()}
	}
	d := &diff{}
	d.value("people.exclude", before.Exclude.String(), after.Exclude.String())
	d.value("source_budget", before.SourceBudget.text(), after.SourceBudget.text())
	d.table("groups.", sets(before), sets(after))
	for _, old := range before.Apps {
		if successor(after, old.Key.Value) == nil {
			d.lines = append(d.lines, DiffLine{Kind: Removed, App: old.Key.Value, What: "app", Old: summary(&old)})
		}
	}
	for i := range after.Apps {
		now := &after.Apps[i]
		d.app = now.Key.Value
		was := predecessor(before, now)
		if was == nil {
			d.lines = append(d.lines, DiffLine{Kind: Added, App: d.app, What: "app", New: summary(now)})
			was = &AppRules{Mode: now.Mode, Connection: now.Connection, Budget: now.Budget, Drift: now.Drift, Reconcile: now.Reconcile, Key: now.Key}
		}
		d.rules(was, now)
	}
	return d.lines
}

// predecessor finds the app that an app of the new document was in the old one: by its key, else by its former key.
func predecessor(before *Document, now *AppRules) *AppRules {
	if was, ok := before.App(now.Key.Value); ok {
		return was
	}
	if was, ok := before.App(now.RenamedFrom.Value); ok {
		return was
	}
	return nil
}

func successor(after *Document, key string) *AppRules {
	if now, ok := after.App(key); ok {
		return now
	}
	for i := range after.Apps {
		if after.Apps[i].RenamedFrom.Value == key {
			return &after.Apps[i]
		}
	}
	return nil
}

func summary(a *AppRules) string {
	grants := "1 grant"
	if n := len(a.Grants); n != 1 {
		grants = fmt.Sprintf("%d grants", n)
	}
	return fmt.Sprintf("%s (connection %s, mode %s, %s)", a.Key.Value, a.Connection.Value, a.Mode, grants)
}

type diff struct {
	app   string
	lines []DiffLine
}

// value compares one value; "" is a left-out one.
func (d *diff) value(what, before, after string) {
	line := DiffLine{App: d.app, What: what, Old: before, New: after}
	switch {
	case before == after:
		return
	case before == "":
		line.Kind = Added
	case after == "":
		line.Kind = Removed
	default:
		line.Kind = Changed
	}
	d.lines = append(d.lines, line)
}

// entry is a named value; a table of them keeps document order.
type entry struct{ name, value string }

func (d *diff) table(prefix string, before, after []entry) {
	find := func(list []entry, name string) string {
		for _, e := range list {
			if e.name == name {
				return e.value
			}
		}
		return ""
	}
	for _, e := range before {
		d.value(prefix+e.name, e.value, find(after, e.name))
	}
	for _, e := range after {
		if find(before, e.name) == "" {
			d.value(prefix+e.name, "", e.value)
		}
	}
}

func sets(doc *Document) []entry {
	list := make([]entry, len(doc.Groups))
	for i, set := range doc.Groups {
		list[i] = entry{set.Name.Value, bracketed(words(set.Any))}
	}
	return list
}

func (d *diff) rules(was, now *AppRules) {
	if was.Key.Value != now.Key.Value {
		d.value("key", was.Key.Value, now.Key.Value)
	}
	d.value("connection", was.Connection.Value, now.Connection.Value)
	d.value("mode", string(was.Mode), string(now.Mode))
	d.value("rank", order(was.Rank), order(now.Rank))
	d.people("grant", grantLines(was), grantLines(now))
	d.people("deny", denyLines(was), denyLines(now))
	d.table("profile.", profileEntries(was), profileEntries(now))
	d.value("when_deactivated", was.WhenDeactivated.String(), now.WhenDeactivated.String())
	d.value("when_ungranted", was.WhenUngranted.String(), now.WhenUngranted.String())
	d.people("protect", plainLines(was.Protect.Accounts), plainLines(now.Protect.Accounts))
	d.value("protect.roles", sortedTexts(was.Protect.Roles), sortedTexts(now.Protect.Roles))
	d.value("protect.kinds", sortedTexts(was.Protect.Kinds), sortedTexts(now.Protect.Kinds))
	d.value("budget", was.Budget.text(), now.Budget.text())
	d.value("drift", was.Drift.String(), now.Drift.String())
	d.value("reconcile.every", durationText(was.Reconcile), durationText(now.Reconcile))
}

// people compares lists of lines without regard to their order. A line that is gone and a new one about the same
// people are one change.
func (d *diff) people(what string, before, after []entry) {
	var gone, come []entry
	rest := slices.Clone(after)
	for _, e := range before {
		if i := slices.Index(rest, e); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		} else {
			gone = append(gone, e)
		}
	}
	come = rest
	for _, e := range gone {
		changed := ""
		if i := slices.IndexFunc(come, func(c entry) bool { return c.name == e.name }); i >= 0 {
			changed = come[i].value
			come = slices.Delete(come, i, i+1)
		}
		d.value(what, e.value, changed)
	}
	for _, e := range come {
		d.value(what, "", e.value)
	}
}

func grantLines(a *AppRules) []entry {
	list := make([]entry, len(a.Grants))
	for i, g := range a.Grants {
		parts := whoParts(g.Who)
		for _, p := range []entry{{"role", g.Role.Value}, {"licence", g.Licence.Value}, {"teams", sortedTexts(g.Teams)}, {"until", untilText(g.Until)}, {"reason", g.Reason.Value}} {
			if p.value != "" {
				parts = append(parts, p.name+": "+p.value)
			}
		}
		list[i] = entry{g.Group.Value + "\x00" + g.Person.Value, "{" + strings.Join(parts, ", ") + "}"}
	}
	return list
}

func denyLines(a *AppRules) []entry {
	list := make([]entry, len(a.Deny))
	for i, line := range a.Deny {
		list[i] = entry{line.Group.Value + "\x00" + line.Person.Value, "{" + strings.Join(whoParts(line.Who), ", ") + "}"}
	}
	return list
}

func whoParts(w Who) []string {
	var parts []string
	for _, p := range []entry{{"group", w.Group.Value}, {"person", w.Person.Value}, {"when", w.When.String()}} {
		if p.value != "" {
			parts = append(parts, p.name+": "+p.value)
		}
	}
	return parts
}

func profileEntries(a *AppRules) []entry {
	list := make([]entry, len(a.Profile))
	for i, e := range a.Profile {
		list[i] = entry{e.Field.Value, e.Value.String()}
	}
	return list
}

func plainLines(texts []Text) []entry {
	list := make([]entry, len(texts))
	for i, t := range texts {
		list[i] = entry{t.Value, t.Value}
	}
	return list
}

// String writes the steps as the document would; a left-out list is "".
func (s *Steps) String() string {
	if s == nil {
		return ""
	}
	parts := make([]string, len(s.List))
	for i, step := range s.List {
		parts[i] = step.Action.Value
		if step.After > 0 {
			parts[i] += " after " + durationText(step.After)
		}
		if t := step.Transfer; t != nil {
			parts[i] += " with transfer to " + t.To.Value
			if t.Else.Value != "" {
				parts[i] += ", else " + t.Else.Value
			}
			if len(t.What) > 0 {
				parts[i] += " of " + listed(words(t.What))
			}
		}
	}
	return bracketed(parts)
}

func order(rank []Text) string {
	if len(rank) == 0 {
		return ""
	}
	return bracketed(words(rank))
}

func sortedTexts(texts []Text) string {
	if len(texts) == 0 {
		return ""
	}
	list := words(texts)
	slices.Sort(list)
	return bracketed(list)
}

func bracketed(list []string) string { return "[" + strings.Join(list, ", ") + "]" }

func budgetText(b Budget) string {
	return fmt.Sprintf("%d %%, at least %d, at most %d in %s", b.Percent, b.AtLeast, b.AtMost, durationText(b.Window))
}

// durationText writes a duration in the document's form, in the largest unit that is exact.
func durationText(d time.Duration) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}} {
		if d >= unit.size && d%unit.size == 0 {
			return fmt.Sprintf("%d%s", d/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

func untilText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
