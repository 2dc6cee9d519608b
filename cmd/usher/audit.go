package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/cmd/usher/client"
)

func newAudit(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "audit",
		Short: "What happened, to whom, why, and that nobody changed the record of it",
		Long: `Everything that happens is kept as a fact: who did what to whom, when and why. Facts are sealed into a chain, so that one
that is changed, removed or added afterwards is found. docs/audit.md describes the chain for an auditor.`,
		Example: "  usher audit list --person kim@acme.example",
	}, newAuditList(a), newAuditVerify(a), newAuditExport(a), newAuditKey(a), newAuditPrune(a))
}

func newAuditList(a *app) *cobra.Command {
	var f client.FactFilter
	var since, until, before string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what happened, newest first",
		Long: `List facts, newest first: of a person, an app, a kind, a time, or all of these together. A time is a date (2026-11-21), a
time (2026-11-21T09:00:00Z) or a distance from now (36h, 30d). A kind is an act such as account.removed; with a dot at its end
(account.) it means all acts that begin so.`,
		Example: "  usher audit list --since 24h\n  usher audit list --person kim@acme.example --app zoom\n  usher audit list --kind account.removed --since 2026-01-01 --output json",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			var err error
			if f.Since, err = a.moment("--since", since); err != nil {
				return err
			}
			if f.Until, err = a.moment("--until", until); err != nil {
				return err
			}
			if before != "" {
				if f.Before, err = uuid.Parse(before); err != nil {
					return wrongUse("--before: %q is not the id of a fact", before)
				}
			}
			reply, err := c.Facts(cmd.Context(), f)
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) {
				writeFacts(p, reply.Value)
				if len(reply.Value.Facts) == 0 && f.Kind != "" {
					p.line("%s", p.paint(dim, "A kind is an act such as account.removed, or the beginning of some (account.); --output json shows each fact's."))
				}
			})
		}),
	}
	cmd.Flags().StringVar(&f.Person, "person", "", "about this person: id, userName or e-mail")
	cmd.Flags().StringVar(&f.App, "app", "", "about accounts in this app")
	cmd.Flags().StringVar(&f.Kind, "kind", "", "of this act, or with a dot at its end all acts that begin so")
	cmd.Flags().StringVar(&since, "since", "", "from this time on")
	cmd.Flags().StringVar(&until, "until", "", "before this time")
	cmd.Flags().StringVar(&before, "before", "", "go on behind the fact with this id, as the last line says")
	cmd.Flags().IntVar(&f.Limit, "limit", 100, "how many at most, up to 1000")
	return cmd
}

// moment reads a time that a flag names: a date or time, or a distance back from now.
func (a *app) moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, found := strings.CutSuffix(text, "d"); found {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 {
			return a.now().AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return a.now().Add(-d), nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, a.now().Location()); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, wrongUse("%s: %q is neither a date (2026-11-21), a time (2026-11-21T09:00:00Z) nor a distance (36h, 30d)", flag, text)
	}
	return t, nil
}

func writeFacts(p *page, r admin.FactsReply) {
	if len(r.Facts) == 0 && r.Next == uuid.Nil {
		p.line("Nothing of the kind happened, or it was pruned.")
		return
	}
	var t table
	for _, c := range r.Facts {
		words, s := factWords(c, audience{pronoun(c), r.Groups})
		t.row(styled(dim, p.clock(c.At)), of(whom(c, r.People)), of(c.App), styled(s, words+undoID(c)))
	}
	p.table(t, 0)
	if slices.ContainsFunc(r.Facts, undoable) {
		p.line("%s", p.paint(dim, "usher undo CHANGE brings back what a change took; its id stands at the end of the line"))
	}
	if r.Next != uuid.Nil {
		p.line("%s", p.paint(dim, "There may be more: --before "+r.Next.String()))
	}
}

// pronoun stands for those whom whom names on the same line.
func pronoun(c audit.Change) string {
	switch {
	case len(c.Persons) == 1 && c.Parts == 0:
		return "the person"
	case len(c.Persons) == 0 && c.Act == audit.GroupCreated:
		return ""
	default:
		return "them"
	}
}

// whom names the person of a fact, or counts them.
func whom(c audit.Change, people map[uuid.UUID]string) string {
	switch {
	case len(c.Persons) == 1 && people[c.Persons[0]] != "":
		return people[c.Persons[0]]
	case len(c.Persons) == 1:
		return c.Persons[0].String()
	case c.Everybody:
		return "everybody"
	case c.Parts > 0:
		return fmt.Sprintf("more than %d people", len(c.Persons))
	case len(c.Persons) > 1:
		return count(len(c.Persons), "person", "people")
	default:
		return ""
	}
}

func newAuditVerify(a *app) *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Look whether any fact was changed, removed or added since it was sealed",
		Long: `Without FILE, the server looks at its whole chain: every link, every signed checkpoint, the keys of persons and the indexes.
With FILE, an export as JSON lines is verified on this machine with the public key alone; no server is needed. Either way each
fact that is not as it was sealed is named, and the exit code is 1 if there is one.`,
		Example: "  usher audit verify\n  usher audit verify audit.jsonl --key audit.pem",
		Args:    needs("[FILE]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.verifyFile(args[0], key)
			}
			if key != "" {
				return wrongUse("--key goes with FILE: the server verifies with its own key")
			}
			return a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
				reply, err := c.VerifyAudit(cmd.Context())
				if err != nil {
					return err
				}
				return a.verified(reply.Value)
			})(cmd, nil)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "with FILE: file with the public key, as usher audit key prints it")
	return cmd
}

func (a *app) verifyFile(file, keyFile string) error {
	if keyFile == "" {
		return wrongUse("--key is missing: the public key that usher audit key printed, kept apart from the export")
	}
	text, err := a.read(keyFile)
	if err != nil {
		return err
	}
	keys, err := audit.ParseKeys(text)
	if err != nil {
		return &usageError{err: err}
	}
	from := a.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return &usageError{err: err}
		}
		defer func() { _ = f.Close() }()
		from = f
	}
	report, err := audit.VerifyExport(bufio.NewReader(from), keys)
	if err != nil {
		return wrongUse("%s is not what usher audit export writes (as JSON lines): %w", named(file), err)
	}
	return a.verified(report)
}

// verified shows a report. One that found something is a failure.
func (a *app) verified(r audit.Report) error {
	if err := a.print(value(r), func(p *page) { writeReport(p, r) }); err != nil {
		return err
	}
	if !r.Valid {
		return errors.New("the audit is not as it was sealed")
	}
	return nil
}

func writeReport(p *page, r audit.Report) {
	switch {
	case r.To < r.From:
		p.line("No fact is sealed yet.")
	case r.Valid:
		p.line("%s %d to %d are as they were sealed, %s signed.", p.paint(green, "The facts"), r.From, r.To, count(r.Checkpoints, "checkpoint is", "checkpoints are"))
		p.line("The last link is %s; keep it elsewhere and compare it with a later export.", r.Link)
	default:
		p.line("%s with the facts %d to %d:", p.paint(red, "Something is wrong"), r.From, r.To)
		for _, problem := range r.Problems {
			p.line("  %s: %s", problem.Kind, problem.Text)
		}
		if r.More > 0 {
			p.line("  and %d more", r.More)
		}
	}
	if r.Waiting > 0 {
		p.line("%s to be sealed.", count(r.Waiting, "more fact waits", "more facts wait"))
	}
}

func newAuditExport(a *app) *cobra.Command {
	var format string
	o := audit.ExportOptions{}
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the sealed facts to standard output, as JSON lines or CSV",
		Long: `Write all sealed facts to standard output; facts that wait are sealed first. JSON lines can be verified without the server;
CSV is for reading in a table. Personal values stay sealed unless --personal is given: what leaves Usher in the open cannot be
erased any more. An export that was cut off goes on with --after and the last position that arrived.`,
		Example: "  usher audit export > audit.jsonl\n  usher audit export --format csv --personal > audit.csv\n  usher audit export --after 20000 >> audit.jsonl",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			o.Format = audit.Format(format)
			if o.Format != audit.JSONLines && o.Format != audit.CSV {
				return wrongUse("--format: %q is neither jsonl nor csv", format)
			}
			return c.ExportAudit(cmd.Context(), a.stdout, o)
		}),
	}
	cmd.Flags().StringVar(&format, "format", string(audit.JSONLines), "jsonl or csv")
	cmd.Flags().Uint64Var(&o.After, "after", 0, "only the facts behind this position")
	cmd.Flags().BoolVar(&o.Personal, "personal", false, "open the personal values")
	return cmd
}

func newAuditKey(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "key",
		Short:   "Print the public key that verifies exports",
		Long:    "Print the public key, as PEM, that the checkpoints of this server are verified with. Give it to the auditor apart from the exports.",
		Example: "  usher audit key > audit.pem",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			text, err := c.AuditKey(cmd.Context())
			if err != nil {
				return err
			}
			if a.output == asJSON {
				return a.print(value(map[string]string{"key": string(text)}), nil)
			}
			_, err = a.stdout.Write(text)
			return err
		}),
	}
}

func newAuditPrune(a *app) *cobra.Command {
	var before string
	var yes bool
	cmd := &cobra.Command{
		Use:   "prune --before TIME",
		Short: "Remove old facts behind a signed checkpoint",
		Long: `Remove the facts that happened before a time, in whole segments (10,000 facts, or a day). The signed checkpoint of the last
of them stays, verifying begins there, and the removal is a fact itself. Export first what you have to keep. It asks for the number of
facts; without a terminal it does nothing unless --yes is given.`,
		Example: "  usher audit prune --before 730d\n  usher audit prune --before 2024-01-01 --yes",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			if before == "" {
				return wrongUse("--before is missing: the time from which on facts are kept")
			}
			cut, err := a.moment("--before", before)
			if err != nil {
				return err
			}
			plan, err := c.PruneAudit(cmd.Context(), cut, true)
			if err != nil {
				return err
			}
			if plan.Value.Facts == 0 {
				return a.print(plan.JSON, func(p *page) { p.line("Nothing to prune: no whole segment is that old.") })
			}
			n := int(plan.Value.Facts) //nolint:gosec // facts that fit on a disk
			if !yes {
				if err := a.confirm(cmd.Context(), n, count(n, "fact", "facts")+" from before "+cut.Format(time.RFC3339)+" would be removed for good", false); err != nil {
					return err
				}
			}
			reply, err := c.PruneAudit(cmd.Context(), cut, false)
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) {
				p.line("%d facts removed; the checkpoint %d stands for them.", reply.Value.Facts, reply.Value.Checkpoint.Number)
			})
		}),
	}
	cmd.Flags().StringVar(&before, "before", "", "keep what happened from here on: a date, a time, or a distance back from now (730d)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
