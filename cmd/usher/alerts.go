package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/alerts"
	"github.com/usher-scim/usher/cmd/usher/client"
)

func newAlerts(a *app) *cobra.Command {
	var limit int
	cmd := group(&cobra.Command{
		Use:   "alerts",
		Short: "List the last alerts, and whether they got through",
		Long: `List the last alerts, the newest first: what people were told, on which channel it was delivered, and why one waits. Channels
are settings of the server (alerts: in usher.yaml); docs/alerts.md says what is told.`,
		Example:     "  usher alerts\n  usher alerts --limit 100 --output json",
		Annotations: map[string]string{aloneToo: "yes"},
	}, newAlertsTest(a))
	cmd.RunE = a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		if limit < 0 {
			return wrongUse("--limit: it is a number from 1 on")
		}
		reply, err := c.Alerts(cmd.Context(), limit)
		if err != nil {
			return err
		}
		return a.print(reply.JSON, func(p *page) { writeAlerts(p, reply.Value) })
	})
	cmd.Flags().IntVar(&limit, "limit", 0, "how many; without it 20, at most 1000")
	return cmd
}

func newAlertsTest(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "test",
		Short: "Send a test to every channel, and say what became of it",
		Long: `Send one test to every channel that is set, now and once, and say of each whether it took it. The command fails when one did
not, or when there is none.`,
		Example: "  usher alerts test",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			reply, err := c.TestAlerts(cmd.Context())
			if err != nil {
				return err
			}
			if len(reply.Value) == 0 {
				return &refusedError{"no channel is set: set alerts: in usher.yaml and restart the server (docs/alerts.md)"}
			}
			if err := a.print(reply.JSON, func(p *page) { writeOutcomes(p, reply.Value) }); err != nil {
				return err
			}
			for _, o := range reply.Value {
				if !o.Sent {
					return errors.New("a channel did not take the test: " + o.Channel)
				}
			}
			return nil
		}),
	}
}

func writeOutcomes(p *page, all []alerts.Outcome) {
	var t table
	for _, o := range all {
		outcome := styled(green, "sent")
		if !o.Sent {
			outcome = styled(red, o.Error)
		}
		t.row(styled(bold, o.Channel), of(o.Target), outcome)
	}
	p.table(t, 0)
}

func writeAlerts(p *page, r admin.AlertsReply) {
	writeChannels(p, r.Channels)
	if len(r.Alerts) == 0 {
		p.gap()
		p.line("There was nothing to tell.")
		return
	}
	for _, alert := range r.Alerts {
		p.gap()
		p.line("%s  %s", p.paint(dim, p.when(alert.At)), p.paint(bold, alert.Title))
		if len(alert.Persons) > 0 {
			names := make([]string, len(alert.Persons))
			for i, id := range alert.Persons {
				if names[i] = r.People[id]; names[i] == "" {
					names[i] = id.String()
				}
			}
			p.line("  %s", strings.Join(names, ", "))
		}
		for _, command := range alert.Commands {
			p.line("  → %s", command)
		}
		var t table
		for _, d := range alert.Deliveries {
			t.row(of(d.Channel), deliveryWords(p, d))
		}
		if len(alert.Deliveries) == 0 {
			t.row(of(""), styled(yellow, "nobody was told: no channel was set"))
		}
		p.table(t, 2)
	}
}

func deliveryWords(p *page, d alerts.Delivery) cell {
	switch d.State {
	case alerts.Delivered:
		return styled(green, "delivered "+p.ago(d.Ended))
	case alerts.GivenUp:
		return styled(red, "given up "+p.ago(d.Ended)+": "+d.Error)
	default:
		if d.Error == "" {
			return of("waits to be sent")
		}
		return styled(yellow, fmt.Sprintf("waits after %s, next %s: %s", count(d.Attempts, "try", "tries"), p.when(d.Due), d.Error))
	}
}

// writeChannels says on which ways people are told, where that is worth a word: there is none, or one does not get through.
func writeChannels(p *page, all []alerts.ChannelStatus) {
	if len(all) == 0 {
		p.gap()
		p.line("%s", p.paint(yellow, "Nobody is told when a removal is held or late: no channel for alerts is set (alerts: in usher.yaml)."))
		return
	}
	for _, c := range all {
		if c.Error == "" {
			continue
		}
		p.gap()
		p.line("%s", p.paint(red, fmt.Sprintf("Alerts by %s do not get through: %s since %s: %s", c.Name, count(c.Waiting, "waits", "wait"), p.clock(c.Since), c.Error)))
	}
}
