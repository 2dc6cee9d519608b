package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/provision"
)

func newLink(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "link APP ACCOUNT USER",
		Short: "Say whose an app's account is",
		Long: `Say that an account of an app is a person's. The account is named by its id there or its address, the person by userName,
e-mail address or id. It enters the ledger as it is; where the mapping wants it otherwise, usher asks before it first
takes something away. An administrator's account, one that looks like somebody else's and one of somebody who has
left need --yes.`,
		Example: "  usher link gorgias kim.old@acme.example kim@acme.example\n  usher link zoom KdYKjnimT4KPd8FFgQt9FQ kim@acme.example --yes",
		Args:    needs("APP", "ACCOUNT", "USER"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			reply, err := c.Link(cmd.Context(), args[0], args[1], args[2], yes)
			var refused *client.Error
			if errors.As(err, &refused) && refused.Code() == admin.Unconfirmed {
				return &unconfirmedError{refused.Error() + ": look at it and run this again with --yes; nothing changed"}
			}
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) {
				p.line("%s in %s is %s's now, as it is.", reply.Value.Email, args[0], args[2])
			})
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "go on though there is a doubt")
	return cmd
}

func newUnlink(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "unlink APP ACCOUNT",
		Short: "Take an account out of usher's keeping",
		Long: `Take an account, named by its id at the app or its address, out of the ledger. Nothing is changed at the app: the account
stands there as it is, and usher leaves it alone from now on, also when its person leaves. usher link takes it back.`,
		Example: "  usher unlink gorgias kim@acme.example",
		Args:    needs("APP", "ACCOUNT"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			reply, err := c.Unlink(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) {
				p.line("%s in %s is not usher's any more. It stands there as it is, and is left alone.", reply.Value.Email, args[0])
			})
		}),
	}
}

func newIgnore(a *app) *cobra.Command {
	var undo bool
	cmd := &cobra.Command{
		Use:   "ignore APP ACCOUNT",
		Short: "Leave an app's account alone",
		Long: `Leave an account of an app alone that usher does not keep: it is not reported as a difference any more, and nobody is
given it. The account is named by its id there or its address.`,
		Example: "  usher ignore gorgias agency@else.example\n  usher ignore gorgias agency@else.example --undo",
		Args:    needs("APP", "ACCOUNT"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			reply, err := c.Ignore(cmd.Context(), args[0], args[1], undo)
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) {
				if undo {
					p.line("%s in %s is looked at again by the next comparison; usher reconcile %s compares now.", args[1], args[0], args[0])
					return
				}
				p.line("%s in %s is left alone.", args[1], args[0])
			})
		}),
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "look at it again")
	return cmd
}

// writeFound lists accounts that the ledger does not have.
func writeFound(p *page, app string, all []admin.DriftReply) {
	if len(all) == 0 {
		p.line("The last comparison found no account in %s that usher does not keep; usher reconcile %s compares now.", app, app)
		return
	}
	t := table{head: []string{"ID THERE", "E-MAIL", "NAME", "ROLE", "STATE", "PERHAPS", "WHAT"}}
	for _, d := range all {
		name, role, state := "", "", of(string(d.State))
		if d.Shown != nil {
			role, name = d.Shown.Role, d.Shown.Attributes["name"]
			if name == "" {
				name = d.Shown.Attributes["first_name"] + " " + d.Shown.Attributes["last_name"]
			}
		}
		if d.State == provision.DriftQuestion {
			state = styled(yellow, "your decision")
		}
		t.row(of(d.VendorID), of(d.Email), of(name), of(role), state, of(d.Who), of(d.Text))
	}
	p.table(t, 0)
	p.line("%s", p.paint(dim, "usher link "+app+" ACCOUNT USER says whose one is, usher ignore "+app+" ACCOUNT leaves it alone"))
}
