package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/provision"
)

func newHolds(a *app) *cobra.Command {
	var f client.HoldFilter
	var kind string
	cmd := &cobra.Command{
		Use:   "holds",
		Short: "List what waits for a person's decision",
		Long: `List what is held, and why: removals over the budget, reductions of adopted accounts, leavers whose data nobody
can receive, accounts that are somebody else's. Everything else goes on meanwhile.`,
		Example: "  usher holds\n  usher holds --app gorgias --kind budget",
		Args: func(cmd *cobra.Command, args []string) error {
			if err := checkKind(kind); err != nil {
				return err
			}
			return needs()(cmd, args)
		},
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			f.Kind = provision.HoldKind(kind)
			reply, err := c.Holds(cmd.Context(), f)
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeHolds(p, reply.Value, f) })
		}),
	}
	cmd.Flags().StringVar(&f.App, "app", "", "of this app alone")
	cmd.Flags().StringVar(&kind, "kind", "", "of this kind alone: "+holdKinds())
	cmd.Flags().StringVar(&f.Source, "source", "", "what this source caused alone; admin:NAME for an administrator")
	cmd.Flags().BoolVar(&f.All, "all", false, "decided and closed ones as well")
	return cmd
}

// holdKinds lists the kinds for people, as --kind takes them.
func holdKinds() string {
	all := provision.HoldKinds()
	names := make([]string, len(all))
	for i, k := range all {
		names[i] = string(k)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// checkKind refuses a kind of holds that does not exist: a list of it would be empty, as if nothing were held.
func checkKind(kind string) error {
	if kind != "" && !slices.Contains(provision.HoldKinds(), provision.HoldKind(kind)) {
		return wrongUse("--kind: %q is not one of %s", kind, holdKinds())
	}
	return nil
}

func writeHolds(p *page, all []admin.HoldReply, f client.HoldFilter) {
	if len(all) == 0 {
		where := ""
		if f.App != "" {
			where = " in " + f.App
		}
		p.line("Nothing is held%s.", where)
		return
	}
	type question struct {
		app, text, fix string
		leaver         bool
	}
	var order []question
	same := map[question][]admin.HoldReply{}
	for _, h := range all {
		q := question{h.App, h.Text, h.Fix, h.Leaver && h.State == provision.HoldOpen}
		if same[q] == nil {
			order = append(order, q)
		}
		same[q] = append(same[q], h)
	}
	decidable := false
	for _, q := range order {
		p.gap()
		first := same[q][0]
		title := q.app + " · " + string(first.Kind)
		if first.Work != "" && first.Kind == provision.HoldBudget {
			title += " · " + string(first.Work)
		}
		if q.leaver {
			title += " · deactivated"
		}
		p.line("%s  %s", p.paint(bold, title), q.text)
		var t table
		for _, h := range same[q] {
			cause := ""
			if h.SourceName != "" {
				cause = "by " + h.SourceName
			}
			if h.Yours {
				cause = "by you"
			}
			t.row(styled(bold, h.ID), of(who(h)), of(p.ago(h.Opened)), styled(dim, cause), decision(p, h))
			decidable = decidable || (h.State == provision.HoldOpen && h.Kind.Approvable())
		}
		p.table(t, 2)
		if q.leaver {
			p.line("  → %s", p.paint(red, leaverFix(same[q]...)))
			continue
		}
		if q.fix != "" && first.State == provision.HoldOpen {
			p.line("  → %s", q.fix)
		}
	}
	p.gap()
	p.line("%s", summary(all))
	if decidable {
		p.line("%s", p.paint(dim, "usher approve ID… lets it go on, usher reject ID… leaves it as it is; --app APP --all takes all of an app"))
	}
}

// leaverFix says how to shut out those who were deactivated and are held only because others are.
func leaverFix(leavers ...admin.HoldReply) string {
	ids := make([]string, len(leavers))
	for i, h := range leavers {
		ids[i] = h.ID
	}
	whom := "this person"
	if len(leavers) > 1 {
		whom = "these people"
	}
	return "still inside only because others are held: usher approve " + strings.Join(ids, " ") + " shuts " + whom + " out now"
}

func who(h admin.HoldReply) string {
	if h.Who != "" {
		return h.Who
	}
	return h.Person.String()
}

func decision(p *page, h admin.HoldReply) cell {
	switch h.State {
	case provision.HoldApproved:
		return styled(green, fmt.Sprintf("approved by %s %s", orUsher(h.By), p.ago(h.Decided)))
	case provision.HoldRejected:
		return styled(yellow, fmt.Sprintf("rejected by %s %s", orUsher(h.By), p.ago(h.Decided)))
	case provision.HoldClosed:
		return styled(dim, "closed "+p.ago(h.Decided))
	default:
		return of("")
	}
}

func orUsher(name string) string {
	if name == "" {
		return "usher"
	}
	return name
}

// summary counts the open holds by app and kind.
func summary(all []admin.HoldReply) string {
	open, decidable := 0, 0
	for _, h := range all {
		if h.State != provision.HoldOpen {
			continue
		}
		open++
		if h.Kind.Approvable() {
			decidable++
		}
	}
	switch {
	case open == 0:
		return "None of these is open."
	case decidable == open:
		return count(open, "waits", "wait") + " for a decision."
	case decidable == 0:
		return count(open, "goes", "go") + " away when the cause is put right; there is nothing to approve."
	default:
		return fmt.Sprintf("%s for a decision; %s away when the cause is put right.", count(decidable, "waits", "wait"), count(open-decidable, "goes", "go"))
	}
}

// selection says which holds a decision is about.
type selection struct {
	app    string
	kind   string
	source string
	all    bool
}

func (s *selection) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.app, "app", "", "with --all: the app")
	cmd.Flags().StringVar(&s.kind, "kind", "", "with --all: this kind alone: "+holdKinds())
	cmd.Flags().StringVar(&s.source, "source", "", "with --app: all that this source caused there; admin:NAME for an administrator")
	cmd.Flags().BoolVar(&s.all, "all", false, "all open holds of the app that can be decided, but for undone ones: these with --kind undone")
}

// args accepts ids, or --app and --all, and not both.
func (s *selection) args(_ *cobra.Command, ids []string) error {
	if err := checkKind(s.kind); err != nil {
		return err
	}
	switch {
	case s.source != "" && len(ids) > 0:
		return wrongUse("give ids, or --app APP --source SOURCE, not both")
	case s.source != "" && s.app == "":
		return wrongUse("--app is missing: --source takes what it caused in one app")
	case s.all && len(ids) > 0:
		return wrongUse("give ids, or --app APP --all, not both")
	case s.all && s.app == "":
		return wrongUse("--app is missing: --all takes all holds of one app")
	case !s.many() && (s.app != "" || s.kind != ""):
		return wrongUse("--app and --kind go with --all")
	case !s.many() && len(ids) == 0:
		return wrongUse("ID is missing: usher holds lists them")
	}
	return nil
}

// many reports whether a whole batch is meant.
func (s *selection) many() bool { return s.all || s.source != "" }

// pick returns the ids that are meant.
func (s *selection) pick(cmd *cobra.Command, c *client.Client, ids []string) ([]string, error) {
	if !s.many() {
		return ids, nil
	}
	reply, err := c.Holds(cmd.Context(), client.HoldFilter{App: s.app, Kind: provision.HoldKind(s.kind), Source: s.source})
	if err != nil {
		return nil, err
	}
	for _, h := range reply.Value {
		// What somebody undid is let go only when it is named: whoever lets a burst of removals go did not mean that.
		if h.Kind.Approvable() && (h.Kind != provision.HoldUndone || s.kind != "") {
			ids = append(ids, h.ID)
		}
	}
	if len(ids) == 0 {
		return nil, &refusedError{"no open hold in " + s.app + " can be decided: usher holds --app " + s.app + " shows what there is"}
	}
	return ids, nil
}

func newApprove(a *app) *cobra.Command {
	var s selection
	var yes, withoutTransfer bool
	var typed int
	cmd := &cobra.Command{
		Use:   "approve ID... | --app APP --all | --app APP --source SOURCE",
		Short: "Let what is held go on",
		Long: `Let what is held go on: a removal is carried out, an adopted account reduced, a refused call tried again. For a whole batch,
with --all or --source, it asks you to type the number of holds, so that nobody lets 300 go who thought of three;
--count gives the number without a terminal, and --yes waives it.

What you caused yourself needs somebody else's approval where the setting administrators lists two people or more. With
fewer it asks you to type the count, also for a single one.

For a leaver whose data nobody can receive, it looks for a receiver again; --without-transfer removes the account and loses the data.`,
		Example: "  usher approve k3f9a2x\n  usher approve --app gorgias --all --kind budget\n  usher approve --app zoom --source okta --count 47",
		Args:    s.args,
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if withoutTransfer && s.all {
				s.kind = string(provision.HoldTransfer)
			}
			ids, err := s.pick(cmd, c, args)
			if err != nil {
				return err
			}
			ask := s.many()
			if !ask && typed == 0 {
				if ask, err = yours(cmd, c, ids); err != nil {
					return err
				}
			}
			switch {
			case typed != 0 && typed != len(ids):
				return &refusedError{fmt.Sprintf("--count says %d, but these are %s; nothing was approved", typed, count(len(ids), "hold", "holds"))}
			case typed == 0 && ask && !yes:
				where := ""
				if s.app != "" {
					where = " of " + s.app
				}
				if err := a.confirm(cmd.Context(), len(ids), count(len(ids), "hold", "holds")+where+" would be approved", false); err != nil {
					return err
				}
			}
			if ask {
				typed = len(ids)
			}
			return a.decide(ids, "approved: the work goes on", func(id string) (client.Reply[provision.Hold], error) {
				return c.Approve(cmd.Context(), id, withoutTransfer, typed)
			})
		}),
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask for the number")
	cmd.Flags().IntVar(&typed, "count", 0, "how many holds you mean; nothing is approved if there are more or fewer")
	cmd.Flags().BoolVar(&withoutTransfer, "without-transfer", false, "remove the account and lose its data, where nobody can receive it")
	return cmd
}

// yours reports whether one of the holds follows from what the caller did.
func yours(cmd *cobra.Command, c *client.Client, ids []string) (bool, error) {
	reply, err := c.Holds(cmd.Context(), client.HoldFilter{})
	if err != nil {
		return false, err
	}
	for _, h := range reply.Value {
		if h.Yours && slices.Contains(ids, h.ID) {
			return true, nil
		}
	}
	return false, nil
}

func newReject(a *app) *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use:     "reject ID... | --app APP --all | --app APP --source SOURCE",
		Short:   "Leave what is held as it is",
		Long:    "Leave accounts as they are, until the facts behind the hold change: then the question comes anew.",
		Example: "  usher reject k3f9a2x\n  usher reject --app gorgias --all",
		Args:    s.args,
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			ids, err := s.pick(cmd, c, args)
			if err != nil {
				return err
			}
			return a.decide(ids, "rejected: what was held is left as it is", func(id string) (client.Reply[provision.Hold], error) { return c.Reject(cmd.Context(), id) })
		}),
	}
	s.flags(cmd)
	return cmd
}

// decide decides one hold after the other. One that is refused does not keep the others from being decided.
func (a *app) decide(ids []string, word string, one func(id string) (client.Reply[provision.Hold], error)) error {
	var done []client.Reply[provision.Hold]
	var failed []error
	for _, id := range ids {
		reply, err := one(id)
		if err == nil {
			done = append(done, reply)
			continue
		}
		failed = append(failed, err)
		var api *client.Error
		if !errors.As(err, &api) {
			break // the server is gone; what is said next would be the same
		}
	}
	if len(done) == 0 && len(failed) == 1 {
		return failed[0]
	}
	raw := make([]string, len(done))
	for i, d := range done {
		raw[i] = string(d.JSON)
	}
	err := a.print([]byte("["+strings.Join(raw, ",")+"]"), func(p *page) {
		switch len(done) {
		case 0:
		case 1:
			p.line("%s %s.", done[0].Value.ID, word)
		default:
			p.line("%s %s.", count(len(done), "hold", "holds"), word)
		}
	})
	for _, e := range failed[:max(len(failed)-1, 0)] {
		a.exit(e)
	}
	if len(failed) > 0 {
		return failed[len(failed)-1]
	}
	return err
}
