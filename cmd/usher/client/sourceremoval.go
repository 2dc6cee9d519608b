package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/usher-scim/usher/provision"
)

// PlanSourceRemoval says what the removal of a source would leave behind.
func (c *Client) PlanSourceRemoval(ctx context.Context, name string) (Reply[provision.SourceRemoval], error) {
	return get[provision.SourceRemoval](ctx, c, "sources/"+url.PathEscape(name)+"/removal", nil)
}

// RemoveSource makes a source's tokens void. What it said of people stands. Confirm is the plan's number; with another it fails with an
// *Error of code admin.Unconfirmed.
func (c *Client) RemoveSource(ctx context.Context, name string, confirm int) error {
	q := url.Values{}
	if confirm > 0 {
		q.Set("confirm", strconv.Itoa(confirm))
	}
	_, err := c.bytes(ctx, http.MethodDelete, "sources/"+url.PathEscape(name), q, "", nil)
	return err
}
