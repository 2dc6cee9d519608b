package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/cmd/usher/gateway"
	"github.com/usher-scim/usher/config"
)

func newRestore(a *app) *cobra.Command {
	var yes bool
	cmd := withSettings(&cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in place of the store, while no server runs",
		Long: `Put a backup in place of the store in the data folder, while no server runs. First it is read whole, and the key file
is tried on it; then the command shows what is in it and what is there now. Only with --yes is anything changed: the present
store is kept beside it under another name, and a copy of the backup takes its place, or nothing changes.

The server then starts with all writes to vendors paused, as the backup does not know what happened after it: usher
restored shows how far things are, usher source resynced and usher resume --restored let it go on.`,
		Example: "  usher restore /backups/usher-2026-03-02.db\n  usher restore /backups/usher-2026-03-02.db --yes",
		Args:    needs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.config(cmd)
			if err != nil {
				return err
			}
			return a.restore(cmd.Context(), cfg, args[0], yes)
		},
	})
	cmd.Flags().BoolVar(&yes, "yes", false, "put it in place")
	return cmd
}

func (a *app) restore(ctx context.Context, cfg config.Config, file string, yes bool) error {
	if _, err := os.Stat(file); err != nil {
		return &usageError{err: err}
	}
	r, err := gateway.OpenRestore(ctx, cfg, file, a.now)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &refusedError{strings.ReplaceAll(err.Error(), "\n", "; ") + "; nothing changed"}
	}
	defer func() { _ = r.Close() }()
	if !yes {
		if err := a.print(value(map[string]any{"plan": r}), func(p *page) { writeRestorePlan(p, r) }); err != nil {
			return err
		}
		return &unconfirmedError{"look at it and run this again with --yes; nothing changed"}
	}
	kept, err := r.Carry(ctx, a.user)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return a.print(value(map[string]any{"restored": file, "kept": kept}), func(p *page) {
		p.line("%s is in place.", file)
		if kept != "" {
			p.line("The store of before is kept in %s as %s.", cfg.Data, kept)
		}
		p.line("Start the server: it writes to no vendor before you say so. Then: usher restored")
	})
}

func writeRestorePlan(p *page, r *gateway.Restore) {
	writeContent(p, "The backup", r.Backup)
	p.gap()
	switch {
	case r.Present != nil:
		writeContent(p, "The present store, which would be kept under another name", *r.Present)
	case r.Unreadable != "":
		p.line("The present store cannot be read (%s). It would be kept under another name.", r.Unreadable)
	default:
		p.line("There is no store in the data folder.")
	}
}

func writeContent(p *page, title string, c gateway.Content) {
	p.line("%s: %s, %s", p.paint(bold, title), c.File, size(c.Bytes))
	newest := "nothing yet"
	if !c.Newest.IsZero() {
		newest = p.when(c.Newest)
	}
	p.line("  knows of what happened until  %s", newest)
	p.line("  people %d, groups %d, mapping version %d", c.People, c.Groups, c.Mapping)
	p.line("  sources   %s", orNone(c.Sources))
	var apps []string
	for _, app := range slices.Sorted(maps.Keys(c.Accounts)) {
		apps = append(apps, fmt.Sprintf("%s %d", app, c.Accounts[app]))
	}
	p.line("  accounts  %s", orNone(apps))
}

func orNone(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}
