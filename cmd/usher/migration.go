package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/provision"
)

func newSourceMigrate(a *app) *cobra.Command {
	var plan, yes bool
	cmd := &cobra.Command{
		Use:   "migrate FROM TO",
		Short: "Let one source take over from another, such as Entra from Okta",
		Long: `Let one source take over from another, with nobody cut off and nobody given a second account. Both must have pushed their
users and groups. Whoever FROM and TO know under the same userName is one person already; others are matched by userName,
e-mail address (without regard to case) or externalId, one to one, and linked: TO goes on to use the ids that it knows. Then the
mapping is put in force with TO's groups in the place of FROM's groups of the same name.

--plan shows all of it and changes nothing. While somebody would lose something, a group is missing in TO, or TO does not have
everybody who has an account, it is refused and says so. FROM stays as it is: remove it next, before anything is unassigned there.`,
		Example: "  usher source migrate okta entra --plan\n  usher source migrate okta entra",
		Args:    needs("FROM", "TO"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			reply, err := c.PlanMigration(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			if plan {
				return a.print(reply.JSON, func(p *page) { writeMigration(p, reply.Value) })
			}
			if a.output == asText {
				p := a.page()
				writeMigration(p, reply.Value)
				p.flush()
			}
			m := reply.Value.Migration
			if len(m.Blocked) > 0 {
				return &refusedError{m.To + " cannot take over from " + m.From + " yet; nothing changed"}
			}
			n := reply.Value.Plan.Preview.Confirm
			if n > 0 && !yes {
				if err := a.confirm(cmd.Context(), n, overBudget(reply.Value.Plan.Preview), false); err != nil {
					return err
				}
			}
			done, err := c.Migrate(cmd.Context(), args[0], args[1], reply.Value.Plan.Version, n)
			if err != nil {
				return err
			}
			return a.print(done.JSON, func(p *page) { writeMigrated(p, done.Value) })
		}),
	}
	cmd.Flags().BoolVar(&plan, "plan", false, "show what it means, and change nothing")
	cmd.Flags().BoolVar(&yes, "yes", false, "go on though it goes beyond a budget")
	return cmd
}

func writeMigration(p *page, r admin.MigrationReply) {
	m := r.Migration
	p.line("%s", p.paint(bold, fmt.Sprintf("%s takes over from %s", m.To, m.From)))
	p.line("  %s: %d of them are the same people in %s", count(m.Active, "active user of "+m.From, "active users of "+m.From), m.Linked, m.To)
	t := tallyTable{}
	t.each("are linked by this", green, m.Matched)
	t.each("are not in "+m.To, yellow, m.Unknown)
	t.each("may be several", yellow, m.Ambiguous)
	t.each("are inactive in "+m.To, yellow, m.Inactive)
	t.each("have accounts twice", yellow, m.Occupied)
	t.each("are inactive in "+m.From+" alone", yellow, m.Out)
	p.table(t.table, 2)
	writeMigratedGroups(p, m)
	for _, app := range r.Plan.Preview.Apps {
		p.gap()
		writeAppPlan(p, app)
	}
	for _, one := range []struct {
		t    provision.Tally
		what string
	}{{m.Stranded, "Accounts of people whom nobody would speak for any more:"}, {m.Second, "Second accounts:"}} {
		if one.t.Count == 0 {
			continue
		}
		p.gap()
		p.line("%s", one.what)
		t := tallyTable{}
		t.each("", red, one.t)
		p.table(t.table, 2)
	}
	p.gap()
	for _, why := range m.Blocked {
		p.line("%s %s", p.paint(red, "Not yet:"), why)
	}
	if len(m.Blocked) == 0 {
		p.line("%s", p.paint(green, "Nobody loses an account through this, and nobody gets a second one."))
	}
}

func writeMigratedGroups(p *page, m provision.Migration) {
	if len(m.Groups) == 0 {
		return
	}
	p.gap()
	p.line("Groups that the mapping names:")
	t := table{head: []string{"NOW", "MEMBERS", "THEN", "MEMBERS", ""}}
	for _, g := range m.Groups {
		to, there := of(g.To), of(fmt.Sprint(g.There))
		if g.To == "" {
			to, there = styled(red, "missing in "+m.To), of("")
		}
		t.row(of(g.Name), of(fmt.Sprint(g.Members)), to, there, styled(dim, linesOf(g.Lines)))
	}
	p.table(t, 2)
}

func writeMigrated(p *page, r admin.MigrationReply) {
	m := r.Migration
	said := []string{m.To + " has taken over from " + m.From}
	if n := m.Matched.Count; n > 0 {
		said = append(said, count(n, "person was linked", "people were linked"))
	}
	if r.Version != nil {
		said = append(said, fmt.Sprintf("version %d of the mapping is in force", r.Version.Number))
	}
	p.line("%s", p.paint(bold, strings.Join(said, "; ")+"."))
	p.line("%s still pushes, and what it says still counts: remove it before anything is unassigned there: usher source remove %s", m.From, m.From)
}
