package scim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
)

// What each of the requests that clients send most may allocate, from the router to the reply, a commit of its own included. The
// directory is small, but nothing of it grows with the directory.
func TestAllocations(t *testing.T) { //nolint:paralleltest // allocations are counted in the whole process
	h := newHouse(t)
	token := h.source(t, "okta", directory.Okta, false)
	const user = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"u%[1]d@acme.example","name":{"givenName":"Kim","familyName":"Abel"},
		"emails":[{"primary":true,"value":"u%[1]d@acme.example","type":"work"}],"displayName":"Kim Abel","locale":"en-US","externalId":"00u%[1]d",
		"groups":[],"password":"1mz050nq","active":true}`
	kim := h.id(t, token, "/Users", fmt.Sprintf(user, 0))
	const runs = 100
	for _, row := range []struct {
		name, method string
		max          float64
		request      func(i int) (target, body string)
	}{
		{"GET by id", http.MethodGet, 64, func(int) (string, string) { return "/Users/" + kim, "" }},
		{"GET by userName", http.MethodGet, 110, func(int) (string, string) {
			return "/Users?filter=userName+eq+%22u0@acme.example%22&startIndex=1&count=100", ""
		}},
		{"PATCH of active", http.MethodPatch, 255, func(i int) (string, string) {
			return "/Users/" + kim, patchOf(fmt.Sprintf(`{"op":"replace","value":{"active":%t}}`, i%2 == 1))
		}},
		{"POST", http.MethodPost, 395, func(i int) (string, string) { return "/Users", fmt.Sprintf(user, i+1) }},
	} {
		requests := make([]*http.Request, runs+1) // AllocsPerRun begins with a run that it does not count
		for i := range requests {
			target, body := row.request(i)
			r, err := http.NewRequestWithContext(t.Context(), row.method, "http://usher.example"+scim.Root+target, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Content-Type", "application/scim+json")
			r.Header.Set("Accept", "application/scim+json")
			requests[i] = r
		}
		next := 0
		got := testing.AllocsPerRun(runs, func() {
			w := lostReply{header: http.Header{}}
			h.handler.ServeHTTP(&w, requests[next])
			if next++; w.status >= http.StatusBadRequest {
				t.Fatalf("%s: got %d", row.name, w.status)
			}
		})
		t.Logf("%s: %.0f allocations", row.name, got)
		if got > row.max {
			t.Errorf("%s: %.0f allocations, want at most %.0f", row.name, got, row.max)
		}
	}
}

// lostReply keeps the status of a reply alone.
type lostReply struct {
	header http.Header
	status int
}

func (w *lostReply) Header() http.Header         { return w.header }
func (w *lostReply) WriteHeader(status int)      { w.status = status }
func (w *lostReply) Write(b []byte) (int, error) { return len(b), nil }
