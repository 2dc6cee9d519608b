package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/mapping/versions"
)

func newPlan(a *app) *cobra.Command {
	var file, ring string
	cmd := &cobra.Command{
		Use:     "plan -f FILE",
		Short:   "Show what a mapping would change, and change nothing",
		Long:    "Show what a mapping document would change for all people, compared with the one in force. Nothing is changed.",
		Example: "  usher plan -f mapping.yaml",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			document, err := a.read(file)
			if err != nil {
				return err
			}
			reply, err := c.Plan(cmd.Context(), document, ring)
			if err != nil {
				return located(err, file, document)
			}
			return a.print(reply.JSON, func(p *page) { writePlan(p, planned{reply.Value, named(file), document}) })
		}),
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "the mapping document; - for standard input")
	cmd.Flags().StringVar(&ring, "ring", "", "for those who would follow it first alone: a group as the mapping names it, or a share such as 5%")
	return cmd
}

func newApply(a *app) *cobra.Command {
	var file, ring string
	var e edit
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Put a mapping in force",
		Long: `Put a mapping document in force, as a new version, after showing what it changes. When people lose accounts
through it, or it does more of anything that can hurt than a budget allows, it asks for the number of people; without a
terminal it does nothing unless --yes is given. If by then there are more or fewer of them, the server refuses and the new
plan is shown.

The edit counts only against the version that was planned with; --expect names one that you have seen before.

With --ring it is in force for some people first: the members of a group (okta/IT), or a share of everybody (5%). Everybody else
stays on the present version. usher rollout shows how that does, lets it reach more, and in the end all. It stops by itself when
too many of them fail or are held because of it.`,
		Example: "  usher apply -f mapping.yaml --comment IT-412\n  usher apply -f mapping.yaml --expect 7 --yes\n  usher apply -f mapping.yaml --ring okta/IT",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			document, err := a.read(file)
			if err != nil {
				return err
			}
			if len(e.comment) > versions.MaxComment {
				return wrongUse("--comment has more than %d bytes", versions.MaxComment)
			}
			e.file, e.text = file, document
			e.plan = func(ctx context.Context) (client.Reply[admin.PlanReply], error) { return c.Plan(ctx, document, ring) }
			e.do = func(ctx context.Context, conditions client.Edit) ([]byte, string, error) {
				conditions.Ring = ring
				return appliedWords(c.Apply(ctx, document, conditions))
			}
			return a.edit(cmd.Context(), e)
		}),
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "the mapping document; - for standard input")
	cmd.Flags().BoolVar(&e.yes, "yes", false, "go on though people lose accounts")
	cmd.Flags().IntVar(&e.expect, "expect", 0, "the version that must be in force")
	cmd.Flags().StringVar(&e.comment, "comment", "", "why, for those who look later")
	cmd.Flags().StringVar(&ring, "ring", "", "who follows it first: a group as the mapping names it, or a share such as 5%")
	return cmd
}

func newRollback(a *app) *cobra.Command {
	var e edit
	var to int
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "Put an older mapping in force again",
		Long: `Put the text of an older version in force, as a new version: the one before the present one, or that of --to. It shows
what changes and asks as apply does. While a version is rolled out (usher rollout), it takes that back: everybody follows the one that was
in force before. A version that was taken back so is passed over by a later rollback without --to.`,
		Example: "  usher rollback\n  usher rollback --to 5 --yes",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			all, err := c.Versions(cmd.Context())
			if err != nil {
				return err
			}
			current := len(all.Value) // they are numbered from 1 without gaps
			if current > 0 && all.Value[current-1].Rollout != nil {
				current-- // the newest is being rolled out; the one before it is in force, and the one to go back to
				if to == 0 {
					to = current
				}
			}
			if to == 0 {
				to = before(all.Value, current)
			}
			if to < 1 || to > current {
				return &refusedError{noVersion(to, current)}
			}
			document, err := c.Export(cmd.Context(), to)
			if err != nil {
				return err
			}
			if len(e.comment) > versions.MaxComment {
				return wrongUse("--comment has more than %d bytes", versions.MaxComment)
			}
			if e.expect == 0 {
				e.expect = current
			}
			e.file, e.text = fmt.Sprintf("version %d", to), document
			e.plan = func(ctx context.Context) (client.Reply[admin.PlanReply], error) { return c.Plan(ctx, document, "") }
			e.do = func(ctx context.Context, conditions client.Edit) ([]byte, string, error) {
				return appliedWords(c.Rollback(ctx, to, conditions))
			}
			return a.edit(cmd.Context(), e)
		}),
	}
	cmd.Flags().IntVar(&to, "to", 0, "the version to go back to; without it, the one before the present one")
	cmd.Flags().BoolVar(&e.yes, "yes", false, "go on though people lose accounts")
	cmd.Flags().IntVar(&e.expect, "expect", 0, "the version that must be in force")
	cmd.Flags().StringVar(&e.comment, "comment", "", "why, for those who look later")
	return cmd
}

// before returns the version that was in force for everybody before the present one. One that only a ring followed, and that was
// taken back, was withdrawn by somebody who had seen it: it is never meant.
func before(all []versions.Version, current int) int {
	to := current - 1
	for to > 0 && all[to-1].Withdrawn != nil {
		to--
	}
	return to
}

func noVersion(to, current int) string {
	switch {
	case current == 0:
		return "there is no mapping yet, so none to go back to"
	case to < 1:
		return "version 1 is the first mapping; there is none before it"
	default:
		return fmt.Sprintf("there is no version %d of the mapping; the newest is %d", to, current)
	}
}

// edit is a change of the mapping that is planned, shown, confirmed and made.
type edit struct {
	file    string
	text    []byte
	yes     bool
	expect  int
	comment string
	plan    func(context.Context) (client.Reply[admin.PlanReply], error)
	do      func(context.Context, client.Edit) (reply []byte, words string, err error)
}

// appliedWords says what an edit came to.
func appliedWords(r client.Reply[admin.ApplyReply], err error) ([]byte, string, error) {
	v := r.Value.Version
	if v.Rollout == nil {
		return r.JSON, fmt.Sprintf("Version %d is in force.", v.Number), err
	}
	return r.JSON, fmt.Sprintf("Version %d is in force for %s. For more people: usher rollout 5%%, in the end usher rollout all.", v.Number, v.Rollout.Ring), err
}

func (a *app) edit(ctx context.Context, e edit) error {
	reply, err := e.plan(ctx)
	if err != nil {
		return located(err, e.file, e.text)
	}
	plan := reply.Value
	if e.expect == 0 {
		e.expect = plan.Version
	}
	show := func(plan admin.PlanReply) {
		if a.output == asText {
			p := a.page()
			writePlan(p, planned{plan, named(e.file), e.text})
			p.flush()
		}
	}
	show(plan)
	if e.expect != plan.Version {
		return &refusedError{fmt.Sprintf("version %d of the mapping is in force, not %d: somebody changed it; nothing changed", plan.Version, e.expect)}
	}
	if n := plan.Preview.Confirm; n > 0 && !e.yes {
		question := count(n, "person loses an account", "people lose accounts")
		if n > plan.Preview.Removals {
			question = overBudget(plan.Preview)
		}
		if err := a.confirm(ctx, n, question, e.file == "-"); err != nil {
			return err
		}
	}
	raw, words, err := e.do(ctx, client.Edit{Expect: e.expect, Confirm: plan.Preview.Confirm, Comment: e.comment})
	var refused *client.Error
	if errors.As(err, &refused) && refused.Code() == admin.Unconfirmed && refused.Reply.Preview != nil {
		show(*refused.Reply.Preview)
		return err
	}
	if err != nil {
		return located(err, e.file, e.text)
	}
	return a.print(raw, func(p *page) { p.line("%s", p.paint(bold, words)) })
}

// confirm asks the person at the terminal to type a number. Without one to ask it fails, and says what to do.
func (a *app) confirm(ctx context.Context, n int, question string, stdinTaken bool) error {
	if !a.terminal.in || stdinTaken {
		return &unconfirmedError{question + ": look at it and run this again with --yes; nothing changed"}
	}
	fmt.Fprintf(a.stderr, "%s. Type %d to go on: ", question, n)
	answer, err := readLine(ctx, a.stdin)
	if err != nil {
		fmt.Fprintln(a.stderr)
		return err
	}
	if answer != strconv.Itoa(n) {
		return &unconfirmedError{fmt.Sprintf("not confirmed: %q was typed, not %d; nothing changed", answer, n)}
	}
	return nil
}

// readLine reads a line, at most until ctx ends.
func readLine(ctx context.Context, r io.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(io.LimitReader(r, 1024)).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		read <- result{strings.TrimSpace(line), err}
	}()
	select {
	case got := <-read:
		if got.err != nil {
			return "", fmt.Errorf("read the answer: %w", got.err)
		}
		return got.line, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func newExport(a *app) *cobra.Command {
	var version int
	cmd := &cobra.Command{
		Use:     "export",
		Short:   "Write the mapping in force, or an older version",
		Long:    "Write a version of the mapping as it was applied. Comments at its end say which version it is and to which groups\nits names are bound. It can be applied again as it is.",
		Example: "  usher export > mapping.yaml\n  usher export --version 5",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			document, err := c.Export(cmd.Context(), version)
			if err != nil {
				return err
			}
			if a.output == asJSON {
				return a.print(value(map[string]string{"mapping": string(document)}), nil)
			}
			if _, err := a.stdout.Write(document); err != nil {
				return fmt.Errorf("write the mapping: %w", err)
			}
			return nil
		}),
	}
	cmd.Flags().IntVar(&version, "version", 0, "which version; without it, the one in force")
	return cmd
}

func newVersions(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "versions",
		Short:   "List the versions of the mapping",
		Long:    "List the versions of the mapping: when, by whom, why, and what was confirmed with them: how many people lose an account, and how many are touched in other ways beyond a budget.",
		Example: "  usher versions",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			reply, err := c.Versions(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeVersions(p, reply.Value) })
		}),
	}
}

func writeVersions(p *page, all []versions.Version) {
	if len(all) == 0 {
		p.line("No mapping yet. Write who gets what and put it in force: usher apply -f mapping.yaml")
		return
	}
	t := table{head: []string{"VERSION", "APPLIED", "BY", "CONFIRMED", "COMMENT"}}
	for i, v := range all {
		number := styled(plain, strconv.Itoa(v.Number))
		if i == len(all)-1 {
			number = styled(bold, strconv.Itoa(v.Number))
		}
		comment := v.Comment
		if v.Rollout != nil {
			comment = strings.TrimSpace("for " + v.Rollout.Ring.String() + " so far (usher rollout)  " + comment)
		}
		if v.Withdrawn != nil {
			comment = strings.TrimSpace("for " + v.Withdrawn.String() + " alone, and taken back  " + comment)
		}
		var confirmed []string
		if v.Confirmed > 0 {
			confirmed = append(confirmed, fmt.Sprintf("%d lose", v.Confirmed))
		}
		if v.Exceeding > 0 {
			confirmed = append(confirmed, fmt.Sprintf("%d beyond a budget", v.Exceeding))
		}
		t.row(number, of(p.when(v.At)), of(v.Actor.Name), of(strings.Join(confirmed, ", ")), of(comment))
	}
	p.table(t, 0)
}
