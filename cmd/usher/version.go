package main

import (
	"runtime"

	"github.com/spf13/cobra"
)

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program",
		Long:    "Print the version of this program. It asks no server.",
		Example: "  usher version --output json",
		Args:    needs(),
		RunE: func(*cobra.Command, []string) error {
			return a.print(value(map[string]string{"version": a.version, "go": runtime.Version()}), func(p *page) {
				p.line("usher %s (%s, %s/%s)", a.version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			})
		},
	}
}
