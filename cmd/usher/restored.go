package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/provision"
)

func newRestored(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "restored",
		Short: "Show how far things are after a restore, and what would follow",
		Long: `After usher restore, show what is known of the time between the backup and the restore: which sources have pushed since, how each
vendor's accounts differ from what the backup knows, and what Usher would do in each app if it went on now. Nothing is
written to a vendor before usher resume --restored, or before every source is confirmed with usher source resynced.`,
		Example: "  usher restored",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			reply, err := c.Restored(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeRestored(p, reply.Value) })
		}),
	}
}

func newSourceResynced(a *app) *cobra.Command {
	var unchanged bool
	cmd := &cobra.Command{
		Use:   "resynced NAME",
		Short: "After a restore: say that a source has pushed everything anew",
		Long: `After usher restore, say that the identity provider has pushed all its users and groups anew. When that was said of every source,
and every app was compared with its vendor's accounts, Usher goes on by itself. usher restored shows what a source has changed
since; one that pushed everything as it was before has changed nothing, and needs --unchanged.`,
		Example: "  usher source resynced okta",
		Args:    needs("NAME"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := c.Resynced(cmd.Context(), args[0], unchanged); err != nil {
				return err
			}
			return a.print(value(map[string]string{"resynced": args[0]}), func(p *page) {
				p.line("%s counts as resynced. See what is left: usher restored", args[0])
			})
		}),
	}
	cmd.Flags().BoolVar(&unchanged, "unchanged", false, "it has pushed everything, and nothing was other than in the backup")
	return cmd
}

// resumeRestored are the flags of usher resume that end a restore.
type resumeRestored struct {
	restored, unchecked bool
	count               int
}

func (r *resumeRestored) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&r.restored, "restored", false, "after a restore: write to the vendors again")
	cmd.Flags().IntVar(&r.count, "count", 0, "with --restored: how many accounts that touches, as usher restored says")
	cmd.Flags().BoolVar(&r.unchecked, "unchecked", false, "with --restored: also where an app could not be compared with its vendor's accounts")
}

func (r *resumeRestored) run(cmd *cobra.Command, a *app, c *client.Client, f switchFlags, args []string) error {
	if len(args) > 0 || f.all || f.removals {
		return wrongUse("--restored stands alone")
	}
	if err := c.ResumeRestored(cmd.Context(), r.count, r.unchecked); err != nil {
		return err
	}
	return a.print(value(map[string]bool{"resumed": true}), func(p *page) {
		p.line("The restore is over: vendors are written to again. Budgets, holds and quiet times count as always.")
	})
}

func writeRestored(p *page, r admin.RestoredReply) {
	if !r.Restored {
		p.line("No restore waits to be ended.")
		return
	}
	s := r.Status
	p.line("%s", p.paint(red, fmt.Sprintf("Restored by %s %s from %s. Nothing is written to any vendor.", s.By, p.ago(s.At), s.File)))
	p.line("The backup knows nothing after %s. What administrators did since is not in it either: terminations, decisions on holds,", p.when(s.Newest))
	p.line("edits of the mapping, new tokens, erasures. Do those again.")
	if s.Kept != "" {
		p.line("%s", p.paint(dim, "The store of before is kept as "+s.Kept+"."))
	}
	p.gap()
	t := table{head: []string{"SOURCE", "CHANGES SINCE", "LAST", ""}}
	for _, src := range s.Sources {
		last, word := "never", styled(yellow, "usher source resynced "+src.Name)
		if !src.Last.IsZero() {
			last = p.ago(src.Last)
		}
		if src.Resynced != nil {
			word = styled(green, "resynced, says "+src.Resynced.By)
		}
		t.row(of(src.Name), of(fmt.Sprint(src.Changes)), of(last), word)
	}
	p.table(t, 0)
	for _, app := range s.Apps {
		p.gap()
		writeAftermath(p, app, r.People)
		for _, would := range s.Outlook {
			if would.App == app.App {
				writeWould(p, would)
			}
		}
	}
	p.gap()
	for _, w := range s.Waits {
		p.line("Waits: %s", w)
	}
	p.line("%s", p.paint(bold, fmt.Sprintf("To go on now: usher resume --restored --count %d", s.Total)))
}

func writeAftermath(p *page, a provision.Aftermath, names map[string]string) {
	p.line("%s", p.paint(bold, a.App))
	if !a.Done() {
		text := "being compared with the vendor's accounts"
		if a.Failed != "" {
			text = "could not be compared with the vendor's accounts: " + a.Failed
		}
		p.line("  %s", p.paint(yellow, text))
		return
	}
	p.line("  the vendor has %s", count(a.Listed, "account", "accounts"))
	for _, k := range []struct {
		t    provision.Tally
		what string
	}{
		{a.Adopted, "made after the backup, and taken into the ledger"},
		{a.Missing, "in the backup, and not there any more"},
		{a.Changed, "other than in the backup"},
		{a.Strange, "of people who came after the backup"},
	} {
		if k.t.Count == 0 {
			continue
		}
		var who []string
		for _, f := range k.t.First {
			name := names[f.Person.String()]
			if name == "" {
				name = f.Text
			}
			who = append(who, name)
		}
		p.line("  %d  %s: %s", k.t.Count, k.what, clipped(who, k.t.Count))
	}
	if a.Foreign > 0 {
		p.line("  %d  of nobody that Usher knows", a.Foreign)
	}
}

// clipped joins the first names of a list.
func clipped(names []string, total int) string {
	const most = 10
	shown := names[:min(most, len(names))]
	text := strings.Join(shown, ", ")
	if more := total - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func writeWould(p *page, w provision.Outlook) {
	for _, k := range []struct {
		t    provision.Tally
		what string
	}{{w.Create, "would get an account"}, {w.Change, "would be changed"}, {w.Delete, "would lose it"}, {w.Suspend, "would lose the sign-in"}, {w.Demote, "would get the weakest role"}, {w.Return, "would return"}, {w.Failing, "cannot be judged"}} {
		if k.t.Count == 0 {
			continue
		}
		var who []string
		for _, f := range k.t.First {
			who = append(who, f.UserName)
		}
		p.line("  → %d %s: %s", k.t.Count, k.what, clipped(who, k.t.Count))
	}
}
