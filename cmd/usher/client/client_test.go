package client_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
)

// serve answers every request on a socket with h, and returns a client of it.
func serve(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	ln, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	if err := srv.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	srv.Listener = ln
	srv.Start()
	t.Cleanup(srv.Close)
	c := client.New(client.Options{Data: dir, Socket: socket, Actor: "ann"})
	t.Cleanup(c.Close)
	return c
}

func TestRequests(t *testing.T) {
	t.Parallel()
	var got []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		got = append(got, r.Method+" "+r.URL.String()+" "+string(body)+" by "+r.Header.Get(admin.ActorHeader))
		w.WriteHeader(http.StatusNoContent)
	})
	ctx := t.Context()
	_, err := c.AddSource(ctx, admin.AddSource{Name: "okta", Kind: "okta", Rank: 1})
	_, err2 := c.RotateSource(ctx, "a/b", true)
	_, err3 := c.Apply(ctx, []byte("version: 1"), client.Edit{Expect: 7, Confirm: 2, Comment: "a & b"})
	_, err4 := c.Rollback(ctx, 3, client.Edit{})
	_, err5 := c.Why(ctx, "kim+x@acme.example", "zoom")
	_, err6 := c.Holds(ctx, client.HoldFilter{App: "zoom", Kind: "budget", All: true})
	_, err7 := c.Approve(ctx, "k3f9a2x", true, 0)
	_, err8 := c.AddToken(ctx, "a/b", admin.AddToken{ReadOnly: true, Seconds: 60})
	if err := errors.Join(err8, err, err2, err3, err4, err5, err6, err7); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`POST /api/v1/sources {"name":"okta","kind":"okta","rank":1,"strict":false} by ann`,
		`POST /api/v1/sources/a%2Fb/rotate?keep_old=true  by ann`,
		`PUT /api/v1/mapping?comment=a+%26+b&confirm=2&expect=7 version: 1 by ann`,
		`POST /api/v1/mapping/rollback?to=3  by ann`,
		`GET /api/v1/why?app=zoom&user=kim%2Bx%40acme.example  by ann`,
		`GET /api/v1/holds?all=true&app=zoom&kind=budget  by ann`,
		`POST /api/v1/holds/k3f9a2x/approve?without_transfer=true  by ann`,
		`POST /api/v1/sources/a%2Fb/tokens {"readOnly":true,"seconds":60} by ann`,
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("requests:\n%s\nwant:\n%s", g, w)
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tc := range []struct {
		name string
		err  error
		says string
	}{
		{"no socket", fs.ErrNotExist, "no usher serves " + dir},
		{"another user's", fs.ErrPermission, "belongs to another user"},
		{"something else", errors.New("too many open files"), "can be reached"},
	} {
		if got := (&client.UnreachableError{Data: dir, Socket: dir + "/s", Err: tc.err}).Error(); !strings.Contains(got, tc.says) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.says)
		}
	}
	c := client.New(client.Options{Data: dir, Socket: filepath.Join(dir, "s")})
	var gone *client.UnreachableError
	if _, err := c.Status(t.Context()); !errors.As(err, &gone) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v, want that nobody is there", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := c.Status(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want that of the context", err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte("<html>")); err != nil {
			panic(err)
		}
	})
	if _, err := c.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "GET status is not understood") {
		t.Errorf("a page instead of JSON: error = %v", err)
	}
	c = serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	if n, err := c.Backup(t.Context(), io.Discard); err == nil {
		t.Errorf("an empty backup: %d bytes and no error", n)
	}
}
