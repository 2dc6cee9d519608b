package zoom

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// The rate-limit classes of the calls (https://developers.zoom.us/docs/api/rate-limits/).
const (
	light  = "light"
	medium = "medium"
)

const (
	concurrency = 8 // calls at once
	// userPageSize is well under the 2000 that Zoom takes: a page token lives 15 minutes,
	// and a page must be handled before that.
	userPageSize  = 300
	groupPageSize = 300
	// maxPages bounds a listing whose end never comes.
	maxPages = 20000
	// renewEarly is how long before its end a token is renewed; it lives an hour.
	renewEarly = 5 * time.Minute
	// busyAfter is how long to leave a user alone that Zoom is still working on.
	busyAfter = 5 * time.Second
)

// api is Zoom's REST API, one method for each call the adapter makes.
type api struct {
	client *vendorhttp.Client
	oauth  *vendorhttp.Client
	token  *vendorhttp.TokenSource
}

func newAPI(cfg Config, deps adapters.Deps) (*api, error) {
	oauth, err := vendorhttp.New(vendorhttp.Config{
		App: Name, Title: "Zoom", BaseURL: cfg.TokenURL,
		Auth:     vendorhttp.Basic(cfg.ClientID, cfg.ClientSecret),
		Classify: classifyToken,
		Expired:  func(*vendorhttp.Response) bool { return false },
		Secrets:  []adapters.Secret{cfg.ClientSecret},
	}, deps)
	if err != nil {
		return nil, err
	}
	form := url.Values{"grant_type": {"account_credentials"}, "account_id": {cfg.AccountID}}
	token := vendorhttp.NewTokenSource(func(ctx context.Context) (vendorhttp.Token, error) {
		return vendorhttp.FetchToken(ctx, oauth, "", form)
	}, deps.Now, renewEarly)
	client, err := vendorhttp.New(vendorhttp.Config{
		App: Name, Title: "Zoom", BaseURL: cfg.BaseURL,
		Auth: vendorhttp.Bearer(token),
		Limits: map[string]vendorhttp.Limit{
			light:  {PerSecond: cfg.LightPerSecond, Burst: burst(cfg.LightPerSecond)},
			medium: {PerSecond: cfg.MediumPerSecond, Burst: burst(cfg.MediumPerSecond)},
		},
		Concurrency: concurrency,
		Classify:    classify,
		Expired:     expired,
		Secrets:     []adapters.Secret{cfg.ClientSecret},
	}, deps)
	if err != nil {
		return nil, err
	}
	return &api{client: client, oauth: oauth, token: token}, nil
}

// burst lets a rested connection send half a second's calls at once, which stays below
// the limit of any second.
func burst(perSecond float64) int { return max(1, int(perSecond/2)) }

func (a *api) close() {
	a.client.Close()
	a.oauth.Close()
}

// getUser reads a user by id or e-mail address.
func (a *api) getUser(ctx context.Context, key string) (user, error) {
	var u user
	_, err := a.client.JSON(ctx, vendorhttp.Request{
		Op: "read user", Method: http.MethodGet, Path: "/users/{user}", Args: []string{key}, Class: light,
	}, &u)
	return u, err
}

// listUsers reads a page of the users in a status; token is "" for the first.
func (a *api) listUsers(ctx context.Context, status, token string, size int) (userPage, error) {
	q := url.Values{"status": {status}, "page_size": {strconv.Itoa(size)}}
	if token != "" {
		q.Set("next_page_token", token)
	}
	var p userPage
	_, err := a.client.JSON(ctx, vendorhttp.Request{
		Op: "list users", Method: http.MethodGet, Path: "/users", Query: q, Class: medium,
	}, &p)
	return p, err
}

func (a *api) createUser(ctx context.Context, u newUser) (user, error) {
	var made user
	_, err := a.client.JSON(ctx, vendorhttp.Request{
		Op: "create user", Method: http.MethodPost, Path: "/users", Body: u, Class: light,
	}, &made)
	return made, err
}

// patchUser changes the fields given, by their names at Zoom.
func (a *api) patchUser(ctx context.Context, key string, fields map[string]any) error {
	return a.do(ctx, vendorhttp.Request{
		Op: "update user", Method: http.MethodPatch, Path: "/users/{user}", Args: []string{key}, Body: fields, Class: light,
	})
}

func (a *api) putEmail(ctx context.Context, key, email string) error {
	return a.do(ctx, vendorhttp.Request{
		Op: "change e-mail", Method: http.MethodPut, Path: "/users/{user}/email", Args: []string{key},
		Body: map[string]string{"email": email}, Class: light,
	})
}

// putStatus does "activate" or "deactivate".
func (a *api) putStatus(ctx context.Context, key, action string) error {
	return a.do(ctx, vendorhttp.Request{
		Op: action + " user", Method: http.MethodPut, Path: "/users/{user}/status", Args: []string{key},
		Body: map[string]string{"action": action}, Class: light,
	})
}

// deleteToken ends the user's SSO session.
func (a *api) deleteToken(ctx context.Context, key string) error {
	return a.do(ctx, vendorhttp.Request{
		Op: "sign user out", Method: http.MethodDelete, Path: "/users/{user}/token", Args: []string{key}, Class: light,
	})
}

// deleteUser deletes or disassociates a user as the query says.
func (a *api) deleteUser(ctx context.Context, key string, query url.Values) error {
	return a.do(ctx, vendorhttp.Request{
		Op: query.Get("action") + " user", Method: http.MethodDelete, Path: "/users/{user}", Args: []string{key},
		Query: query, Class: light,
	})
}

func (a *api) getSettings(ctx context.Context, key string) (features, error) {
	var s settings
	_, err := a.client.JSON(ctx, vendorhttp.Request{
		Op: "read settings", Method: http.MethodGet, Path: "/users/{user}/settings", Args: []string{key}, Class: medium,
	}, &s)
	return s.Feature, err
}

func (a *api) patchSettings(ctx context.Context, key string, f features) error {
	return a.do(ctx, vendorhttp.Request{
		Op: "update settings", Method: http.MethodPatch, Path: "/users/{user}/settings", Args: []string{key},
		Body: settings{Feature: f}, Class: medium,
	})
}

// listRoles returns all roles, name and id.
func (a *api) listRoles(ctx context.Context) ([]named, error) {
	var p rolePage
	_, err := a.client.JSON(ctx, vendorhttp.Request{
		Op: "list roles", Method: http.MethodGet, Path: "/roles", Query: url.Values{"type": {"common"}}, Class: medium,
	}, &p)
	return p.Roles, err
}

// addRoleMember gives m a role and returns the ids of those who got it, as one text.
func (a *api) addRoleMember(ctx context.Context, role string, m member) (ids string, err error) {
	var given struct {
		IDs string `json:"ids"`
	}
	_, err = a.client.JSON(ctx, vendorhttp.Request{
		Op: "give role", Method: http.MethodPost, Path: "/roles/{role}/members", Args: []string{role},
		Body: members{Members: []member{m}}, Class: medium,
	}, &given)
	return given.IDs, err
}

func (a *api) deleteRoleMember(ctx context.Context, role, key string) error {
	return a.do(ctx, vendorhttp.Request{
		Op: "take role away", Method: http.MethodDelete, Path: "/roles/{role}/members/{user}", Args: []string{role, key}, Class: light,
	})
}

// listGroups returns all groups, name and id.
func (a *api) listGroups(ctx context.Context) ([]named, error) {
	var all []named
	q := url.Values{"page_size": {strconv.Itoa(groupPageSize)}}
	for range maxPages {
		var p groupPage
		_, err := a.client.JSON(ctx, vendorhttp.Request{
			Op: "list groups", Method: http.MethodGet, Path: "/groups", Query: q, Class: medium,
		}, &p)
		if err != nil {
			return nil, err
		}
		all = append(all, p.Groups...)
		if p.Next == "" {
			return all, nil
		}
		q.Set("next_page_token", p.Next)
	}
	return nil, endless("list groups")
}

func (a *api) createGroup(ctx context.Context, name string) (named, error) {
	var g named
	_, err := a.client.JSON(ctx, vendorhttp.Request{
		Op: "create group", Method: http.MethodPost, Path: "/groups", Body: map[string]string{"name": name}, Class: light,
	}, &g)
	return g, err
}

func (a *api) addGroupMembers(ctx context.Context, group string, who []member) error {
	return a.do(ctx, vendorhttp.Request{
		Op: "add group members", Method: http.MethodPost, Path: "/groups/{group}/members", Args: []string{group},
		Body: members{Members: who}, Class: medium,
	})
}

func (a *api) deleteGroupMember(ctx context.Context, group, key string) error {
	return a.do(ctx, vendorhttp.Request{
		Op: "remove group member", Method: http.MethodDelete, Path: "/groups/{group}/members/{user}", Args: []string{group, key}, Class: light,
	})
}

// do sends a request whose success has nothing to say. The life-cycle calls answer with an
// empty body; a body of code and message under a success status is taken for what it says.
func (a *api) do(ctx context.Context, req vendorhttp.Request) error {
	resp, err := a.client.Do(ctx, req)
	if err != nil {
		return err
	}
	if p, ok := parseProblem(resp.Body); ok && p.Message != "" && p.Code >= 100 {
		e := &adapters.Error{Kind: adapters.Invalid, Scope: adapters.OneAccount, Op: req.Op, Status: resp.Status, Request: resp.RequestID}
		return explain(actOf(req), resp.Status, resp.Body, e)
	}
	return nil
}

// actOf tells what a request does from its route.
func actOf(req vendorhttp.Request) act {
	if req.Method == http.MethodGet && !strings.Contains(req.Path, "{") {
		return actList
	}
	switch strings.TrimPrefix(req.Path, "/users/{user}") {
	case "/users":
		return actCreate
	case "/email":
		return actEmail
	case "/status":
		return actStatus
	case "/settings":
		return actSettings
	case "":
		switch req.Method {
		case http.MethodPatch:
			return actPatch
		case http.MethodDelete:
			return actDelete
		}
		return actRead
	}
	switch {
	case strings.HasPrefix(req.Path, "/groups"):
		return actGroup
	case strings.HasPrefix(req.Path, "/roles"):
		return actRole
	}
	return actAny
}

// classify is the client's hook for refusals of the API.
func classify(req vendorhttp.Request, resp *vendorhttp.Response, def *adapters.Error) *adapters.Error {
	return explain(actOf(req), resp.Status, resp.Body, def)
}

// expired reports whether a refusal means that the token ended. Zoom's reference lists code
// 124 under 400, clients see it under 401: the code decides, and 401 only where there is none.
func expired(resp *vendorhttp.Response) bool {
	p, known := parseProblem(resp.Body)
	if known {
		return p.Code == codeToken
	}
	return resp.Status == http.StatusUnauthorized
}

func endless(op string) error {
	return &adapters.Error{Kind: adapters.Unavailable, Scope: adapters.WholeApp, Op: op, Message: "the listing does not end"}
}
