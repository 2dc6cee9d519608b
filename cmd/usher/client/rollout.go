package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/mapping/versions"
)

// Rollout says how the version does that is being rolled out, if one is.
func (c *Client) Rollout(ctx context.Context) (Reply[admin.RolloutReply], error) {
	return get[admin.RolloutReply](ctx, c, "mapping/rollout", nil)
}

// PlanRollout says what a wider ring would change: a share of everybody such as "5%", or "all".
func (c *Client) PlanRollout(ctx context.Context, to string) (Reply[admin.PlanReply], error) {
	return call[admin.PlanReply](ctx, c, http.MethodPost, "mapping/rollout/plan", url.Values{"to": {to}}, "", nil)
}

// WidenRollout lets what is rolled out reach more. Of the conditions only Confirm counts, as with Apply.
func (c *Client) WidenRollout(ctx context.Context, to string, e Edit) (Reply[versions.Rollout], error) {
	q := e.query()
	q.Set("to", to)
	return call[versions.Rollout](ctx, c, http.MethodPost, "mapping/rollout", q, "", nil)
}

// StopRollout keeps what is rolled out from reaching more people.
func (c *Client) StopRollout(ctx context.Context, reason string) (Reply[versions.Rollout], error) {
	return call[versions.Rollout](ctx, c, http.MethodPost, "mapping/rollout/stop", url.Values{"reason": {reason}}, "", nil)
}

// ResumeRollout lets a stopped rollout go on.
func (c *Client) ResumeRollout(ctx context.Context) (Reply[versions.Rollout], error) {
	return call[versions.Rollout](ctx, c, http.MethodPost, "mapping/rollout/resume", nil, "", nil)
}
