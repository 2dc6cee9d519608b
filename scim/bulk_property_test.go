package scim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
	"github.com/usher-scim/usher/scim/schema"
)

// piece is an operation of a bulk request as text, so that the test replaces references without the code that it tests.
type piece struct{ method, path, bulkID, data string }

func (p piece) String() string {
	return fmt.Sprintf(`{"method":%q,"path":%q,"bulkId":%q,"data":%s}`, p.method, p.path, p.bulkID, p.data)
}

var reference = regexp.MustCompile(`bulkId:([a-z0-9]+)`)

func (p piece) needs() []string {
	var all []string
	for _, found := range reference.FindAllStringSubmatch(p.path+" "+p.data, -1) {
		all = append(all, found[1])
	}
	return all
}

// anyPieces are operations without circles: one names only those that stand behind it in a random order, or nobody.
func anyPieces(t *rapid.T) []piece {
	count := rapid.IntRange(1, 10).Draw(t, "count")
	pieces := make([]piece, count)
	rank := rapid.Permutation(indexes(count)).Draw(t, "rank")
	for i := range pieces {
		var others []string
		for k := range pieces {
			if rank[k] < rank[i] {
				others = append(others, fmt.Sprintf("bulkId:b%d", k))
			}
		}
		other := rapid.SampledFrom(append(others, "bulkId:nobody", ""))
		name := rapid.SampledFrom([]string{"ann", "bob", "cid", "dan", "eve", ""}).Draw(t, "name")
		p := piece{method: post, path: "/Users", bulkID: fmt.Sprintf("b%d", i)}
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 0, 1, 2:
			p.data = fmt.Sprintf(`{"userName":%q,%q:{"manager":{"value":%q}}}`, name, schema.EnterpriseURN, other.Draw(t, "manager"))
		case 3:
			p.path = "/Groups"
			p.data = fmt.Sprintf(`{"displayName":"g-%s","members":[{"value":%q}]}`, name, other.Draw(t, "member"))
		case 4:
			p.method, p.path = change, "/Groups/"+other.Draw(t, "group")
			p.data = patchOf(fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":%q}]}`, other.Draw(t, "member")))
		case 5:
			p.method, p.path = put, "/Users/"+other.Draw(t, "user")
			p.data = fmt.Sprintf(`{"userName":%q,"title":"t%d"}`, name, i)
		default:
			p.method, p.path, p.data = remove, "/Users/"+other.Draw(t, "user"), "null"
		}
		pieces[i] = p
	}
	return pieces
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// oneByOne carries the operations out as requests of their own, always the first that waits for nobody, and returns their statuses.
func (h *house) oneByOne(t testing.TB, token string, pieces []piece) []string {
	t.Helper()
	statuses, ids := make([]string, len(pieces)), map[string]string{}
	at := map[string]int{}
	for i, p := range pieces {
		if p.method == post {
			at[p.bulkID] = i
		}
	}
	waits := func(i int) bool {
		for _, id := range pieces[i].needs() {
			if on, ok := at[id]; ok && statuses[on] == "" {
				return true
			}
		}
		for k := range i {
			if statuses[k] == "" && pieces[i].method != post && pieces[k].method != post && pieces[k].path == pieces[i].path {
				return true
			}
		}
		return false
	}
	for range pieces {
		i := slices.IndexFunc(indexes(len(pieces)), func(i int) bool { return statuses[i] == "" && !waits(i) })
		p := pieces[i]
		if slices.ContainsFunc(p.needs(), func(id string) bool { return ids[id] == "" }) {
			statuses[i] = "409"
			continue
		}
		resolve := func(s string) string {
			return reference.ReplaceAllStringFunc(s, func(found string) string { return ids[strings.TrimPrefix(found, "bulkId:")] })
		}
		body := resolve(p.data)
		if p.method == remove {
			body = ""
		}
		path := resolve(p.path)
		if strings.HasSuffix(path, "/") && p.method == post {
			t.Fatalf("a POST to %s", path)
		}
		w := h.send(t, token, p.method, path, nil, body)
		statuses[i] = fmt.Sprint(w.Code)
		if w.Code == http.StatusCreated {
			var made struct{ ID string }
			if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil {
				t.Fatal(err)
			}
			ids[p.bulkID] = made.ID
		}
	}
	return statuses
}

var anyID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// state is all that a source holds, with names for ids and without times, and empties it.
func (h *house) state(t testing.TB, token string) string {
	t.Helper()
	var lines, ids []string
	names := map[string]string{}
	for _, target := range []string{"/Users", "/Groups"} {
		for _, one := range h.ask(t, token, get, target, "", 200)["Resources"].([]any) {
			user := one.(map[string]any)
			id := user["id"].(string)
			ids = append(ids, target+"/"+id)
			name, ok := user["userName"]
			if !ok {
				name = user["displayName"]
			}
			names[id] = fmt.Sprint(name)
			meta := user["meta"].(map[string]any)
			delete(meta, "created")
			delete(meta, "lastModified")
			if target == "/Groups" || strings.Contains(fmt.Sprint(user), "manager") {
				meta["version"] = "" // a version counts the writes
			}
			line, err := json.Marshal(user)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, string(line))
		}
	}
	for i := range lines {
		lines[i] = anyID.ReplaceAllStringFunc(lines[i], func(id string) string {
			if name := names[id]; name != "" {
				return name
			}
			return "somebody who is gone"
		})
	}
	for _, target := range ids {
		h.send(t, token, remove, target, nil, "")
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// A bulk request does what its operations do one by one, in the order of what they need: the same statuses, and the same users and
// groups at the end.
func TestABulkIsItsOperationsOneByOne(t *testing.T) {
	t.Parallel()
	for _, kind := range []directory.Kind{directory.Generic, directory.Entra} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			whole, single := newHouse(t), newHouse(t)
			tokens := [2]string{whole.source(t, "idp", kind, false), single.source(t, "idp", kind, false)}
			rapid.Check(t, func(rt *rapid.T) {
				pieces := anyPieces(rt)
				var texts []string
				for _, p := range pieces {
					texts = append(texts, p.String())
				}
				var got []string
				for _, o := range whole.bulk(t, tokens[0], strings.Join(texts, ",")) {
					got = append(got, o.Status)
				}
				want := single.oneByOne(t, tokens[1], pieces)
				gotState, wantState := whole.state(t, tokens[0]), single.state(t, tokens[1])
				if diff := cmp.Diff(got, want); diff != "" {
					rt.Fatalf("%s\nstatuses (-bulk +one by one):\n%s", strings.Join(texts, "\n"), diff)
				}
				if diff := cmp.Diff(gotState, wantState); diff != "" {
					rt.Fatalf("%s\nstate (-bulk +one by one):\n%s", strings.Join(texts, "\n"), diff)
				}
			})
		})
	}
}

// With circles too: nothing that failed has left anything behind, and what went well is there as it was written.
func TestABulkWithCirclesIsWholeOrNot(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	rapid.Check(t, func(rt *rapid.T) {
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"ann", "bob", "cid", "dan", "eve", "fay", ""}), 1, 8).Draw(rt, "names")
		bosses := make([]int, len(names))
		var texts []string
		for i, name := range names {
			bosses[i] = rapid.IntRange(0, len(names)-1).Draw(rt, "boss")
			texts = append(texts, piece{post, "/Users", fmt.Sprintf("b%d", i), fmt.Sprintf(`{"userName":%q,%q:{"manager":{"value":"bulkId:b%d"}}}`,
				name, schema.EnterpriseURN, bosses[i])}.String())
		}
		all := h.bulk(t, token, strings.Join(texts, ","))
		made := 0
		for i, o := range all {
			if o.Status != "201" {
				continue
			}
			made++
			_, target, _ := strings.Cut(o.Location, scim.Root)
			user := h.ask(t, token, get, target, "", 200)
			if got, want := at(user, schema.EnterpriseURN, "manager", "value"), any(all[bosses[i]].id()); got != want || all[bosses[i]].Status != "201" {
				rt.Fatalf("%s\n%s has the manager %v, want %v (%s)", strings.Join(texts, "\n"), names[i], got, want, statuses(all))
			}
		}
		if got := at(h.ask(t, token, get, "/Users", "", 200), "totalResults"); got != float64(made) {
			rt.Fatalf("%s\n%v users are left, want %d: %s", strings.Join(texts, "\n"), got, made, statuses(all))
		}
		h.state(t, token)
	})
}
