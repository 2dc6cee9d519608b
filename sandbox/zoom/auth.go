package zoom

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/sandbox/wire"
)

// credentials are what the account accepts.
type credentials struct {
	revoked bool
	tokens  map[string]token
	codes   map[string]time.Time // authorization codes and when they end
	refresh map[string]bool
}

type token struct {
	scopes []string
	until  time.Time
}

// IssueCode returns the authorization code that the consent page of a
// user-installed app would send back. It works once, for five minutes.
func (v *Vendor) IssueCode() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sequence++
	code := fmt.Sprintf("demo-code-%d", v.sequence)
	v.creds.codes[code] = v.clock.Now().Add(5 * time.Minute)
	return code
}

func bearer(r *wire.Request) string {
	kind, t, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return t
}

// authenticate finds the token of a call.
func (b backend) authenticate(r *wire.Request) (token, *wire.Reply) {
	status := http.StatusUnauthorized
	if b.set.TokenStatus400 {
		status = http.StatusBadRequest
	}
	t, known := b.creds.tokens[bearer(r)]
	switch {
	case !known || b.creds.revoked || b.set.AppDisabled:
		reply := refuse(status, 124, "Invalid access token.")
		return t, &reply
	case !r.Now.Before(t.until):
		reply := refuse(status, 124, "Access token is expired.")
		return t, &reply
	default:
		return t, nil
	}
}

// lacks answers a call whose token has none of the scopes that allow it.
func (b backend) lacks(t token, ro *route) *wire.Reply {
	for _, s := range append([]string{ro.scope}, ro.classic...) {
		if slices.Contains(t.scopes, s) {
			return nil
		}
	}
	reply := bad(b.set.ScopeCode, "Invalid access token, does not contain scopes:["+ro.scope+"].")
	return &reply
}

// oauth serves the token endpoint. Parameters may stand in the form or in the query.
func (b backend) oauth(r *wire.Request) wire.Reply {
	if r.Method != http.MethodPost || (r.Path != "/oauth/token" && r.Path != "/oauth/revoke") {
		return wire.Reply{Status: http.StatusNotFound, HTML: "<html><head><title>Error - Zoom</title></head><body>This page does not exist</body></html>\n"}
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return oauthError(http.StatusBadRequest, "Bad Request", "invalid_request", 0)
	}
	get := func(name string) string {
		if form.Has(name) {
			return form.Get(name)
		}
		return r.Query.Get(name)
	}
	id, secret, sent := (&http.Request{Header: r.Header}).BasicAuth()
	switch {
	case !sent:
		return oauthError(http.StatusUnauthorized, "Invalid client_id or client_secret", "invalid_client", 0)
	case id != DemoClientID || secret != DemoClientSecret || b.creds.revoked:
		return oauthError(http.StatusBadRequest, "Invalid client_id or client_secret", "invalid_client", 0)
	case b.set.AppDisabled:
		return oauthError(http.StatusBadRequest, "The app has been disabled", "invalid_client", 4717)
	case r.Path == "/oauth/revoke":
		_, known := b.creds.tokens[get("token")]
		delete(b.creds.tokens, get("token"))
		return wire.Reply{Status: http.StatusOK, JSON: map[string]any{"status": "success"}, Changed: known}
	}
	switch get("grant_type") {
	case "account_credentials":
		return b.accountCredentials(get("account_id"), r.Now)
	case "authorization_code":
		until, known := b.creds.codes[get("code")]
		delete(b.creds.codes, get("code"))
		switch {
		case get("redirect_uri") == "":
			return oauthError(http.StatusBadRequest, "Redirect URI mismatch", "invalid_request", 4709)
		case !known:
			return oauthError(http.StatusBadRequest, "Invalid authorization code", "invalid_grant", 4734)
		case !r.Now.Before(until):
			return oauthError(http.StatusBadRequest, "Authorization code expired", "invalid_grant", 4733)
		}
		return b.issue(true, r.Now)
	case "refresh_token": // each renewal gives a new refresh token and ends the old one
		if !b.creds.refresh[get("refresh_token")] {
			return oauthError(http.StatusBadRequest, "Invalid refresh token", "invalid_grant", 4737)
		}
		delete(b.creds.refresh, get("refresh_token"))
		return b.issue(true, r.Now)
	default:
		return oauthError(http.StatusBadRequest, "unsupported grant type", "unsupported_grant_type", 0)
	}
}

func (b backend) accountCredentials(accountID string, now time.Time) wire.Reply {
	switch {
	case b.set.NotServerToServer:
		return oauthError(http.StatusBadRequest, "unsupported grant type", "unsupported_grant_type", 0)
	case b.set.AppTypeOff:
		return oauthError(http.StatusBadRequest, "Account does not enabled the OAuth app type", "invalid_request", 0)
	case accountID != DemoAccountID:
		return oauthError(http.StatusBadRequest, "Account does not exist", "invalid_request", 0)
	}
	return b.issue(false, now)
}

// issue gives out a token. Several may live at once.
func (b backend) issue(renewable bool, now time.Time) wire.Reply {
	if b.set.NewTokenEndsFormer {
		clear(b.creds.tokens)
	}
	scopes := b.set.Scopes
	if scopes == nil {
		scopes = b.allScopes()
	}
	b.sequence++
	name := fmt.Sprintf("demo-zoom-token-%d", b.sequence)
	b.creds.tokens[name] = token{scopes: scopes, until: now.Add(b.set.TokenLife)}
	body := map[string]any{
		"access_token": name, "token_type": "bearer", "expires_in": int64(b.set.TokenLife.Seconds()),
		"scope": strings.Join(scopes, " "), "api_url": "https://api.zoom.us",
	}
	if renewable {
		refresh := fmt.Sprintf("demo-zoom-refresh-%d", b.sequence)
		b.creds.refresh[refresh] = true
		body["refresh_token"] = refresh
	}
	return ok(body)
}

func oauthError(status int, reason, code string, number int) wire.Reply {
	body := map[string]any{"reason": reason, "error": code}
	if number != 0 {
		body["code"] = number
	}
	return wire.Reply{Status: status, JSON: body}
}
