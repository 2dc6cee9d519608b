package directory

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// What the short way gives of the named attributes is what the long one gives, where it gives anything.
func TestMergeOneIsTheMerge(t *testing.T) {
	t.Parallel()
	const urn = "urn:acme:2.0:User"
	values := []string{
		`"Ann"`, `"A\u006en"`, `""`, `null`, `7`, `1e999`, `true`, `["a",null]`, `{"x":null,"y":1}`, `{}`, `[{"value":"a@acme.example","primary":true}]`, "\"\xff\"",
	}
	names := []string{"displayName", "title", "name", "emails", "externalId", urn}
	rapid.Check(t, func(t *rapid.T) {
		raw := []byte("{")
		for i, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, len(names), rapid.ID).Draw(t, "attributes") {
			if i > 0 {
				raw = append(raw, ',')
			}
			raw = append(raw, `"`+name+`":`+rapid.SampledFrom(values).Draw(t, "value")...)
		}
		asked := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 3, rapid.ID).Draw(t, "asked")
		source := &Source{ID: uuid.UUID{1}, Name: "okta"}
		one := []holding{{source: source, Record: Record{
			Source: source.ID, UserName: "ann", Active: rapid.Bool().Draw(t, "active"), Emails: []string{"ann@acme.example"}, Attributes: json.RawMessage(append(raw, '}')),
		}}}
		var quick, whole Person
		if !mergeOne(&quick, one, nil, asked) {
			return
		}
		if err := mergePerson(&whole, one, nil, []*Source{source}); err != nil {
			t.Fatalf("the merge fails where the short way does not: %v", err)
		}
		maps.DeleteFunc(whole.Profile, func(name string, _ any) bool { return !slices.Contains(asked, name) })
		if diff := cmp.Diff(whole, quick); diff != "" {
			t.Errorf("%s (-whole +quick):\n%s", raw, diff)
		}
	})
}
