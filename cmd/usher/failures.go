package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/provision"
)

func newFailures(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "failures [APP]",
		Short: "List what fails, for whom, and what to do about it",
		Long: `List what fails, one line for each person and app, under what they have in common: what is wrong in plain words, what can
be done, and when it is tried again by itself. What is not tried again by itself comes first.`,
		Example: "  usher failures\n  usher failures zoom",
		Args:    needs("[APP]"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			app := ""
			if len(args) > 0 {
				app = args[0]
			}
			reply, err := c.Failures(cmd.Context(), app)
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeFailures(p, app, reply.Value) })
		}),
	}
}

func writeFailures(p *page, app string, r admin.FailuresReply) {
	for _, s := range r.Stopped {
		p.gap()
		p.line("%s  %s", p.paint(bold, s.App), p.paint(red, "is stopped, nothing is sent to it: "+orUnknown(s.Reason)))
		p.line("  → %sthen: usher retry %s", fixed(s.Fix), s.App)
	}
	if r.Total == 0 && len(r.Stopped) > 0 {
		return
	}
	if r.Total == 0 {
		if app != "" {
			p.line("Nothing fails in %s.", app)
		} else {
			p.line("Nothing fails.")
		}
		return
	}
	for list := r.List; len(list) > 0; {
		first := list[0]
		n := slices.IndexFunc(list, func(f provision.Failing) bool {
			return f.App != first.App || f.Cause != first.Cause || f.Next.IsZero() != first.Next.IsZero()
		})
		if n < 0 {
			n = len(list)
		}
		p.gap()
		writeCause(p, list[:n], r)
		list = list[n:]
	}
	if more := r.Total - len(r.List); more > 0 {
		p.gap()
		p.line("%d more are not shown: usher failures APP shows those of one app.", more)
	}
}

// writeCause writes those who fail in one app for one reason.
func writeCause(p *page, list []provision.Failing, r admin.FailuresReply) {
	first := list[0]
	p.line("%s  %s", p.paint(bold, first.App), p.paint(red, first.Words))
	if first.Fix != "" {
		p.line("  → %s", first.Fix)
	}
	if first.Next.IsZero() {
		p.line("  %s", p.paint(dim, "not tried again by itself; then: usher retry "+first.App))
	}
	var t table
	for _, f := range list {
		who := r.People[f.Person]
		switch {
		case f.Team != "":
			who = "the team " + f.Team
		case who == "":
			who = f.Person.String()
		}
		next := "failed " + p.ago(f.At)
		if !f.Next.IsZero() {
			next = "next try now"
			if f.Next.After(p.now) {
				next = "next try " + p.when(f.Next)
			}
		}
		t.row(of(who), of(next), styled(dim, f.Text))
	}
	p.table(t, 2)
}

func newRetry(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "retry [APP] [USER]",
		Short: "Try what failed again, at once",
		Long: `Give what failed or waits for a retry in an app another try at once: everybody's, or one person's, who is named by
userName, e-mail address or id. With --all, in every app. It also starts an app again that had stopped. However many there
are, all of them are moved, and the command says how many.`,
		Example: "  usher retry gorgias\n  usher retry zoom kim@acme.example\n  usher retry --all",
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case all && len(args) > 0:
				return wrongUse("--all means every app; leave %q out", args[0])
			case !all && len(args) == 0:
				return wrongUse("APP is missing (--all means every app)")
			}
			return needs("[APP]", "[USER]")(cmd, args)
		},
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if all {
				reply, err := c.RetryAll(cmd.Context())
				if err != nil {
					return err
				}
				return a.print(reply.JSON, func(p *page) { writeRetried(p, "any app", reply.Value) })
			}
			user := ""
			if len(args) > 1 {
				user = args[1]
			}
			reply, err := c.Retry(cmd.Context(), args[0], user)
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeRetried(p, args[0], reply.Value) })
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "in every app")
	return cmd
}

func writeRetried(p *page, where string, r admin.RetryReply) {
	if r.Moved == 0 {
		p.line("Nothing in %s waits for another try.", where)
		return
	}
	parts := make([]string, 0, len(r.Apps))
	for _, app := range slices.Sorted(maps.Keys(r.Apps)) {
		parts = append(parts, fmt.Sprintf("%d in %s", r.Apps[app], app))
	}
	in := ""
	if len(parts) > 0 {
		in = " (" + strings.Join(parts, ", ") + ")"
	}
	p.line("%s another try now%s; usher status shows what becomes of it.", count(r.Moved, "piece of work gets", "pieces of work get"), in)
}
