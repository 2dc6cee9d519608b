package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/provision"
)

func TestWrongUse(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args string
		want string // in the error
	}{
		{"statsu", `usher has no command "statsu"; did you mean status?`},
		{"source ad", `usher source has no command "ad"; did you mean add?`},
		{"secret frobnicate", `usher secret has no command "frobnicate"`},
		{"source add", "NAME is missing"},
		{"source add a b", `"b" is one argument too many`},
		{"source add okta --kind workday", `--kind: the kind "workday" is not one of generic, okta`},
		{"source add okta --rank first", `--rank: "first" is not a whole number`},
		{"approve --app zoom --all --count some", `--count: "some" is not a whole number`},
		{"audit export --after -1", `--after: "-1" is not a whole number from 0 on`},
		{"pause zoom --reason x --for soon", `--for: "soon" is not a length of time such as 30m, 2h or 3d`},
		{"pause zoom --reason x --for -1h", `--for: "-1h" is not a length of time`},
		{"pause zoom --reason x --for 0d", "--for is a length of time"},
		{"apply -f mapping.yaml --ring=", "--ring is given and empty"},
		{"approve --app zoom --source=", "--source is given and empty"},
		{"holds --kind strange", `--kind: "strange" is not one of budget, admin`},
		{"approve --app zoom --all --kind strange", `--kind: "strange" is not one of`},
		{"status now", `"now" is one argument too many`},
		{"status --colour", "unknown flag: --colour"},
		{"status --output xml", `--output: "xml" is neither text nor json`},
		{"why kim", "APP is missing"},
		{"connect gorgias", "-f FILE is missing"},
		{"connect gorgias -f missing.yaml", "open missing.yaml: no such file"},
		{"plan", "-f FILE is missing"},
		{"apply", "-f FILE is missing"},
		{"approve", "ID is missing"},
		{"approve --all", "--app is missing"},
		{"approve --app zoom", "--app and --kind go with --all"},
		{"reject x --app zoom --all", "give ids, or --app APP --all, not both"},
		{"secret set Not-A-Name", `"Not-A-Name" cannot be the name of a secret`},
		{"serve now", `"now"`},
		{"serve --quiet-pause soon", `--quiet-pause: "soon" is not a time`},
		{"sandbox --listen 0.0.0.0:8490", "is not loopback"},
		{"sandbox --listen here", "is not an address"},
		{"status --config missing.yaml", "missing.yaml"},
	} {
		t.Run(tc.args, func(t *testing.T) {
			t.Parallel()
			w := &world{t: t, data: "nowhere", now: noon}
			code, stdout, stderr := w.run(strings.Fields(tc.args)...)
			if code != exitUse || !strings.Contains(stderr, tc.want) || stdout != "" {
				t.Errorf("exit code %d, stdout %q, stderr %q, want code %d and %q", code, stdout, stderr, exitUse, tc.want)
			}
		})
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	w := &world{t: t, data: t.TempDir(), now: noon}
	code, _, stderr := w.run("status")
	if want := "no usher serves " + w.data + ": start `usher serve --data " + w.data + "`"; code != exitUnreachable || !strings.Contains(stderr, want) {
		t.Errorf("no socket: exit code %d, stderr %q, want %d and %q", code, stderr, exitUnreachable, want)
	}
	// A server that was killed leaves its socket behind.
	w.file("usher.sock", "")
	if code, _, stderr = w.run("status"); code != exitUnreachable || !strings.Contains(stderr, "no usher serves") {
		t.Errorf("a socket left over: exit code %d, stderr %q", code, stderr)
	}
	w.data = "/" + strings.Repeat("long", 40)
	if code, _, stderr = w.run("status"); code != exitUse || !strings.Contains(stderr, "choose a shorter data folder") {
		t.Errorf("a path too long: exit code %d, stderr %q", code, stderr)
	}
}

func TestWhatTheServerSaysDecidesTheExitCode(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status int
		code   admin.Code
		want   int
	}{
		{http.StatusBadRequest, admin.BadRequest, exitUse},
		{http.StatusNotFound, admin.NotFound, exitRefused},
		{http.StatusConflict, admin.Conflict, exitRefused},
		{http.StatusForbidden, admin.Forbidden, exitRefused},
		{http.StatusConflict, admin.Unconfirmed, exitUnconfirmed},
		{http.StatusBadGateway, admin.Vendor, exitFailed},
		{http.StatusServiceUnavailable, admin.Unavailable, exitFailed},
		{http.StatusInternalServerError, admin.Internal, exitFailed},
	} {
		w := api(t, map[string]http.HandlerFunc{"GET /why": refuse(tc.status, tc.code, "so it is")})
		code, stdout, stderr := w.run("why", "kim", "gorgias")
		if code != tc.want || stderr != "usher: so it is\n" || stdout != "" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q, want %d", tc.code, code, stdout, stderr, tc.want)
		}
		code, _, stderr = w.run("why", "kim", "gorgias", "--output", "json")
		if want := `{"error":{"code":"` + string(tc.code) + `","message":"so it is"}}` + "\n"; code != tc.want || stderr != want {
			t.Errorf("%s as JSON: exit code %d, stderr %q, want %q", tc.code, code, stderr, want)
		}
	}
}

func TestAnErrorOfTheCommandItselfIsJSONToo(t *testing.T) {
	t.Parallel()
	w := &world{t: t, data: t.TempDir(), now: noon}
	_, _, stderr := w.run("status", "--output", "json")
	if !strings.HasPrefix(stderr, `{"error":{"code":"unavailable","message":"no usher serves `) {
		t.Errorf("stderr = %q, want an error as the API writes it", stderr)
	}
}

func TestAServerThatHangsUp(t *testing.T) {
	t.Parallel()
	w := api(t, map[string]http.HandlerFunc{"GET /status": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }})
	code, _, stderr := w.run("status")
	if code != exitFailed || !strings.Contains(stderr, "ended the connection before it answered") {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	w = api(t, map[string]http.HandlerFunc{"GET /status": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }})
	code, _, stderr = w.run("status")
	if code != exitFailed || !strings.Contains(stderr, "502 Bad Gateway and does not say why") {
		t.Errorf("an answer that is not the API's: exit code %d, stderr %q", code, stderr)
	}
}

func TestWhichServer(t *testing.T) {
	t.Parallel()
	w := api(t, map[string]http.HandlerFunc{"GET /holds": answer([]admin.HoldReply{})})
	w.env = map[string]string{"USHER_DATA": "elsewhere"}
	if code, stdout, stderr := w.run("holds"); code != exitDone || stdout != "Nothing is held.\n" {
		t.Errorf("--data over USHER_DATA: exit code %d, %q, %q", code, stdout, stderr)
	}
	file := w.file("settings.yaml", "data: "+w.data+"\n")
	var out, errs strings.Builder
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, output: asText, now: w.clock, lookupEnv: func(string) (string, bool) { return "", false }}
	if code := a.execute(t.Context(), []string{"holds", "--config", file}); code != exitDone {
		t.Errorf("--config: exit code %d, %s", code, errs.String())
	}
}

func TestTheActorIsTold(t *testing.T) {
	t.Parallel()
	w := api(t, map[string]http.HandlerFunc{
		"GET /sources/okta/removal": answer(provision.SourceRemoval{Source: "okta"}),
		"DELETE /sources/okta": func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get(admin.ActorHeader); got != "ann" {
				http.Error(w, "who is "+got, http.StatusTeapot)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		},
	})
	if code, _, stderr := w.run("source", "remove", "okta"); code != exitDone {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

func TestTheTokenIsAloneOnStandardOutput(t *testing.T) {
	t.Parallel()
	w := api(t, map[string]http.HandlerFunc{
		"POST /sources":             answer(admin.TokenReply{Source: admin.SourceReply{Name: "okta"}, Token: "usher_abc"}),
		"POST /sources/okta/rotate": answer(admin.TokenReply{Source: admin.SourceReply{Name: "okta", Tokens: 2}, Token: "usher_def"}),
	})
	if _, stdout, stderr := w.run("source", "add", "okta", "--kind", "okta"); stdout != "usher_abc\n" || !strings.Contains(stderr, "not shown again") {
		t.Errorf("stdout %q, stderr %q", stdout, stderr)
	}
	if _, stdout, stderr := w.run("source", "rotate", "okta", "--keep-old"); stdout != "usher_def\n" || !strings.Contains(stderr, "it has 2 now") {
		t.Errorf("stdout %q, stderr %q", stdout, stderr)
	}
}

func TestSecretsAreReadFromStandardInput(t *testing.T) {
	t.Parallel()
	var got string
	w := api(t, map[string]http.HandlerFunc{"PUT /secrets/gorgias.key": func(w http.ResponseWriter, r *http.Request) {
		var b strings.Builder
		if _, err := copyTo(&b, r); err != nil {
			panic(err)
		}
		got = b.String()
		w.WriteHeader(http.StatusNoContent)
	}})
	w.stdin = "p ass\r\n"
	if code, stdout, stderr := w.run("secret", "set", "gorgias.key"); code != exitDone || got != "p ass" || strings.Contains(stdout+stderr, "p ass") {
		t.Errorf("exit code %d, stored %q, told %q %q", code, got, stdout, stderr)
	}
	w.stdin = "\n"
	if code, _, stderr := w.run("secret", "set", "gorgias.key"); code != exitUse || !strings.Contains(stderr, "standard input gave none") {
		t.Errorf("an empty one: exit code %d, %q", code, stderr)
	}
	w.terminal.secret = hidden("typed")
	if code, _, _ := w.run("secret", "set", "gorgias.key"); code != exitDone || got != "typed" {
		t.Errorf("on a terminal: exit code %d, stored %q", code, got)
	}
}

func TestBackup(t *testing.T) {
	t.Parallel()
	w := api(t, map[string]http.HandlerFunc{"GET /backup": func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte("the store")); err != nil {
			panic(err)
		}
	}})
	file := filepath.Join(w.data, "copy.db")
	code, stdout, stderr := w.run("backup", file)
	if code != exitDone || stdout != file+" holds the store, 9 bytes.\n" {
		t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 9 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if code, _, stderr = w.run("backup", file); code != exitRefused || !strings.Contains(stderr, "replaces nothing") {
		t.Errorf("onto a file: exit code %d, %q", code, stderr)
	}
}

func TestABackupThatIsCutLeavesNothing(t *testing.T) {
	t.Parallel()
	w := api(t, map[string]http.HandlerFunc{"GET /backup": func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte("half of")); err != nil {
			panic(err)
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			panic(err)
		}
		panic(http.ErrAbortHandler)
	}})
	code, _, stderr := w.run("backup", filepath.Join(w.data, "copy.db"))
	left, err := os.ReadDir(w.data)
	if code != exitFailed || err != nil || len(left) != 1 || left[0].Name() != "usher.sock" {
		t.Errorf("exit code %d, %q, left %v, %v", code, stderr, left, err)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	w := &world{t: t, data: "nowhere", now: noon}
	if code, stdout, _ := w.run("version"); code != exitDone || !strings.HasPrefix(stdout, "usher v1.2.3 (go1.") {
		t.Errorf("exit code %d, %q", code, stdout)
	}
}
