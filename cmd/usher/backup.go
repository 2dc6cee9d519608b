package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
)

func newBackup(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a consistent copy of the store, while the server runs",
		Long: `Write a copy of the store as it is at one moment, while the server goes on. The file is readable by its
owner alone, appears only when it is complete, and replaces nothing. The key file is not part of it: keep a copy
of that elsewhere. The setting "backup" makes the server write copies by itself.`,
		Example: "  usher backup /backups/usher-$(date +%F).db",
		Args:    needs("FILE"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			n, err := backup(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return a.print(value(map[string]any{"file": args[0], "bytes": n}), func(p *page) {
				p.line("%s holds the store, %s.", args[0], size(n))
			})
		}),
	}
}

// backup writes the copy beside file and gives it that name when it is complete and on disk.
func backup(ctx context.Context, c *client.Client, file string) (n int64, err error) {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return 0, taken(file, err)
	}
	// CreateTemp makes it with mode 0600.
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".part-")
	if err != nil {
		return 0, &usageError{err: fmt.Errorf("make the backup: %w", err)}
	}
	defer func() {
		// After a rename there is nothing left under this name.
		if rmErr := os.Remove(tmp.Name()); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("remove what was written: %w", rmErr))
		}
	}()
	n, err = c.Backup(ctx, tmp)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return n, fmt.Errorf("make the backup: %w", err)
	}
	return n, publish(tmp.Name(), file)
}

// publish gives a complete file its name, unless something bears it already.
func publish(tmp, file string) error {
	err := os.Link(tmp, file)
	switch {
	case errors.Is(err, fs.ErrExist):
		return taken(file, nil)
	case err != nil: // a file system without hard links
		if _, statErr := os.Lstat(file); !errors.Is(statErr, fs.ErrNotExist) {
			return taken(file, statErr)
		}
		err = os.Rename(tmp, file)
	}
	if err != nil {
		return fmt.Errorf("name the backup: %w", err)
	}
	return nil
}

func taken(file string, err error) error {
	if err != nil {
		return &usageError{err: fmt.Errorf("make the backup: %w", err)}
	}
	return &refusedError{fmt.Sprintf("%s is there already, and a backup replaces nothing: choose another name", file)}
}

// writeBackups ends the status with how the scheduled backups are.
func writeBackups(p *page, b *admin.BackupStatus) {
	if b == nil {
		return
	}
	p.gap()
	last := "none yet in " + b.Folder
	if !b.Last.IsZero() {
		last = "last " + p.ago(b.Last) + ": " + b.File
	}
	if b.Failed == "" {
		p.line("%s", p.paint(dim, "Scheduled backups: "+last))
		return
	}
	p.line("%s", p.paint(red, fmt.Sprintf("Scheduled backups fail since %s: %s", p.ago(b.Since), b.Failed)))
	p.line("  → %s; next try %s", last, p.when(b.Next))
}

func size(n int64) string {
	const unit = 1024
	switch {
	case n < unit:
		return fmt.Sprintf("%d bytes", n)
	case n < unit*unit:
		return fmt.Sprintf("%.1f KiB", float64(n)/unit)
	case n < unit*unit*unit:
		return fmt.Sprintf("%.1f MiB", float64(n)/unit/unit)
	default:
		return fmt.Sprintf("%.1f GiB", float64(n)/unit/unit/unit)
	}
}
