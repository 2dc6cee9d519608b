package mapping_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/mapping"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	base := "version: 1\napps:\n  zoom:\n    connection: zoom-prod\n    grants:\n      - {group: A, role: x}\n      - {group: B, role: x}\n"
	change := func(old, now string) string {
		if !strings.Contains(base, old) {
			panic("the base document has no " + old)
		}
		return strings.Replace(base, old, now, 1)
	}
	tests := []struct {
		about, before, after string
		want                 []string
	}{
		{"nothing", base, base, nil},
		{"layout and order", base, "# a comment\nversion: 1\napps: {zoom: {grants: [{role: x, group: B}, {group: A, role: x}], connection: zoom-prod}}", nil},
		{"a first document", "", base, []string{"+ app zoom (connection zoom-prod, mode observe, 2 grants)", "+ zoom: grant {group: A, role: x}", "+ zoom: grant {group: B, role: x}"}},
		{"an app leaves", base, "version: 1", []string{"- app zoom (connection zoom-prod, mode observe, 2 grants)"}},
		{"an app gets another key", base, change("zoom:\n", "z2:\n    renamed_from: zoom\n"), []string{"~ z2: key zoom → z2"}},
		{"a grant changes", base, change("{group: A, role: x}", "{group: A, role: y, until: 2026-01-01, teams: [t, s]}"), []string{"~ z: grant {group: A, role: x} → {group: A, role: y, teams: [s, t], until: 2026-01-02T00:00:00Z}"}},
		{"a grant comes", base, change("{group: A, role: x}", "{group: A, role: x}\n      - {person: p, when: 'user.active'}"), []string{"+ z: grant {person: p, when: user.active}"}},
		{"a grant goes", base, change("      - {group: A, role: x}\n", ""), []string{"- z: grant {group: A, role: x}"}},
		{"the rest", base, change("connection: zoom-prod", "connection: other\n    mode: enforce\n    rank: [a]\n    deny: [{group: D}]\n    profile: {n: user.title}\n    protect: [p]\n    when_ungranted: [{action: delete, after: 7d, transfer: {to: user.manager, else: a@b, what: [m]}}]\n    budget: {percent: 5}"), []string{
			"~ z: connection zoom-prod → other", "~ z: mode observe → enforce", "+ z: rank [a]", "+ z: deny {group: D}", "+ z: profile.n user.title",
			"+ z: when_ungranted [delete after 7d with transfer to user.manager, else a@b of m]", "+ z: protect p",
			"~ z: budget 10 %, at least 3, at most 25 in 1d → 5 %, at least 3, at most 25 in 1d",
		}},
		{"what concerns all", base, "groups: {s: [A, B]}\npeople: {exclude: 'false'}\n" + base, []string{"+ people.exclude false", "+ groups.s [A, B]"}},
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			t.Parallel()
			var before *mapping.Document
			if test.before != "" {
				before = parse(t, test.before)
			}
			var got []string
			for _, line := range mapping.Diff(before, parse(t, test.after)) {
				got = append(got, line.String())
			}
			var want []string
			for _, line := range test.want {
				want = append(want, strings.Replace(line, " z: ", " zoom: ", 1))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("lines differ (-want +got):\n%s", diff)
			}
		})
	}
}
