package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const cliPage = "../../docs/cli.md"

// generated is the part of the page that comes from the tree of commands.
var generated = regexp.MustCompile(`(?s)<!-- from here on written by go test ./cmd/usher -update -->\n.*`)

func tree(t *testing.T) *cobra.Command {
	t.Helper()
	return newRoot(&app{stdin: strings.NewReader(""), output: asText})
}

func TestTheDocumentationIsTheTreeOfCommands(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	want.WriteString("<!-- from here on written by go test ./cmd/usher -update -->\n\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n")
	for _, e := range exitCodes() {
		fmt.Fprintf(&want, "| %d | %s |\n", e.code, e.meaning)
	}
	root := tree(t)
	fmt.Fprintf(&want, "\n## Flags of every command\n\n%s", flagTable(root.PersistentFlags()))
	for _, g := range root.Groups() {
		fmt.Fprintf(&want, "\n## %s\n", strings.TrimSuffix(g.Title, ":"))
		for _, cmd := range root.Commands() {
			if cmd.GroupID == g.ID {
				document(&want, cmd)
			}
		}
	}
	page, err := os.ReadFile(cliPage)
	if err != nil {
		t.Fatal(err)
	}
	got := generated.Find(page)
	if got == nil {
		t.Fatalf("%s has no generated part", cliPage)
	}
	if *update {
		page = generated.ReplaceAllLiteral(page, []byte(want.String()))
		if err := os.WriteFile(cliPage, page, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(got), want.String()); diff != "" {
		t.Errorf("%s (-got +want; go test ./cmd/usher -update writes it):\n%s", cliPage, diff)
	}
}

func document(b *strings.Builder, cmd *cobra.Command) {
	if cmd.Runnable() && (!cmd.HasSubCommands() || cmd.Annotations[aloneToo] != "") {
		fmt.Fprintf(b, "\n### `%s`\n\n%s.\n\n%s\n", cmd.UseLine(), cmd.Short, paragraphs(cmd.Long))
		if table := flagTable(cmd.LocalFlags()); table != "" {
			b.WriteString("\n" + table)
		}
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n"))
	}
	for _, sub := range cmd.Commands() {
		document(b, sub)
	}
}

// paragraphs joins the lines of a help text, which are broken for a terminal.
func paragraphs(long string) string {
	parts := strings.Split(long, "\n\n")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(part, "\n", " ")
	}
	return strings.Join(parts, "\n\n")
}

func flagTable(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			return
		}
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, f.Usage)
	})
	if b.Len() == 0 {
		return ""
	}
	return "| flag | what it does |\n| --- | --- |\n" + b.String()
}

func TestEveryHelpHasASentenceAndAnExample(t *testing.T) {
	t.Parallel()
	root := tree(t)
	root.InitDefaultHelpCmd()
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.IsAdditionalHelpTopicCommand() || cmd.Name() == "help" {
			return
		}
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || !strings.HasSuffix(strings.TrimSpace(cmd.Long), ".") {
			t.Errorf("%s: needs a short line without and a text with a full stop: %q, %q", cmd.CommandPath(), cmd.Short, cmd.Long)
		}
		if !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s: its example does not show it: %q", cmd.CommandPath(), cmd.Example)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: --%s says nothing", cmd.CommandPath(), f.Name)
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
}
