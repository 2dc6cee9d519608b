package main

import (
	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/cmd/usher/client"
)

func newUndo(a *app) *cobra.Command {
	var o client.Undo
	cmd := &cobra.Command{
		Use:   "undo CHANGE",
		Short: "Bring back what one change took from an account, and keep it so",
		Long: `Bring back what one change took from one account: a suspended or demoted account gets the role, licence and teams that it
had before, a deletion that is not done yet is called off, a changed role or licence is changed back, a team is entered
again. CHANGE is the id that usher why and usher audit list show beside such a change.

It is kept so by a hold of the kind undone, which usher holds shows. Approve that hold to let go on what was undone. It also
ends by itself when the sources or the mapping say something else of the person, or a source takes something away again, so
that nobody stays inside for an undo that was right once.

An account that was deleted cannot be brought back, a termination is taken back with usher reinstate, and a version of the
mapping with usher rollback: the answer says which. --reason is needed for somebody who is not active as far as the sources
know.`,
		Example: "  usher undo 019aa6f2-5c1e-7a34-8f6e-3a1f0c9d2b10 --plan\n  usher undo 019aa6f2-5c1e-7a34-8f6e-3a1f0c9d2b10 --reason 'HR-7, the wrong group'",
		Args:    needs("CHANGE"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			reply, err := c.Undo(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeUndo(p, reply.Value, o.Plan) })
		}),
	}
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why, for the audit: a ticket, a name")
	cmd.Flags().BoolVar(&o.Plan, "plan", false, "show what it would do, and do nothing")
	return cmd
}

func writeUndo(p *page, r admin.UndoReply, plan bool) {
	switch {
	case r.Already:
		p.line("%s", p.paint(bold, "That is undone already, and kept so."))
	case plan:
		p.line("%s", p.paint(bold, "Nothing is undone yet. This would follow:"))
	default:
		p.line("%s", p.paint(green, "Undone."))
	}
	p.line("%s.", r.Text)
	for _, s := range r.Steps {
		p.line("  %s", stepWords(s))
	}
	for _, ask := range r.Asks {
		p.line("  %s", p.paint(yellow, "somebody has to decide first ("+string(ask.Kind)+"): "+ask.Text))
	}
	if len(r.Steps)+len(r.Asks) == 0 {
		p.line("  nothing has to be done at the app for it")
	}
	if r.Hold == "" {
		return
	}
	who := r.Who
	if who == "" {
		who = r.Person.String()
	}
	p.gap()
	p.line("%s", p.paint(dim, "How far it has come: usher why "+who+" "+r.App+". To let go on what was undone: usher approve "+r.Hold))
}

// undoable reports whether usher undo may bring back what a fact tells of, so that its id is worth showing.
func undoable(c audit.Change) bool {
	switch c.Act {
	case audit.AccountUnwanted, audit.AccountDemoted, audit.AccountSuspended, audit.AccountUpdated, audit.AccountTeams:
		return true
	default:
		return false
	}
}

// undoID ends the line of a fact: the id to give to usher undo, where there is something to undo.
func undoID(c audit.Change) string {
	if !undoable(c) {
		return ""
	}
	return "  " + c.ID.String()
}
