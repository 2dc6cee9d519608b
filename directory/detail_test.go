package directory

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// A common detail is written by hand as encoding/json would write it.
func TestDetailIsEncodedAlike(t *testing.T) {
	t.Parallel()
	name := rapid.SampledFrom([]string{"active", "name", "urn:ietf:x:2.0:User:costCenter", "é", `"`, "<a>", ""})
	rapid.Check(t, func(t *rapid.T) {
		d := detail{Attributes: rapid.SliceOfN(name, 0, 3).Draw(t, "attributes"), Added: rapid.IntRange(0, 1).Draw(t, "added")}
		if rapid.Bool().Draw(t, "says active") {
			d.Active = &flip{From: rapid.Bool().Draw(t, "from"), To: rapid.Bool().Draw(t, "to")}
		}
		got, err := d.encode()
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) == "{}" {
			want = nil
		}
		if string(got) != string(want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}
