package mapping_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/mapping"
)

// one wraps an app's body into a document; its first line is line 4.
func one(body string) string {
	return "version: 1\napps:\n  zoom:\n    " + strings.ReplaceAll(strings.TrimSpace(body), "\n", "\n    ") + "\n"
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ about, src, want string }{
		{"nothing", "", "mapping.yaml: the document is empty: it begins with version: 1"},
		{"comments alone", "# soon\n", "mapping.yaml: the document is empty: it begins with version: 1"},
		{"no version", "apps: {}", "mapping.yaml:1:1: version: is missing: the document begins with version: 1"},
		{"another version", "version: 2", "mapping.yaml:1:10: version: must be 1, the only form there is, but is 2"},
		{"a list", "- version: 1", "mapping.yaml:1:1: must be a map of keys and values, but is a list"},
		{"broken YAML", "version: 1\napps: {", "mapping.yaml:2: not valid YAML: did not find expected node content"},
		{"two documents", "version: 1\n---\nversion: 1\n", "mapping.yaml:2:1: a second YAML document begins here: one file holds one mapping"},
		{"a typo at the top", "version: 1\napp: {}", `mapping.yaml:2:1: unknown key "app"; did you mean apps?`},
		{"a typo in an app", one("connection: zoom-prod\nwhen_deactivate: [suspend]"), `mapping.yaml:5:5: apps.zoom: unknown key "when_deactivate"; did you mean when_deactivated?`},
		{"a typo in a grant", one("connection: zoom-prod\ngrants:\n  - {grup: Sales, role: x}"),
			"mapping.yaml:6:9: apps.zoom.grants[0]: names nobody: give it a group or a person\n" +
				`mapping.yaml:6:10: apps.zoom.grants[0]: unknown key "grup"; did you mean group?`},
		{"a key like nothing", one("connection: c\nxyzzyplugh: 1"),
			`mapping.yaml:5:5: apps.zoom: unknown key "xyzzyplugh"; known are connection, renamed_from, mode, rank, grants, deny, profile, when_deactivated, when_ungranted, protect, budget, drift and reconcile`},
		{"a key twice", one("connection: a\nconnection: b"), "mapping.yaml:5:5: apps.zoom.connection: is given twice; the first is on line 4"},
		{"an app twice", "version: 1\napps:\n  a: {connection: x}\n  a: {connection: y}", "mapping.yaml:4:3: apps.a: is given twice; the first is on line 3"},
		{"an alias", "version: 1\ngroups: &g {a: [b]}\napps: *g", "mapping.yaml:2:9: anchors (&g) are not allowed: write the value out where it is used\nmapping.yaml:3:7: aliases (*g) are not allowed: write the value out"},
		{"a merge key", "version: 1\napps:\n  a:\n    <<: {connection: x}", "mapping.yaml:4:5: merge keys (<<) are not allowed: write the keys out"},
		{"a tag", "version: 1\ngroups: !!map {}", "mapping.yaml:2:9: tags (!!map) are not allowed"},
		{"depth", "version: 1\napps: " + strings.Repeat("[", 20) + strings.Repeat("]", 20), "mapping.yaml:2:19: nested too deeply"},
		{"a number as a name", one("connection: 42"), "mapping.yaml:4:17: apps.zoom.connection: must be text, but YAML reads 42 as a number: write it in quotes"},
		{"an empty value", one("connection: c\nmode:"), "mapping.yaml:5:10: apps.zoom.mode: is empty: give it a value or leave the key out"},
		{"no connection", one("mode: enforce"), "mapping.yaml:3:3: apps.zoom: names no connection"},
		{"an app that is no map", "version: 1\napps:\n  zoom: enforce", "mapping.yaml:3:9: apps.zoom: must be a map of keys and values, but is text"},
		{"a bad key", "version: 1\napps:\n  Zoom Prod: {connection: c}", "mapping.yaml:3:3: apps.Zoom Prod: an app's key is up to 64 of a-z, 0-9, dot, dash and underscore, and begins with a letter or digit"},
		{"a mode", one("connection: c\nmode: on-fire"), "mapping.yaml:5:11: apps.zoom.mode: must be observe, enforce or paused, but is on-fire"},
		{"a group and a person", one("connection: c\ndeny: [{group: a, person: b}]"), "mapping.yaml:5:12: apps.zoom.deny[0]: names a group and a person: give it one of them"},
		{"grants that are a map", one("connection: c\ngrants: {group: a}"), "mapping.yaml:5:13: apps.zoom.grants: must be a list, but is a map"},
		{"a team twice", one("connection: c\ngrants: [{group: a, teams: [x, x]}]"), "mapping.yaml:5:36: apps.zoom.grants[0].teams[1]: x is listed twice"},
		{"until", one("connection: c\ngrants: [{group: a, until: tomorrow}]"), "mapping.yaml:5:32: apps.zoom.grants[0].until: must be a date such as 2026-12-31 (valid through the end of that day, UTC) or a moment such as 2026-12-31T18:00:00Z"},
		{"until a day that is none", one("connection: c\ngrants: [{group: a, until: 2026-02-30}]"), "mapping.yaml:5:32: apps.zoom.grants[0].until: must be a date such as 2026-12-31 (valid through the end of that day, UTC) or a moment such as 2026-12-31T18:00:00Z"},
		{"a duration without a unit", one("connection: c\nwhen_ungranted: [{action: delete, after: 7}]"), "mapping.yaml:5:46: apps.zoom.when_ungranted[0].after: must be a length of time such as 0s, 90s, 15m, 24h or 7d"},
		{"a duration too long", one("connection: c\nwhen_ungranted: [{action: delete, after: 9999999d}]"), "mapping.yaml:5:46: apps.zoom.when_ungranted[0].after: is longer than 3650d"},
		{"steps out of order", one("connection: c\nwhen_ungranted: [{action: suspend, after: 7d}, delete]"), "mapping.yaml:5:52: apps.zoom.when_ungranted[1]: comes after a step with a later `after`: write steps in the order of time, each counted from the moment the account became unwanted"},
		{"a step without action", one("connection: c\nwhen_ungranted: [{after: 7d}]"), "mapping.yaml:5:22: apps.zoom.when_ungranted[0]: names no action"},
		{"a transfer to nobody", one("connection: c\nwhen_ungranted: [{action: delete, transfer: {what: [x]}}]"), "mapping.yaml:5:49: apps.zoom.when_ungranted[0].transfer: says nobody who receives: give it `to`"},
		{"a budget", one("connection: c\nbudget: {percent: 110}"), "mapping.yaml:5:23: apps.zoom.budget.percent: must be between 0 and 100, but is 110"},
		{"a budget upside down", one("connection: c\nbudget: {at_least: 30}"), "mapping.yaml:5:13: apps.zoom.budget: at_least (30) is more than at_most (25)"},
		{"a budget without window", one("connection: c\nbudget: {window: 0s}"), "mapping.yaml:5:22: apps.zoom.budget.window: must be at least 60s"},
		{"an empty set", "version: 1\ngroups: {a: {any: []}, b: []}", "mapping.yaml:2:13: groups.a.any: names no group\nmapping.yaml:2:27: groups.b: names no group"},
		{"two faults at once", one("connection: c\nmode: off\nrank: high"),
			"mapping.yaml:5:11: apps.zoom.mode: must be observe, enforce or paused, but is off\n" +
				"mapping.yaml:6:11: apps.zoom.rank: must be a list, but is text"},
		{"an expression, placed exactly", one("connection: c\nprofile: {name: user.title + 'x'}"), `mapping.yaml:5:21: apps.zoom.profile.name: user.title may be absent: write user.title ?? "" or test it first`},
		{"an expression in quotes", one("connection: c\ndeny: [{group: g, when: 'user.active && user.title startsWith \"A\"'}]"), `mapping.yaml:5:45: apps.zoom.deny[0].when: user.title may be absent: write user.title ?? "" or test it first`},
		{"an expression with escapes", "version: 1\npeople: {exclude: \"user.title == \\\"x\\\" || user.titel == nil\"}", "mapping.yaml:2:19: people.exclude: user has no attribute titel; did you mean title? (line 1, column 27 of the expression)"},
		{"an expression over two lines", "version: 1\npeople:\n  exclude: |\n    user.active &&\n    user.nick == nil\n", "mapping.yaml:5:10: people.exclude: user has no attribute nick; did you mean nickName?"},
		{"an expression that does not parse", "version: 1\npeople: {exclude: 'user.title =='}", "mapping.yaml:2:32: people.exclude: the expression does not compile: unexpected token EOF"},
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			t.Parallel()
			_, err := mapping.Parse([]byte(test.src))
			var problems *mapping.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want problems", err)
			}
			if got := problems.Error(); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestParseBounds(t *testing.T) {
	t.Parallel()
	if _, err := mapping.Parse([]byte("version: 1\n#" + strings.Repeat("x", mapping.MaxDocument))); err == nil || !strings.Contains(err.Error(), "at most 1048576 are read") {
		t.Errorf("too long: got %v", err)
	}
	many := "version: 1\n" + strings.Repeat("x: 1\n", 200)
	var problems *mapping.Problems
	if _, err := mapping.Parse([]byte(many)); !errors.As(err, &problems) || len(problems.List) != 50 || problems.More != 150 {
		t.Errorf("many problems: got %d and %d more, want 50 and 150", len(problems.List), problems.More)
	}
	if _, err := mapping.Parse([]byte("version: 1\napps: " + strings.Repeat("[", 100_000))); err == nil {
		t.Error("100,000 brackets: got no error")
	}
	if _, err := mapping.Parse([]byte("version: 1\npeople: {exclude: '" + strings.Repeat("(", 100_000) + "'}")); err == nil || !strings.Contains(err.Error(), "at most 4096") {
		t.Errorf("100,000 parentheses: got %v", err)
	}
}

func TestParseReadsTheWholeDocument(t *testing.T) {
	t.Parallel()
	doc := parse(t, acme)
	app, ok := doc.App("gorgias")
	if !ok || len(doc.Apps) != 2 || len(doc.Groups) != 1 {
		t.Fatalf("got %d apps and %d sets", len(doc.Apps), len(doc.Groups))
	}
	if got, want := app.Grants[3].Until, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("until: got %v, want %v: a date is valid through its end", got, want)
	}
	if got, want := app.Grants[3].Person.Pos, (mapping.Pos{Line: 15, Column: 18}); got != want {
		t.Errorf("position: got %v, want %v", got, want)
	}
	if got, want := app.WhenDeactivated.String(), "[demote, delete after 1d]"; got != want {
		t.Errorf("steps: got %s, want %s", got, want)
	}
	if got, want := app.Budget, mapping.DefaultBudgets(); got != want {
		t.Errorf("budget: got %v, want %v", got, want)
	}
}

func TestParseDefaultsAndShortForms(t *testing.T) {
	t.Parallel()
	doc := parse(t, "version: 1\ngroups: {all: [A, B]}\napps:\n  zoom:\n    connection: c\n    grants:\n      - {person: a, until: '2026-07-01T12:00:00+02:00'}\n      - {person: b, until: 2026-07-01T10:00:00Z}\n    budget: {at_most: 50, window: 90s}\n")
	app := doc.Apps[0]
	if app.Mode != mapping.Observe {
		t.Errorf("mode: got %s, want observe", app.Mode)
	}
	if got, want := app.Budget.Budget, (mapping.Budget{Percent: 10, AtLeast: 3, AtMost: 50, Window: 90 * time.Second}); got != want {
		t.Errorf("budget: got %v, want %v", got, want)
	}
	if app.WhenDeactivated != nil || app.Grants[0].Until != app.Grants[1].Until || len(doc.Groups[0].Any) != 2 {
		t.Errorf("got %+v", app)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(acme)
	f.Add("version: 1\napps: {a: {connection: &x b, grants: [*x]}}")
	f.Add("version: 1\npeople: {exclude: |\n user.active}\n")
	f.Add("version: 1\npeople:\n  exclude: >-\n    user.title\n    == nil\n")
	f.Add("? [a]\n: b\n")
	f.Add("{version: 1, groups: {\"\": [\"\"]}, apps: {a: {connection: c, budget: {window: 1d}}}}")
	f.Fuzz(func(t *testing.T, src string) {
		doc, err := mapping.Parse([]byte(src))
		var problems *mapping.Problems
		switch {
		case err == nil:
			if lines := mapping.Diff(doc, doc); len(lines) != 0 {
				t.Errorf("a document differs from itself: %v", lines)
			}
			if m, wrong := mapping.Compile(doc, apps(), both); wrong == nil {
				_ = m.With(1, nil)
			} else if !errors.As(wrong, &problems) {
				t.Errorf("Compile: got %T, want *Problems", wrong)
			}
		case !errors.As(err, &problems) || len(problems.List) == 0:
			t.Errorf("got %T (%v), want *Problems with at least one", err, err)
		}
	})
}
