package scim_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/bolt"
)

// house is a whole server over a store of its own.
type house struct {
	store     store.Store
	reads     *countedStore
	directory *directory.Directory
	handler   http.Handler
	clock     *clock
	log       *lockedBuffer
}

// clock goes on by a second each time it is read, so that no two times are the same.
type clock struct {
	mu      sync.Mutex
	now     time.Time
	stopped bool
}

// stop lets the clock go on by skip alone.
func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
}

func (c *clock) skip(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped {
		c.now = c.now.Add(time.Second)
	}
	return c.now
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newHouse(t testing.TB, change ...func(*scim.Options)) *house {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "usher.db"), bolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &house{clock: &clock{now: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)}, log: &lockedBuffer{}}
	h.reads = &countedStore{Store: db, counts: map[string]int{}}
	h.store = h.reads
	h.directory = directory.New(h.store, h.clock.Now, audit.IDs(h.clock.Now))
	o := scim.Options{
		Directory: h.directory, PublicURL: "https://usher.example", Now: h.clock.Now,
		Logger: slog.New(slog.NewTextHandler(h.log, nil)),
	}
	for _, f := range change {
		f(&o)
	}
	server, err := scim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	h.handler = server.Handler()
	return h
}

// source adds a source and returns its token.
func (h *house) source(t testing.TB, name string, kind directory.Kind, strict bool) string {
	t.Helper()
	_, token, err := h.directory.AddSource(t.Context(), audit.Actor{Kind: audit.ByAdmin}, directory.NewSource{Name: name, Kind: kind, Strict: strict})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// send asks for a target below Root, whose blanks and quotes it escapes.
func (h *house) send(t testing.TB, token, method, target string, header http.Header, body string) *httptest.ResponseRecorder {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	target = strings.NewReplacer(" ", "%20", `"`, "%22", "[", "%5B", "]", "%5D").Replace(target)
	r := httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), method, scim.Root+target, reader)
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

// ask sends a request, checks the status and returns the decoded reply, nil if it is empty.
func (h *house) ask(t testing.TB, token, method, target, body string, status int) map[string]any {
	t.Helper()
	w := h.send(t, token, method, target, nil, body)
	if got, want := w.Code, status; got != want {
		t.Fatalf("%s %s: got status %d, want %d: %s", method, target, got, want, w.Body)
	}
	if w.Body.Len() == 0 {
		return nil
	}
	var reply map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
		t.Fatalf("%s %s: the reply is not JSON: %v", method, target, err)
	}
	return reply
}

// id makes a resource and returns its id.
func (h *house) id(t testing.TB, token, target, body string) string {
	t.Helper()
	id, _ := h.ask(t, token, http.MethodPost, target, body, http.StatusCreated)["id"].(string)
	return id
}
