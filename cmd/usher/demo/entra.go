package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// entra pushes as Microsoft Entra ID does: PATCH alone, operations with a capital,
// booleans as text, members with a null $ref, references in a later request.
type entra struct{ *idp }

func newEntra(address, token string, v *view) entra {
	return entra{newIDP("entra", address, token, map[string]string{"Content-Type": "application/scim+json; charset=utf-8"}, v)}
}

// test is the Test Connection of the set-up: nobody has this userName.
func (e entra) test(ctx context.Context) error {
	_, err := e.send(ctx, exchange{method: http.MethodGet, path: "/Users", query: url.Values{
		"filter": {`userName eq "7bf2a9d4-5a51-4a63-9d0c-2f5f9c1f8f1e"`},
	}})
	return err
}

func (e entra) hire(ctx context.Context, p *person) error {
	id, err := e.lookup(ctx, "/Users", url.Values{"filter": {fmt.Sprintf("userName eq %q", p.login)}})
	if err != nil {
		return err
	}
	if id != "" {
		return fmt.Errorf("entra: %s is there already", p.login)
	}
	p.id, err = e.make(ctx, "/Users", p.short(), p.login+", country "+p.country, map[string]any{
		"schemas": []string{userSchema, enterpriseSchema}, "externalId": "aad-" + p.short(), "userName": p.login, "active": true,
		"displayName": p.name(), "title": p.title, "meta": map[string]any{"resourceType": "User"},
		"name":      map[string]any{"formatted": p.name(), "familyName": p.family, "givenName": p.given},
		"emails":    []any{map[string]any{"primary": true, "type": "work", "value": p.login}},
		"addresses": []any{map[string]any{"primary": "True", "type": "work", "country": p.country}}, "roles": []any{},
	})
	return err
}

// link sets a manager, once both users are there.
func (e entra) link(ctx context.Context, p, manager *person) error {
	return e.patch(ctx, "/Users/"+p.id, "Add manager "+manager.short(),
		operation{Op: "Add", Path: enterpriseSchema + ":manager", Value: manager.id})
}

func (e entra) push(ctx context.Context, group string, members ...*person) error {
	query := url.Values{"excludedAttributes": {"members"}, "filter": {fmt.Sprintf("displayName eq %q", group)}}
	id, err := e.lookup(ctx, "/Groups", query)
	if err != nil {
		return err
	}
	if id == "" {
		id, err = e.make(ctx, "/Groups", group, group, map[string]any{
			"schemas":    []string{groupSchema, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"},
			"externalId": "aad-group-" + group, "displayName": group, "meta": map[string]any{"resourceType": "Group"},
		})
		if err != nil {
			return err
		}
	}
	e.groups[group] = id
	values := make([]any, len(members))
	for i, p := range members {
		values[i] = map[string]any{"$ref": nil, "value": p.id}
	}
	return e.patch(ctx, "/Groups/"+id, "Add members "+logins(members), operation{Op: "Add", Path: "members", Value: values})
}

// moves says that a person works in another country now.
func (e entra) moves(ctx context.Context, p *person, country string) error {
	p.country = country
	return e.patch(ctx, "/Users/"+p.id, "Replace addresses[type eq \"work\"].country = "+country,
		operation{Op: "Replace", Path: `addresses[type eq "work"].country`, Value: country})
}

// enable switches a user on or off, with the boolean as text.
func (e entra) enable(ctx context.Context, p *person, active bool) error {
	text := "False"
	if active {
		text = "True"
	}
	return e.patch(ctx, "/Users/"+p.id, fmt.Sprintf("Replace active = %q", text), operation{Op: "Replace", Path: "active", Value: text})
}
