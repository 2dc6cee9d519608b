package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/usher-scim/usher/admin"
)

// PlanMigration says what it means that the source to takes over from the source from.
func (c *Client) PlanMigration(ctx context.Context, from, to string) (Reply[admin.MigrationReply], error) {
	return get[admin.MigrationReply](ctx, c, migrationPath(from, to), nil)
}

// Migrate lets the source to take over from the source from, if the mapping is at the version expect. Confirm is the plan's number; with
// another it fails with an *Error of code admin.Unconfirmed.
func (c *Client) Migrate(ctx context.Context, from, to string, expect, confirm int) (Reply[admin.MigrationReply], error) {
	q := url.Values{"expect": {strconv.Itoa(expect)}}
	if confirm > 0 {
		q.Set("confirm", strconv.Itoa(confirm))
	}
	return call[admin.MigrationReply](ctx, c, http.MethodPost, migrationPath(from, to), q, "", nil)
}

func migrationPath(from, to string) string {
	return "sources/" + url.PathEscape(from) + "/migration/" + url.PathEscape(to)
}
