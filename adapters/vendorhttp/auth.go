package vendorhttp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/usher-scim/usher/adapters"
)

// Auth puts a credential on requests. It is safe for concurrent use.
type Auth interface {
	// Apply sets the credential on r. An error is an *adapters.Error where a vendor was asked.
	Apply(ctx context.Context, r *http.Request) error
	// Rejected is told that the vendor refused the credential on r as expired. It reports whether a
	// new one can be had: the call is then repeated once.
	Rejected(r *http.Request) bool
}

type anonymous struct{}

func (anonymous) Apply(context.Context, *http.Request) error { return nil }
func (anonymous) Rejected(*http.Request) bool                { return false }

type basic struct {
	user     string
	password adapters.Secret
}

// Basic returns an Auth for HTTP Basic. Nothing about it can be renewed.
func Basic(user string, password adapters.Secret) Auth { return basic{user, password} }

func (b basic) Apply(_ context.Context, r *http.Request) error {
	r.SetBasicAuth(b.user, string(b.password))
	return nil
}

func (basic) Rejected(*http.Request) bool { return false }

// Token is an access token as a vendor's token endpoint gives it.
type Token struct {
	Value   adapters.Secret
	Expires time.Time       // zero where the vendor did not say
	Refresh adapters.Secret // a new refresh token, "" for none
	Scope   string          // granted scopes as the vendor writes them
	Raw     json.RawMessage // the whole reply, for what one vendor adds; holds secrets
}

// TokenSource keeps one access token for all callers of a connection. It is fetched when first
// needed, renewed before it ends, and after Drop. Only one fetch runs at a time; the others wait
// for it.
type TokenSource struct {
	fetch func(context.Context) (Token, error)
	now   func() time.Time
	early time.Duration

	lock  chan struct{} // a mutex that can be waited for with a context
	token Token
}

// NewTokenSource returns a TokenSource over fetch. A token is renewed early before it ends; now
// nil means time.Now.
func NewTokenSource(fetch func(context.Context) (Token, error), now func() time.Time, early time.Duration) *TokenSource {
	if now == nil {
		now = time.Now
	}
	return &TokenSource{fetch: fetch, now: now, early: early, lock: make(chan struct{}, 1)}
}

// Token returns the present token, fetching one if there is none or it ends soon.
func (s *TokenSource) Token(ctx context.Context) (Token, error) {
	select {
	case s.lock <- struct{}{}:
	case <-ctx.Done():
		return Token{}, ctx.Err()
	}
	defer func() { <-s.lock }()
	if s.token.Value != "" && (s.token.Expires.IsZero() || s.now().Add(s.early).Before(s.token.Expires)) {
		return s.token, nil
	}
	t, err := s.fetch(ctx)
	if err != nil {
		return Token{}, err
	}
	s.token = t
	return t, nil
}

// Drop forgets the token if it is still the one that was refused: a caller that comes late with
// an old token does not throw the new one away.
func (s *TokenSource) Drop(refused adapters.Secret) {
	s.lock <- struct{}{}
	defer func() { <-s.lock }()
	if s.token.Value == refused {
		s.token = Token{}
	}
}

type bearer struct{ source *TokenSource }

// Bearer returns an Auth that sends the source's token and renews it once when it is refused.
func Bearer(source *TokenSource) Auth { return bearer{source} }

func (b bearer) Apply(ctx context.Context, r *http.Request) error {
	t, err := b.source.Token(ctx)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+string(t.Value))
	return nil
}

func (b bearer) Rejected(r *http.Request) bool {
	value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if ok {
		b.source.Drop(adapters.Secret(value))
	}
	return ok
}

// FetchToken posts form to a token endpoint (RFC 6749 sections 4 and 6) and reads its answer.
// c carries the client's credential and the endpoint's address as its base.
func FetchToken(ctx context.Context, c *Client, path string, form url.Values) (Token, error) {
	req := Request{Op: adapters.OpCredential, Method: http.MethodPost, Path: path, Form: form}
	resp, err := c.Do(ctx, req)
	if err != nil {
		return Token{}, err
	}
	var body struct {
		Access  string          `json:"access_token"`
		Refresh string          `json:"refresh_token"`
		Expires json.RawMessage `json:"expires_in"` // a number, in some places a text
		Scope   string          `json:"scope"`
	}
	if err := resp.Decode(&body); err != nil {
		return Token{}, c.Unreadable(req, resp, nil) // the cause may quote the token
	}
	if body.Access == "" {
		return Token{}, c.Unreadable(req, resp, errors.New("no access_token"))
	}
	t := Token{Value: adapters.Secret(body.Access), Refresh: adapters.Secret(body.Refresh), Scope: body.Scope, Raw: resp.Body}
	if n, err := strconv.ParseInt(strings.Trim(string(body.Expires), `"`), 10, 32); err == nil && n > 0 {
		t.Expires = c.deps.Now().Add(time.Duration(n) * time.Second)
	}
	return t, nil
}
