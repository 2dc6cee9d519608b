package body_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/usher-scim/usher/scim/body"
	"github.com/usher-scim/usher/scim/fault"
)

func TestObjectReadsWhatJSONAllows(t *testing.T) {
	t.Parallel()
	got, err := body.Object([]byte(" {\"a\": [1, -2.50e+3, true, false, null, \"x\"],\n\t\"b\": {}, \"c\": \"\\u00e9\\uD83D\\uDE00\\n\\/\\\"é\"} "))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"a": []any{json.Number("1"), json.Number("-2.50e+3"), true, false, nil, "x"},
		"b": map[string]any{}, "c": "é😀\n/\"é",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

func TestObjectRefusesAndSaysWhere(t *testing.T) {
	t.Parallel()
	many := ""
	for i := range 40 {
		many += `"k` + strings.Repeat("x", i) + `":0,`
	}
	for _, test := range []struct {
		name, text, detail string
	}{
		{"nothing", ``, "byte 0: the body is empty"},
		{"blanks", "  \n", "byte 3: the body is empty"},
		{"an array", `[]`, "byte 0: a JSON object was expected"},
		{"text after the object", `{} x`, "byte 3: the JSON object is followed by further text"},
		{"a second object", `{}{}`, "byte 2: the JSON object is followed by further text"},
		{"a key twice", `{"a":1,"a":2}`, "byte 7: the key occurs twice"},
		{"a key twice in another case", `{"userName":"x","USERNAME":"y"}`, "byte 16: the key occurs twice"},
		{"a key twice deep down", `{"emails":[{"value":"x","Value":"y"}]}`, "byte 24: the key occurs twice"},
		{"a key twice by its escape", `{"a":1,"\u0041":2}`, "byte 7: the key occurs twice"},
		{"a key twice by folding", "{\"k\":1,\"\u212A\":2}", "byte 7: the key occurs twice"},
		{"a key twice among many", `{` + many + `"KXX":0}`, "the key occurs twice"},
		{"bad UTF-8", "{\"a\":\"\xff\"}", "byte 6: the text is not valid UTF-8"},
		{"half a surrogate pair", `{"a":"\ud800"}`, "byte 6: half of a surrogate pair"},
		{"a surrogate pair the wrong way round", `{"a":"\udc00\ud800"}`, "byte 6: half of a surrogate pair"},
		{"a control character", "{\"a\":\"\n\"}", "byte 6: a control character"},
		{"an unknown escape", `{"a":"\x"}`, "byte 6: an escape that JSON does not have"},
		{"a short escape", `{"a":"\u12"}`, "byte 6: \\u needs four"},
		{"an open string", `{"a":"b`, "byte 7: a string is not closed"},
		{"an open object", `{"a":1`, "byte 6: a comma or }"},
		{"a comma too many", `{"a":1,}`, "byte 7: a key in quotes"},
		{"a key without quotes", `{a:1}`, "byte 1: a key in quotes"},
		{"no colon", `{"a" 1}`, "byte 5: a colon"},
		{"no value", `{"a":}`, "byte 5: a value was expected"},
		{"a word", `{"a":True}`, "byte 5: a value was expected"},
		{"a leading zero", `{"a":01}`, "byte 6: a comma or }"},
		{"a bare minus", `{"a":-}`, "byte 6: a digit was expected"},
		{"a bare point", `{"a":1.}`, "byte 7: a digit was expected after"},
		{"a bare exponent", `{"a":1e}`, "byte 7: a digit was expected in the exponent"},
		{"objects too deep", strings.Repeat(`{"a":`, 33) + `1` + strings.Repeat(`}`, 33), "byte 160: nested deeper than 32"},
		{"a hundred thousand arrays", `{"a":` + strings.Repeat(`[`, 100_000), "byte 36: nested deeper than 32"},
		{"too many values", `{"a":[` + strings.Repeat(`{},`, body.MaxValues) + `{}]}`, "more than 1000000 values"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := body.Object([]byte(test.text))
			var e *fault.Error
			if !errors.As(err, &e) || e.Type != fault.InvalidSyntax || e.Status != 400 {
				t.Fatalf("got %#v, want an invalidSyntax", err)
			}
			if got, want := e.Detail, test.detail; !strings.Contains(got, want) {
				t.Errorf("got %q, want something with %q", got, want)
			}
		})
	}
}

func TestObjectTakesWhatIsJustDeepEnough(t *testing.T) {
	t.Parallel()
	if _, err := body.Object([]byte(strings.Repeat(`{"a":`, 32) + `1` + strings.Repeat(`}`, 32))); err != nil {
		t.Error(err)
	}
}

// FuzzObject holds the reader against encoding/json: it takes less, and what it takes it reads alike.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":[{"b":null}],"c":1.5e-3}`, `{"a":"\ud83d\ude00\\"}`, `{"a":1}x`, `{"A":1,"a":1}`, "{\"\xff\":0}", `{"a":`, `[`,
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bjensen","emails":[{"value":"b@example.com","primary":true}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := body.Object(data)
		if err != nil {
			var e *fault.Error
			if !errors.As(err, &e) {
				t.Fatalf("got an error of type %T", err)
			}
			return
		}
		if !json.Valid(data) || !utf8.Valid(data) {
			t.Fatalf("took what is no JSON: %q", data)
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var want map[string]any
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %#v, want %#v", got, want)
		}
	})
}
