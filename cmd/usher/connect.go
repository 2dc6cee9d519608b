package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/connections"
)

func newConnect(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "connect NAME -f FILE",
		Short: "Connect a vendor's tenant, or change how",
		Long: `Connect a vendor's tenant under a name that the mapping uses. The file is YAML: "adapter:" and that
adapter's settings. The server proves the credentials first and keeps nothing when the vendor refuses them.

A secret is written as a reference that the server resolves, {env: NAME}, {file: PATH} or {secret: NAME}, or
in plain; then it is sealed into the server's store. When the host changes, secrets must be given again.
With "expires: 2027-03-31" people are told before the credentials end.`,
		Example: "  usher connect gorgias-prod -f gorgias.yaml\n  generate-settings | usher connect zoom-prod -f -",
		Args:    needs("NAME"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			settings, err := a.read(file)
			if err != nil {
				return err
			}
			reply, err := c.Connect(cmd.Context(), args[0], settings)
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeConnected(p, reply.Value) })
		}),
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "the settings; - for standard input")
	return cmd
}

func writeConnected(p *page, r admin.ConnectionReply) {
	p.line("%s reaches %s", p.paint(bold, r.Name), tenant(r.Identity.Name, r.Identity.Tenant))
	var f facts
	if len(r.Identity.Self) > 0 {
		f.add("signed in as", of(strings.Join(r.Identity.Self, ", ")+" (never touched by usher)"))
	}
	f.add("secrets go to", of(hosts(r.Connection)))
	if !r.Expires.IsZero() {
		f.add("they end on", of(r.Expires.UTC().Format(time.DateOnly)))
	}
	if len(r.Identity.Missing) > 0 {
		f.add("permissions", styled(yellow, "missing: "+strings.Join(r.Identity.Missing, ", ")),
			of("grant them at the vendor and connect again; what needs them fails until then"))
	}
	p.facts(f, 2)
	if r.Warning != "" {
		p.line("%s %s", p.paint(red, "Warning:"), r.Warning)
		return
	}
	p.line("Name it in the mapping as `connection: %s`; an app begins in `mode: observe` and changes nothing.", r.Name)
}

// tenant is a tenant as people call it, with the vendor's id where that says more.
func tenant(name, id string) string {
	switch {
	case name == "":
		return id
	case strings.Contains(name, id):
		return name
	default:
		return name + " (" + id + ")"
	}
}

// hosts lists each host once.
func hosts(c connections.Connection) string {
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(c.Hosts))), ", ")
}

func newConnections(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "connections",
		Short:   "List the connected tenants",
		Long:    "List the connections: which adapter, which tenant, where their secrets are sent to. Secrets are not shown.",
		Example: "  usher connections",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			reply, err := c.Connections(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeConnections(p, reply.Value) })
		}),
	}
}

func writeConnections(p *page, all []connections.Connection) {
	if len(all) == 0 {
		p.line("No tenant is connected yet: usher connect gorgias-prod -f gorgias.yaml")
		p.line("To try it without an account anywhere, run usher sandbox: it prints such files.")
		return
	}
	t := table{head: []string{"NAME", "ADAPTER", "TENANT", "HOSTS", "SAVED", "BY", ""}}
	for _, c := range all {
		note := ""
		if len(c.Missing) > 0 {
			note = "lacks " + strings.Join(c.Missing, ", ")
		}
		if !c.Expires.IsZero() {
			note = strings.TrimPrefix(note+"; ends on "+c.Expires.UTC().Format(time.DateOnly), "; ")
		}
		t.row(of(c.Name), of(c.Adapter), of(tenant(c.TenantName, c.Tenant)), of(hosts(c)), of(p.ago(c.Saved)), of(c.By), styled(yellow, note))
	}
	p.table(t, 0)
}
