package gorgias

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// tokens renews access tokens of an OAuth2 app. The refresh token does not end; should a renewal
// bring a new one it is used for as long as the process lives, beside the stored one.
type tokens struct {
	client *vendorhttp.Client
	source *vendorhttp.TokenSource

	mu      sync.Mutex
	refresh adapters.Secret
	scopes  []string // of the last token; nil if the vendor did not say
}

func newTokens(cfg Config, deps adapters.Deps) (*tokens, error) {
	client, err := vendorhttp.New(vendorhttp.Config{
		App: name, Title: title,
		// The endpoint lies beside the API: https://acme.gorgias.com/oauth/token.
		BaseURL:     strings.TrimSuffix(cfg.base(), "/api"),
		Auth:        vendorhttp.Basic(cfg.ClientID, cfg.ClientSecret),
		Concurrency: 1,
		Classify:    classifyToken,
		Secrets:     []adapters.Secret{cfg.ClientSecret, cfg.RefreshToken},
	}, deps)
	if err != nil {
		return nil, err
	}
	t := &tokens{client: client, refresh: cfg.RefreshToken}
	t.source = vendorhttp.NewTokenSource(t.fetch, client.Now, 5*time.Minute)
	return t, nil
}

func (t *tokens) fetch(ctx context.Context) (vendorhttp.Token, error) {
	t.mu.Lock()
	refresh := t.refresh
	t.mu.Unlock()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {string(refresh)}}
	token, err := vendorhttp.FetchToken(ctx, t.client, "/oauth/token", form)
	if err != nil {
		return vendorhttp.Token{}, err
	}
	if token.Expires.IsZero() { // a published sample has expires_in 0
		token.Expires = expiry(string(token.Value), t.client.Now())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if token.Refresh != "" {
		t.refresh = token.Refresh
	}
	t.scopes = strings.Fields(token.Scope)
	return token, nil
}

// missing lists the needed scopes that the last token does not have.
func (t *tokens) missing() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.scopes) == 0 || slices.Contains(t.scopes, "write:all") { // the latter is deprecated
		return nil
	}
	var missing []string
	for _, s := range []string{"users:read", "users:write", "account:read"} {
		if !slices.Contains(t.scopes, s) {
			missing = append(missing, s)
		}
	}
	return missing
}

// expiry reads when a JWT ends, without checking it, as it is not ours to trust; else 24 hours from now.
func expiry(token string, now time.Time) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) == 3 {
		var claims struct {
			Exp int64 `json:"exp"`
		}
		if text, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil && json.Unmarshal(text, &claims) == nil && claims.Exp > 0 {
			return time.Unix(claims.Exp, 0)
		}
	}
	return now.Add(24 * time.Hour)
}

// classifyToken reads the error of the token endpoint (RFC 6749 section 5.2).
func classifyToken(_ vendorhttp.Request, resp *vendorhttp.Response, def *adapters.Error) *adapters.Error {
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if !resp.IsJSON() || resp.Decode(&body) != nil || body.Error == "" || resp.Status >= 500 {
		return def
	}
	def.Kind, def.Scope, def.Code = adapters.Unauthorized, adapters.WholeApp, body.Error
	def.Message = title + " refuses to renew the access token"
	if body.Description != "" {
		def.Message += ": " + body.Description
	}
	def.Fix = "check client_id and client_secret"
	if body.Error == "invalid_grant" {
		def.Fix = "install the app in Gorgias again and enter the new refresh token"
	}
	return def
}
