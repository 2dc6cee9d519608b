package main

import (
	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
)

func newErase(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "erase PERSON",
		Short: "Forget a person who left: destroy the key of the personal values, remove records and names",
		Long: `Forget a person for good, as a request for erasure asks for. The person's key is destroyed, so that nobody can read the
personal values in the audit any more; the records of the directory, and the names in the ledger and in holds, are removed. What
happened stays provable by the person's id: that it was removed from an app, when, and why.

It is refused while a source says that the person is active, and while an account is not gone: forgetting somebody who still has
access would make that access impossible to find. There is no way to force it. Backups and exports made before keep what they have.`,
		Example: "  usher erase kim@acme.example\n  usher erase 01890a5d-ac96-774b-bcce-b302099a8057 --yes",
		Args:    needs("PERSON"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			plan, err := c.Erase(cmd.Context(), args[0], true)
			if err != nil {
				return err
			}
			id := plan.Value.Person.String()
			if !yes {
				if err := a.confirm(cmd.Context(), 1, args[0]+" (person "+id+") would be erased for good", false); err != nil {
					return err
				}
			}
			reply, err := c.Erase(cmd.Context(), id, false)
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeErased(p, reply.Value) })
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func writeErased(p *page, r admin.EraseReply) {
	p.line("Person %s is erased; the fact %s says so.", r.Person, r.Erasure.Fact)
	p.line("Names removed from %s, %s, %s, %s.", count(r.Forgotten.Accounts, "former account", "former accounts"),
		count(r.Forgotten.Holds, "hold", "holds"), count(r.Forgotten.Drifts, "entry of drift", "entries of drift"),
		count(r.Forgotten.Texts, "text about others", "texts about others"))
	p.line("%s", p.paint(dim, "Backups and exports made before keep what they have; docs/audit.md says what else remains."))
}
