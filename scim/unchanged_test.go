package scim_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
)

// Whatever a request asks for, in any mix of what is right and what is wrong: if its answer is a failure, no byte of the
// store is another one than before.
func TestAFailedRequestChangesNoByte(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hr, entra := h.source(t, "hr", directory.Generic, false), h.source(t, "entra", directory.Entra, true)
	ann := h.id(t, hr, "/Users", `{"userName":"ann","externalId":"e1","title":"t","emails":[{"value":"ann@x","type":"work"}]}`)
	bob := h.id(t, hr, "/Users", `{"userName":"bob","externalId":"e2"}`)
	cat := h.id(t, entra, "/Users", `{"userName":"cat","externalId":"e3"}`)
	team := h.id(t, hr, "/Groups", `{"displayName":"team","externalId":"g1","members":["`+ann+`"]}`)
	crew := h.id(t, entra, "/Groups", `{"displayName":"crew","members":["`+cat+`"]}`)

	operations := []string{
		`{"op":"replace","path":"title","value":"n%d"}`, `{"op":"add","path":"emails","value":[{"value":"n%d@x"}]}`, `{"op":"add","path":"members","value":"` + bob + `"}`,
		`{"op":"remove","path":"members"}`, `{"op":"replace","path":"displayName","value":"n%d"}`, `{"op":"replace","value":{"active":false,"nickName":"n%d"}}`,
		// and what fails, at least for one of the two
		`{"op":"remove","path":"userName"}`, `{"op":"remove","path":"displayName"}`, `{"op":"replace","path":"emails[type eq \"none\"].value","value":"x"}`, `{"op":"add","path":"active","value":"maybe"}`,
		`{"op":"replace","path":"userName","value":"BOB"}`, `{"op":"replace","path":"externalId","value":"e2"}`, `{"op":"add","path":"members","value":"nobody"}`, `{"op":"add","path":"members","value":"` + team + `"}`,
		`{"op":"add","path":"unknown","value":1}`, `{"op":"remove","path":"groups"}`, `{"op":"move","path":"title"}`, `{"op":"add","path":"title[","value":1}`,
	}
	bodies := []string{
		`{"userName":"n%d","externalId":"x%d"}`, `{"displayName":"n%d","members":["` + ann + `"]}`, `{"userName":"ann"}`, `{"userName":"n%d","externalId":"e2"}`, `{"userName":"n%d","active":"maybe"}`,
		`{"displayName":"TEAM"}`, `{"displayName":"n%d","members":["` + ann + `","nobody"]}`, `{"displayName":"n%d","members":[{"value":"` + team + `","type":"Group"}]}`,
		`{"userName":"n%d","unknown":1}`, `{}`, `{"userName":"n%d"`, `{"schemas":["urn:x"],"userName":"n%d"}`,
	}
	failed, done := 0, 0
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		numbered := func(text string) string { return strings.ReplaceAll(text, "%d", fmt.Sprint(n)) }
		target := rapid.SampledFrom([]string{
			"/Users", "/Groups", "/Users/" + ann, "/Users/" + bob, "/Users/" + cat, "/Groups/" + team, "/Groups/" + crew, "/Users/0190b2a0-0000-7000-8000-000000000000", "/Bulk",
		}).Draw(t, "target")
		method := rapid.SampledFrom([]string{post, put, change, change, change, remove}).Draw(t, "method")
		body := numbered(rapid.SampledFrom(bodies).Draw(t, "body"))
		if method == change {
			body = numbered(patchOf(strings.Join(rapid.SliceOfN(rapid.SampledFrom(operations), 1, 4).Draw(t, "operations"), ",")))
		}
		r := httptest.NewRequestWithContext(context.Background(), method, scim.Root+target, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+rapid.SampledFrom([]string{hr, hr, entra}).Draw(t, "token"))
		if version := rapid.SampledFrom([]string{"", "", "", `W/"0"`, "*"}).Draw(t, "If-Match"); version != "" {
			r.Header.Set("If-Match", version)
		}
		before := h.dump(t)
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, r)
		if w.Code < http.StatusBadRequest {
			done++
			return
		}
		failed++
		if h.dump(t) != before {
			t.Fatalf("%s %s %s: got %d, and the store changed: %s", method, target, body, w.Code, w.Body)
		}
	})
	if failed == 0 || done == 0 {
		t.Errorf("%d requests failed and %d did not: both must be among them", failed, done)
	}
}
