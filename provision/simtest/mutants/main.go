package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		stop()
		os.Exit(1) //nolint:forbidigo,gocritic // a command; stop was called
	}
}

// run plays the mutants that were asked for and writes a row of the table for each. It fails when one survives.
func run(ctx context.Context, args []string, out, progress io.Writer) error {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	only := flags.String("run", "", "only mutants whose name matches this regular expression")
	unnoticed := flags.Bool("unnoticed", false, "play those that no history has come upon yet, instead of the others")
	seeds := flags.Uint64("seeds", 1500, "how many histories are played with a mutant before it counts as one that survives")
	start := flags.Uint64("start", 1, "the first seed")
	limit := flags.Duration("limit", 10*time.Minute, "how long one mutant may take")
	root := flags.String("root", ".", "the module's folder")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("read -run: %w", err)
	}
	folder, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // temporary files
	h := &hunter{root: *root, folder: folder, start: *start, seeds: *seeds, limit: *limit}
	if h.sound, err = h.build(ctx, "sound", nil); err != nil {
		return fmt.Errorf("build the engine as it is: %w", err)
	}
	var survivors []string
	began := time.Now() //nolint:forbidigo // a command
	say(out, "| mutant | changed | caught by | seed | histories |\n| --- | --- | --- | --- | --- |\n")
	mutants := Mutants
	if *unnoticed {
		mutants = Unnoticed
	}
	for _, m := range mutants {
		if !chosen.MatchString(m.Name) {
			continue
		}
		say(progress, "%s …\n", m.Name)
		c, err := h.hunt(ctx, &m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		say(out, "%s", row(&m, c))
		if c.seed == 0 {
			survivors = append(survivors, m.Name)
		}
	}
	took := time.Since(began) //nolint:forbidigo // a command
	say(progress, "%d histories were played with mutants, in %s\n", h.played, took.Round(time.Second))
	if len(survivors) > 0 {
		return errors.New("not caught by an invariant that must catch it: " + strings.Join(survivors, "; "))
	}
	return nil
}

// row is a mutant's line of the table.
func row(m *Mutant, c caught) string {
	files := map[string]bool{}
	var changed []string
	for _, e := range m.Edits {
		if !files[e.File] {
			files[e.File], changed = true, append(changed, "`"+e.File+"`")
		}
	}
	by, seed := c.invariant, fmt.Sprint(c.seed)
	if c.seed == 0 {
		by, seed = "**survives**", "–"
	}
	if len(c.besides) > 0 {
		by += " (before that: " + strings.Join(c.besides, ", ") + ")"
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %d |\n", m.Name, strings.Join(changed, ", "), by, seed, c.played)
}

func say(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, format, args...) //nolint:errcheck // a terminal that went away cannot be told so
}
