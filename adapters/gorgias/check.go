package gorgias

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// Check reads the account and the connector's own user. The tenant is the account's domain ("acme");
// where the account cannot be read, the host in the user's own address tells it.
func (a *Adapter) Check(ctx context.Context) (adapters.Identity, error) {
	me, err := a.readSelf(ctx)
	if err != nil {
		return adapters.Identity{}, err
	}
	id := adapters.Identity{Self: []string{me.id()}}
	if me.Email != "" {
		id.Self = append(id.Self, me.Email)
	}
	if me.Role.Name != admin {
		id.Missing = append(id.Missing, "role admin (the credential's user has "+me.Role.Name+")")
	}
	if a.tokens != nil {
		id.Missing = append(id.Missing, a.tokens.missing()...)
	}
	req := vendorhttp.Request{Op: "read account", Method: http.MethodGet, Path: "/account"}
	var account struct {
		Domain string `json:"domain"`
	}
	_, err = a.api.JSON(ctx, req, &account)
	if adapters.IsKind(err, adapters.Unauthorized) {
		// The credential has just been accepted: it may read users and not the account.
		if !slices.Contains(id.Missing, "account:read") {
			id.Missing = append(id.Missing, "account:read")
		}
	} else if err != nil {
		return adapters.Identity{}, err
	}
	id.Tenant = account.Domain
	if id.Tenant == "" {
		id.Tenant = host(me.URI)
	}
	if id.Tenant == "" {
		return adapters.Identity{}, refusal(req.Op, adapters.Unavailable, "Gorgias does not say which account this is")
	}
	id.Tenant = strings.TrimSuffix(strings.ToLower(id.Tenant), ".gorgias.com")
	id.Name = id.Tenant + ".gorgias.com"
	return id, nil
}

func host(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
