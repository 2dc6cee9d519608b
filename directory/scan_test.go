package directory

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// FuzzObject compares the scanner with the standard library.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, ` { "a" : [ 1 , -2.5e+10 , true , false , null ] } `, `{"a":{"b":{}},"c":[]}`, `{"\u00e9\n":"\ud83d\ude00"}`,
		`[]`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":1e}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":tru}`, `{"a"}`, `{"a":1,}`, `{a:1}`, `{"a":1}}`,
		"{\"a\":\"\t\"}", `{"a":"`, `{"a":"\`, `{"a":"\u00`, `{`, ``, `null`, `{"a":[1,]}`, `{"a":[1 2]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, ok := attributesOf(nil, raw)
		want := json.Valid(raw) && bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{"))
		if ok != want || validObject(raw) != want {
			t.Fatalf("%q: got %v and %v, want %v", raw, ok, validObject(raw), want)
		}
		if !ok {
			return
		}
		var decoded map[string]json.RawMessage
		if err := json.Unmarshal(raw, &decoded); err != nil {
			t.Fatal(err)
		}
		if len(list) < len(decoded) {
			t.Fatalf("%q: %d attributes, want at least %d", raw, len(list), len(decoded))
		}
		for _, a := range list {
			if !json.Valid(a.value) {
				t.Fatalf("%q: the value %q is not JSON", raw, a.value)
			}
		}
	})
}

func TestNestingIsBounded(t *testing.T) {
	t.Parallel()
	for depth, want := range map[int]bool{maxNesting: true, maxNesting + 1: false, 1 << 20: false} {
		raw := `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
		if got := validObject([]byte(raw)); got != want {
			t.Errorf("nested %d deep: got %v, want %v", depth, got, want)
		}
	}
}

// attribute values of which some are the same in another form
func drawValue(t *rapid.T, label string) string {
	return rapid.SampledFrom([]string{
		`1`, `1.0`, `"a"`, `"\u0061"`, `"b"`, `null`, ` null`, `true`, `[1,2]`, `[1, 2]`, `[2,1]`,
		`{"x":1,"y":2}`, `{"y":2,"x":1}`, `{"x":1}`, `{"x":1,"y":null}`, `{}`, `[]`,
	}).Draw(t, label)
}

func drawObject(t *rapid.T, label string) json.RawMessage {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "\\u0063", "urn:x:y", "urn:z"}), 0, 4, rapid.ID[string]).Draw(t, label+" names")
	if rapid.IntRange(0, 9).Draw(t, label+" size") == 0 {
		for i := range quickNames {
			names = append(names, "n"+strings.Repeat("i", i))
		}
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, n := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + n + `":` + drawValue(t, label+" value"))
	}
	b.WriteByte('}')
	return json.RawMessage(b.String())
}

// What differs is what differs when both objects are decoded, whichever way it is found.
func TestDifferingEqualsDecodedComparison(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawObject(t, "a"), drawObject(t, "b")
		got, err := differing(a, b)
		if err != nil {
			t.Fatal(err)
		}
		want, err := differingDecoded(a, b)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Fatalf("%s and %s: got %q, want %q", a, b, got, want)
		}
	})
}
