package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/provision"
)

func newReconcile(a *app) *cobra.Command {
	var noWait bool
	cmd := &cobra.Command{
		Use:   "reconcile APP",
		Short: "Compare an app with its own list of accounts, now",
		Long: `Compare what usher keeps of an app with the app's own list of accounts, as it happens once a day by itself, and tell
what differs. What follows from it the mapping says under "drift:"; nothing is ever removed because it is extra, and a
list that ends early or lacks too much corrects nothing. It waits for the result; large apps take minutes.`,
		Example: "  usher reconcile gorgias\n  usher reconcile zoom --no-wait",
		Args:    needs("APP"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			reply, err := c.Reconcile(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if !noWait {
				if reply, err = awaitRun(cmd.Context(), c, args[0], reply.Value.Requested); err != nil {
					return err
				}
			}
			return a.print(reply.JSON, func(p *page) { writeRun(p, reply.Value, noWait) })
		}),
	}
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "ask for it, and do not wait for the result")
	return cmd
}

// runPoll is how often a run is looked at that is waited for.
const runPoll = 200 * time.Millisecond

// awaitRun waits for a run that began after it was asked for.
func awaitRun(ctx context.Context, c *client.Client, app string, asked time.Time) (client.Reply[provision.Reconciliation], error) {
	next := time.NewTicker(runPoll)
	defer next.Stop()
	for {
		reply, err := c.Reconciliation(ctx, app)
		if err != nil {
			return reply, err
		}
		if rec := reply.Value; !rec.Started.Before(asked) && rec.State != provision.RunGoing && !rec.Ended.IsZero() {
			return reply, nil
		}
		select {
		case <-ctx.Done():
			return reply, ctx.Err()
		case <-next.C:
		}
	}
}

func writeRun(p *page, rec provision.Reconciliation, noWait bool) {
	switch {
	case noWait:
		p.line("%s is compared with its own list; usher drift %s shows what differs.", rec.App, rec.App)
		return
	case rec.State == provision.RunDone:
		p.line("%s lists %s; usher keeps %d of them.", rec.App, count(rec.Listed, "account", "accounts"), rec.Known)
	default:
		p.line("%s", p.paint(yellow, fmt.Sprintf("%s: %s", rec.App, rec.Text)))
		if rec.Fix != "" {
			p.line("→ %s", rec.Fix)
		}
	}
	var t table
	for _, kind := range provision.DriftKinds() {
		if n := rec.Found[kind]; n > 0 {
			t.row(of(fmt.Sprint(n)), of(string(kind)), styled(dim, kindWords(kind)))
		}
	}
	p.table(t, 2)
	if rec.Mode == mapping.Observe && rec.State == provision.RunDone {
		p.line("Observing: %d adopted as they are, %d left alone, %s.", rec.Followed, rec.Left, count(rec.Asks, "needs a decision", "need a decision"))
		return
	}
	if len(rec.Found) == 0 && rec.State == provision.RunDone {
		p.line("Nothing differs.")
		return
	}
	if rec.Untold > 0 {
		p.line("%d more are not kept; they are when there are fewer.", rec.Untold)
	}
	p.line("%s", p.paint(dim, fmt.Sprintf("%d handed to the queue or adopted, %s; usher drift %s shows which", rec.Followed, count(rec.Asks, "needs a decision", "need a decision"), rec.App)))
}

// kindWords tells what a kind of drift is.
func kindWords(k provision.DriftKind) string {
	switch k {
	case provision.DriftReturned:
		return "back, though the person has left"
	case provision.DriftLeaver:
		return "of somebody who has left, never kept by usher"
	case provision.DriftMissing:
		return "not there any more"
	case provision.DriftSuspended:
		return "suspended by somebody else"
	case provision.DriftChanged:
		return "changed there"
	case provision.DriftDuplicated:
		return "a further account of somebody"
	case provision.DriftUnlinked:
		return "of somebody entitled, not kept yet"
	case provision.DriftExtra:
		return "of somebody who is not entitled"
	case provision.DriftForeign:
		return "of nobody in the directory"
	default:
		return ""
	}
}

func newDrift(a *app) *cobra.Command {
	var f client.DriftFilter
	var kind string
	cmd := &cobra.Command{
		Use:   "drift [APP]",
		Short: "List in what the apps differ from what usher keeps",
		Long: `List what the last comparison of the apps with their own lists of accounts found: accounts that are missing, changed
or suspended, that came back, that nobody here is entitled to. Each line says what became of it.`,
		Example: "  usher drift\n  usher drift zoom --kind changed",
		Args:    needs("[APP]"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if len(args) > 0 {
				f.App = args[0]
			}
			f.Kind = provision.DriftKind(kind)
			if kind != "" && !slices.Contains(provision.DriftKinds(), f.Kind) {
				return wrongUse("--kind: %q is not one of %s", kind, driftKinds())
			}
			reply, err := c.Drift(cmd.Context(), f)
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeDrift(p, reply.Value) })
		}),
	}
	cmd.Flags().StringVar(&kind, "kind", "", "of this kind alone: "+driftKinds())
	cmd.Flags().BoolVar(&f.All, "all", false, "what is ignored, adopted or settled as well")
	return cmd
}

func driftKinds() string {
	var names []string
	for _, k := range provision.DriftKinds() {
		names = append(names, string(k))
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

func writeDrift(p *page, all []admin.DriftReply) {
	if len(all) == 0 {
		p.line("Nothing differs.")
		return
	}
	t := table{head: []string{"ID", "APP", "KIND", "STATE", "ACCOUNT", "PERSON", "SINCE", "WHAT"}}
	for _, d := range all {
		c := yellow
		if !d.State.Open() {
			c = dim
		}
		t.row(styled(bold, d.ID), of(d.App), of(string(d.Kind)), styled(c, string(d.State)), of(accountOf(d)), of(d.Who), of(p.ago(d.Since)), of(d.Text))
	}
	p.table(t, 0)
	p.line("%s", p.paint(dim, count(len(all), "difference", "differences")+"; usher correct ID corrects one, usher link and usher ignore say whose an account is"))
}

func accountOf(d admin.DriftReply) string {
	if d.Email != "" {
		return d.Email
	}
	return d.VendorID
}

func newCorrect(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "correct ID",
		Short: "Correct one difference, whatever the mapping says of its kind",
		Long: `Make an account that differs as it should be, also where the mapping only reports such a difference, or where the
app's side turned it back so often that usher left it alone. Budgets and holds count as always. The ids are those of
usher drift.`,
		Example: "  usher correct k3f9a2x",
		Args:    needs("ID"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			reply, err := c.Correct(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) {
				if reply.Value.State == provision.DriftFound {
					p.line("%s is worked on at this moment; the next comparison judges it anew.", args[0])
					return
				}
				p.line("%s is corrected; usher status shows what becomes of it.", args[0])
			})
		}),
	}
}
