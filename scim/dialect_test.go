package scim_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/schema"
)

// Each leniency of a dialect, for each kind: what one client needs no other gets by accident. docs/clients/generic.md shows the same table.
func TestWhatEachKindIsForgiven(t *testing.T) {
	t.Parallel()
	all := directory.Kinds()
	but := func(out ...directory.Kind) map[directory.Kind]bool {
		kinds := map[directory.Kind]bool{}
		for _, kind := range all {
			kinds[kind] = true
		}
		for _, kind := range out {
			delete(kinds, kind)
		}
		return kinds
	}
	only := func(in ...directory.Kind) map[directory.Kind]bool {
		kinds := map[directory.Kind]bool{}
		for _, kind := range in {
			kinds[kind] = true
		}
		return kinds
	}
	for _, test := range []struct {
		name                 string
		before               string // a user that is there
		method, target, body string // {id} is hers
		kinds                map[directory.Kind]bool
		forgiven, refused    int
	}{
		{
			"a create that meets the client's own inactive user", `{"userName":"x","active":false}`,
			post, "/Users", `{"userName":"x","active":true}`, but(directory.Generic), 201, 409,
		},
		{
			"a create that meets the client's own active user", `{"userName":"x"}`,
			post, "/Users", `{"userName":"x"}`, nil, 201, 409,
		},
		{
			"a replace through a filter that matches nothing", `{"userName":"x"}`,
			change, "/Users/{id}", patchOf(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"a@b.c"}`), only(directory.Entra), 200, 400,
		},
		{
			"a member that does not exist yet", `{"userName":"x"}`,
			post, "/Groups", `{"displayName":"g","members":[{"value":"later"}]}`, only(directory.Entra), 201, 400,
		},
		{
			"the value of a remove is what goes", `{"userName":"x"}`,
			change, "/Users/{id}", patchOf(`{"op":"remove","path":"emails","value":[{"value":"nobody"}]}`), but(), 200, 400,
		},
		{
			"a boolean as a text", `{"userName":"x"}`,
			change, "/Users/{id}", patchOf(`{"op":"Replace","path":"active","value":"False"}`), but(), 200, 400,
		},
		{
			"a boolean that is none", `{"userName":"x"}`,
			change, "/Users/{id}", patchOf(`{"op":"replace","path":"active","value":"off"}`), nil, 200, 400,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range all {
				h := newHouse(t)
				token := h.source(t, "idp", kind, false)
				id := h.id(t, token, "/Users", test.before)
				want := test.refused
				if test.kinds[kind] {
					want = test.forgiven
				}
				if got := h.send(t, token, test.method, strings.ReplaceAll(test.target, "{id}", id), nil, test.body); got.Code != want {
					t.Errorf("%s: got %d, want %d: %s", kind, got.Code, want, got.Body)
				}
			}
		})
	}
	t.Run("the bare name of an extension's attribute", func(t *testing.T) {
		t.Parallel()
		for _, kind := range all {
			h := newHouse(t)
			token := h.source(t, "idp", kind, false)
			reply := h.ask(t, token, post, "/Users", `{"userName":"x","department":"d"}`, 201)
			if got, want := at(reply, schema.EnterpriseURN, "department") == "d", kind == directory.Entra; got != want {
				t.Errorf("%s: the department was understood: %v, want %v", kind, got, want)
			}
		}
	})
}

func TestEachKindHasAPage(t *testing.T) {
	t.Parallel()
	for _, kind := range directory.Kinds() {
		page := filepath.Join("..", "docs", "clients", string(kind)+".md")
		text, err := os.ReadFile(page) // #nosec G304 -- a file of the repository
		if err != nil {
			t.Errorf("the kind %s has no page: %v", kind, err)
			continue
		}
		for _, words := range []string{"usher source add", "/scim/v2", "unverified"} {
			if !strings.Contains(string(text), words) {
				t.Errorf("%s does not say %q", page, words)
			}
		}
	}
}

// Law 3: a strict source is told of every name that no schema has; a tolerant one is not bothered.
func TestLaw03StrictAndTolerantSources(t *testing.T) {
	t.Parallel()
	const urn = schema.EnterpriseURN
	for _, test := range []struct {
		name, method, target, body string
		scimType, detail           string // of the refusal by a strict source; "": it takes it too
	}{
		{"an unknown attribute", post, "/Users", `{"userName":"y","shoeSize":43}`, "invalidValue", "shoeSize"},
		{"an unknown sub-attribute", post, "/Users", `{"userName":"y","name":{"givenNam":"K"}}`, "invalidValue", "givenNam"},
		{"an unknown part of an element", post, "/Users", `{"userName":"y","emails":[{"value":"a@b.c","kind":"x"}]}`, "invalidValue", "kind"},
		{"an unknown attribute of an extension", post, "/Users", `{"userName":"y","` + urn + `":{"floor":3}}`, "invalidValue", "floor"},
		{"an unknown extension", post, "/Users", `{"userName":"y","urn:x:2.0:User":{"floor":3}}`, "invalidValue", "urn:x:2.0:User"},
		{"in a PUT", put, "/Users/{id}", `{"userName":"x","shoeSize":43}`, "invalidValue", "shoeSize"},
		{"in a path", change, "/Users/{id}", patchOf(`{"op":"add","path":"shoeSize","value":43}`), "invalidPath", "shoeSize"},
		{"in a value without a path", change, "/Users/{id}", patchOf(`{"op":"add","value":{"shoeSize":43}}`), "invalidPath", "shoeSize"},
		{"in a group", post, "/Groups", `{"displayName":"g","owner":"x"}`, "invalidValue", "owner"},
		{"in a member", post, "/Groups", `{"displayName":"g","members":[{"value":"{id}","email":"x"}]}`, "invalidValue", "email"},
		{"what is read-only", post, "/Users", `{"userName":"y","id":"z","meta":{"version":"z"},"groups":[]}`, "", ""},
		{"another case", post, "/Users", `{"USERNAME":"y","Emails":[{"VALUE":"a@b.c"}]}`, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, strict := range []bool{false, true} {
				h := newHouse(t)
				token := h.source(t, "hr", directory.Generic, strict)
				id := h.id(t, token, "/Users", `{"userName":"x"}`)
				w := h.send(t, token, test.method, strings.ReplaceAll(test.target, "{id}", id), nil, strings.ReplaceAll(test.body, "{id}", id))
				refused := strict && test.scimType != ""
				if got, want := w.Code == 400, refused; got != want || !refused && w.Code > 201 {
					t.Errorf("strict %v: got %d %s", strict, w.Code, w.Body)
				}
				if text := w.Body.String(); refused && (!strings.Contains(text, `"scimType":"`+test.scimType+`"`) || !strings.Contains(text, test.detail)) {
					t.Errorf("got %s, want %s that names %s", text, test.scimType, test.detail)
				}
			}
		})
	}
}
