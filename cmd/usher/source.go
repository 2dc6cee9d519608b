package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/directory"
)

func newSource(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:     "source",
		Short:   "Identity providers that may push users and groups",
		Long:    "A source is an identity provider or HR system that pushes users and groups. Each has a token of its own,\nsees only its own records, and has a rank that decides whose word counts where two of them differ.",
		Example: "  usher source add okta --kind okta",
	}, newSourceAdd(a), newSourceList(a), newSourceRotate(a), newSourceToken(a), newSourceMigrate(a), newSourceRemove(a), newSourceReadmit(a), newSourceResynced(a))
}

func newSourceAdd(a *app) *cobra.Command {
	var kind string
	var rank int
	var strict bool
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a source and print its token",
		Long: `Add a source. Its token is printed alone on standard output, and is never shown again: give it to
the identity provider as the bearer token of its SCIM connection.`,
		Example: "  usher source add okta --kind okta\n  usher source add hr --rank 1 > hr.token",
		Args:    needs("NAME"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if _, err := directory.ParseKind(kind); err != nil {
				return wrongUse("--kind: %v", err)
			}
			reply, err := c.AddSource(cmd.Context(), admin.AddSource{Name: args[0], Kind: directory.Kind(kind), Rank: rank, Strict: strict})
			if err != nil {
				return err
			}
			return a.printToken(reply, "the token of "+reply.Value.Source.Name+"; it is not shown again. Give it to the identity provider with the address https://…/scim/v2")
		}),
	}
	cmd.Flags().StringVar(&kind, "kind", string(directory.Generic), "what pushes: "+kinds())
	cmd.Flags().IntVar(&rank, "rank", 0, "where sources differ on a value, the lower rank wins")
	cmd.Flags().BoolVar(&strict, "strict", false, "refuse unknown attributes instead of passing over them")
	return cmd
}

// kinds lists the kinds of sources for people.
func kinds() string {
	var names []string
	for _, k := range directory.Kinds() {
		names = append(names, string(k))
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func newSourceRotate(a *app) *cobra.Command {
	var keepOld bool
	cmd := &cobra.Command{
		Use:     "rotate NAME",
		Short:   "Give a source a new token and print it",
		Long:    "Give a source a new token, which is printed alone on standard output. The former ones are void at once, unless --keep-old\nis given: then rotate once more without it when the identity provider has the new one.",
		Example: "  usher source rotate okta",
		Args:    needs("NAME"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			reply, err := c.RotateSource(cmd.Context(), args[0], keepOld)
			if err != nil {
				return err
			}
			explanation := "the new token of " + reply.Value.Source.Name + "; the former ones are void"
			if keepOld {
				explanation = fmt.Sprintf("a further token of %s; it has %d now, all of them valid", reply.Value.Source.Name, reply.Value.Source.Tokens)
			}
			return a.printToken(reply, explanation)
		}),
	}
	cmd.Flags().BoolVar(&keepOld, "keep-old", false, "leave the former tokens valid")
	return cmd
}

// printToken writes the token alone on standard output, so that it can be piped, and what it is to standard error.
func (a *app) printToken(reply client.Reply[admin.TokenReply], explanation string) error {
	if a.output == asJSON {
		return a.print(reply.JSON, nil)
	}
	if _, err := fmt.Fprintln(a.stdout, reply.Value.Token); err != nil {
		return fmt.Errorf("print the token, which is lost now (usher source rotate makes another): %w", err)
	}
	p := a.errPage()
	p.line("%s", p.paint(dim, explanation))
	p.flush()
	return nil
}

func newSourceList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the sources",
		Long:    "List the sources with how many users and groups they hold. Removed ones stay in the list, as what they said still counts.",
		Example: "  usher source list",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			reply, err := c.Sources(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeSources(p, reply.Value) })
		}),
	}
}

func writeSources(p *page, sources []admin.SourceReply) {
	if len(sources) == 0 {
		p.line("No source yet. Let an identity provider in: usher source add okta --kind okta")
		return
	}
	t := table{head: []string{"NAME", "KIND", "RANK", "USERS", "GROUPS", "TOKENS", "ADDED", ""}}
	for _, s := range sources {
		note := styled(plain, "")
		if s.Strict {
			note = of("strict")
		}
		if !s.Removed.IsZero() {
			note = styled(yellow, "removed "+p.ago(s.Removed))
		}
		if !s.Expires.IsZero() && s.Removed.IsZero() {
			note = styled(yellow, "a token expires "+p.when(s.Expires))
		}
		t.row(of(s.Name), of(string(s.Kind)), of(strconv.Itoa(s.Rank)), of(strconv.Itoa(s.Users)), of(strconv.Itoa(s.Groups)),
			of(strconv.Itoa(s.Tokens)), of(p.ago(s.Created)), note)
	}
	p.table(t, 0)
}

func newSourceReadmit(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "readmit NAME USER",
		Short: "Lift what a source's deletion of a user left behind",
		Long: "When a source deletes a user whom another source still holds, the person stays shut out: a leaver does not come\n" +
			"back because HR was slower. The source lifts that by creating the user anew; this command lifts it by hand. It also lifts\n" +
			"the last active: false of a source that was removed, which nobody could set right any more.",
		Example: "  usher source readmit entra ann@acme.example",
		Args:    needs("NAME", "USER"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := c.Readmit(cmd.Context(), args[0], args[1]); err != nil {
				return err
			}
			return a.print(value(map[string]string{"source": args[0], "readmitted": args[1]}), func(p *page) {
				p.line("%s no longer shuts %s out. What the person gets is for the other sources and the mapping to say.", args[0], args[1])
			})
		}),
	}
}
