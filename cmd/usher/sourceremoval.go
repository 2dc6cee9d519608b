package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/provision"
)

func newSourceRemove(a *app) *cobra.Command {
	var plan, yes bool
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Make a source's tokens void",
		Long: `Make a source's tokens void, so that it can push nothing any more. What it said of people and groups stands, so
nobody loses an account by this. But nobody can say any more that those have left whom no other source knows: they keep
their accounts. --plan shows who they are, and which groups of the mapping stay as they are for good; it changes nothing.

Where that is more people than an app's budget for removals, it asks for their number; without a terminal it does nothing
unless --yes is given. Another source takes over with usher source migrate.`,
		Example: "  usher source remove old-okta --plan\n  usher source remove old-okta",
		Args:    needs("NAME"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			reply, err := c.PlanSourceRemoval(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if plan {
				return a.print(reply.JSON, func(p *page) { writeSourceRemoval(p, reply.Value) })
			}
			n := reply.Value.Confirm
			if n > 0 && !yes {
				if a.output == asText {
					p := a.page()
					writeSourceRemoval(p, reply.Value)
					p.flush()
				}
				question := count(n, "person keeps an account that nobody could end any more", "people keep accounts that nobody could end any more")
				if err := a.confirm(cmd.Context(), n, question, false); err != nil {
					return err
				}
			}
			if err := c.RemoveSource(cmd.Context(), args[0], n); err != nil {
				return err
			}
			return a.print(value(map[string]string{"removed": args[0]}), func(p *page) {
				p.line("%s can push nothing any more. Its users and groups stand as they are.", args[0])
			})
		}),
	}
	cmd.Flags().BoolVar(&plan, "plan", false, "show what it leaves behind, and change nothing")
	cmd.Flags().BoolVar(&yes, "yes", false, "go on though people keep accounts that nobody could end")
	return cmd
}

func writeSourceRemoval(p *page, r provision.SourceRemoval) {
	p.line("%s has %s and %s. What it said of them stands; nobody loses an account.", p.paint(bold, r.Source),
		count(r.Users, "user", "users"), count(r.Groups, "group", "groups"))
	for _, app := range r.Apps {
		p.gap()
		p.line("%s  %s now", p.paint(bold, app.App), count(app.Accounts, "account", "accounts"))
		t := tallyTable{}
		t.each("kept by its word alone", red, app.Rests)
		p.table(t.table, 2)
		if app.Over {
			p.line("  %s", p.paint(yellow, fmt.Sprintf("more than the budget of %d for removals, so removing the source asks for the number", app.Limit)))
		}
	}
	if len(r.Frozen) > 0 {
		p.gap()
		p.line("Groups that the mapping names, and that would stay as they are for good:")
		t := table{}
		for _, g := range r.Frozen {
			t.row(of(g.Name), of(count(g.Members, "member", "members")), styled(dim, linesOf(g.Lines)))
		}
		p.table(t, 2)
	}
	p.gap()
	switch {
	case r.People > 0:
		p.line("%s", p.paint(red, count(r.People, "person keeps an account", "people keep accounts")+" that nobody could end any more. Let another source take over first: usher source migrate "+r.Source+" OTHER"))
	case len(r.Frozen) > 0:
		p.line("%s", p.paint(yellow, "Everybody with an account is known to another source; the groups above are not."))
	default:
		p.line("%s", p.paint(green, "Nothing rests on "+r.Source+"."))
	}
}

// linesOf says where the mapping names a group.
func linesOf(refs []mapping.GroupRef) string {
	var places []string
	for _, ref := range refs {
		places = append(places, fmt.Sprintf("%s line %d", ref.App, ref.Line))
	}
	return strings.Join(places, ", ")
}
