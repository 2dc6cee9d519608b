package gorgias

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// user is a helpdesk user in a reply, as far as it matters here.
type user struct {
	ID         int64  `json:"id"`
	Active     *bool  `json:"active"`
	Email      string `json:"email"`
	ExternalID string `json:"external_id"`
	Name       string `json:"name"`
	Bio        string `json:"bio"`
	Country    string `json:"country"`
	Language   string `json:"language"`
	Timezone   string `json:"timezone"`
	ClientID   string `json:"client_id"` // set on service accounts of apps
	URI        string `json:"uri"`
	Role       struct {
		Name string `json:"name"`
	} `json:"role"`
}

func (u user) id() string { return strconv.FormatInt(u.ID, 10) }

// bot tells the vendor's own accounts.
func (u user) bot() bool { return u.Role.Name == "bot" || u.Role.Name == "internal-agent" }

// whole reports whether a reply is a user at all. Recorded bots may have no address.
func (u user) whole() bool { return u.ID > 0 && u.Role.Name != "" && (u.Email != "" || u.bot()) }

// team is a team in a reply.
type team struct {
	ID      int64    `json:"id"`
	Name    string   `json:"name"`
	Members []member `json:"members"`
}

type member struct {
	ID int64 `json:"id"`
}

func (t team) whole() bool { return t.ID > 0 && t.Name != "" }

// roleName is a role in a request.
type roleName struct {
	Name string `json:"name"`
}

// ids are whole numbers above 0; 0 stands for the owner of the credential and never comes from outside.
var ids = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)

// usable refuses an id that would make an address of something else.
func usable(op, id string) error {
	if !ids.MatchString(id) {
		return refusal(op, adapters.Invalid, "the account's id is not one of Gorgias")
	}
	return nil
}

// readUser gets one user; id "0" is the connector's own.
func (a *Adapter) readUser(ctx context.Context, op, id string) (user, error) {
	req := vendorhttp.Request{Op: op, Method: http.MethodGet, Path: "/users/{id}", Args: []string{id}}
	u, err := one[user](ctx, a.api, req)
	if err == nil && id != "0" && u.id() != id {
		return user{}, refusal(op, adapters.Unavailable, "Gorgias answered with another user than the one asked for")
	}
	return u, err
}

// one sends a request whose answer is one resource.
func one[T interface{ whole() bool }](ctx context.Context, api *vendorhttp.Client, req vendorhttp.Request) (T, error) {
	var v T
	resp, err := api.JSON(ctx, req, &v)
	if err == nil && !v.whole() {
		err = api.Unreadable(req, resp, errors.New("needed fields are missing"))
	}
	return v, err
}

// page sends a request whose answer is a page of a list: in a wrapper with a cursor as
// recorded, or bare as a copy of the reference shows it, which is then the last page.
func page[T interface{ whole() bool }](ctx context.Context, api *vendorhttp.Client, op, path string, query url.Values) (data []T, next string, err error) {
	query.Set("limit", strconv.Itoa(pageSize))
	req := vendorhttp.Request{Op: op, Method: http.MethodGet, Path: path, Query: query}
	resp, err := api.Do(ctx, req)
	if err != nil {
		return nil, "", err
	}
	if bytes.HasPrefix(bytes.TrimSpace(resp.Body), []byte("[")) {
		err = resp.Decode(&data)
	} else {
		var wrapped struct {
			Data *[]T `json:"data"`
			Meta struct {
				Next json.RawMessage `json:"next_cursor"`
			} `json:"meta"`
		}
		if err = resp.Decode(&wrapped); err == nil && wrapped.Data == nil {
			err = errors.New("the list has no data")
		}
		if err == nil {
			data = *wrapped.Data
			if n := wrapped.Meta.Next; len(n) > 0 {
				err = json.Unmarshal(n, &next) // null leaves ""
			}
		}
	}
	for _, v := range data {
		if err == nil && !v.whole() {
			err = errors.New("a record lacks needed fields")
		}
	}
	if err != nil {
		return nil, "", api.Unreadable(req, resp, err)
	}
	return data, next, nil
}
