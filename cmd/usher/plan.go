package main

import (
	"fmt"
	"strings"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/provision"
)

// planned is a plan and the document it is about.
type planned struct {
	admin.PlanReply
	file string
	text []byte
}

// namesShown is how many people a tally names; those who lose an account are all shown that the server names.
const namesShown = 4

func writePlan(p *page, plan planned) {
	if plan.Version == 0 {
		p.line("This would be the first mapping.")
	} else {
		p.line("Compared with version %d, which is in force:", plan.Version)
	}
	for _, d := range plan.Diff {
		p.line("  %s", p.paint(diffStyle(d), d))
	}
	if len(plan.Diff) == 0 {
		p.line("  nothing differs in meaning")
	}
	for _, app := range plan.Preview.Apps {
		p.gap()
		writeAppPlan(p, app)
	}
	writeWaiting(p, plan.Waiting)
	if len(plan.Warnings) > 0 {
		p.gap()
		for _, w := range plan.Warnings {
			writeProblem(p, plan.file, plan.text, w, "warning: ", yellow)
		}
	}
	p.gap()
	switch n := plan.Preview.Removals; n {
	case 0:
		p.line("%s", p.paint(green, "Nobody loses an account through this edit."))
	default:
		p.line("%s", p.paint(red, count(n, "person loses an account", "people lose accounts")+" through this edit."))
	}
}

func diffStyle(line string) style {
	switch {
	case strings.HasPrefix(line, "+"):
		return green
	case strings.HasPrefix(line, "-"):
		return red
	default:
		return yellow
	}
}

func writeAppPlan(p *page, app provision.AppPreview) {
	title := fmt.Sprintf("%s  %s, %s now", p.paint(bold, app.App), app.Mode, count(app.Accounts, "account", "accounts"))
	switch {
	case app.Disconnected:
		p.line("%s", title)
		p.line("  leaves the mapping: its accounts stay as they are, and are not managed any more")
		return
	case app.New:
		title += ", new"
	}
	p.line("%s", title)
	var t table
	tally := func(word string, c style, tl provision.Tally, each bool) {
		if tl.Count == 0 {
			return
		}
		if !each {
			t.row(styled(c, fmt.Sprint(tl.Count)), of(word), of(names(tl)))
			return
		}
		for i, one := range tl.First {
			n, w := "", ""
			if i == 0 {
				n, w = fmt.Sprint(tl.Count), word
			}
			t.row(styled(c, n), of(w), of(called(one)+": "+one.Text))
		}
		if more := tl.Count - len(tl.First); more > 0 {
			t.row(of(""), of(""), of(fmt.Sprintf("and %d more", more)))
		}
	}
	tally("get an account", green, app.Create, false)
	tally("get theirs back", green, app.Return, false)
	tally("change", plain, app.Change, false)
	tally("lose it", red, app.Remove, true)
	tally("cannot be judged", yellow, app.Failing, true)
	if len(t.rows) == 0 {
		p.line("  nothing to do")
	}
	p.table(t, 2)
	if app.OverBudget {
		p.line("  %s", p.paint(yellow, fmt.Sprintf("%d removals are more than the budget of %d: they will be held for approval", app.Remove.Count, app.Limit)))
	}
	switch app.Mode {
	case mapping.Observe:
		p.line("  %s", p.paint(dim, "mode: observe shows this and does nothing of it"))
	case mapping.Paused:
		p.line("  %s", p.paint(dim, "mode: paused puts it off until the mode is enforce"))
	}
}

func called(a provision.Affected) string {
	if a.UserName != "" {
		return a.UserName
	}
	return a.Person.String()
}

func names(t provision.Tally) string {
	var shown []string
	for _, one := range t.First[:min(len(t.First), namesShown)] {
		shown = append(shown, called(one))
	}
	list := strings.Join(shown, ", ")
	if more := t.Count - len(shown); more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}

func writeWaiting(p *page, waiting []mapping.GroupRef) {
	if len(waiting) == 0 {
		return
	}
	p.gap()
	p.line("Waiting for groups that no source has yet; their lines begin to count when they come:")
	var t table
	for _, w := range waiting {
		t.row(of(w.App), of(w.Name), styled(dim, fmt.Sprintf("line %d", w.Line)))
	}
	p.table(t, 2)
}
