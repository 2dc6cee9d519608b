package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/provision"
)

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show how the apps are, what is to be done, and what fails",
		Long: `Show every app: the tenant it reaches, its accounts, what is to be done, what is held, what fails and why, and
what you can do about it. When something is not set up yet, it says what comes next.`,
		Example: "  usher status\n  usher status --output json | jq '.apps[].queue'",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			reply, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			var s setup
			if a.output == asText && len(reply.Value.Apps) == 0 {
				sources, err := c.Sources(cmd.Context())
				if err != nil {
					return err
				}
				connections, err := c.Connections(cmd.Context())
				if err != nil {
					return err
				}
				for _, src := range sources.Value {
					if src.Removed.IsZero() {
						s.sources = append(s.sources, src.Name)
					}
				}
				for _, conn := range connections.Value {
					s.connections = append(s.connections, conn.Name)
				}
			}
			return a.print(reply.JSON, func(p *page) { writeStatus(p, reply.Value, s) })
		}),
	}
}

// setup is how far the setting up has come.
type setup struct{ sources, connections []string }

func writeStatus(p *page, r admin.StatusReply, s setup) {
	defer writeBackups(p, r.Backups)
	writeSwitches(p, r.Paused)
	if r.Rollout != nil {
		writeRolloutLines(p, *r.Rollout)
		p.gap()
	}
	if len(r.Apps) == 0 {
		writeSetup(p, r, s)
		return
	}
	defer writeChannels(p, r.Alerts)
	p.line("%s", p.paint(dim, fmt.Sprintf("mapping version %d, %s", r.Mapping, count(len(r.Apps), "app", "apps"))))
	for _, app := range r.Apps {
		p.gap()
		writeApp(p, app, r)
	}
	if len(r.Waiting) > 0 {
		p.gap()
		p.line("Waiting for groups that no source has yet: %s", strings.Join(r.Waiting, ", "))
	}
}

func writeSetup(p *page, r admin.StatusReply, s setup) {
	p.line("Usher is running, and manages no app yet.")
	p.gap()
	var t table
	next := true
	step := func(done []string, what, how string) {
		switch {
		case len(done) > 0:
			t.row(styled(green, "done"), of(what), of(strings.Join(done, ", ")))
		case next:
			t.row(styled(bold, "next"), of(what), of(how))
			next = false
		default:
			t.row(of(""), of(what), of(how))
		}
	}
	step(s.sources, "let an identity provider in", "usher source add okta --kind okta")
	step(s.connections, "connect an app's tenant", "usher connect gorgias-prod -f gorgias.yaml")
	what := "say who gets what"
	if r.Mapping > 0 {
		what = fmt.Sprintf("say who gets what (version %d names no app)", r.Mapping)
	}
	step(nil, what, "usher apply -f mapping.yaml")
	p.table(t, 2)
	if len(s.connections) == 0 {
		p.gap()
		p.line("%s", p.paint(dim, "To try it without an account anywhere: usher sandbox stands in for the vendors and prints the files to connect with."))
	}
}

func writeApp(p *page, app provision.AppStatus, r admin.StatusReply) {
	title := p.paint(bold, app.App)
	if !strings.EqualFold(app.App, app.Title) {
		title += " (" + app.Title + ")"
	}
	line := title + "  " + modeWords(p, app.Mode)
	if t := tenant(app.TenantName, app.Tenant); t != "" {
		line += "  " + p.paint(dim, t)
	}
	p.line("%s", line)
	var f facts
	switch app.Mode {
	case mapping.Observe:
		f.add("observing", of("nothing is changed before the mapping says mode: enforce"), of("→ to see what that would do: usher export | usher plan -f -"))
	case mapping.Paused:
		f.add("paused", of("work waits until the mapping says mode: enforce"))
	}
	switch {
	case app.Stopped:
		f.add("stopped", styled(red, orUnknown(app.Reason)), of("→ "+fixed(app.Fix)+"then: usher retry "+app.App))
	case !app.Waiting.IsZero():
		f.add("pausing", styled(yellow, fmt.Sprintf("until %s: %s", p.clock(app.Waiting), orUnknown(app.Reason))))
	}
	if len(app.Missing) > 0 {
		f.add("permissions", styled(yellow, "missing: "+strings.Join(app.Missing, ", ")), of("→ grant them at the vendor, then connect "+app.Connection+" again"))
	}
	f.add("accounts", of(accountWords(app.Accounts)))
	f.add("to do", of(queueWords(app)))
	if !app.OldestRemoval.IsZero() {
		f.add("", cell{"the oldest removal is from " + p.ago(app.OldestRemoval), removalStyle(p, app.OldestRemoval)})
	}
	if app.Inside > 0 {
		f.add("inside", styled(red, insideWords(app, r)), of("→ to shut them out now: usher holds --app "+app.App+" names the command for each"))
	}
	if app.Holds > 0 {
		f.add("held", styled(yellow, count(app.Holds, "waits for a person", "wait for a person")+": usher holds --app "+app.App))
	}
	for _, failure := range app.Failures {
		if app.Stopped && strings.HasSuffix(failure.Text, app.Reason) {
			f.add("waiting", of(count(failure.Count, "waits for that: ", "wait for that: ")+failing(failure, r)))
			continue
		}
		f.add("failing", failureWords(p, app, failure, r)...)
	}
	p.facts(f, 2)
}

func modeWords(p *page, m mapping.Mode) string {
	switch m {
	case mapping.Enforce:
		return p.paint(green, "enforce")
	case mapping.Paused:
		return p.paint(yellow, "paused")
	default:
		return p.paint(yellow, "observe")
	}
}

func orUnknown(reason string) string {
	if reason == "" {
		return "for an unknown reason"
	}
	return reason
}

func fixed(fix string) string {
	if fix == "" {
		return ""
	}
	return fix + "; "
}

// removalStyle makes a removal stand out that should long be done.
func removalStyle(p *page, since time.Time) style {
	if p.now.Sub(since) > 10*time.Minute {
		return red
	}
	return dim
}

func accountWords(n map[provision.AccountState]int) string {
	var parts []string
	for _, s := range []provision.AccountState{provision.Active, provision.Suspended, provision.Demoted, provision.Creating, provision.Removing} {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], accountState(s).text))
		}
	}
	words := "none"
	if len(parts) > 0 {
		words = strings.Join(parts, ", ")
	}
	if over := n[provision.Gone] + n[provision.Lost] + n[provision.Unlinked]; over > 0 {
		words += fmt.Sprintf("; %d gone", over)
	}
	return words
}

func queueWords(app provision.AppStatus) string {
	var parts []string
	for _, q := range []struct{ key, one, many string }{
		{"marked", "to look at", "to look at"},
		{"quiet", "removal in the quiet time", "removals in the quiet time"},
		{"removal", "removal", "removals"},
		{"update", "change", "changes"},
		{"joiner", "new account", "new accounts"},
		{"later", "later, when its time comes", "later, when their time comes"},
		{"held", "held", "held"},
		{"failed", "failed", "failed"},
	} {
		if q.key == "held" && app.Holds > 0 {
			continue // the holds have a line of their own
		}
		if n := app.Queue[q.key]; n > 0 {
			parts = append(parts, count(n, q.one, q.many))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

func failureWords(p *page, app provision.AppStatus, f provision.FailureGroup, r admin.StatusReply) []cell {
	what := f.Words
	if what == "" {
		what = f.Text
	}
	lines := []cell{styled(red, fmt.Sprintf("%d× %s", f.Count, what))}
	if what != f.Text {
		lines = append(lines, styled(dim, f.Text))
	}
	if f.Fix != "" {
		lines = append(lines, of("→ "+f.Fix))
	}
	retried := "it is not tried again by itself: usher retry " + app.App
	switch {
	case f.Next.IsZero():
	case f.Next.After(p.now):
		retried = "next try " + p.when(f.Next)
	default:
		retried = "it is tried again now"
	}
	if f.Stuck > 0 && !f.Next.IsZero() {
		retried += fmt.Sprintf("; %d of them not by themselves: usher retry %s", f.Stuck, app.App)
	}
	if len(f.Persons) > 0 {
		lines = append(lines, of(failing(f, r)))
	}
	lines = append(lines, styled(dim, retried))
	if f.Count > len(f.Persons) {
		lines = append(lines, of("→ all of them: usher failures "+app.App))
	}
	return lines
}

// insideWords names those who were deactivated and are inside only because others are held.
func insideWords(app provision.AppStatus, r admin.StatusReply) string {
	return count(app.Inside, "deactivated person is", "deactivated people are") + " still inside, only because others are held: " +
		peopleWords(app.Leavers, app.Inside, r)
}

// failing names those whom a cause keeps waiting.
func failing(f provision.FailureGroup, r admin.StatusReply) string {
	return peopleWords(f.Persons, f.Count, r)
}

// peopleWords lists the first of some people, and counts the others.
func peopleWords(first []uuid.UUID, all int, r admin.StatusReply) string {
	people := make([]string, len(first))
	for i, id := range first {
		if people[i] = r.People[id]; people[i] == "" {
			people[i] = id.String()
		}
	}
	list := strings.Join(people, ", ")
	if more := all - len(people); more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}
