package scim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
	"github.com/usher-scim/usher/scim/schema"
	"github.com/usher-scim/usher/store"
)

// What passes over the wire whatever the request is about: laws 14 and 15, discovery, ids of requests, logs.

func TestLaw14Bodies(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(o *scim.Options) { o.Limits = scim.Limits{UserBody: 2000, GroupBody: 4000} })
	token := h.source(t, "hr", directory.Generic, false)
	id := h.id(t, token, "/Users", `{"userName":"there"}`)
	type row struct {
		name, contentType, body string
		status                  int
		scimType, detail        string
	}
	n := 0
	user := func() string { n++; return fmt.Sprintf(`{"userName":"u%d"}`, n) }
	for _, test := range []row{
		{"scim+json", "application/scim+json", user(), 201, "", ""},
		{"json", "application/json", user(), 201, "", ""},
		{"a charset", "application/scim+json; charset=UTF-8", user(), 201, "", ""},
		{"a charset in quotes, and more", `Application/JSON;charset="utf-8";x=y`, user(), 201, "", ""},
		{"no type", "", user(), 201, "", ""},
		{"another charset", "application/json; charset=iso-8859-1", user(), 415, "", "UTF-8"},
		{"a form", "application/x-www-form-urlencoded", user(), 415, "", "application/scim+json"},
		{"no type at all", "nonsense/", user(), 415, "", "application/scim+json"},
		{"text after it", "application/json", user() + "x", 400, "invalidSyntax", "byte 17"},
		{"broken off", "application/json", `{"userName":`, 400, "invalidSyntax", "byte 12"},
		{"an array", "application/json", `[]`, 400, "invalidSyntax", "byte 0"},
		{"keys that come twice", "application/json", `{"userName":"a","userName":"b"}`, 400, "invalidSyntax", "byte 16"},
		{"bad UTF-8", "application/json", "{\"userName\":\"\xff\"}", 400, "invalidSyntax", "byte 13"},
		{"deep", "application/json", `{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, 400, "invalidSyntax", "deeper than 32"},
		{"large", "application/json", `{"userName":"` + strings.Repeat("x", 3000) + `"}`, 413, "", "2000 bytes"},
	} {
		header := http.Header{"Content-Type": {test.contentType}}
		if test.contentType == "" {
			header = http.Header{"Content-Type": nil}
		}
		w := h.send(t, token, post, "/Users", header, test.body)
		var reply map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
			t.Fatal(err)
		}
		detail, _ := reply["detail"].(string)
		if got, want := w.Code, test.status; got != want {
			t.Errorf("%s: got status %d, want %d: %s", test.name, got, want, w.Body)
		}
		if got := at(reply, "scimType"); test.status >= 400 && (test.scimType != "" && got != test.scimType || !strings.Contains(detail, test.detail)) {
			t.Errorf("%s: got %v, want %s, %s", test.name, reply, test.scimType, test.detail)
		}
	}
	for accept, want := range map[string]int{
		"": 200, "*/*": 200, "application/*": 200, "application/json": 200, "text/html, application/scim+json;q=0.1": 200, "application/*;q=0": 406, "text/html": 406,
		"application/scim+json;q=0.0": 406, "text/html, */*;q=0": 406,
	} {
		header := http.Header{"Accept": {accept}}
		if accept == "" {
			header = nil
		}
		if got := h.send(t, token, get, "/Users/"+id, header, "").Code; got != want {
			t.Errorf("Accept %q: got %d, want %d", accept, got, want)
		}
	}
}

// neverRead is a body that must not be touched.
type neverRead struct{ t *testing.T }

func (n neverRead) Read([]byte) (int, error) {
	n.t.Error("the body was read")
	return 0, io.EOF
}

func TestLaw14ATooLargeBodyIsRefusedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	for target, length := range map[string]int64{"/Users": 50 << 20, "/Groups": 50 << 20} {
		r := httptest.NewRequestWithContext(t.Context(), post, scim.Root+target, neverRead{t})
		r.Header.Set("Authorization", "Bearer "+token)
		r.ContentLength = length
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, r)
		if got, want := w.Code, http.StatusRequestEntityTooLarge; got != want {
			t.Errorf("%s: got %d, want %d", target, got, want)
		}
	}
	// One that does not say how large it is, is read up to the limit.
	r := httptest.NewRequestWithContext(t.Context(), post, scim.Root+"/Users", io.MultiReader(strings.NewReader(`{"userName":"`), strings.NewReader(strings.Repeat("x", 2<<20))))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	if got, want := w.Code, http.StatusRequestEntityTooLarge; got != want {
		t.Errorf("an unknown length: got %d, want %d: %s", got, want, w.Body)
	}
}

func TestLaw14RoutesAndMethods(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	for _, test := range []struct {
		method, target string
		status         int
		allow          []string
	}{
		{get, "/users", 404, nil}, {get, "/Things", 404, nil}, {get, "/Bulk", 405, []string{post}}, {put, "", 405, []string{get}}, {post, "/", 405, []string{get}},
		{get, "/Users/x/y", 404, nil}, {get, "/Users/not-a-uuid", 404, nil}, {get, "/Users/" + strings.ToUpper(uuid.NewString()), 404, nil},
		{put, "/Users", 405, []string{get, post}}, {remove, "/Groups", 405, []string{get, post}}, {post, "/Users/" + uuid.NewString(), 405, []string{get, put, change, remove}},
		{post, "/Schemas", 405, []string{get}}, {put, "/ServiceProviderConfig", 405, []string{get}},
		{get, "/Me", 501, nil}, {change, "/Me", 501, nil},
	} {
		w := h.send(t, token, test.method, test.target, nil, "")
		if got, want := w.Code, test.status; got != want {
			t.Errorf("%s %s: got %d, want %d", test.method, test.target, got, want)
		}
		if got, want := w.Header().Get("Content-Type"), "application/scim+json"; got != want {
			t.Errorf("%s %s: got %s, want %s", test.method, test.target, got, want)
		}
		for _, method := range test.allow {
			if allow := w.Header().Get("Allow"); !strings.Contains(allow, method) {
				t.Errorf("%s %s: got Allow %q, want %s in it", test.method, test.target, allow, method)
			}
		}
		h.refused(t, token, test.method, test.target, "", test.status)
	}
	h.ask(t, token, get, "/Users/", "", 200)
}

func TestLaw15Tokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	for name, authorization := range map[string]string{
		"none": "", "no scheme": token, "another scheme": "Basic " + token, "wrong": "Bearer wrong", "wrong, well-formed": "Bearer usher_" + strings.Repeat("A", 43), "two": "Bearer " + token + " x",
	} {
		for _, target := range []string{"/Users", "/Groups/x", "/ServiceProviderConfig", "/Schemas", "/Me"} {
			w := h.send(t, "", get, target, http.Header{"Authorization": {authorization}}, "")
			if w.Code == http.StatusTooManyRequests {
				t.Fatal("the test asks too often")
			}
			if got, want := w.Code, http.StatusUnauthorized; got != want {
				t.Errorf("%s, %s: got %d, want %d", name, target, got, want)
			}
			if got, want := w.Header().Get("WWW-Authenticate"), `Bearer realm="scim"`; got != want {
				t.Errorf("%s, %s: got %q, want %q", name, target, got, want)
			}
			h.clock.skip(time.Minute)
		}
	}
	if got := h.send(t, "", get, "/Users", http.Header{"Authorization": {"bearer  " + token}}, "").Code; got != 200 {
		t.Errorf("the scheme compares without case: got %d", got)
	}
	if strings.Contains(h.log.String(), token) || strings.Contains(h.log.String(), "wrong") {
		t.Error("a token is in the log")
	}
}

func TestLaw15WrongTokensAreSlowedDownAndRightOnesAreNot(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	h.clock.stop()
	refused := 0
	for range 50 {
		if w := h.send(t, "wrong", get, "/Users", nil, ""); w.Code == http.StatusTooManyRequests {
			refused++
			if got, want := w.Header().Get("Retry-After"), "1"; got != want {
				t.Errorf("got Retry-After %q, want %q", got, want)
			}
		}
		if got := h.send(t, token, get, "/Users?count=0", nil, "").Code; got != 200 {
			t.Fatalf("a right token from the same address: got %d", got)
		}
	}
	if got, want := refused, 30; got != want {
		t.Errorf("got %d of 50 wrong tokens asked to wait, want %d", got, want)
	}
	h.clock.skip(time.Second)
	if got := h.send(t, "wrong", get, "/Users", nil, "").Code; got != 401 {
		t.Errorf("a second later: got %d, want 401", got)
	}
}

func TestLaw15RateOfAToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(o *scim.Options) { o.Limits = scim.Limits{RequestsPerSecond: 0.5, Burst: 3} })
	busy, quiet := h.source(t, "busy", directory.Generic, false), h.source(t, "quiet", directory.Generic, false)
	h.clock.stop()
	for i := range 5 {
		w := h.send(t, busy, get, "/Users", nil, "")
		want := 200
		if i >= 3 {
			want = 429
			if got := w.Header().Get("Retry-After"); got != "2" {
				t.Errorf("got Retry-After %q, want 2", got)
			}
		}
		if w.Code != want {
			t.Errorf("request %d: got %d, want %d", i+1, w.Code, want)
		}
	}
	if got := h.send(t, quiet, get, "/Users", nil, "").Code; got != 200 {
		t.Errorf("another token: got %d, want 200", got)
	}
	h.clock.skip(2 * time.Second)
	if got := h.send(t, busy, get, "/Users", nil, "").Code; got != 200 {
		t.Errorf("after the wait: got %d, want 200", got)
	}
}

func TestDiscoveryIsTrue(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	config := h.ask(t, token, get, "/ServiceProviderConfig", "", 200)
	for name, want := range map[string]bool{"patch": true, "filter": true, "bulk": true, "sort": true, "etag": true, "changePassword": false} {
		if got := at(config, name, "supported"); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if at(config, "pagination", "index") != true || at(config, "pagination", "cursor") != true || at(config, "pagination", "cursorTimeout") != 3600.0 || at(config, "meta", "location") != "https://usher.example/scim/v2/ServiceProviderConfig" {
		t.Errorf("got %v", config)
	}
	most := int(at(config, "filter", "maxResults").(float64))
	for i := range most + 1 {
		h.id(t, token, "/Users", fmt.Sprintf(`{"userName":"u%d"}`, i))
	}
	if got := h.ask(t, token, get, "/Users?filter=userName pr&count=1000", "", 200); len(got["Resources"].([]any)) != most || at(got, "totalResults") != float64(most+1) {
		t.Errorf("got %v of %v, want maxResults to be true: %d", got["itemsPerPage"], got["totalResults"], most)
	}

	types := h.ask(t, token, get, "/ResourceTypes", "", 200)
	for i, name := range []string{"User", "Group"} {
		one := h.ask(t, token, get, "/ResourceTypes/"+name, "", 200)
		if fmt.Sprint(at(types, "Resources", i)) != fmt.Sprint(one) || one["id"] != name {
			t.Errorf("got %v and %v", at(types, "Resources", i), one)
		}
		h.ask(t, token, get, one["endpoint"].(string), "", 200)
		h.ask(t, token, get, "/Schemas/"+one["schema"].(string), "", 200)
	}
	h.refused(t, token, get, "/ResourceTypes/user", "", 404)
	h.refused(t, token, get, "/ResourceTypes?filter=id eq \"User\"", "", 403)
	h.refused(t, token, get, "/Schemas/urn:nothing", "", 404)

	schemas := h.ask(t, token, get, "/Schemas", "", 200)
	for i, urn := range []string{schema.UserURN, schema.EnterpriseURN, schema.GroupURN} {
		one := at(schemas, "Resources", i)
		if at(one, "id") != urn || fmt.Sprint(h.ask(t, token, get, "/Schemas/"+urn, "", 200)) != fmt.Sprint(one) {
			t.Errorf("got %v for %s", at(one, "id"), urn)
		}
	}
	first := at(schemas, "Resources", 0, "attributes", 0)
	want := map[string]any{"name": "userName", "type": "string", "required": true, "caseExact": false, "uniqueness": "server", "mutability": "readWrite", "returned": "default", "multiValued": false}
	for key, value := range want {
		if got := at(first, key); got != value {
			t.Errorf("userName, %s: got %v, want %v", key, got, value)
		}
	}
}

func TestLocationsFollowWhoMayBeBelieved(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		public  string
		proxies []netip.Prefix
		tls     bool
		want    string
	}{
		{"the public address", "https://usher.example/", nil, false, "https://usher.example"},
		{"the request", "", nil, false, "http://internal:8480"},
		{"a proxy that is not trusted", "", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, false, "http://internal:8480"},
		{"a proxy that is trusted", "", []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, false, "https://outside.example"},
	} {
		h := newHouse(t, func(o *scim.Options) { o.PublicURL, o.TrustedProxies = test.public, test.proxies })
		token := h.source(t, "hr", directory.Generic, false)
		r := httptest.NewRequestWithContext(t.Context(), get, scim.Root+"/ServiceProviderConfig", nil) // from 192.0.2.1
		r.Host = "internal:8480"
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("X-Forwarded-Host", "outside.example")
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, r)
		if want := test.want + "/scim/v2/ServiceProviderConfig"; !strings.Contains(w.Body.String(), `"`+want+`"`) {
			t.Errorf("%s: got %s, want %s", test.name, w.Body, want)
		}
	}
}

func TestNewRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	if _, err := scim.New(scim.Options{}); err == nil {
		t.Error("without a directory: got no error")
	}
	for _, address := range []string{"usher.example", "ftp://usher.example", "https://", "https://x?y", "://"} {
		if _, err := scim.New(scim.Options{Directory: newHouse(t).directory, Now: time.Now, NewID: uuid.New, PublicURL: address}); err == nil {
			t.Errorf("%s: got no error", address)
		}
	}
}

func TestRequestsHaveIdsAndAreObserved(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	h := newHouse(t, func(o *scim.Options) {
		o.Observe = func(method, route string, status int, took time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf("%s %s %d %v", method, route, status, took > 0))
		}
	})
	token := h.source(t, "hr", directory.Generic, false)
	id := h.id(t, token, "/Users", `{"userName":"kim@secret.example"}`)
	for sent, kept := range map[string]bool{"okta-1.2_3": true, "": false, "a b": false, "a\"b": false, strings.Repeat("x", 65): false} {
		w := h.send(t, token, get, "/Users/"+id, http.Header{"X-Request-Id": {sent}}, "")
		if got := w.Header().Get("X-Request-Id"); (got == sent) != kept || got == "" {
			t.Errorf("%q: got %q, want it kept: %v", sent, got, kept)
		}
	}
	h.send(t, token, get, `/Users?filter=userName eq "kim@secret.example"`, nil, "")
	h.send(t, token, get, "/nothing", nil, "")
	mu.Lock()
	defer mu.Unlock()
	if seen[0] != "POST /scim/v2/Users 201 true" || seen[1] != "GET /scim/v2/Users/:id 200 true" || seen[len(seen)-1] != "GET  404 true" {
		t.Errorf("got %q", seen)
	}
	log := h.log.String()
	if !strings.Contains(log, "request=okta-1.2_3 method=GET route=/scim/v2/Users/:id status=200") || !strings.Contains(log, "id="+id) {
		t.Errorf("the request is not in the log: %s", log)
	}
	if strings.Contains(log, "kim") || strings.Contains(log, token) {
		t.Errorf("a name or token is in the log: %s", log)
	}
}

func TestWritersAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	group := h.id(t, token, "/Groups", `{"displayName":"g"}`)
	const writers = 16
	var done sync.WaitGroup
	for i := range writers {
		done.Go(func() {
			w := h.send(t, token, post, "/Users", nil, fmt.Sprintf(`{"userName":"u%d","externalId":"e%d"}`, i, i))
			if w.Code != http.StatusCreated {
				t.Errorf("POST: got %d: %s", w.Code, w.Body)
			}
			w = h.send(t, token, change, "/Groups/"+group, nil, patchOf(fmt.Sprintf(`{"op":"add","path":"members","value":["e%d"]}`, i)))
			if w.Code != http.StatusOK {
				t.Errorf("PATCH: got %d: %s", w.Code, w.Body)
			}
		})
	}
	done.Wait()
	reply := h.ask(t, token, get, "/Groups/"+group, "", 200)
	if got, want := fmt.Sprint(len(reply["members"].([]any)), " ", version(reply)), fmt.Sprintf(`%d W/"%d"`, writers, writers+1); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var made atomic.Int32
	for range writers { // of one name, one wins
		done.Go(func() {
			switch w := h.send(t, token, post, "/Users", nil, `{"userName":"same"}`); w.Code {
			case http.StatusCreated:
				made.Add(1)
			case http.StatusConflict:
			default:
				t.Errorf("got %d: %s", w.Code, w.Body)
			}
		})
	}
	done.Wait()
	if got, want := made.Load(), int32(1); got != want {
		t.Errorf("got %d users of one name, want %d", got, want)
	}
}

// brokenStore fails as a disk does.
type brokenStore struct {
	store.Store
	err error
}

func (s brokenStore) View(context.Context, func(store.Reader) error) error { return s.err }

func TestOtherFailuresAreLoggedAndNotTold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err    error
		status int
		detail string
	}{
		{errors.New("read /var/lib/usher.db: input/output error"), 500, "internal error, id "},
		{fmt.Errorf("read: %w", store.ErrClosed), 503, "try again; id "},
		{fmt.Errorf("read: %w", context.DeadlineExceeded), 503, "try again; id "},
	} {
		h := newHouse(t, func(o *scim.Options) {
			o.Directory = directory.New(brokenStore{err: test.err}, time.Now, uuid.New)
		})
		w := h.send(t, "usher_"+strings.Repeat("A", 43), get, "/Users", http.Header{"X-Request-Id": {"r-1"}}, "")
		if got, want := w.Code, test.status; got != want {
			t.Errorf("%v: got %d, want %d", test.err, got, want)
		}
		if body := w.Body.String(); !strings.Contains(body, test.detail+"r-1") || strings.Contains(body, "usher.db") {
			t.Errorf("%v: got %s", test.err, body)
		}
		if log := h.log.String(); !strings.Contains(log, "request=r-1") || !strings.Contains(log, test.err.Error()) {
			t.Errorf("%v: the log has %s", test.err, log)
		}
	}
}

func TestAPanicIsAnInternalError(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(o *scim.Options) { o.Directory = directory.New(panicStore{}, time.Now, uuid.New) })
	w := h.send(t, "usher_"+strings.Repeat("A", 43), get, "/Users", nil, "")
	if w.Code != 500 || !strings.Contains(w.Body.String(), "internal error, id ") || !strings.Contains(h.log.String(), "panicked") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

type panicStore struct{ store.Store }

func (panicStore) View(context.Context, func(store.Reader) error) error { panic("a bug") }

// cutStore fails to read members after the first page.
type cutStore struct {
	store.Store
	mu    sync.Mutex
	views int
	after int // how many views work; none fail while it is zero
}

func (s *cutStore) View(ctx context.Context, fn func(store.Reader) error) error {
	s.mu.Lock()
	s.views++
	fail := s.after > 0 && s.views > s.after
	s.mu.Unlock()
	if fail {
		return errors.New("input/output error")
	}
	return s.Store.View(ctx, fn)
}

func TestAFailureInTheMiddleCutsTheConnection(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	cut := &cutStore{Store: h.store}
	broken := newHouse(t, func(o *scim.Options) { o.Directory = directory.New(cut, time.Now, uuid.New) })
	token := h.source(t, "hr", directory.Generic, false)
	var members []string
	for i := range 1200 {
		members = append(members, `"`+h.id(t, token, "/Users", fmt.Sprintf(`{"userName":"u%d"}`, i))+`"`)
	}
	group := h.id(t, token, "/Groups", `{"displayName":"g","members":[`+strings.Join(members, ",")+`]}`)

	server := httptest.NewServer(broken.handler)
	defer server.Close()
	for after, wantCut := range map[int]bool{0: false, 3: true} { // token, group, first page of members
		cut.mu.Lock()
		cut.views, cut.after = 0, after
		cut.mu.Unlock()
		r, err := http.NewRequestWithContext(t.Context(), get, server.URL+scim.Root+"/Groups/"+group, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(reply.Body)
		if err := reply.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if got := err != nil; got != wantCut {
			t.Errorf("after %d views: the connection was cut: %v, want %v", after, got, wantCut)
		}
		if !wantCut && (bytes.Count(body, []byte(`"$ref"`)) != 1200 || !json.Valid(body)) {
			t.Errorf("got %d bytes with %d members, want 1200", len(body), bytes.Count(body, []byte(`"$ref"`)))
		}
	}
}

// Tokens are for what they were made for, for as long as that.
func TestLaw15TokensThatReadOnlyOrExpire(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.source(t, "hr", directory.Generic, false)
	by := audit.Actor{Kind: audit.ByAdmin}
	_, reader, err := h.directory.AddToken(t.Context(), by, "hr", directory.TokenTerms{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	h.refused(t, reader, post, "/Users", `{"userName":"a"}`, 403)
	h.refused(t, reader, post, "/Bulk", `{"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a"}}]}`, 403)
	h.ask(t, reader, get, "/Users", "", 200)
	h.ask(t, reader, http.MethodHead, "/Users", "", 200)
	h.ask(t, reader, post, "/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}`, 200)
	_, brief, err := h.directory.AddToken(t.Context(), by, "hr", directory.TokenTerms{Lasts: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	h.ask(t, brief, post, "/Users", `{"userName":"a"}`, 201)
	h.clock.skip(time.Hour)
	if _, detail := h.refused(t, brief, get, "/Users", "", 401); detail != "the bearer token has expired" {
		t.Errorf("got %q", detail)
	}
}
