package main

import (
	"fmt"
	"slices"
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
	writeVerdict(p, plan.Preview)
}

// writeVerdict says in the end what it comes to.
func writeVerdict(p *page, v provision.Preview) {
	if v.People > 0 {
		p.line("%s", p.paint(dim, count(v.People, "person was", "people were")+" looked at."))
	}
	if v.Removals == 0 {
		p.line("%s", p.paint(green, "Nobody loses an account through this edit."))
	} else {
		p.line("%s", p.paint(red, count(v.Removals, "person loses an account", "people lose accounts")+" through this edit."))
	}
	if v.Confirm > v.Removals {
		p.line("%s", p.paint(red, overBudget(v)+"."))
	}
}

// overBudget says whom apply asks to confirm, where that is more than those who lose accounts.
func overBudget(v provision.Preview) string {
	text := count(v.Confirm, "person is", "people are") + " affected where the edit goes beyond a budget"
	if v.Removals > 0 {
		text += fmt.Sprintf(", %d of them lose accounts", v.Removals)
	}
	return text
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
	t := tallyTable{}
	t.brief("get an account", green, app.Create)
	t.brief("get theirs back", green, app.Return)
	t.brief("change", plain, app.Change)
	t.each("lose it for good", red, app.Delete)
	t.each("are suspended", red, app.Suspend)
	t.each("are cut down to the weakest role", red, app.Demote)
	t.each("become administrators", yellow, app.Hurts[provision.AdminGrants])
	t.each("get another address", yellow, app.Hurts[provision.Identities])
	t.each("lose a role, a licence or teams", yellow, app.Hurts[provision.Reductions])
	t.each("cannot be judged", yellow, app.Failing)
	if len(t.rows) == 0 {
		p.line("  nothing to do")
	}
	p.table(t.table, 2)
	writeSeats(p, app.Seats)
	for _, kind := range app.Over {
		p.line("  %s", p.paint(yellow, fmt.Sprintf("%s: more than the budget of %d, so apply asks for the number", kindWord(kind), app.Limits[kind])))
	}
	if n := app.Hurts[provision.AdminGrants].Count; n > 0 {
		p.line("  %s", p.paint(yellow, "each new administrator waits for an approval of their own"))
	}
	switch app.Mode {
	case mapping.Observe:
		p.line("  %s", p.paint(dim, "mode: observe shows this and does nothing of it"))
	case mapping.Paused:
		p.line("  %s", p.paint(dim, "mode: paused puts it off until the mode is enforce"))
	}
}

// tallyTable has a row for each tally: how many, what, who; and below it why.
type tallyTable struct{ table }

// reasonsShown is how many different reasons stand below the names of a tally.
const reasonsShown = 3

// brief names a few people, and then the reasons that there are.
func (t *tallyTable) brief(word string, c style, tl provision.Tally) {
	if tl.Count == 0 {
		return
	}
	t.row(styled(c, fmt.Sprint(tl.Count)), of(word), of(names(tl)))
	var reasons []string
	for _, one := range tl.First {
		if one.Text != "" && !slices.Contains(reasons, one.Text) {
			reasons = append(reasons, one.Text)
		}
	}
	for i, reason := range reasons {
		if i == reasonsShown {
			t.row(of(""), of(""), styled(dim, "and other reasons"))
			break
		}
		t.row(of(""), of(""), styled(dim, reason))
	}
}

// each names everybody whom the server names, with the reason.
func (t *tallyTable) each(word string, c style, tl provision.Tally) {
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

func writeSeats(p *page, seats []provision.SeatsPlan) {
	for _, s := range seats {
		what, c := "seats", plain
		if s.Licence != "" {
			what = "seats of " + s.Licence
		}
		text := fmt.Sprintf("%s: %d needed", what, s.Needed)
		if s.Freed > 0 {
			text += fmt.Sprintf(", %d given back", s.Freed)
		}
		switch {
		case s.Free == nil:
			text += "; how many are free is not known: " + s.Unknown
		case s.Short() > 0:
			text, c = text+fmt.Sprintf(", %d free: %d too few", *s.Free, s.Short()), red
		default:
			text += fmt.Sprintf(", %d free", *s.Free)
		}
		p.line("  %s", p.paint(c, text))
	}
}

// kindWord names a kind of counted work.
func kindWord(k provision.Kind) string {
	switch k {
	case provision.Removals:
		return "removals"
	case provision.Suspensions:
		return "suspensions"
	case provision.Creates:
		return "new accounts"
	case provision.AdminGrants:
		return "new administrators"
	case provision.Identities:
		return "changes of address"
	case provision.Reductions:
		return "reductions"
	}
	return string(k)
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
