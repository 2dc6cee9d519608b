package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/usher-scim/usher/admin"
)

// Restored says how far things are after a restore.
func (c *Client) Restored(ctx context.Context) (Reply[admin.RestoredReply], error) {
	return get[admin.RestoredReply](ctx, c, "restored", nil)
}

// Resynced says that a source has pushed everything anew since the restore.
func (c *Client) Resynced(ctx context.Context, source string, unchanged bool) error {
	_, err := c.bytes(ctx, http.MethodPut, "restored/sources/"+url.PathEscape(source), flags("unchanged", unchanged), "", nil)
	return err
}

// ResumeRestored lets the vendors be written to again. Count is how many accounts that touches; with another it fails with an
// *Error of code admin.Unconfirmed.
func (c *Client) ResumeRestored(ctx context.Context, count int, unchecked bool) error {
	q := flags("unchecked", unchecked)
	q.Set("count", strconv.Itoa(count))
	_, err := c.bytes(ctx, http.MethodDelete, "restored", q, "", nil)
	return err
}
