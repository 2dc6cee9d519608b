package zoom

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/adapters"
)

// stub answers calls as a test says and writes down which came. A call that no reply is left
// for fails the test.
type stub struct {
	t      *testing.T
	scopes string
	ttl    int

	mu      sync.Mutex
	replies map[string][]reply // by "METHOD /path?query"; the last one stays
	log     []string           // "METHOD /path?query body", without tokens
	tokens  int                // tokens given out
	oldest  int                // tokens with a lower number have ended
	waits   []time.Duration
	now     time.Time
}

type reply struct {
	status int
	body   string
	header map[string]string
}

func ok(body string) reply { return reply{status: http.StatusOK, body: body} }

func done() reply { return reply{status: http.StatusNoContent} }

func refuse(status, code int, message string) reply {
	return reply{status: status, body: fmt.Sprintf(`{"code":%d,"message":%q}`, code, message)}
}

func gone() reply { return refuse(404, 1001, "User does not exist: x@acme.example.") }

func newStub(t *testing.T) *stub {
	return &stub{t: t, ttl: 3600, replies: map[string][]reply{}, now: time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)}
}

// on adds the answers to a call, one after another.
func (s *stub) on(call string, replies ...reply) *stub {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies[call] = append(s.replies[call], replies...)
	return s
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/oauth/token" {
		s.token(w, r, string(body))
		return
	}
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/v2")
	call := r.Method + " " + path
	if r.URL.RawQuery != "" {
		call += "?" + r.URL.RawQuery
	}
	s.log = append(s.log, strings.TrimSpace(call+" "+string(body)))
	var number int
	if _, err := fmt.Sscanf(r.Header.Get("Authorization"), "Bearer at-%04d", &number); err != nil || number < s.oldest {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"code":124,"message":"Access token is expired."}`)
		return
	}
	left := s.replies[call]
	if len(left) == 0 {
		s.t.Errorf("unexpected call %s", call)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	if len(left) > 1 {
		s.replies[call] = left[1:]
	}
	for k, v := range left[0].header {
		w.Header().Set(k, v)
	}
	if left[0].body != "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(left[0].status)
	_, _ = io.WriteString(w, left[0].body)
}

func (s *stub) token(w http.ResponseWriter, r *http.Request, body string) {
	id, secret, _ := r.BasicAuth()
	form, _ := url.ParseQuery(body)
	w.Header().Set("Content-Type", "application/json")
	if id != "cl-Example" || secret != "se-Example-secret" || form.Get("grant_type") != "account_credentials" || form.Get("account_id") != "ACC-7Qm2xExample" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"reason":"Invalid client_id or client_secret","error":"invalid_client"}`)
		return
	}
	s.tokens++
	_, _ = fmt.Fprintf(w, `{"access_token":"at-%04d","token_type":"bearer","expires_in":%d,"scope":%q,"api_url":"https://api.zoom.us"}`, s.tokens, s.ttl, s.scopes)
}

// open returns an adapter on the stub whose clock stands at s.now and which waits no time.
func (s *stub) open(change ...func(*Config)) *Adapter {
	s.t.Helper()
	server := httptest.NewServer(s)
	s.t.Cleanup(server.Close)
	cfg := testConfig()
	cfg.BaseURL, cfg.TokenURL = server.URL+"/v2", server.URL+"/oauth/token"
	cfg.LightPerSecond, cfg.MediumPerSecond = 1e6, 1e6
	for _, c := range change {
		c(&cfg)
	}
	z, err := Open(cfg, adapters.Deps{Now: func() time.Time {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.now
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	z.random = randomSource(1)
	z.wait = func(ctx context.Context, d time.Duration) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waits = append(s.waits, d)
		return ctx.Err()
	}
	s.t.Cleanup(func() {
		if err := z.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return z
}

// calls compares the calls that came with want, and forgets them.
func (s *stub) calls(want ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(slices.Clone(s.log), want); diff != "" {
		s.t.Errorf("calls (-got +want):\n%s", diff)
	}
	s.log = nil
}

// kind fails the test unless err is of kind k and names text.
func (s *stub) kind(err error, k adapters.Kind, text string) {
	s.t.Helper()
	if !adapters.IsKind(err, k) || !strings.Contains(err.Error(), text) {
		s.t.Errorf("got error %v (%s), want %s …%s…", err, adapters.KindOf(err), k, text)
	}
}

func (s *stub) none(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("got error %v, want none", err)
	}
}

const (
	mara = `{"id":"U1","account_id":"ACC-real","email":"Mara.Lindt@acme.example","first_name":"Mara","last_name":"Lindt","display_name":"Mara Lindt",
		"type":2,"status":"active","role_id":"2","role_name":"Member","dept":"Support","timezone":"Europe/Vienna","group_ids":["G1"]}`
	maraAdmin    = `{"id":"U1","email":"mara.lindt@acme.example","type":2,"status":"active","role_id":"1","role_name":"Admin"}`
	maraOwner    = `{"id":"U1","email":"mara.lindt@acme.example","type":2,"status":"active","role_id":"0","role_name":"Owner"}`
	maraInactive = `{"id":"U1","email":"mara.lindt@acme.example","type":1,"status":"inactive","role_id":"2","role_name":"Member"}`
	maraPending  = `{"email":"mara.lindt@acme.example","type":1,"status":"pending","created_at":"2026-05-04T08:00:00Z"}`
	roleList     = `{"roles":[{"id":"0","name":"Owner"},{"id":"1","name":"Admin"},{"id":"2","name":"Member"},{"id":"R7","name":"Help Desk"}]}`
	groupList    = `{"groups":[{"id":"G1","name":"Support"},{"id":"G2","name":"Sales"}],"next_page_token":""}`
)
