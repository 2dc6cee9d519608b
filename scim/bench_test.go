package scim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
)

// What one request costs without a disk and a network: run with -benchmem.
func BenchmarkRequests(b *testing.B) {
	h := newHouse(b)
	token := h.source(b, "okta", directory.Okta, false)
	const user = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"u%d@acme.example","name":{"givenName":"Kim","familyName":"Abel"},
		"emails":[{"primary":true,"value":"u%d@acme.example","type":"work"}],"displayName":"Kim Abel","externalId":"00u%d","active":true}`
	for i := range 100 {
		h.id(b, token, "/Users", fmt.Sprintf(user, i, i, i))
	}
	id := h.id(b, token, "/Users", fmt.Sprintf(user, 100, 100, 100))
	made := 100
	for _, c := range []struct {
		name, method, target string
		body                 func() string
	}{
		{"GET", http.MethodGet, "/Users/" + id, nil},
		{"filter by userName", http.MethodGet, "/Users?filter=userName%20eq%20%22u100@acme.example%22", nil},
		{"filter by scan of 101", http.MethodGet, "/Users?filter=name.familyName%20eq%20%22nobody%22", nil},
		{"PATCH", http.MethodPatch, "/Users/" + id, func() string {
			made++
			return patchOf(fmt.Sprintf(`{"op":"replace","path":"title","value":"%d"}`, made))
		}},
		{"POST", http.MethodPost, "/Users", func() string { made++; return fmt.Sprintf(user, made, made, made) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var body string
				if c.body != nil {
					body = c.body()
				}
				r := httptest.NewRequestWithContext(b.Context(), c.method, scim.Root+c.target, strings.NewReader(body))
				r.Header.Set("Authorization", "Bearer "+token)
				w := httptest.NewRecorder()
				h.handler.ServeHTTP(w, r)
				if w.Code >= 300 {
					b.Fatalf("got %d: %s", w.Code, w.Body)
				}
			}
		})
	}
}
