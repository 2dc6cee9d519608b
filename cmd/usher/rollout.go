package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
)

func newRollout(a *app) *cobra.Command {
	var e edit
	var reason string
	cmd := &cobra.Command{
		Use:   "rollout [SHARE | all | stop | resume]",
		Short: "See how a version of the mapping does that only some follow, and let it reach more",
		Long: `Without an argument, show who follows the version that usher apply --ring began with, and how they do.

  usher rollout 5%        five of a hundred follow it as well; a larger share takes in everybody of a smaller one
  usher rollout all       it is in force for all, and the rollout is over
  usher rollout stop      it reaches nobody further; who follows it goes on following it
  usher rollout resume    after a stop: it may reach more again
  usher rollback          take it back: everybody follows the version before it

A wider ring is shown and confirmed as usher apply does. It stops by itself when more than 3 people of the ring, or 5 of a
hundred where those are more, fail or are held because of the new version; then you decide.`,
		Example: "  usher rollout\n  usher rollout 5%\n  usher rollout stop --reason 'the new roles are wrong'\n  usher rollout all",
		Args:    needs("[SHARE | all | stop | resume]"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if reason != "" && (len(args) == 0 || args[0] != "stop") {
				return wrongUse("--reason goes with stop")
			}
			if len(args) == 0 {
				reply, err := c.Rollout(cmd.Context())
				if err != nil {
					return err
				}
				return a.print(reply.JSON, func(p *page) { writeRollout(p, reply.Value) })
			}
			switch args[0] {
			case "stop":
				if strings.TrimSpace(reason) == "" {
					return wrongUse("--reason is missing: it is what status and audit show")
				}
				reply, err := c.StopRollout(cmd.Context(), reason)
				return a.turned(reply, err, "Stopped: version %d reaches nobody further. To go on: usher rollout resume; to take it back: usher rollback.")
			case "resume":
				reply, err := c.ResumeRollout(cmd.Context())
				return a.turned(reply, err, "The rollout of version %d goes on. For more people: usher rollout 5%%, in the end usher rollout all.")
			}
			to := args[0]
			if _, err := mapping.ParseShare(to); err != nil && to != "all" {
				return wrongUse("%v; or all, stop, resume", err)
			}
			e.plan = func(ctx context.Context) (client.Reply[admin.PlanReply], error) { return c.PlanRollout(ctx, to) }
			e.do = func(ctx context.Context, conditions client.Edit) ([]byte, string, error) {
				reply, err := c.WidenRollout(ctx, to, conditions)
				ro := reply.Value
				if to == "all" {
					return reply.JSON, fmt.Sprintf("Version %d is in force.", ro.Version), err
				}
				return reply.JSON, fmt.Sprintf("Version %d is in force for %s.", ro.Version, ro.Ring), err
			}
			return a.edit(cmd.Context(), e)
		}),
	}
	cmd.Flags().BoolVar(&e.yes, "yes", false, "go on though people lose accounts")
	cmd.Flags().StringVar(&reason, "reason", "", "with stop: why, for status and audit")
	return cmd
}

func (a *app) turned(r client.Reply[versions.Rollout], err error, words string) error {
	if err != nil {
		return err
	}
	return a.print(r.JSON, func(p *page) { p.line(words, r.Value.Version) })
}

func writeRollout(p *page, r admin.RolloutReply) {
	if r.Rollout == nil {
		p.line("Version %d is in force for everybody. To begin with some: usher apply -f mapping.yaml --ring GROUP", r.Version)
		return
	}
	ro := *r.Rollout
	writeRolloutLines(p, ro)
	p.line("Everybody else follows version %d.", ro.InForce)
	for _, t := range ro.Troubles {
		who := r.People[t.Person]
		if who == "" {
			who = t.Person.String()
		}
		p.line("  %s in %s: %s", p.paint(bold, who), t.App, p.paint(red, t.Text))
	}
	if more := ro.InTrouble - len(ro.Troubles); more > 0 {
		p.line("  and %d more", more)
	}
}

// writeRolloutLines tells a rollout and what can be done, on top of a page or alone.
func writeRolloutLines(p *page, ro provision.RolloutStatus) {
	words := ro.RolloutWords()
	p.line("%s", p.paint(bold, strings.ToUpper(words[:1])+words[1:]+"."))
	if ro.Stopped != nil {
		p.line("%s", p.paint(red, fmt.Sprintf("It was stopped by %s %s: %s", orUsher(ro.Stopped.By.Name), p.ago(ro.Stopped.At), ro.Stopped.Why)))
		p.line("  → to let it go on: usher rollout resume; to take it back: usher rollback")
		return
	}
	p.line("  → for more people: usher rollout 5%%, in the end usher rollout all; to take it back: usher rollback")
}
