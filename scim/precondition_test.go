package scim_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usher-scim/usher/directory"
)

// Law 8 on If-Match and If-None-Match: for a resource of version W/"2".
func TestLaw08Preconditions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	n := 0
	second := func(collection string) string { // of version 2
		n++
		id := h.id(t, token, collection, fmt.Sprintf(`{"userName":"u%d","displayName":"d%d"}`, n, n))
		reply := h.ask(t, token, change, collection+"/"+id, patchOf(fmt.Sprintf(`{"op":"replace","path":"externalId","value":"e%d"}`, n)), 200)
		if got, want := version(reply), `W/"2"`; got != want {
			t.Fatalf("got version %s, want %s", got, want)
		}
		return collection + "/" + id
	}
	for _, test := range []struct {
		header, value string
		read, write   int // the status of a GET, and whether a write is let pass (200) or not
	}{
		{"If-Match", `W/"2"`, 200, 200},
		{"If-Match", `"2"`, 200, 200},
		{"If-Match", `W/"1"`, 412, 412},
		{"If-Match", `*`, 200, 200},
		{"If-Match", ` W/"0" ,W/"1", W/"2"`, 200, 200},
		{"If-Match", `W/"0","1"`, 412, 412},
		{"If-Match", `W/"1,2", "2,"`, 412, 412},
		{"If-Match", `,, W/"2"`, 200, 200},
		{"If-Match", `2`, 200, 200},
		{"If-Match", `""`, 412, 412},
		{"If-Match", `W/"2`, 412, 412},
		{"If-Match", ` `, 200, 200},
		{"If-None-Match", `W/"2"`, 304, 412},
		{"If-None-Match", `"2"`, 304, 412},
		{"If-None-Match", `W/"1"`, 200, 200},
		{"If-None-Match", `*`, 304, 412},
		{"If-None-Match", `W/"1", W/"2"`, 304, 412},
		{"If-None-Match", `W/"1", W/"3"`, 200, 200},
		{"If-None-Match", ``, 200, 200},
	} {
		header := http.Header{test.header: {test.value}}
		name := test.header + ": " + test.value
		for _, collection := range []string{"/Users", "/Groups"} {
			target := second(collection)
			w := h.send(t, token, get, target, header, "")
			if got, want := w.Code, test.read; got != want {
				t.Errorf("GET %s, %s: got %d, want %d", collection, name, got, want)
			}
			if w.Code == 304 && (w.Body.Len() > 0 || w.Header().Get("ETag") != `W/"2"` || w.Header().Get("Content-Type") != "") {
				t.Errorf("GET %s, %s: got %v %s with 304", collection, name, w.Header(), w.Body)
			}
			for _, write := range []struct{ method, body string }{
				{put, fmt.Sprintf(`{"userName":"u%d","displayName":"d%d","externalId":"e%d"}`, n, n, n)}, // changes nothing
				{change, patchOf(`{"op":"add","path":"displayName","value":"new` + fmt.Sprint(n) + `"}`)},
			} {
				w := h.send(t, token, write.method, target, header, write.body)
				if got, want := w.Code, test.write; got != want {
					t.Errorf("%s %s, %s: got %d, want %d: %s", write.method, collection, name, got, want, w.Body)
				}
				if w.Code == 412 {
					if got, want := version(h.ask(t, token, get, target, "", 200)), `W/"2"`; got != want {
						t.Errorf("%s %s, %s: refused, but the version is %s", write.method, collection, name, got)
					}
					if !strings.Contains(w.Body.String(), `"status":"412"`) || !strings.Contains(w.Body.String(), `W/\"2\"`) {
						t.Errorf("%s %s, %s: got %s, want an Error that tells the version", write.method, collection, name, w.Body)
					}
				}
			}
			target = second(collection)
			want := test.write
			if want == 200 {
				want = 204
			}
			if got := h.send(t, token, remove, target, header, "").Code; got != want {
				t.Errorf("DELETE %s, %s: got %d, want %d", collection, name, got, want)
			}
			if left := h.send(t, token, get, target, nil, "").Code; (left == 200) != (want == 412) {
				t.Errorf("DELETE %s, %s: then GET got %d", collection, name, left)
			}
		}
	}
	t.Run("what is not there is 404 whatever is asked of its version", func(t *testing.T) {
		for _, header := range []http.Header{{"If-Match": {"*"}}, {"If-None-Match": {"*"}}, {"If-Match": {`W/"1"`}}} {
			for method, body := range map[string]string{get: "", remove: "", put: `{"userName":"x"}`, change: patchOf(`{"op":"add","path":"title","value":"x"}`)} {
				if got := h.send(t, token, method, "/Users/0190b2a0-0000-7000-8000-000000000000", header, body).Code; got != 404 {
					t.Errorf("%s %v: got %d, want 404", method, header, got)
				}
			}
		}
	})
	t.Run("lines of a header are one list", func(t *testing.T) {
		target := second("/Users")
		if got := h.send(t, token, get, target, http.Header{"If-None-Match": {`W/"1"`, `W/"2"`}}, "").Code; got != 304 {
			t.Errorf("got %d, want 304", got)
		}
	})
	t.Run("both must hold", func(t *testing.T) {
		target := second("/Users")
		if got := h.send(t, token, get, target, http.Header{"If-Match": {`W/"1"`}, "If-None-Match": {`W/"2"`}}, "").Code; got != 412 {
			t.Errorf("got %d, want 412: If-Match comes first (RFC 9110 section 13.2.2)", got)
		}
	})
}

// Of many who saw the same version, one writes.
func TestLaw08APreconditionHoldsWhenTheWriteIsDone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	for _, target := range []string{
		"/Users/" + h.id(t, token, "/Users", `{"userName":"u"}`), "/Groups/" + h.id(t, token, "/Groups", `{"displayName":"g"}`),
	} {
		const writers = 16
		var won, lost atomic.Int32
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				method, body := change, patchOf(fmt.Sprintf(`{"op":"replace","path":"externalId","value":"w%d"}`, i))
				if i == 0 {
					method, body = remove, ""
				}
				switch w := h.send(t, token, method, target, http.Header{"If-Match": {`W/"1"`}}, body); w.Code {
				case 200, 204:
					won.Add(1)
				case 412, 404: // 404: the delete was first
					lost.Add(1)
				default:
					t.Errorf("got %d: %s", w.Code, w.Body)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || lost.Load() != writers-1 {
			t.Errorf("%s: %d of %d writers won, %d lost; want one", target, won.Load(), writers, lost.Load())
		}
	}
}

// A person that only others hold has a version too, that follows what they say and is no record's.
func TestLaw08TheVersionOfAMerge(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hr, okta := h.source(t, "hr", directory.Generic, false), h.source(t, "okta", directory.Okta, false)
	id := h.id(t, hr, "/Users", `{"userName":"kim","title":"a"}`)
	target := "/Users/" + id
	w := h.send(t, okta, get, target, nil, "")
	tag := w.Header().Get("ETag")
	if !strings.HasPrefix(tag, `W/"merged-`) {
		t.Errorf("got %s, want the version of a merge", tag)
	}
	if got := h.send(t, okta, get, target, http.Header{"If-None-Match": {tag}}, "").Code; got != 304 {
		t.Errorf("the same merge: got %d, want 304", got)
	}
	if got := version(h.ask(t, okta, get, target+"?excludedAttributes=groups", "", 200)); got != tag {
		t.Errorf("another projection: got %s, want %s", got, tag)
	}
	h.ask(t, hr, change, target, patchOf(`{"op":"replace","path":"title","value":"b"}`), 200)
	if got := h.send(t, okta, get, target, http.Header{"If-None-Match": {tag}}, "").Code; got != 200 {
		t.Errorf("another title: got %d, want 200", got)
	}
	body := patchOf(`{"op":"replace","path":"title","value":"c"}`)
	if got := h.send(t, okta, change, target, http.Header{"If-Match": {tag}}, body).Code; got != 412 {
		t.Errorf("a write to what has changed: got %d, want 412", got)
	}
	tag = h.send(t, okta, get, target, nil, "").Header().Get("ETag")
	if got := h.send(t, okta, change, target, http.Header{"If-Match": {tag}}, body); got.Code != 200 || got.Header().Get("ETag") != `W/"1"` {
		t.Errorf("a write makes a holder: got %d %s", got.Code, got.Header().Get("ETag"))
	}
}

// The groups of a user count where they are read, and not where they cannot be written.
func TestLaw08TheVersionOfAUserKnowsItsGroups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	id := h.id(t, token, "/Users", `{"userName":"kim"}`)
	target := "/Users/" + id
	tag := func() string {
		t.Helper()
		w := h.send(t, token, get, target, nil, "")
		listed := h.ask(t, token, get, `/Users?filter=userName eq "kim"`, "", 200)
		got := w.Header().Get("ETag")
		if in, _ := at(listed, "Resources", 0, "meta", "version").(string); !strings.HasPrefix(got, strings.TrimSuffix(in, `"`)) {
			t.Errorf("meta.version is %s, want that of the record; the ETag is %s", in, got)
		}
		return got
	}
	tags := []string{tag()}
	if got, want := tags[0], `W/"1"`; got != want {
		t.Errorf("got %s, want %s: who is in no group has the record's version", got, want)
	}
	group := h.id(t, token, "/Groups", `{"displayName":"a","members":["`+id+`"]}`)
	tags = append(tags, tag())
	h.ask(t, token, change, "/Groups/"+group, patchOf(`{"op":"replace","path":"displayName","value":"b"}`), 200)
	tags = append(tags, tag())
	h.id(t, token, "/Groups", `{"displayName":"c","members":["`+id+`"]}`)
	tags = append(tags, tag())
	for i, old := range tags {
		last := i == len(tags)-1
		for _, test := range []struct {
			method, target, header string
			same, other            int // for the last tag, for one of before
		}{
			{get, target, "If-None-Match", 304, 200},
			{get, target, "If-Match", 200, 412},
			{get, target + "?excludedAttributes=groups", "If-None-Match", 304, 304},
			{get, target + "?attributes=userName", "If-None-Match", 304, 304},
			{change, target, "If-Match", 200, 200},
			{change, target, "If-None-Match", 412, 412},
		} {
			want := test.other
			if last {
				want = test.same
			}
			body := ""
			if test.method == change {
				body = patchOf(`{"op":"remove","path":"nickName"}`) // changes nothing
			}
			if got := h.send(t, token, test.method, test.target, http.Header{test.header: {old}}, body).Code; got != want {
				t.Errorf("%s %s, %s: %s: got %d, want %d", test.method, test.target, test.header, old, got, want)
			}
		}
		for _, earlier := range tags[:i] {
			if earlier == old {
				t.Errorf("the versions %v: one comes twice", tags)
			}
		}
	}
	h.ask(t, token, change, target, patchOf(`{"op":"add","path":"title","value":"x"}`), 200)
	for _, old := range tags {
		if got := h.send(t, token, remove, target, http.Header{"If-Match": {old}}, "").Code; got != 412 {
			t.Errorf("If-Match: %s after a change: got %d, want 412", old, got)
		}
	}
	now := tag()
	if got := h.send(t, token, remove, target, http.Header{"If-Match": {now}}, "").Code; got != 204 {
		t.Errorf("If-Match: %s, the present version: got %d, want 204", now, got)
	}
}

// Who is deleted and created again goes on from the version of before: an old one never fits.
func TestLaw08VersionsGoOnOverADelete(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hr, okta := h.source(t, "hr", directory.Generic, false), h.source(t, "okta", directory.Okta, false)
	for name, held := range map[string]bool{"held by nobody else": false, "held by another source": true} {
		body := `{"userName":"` + fmt.Sprint(held) + `","externalId":"e-` + fmt.Sprint(held) + `"}`
		id := h.id(t, okta, "/Users", body)
		if held {
			h.ask(t, hr, post, "/Users", body, 201)
		}
		seen := map[string]bool{}
		for range 3 {
			old := version(h.ask(t, okta, get, "/Users/"+id, "", 200))
			if seen[old] {
				t.Errorf("%s: the version %s came before the delete as well", name, old)
			}
			seen[old] = true
			h.ask(t, okta, remove, "/Users/"+id, "", 204)
			if got := h.id(t, okta, "/Users", body); got != id {
				t.Fatalf("%s: got another person", name)
			}
			if got := h.send(t, okta, remove, "/Users/"+id, http.Header{"If-Match": {old}}, "").Code; got != 412 {
				t.Errorf("%s: a delete that asks for the version before: got %d, want 412", name, got)
			}
		}
	}
}
