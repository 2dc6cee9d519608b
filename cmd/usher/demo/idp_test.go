package demo

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// server answers every request with a status and body, and remembers what came.
func server(t *testing.T, status int, body string) (address string, got func() []string) {
	t.Helper()
	var seen []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b any
		if err := json.NewDecoder(r.Body).Decode(&b); err == nil {
			text, err := json.Marshal(b)
			if err != nil {
				t.Error(err)
			}
			seen = append(seen, r.Method+" "+r.URL.RequestURI()+" "+string(text))
		} else {
			seen = append(seen, r.Method+" "+r.URL.RequestURI())
		}
		w.WriteHeader(status)
		if _, err := w.Write([]byte(body)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), func() []string { return seen }
}

func TestClientsSpeakTheirDialects(t *testing.T) {
	t.Parallel()
	kim := &person{given: "Kim", family: "Sato", login: "kim.sato@acme.example", id: "0198"}
	const schemas = `"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]`
	address, got := server(t, http.StatusOK, `{"id":"0198"}`)
	var out bytes.Buffer
	v := newView(Options{Out: &out})
	o, e := newOkta(address, "token", v), newEntra(address, "token", v)
	defer o.close()
	defer e.close()
	o.groups["Support"] = "g1"
	o.names["0198"] = "kim.sato"
	steps := []error{
		o.activate(t.Context(), kim, false), o.leave(t.Context(), "Support", kim),
		e.enable(t.Context(), kim, false), e.moves(t.Context(), kim, "FR"), e.test(t.Context()),
	}
	for i, err := range steps {
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	want := []string{
		`PATCH /scim/v2/Users/0198 {"Operations":[{"op":"replace","value":{"active":false}}],` + schemas + `}`,
		`PATCH /scim/v2/Groups/g1 {"Operations":[{"op":"replace","value":{"displayName":"Support","id":"g1"}}],` + schemas + `}`,
		`PATCH /scim/v2/Groups/g1 {"Operations":[{"op":"remove","path":"members[value eq \"0198\"]"}],` + schemas + `}`,
		`PATCH /scim/v2/Users/0198 {"Operations":[{"op":"Replace","path":"active","value":"False"}],` + schemas + `}`,
		`PATCH /scim/v2/Users/0198 {"Operations":[{"op":"Replace","path":"addresses[type eq \"work\"].country","value":"FR"}],` + schemas + `}`,
		`GET /scim/v2/Users?filter=userName%20eq%20%227bf2a9d4-5a51-4a63-9d0c-2f5f9c1f8f1e%22`,
	}
	if diff := cmp.Diff(want, got()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if want := "  okta    ▸ PATCH /Users/{kim.sato}  active = false"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("got %q, want it to begin with %q", out.String(), want)
	}
	if n := strings.Count(out.String(), "Groups"); n != 1 {
		t.Errorf("the naming of the group is shown too: %s", out.String())
	}
}

func TestARefusalSaysWhatWasRefused(t *testing.T) {
	t.Parallel()
	address, _ := server(t, http.StatusConflict, `{"detail":"userName is taken"}`)
	o := newOkta(address, "token", newView(Options{Out: &bytes.Buffer{}}))
	defer o.close()
	err := o.activate(t.Context(), &person{id: "0198"}, true)
	if want := "okta: PATCH /Users/0198 was answered with 409: userName is taken"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
}
