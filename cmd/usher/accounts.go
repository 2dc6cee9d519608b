package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/provision"
)

func newAccounts(a *app) *cobra.Command {
	var all, found bool
	cmd := &cobra.Command{
		Use:     "accounts APP",
		Short:   "List the accounts that usher keeps in an app",
		Long:    "List the ledger of an app: every account that usher made or adopted there and that is not verified gone. With --found, list instead the accounts there that usher does not keep, as the last comparison found them, and whose they may be.",
		Example: "  usher accounts gorgias\n  usher accounts zoom --all --output json\n  usher accounts zoom --found",
		Args:    needs("APP"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if found {
				reply, err := c.Drift(cmd.Context(), client.DriftFilter{App: args[0], Unlinked: true, All: all})
				if err != nil {
					return err
				}
				return a.print(reply.JSON, func(p *page) { writeFound(p, args[0], reply.Value) })
			}
			reply, err := c.Accounts(cmd.Context(), args[0], all)
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeAccounts(p, args[0], reply.Value) })
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "those that are gone as well; with --found those that are ignored or settled")
	cmd.Flags().BoolVar(&found, "found", false, "accounts there that usher does not keep")
	return cmd
}

func writeAccounts(p *page, app string, all []provision.Account) {
	if len(all) == 0 {
		p.line("Usher keeps no account in %s.", app)
		return
	}
	t := table{head: []string{"E-MAIL", "STATE", "ROLE", "TEAMS", "ORIGIN", "SINCE", "ID THERE", ""}}
	for _, acc := range all {
		note := styled(yellow, "")
		if !acc.UnwantedSince.IsZero() && !acc.State.Over() {
			note = styled(yellow, "not wanted: "+string(acc.UnwantedWhy)+", "+p.ago(acc.UnwantedSince))
		}
		if acc.Protected != "" {
			note = styled(dim, "protected: "+acc.Protected)
		}
		t.row(of(acc.Email), accountState(acc.State), of(roleOf(acc)), of(strings.Join(acc.Teams, ", ")),
			of(string(acc.Origin)), of(p.ago(acc.Created)), of(acc.VendorID), note)
	}
	p.table(t, 0)
	p.line("%s", p.paint(dim, count(len(all), "account", "accounts")))
}

func roleOf(acc provision.Account) string {
	switch {
	case acc.Role != "" && acc.Licence != "":
		return acc.Role + ", " + acc.Licence
	case acc.Licence != "":
		return acc.Licence
	default:
		return acc.Role
	}
}

// accountState is a state in words.
func accountState(s provision.AccountState) cell {
	switch s {
	case provision.Creating:
		return of("being made")
	case provision.Active:
		return styled(green, "active")
	case provision.Suspended, provision.Demoted:
		return styled(yellow, string(s))
	case provision.Removing:
		return styled(yellow, "being removed")
	case provision.Gone:
		return styled(dim, "gone")
	case provision.Unlinked:
		return styled(dim, "unlinked")
	case provision.Lost:
		return styled(red, "lost")
	default:
		return of(string(s))
	}
}
