package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
)

// aPlan is a plan against version 7 that takes accounts from n people.
func aPlan(n int) admin.PlanReply {
	remove := provision.Tally{Count: n}
	for _, name := range []string{"bo@acme.example", "lee@acme.example"}[:min(n, 2)] {
		remove.First = append(remove.First, provision.Affected{UserName: name, Text: "no grant of Gorgias applies"})
	}
	free := 4
	var over []provision.Kind
	if n > 3 {
		over = []provision.Kind{provision.Removals}
	}
	return admin.PlanReply{
		Version: 7,
		Diff:    []string{"~ gorgias: mode observe → enforce", "- gorgias: grant {group: Support}", "+ zoom: grant {group: Sales}"},
		Preview: provision.Preview{Removals: n, Confirm: n, People: 31, Apps: []provision.AppPreview{
			{App: "gorgias", Mode: mapping.Enforce, Accounts: 24, Limits: map[provision.Kind]int{provision.Removals: 3}, Over: over,
				Hurts: map[provision.Kind]provision.Tally{provision.AdminGrants: {Count: 1, First: []provision.Affected{{UserName: "zoe@acme.example", Text: "get the administrator's role admin"}}}},
				Seats: []provision.SeatsPlan{{Licence: "agent", Needed: 6, Freed: 2, Free: &free}, {Licence: "lite", Needed: 1, Unknown: "Gorgias does not tell"}},
				Fates: provision.Fates{
					Delete:  remove,
					Suspend: provision.Tally{Count: 1, First: []provision.Affected{{UserName: "sue@acme.example", Text: "no grant of Gorgias applies"}}},
					Create: provision.Tally{Count: 6, First: []provision.Affected{
						{UserName: "kim@acme.example", Text: "granted by okta/Support (line 12)"}, {UserName: "ann@acme.example", Text: "granted by okta/Support (line 12)"}, {Person: uuid.MustParse("01a1ffff-0000-7000-8000-000000000001")}, {UserName: "eve@acme.example"}, {UserName: "max@acme.example"},
					}},
					Change:  provision.Tally{Count: 1, First: []provision.Affected{{UserName: "zoe@acme.example", Text: "role agent → admin: granted by okta/Leads (line 13)"}}},
					Failing: provision.Tally{Count: 1, First: []provision.Affected{{UserName: "ida@acme.example", Text: "line 9: user.country is not there"}}},
				},
			},
			{App: "slack", Mode: mapping.Enforce, Accounts: 3, Disconnected: true},
			{App: "zoom", Mode: mapping.Observe, New: true},
		}},
		Warnings: []mapping.Problem{{Line: 2, Column: 3, Path: "apps.zoom", Message: "nobody can ever match"}},
		Waiting:  []mapping.GroupRef{{App: "zoom", Name: "okta/Sales", Line: 12}},
	}
}

// edits serves the mapping's routes: the plan takes accounts from as many people as planned says, and an apply is refused unless it
// confirms as many as really says. What was applied is counted.
type edits struct {
	planned, really int
	applied         int
	query           string
}

func (e *edits) routes() map[string]http.HandlerFunc {
	apply := func(w http.ResponseWriter, r *http.Request) {
		e.query = r.URL.RawQuery
		if got := r.URL.Query().Get("confirm"); got != strings.TrimSuffix(count(e.really, "", ""), " ") && (got != "" || e.really != 0) {
			plan := aPlan(e.really)
			reply := admin.ErrorReply{Preview: &plan}
			reply.Error.Code, reply.Error.Message = admin.Unconfirmed, "by now there are others; plan again"
			refuseWith(http.StatusConflict, reply)(w, r)
			return
		}
		e.applied++
		answer(admin.ApplyReply{Version: versions.Version{Number: 8}})(w, r)
	}
	return map[string]http.HandlerFunc{
		"POST /mapping/plan":     func(w http.ResponseWriter, r *http.Request) { answer(aPlan(e.planned))(w, r) },
		"PUT /mapping":           apply,
		"POST /mapping/rollback": apply,
		"GET /mapping":           func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) },
		"GET /mapping/versions":  answer(make([]versions.Version, 7)),
	}
}

func TestWhoConfirmsAnEdit(t *testing.T) {
	t.Parallel()
	person := terminal{in: true}
	for _, tc := range []struct {
		name            string
		planned, really int
		terminal        terminal
		stdin           string
		args            []string
		code            int
		says            string // on either stream
		query           string // of the apply; "" when none may be sent
	}{
		{name: "nobody loses anything", code: exitDone, says: "Version 8 is in force.", query: "expect=7"},
		{name: "without a terminal", planned: 2, code: exitUnconfirmed, says: "2 people lose accounts: look at it and run this again with --yes; nothing changed"},
		{name: "without a terminal, with --yes", planned: 2, really: 2, args: []string{"--yes"}, code: exitDone, says: "Version 8", query: "confirm=2&expect=7"},
		{name: "a person types the number", planned: 2, really: 2, terminal: person, stdin: "2\n", code: exitDone, says: "Type 2 to go on", query: "confirm=2&expect=7"},
		{name: "a person types y", planned: 2, terminal: person, stdin: "y\n", code: exitUnconfirmed, says: `not confirmed: "y" was typed, not 2; nothing changed`},
		{name: "a person goes away", planned: 1, terminal: person, code: exitUnconfirmed, says: "1 person loses an account. Type 1 to go on"},
		{name: "there are more of them by then", planned: 2, really: 5, args: []string{"--yes"}, code: exitUnconfirmed, says: "5 people lose accounts through this edit.", query: "confirm=2&expect=7"},
		{name: "another version is expected", args: []string{"--expect", "6"}, code: exitRefused, says: "version 7 of the mapping is in force, not 6"},
		{name: "a comment", args: []string{"--comment", "IT-412"}, code: exitDone, query: "comment=IT-412&expect=7"},
		{name: "a comment without end", args: []string{"--comment", strings.Repeat("x", 1001)}, code: exitUse, says: "--comment has more than 1000 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := &edits{planned: tc.planned, really: tc.really}
			w := api(t, e.routes())
			w.terminal, w.stdin = tc.terminal, tc.stdin
			code, stdout, stderr := w.run(append([]string{"apply", "-f", w.file("mapping.yaml", "version: 1\n")}, tc.args...)...)
			if code != tc.code || !strings.Contains(stdout+stderr, tc.says) {
				t.Errorf("exit code %d, want %d and %q, got:\n%s%s", code, tc.code, tc.says, stdout, stderr)
			}
			if e.query != tc.query || (e.applied == 1) != (code == exitDone) {
				t.Errorf("applied %d times with %q, want %q", e.applied, e.query, tc.query)
			}
		})
	}
}

func TestADocumentFromStandardInputCannotBeConfirmedThere(t *testing.T) {
	t.Parallel()
	e := &edits{planned: 2, really: 2}
	w := api(t, e.routes())
	w.terminal, w.stdin = terminal{in: true}, "2\n"
	if code, _, _ := w.run("apply", "-f", "-"); code != exitUnconfirmed || e.applied != 0 {
		t.Errorf("exit code %d, applied %d times", code, e.applied)
	}
}

func TestRollback(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args  []string
		code  int
		query string
		says  string
	}{
		{nil, exitDone, "expect=7&to=6", "Version 8 is in force."},
		{[]string{"--to", "3"}, exitDone, "expect=7&to=3", "Version 8 is in force."},
		{[]string{"--comment", "IT-413", "--expect", "7"}, exitDone, "comment=IT-413&expect=7&to=6", "Version 8 is in force."},
		{[]string{"--expect", "6"}, exitRefused, "", "version 7 of the mapping is in force, not 6"},
		{[]string{"--to", "9"}, exitRefused, "", "there is no version 9 of the mapping; the newest is 7"},
	} {
		e := &edits{}
		w := api(t, e.routes())
		code, stdout, stderr := w.run(append([]string{"rollback"}, tc.args...)...)
		if code != tc.code || e.query != tc.query || !strings.Contains(stdout+stderr, tc.says) {
			t.Errorf("%v: exit code %d, query %q, want %d, %q and %q, got:\n%s%s", tc.args, code, e.query, tc.code, tc.query, tc.says, stdout, stderr)
		}
	}
}

func TestProblemsOfAMappingShowTheirPlace(t *testing.T) {
	t.Parallel()
	document := "version: 1\napps:\n  gorgias:\n    mode: enforced\n    grants: [" + strings.Repeat("{group: a}, ", 20) + "{grop: a}]\n"
	var r admin.ErrorReply
	r.Error.Code, r.Error.Message = admin.BadRequest, "mapping.yaml:4:11: …\nand 3 more"
	r.Error.Problems = []mapping.Problem{
		{Line: 4, Column: 11, Path: "apps.gorgias.mode", Message: "must be observe, enforce or paused, but is enforced"},
		{Line: 5, Column: 255, Path: "apps.gorgias.grants[20]", Message: `unknown key "grop"; did you mean group?`},
		{Line: 99, Message: "beyond the end"},
		{Message: "the document is not for this version"},
	}
	w := api(t, map[string]http.HandlerFunc{"POST /mapping/plan": refuseWith(http.StatusBadRequest, r)})
	w.stdin = document
	code, stdout, stderr := w.run("plan", "-f", "-")
	if code != exitUse || stdout != "" {
		t.Errorf("exit code %d, stdout %q", code, stdout)
	}
	golden(t, "problems.txt", stderr)
}

func TestExport(t *testing.T) {
	t.Parallel()
	w := api(t, map[string]http.HandlerFunc{"GET /mapping": func(w http.ResponseWriter, r *http.Request) {
		if _, err := w.Write([]byte("version: 1 # " + r.URL.RawQuery + "\n")); err != nil {
			panic(err)
		}
	}})
	if _, stdout, _ := w.run("export", "--version", "5"); stdout != "version: 1 # version=5\n" {
		t.Errorf("stdout = %q", stdout)
	}
	if _, stdout, _ := w.run("export", "--output", "json"); stdout != "{\n  \"mapping\": \"version: 1 # \\n\"\n}\n" {
		t.Errorf("as JSON: %q", stdout)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	w := api(t, map[string]http.HandlerFunc{"GET /mapping/versions": answer([]versions.Version{
		{Number: 1, At: noon.AddDate(-1, 0, 0), Actor: audit.Actor{Name: "bo"}},
		{Number: 2, At: noon.AddDate(0, 0, -3), Actor: audit.Actor{Name: "ann"}, Confirmed: 12, Comment: "IT-412"},
		{Number: 3, At: noon, Actor: audit.Actor{Name: "ann"}, Confirmed: 1, Exceeding: 640, Comment: "IT-420"},
	})})
	_, stdout, _ := w.run("versions")
	golden(t, "versions.txt", stdout)
}
