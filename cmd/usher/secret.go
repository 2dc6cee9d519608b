package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/secrets"
)

func newSecret(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:     "secret",
		Short:   "Secrets that connections refer to",
		Long:    "Secrets are sealed in the server's store; a connection refers to one as {secret: NAME}. They can be replaced, never read.",
		Example: "  usher secret set gorgias.api-key",
	}, newSecretSet(a), newSecretList(a), newSecretRemove(a))
}

func newSecretSet(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "set NAME",
		Short: "Store a secret that is read from standard input",
		Long: `Store a secret, replacing what was there. Its value is read from standard input, on a terminal without
showing it, and never from an argument, as those are seen by others. One line end at its end is not part of it.`,
		Example: "  usher secret set gorgias.api-key\n  vault read -field=key kv/gorgias | usher secret set gorgias.api-key",
		Args:    needs("NAME"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := secrets.CheckName(args[0]); err != nil {
				return &usageError{err: err}
			}
			secret, err := a.readSecret(cmd, args[0])
			if err != nil {
				return err
			}
			if err := c.SetSecret(cmd.Context(), args[0], secret); err != nil {
				return err
			}
			return a.print(value(map[string]string{"set": args[0]}), func(p *page) {
				p.line("Stored. A connection refers to it as {secret: %s}.", args[0])
			})
		}),
	}
}

func (a *app) readSecret(cmd *cobra.Command, name string) ([]byte, error) {
	var secret []byte
	var err error
	if a.terminal.secret != nil {
		fmt.Fprintf(a.stderr, "value of %s (it is not shown): ", name)
		secret, err = a.terminal.secret(cmd.Context())
		fmt.Fprintln(a.stderr)
	} else {
		secret, err = io.ReadAll(io.LimitReader(a.stdin, secrets.MaxValue+3))
	}
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	secret = bytes.TrimSuffix(bytes.TrimSuffix(secret, []byte("\n")), []byte("\r"))
	if len(secret) == 0 || len(secret) > secrets.MaxValue {
		return nil, wrongUse("a secret has 1 to %d bytes; standard input gave %s", secrets.MaxValue, countBytes(len(secret)))
	}
	return secret, nil
}

func countBytes(n int) string {
	if n == 0 {
		return "none"
	}
	return "more"
}

func newSecretList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the names of the stored secrets",
		Long:    "List the names of the stored secrets and when they were set, among them those that `usher connect` sealed.",
		Example: "  usher secret list",
		Args:    needs(),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			reply, err := c.Secrets(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeSecrets(p, reply.Value) })
		}),
	}
}

func writeSecrets(p *page, all []secrets.Info) {
	if len(all) == 0 {
		p.line("No secret is stored. usher secret set NAME stores one; usher connect seals those of its file.")
		return
	}
	t := table{head: []string{"NAME", "SET"}}
	for _, s := range all {
		t.row(of(s.Name), of(p.when(s.Set)))
	}
	p.table(t, 0)
}

func newSecretRemove(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Short:   "Remove a stored secret",
		Long:    "Remove a stored secret. A connection that refers to it stops working at its next use.",
		Example: "  usher secret remove gorgias.api-key",
		Args:    needs("NAME"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := c.RemoveSecret(cmd.Context(), args[0]); err != nil {
				return err
			}
			return a.print(value(map[string]string{"removed": args[0]}), func(p *page) { p.line("Removed.") })
		}),
	}
}
