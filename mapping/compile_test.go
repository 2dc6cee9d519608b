package mapping_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
)

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	gorgias := func(body string) string {
		return "version: 1\napps:\n  gorgias:\n    connection: gorgias-prod\n    " + body + "\n"
	}
	tests := []struct {
		about, src string
		sources    []directory.Source
		want       string
	}{
		{"an unknown connection", one("connection: zoom-prd"), both, "mapping.yaml:4:17: apps.zoom.connection: there is no connection zoom-prd; did you mean zoom-prod?"},
		{"an unknown connection like none", one("connection: salesforce"), both, "mapping.yaml:4:17: apps.zoom.connection: there is no connection salesforce; known are gorgias-prod, plain-prod and zoom-prod"},
		{"two apps on one connection", "version: 1\napps:\n  a: {connection: zoom-prod}\n  b: {connection: zoom-prod}", both,
			"mapping.yaml:4:19: apps.b.connection: the connection zoom-prod is that of the app a already: one connection is one app"},
		{"an unknown role", gorgias("grants: [{group: okta/A, role: boss}]"), both, "mapping.yaml:5:36: apps.gorgias.grants[0].role: Gorgias has no role boss; it has admin, agent, basic-agent, lite-agent and observer-agent"},
		{"a licence where there are none", gorgias("grants: [{group: okta/A, licence: pro}]"), both, "mapping.yaml:5:39: apps.gorgias.grants[0].licence: Gorgias has no licences"},
		{"an unknown licence", one("connection: zoom-prod\ngrants: [{group: okta/A, licence: gold}]"), both, "mapping.yaml:5:39: apps.zoom.grants[0].licence: Zoom has no licence gold; it has licensed and basic"},
		{"teams where there are none", one("connection: plain-prod\nprofile: {login: user.userName}\ngrants: [{group: okta/A, teams: [x]}]"), both, "mapping.yaml:6:38: apps.zoom.grants[0].teams: Plain has no teams"},
		{"a rank of unknown words", gorgias("rank: [admin, agnet]"), both, "mapping.yaml:5:19: apps.gorgias.rank[1]: Gorgias has no role or licence agnet; did you mean agent?"},
		{"roles that the rank leaves out", gorgias("rank: [admin]\n    grants: [{group: okta/A, role: admin}, {group: okta/B, role: agent}]"), both,
			"mapping.yaml:6:66: apps.gorgias.grants[1].role: the role agent is not in `rank`, so nobody can tell whether it is stronger than admin"},
		{"open roles without a rank", one("connection: zoom-prod\ngrants: [{group: okta/A, role: Agents}, {group: okta/B, role: Heads}]"), both,
			"mapping.yaml:5:36: apps.zoom.grants[0].role: the role Agents is not in `rank`, so nobody can tell whether it is stronger than Heads\n" +
				"mapping.yaml:5:67: apps.zoom.grants[1].role: the role Heads is not in `rank`, so nobody can tell whether it is stronger than Agents"},
		{"a suspend the app has not", gorgias("when_ungranted: [suspend]"), both, "mapping.yaml:5:22: apps.gorgias.when_ungranted[0]: Gorgias has no suspend; it has demote and delete"},
		{"a milder step behind", one("connection: zoom-prod\nwhen_ungranted: [delete, suspend]"), both, "mapping.yaml:5:30: apps.zoom.when_ungranted[1]: suspend does nothing after delete: write steps from the weakest to the strongest"},
		{"a step twice", one("connection: zoom-prod\nwhen_ungranted: [delete, delete]"), both, "mapping.yaml:5:30: apps.zoom.when_ungranted[1]: delete does nothing after delete: write steps from the weakest to the strongest"},
		{"a transfer the app has not", gorgias("when_ungranted: [{action: delete, transfer: {to: a@b}}]"), both, "mapping.yaml:5:49: apps.gorgias.when_ungranted[0].transfer: Gorgias cannot move data to somebody else"},
		{"an unknown kind of data", one("connection: zoom-prod\nwhen_ungranted: [{action: delete, transfer: {to: a@b, what: [mails]}}]"), both, "mapping.yaml:5:66: apps.zoom.when_ungranted[0].transfer.what[0]: Zoom cannot move mails; it can move meetings, webinars and recordings"},
		{"a transfer at suspension", one("connection: zoom-prod\nwhen_ungranted: [{action: suspend, transfer: {to: a@b}}]"), both, "mapping.yaml:5:50: apps.zoom.when_ungranted[0].transfer: data is moved when an account ends, not at suspend: put the transfer to the step that does"},
		{"a field the app has not", gorgias("profile: {nme: user.displayName}"), both, "mapping.yaml:5:15: apps.gorgias.profile: Gorgias has no field nme; it has name, timezone and language"},
		{"a required field without a value", one("connection: plain-prod"), both, "mapping.yaml:3:3: apps.zoom.profile: Plain needs the field login and has no default for it: add it to `profile`"},
		{"a bare name with two sources", gorgias("grants: [{group: Support}]"), both, "mapping.yaml:5:22: apps.gorgias.grants[0].group: Support is neither a set under `groups` nor written as source/Name, and there is more than one source: write okta/Support or entra/Support"},
		{"an unknown source", gorgias("grants: [{group: otka/Support}]"), both, "mapping.yaml:5:22: apps.gorgias.grants[0].group: there is no source otka; did you mean okta? (if the group itself is called otka/Support, write okta/otka/Support or entra/otka/Support)"},
		{"a source without a group", gorgias("grants: [{group: okta/}]"), both, "mapping.yaml:5:22: apps.gorgias.grants[0].group: names a source but no group: write okta/Name"},
		{"no source at all", gorgias("grants: [{group: Support}]"), nil, "mapping.yaml:5:22: apps.gorgias.grants[0].group: there is no source yet whose group Support could be: add one with `usher source add`"},
		{"a bad name in a set", "version: 1\ngroups: {a: [Support]}\napps: {gorgias: {connection: gorgias-prod, grants: [{group: a}]}}", both,
			"mapping.yaml:2:14: groups.a.any[0]: Support is neither a set under `groups` nor written as source/Name, and there is more than one source: write okta/Support or entra/Support"},
		{"a former key that is still there", "version: 1\napps:\n  a: {connection: zoom-prod}\n  b: {connection: gorgias-prod, renamed_from: a}", both, "mapping.yaml:4:47: apps.b.renamed_from: an app a stands in the document still"},
		{"two heirs", "version: 1\napps:\n  a: {connection: zoom-prod, renamed_from: x}\n  b: {connection: gorgias-prod, renamed_from: x}", both, "mapping.yaml:4:47: apps.b.renamed_from: the app a says that it was called x, too"},
		{"two problems together", gorgias("when_ungranted: [suspend]\n    grants: [{group: okta/A, role: boss}]"), both,
			"mapping.yaml:5:22: apps.gorgias.when_ungranted[0]: Gorgias has no suspend; it has demote and delete\n" +
				"mapping.yaml:6:36: apps.gorgias.grants[0].role: Gorgias has no role boss; it has admin, agent, basic-agent, lite-agent and observer-agent"},
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			t.Parallel()
			_, err := mapping.Compile(parse(t, test.src), apps(), test.sources)
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

func TestCompileWithoutConnections(t *testing.T) {
	t.Parallel()
	_, err := mapping.Compile(parse(t, one("connection: zoom-prod")), catalog{}, both)
	if got, want := err.Error(), "mapping.yaml:4:17: apps.zoom.connection: there is no connection zoom-prod: there is none yet; make one with `usher connect`"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCompileWarns(t *testing.T) {
	t.Parallel()
	c := compile(t, "version: 1\ngroups: {unused: [okta/A]}\napps:\n  zoom:\n    connection: zoom-prod\n    when_ungranted: []\n  gorgias:\n    connection: gorgias-prod\n    grants: [{group: Eng/Ops}]\n", okta)
	var got []string
	for _, w := range c.Warnings() {
		got = append(got, w.String())
	}
	want := []string{
		"mapping.yaml:2:10: groups.unused: no line uses this set",
		"mapping.yaml:4:3: apps.zoom: has no grants: nobody gets an account",
		"mapping.yaml:6:21: apps.zoom.when_ungranted: is empty: accounts that are no longer wanted stay as they are",
		"mapping.yaml:9:22: apps.gorgias.grants[0].group: no source is called Eng: taken as a group of okta that is called Eng/Ops",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings differ (-want +got):\n%s", diff)
	}
}

func TestGroupNames(t *testing.T) {
	t.Parallel()
	gone := directory.Source{ID: id("old okta"), Name: "okta", Removed: now}
	doc := func(group string) string {
		return "version: 1\ngroups: {set: [okta/A, okta/A/B]}\napps: {zoom: {connection: zoom-prod, grants: [{group: '" + group + "'}]}}"
	}
	tests := []struct {
		about, group string
		sources      []directory.Source
		want         []mapping.GroupRef
	}{
		{"a bare name with one source", "Support", []directory.Source{okta}, []mapping.GroupRef{{Name: "Support", Source: okta.ID, Group: "Support"}}},
		{"a removed source is no candidate", "Support", []directory.Source{gone, entra, okta}[:2], []mapping.GroupRef{{Name: "Support", Source: entra.ID, Group: "Support"}}},
		{"the only source was removed", "Support", []directory.Source{gone}, []mapping.GroupRef{{Name: "Support", Source: gone.ID, Group: "Support"}}},
		{"source/Name", "entra/CX", both, []mapping.GroupRef{{Name: "entra/CX", Source: entra.ID, Group: "CX"}}},
		{"the source's case", "OKTA/CX", both, []mapping.GroupRef{{Name: "OKTA/CX", Source: okta.ID, Group: "CX"}}},
		{"a slash in the group's name", "okta/Eng/Ops", both, []mapping.GroupRef{{Name: "okta/Eng/Ops", Source: okta.ID, Group: "Eng/Ops"}}},
		{"a slash without a source", "Eng/Ops", []directory.Source{okta}, []mapping.GroupRef{{Name: "Eng/Ops", Source: okta.ID, Group: "Eng/Ops"}}},
		{"the living one of two sources of a name", "okta/A", []directory.Source{gone, okta}, []mapping.GroupRef{{Name: "okta/A", Source: okta.ID, Group: "A"}}},
		{"a removed source is named", "okta/A", []directory.Source{gone, entra}, []mapping.GroupRef{{Name: "okta/A", Source: gone.ID, Group: "A"}}},
		{"a set shadows", "set", both, []mapping.GroupRef{{Name: "okta/A", Source: okta.ID, Group: "A"}, {Name: "okta/A/B", Source: okta.ID, Group: "A/B"}}},
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			t.Parallel()
			got := compile(t, doc(test.group), test.sources...).GroupRefs()
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(mapping.GroupRef{}, "App", "Line")); diff != "" {
				t.Errorf("references differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGroupRefsOfTheExample(t *testing.T) {
	t.Parallel()
	want := []mapping.GroupRef{
		{App: "gorgias", Name: "okta/Support", Source: okta.ID, Group: "Support", Line: 3},
		{App: "gorgias", Name: "entra/CX", Source: entra.ID, Group: "CX", Line: 3},
		{App: "gorgias", Name: "okta/Support Leads", Source: okta.ID, Group: "Support Leads", Line: 14},
		{App: "gorgias", Name: "okta/Interns", Source: okta.ID, Group: "Interns", Line: 16},
		{App: "zoom", Name: "okta/Everyone", Source: okta.ID, Group: "Everyone", Line: 27},
		{App: "zoom", Name: "okta/Sales", Source: okta.ID, Group: "Sales", Line: 28},
	}
	c := compile(t, acme, both...)
	if diff := cmp.Diff(want, c.GroupRefs()); diff != "" {
		t.Errorf("references differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, c.With(1, nil).Waiting()); diff != "" {
		t.Errorf("without bindings all wait (-want +got):\n%s", diff)
	}
}

func TestAppOfTheExample(t *testing.T) {
	t.Parallel()
	m := bound(t, acme, both...)
	gorgias, _ := m.App("gorgias")
	zoom, _ := m.App("zoom")
	if got := m.Apps(); len(got) != 2 || got[0] != gorgias || got[1] != zoom {
		t.Errorf("Apps: got %v, want gorgias and zoom", got)
	}
	if diff := cmp.Diff([]string{"French", "Tier 1"}, gorgias.ManagedTeams()); diff != "" {
		t.Errorf("teams (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"name", "timezone"}, gorgias.ManagedFields()); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Owner", "Admin", "Member", "licensed", "basic"}, zoom.Rank); diff != "" {
		t.Errorf("the document ranks licences, the app its roles (-want +got):\n%s", diff)
	}
	steps := []mapping.Step{{Action: "demote"}, {Action: "delete", After: 24 * time.Hour}}
	if diff := cmp.Diff(steps, gorgias.Steps(mapping.Want{Reason: mapping.Deactivated}), cmpopts.IgnoreUnexported(mapping.Transfer{})); diff != "" {
		t.Errorf("steps of a leaver (-want +got):\n%s", diff)
	}
	for _, reason := range []mapping.Reason{mapping.Ungranted, mapping.Denied, mapping.Excluded} {
		if got := gorgias.Steps(mapping.Want{Reason: reason}); len(got) != 1 || got[0].After != 7*24*time.Hour {
			t.Errorf("steps when %s: got %v", reason, got)
		}
	}
	if got := gorgias.Steps(mapping.Want{Wanted: true}); got != nil {
		t.Errorf("steps of somebody wanted: got %v", got)
	}
	if !gorgias.Protects("Owner@ACME.example", "") || !gorgias.Protects("", "OWNER@acme.example") || gorgias.Protects("", "") || gorgias.Protects("kim@acme.example", "7") {
		t.Error("Protects: the listed address alone, without regard to case")
	}
}

func TestStronger(t *testing.T) {
	t.Parallel()
	zoom, _ := bound(t, acme, both...).App("zoom")
	tests := []struct {
		a, b            string
		stronger, known bool
	}{
		{"licensed", "basic", true, true},
		{"basic", "licensed", false, true},
		{"basic", "basic", false, true},
		{"Owner", "Member", true, true},
		{"Owner", "basic", false, false}, // a role and a licence
		{"Owner", "Custom", false, false},
	}
	for _, test := range tests {
		if stronger, known := zoom.Stronger(test.a, test.b); stronger != test.stronger || known != test.known {
			t.Errorf("%s over %s: got %v, %v, want %v, %v", test.a, test.b, stronger, known, test.stronger, test.known)
		}
	}
}

func TestDefaultSteps(t *testing.T) {
	t.Parallel()
	src := "version: 1\napps:\n  g: {connection: gorgias-prod}\n  p: {connection: plain-prod, profile: {login: user.userName}}\n  z: {connection: zoom-prod}\n"
	m := bound(t, src, okta)
	for key, want := range map[string][]mapping.Step{
		"z": {{Action: "suspend"}}, "g": {{Action: "demote"}}, "p": {{Action: "delete", After: 30 * 24 * time.Hour}},
	} {
		app, _ := m.App(key)
		if diff := cmp.Diff(want, app.WhenDeactivated, cmpopts.IgnoreUnexported(mapping.Transfer{})); diff != "" {
			t.Errorf("%s deactivated (-want +got):\n%s", key, diff)
		}
		if diff := cmp.Diff(want, app.WhenUngranted, cmpopts.IgnoreUnexported(mapping.Transfer{})); diff != "" {
			t.Errorf("%s ungranted (-want +got):\n%s", key, diff)
		}
	}
}

func TestReceivers(t *testing.T) {
	t.Parallel()
	transfer := func(t *testing.T, to, otherwise string) *mapping.Transfer {
		t.Helper()
		src := one("connection: zoom-prod\nwhen_deactivated: [{action: delete, transfer: {to: '" + to + "', else: '" + otherwise + "'}}]")
		app, _ := bound(t, src, okta).App("zoom")
		return app.WhenDeactivated[0].Transfer
	}
	tests := []struct {
		about, to, otherwise string
		person               *directory.Person
		want                 []string
	}{
		{"the manager, then an address", "user.manager", "it@acme.example", kim(), []string{"m-1", "it@acme.example"}},
		{"no manager", "user.manager", "it@acme.example", nobody(), []string{"it@acme.example"}},
		{"nobody at all", "user.manager", "user.email", nobody(), nil},
		{"never the leaver", "user.email", "KIM@acme.example", kim(), nil},
		{"each once", "it@acme.example", "IT@acme.example", kim(), []string{"it@acme.example"}},
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, transfer(t, test.to, test.otherwise).Receivers(test.person)); diff != "" {
				t.Errorf("receivers differ (-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff([]string{"meetings", "webinars", "recordings"}, transfer(t, "user.manager", "it@acme.example").What); diff != "" {
		t.Errorf("without `what` everything moves (-want +got):\n%s", diff)
	}
	byHand := &mapping.Transfer{To: "it@acme.example"}
	if diff := cmp.Diff([]string{"it@acme.example"}, byHand.Receivers(kim())); diff != "" {
		t.Errorf("an address needs no compiling (-want +got):\n%s", diff)
	}
}

func TestBindings(t *testing.T) {
	t.Parallel()
	c := compile(t, one("connection: zoom-prod\ngrants: [{group: okta/Sales}]"), okta)
	key := mapping.BindingKey{App: "zoom", Name: "okta/Sales"}
	sales := mapping.Binding{App: "zoom", Name: "okta/Sales", Source: okta.ID, Group: id("new"), Previous: []uuid.UUID{id("old")}}
	p := person(directory.Membership{Group: id("old"), Source: okta.ID, Name: "Sales", Deleted: now})

	if got := want(t, c.With(1, nil), "zoom", p, now); got.Reason != mapping.Ungranted {
		t.Errorf("an unbound name: got %s, want ungranted", got.Reason)
	}
	m := c.With(1, mapping.Bindings{key: sales})
	if got := want(t, m, "zoom", p, now); got.Reason != mapping.Frozen || !got.Next.Equal(now.Add(mapping.Freeze)) {
		t.Errorf("a member of the group before: got %s until %v, want frozen for %v", got.Reason, got.Next, mapping.Freeze)
	}
	p.Memberships = append(p.Memberships, directory.Membership{Group: id("new"), Source: okta.ID, Name: "Sales"})
	if got := want(t, m, "zoom", p, now); got.Reason != mapping.Granted || !got.Next.IsZero() {
		t.Errorf("a member of both: got %s until %v, want granted for good", got.Reason, got.Next)
	}
	if got, ok := m.Binding("zoom", "okta/Sales"); !ok || got.Group != sales.Group || len(m.Bindings()) != 1 || len(m.Waiting()) != 0 {
		t.Errorf("Binding: got %v, %v", got, ok)
	}
}

func TestEmpty(t *testing.T) {
	t.Parallel()
	m := mapping.Empty()
	if m.Version() != 0 || len(m.Apps()) != 0 || len(m.GroupRefs()) != 0 {
		t.Errorf("got version %d with %d apps", m.Version(), len(m.Apps()))
	}
	if _, err := m.Want("zoom", person(), now); err == nil || err.Error() != "the mapping has no app zoom" {
		t.Errorf("an unknown app: got %v", err)
	}
}
