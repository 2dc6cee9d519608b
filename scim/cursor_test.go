package scim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
)

// pages reads a list to its end by cursor and returns the ids, and how many pages there were. between is called after each page.
func (h *house) pages(t testing.TB, token, target string, between func(page int)) (ids []string, total float64) {
	t.Helper()
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	cursor := ""
	for page := 1; ; page++ {
		reply := h.ask(t, token, get, target+separator+"cursor="+cursor, "", 200)
		resources, _ := reply["Resources"].([]any)
		for _, r := range resources {
			id, _ := at(r, "id").(string)
			ids = append(ids, id)
		}
		if _, there := reply["startIndex"]; there || reply["previousCursor"] != nil || reply["itemsPerPage"] != float64(len(resources)) {
			t.Errorf("%s: got %v", target, reply)
		}
		total, _ = reply["totalResults"].(float64)
		next, more := reply["nextCursor"].(string)
		if !more {
			return ids, total
		}
		if len(resources) == 0 || next == cursor {
			t.Fatalf("%s: page %d leads nowhere: %v", target, page, reply)
		}
		cursor = next
		if between != nil {
			between(page)
		}
	}
}

func TestLaw09CursorPaging(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	var users, groups []string
	for i := range 25 {
		users = append(users, h.id(t, token, "/Users", fmt.Sprintf(`{"userName":"u%02d","title":"t%d","emails":[{"value":"same@x"}]}`, i, i%3)))
		groups = append(groups, h.id(t, token, "/Groups", fmt.Sprintf(`{"displayName":"g%02d"}`, i)))
	}
	third := []string{}
	byTitle := [3][]string{}
	for i, id := range users {
		byTitle[i%3] = append(byTitle[i%3], id)
	}
	third = append(third, byTitle[2]...)
	reversed := slices.Clone(users)
	slices.Reverse(reversed)
	for target, want := range map[string][]string{
		"/Users":                           users,
		"/Groups":                          groups,
		"":                                 slices.Concat(users, groups),
		`/Users?filter=title eq "t2"`:      third,
		`/Users?filter=emails eq "same@x"`: users,
		`?filter=title eq "t2" or displayName eq "g07"`: append(slices.Clone(third), groups[7]),
		"/Users?sortBy=title":                           slices.Concat(byTitle[0], byTitle[1], byTitle[2]),
		"/Users?sortBy=title&sortOrder=descending":      slices.Concat(byTitle[2], byTitle[1], byTitle[0]),
		"/Users?sortBy=userName&sortOrder=descending":   reversed,
		"/Users?sortBy=id":                              users,
		`/Users?filter=userName eq "nobody"`:            nil,
		`/Users?filter=nothing eq "x"`:                  nil,
		`/Users?filter=userName eq "u03"`:               users[3:4],
		"/Users?sortBy=nickName":                        users,
	} {
		separator := "?"
		if strings.Contains(target, "?") {
			separator = "&"
		}
		for _, count := range []int{1, 4, 7, 25, 26, 100000} {
			got, total := h.pages(t, token, fmt.Sprint(target, separator, "count=", count), nil)
			if !slices.Equal(got, want) || int(total) != len(want) {
				t.Errorf("%s, pages of %d: got %d of %v: %v, want %v", target, count, len(got), total, got, want)
			}
		}
	}
	for _, reply := range []map[string]any{h.ask(t, token, get, "/Users?count=3", "", 200), h.ask(t, token, get, "/Users?startIndex=1&count=3", "", 200)} {
		if reply["nextCursor"] != nil || reply["startIndex"] != 1.0 {
			t.Errorf("index paging is the default: got %v", reply)
		}
	}
	first := h.ask(t, token, get, "/Users?cursor&count=10&attributes=userName", "", 200)
	next, _ := first["nextCursor"].(string)
	for range 2 {
		again := h.ask(t, token, get, "/Users?count=2&cursor="+next, "", 200)
		if at(again, "Resources", 0, "id") != users[10] || at(again, "Resources", 1, "title") == nil || again["itemsPerPage"] != 2.0 {
			t.Errorf("a page may be read again, with another count and projection: got %v", again)
		}
	}
	one := h.ask(t, token, post, "/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"cursor":"","count":10}`, 200)
	two := h.ask(t, token, post, "/Users/.search", fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"cursor":%q,"count":10}`, one["nextCursor"]), 200)
	if at(one, "Resources", 0, "id") != users[0] || at(two, "Resources", 0, "id") != users[10] {
		t.Errorf("in a search: got %v, then %v", one, two)
	}
}

func TestLaw09CursorsThatAreRefused(t *testing.T) {
	t.Parallel()
	key := []byte("a key that two servers share")
	h := newHouse(t, func(o *scim.Options) { o.CursorTimeout = 10 * time.Minute; o.CursorKey = key })
	token, other := h.source(t, "hr", directory.Generic, false), h.source(t, "other", directory.Generic, false)
	for i := range 4 {
		for _, source := range []string{token, other} {
			h.id(t, source, "/Users", fmt.Sprintf(`{"userName":"u%d","title":"t"}`, i))
			h.id(t, source, "/Groups", fmt.Sprintf(`{"displayName":"u%d"}`, i))
		}
	}
	if got := at(h.ask(t, token, get, "/ServiceProviderConfig", "", 200), "pagination", "cursorTimeout"); got != 600.0 {
		t.Errorf("cursorTimeout: got %v, want 600", got)
	}
	query := "/Users?count=2&sortBy=userName&filter=" + url.QueryEscape(`title eq "t"`)
	next, _ := h.ask(t, token, get, query+"&cursor=", "", 200)["nextCursor"].(string)
	plain, _ := h.ask(t, token, get, "/Users?count=2&cursor", "", 200)["nextCursor"].(string)
	if next == "" || plain == "" {
		t.Fatal("there is no next page")
	}
	for _, test := range []struct{ token, target, scimType string }{
		{token, query + "&cursor=nonsense", "invalidCursor"},
		{token, query + "&cursor=" + next + "A", "invalidCursor"},
		{token, query + "&cursor=" + strings.Repeat("A", 5000), "invalidCursor"},
		{token, query + "&cursor=%FF", "invalidCursor"},
		{other, query + "&cursor=" + next, "invalidCursor"},
		{token, strings.Replace(query, "userName", "title", 1) + "&cursor=" + next, "invalidCursor"},
		{token, query + "&sortOrder=descending&cursor=" + next, "invalidCursor"},
		{token, "/Users?count=2&sortBy=userName&cursor=" + next, "invalidCursor"},
		{token, strings.TrimPrefix(query, "/Users") + "&cursor=" + next, "invalidCursor"},
		{token, "/Groups?count=2&cursor=" + plain, "invalidCursor"},
		{token, "/Users?cursor&count=0", "invalidCount"},
		{token, "/Users?cursor&count=-5", "invalidCount"},
		{token, "/Users?cursor&count=x", "invalidCount"},
		{token, "/Users?cursor&count=1.5", "invalidCount"},
		{token, "/Users?cursor&startIndex=2", "invalidValue"},
		{token, "/Users?cursor&startIndex=x", "invalidValue"},
	} {
		if scimType, detail := h.refused(t, test.token, get, test.target, "", 400); scimType != test.scimType {
			t.Errorf("%s: got %s, %s, want %s", test.target, scimType, detail, test.scimType)
		}
	}
	for _, body := range []string{`"cursor":"","count":0`, `"cursor":"","count":"2"`, `"cursor":"","count":1.5`} {
		if scimType, _ := h.refused(t, token, post, "/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],`+body+`}`, 400); scimType != "invalidCount" {
			t.Errorf("%s: got %s, want invalidCount", body, scimType)
		}
	}
	h.ask(t, token, get, query+"&cursor="+next, "", 200)
	h.ask(t, token, get, strings.Replace(query, "userName", "USERNAME", 1)+"&startIndex=1&cursor="+next, "", 200)

	t.Run("another server with the key takes it, one without does not", func(t *testing.T) {
		for _, test := range []struct {
			key    []byte
			status int
		}{{key, http.StatusOK}, {nil, http.StatusBadRequest}, {[]byte("x"), http.StatusBadRequest}} {
			server, err := scim.New(scim.Options{Directory: h.directory, Now: h.clock.Now, CursorKey: test.key})
			if err != nil {
				t.Fatal(err)
			}
			restarted := &house{store: h.store, directory: h.directory, handler: server.Handler(), clock: h.clock, log: h.log}
			if got := restarted.send(t, token, get, query+"&cursor="+next, nil, "").Code; got != test.status {
				t.Errorf("key %q: got %d, want %d", test.key, got, test.status)
			}
		}
	})
	t.Run("its time is over", func(t *testing.T) {
		h.clock.skip(10 * time.Minute)
		if scimType, detail := h.refused(t, token, get, query+"&cursor="+next, "", 400); scimType != "expiredCursor" || !strings.Contains(detail, "600 s") {
			t.Errorf("got %s, %s, want expiredCursor", scimType, detail)
		}
	})
}

// A page by cursor costs the same at the beginning and at the end.
func TestLaw09APageByCursorCostsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	for i := range 600 {
		h.id(t, token, "/Users", fmt.Sprintf(`{"userName":"u%d"}`, i))
	}
	var costs []int
	h.pages(t, token, "/Users?count=50", func(int) {
		costs = append(costs, h.reads.pairs())
		h.reads.reset()
	})
	// The first page also counts.
	costs = costs[1:]
	if least, most := slices.Min(costs), slices.Max(costs); most > least+5 || most > 200 {
		t.Errorf("got pages that read %v pairs, want all alike", costs)
	}
}

// While others write, whatever stays as it is comes exactly once: in the order of ids and in any other, with a filter and without.
func TestLaw09CursorPagingWhileOthersWrite(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sources := 0
	rapid.Check(t, func(rt *rapid.T) {
		sources++
		token := h.source(t, fmt.Sprint("s", sources), directory.Generic, false)
		titles := rapid.SampledFrom([]string{"", "a", "B", "c"})
		still, moving := map[string]bool{}, []string{}
		n := 0
		make1 := func() string {
			n++
			return h.id(t, token, "/Users", fmt.Sprintf(`{"userName":"u%d","nickName":"n","title":%q}`, n, titles.Draw(rt, "title")))
		}
		for range rapid.IntRange(0, 20).Draw(rt, "users") {
			if id := make1(); rapid.Bool().Draw(rt, "still") {
				still[id] = true
			} else {
				moving = append(moving, id)
			}
		}
		query := rapid.SampledFrom([]string{
			"/Users?", "?", "/Users?sortBy=title&", "/Users?sortBy=title&sortOrder=descending&", "?sortBy=meta.lastModified&sortOrder=descending&",
			"/Users?filter=nickName eq \"n\"&", "/Users?filter=nickName eq \"n\"&sortBy=userName&", "/Users?sortBy=title&attributes=userName&",
		}).Draw(rt, "query")
		ids, total := h.pages(t, token, fmt.Sprint(query, "count=", rapid.IntRange(1, 5).Draw(rt, "count")), func(int) {
			for range rapid.IntRange(0, 3).Draw(rt, "writes") {
				switch rapid.IntRange(0, 2).Draw(rt, "write") {
				case 0:
					make1()
				case 1:
					if len(moving) > 0 {
						h.ask(t, token, remove, "/Users/"+moving[0], "", 204)
						moving = moving[1:]
					}
				default:
					if len(moving) > 0 {
						id := moving[rapid.IntRange(0, len(moving)-1).Draw(rt, "who")]
						h.ask(t, token, change, "/Users/"+id, patchOf(fmt.Sprintf(`{"op":"replace","path":"title","value":%q}`, titles.Draw(rt, "title")+"x")), 200)
					}
				}
			}
		})
		seen := map[string]int{}
		for _, id := range ids {
			seen[id]++
		}
		for id := range still {
			if seen[id] != 1 {
				rt.Fatalf("%s: a user that nobody changed came %d times", query, seen[id])
			}
		}
		if int(total) < len(ids) && !strings.Contains(query, "sortBy") {
			rt.Fatalf("%s: %d resources came, but the total is %v", query, len(ids), total)
		}
	})
}

// The same with writers that wait for nobody.
func TestLaw09CursorPagingWhileManyWriteAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	still := map[string]bool{}
	var moving []string
	for i := range 120 {
		id := h.id(t, token, "/Users", fmt.Sprintf(`{"userName":"u%d","title":"t%d"}`, i, i%7))
		if i%3 > 0 {
			still[id] = true
		} else {
			moving = append(moving, id)
		}
	}
	done := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				made := h.send(t, token, post, "/Users", nil, fmt.Sprintf(`{"userName":"w%d-%d","title":"t%d"}`, w, n, n%7))
				_, id, _ := strings.Cut(made.Header().Get("Location"), "/Users/")
				h.send(t, token, change, "/Users/"+moving[(w+3*n)%len(moving)], nil, patchOf(fmt.Sprintf(`{"op":"replace","path":"title","value":"t%d"}`, n%9)))
				h.send(t, token, remove, "/Users/"+id, nil, "")
			}
		})
	}
	for _, target := range []string{"/Users?count=7", "?count=9", "/Users?count=11&sortBy=title", "/Users?count=30&sortBy=title&sortOrder=descending", `/Users?count=10&filter=title sw "t"`} {
		seen := map[string]int{}
		ids, _ := h.pages(t, token, target, nil)
		for _, id := range ids {
			seen[id]++
		}
		for id := range still {
			if seen[id] != 1 {
				t.Errorf("%s: a user that nobody changed came %d times", target, seen[id])
			}
		}
	}
	close(done)
	writers.Wait()
}
