package floor_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/usher-scim/usher/bench/floor"
)

func start(t *testing.T, path string) (h http.Handler, stop func()) {
	t.Helper()
	s, err := floor.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler(), sync.OnceFunc(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func call(t *testing.T, h http.Handler, method, path, body string) (int, floor.User) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
	var u floor.User
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &u); err != nil {
			t.Errorf("%s %s: %v in %q", method, path, err, w.Body)
		}
	}
	return w.Code, u
}

func TestUsersAreKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "floor.db")
	h, stop := start(t, path)
	status, made := call(t, h, "POST", "/scim/v2/Users", `{"userName":"Kim@acme.example","active":true}`)
	if status != http.StatusCreated || made.ID == "" {
		t.Fatalf("POST: %d, id %q, want 201 with an id", status, made.ID)
	}
	for _, tc := range []struct {
		name, method, path, body string
		want                     int
	}{
		{"the same name in other letters", "POST", "/scim/v2/Users", `{"userName":"kim@ACME.example"}`, http.StatusConflict},
		{"no name", "POST", "/scim/v2/Users", `{}`, http.StatusBadRequest},
		{"no JSON", "POST", "/scim/v2/Users", `{`, http.StatusBadRequest},
		{"nobody", "GET", "/scim/v2/Users/nobody", "", http.StatusNotFound},
	} {
		if got, _ := call(t, h, tc.method, tc.path, tc.body); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
	stop()
	h, stop = start(t, path)
	defer stop()
	if status, got := call(t, h, "GET", "/scim/v2/Users/"+made.ID, ""); status != http.StatusOK || got.UserName != "Kim@acme.example" || !got.Active {
		t.Errorf("after a restart: %d, %+v, want 200 with what was sent", status, got)
	}
}

func TestManyWritersShareCommitsAndAllArrive(t *testing.T) {
	t.Parallel()
	h, stop := start(t, filepath.Join(t.TempDir(), "floor.db"))
	defer stop()
	var writers sync.WaitGroup
	for w := range 16 {
		writers.Go(func() {
			for i := range 10 {
				status, made := call(t, h, "POST", "/scim/v2/Users", fmt.Sprintf(`{"userName":"u%d-%d"}`, w, i))
				if status != http.StatusCreated {
					t.Errorf("POST: %d, want 201", status)
				}
				if status, got := call(t, h, "GET", "/scim/v2/Users/"+made.ID, ""); status != http.StatusOK || got.UserName != made.UserName {
					t.Errorf("GET right after POST: %d, %q, want 200 with %q", status, got.UserName, made.UserName)
				}
			}
		})
	}
	writers.Wait()
}
