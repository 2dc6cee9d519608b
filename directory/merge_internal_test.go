package directory

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// One record decoded in one go is what the merge of one record is.
func TestAProfileOfOneRecordIsItsMerge(t *testing.T) {
	t.Parallel()
	value := rapid.SampledFrom([]string{
		`null`, `"x"`, `""`, `1`, `1.5`, `1e999`, `true`, `{}`, `[]`, `{"a":null,"b":1}`, `[{"value":"k@acme.example","primary":true}]`, `[null]`, `" null "`,
	})
	name := rapid.SampledFrom([]string{
		"userName", "externalId", "emails", "displayName", "name", "active", "title", "urn:example:User", "urn:example:Other", "x",
	})
	rapid.Check(t, func(t *rapid.T) {
		attributes := map[string]json.RawMessage{}
		for range rapid.IntRange(0, 6).Draw(t, "attributes") {
			attributes[name.Draw(t, "name")] = json.RawMessage(value.Draw(t, "value"))
		}
		raw, err := json.Marshal(attributes)
		if err != nil {
			t.Fatal(err)
		}
		r := Record{
			Attributes: raw,
			UserName:   rapid.SampledFrom([]string{"kim@acme.example", "a\"b", "\xff"}).Draw(t, "userName"),
			ExternalID: rapid.SampledFrom([]string{"", "00u1", "<&>"}).Draw(t, "externalId"),
			Emails:     rapid.SampledFrom([][]string{nil, {"kim@acme.example"}}).Draw(t, "emails"),
		}
		if rapid.IntRange(0, 9).Draw(t, "kept") == 0 {
			r.Kept = json.RawMessage(`{"userName":"before@acme.example"}`)
		}
		holdings := []holding{{Record: r, source: &Source{Name: "okta"}}}
		want, err := mergeAll(holdings)
		if err != nil {
			t.Fatal(err)
		}
		got, err := mergeProfile(holdings)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, %v\nwant %v", got, err, want)
		}
	})
}
