package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/config"
)

// settingFlag marks the flags that are settings of package config.
const settingFlag = "usher-setting"

// newRoot builds the tree of commands. It keeps no state outside of a.
func newRoot(a *app) *cobra.Command {
	root := group(&cobra.Command{
		Use:   "usher",
		Short: "Accounts in every app, as the directory says",
		Long: `Usher takes users and groups from identity providers over SCIM and keeps the accounts of
connected apps as the mapping says: created, changed, suspended, handed over, deleted.

Start a server with "usher serve"; the other commands speak to it over a socket in its data
folder. To see everything at work on this machine alone, run "usher demo".`,
		Example:       "  usher serve\n  usher source add okta --kind okta\n  usher connect gorgias-prod -f gorgias.yaml\n  usher apply -f mapping.yaml\n  usher status",
		SilenceUsage:  true,
		SilenceErrors: true,
	})
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{command: cmd.CommandPath(), err: flagError(err)}
	})

	flags := root.PersistentFlags()
	addSetting(root, setting("data"), true)
	flags.String("config", "", "file with settings; without it, usher.yaml here if it is there")
	flags.Var(&a.output, "output", "text for people, or json as the server's API gives it")
	flags.BoolVar(&a.noColour, "no-colour", false, "no colours, even on a terminal (as the variable NO_COLOR)")

	for _, g := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"server", "Run:", []*cobra.Command{withSettings(newServe(a)), newDemo(a), newSandbox(a), newBackup(a), newRestore(a)}},
		{"setup", "Set up:", []*cobra.Command{newSource(a), newConnect(a), newConnections(a), newSecret(a)}},
		{"mapping", "Say who gets what:", []*cobra.Command{newPlan(a), newApply(a), newExport(a), newVersions(a), newRollback(a), newRollout(a)}},
		{"look", "Look and decide:", []*cobra.Command{
			newStatus(a), newWhy(a), newAccounts(a), newHolds(a), newApprove(a), newReject(a), newFailures(a), newRetry(a), newAlerts(a),
			newReconcile(a), newDrift(a), newCorrect(a), newLink(a), newUnlink(a), newIgnore(a),
			newTerminate(a), newTerminations(a), newReinstate(a), newUndo(a),
			newPause(a), newResume(a), newRestored(a),
			newAudit(a), newErase(a),
		}},
		{"other", "Other:", []*cobra.Command{newVersion(a)}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, cmd := range g.commands {
			cmd.GroupID = g.id
			root.AddCommand(cmd)
		}
	}
	root.SetHelpCommandGroupID("other")
	root.SetCompletionCommandGroupID("other")
	root.AddCommand(newExitCodes())
	checkArgs(root)
	return root
}

// group makes a command that only holds others: without one of them it shows its help.
func group(cmd *cobra.Command, subcommands ...*cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		message := fmt.Sprintf("%s has no command %q", cmd.CommandPath(), args[0])
		cmd.SuggestionsMinimumDistance = 2
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			message += "; did you mean " + strings.Join(near, " or ") + "?"
		}
		return wrongUse("%s", message)
	}
	cmd.AddCommand(subcommands...)
	return cmd
}

// aloneToo marks a command that does something by itself and holds others as well.
const aloneToo = "usher-alone-too"

// checkArgs makes every complaint about arguments one of wrong use, with the command it is about.
func checkArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := checkEmpty(cmd); err != nil {
				return &usageError{command: cmd.CommandPath(), err: err}
			}
			if err := check(cmd, args); err != nil {
				return &usageError{command: cmd.CommandPath(), err: err}
			}
			return nil
		}
	}
	for _, c := range cmd.Commands() {
		checkArgs(c)
	}
}

// needs accepts exactly the named arguments; names in brackets at the end may be left out.
func needs(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > len(names) {
			return wrongUse("%q is one argument too many", args[len(names)])
		}
		for i, name := range names {
			if strings.HasPrefix(name, "[") {
				break
			}
			if i >= len(args) || args[i] == "" {
				return wrongUse("%s is missing", name)
			}
		}
		return nil
	}
}

// withSettings adds the flags of all settings to a command; --data is on every command anyway.
func withSettings(cmd *cobra.Command) *cobra.Command {
	for _, s := range config.Settings() {
		if s.Flag != "data" {
			addSetting(cmd, s, false)
		}
	}
	return cmd
}

func addSetting(cmd *cobra.Command, s config.Setting, persistent bool) {
	flags := cmd.Flags()
	if persistent {
		flags = cmd.PersistentFlags()
	}
	// The default belongs to config: it counts only when neither file nor environment say otherwise.
	flags.String(s.Flag, "", s.Doc+defaultOf(s))
	f := flags.Lookup(s.Flag)
	f.Annotations = map[string][]string{settingFlag: {s.Key}}
}

func defaultOf(s config.Setting) string {
	if s.Default == "" {
		return ""
	}
	return " (default " + s.Default + ")"
}

func setting(flag string) config.Setting {
	all := config.Settings()
	return all[slices.IndexFunc(all, func(s config.Setting) bool { return s.Flag == flag })]
}
