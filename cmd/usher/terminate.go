package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
)

func newTerminate(a *app) *cobra.Command {
	var o client.Termination
	cmd := &cobra.Command{
		Use:   "terminate USER --reason TEXT",
		Short: "End one person's access everywhere, now",
		Long: `End one person's access in every app, now: ahead of all other work, without quiet time, budget or waiting time, and
whatever is held. Where an app can suspend, sign-in ends at once and the deletion follows as the mapping says; where it
cannot, the account ends at once as the mapping says, its data handed over first.

It wins over every source that says the person is active, now or later, until usher reinstate. The command waits up to
20 seconds and says for each app whether the person is out. Running it again shows how far it has come.

Usher closes the apps it manages. Close the account at the identity provider too: it opens all others.`,
		Example: "  usher terminate kim@acme.example --reason 'HR-4711'",
		Args:    needs("USER"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if strings.TrimSpace(o.Reason) == "" {
				return wrongUse("--reason is missing: it is what the audit shows")
			}
			reply, err := c.Terminate(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			if reply, err = awaitCut(cmd.Context(), c, args[0], o, reply); err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeTermination(p, args[0], reply.Value) })
		}),
	}
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why, for the audit: a ticket, a name")
	cmd.Flags().IntVar(&o.Count, "count", 0, "above three people within an hour: how many this one makes")
	return cmd
}

// cutWait is how long the command watches a termination before it says how far it has come.
const cutWait = 20 * time.Second

// awaitCut asks until the person is out everywhere, for cutWait at most.
func awaitCut(ctx context.Context, c *client.Client, user string, o client.Termination, r client.Reply[admin.TerminationReply]) (client.Reply[admin.TerminationReply], error) {
	patience := time.After(cutWait)
	again := time.NewTicker(cutWait / 100)
	defer again.Stop()
	for stillInside(r.Value) > 0 {
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-patience:
			return r, nil
		case <-again.C:
		}
		var err error
		if r, err = c.Terminate(ctx, user, o); err != nil {
			return r, err
		}
	}
	return r, nil
}

func newReinstate(a *app) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "reinstate USER --reason TEXT",
		Short:   "Take a termination back",
		Long:    "Take a termination back. What the person gets then is what the sources and the mapping say: nothing, if they say nothing.",
		Example: "  usher reinstate kim@acme.example --reason 'HR-4712, it was another Kim'",
		Args:    needs("USER"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return wrongUse("--reason is missing: it is what the audit shows")
			}
			if err := c.Reinstate(cmd.Context(), args[0], reason); err != nil {
				return err
			}
			return a.print(value(map[string]string{"reinstated": args[0]}), func(p *page) {
				p.line("%s is not terminated any more. What the person gets is for the sources and the mapping to say.", args[0])
			})
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit: a ticket, a name")
	return cmd
}

func newTerminations(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "terminations",
		Short:   "List who is terminated, and where they are still inside",
		Long:    "List the people whose access was ended by hand, whether each app is done, and which sources still say that they are active.",
		Example: "  usher terminations",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			reply, err := c.Terminations(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeTerminations(p, reply.Value) })
		}),
	}
}

func writeTermination(p *page, asked string, r admin.TerminationReply) {
	left := stillInside(r)
	switch {
	case len(r.Apps) == 0:
		p.line("%s is terminated. The mapping names no app, so there was nothing to end.", p.paint(bold, asked))
	case left == 0:
		p.line("%s is terminated, and out of %s.", p.paint(bold, asked), count(len(r.Apps), "app", "apps"))
	default:
		p.line("%s is terminated, and %s in %s of %s.", p.paint(bold, asked), p.paint(red, "not out yet"), count(left, "app", "apps"), count(len(r.Apps), "app", "apps"))
	}
	writeCuts(p, r)
	if left > 0 {
		p.gap()
		p.line("%s", p.paint(dim, "Usher goes on by itself; run this again, or usher terminations, to see how far it has come."))
	}
}

func writeCuts(p *page, r admin.TerminationReply) {
	var t table
	for _, c := range r.Apps {
		c2 := red
		if c.Done {
			c2 = green
		}
		t.row(styled(bold, c.App), styled(c2, c.Text))
	}
	p.table(t, 2)
}

func stillInside(r admin.TerminationReply) int {
	n := 0
	for _, c := range r.Apps {
		if !c.Done {
			n++
		}
	}
	return n
}

func writeTerminations(p *page, all []admin.TerminationReply) {
	if len(all) == 0 {
		p.line("Nobody is terminated.")
		return
	}
	for _, r := range all {
		name := r.UserName
		if name == "" && len(r.Names) > 0 {
			name = r.Names[0]
		}
		if name == "" {
			name = r.Person.String()
		}
		p.gap()
		p.line("%s  by %s %s: %s", p.paint(bold, name), r.By, p.ago(r.At), r.Reason)
		for _, source := range r.Claims {
			p.line("  %s", p.paint(yellow, source+" still says that this person is active; that changes nothing here"))
		}
		writeCuts(p, r)
	}
}
