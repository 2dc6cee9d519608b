package patch_test

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-scim/usher/scim/schema"
)

// model is a user as simple as can be: what the operations of TestApplyAgreesWithTheModel may touch.
type model struct {
	title, given string
	order        []string // types of e-mails
	email        map[string]string
	primary      string
}

func (m *model) set(kind, value string) {
	if _, there := m.email[kind]; !there {
		m.order = append(m.order, kind)
	}
	m.email[kind] = value
}

func (m *model) drop(kind string) {
	delete(m.email, kind)
	for i, k := range m.order {
		if k == kind {
			m.order = append(m.order[:i:i], m.order[i+1:]...)
		}
	}
	if m.primary == kind {
		m.primary = ""
	}
}

func (m *model) resource() map[string]any {
	r := map[string]any{"userName": "u"}
	if m.title != "" {
		r["title"] = m.title
	}
	if m.given != "" {
		r["name"] = map[string]any{"givenName": m.given}
	}
	var emails []any
	for _, kind := range m.order {
		email := map[string]any{"type": kind, "value": m.email[kind]}
		if m.primary == kind {
			email["primary"] = true
		}
		emails = append(emails, email)
	}
	if emails != nil {
		r["emails"] = emails
	}
	return r
}

// Operations in any of their spellings do to a resource what they do to the model.
func TestApplyAgreesWithTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &model{email: map[string]string{}}
		resource := m.resource()
		for range rapid.IntRange(1, 3).Draw(t, "requests") {
			var ops []string
			for range rapid.IntRange(1, 5).Draw(t, "operations") {
				ops = append(ops, m.step(t))
			}
			result, err := apply(rules(users, entra), resource, strings.Join(ops, ","))
			if err != nil {
				t.Fatalf("%v: %s", err, ops)
			}
			resource = withoutFalse(result.Resource)
			if want := m.resource(); !reflect.DeepEqual(resource, want) {
				t.Fatalf("%s:\ngot  %v\nwant %v", ops, resource, want)
			}
		}
	})
}

// withoutFalse leaves out "primary": false, which the model does not tell from nothing, and the case of types.
func withoutFalse(resource map[string]any) map[string]any {
	resource = schema.Clone(resource)
	emails, _ := resource["emails"].([]any)
	for _, e := range emails {
		email := e.(map[string]any)
		email["type"] = strings.ToLower(email["type"].(string))
		if email["primary"] == false {
			delete(email, "primary")
		}
	}
	return resource
}

// step does one thing to the model and returns an operation that says the same.
func (m *model) step(t *rapid.T) string {
	value := rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "value")
	kind := rapid.SampledFrom([]string{"work", "home", "other"}).Draw(t, "type")
	op := rapid.SampledFrom([]string{"add", "Add", "replace", "REPLACE"}).Draw(t, "op")
	spelling := func(forms ...string) string { return rapid.SampledFrom(forms).Draw(t, "spelling") }
	switch rapid.IntRange(0, 7).Draw(t, "step") {
	case 0:
		m.title = value
		return spelling(
			`{"op":"`+op+`","path":"title","value":"`+value+`"}`, `{"op":"`+op+`","value":{"TITLE":"`+value+`"}}`,
			`{"op":"`+op+`","path":"`+schema.UserURN+`:Title","value":"`+value+`"}`)
	case 1:
		m.title = ""
		return spelling(`{"op":"remove","path":"title"}`, `{"op":"replace","path":"title","value":null}`, `{"op":"replace","value":{"title":null}}`)
	case 2:
		m.given = value
		return spelling(
			`{"op":"`+op+`","path":"name.givenName","value":"`+value+`"}`, `{"op":"`+op+`","value":{"name.GivenName":"`+value+`"}}`,
			`{"op":"`+op+`","path":"name","value":{"givenName":"`+value+`"}}`, `{"op":"`+op+`","value":{"Name":{"givenName":"`+value+`"}}}`)
	case 3:
		m.given = ""
		return spelling(`{"op":"remove","path":"name"}`, `{"op":"remove","path":"name.givenName"}`, `{"op":"replace","path":"name","value":{"givenName":null}}`)
	case 4:
		m.set(kind, value)
		return spelling(
			`{"op":"`+op+`","path":"emails[type eq \"`+kind+`\"].value","value":"`+value+`"}`,
			`{"op":"`+op+`","value":{"emails[TYPE eq \"`+strings.ToUpper(kind[:1])+kind[1:]+`\"].value":"`+value+`"}}`)
	case 5:
		m.drop(kind)
		return spelling(
			`{"op":"remove","path":"emails[type eq \"`+kind+`\"]"}`, `{"op":"remove","path":"emails[type eq \"`+kind+`\"].value"}`,
			`{"op":"Remove","path":"emails","value":[{"type":"`+kind+`"}]}`)
	case 6:
		if _, there := m.email[kind]; !there {
			return `{"op":"remove","path":"nickName"}`
		}
		m.primary = kind
		return spelling(
			`{"op":"`+op+`","path":"emails[type eq \"`+kind+`\"].primary","value":"True"}`,
			`{"op":"add","path":"emails[type eq \"`+kind+`\"]","value":{"primary":true}}`)
	default:
		m.order, m.email, m.primary = []string{kind}, map[string]string{kind: value}, ""
		return spelling(
			`{"op":"replace","path":"emails","value":[{"type":"`+kind+`","value":"`+value+`"}]}`,
			`{"op":"replace","value":{"emails":{"type":"`+kind+`","value":"`+value+`"}}}`)
	}
}
