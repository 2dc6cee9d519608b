package main

import (
	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/cmd/usher/demo"
)

func newDemo(a *app) *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play a week at a company, all of it on this machine",
		Long: `Play a week at Acme: a gateway and stand-ins of the vendors on loopback, and two identity providers that push to it as Okta and
Entra do. It shows what came in, what was decided and why, and what each vendor was told, then compares the vendors' accounts with
what they must be. It stays up, with addresses to look around, until Ctrl-C; with --once it ends after the comparison.`,
		Example: "  usher demo\n  usher demo --once",
		Args:    needs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo.Run(cmd.Context(), demo.Options{
				Out: a.stdout, Once: once, Colour: a.terminal.out && a.colourful(), Width: a.terminal.width, Version: a.version,
			})
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end after the comparison: code 0, or 1 when something differs")
	return cmd
}
