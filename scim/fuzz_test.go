package scim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
)

// FuzzRequests: whatever is asked, there is an answer that is JSON or empty, no bug shows as an internal error, and the server goes on.
func FuzzRequests(f *testing.F) {
	h := newHouse(f)
	tokens := []string{h.source(f, "a", directory.Generic, false), h.source(f, "b", directory.Entra, true)}
	user := h.id(f, tokens[0], "/Users", `{"userName":"kim","emails":[{"value":"kim@x","type":"work"}]}`)
	group := h.id(f, tokens[0], "/Groups", `{"displayName":"g","members":["`+user+`"]}`)
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	for _, seed := range []struct {
		method byte
		target string
		body   string
	}{
		{0, "/Users?filter=userName%20eq%20%22kim%22&count=1&startIndex=2", ""}, {0, "/Groups?filter=members%5Bvalue%20eq%20%22x%22%5D&excludedAttributes=members", ""},
		{1, "/Users", `{"userName":"x","active":"True","manager":"m"}`}, {2, "/Users/" + user, `{"userName":"kim","emails":[{"primary":"true"}]}`},
		{3, "/Users/" + user, patchOf(`{"op":"replace","path":"emails[type eq \"home\"].value","value":"h"}`)},
		{3, "/Groups/" + group, patchOf(`{"op":"remove","path":"members","value":[{"value":"` + user + `"}]}`)},
		{2, "/Groups/" + group, `{"displayName":"g","members":[{"value":"late"}]}`}, {4, "/Users/x", ""}, {0, "/Schemas/urn:x", ""}, {0, "/Users/%2F?%zz", "{"},
	} {
		f.Add(byte(0), seed.method, seed.target, seed.body)
		f.Add(byte(1), seed.method, seed.target, seed.body)
	}
	f.Fuzz(func(t *testing.T, source, method byte, target, body string) {
		r, err := http.NewRequestWithContext(t.Context(), methods[int(method)%len(methods)], "http://usher.example"+scim.Root+target, strings.NewReader(body))
		if err != nil {
			return // no client could send it
		}
		r.RequestURI = r.URL.RequestURI()
		r.RemoteAddr = "192.0.2.1:1234"
		r.Header.Set("Authorization", "Bearer "+tokens[int(source)%len(tokens)])
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Fatalf("%s %s %s: got %d: %s\n%s", r.Method, target, body, w.Code, w.Body, h.log)
		}
		if w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s %s %s: got %s", r.Method, target, body, w.Body)
		}
	})
}
