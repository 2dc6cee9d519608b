package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/directory"
)

func newSourceToken(a *app) *cobra.Command {
	var readOnly bool
	var expires string
	cmd := &cobra.Command{
		Use:   "token NAME",
		Short: "Give a source a further token and print it",
		Long: "Give a source a further token, which is printed alone on standard output. The others stay valid, until rotate makes them\n" +
			"void; a source has at most four. With --read-only it may read and search users and groups and change nothing: for\n" +
			"a report or a check. With --expires it ends by itself.",
		Example: "  usher source token hr --read-only --expires 90d",
		Args:    needs("NAME"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			lasts, ok := parseLife(expires)
			if !ok {
				return wrongUse("--expires: %q is not a time such as 12h or 90d, at most %d days", expires, directory.MaxTokenLife/(24*time.Hour))
			}
			reply, err := c.AddToken(cmd.Context(), args[0], admin.AddToken{ReadOnly: readOnly, Seconds: int64(lasts / time.Second)})
			if err != nil {
				return err
			}
			explanation := "a further token of " + reply.Value.Source.Name
			if readOnly {
				explanation += ", which may only read"
			}
			if lasts > 0 {
				explanation += "; it expires in " + expires
			}
			return a.printToken(reply, explanation)
		}),
	}
	cmd.Flags().BoolVar(&readOnly, "read-only", false, "the token may read and search, and change nothing")
	cmd.Flags().StringVar(&expires, "expires", "", "how long the token is valid, such as 12h or 90d; without it, until it is rotated away")
	return cmd
}

// parseLife reads how long a token is valid: whole seconds up to what the directory allows, zero for "".
func parseLife(s string) (time.Duration, bool) {
	if s == "" {
		return 0, true
	}
	var lasts time.Duration
	if number, ok := strings.CutSuffix(s, "d"); ok {
		days, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return 0, false
		}
		lasts = time.Duration(days) * 24 * time.Hour
	} else {
		var err error
		if lasts, err = time.ParseDuration(s); err != nil {
			return 0, false
		}
	}
	return lasts, lasts >= time.Second && lasts <= directory.MaxTokenLife
}
