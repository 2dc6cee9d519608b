package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// okta pushes as an Okta integration does: a look-up before each create, PUT for
// changes of a profile, PATCH without a path for `active`, group pushes that name
// the group anew with its read-only id inside.
type okta struct{ *idp }

func newOkta(address, token string, v *view) okta {
	return okta{newIDP("okta", address, token, map[string]string{
		"Accept": "application/scim+json", "Accept-Charset": "utf-8",
		"Content-Type": "application/scim+json; charset=utf-8", "User-Agent": "Okta SCIM Client 1.0.0",
	}, v)}
}

func oktaQuery(attribute, value string) url.Values {
	return url.Values{"filter": {fmt.Sprintf("%s eq %q", attribute, value)}, "startIndex": {"1"}, "count": {"100"}}
}

// hire assigns a person to the app: look-up, then create.
func (o okta) hire(ctx context.Context, p *person) error {
	id, err := o.lookup(ctx, "/Users", oktaQuery("userName", p.login))
	if err != nil {
		return err
	}
	if id != "" {
		return fmt.Errorf("okta: %s is there already", p.login)
	}
	body := map[string]any{
		"schemas": []string{userSchema, enterpriseSchema}, "userName": p.login,
		"name":   map[string]any{"givenName": p.given, "familyName": p.family},
		"emails": []any{map[string]any{"primary": true, "value": p.login, "type": "work"}}, "displayName": p.name(),
		"title": p.title, "locale": "en-US", "externalId": "00u" + p.short(), "groups": []any{},
		"password": "1mz050nq-" + p.given, "active": true,
	}
	if p.manager != "" {
		body[enterpriseSchema] = map[string]any{"manager": map[string]any{"value": p.manager}}
	}
	p.id, err = o.make(ctx, "/Users", p.short(), p.login+", active = true", body)
	return err
}

// push makes a group and gives it its members.
func (o okta) push(ctx context.Context, group string, members ...*person) error {
	id, err := o.lookup(ctx, "/Groups", oktaQuery("displayName", group))
	if err != nil {
		return err
	}
	if id == "" {
		body := map[string]any{"schemas": []string{groupSchema}, "displayName": group, "members": []any{}}
		if id, err = o.make(ctx, "/Groups", group, group, body); err != nil {
			return err
		}
	}
	o.groups[group] = id
	if err := o.rename(ctx, group); err != nil {
		return err
	}
	return o.patch(ctx, "/Groups/"+id, "add members "+logins(members),
		operation{Op: "add", Path: "members", Value: oktaMembers(members)})
}

// rename is the PATCH with which Okta names a group again, whatever it is about to change.
func (o okta) rename(ctx context.Context, group string) error {
	return o.patch(ctx, "/Groups/"+o.groups[group], "replace id, displayName",
		operation{Op: "replace", Value: map[string]any{"id": o.groups[group], "displayName": group}})
}

func (o okta) join(ctx context.Context, group string, p *person) error {
	if err := o.quietly(func() error { return o.rename(ctx, group) }); err != nil {
		return err
	}
	return o.patch(ctx, "/Groups/"+o.groups[group], "add members "+p.short(),
		operation{Op: "add", Path: "members", Value: oktaMembers([]*person{p})})
}

func (o okta) leave(ctx context.Context, group string, p *person) error {
	if err := o.quietly(func() error { return o.rename(ctx, group) }); err != nil {
		return err
	}
	return o.patch(ctx, "/Groups/"+o.groups[group], "remove members[value eq "+p.short()+"]",
		operation{Op: "remove", Path: fmt.Sprintf("members[value eq %q]", p.id)})
}

func oktaMembers(people []*person) []any {
	members := make([]any, len(people))
	for i, p := range people {
		members[i] = map[string]any{"value": p.id, "display": p.login}
	}
	return members
}

// replace writes a changed profile: what GET returned, changed in place.
func (o okta) replace(ctx context.Context, p *person, about string, change func(resource)) error {
	got, err := o.send(ctx, exchange{method: http.MethodGet, path: "/Users/" + p.id})
	if err != nil {
		return err
	}
	change(got)
	_, err = o.send(ctx, exchange{method: http.MethodPut, path: "/Users/" + p.id, body: got, about: about})
	return err
}

// activate switches a user on or off; Okta never deletes one.
func (o okta) activate(ctx context.Context, p *person, active bool) error {
	return o.patch(ctx, "/Users/"+p.id, fmt.Sprintf("active = %t", active),
		operation{Op: "replace", Value: map[string]any{"active": active}})
}
