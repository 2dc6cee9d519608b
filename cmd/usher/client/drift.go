package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/provision"
)

// DriftFilter selects drift; zero fields select all that is open.
type DriftFilter struct {
	App      string
	Kind     provision.DriftKind
	All      bool // ignored, adopted and settled ones as well
	Unlinked bool // of accounts that the ledger does not have alone
}

// Drift lists in what the apps' own lists differ from the ledger.
func (c *Client) Drift(ctx context.Context, f DriftFilter) (Reply[[]admin.DriftReply], error) {
	q := flags("all", f.All)
	if f.Unlinked {
		q.Set("unlinked", "true")
	}
	if f.App != "" {
		q.Set("app", f.App)
	}
	if f.Kind != "" {
		q.Set("kind", string(f.Kind))
	}
	return get[[]admin.DriftReply](ctx, c, "drift", q)
}

// Correct hands a drift to the queue, whatever the mapping says of its kind.
func (c *Client) Correct(ctx context.Context, id string) (Reply[provision.Drift], error) {
	return call[provision.Drift](ctx, c, http.MethodPost, "drift/"+url.PathEscape(id)+"/correct", nil, "", nil)
}

// Reconcile asks for a comparison of an app with its own list, now.
func (c *Client) Reconcile(ctx context.Context, app string) (Reply[provision.Reconciliation], error) {
	return call[provision.Reconciliation](ctx, c, http.MethodPost, "apps/"+url.PathEscape(app)+"/reconcile", nil, "", nil)
}

// Reconciliation returns what came of the last comparison of an app with its own list.
func (c *Client) Reconciliation(ctx context.Context, app string) (Reply[provision.Reconciliation], error) {
	return get[provision.Reconciliation](ctx, c, "apps/"+url.PathEscape(app)+"/reconciliation", nil)
}

// Link says whose a vendor's account is. Without confirmed a doubtful one fails with an *Error of code admin.Unconfirmed.
func (c *Client) Link(ctx context.Context, app, account, user string, confirmed bool) (Reply[provision.Account], error) {
	q := flags("confirm", confirmed)
	q.Set("account", account)
	q.Set("user", user)
	return call[provision.Account](ctx, c, http.MethodPost, "apps/"+url.PathEscape(app)+"/links", q, "", nil)
}

// Unlink takes an account out of the ledger. It stands at the vendor as it is.
func (c *Client) Unlink(ctx context.Context, app, account string) (Reply[provision.Account], error) {
	return call[provision.Account](ctx, c, http.MethodPost, "apps/"+url.PathEscape(app)+"/unlink", url.Values{"account": {account}}, "", nil)
}

// Ignore leaves a vendor's account alone, or with undo looks at it again.
func (c *Client) Ignore(ctx context.Context, app, account string, undo bool) (Reply[provision.Drift], error) {
	q := flags("undo", undo)
	q.Set("account", account)
	return call[provision.Drift](ctx, c, http.MethodPost, "apps/"+url.PathEscape(app)+"/ignore", q, "", nil)
}
