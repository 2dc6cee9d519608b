package gorgias

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-scim/usher/sandbox/wire"
)

const limitHeader = "X-Gorgias-Account-Api-Call-Limit"

// credentials are what the account accepts.
type credentials struct {
	revoked bool
	keys    map[string]string // API key by lower-case e-mail of its user
	clients map[string]string // OAuth client secret by client id
	access  map[string]grant
	refresh map[string]grant
	codes   map[string]grant
}

// grant is what a code or token stands for.
type grant struct {
	email  string // of the user who installed the app
	scopes []string
	until  time.Time
}

func (c *credentials) expire(token string, now time.Time) {
	if g, ok := c.access[token]; ok {
		g.until = now
		c.access[token] = g
	}
}

// caller is who makes a call, and how.
type caller struct {
	user   User
	app    bool
	scopes []string
}

func (c caller) may(scope string) bool { return !c.app || slices.Contains(c.scopes, scope) }

// SetKey gives the user with an e-mail address an API key; "" takes it away.
func (v *Vendor) SetKey(email, key string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if key == "" {
		delete(v.creds.keys, strings.ToLower(email))
		return
	}
	v.creds.keys[strings.ToLower(email)] = key
}

// IssueCode returns the authorization code that the consent page would send back
// after the user with this e-mail address has agreed. It works once, for ten minutes.
func (v *Vendor) IssueCode(email string, scopes ...string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sequence++
	code := fmt.Sprintf("demo-code-%d", v.sequence)
	v.creds.codes[code] = grant{email: email, scopes: scopes, until: v.clock.Now().Add(10 * time.Minute)}
	return code
}

// authenticate finds the user behind a call's credential. A credential ends with its user.
func (b backend) authenticate(r *wire.Request) (caller, *wire.Reply) {
	refused := unauthorized()
	if b.creds.revoked {
		return caller{}, &refused
	}
	var c caller
	var email string
	if token := bearer(r); token != "" {
		g, ok := b.creds.access[token]
		if !ok || !r.Now.Before(g.until) {
			return caller{}, &refused
		}
		email, c.app, c.scopes = g.email, true, g.scopes
	} else {
		name, key, ok := basic(r)
		if !ok || key == "" || b.creds.keys[strings.ToLower(name)] != key {
			return caller{}, &refused
		}
		email = name
	}
	c.user = b.here.byEmail(email)
	if c.user.ID == 0 || !c.user.active() {
		return caller{}, &refused
	}
	return c, nil
}

func bearer(r *wire.Request) string {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return token
}

func basic(r *wire.Request) (name, password string, ok bool) {
	return (&http.Request{Header: r.Header}).BasicAuth()
}

// bucket leaks evenly: a full one is empty after Settings.Window.
type bucket struct {
	level float64
	at    time.Time
}

// draw takes one call from the bucket that all callers of a kind share, and
// returns the header, or the 429.
func (b backend) draw(who caller, now time.Time) (head string, full *wire.Reply) {
	kind, size := "key", b.set.KeyBucket
	if who.app {
		kind, size = "app", b.set.AppBucket
	}
	bk := b.buckets[kind]
	if bk == nil {
		bk = &bucket{at: now}
		b.buckets[kind] = bk
	}
	perSecond := float64(size) / b.set.Window.Seconds()
	if passed := now.Sub(bk.at).Seconds(); passed > 0 {
		bk.level, bk.at = max(0, bk.level-passed*perSecond), now
	}
	if b.set.Unlimited {
		return fmt.Sprintf("1/%d", size), nil
	}
	// A hair of tolerance: levels are sums of fractions.
	if over := bk.level + 1 - float64(size); over > 1e-6 {
		reply := b.Trouble(nil, http.StatusTooManyRequests, false)
		reply.Header = http.Header{}
		reply.Header.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(over/perSecond-1e-6)))))
		reply.Header.Set(limitHeader, fmt.Sprintf("%d/%d", size, size))
		return "", &reply
	}
	bk.level++
	return fmt.Sprintf("%d/%d", int(math.Ceil(bk.level-1e-6)), size), nil
}

// oauth serves the endpoints of an OAuth2 app.
func (b backend) oauth(r *wire.Request) wire.Reply {
	switch {
	case r.Path == "/oauth/token" && r.Method == http.MethodPost:
	case r.Path == "/oauth/revoke" && r.Method == http.MethodPost:
	default:
		return unknownHost()
	}
	id, secret, ok := basic(r)
	if want, known := b.creds.clients[id]; !ok || !known || want != secret || b.creds.revoked {
		return oauthError(http.StatusUnauthorized, "invalid_client")
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return oauthError(http.StatusBadRequest, "invalid_request")
	}
	if r.Path == "/oauth/revoke" {
		_, known := b.creds.refresh[form.Get("token")]
		delete(b.creds.refresh, form.Get("token"))
		delete(b.creds.access, form.Get("token"))
		return wire.Reply{Status: http.StatusOK, JSON: map[string]any{}, Changed: known}
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		g, known := b.creds.codes[form.Get("code")]
		delete(b.creds.codes, form.Get("code"))
		if !known || !r.Now.Before(g.until) || form.Get("redirect_uri") == "" {
			return oauthError(http.StatusBadRequest, "invalid_grant")
		}
		return b.token(g, "", r.Now)
	case "refresh_token":
		g, known := b.creds.refresh[form.Get("refresh_token")]
		if !known {
			return oauthError(http.StatusBadRequest, "invalid_grant")
		}
		return b.token(g, form.Get("refresh_token"), r.Now)
	default:
		return oauthError(http.StatusBadRequest, "unsupported_grant_type")
	}
}

// token issues an access token, a JWT in form; a refresh token comes only with the scope offline, and stays.
func (b backend) token(g grant, refresh string, now time.Time) wire.Reply {
	b.sequence++
	g.until = now.Add(b.set.TokenLife)
	enc := base64.RawURLEncoding.EncodeToString
	access := enc([]byte(`{"alg":"none","typ":"JWT"}`)) + "." +
		enc(fmt.Appendf(nil, `{"iss":%q,"jti":"%d","exp":%d}`, b.here.domain, b.sequence, g.until.Unix())) + ".demo"
	b.creds.access[access] = g
	body := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int64(b.set.TokenLife.Seconds()), "scope": strings.Join(g.scopes, " "),
	}
	if b.set.ExpiresInZero {
		body["expires_in"] = 0
	}
	if refresh == "" && slices.Contains(g.scopes, "offline") {
		refresh = fmt.Sprintf("demo-refresh-%d", b.sequence)
		b.creds.refresh[refresh] = g
	}
	if refresh != "" {
		body["refresh_token"] = refresh
	}
	return wire.Reply{Status: http.StatusOK, JSON: body}
}

func oauthError(status int, code string) wire.Reply {
	return wire.Reply{Status: status, JSON: map[string]any{"error": code}}
}
