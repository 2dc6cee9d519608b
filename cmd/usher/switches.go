package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/provision"
)

// switchFlags name what is paused or resumed.
type switchFlags struct{ removals, all bool }

func (f *switchFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.removals, "removals", false, "the removals of every app")
	cmd.Flags().BoolVar(&f.all, "all", false, "all work at every vendor")
}

// target is what the arguments and flags name: one of three.
func (f *switchFlags) target(args []string) (client.Switch, error) {
	named := 0
	for _, on := range []bool{len(args) > 0, f.removals, f.all} {
		if on {
			named++
		}
	}
	switch {
	case named != 1:
		return client.Switch{}, wrongUse("name one: an APP, --removals or --all")
	case f.removals:
		return client.Switch{Kind: provision.PauseRemovals}, nil
	case f.all:
		return client.Switch{Kind: provision.PauseWrites}, nil
	default:
		return client.Switch{Kind: provision.PauseApp, App: args[0]}, nil
	}
}

func newPause(a *app) *cobra.Command {
	var f switchFlags
	var reason string
	var length time.Duration
	cmd := &cobra.Command{
		Use:   "pause [APP] --reason TEXT",
		Short: "Stop work at one app, all removals, or everything, until it is resumed",
		Long: `Stop work by hand. It queues up, and goes on with usher resume, or by itself after --for. Nothing starts after the command
has answered; a call that is at a vendor at that moment ends.

  usher pause APP          nothing is sent to this app, whatever its mode in the mapping is
  usher pause --removals   no account of any app is demoted, suspended or ended; new accounts, changes, and people who are
                           terminated (usher terminate) go on
  usher pause --all        no work starts at any vendor, not even for a termination

Removals that came in meanwhile pass the budget together when it goes on.`,
		Example: "  usher pause --removals --for 2h --reason 'incident 12'",
		Args:    needs("[APP]"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			what, err := f.target(args)
			if err != nil {
				return err
			}
			if strings.TrimSpace(reason) == "" {
				return wrongUse("--reason is missing: it is what status and audit show")
			}
			if length == 0 && cmd.Flags().Changed("for") {
				return wrongUse("--for is a length of time such as 30m, 2h or 3d")
			}
			reply, err := c.Pause(cmd.Context(), what, reason, length)
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) {
				p.line("%s.", switchWords(p, reply.Value))
				p.line("%s", p.paint(dim, "To go on: "+reply.Value.Command()))
			})
		}),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for status and audit: a ticket, an incident")
	cmd.Flags().Var(span{&length}, "for", "go on by itself after this time, such as 2h or 3d; without it, only by usher resume")
	return cmd
}

func newResume(a *app) *cobra.Command {
	var f switchFlags
	var after resumeRestored
	cmd := &cobra.Command{
		Use:   "resume [APP]",
		Short: "Let work go on that was paused by hand",
		Long: `Let work go on that usher pause stopped. What queued up meanwhile is done now; removals pass the budget together.

After usher restore, --restored lets the vendors be written to again. Look at usher restored first: it says what would follow, and
--count is how many accounts that touches.`,
		Example: "  usher resume gorgias\n  usher resume --removals\n  usher resume --restored --count 12",
		Args:    needs("[APP]"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if after.restored {
				return after.run(cmd, a, c, f, args)
			}
			what, err := f.target(args)
			if err != nil {
				return err
			}
			reply, err := c.Resume(cmd.Context(), what)
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) {
				p.line("%s not paused any more, since %s.", reply.Value.What(), p.clock(p.now))
			})
		}),
	}
	f.add(cmd)
	after.add(cmd)
	return cmd
}

// pausedWhat names what a fact says was paused.
func pausedWhat(kind, app string) string {
	switch provision.SwitchKind(kind) {
	case provision.PauseApp:
		return app
	case provision.PauseRemovals:
		return "the removals of every app"
	default:
		return "all work at the vendors"
	}
}

// switchWords says what is paused, by whom, how long and why, without a full stop.
func switchWords(p *page, s provision.Switch) string {
	words := s.What() + " paused by " + s.By
	if s.Until.IsZero() {
		words += " since " + p.clock(s.Since)
	} else {
		words += " until " + p.clock(s.Until)
	}
	return words + ": " + s.Reason
}

// writeSwitches puts what is paused at the top of a page.
func writeSwitches(p *page, all []provision.Switch) {
	for _, s := range all {
		p.line("%s", p.paint(red, switchWords(p, s)))
		p.line("  → to go on: %s", s.Command())
	}
	if len(all) > 0 {
		p.gap()
	}
}
