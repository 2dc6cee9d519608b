package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/admin"
)

var update = flag.Bool("update", false, "rewrite golden files and docs/cli.md")

// noon is the present of every test here.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.FixedZone("CET", 3600))

// world is one command line with what is around it.
type world struct {
	t        *testing.T
	data     string
	stdin    string
	env      map[string]string
	terminal terminal
	now      time.Time
}

// api serves routes such as "GET /status" on the socket of a data folder. A route that a test does not name answers 404.
func api(t *testing.T, routes map[string]http.HandlerFunc) *world {
	t.Helper()
	dir := t.TempDir()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(dir, "usher.sock"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for pattern, h := range routes {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /api/v1"+path, h)
	}
	srv := httptest.NewUnstartedServer(mux)
	if err := srv.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	srv.Listener = ln
	srv.Start()
	t.Cleanup(srv.Close)
	return &world{t: t, data: dir, now: noon}
}

// run runs usher with --data and the given arguments.
func (w *world) run(args ...string) (code int, stdout, stderr string) {
	w.t.Helper()
	var out, errs bytes.Buffer
	a := &app{
		stdin: strings.NewReader(w.stdin), stdout: &out, stderr: &errs, output: asText, version: "v1.2.3", user: "ann", terminal: w.terminal,
		now:       func() time.Time { return w.now },
		lookupEnv: func(name string) (string, bool) { v, ok := w.env[name]; return v, ok },
	}
	code = a.execute(context.WithoutCancel(w.t.Context()), append(args, "--data", w.data))
	return code, out.String(), errs.String()
}

func answer(v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(v); err != nil {
			panic(err)
		}
	}
}

func refuse(status int, code admin.Code, message string) http.HandlerFunc {
	var r admin.ErrorReply
	r.Error.Code, r.Error.Message = code, message
	return refuseWith(status, r)
}

func refuseWith(status int, r admin.ErrorReply) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(r); err != nil {
			panic(err)
		}
	}
}

// golden compares text with a file of testdata/golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, string(want)); diff != "" {
		t.Errorf("%s (-got +want; go test ./cmd/usher -update writes it):\n%s", name, diff)
	}
}

// file writes a file that a command reads.
func (w *world) file(name, content string) string {
	w.t.Helper()
	path := filepath.Join(w.data, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func (w *world) clock() time.Time { return w.now }

func copyTo(b *strings.Builder, r *http.Request) (int64, error) { return io.Copy(b, r.Body) }

func hidden(line string) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) { return []byte(line), nil }
}
