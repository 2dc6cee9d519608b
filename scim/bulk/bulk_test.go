package bulk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/scim/body"
	"github.com/usher-scim/usher/scim/bulk"
	"github.com/usher-scim/usher/scim/fault"
)

// attributes are those of users and groups.
func attributes() bulk.Attributes {
	return func(name string) bool { return slices.Contains([]string{"value", "manager", "members", "$ref"}, name) }
}

func parse(t testing.TB, text string) []bulk.Operation {
	t.Helper()
	object, err := body.Object([]byte(`{"Operations":[` + text + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	r, err := bulk.Parse(object, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return r.Operations
}

func TestReferences(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, operation string
		want            []string
	}{
		{"none", `{"method":"POST","path":"/Users","bulkId":"x","data":{"userName":"bulkId:a"}}`, nil},
		{"in the path", `{"method":"DELETE","path":"/Users/bulkId:a"}`, []string{"a"}},
		{"in an element", `{"method":"POST","path":"/Groups","bulkId":"x","data":{"members":[{"value":"bulkId:a"},{"value":"1"},{"VALUE":"bulkId:b"}]}}`, []string{"a", "b"}},
		{"bare", `{"method":"POST","path":"/Groups","bulkId":"x","data":{"Members":["bulkId:a","bulkId:a"]}}`, []string{"a"}},
		{"behind a URN", `{"method":"POST","path":"/Users","bulkId":"x","data":{"urn:x:2.0:User:manager":"bulkId:a"}}`, []string{"a"}},
		{"in an extension", `{"method":"PUT","path":"/Users/1","data":{"urn:x:2.0:User":{"manager":{"$ref":"../Users/bulkId:a"}}}}`, []string{"a"}},
		{"a dotted key", `{"method":"PUT","path":"/Users/1","data":{"manager.value":"bulkId:a"}}`, []string{"a"}},
		{"the value beside a path", `{"method":"PATCH","path":"/Users/1","data":{"operations":[{"op":"add","PATH":"urn:x:2.0:User:manager","Value":"bulkId:a"}]}}`, []string{"a"}},
		{"the value beside another path", `{"method":"PATCH","path":"/Users/1","data":{"Operations":[{"op":"add","path":"title","value":"bulkId:a"}]}}`, nil},
		{"the value behind a filter", `{"method":"PATCH","path":"/Users/1","data":{"Operations":[{"op":"add","path":"members[display eq \"x.title\"].value","value":"bulkId:a"}]}}`, []string{"a"}},
		{"a filter", `{"method":"PATCH","path":"/Groups/1","data":{"Operations":[{"op":"remove","path":"members[value eq \"bulkId:a\" or value eq \"bulkId:b\"]"}]}}`, []string{"a", "b"}},
		{"a value without a path", `{"method":"PATCH","path":"/Groups/1","data":{"Operations":[{"op":"add","value":{"members":[{"value":"bulkId:a"}]}}]}}`, []string{"a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := parse(t, test.operation)[0]
			before, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(attributes().References(o), test.want); diff != "" {
				t.Errorf("references (-got +want):\n%s", diff)
			}
			resolved := attributes().Resolve(o, map[string]string{"a": "id-of-a", "b": "id-of-b"})
			if left := attributes().References(resolved); len(left) > 0 {
				t.Errorf("%v are left in %+v", left, resolved)
			}
			text, err := json.Marshal(resolved)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range test.want {
				if !strings.Contains(string(text), "id-of-"+id) {
					t.Errorf("got %s, want the id of %s in it", text, id)
				}
			}
			if after, err := json.Marshal(o); err != nil || !bytes.Equal(after, before) {
				t.Errorf("the operation became %s", after)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	o := parse(t, `{"method":"POST","path":"/Users","bulkId":"x","data":{"userName":"x","manager":"bulkId:a","members":[{"value":"bulkId:b"}],
		"urn:x:2.0:User":{"manager":{"value":"bulkId:a"},"department":"d"},"urn:y:2.0:User":{"manager":"bulkId:a"}}}`)[0]
	without, parts := attributes().Split(o, func(id string) bool { return id == "a" })
	want := map[string]any{"userName": "x", "members": []any{map[string]any{"value": "bulkId:b"}}, "urn:x:2.0:User": map[string]any{"department": "d"}}
	if diff := cmp.Diff(without.Data, want); diff != "" {
		t.Errorf("data (-got +want):\n%s", diff)
	}
	wantParts := []bulk.Part{
		{Path: "manager", Value: "bulkId:a"}, {Path: "urn:x:2.0:User:manager", Value: map[string]any{"value": "bulkId:a"}},
		{Path: "urn:y:2.0:User:manager", Value: "bulkId:a"},
	}
	if diff := cmp.Diff(parts, wantParts); diff != "" {
		t.Errorf("parts (-got +want):\n%s", diff)
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	user := func(name string, needs ...string) string {
		var members []string
		for _, n := range needs {
			members = append(members, `"bulkId:`+n+`"`)
		}
		return `{"method":"POST","path":"/Groups","bulkId":"` + name + `","data":{"members":[` + strings.Join(members, ",") + `]}}`
	}
	for _, test := range []struct {
		name       string
		operations []string
		want       string
	}{
		{"as it stands", []string{user("a"), user("b", "a"), user("c")}, "[[0] [1] [2]]"},
		{"turned round", []string{user("a", "b"), user("b", "c"), user("c")}, "[[2] [1] [0]]"},
		{"nothing is drawn forward without need", []string{user("a", "c"), `{"method":"DELETE","path":"/Users/1"}`, user("c")}, "[[1] [2] [0]]"},
		{"a circle, and who waits for it", []string{user("d", "a"), user("a", "b"), user("b", "a")}, "[[1 2] [0]]"},
		{"of two circles", []string{user("a", "b", "c"), user("b", "a"), user("c", "d"), user("d", "c")}, "[[2 3] [0 1]]"},
		{"itself", []string{user("a", "a")}, "[[0]]"},
		{"nobody", []string{user("a", "nobody")}, "[[0]]"},
		{"one resource, in the order of the request", []string{
			`{"method":"PATCH","path":"/Groups/1","data":{"Operations":[{"op":"add","path":"members","value":"bulkId:a"}]}}`, `{"method":"DELETE","path":"/Groups/1/"}`, user("a"),
		}, "[[2] [0] [1]]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := fmt.Sprint(attributes().Order(parse(t, strings.Join(test.operations, ",")))); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// checkOrder holds for whatever operations: each stands once, behind what it names, with what it names in a circle, and behind the earlier ones
// about the same resource.
func checkOrder(t interface{ Fatalf(string, ...any) }, operations []bulk.Operation) {
	order := attributes().Order(operations)
	place := map[int]int{}
	for c, circle := range order {
		if len(circle) == 0 || !slices.IsSorted(circle) {
			t.Fatalf("the circle %v", circle)
		}
		for _, i := range circle {
			if _, twice := place[i]; twice {
				t.Fatalf("operation %d stands twice in %v", i, order)
			}
			place[i] = c
			if len(circle) > 1 && operations[i].Method != http.MethodPost {
				t.Fatalf("operation %d creates nothing and stands in the circle %v", i, circle)
			}
		}
	}
	if len(place) != len(operations) {
		t.Fatalf("%d of %d operations in %v", len(place), len(operations), order)
	}
	creates, needs := map[string]int{}, make([][]int, len(operations))
	for i, o := range operations {
		if o.Method == http.MethodPost && o.Wrong == nil {
			creates[o.BulkID] = i
		}
	}
	touched := map[string]int{}
	for i, o := range operations {
		if o.Wrong != nil {
			continue
		}
		for _, id := range attributes().References(o) {
			if on, ok := creates[id]; ok {
				needs[i] = append(needs[i], on)
				if place[on] > place[i] {
					t.Fatalf("operation %d stands before %d, which it names: %v", i, on, order)
				}
			}
		}
		if o.Method != http.MethodPost {
			if on, ok := touched[o.Path]; ok && place[on] >= place[i] {
				t.Fatalf("operation %d stands before %d about the same: %v", i, on, order)
			}
			touched[o.Path] = i
		}
	}
	// Whoever stands in one circle reaches each other.
	for _, circle := range order {
		for _, from := range circle {
			if len(circle) == 1 {
				break
			}
			seen, todo := map[int]bool{}, []int{from}
			for len(todo) > 0 {
				i := todo[0]
				todo = todo[1:]
				for _, on := range needs[i] {
					if !seen[on] {
						seen[on] = true
						todo = append(todo, on)
					}
				}
			}
			for _, to := range circle {
				if !seen[to] {
					t.Fatalf("%d does not come round to %d, yet both stand in the circle %v", from, to, circle)
				}
			}
		}
	}
}

func TestOrderOfAnyOperations(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 12).Draw(t, "operations")
		operations := make([]bulk.Operation, count)
		for i := range operations {
			o := bulk.Operation{Method: http.MethodPost, Path: "/Groups", BulkID: fmt.Sprint(i)}
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				o = bulk.Operation{Method: http.MethodPut, Path: fmt.Sprintf("/Groups/bulkId:%d", rapid.IntRange(0, count).Draw(t, "target"))}
			case 1:
				o = bulk.Operation{Method: http.MethodDelete, Path: fmt.Sprintf("/Groups/%d", rapid.IntRange(0, 2).Draw(t, "target"))}
			}
			if o.Method != http.MethodDelete {
				var members []any
				for _, on := range rapid.SliceOfN(rapid.IntRange(0, count), 0, 3).Draw(t, "needs") {
					members = append(members, fmt.Sprintf("bulkId:%d", on))
				}
				o.Data = map[string]any{"members": members}
			}
			operations[i] = o
		}
		checkOrder(t, operations)
	})
}

func TestTheLargestGraphIsQuick(t *testing.T) {
	t.Parallel()
	const count = 1000
	ring, all := make([]bulk.Operation, count), make([]bulk.Operation, count)
	var everybody []any
	for i := range count {
		everybody = append(everybody, fmt.Sprintf("bulkId:%d", i))
	}
	for i := range count {
		o := bulk.Operation{Method: http.MethodPost, Path: "/Groups", BulkID: fmt.Sprint(i)}
		o.Data = map[string]any{"members": []any{fmt.Sprintf("bulkId:%d", (i+1)%count)}}
		ring[i] = o
		o.Data = map[string]any{"members": everybody}
		all[i] = o
	}
	for name, operations := range map[string][]bulk.Operation{"a ring": ring, "everybody": all} {
		if got := attributes().Order(operations); len(got) != 1 || len(got[0]) != count {
			t.Errorf("%s: got %d circles, want one of all", name, len(got))
		}
	}
}

func FuzzBulk(f *testing.F) {
	for _, seed := range []string{
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"failOnErrors":1,"Operations":[{"method":"POST","path":"/Users","bulkId":"q","data":{"userName":"x"}},{"method":"POST","path":"/Groups","bulkId":"y","data":{"members":[{"value":"bulkId:q"}]}}]}`,
		`{"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{"manager":{"value":"bulkId:b"}}},{"method":"POST","path":"/Users","bulkId":"b","data":{"urn:x:2.0:User":{"manager":"bulkId:a"}}}]}`,
		`{"Operations":[{"method":"PATCH","path":"/Groups/bulkId:g","data":{"Operations":[{"op":"remove","path":"members[value eq \"bulkId:q\"]"},{"op":"add","value":{"members":["bulkId:q"]}}]}},{"method":"DELETE","path":"/Users/1"}]}`,
		`{"Operations":[{"method":"PUT","path":"/Users/bulkId:","data":{"value":["bulkId:",["x/bulkId:bulkId:a"]]}},5,{"method":"POST","bulkId":"a","path":"a","data":{"]x[.value":"bulkId:a"}}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		object, err := body.Object(text)
		if err != nil {
			return
		}
		r, err := bulk.Parse(object, 50)
		if err != nil {
			var told *fault.Error
			if !errors.As(err, &told) || told.Detail == "" {
				t.Fatalf("got %v, want an error that can be told", err)
			}
			return
		}
		checkOrder(t, r.Operations)
		for _, o := range r.Operations {
			ids := map[string]string{}
			for _, id := range attributes().References(o) {
				ids[id] = "1"
			}
			if left := attributes().References(attributes().Resolve(o, ids)); o.Wrong == nil && len(left) > 0 {
				t.Fatalf("%q are left of %+v", left, o)
			}
			without, _ := attributes().Split(o, func(string) bool { return true })
			without.Path = ""
			if left := attributes().References(without); o.Method == http.MethodPost && len(left) > 0 {
				t.Fatalf("%q are left when all of %+v is split off", left, o)
			}
		}
	})
}
