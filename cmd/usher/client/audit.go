package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/audit"
)

// FactFilter says which facts are wanted; what is zero selects all.
type FactFilter struct {
	Person, App string
	Kind        string // an act, or with a dot at its end all that begin so
	Since       time.Time
	Until       time.Time
	Before      uuid.UUID // go on behind the fact with this id
	Limit       int
}

// Facts lists what happened, newest first.
func (c *Client) Facts(ctx context.Context, f FactFilter) (Reply[admin.FactsReply], error) {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("person", f.Person)
	set("app", f.App)
	set("kind", f.Kind)
	if !f.Since.IsZero() {
		set("since", f.Since.Format(time.RFC3339))
	}
	if !f.Until.IsZero() {
		set("until", f.Until.Format(time.RFC3339))
	}
	if f.Before != uuid.Nil {
		set("before", f.Before.String())
	}
	if f.Limit > 0 {
		set("limit", strconv.Itoa(f.Limit))
	}
	return get[admin.FactsReply](ctx, c, "audit", q)
}

// VerifyAudit has the server look at its whole chain.
func (c *Client) VerifyAudit(ctx context.Context) (Reply[audit.Report], error) {
	return get[audit.Report](ctx, c, "audit/verify", nil)
}

// AuditKey returns the public key that verifies exports, as PEM.
func (c *Client) AuditKey(ctx context.Context) ([]byte, error) {
	return c.bytes(ctx, http.MethodGet, "audit/key", nil, "", nil)
}

// ExportAudit writes the sealed facts to w as they come. An error means that the export is not whole; it can be
// resumed behind the last fact that arrived.
func (c *Client) ExportAudit(ctx context.Context, w io.Writer, o audit.ExportOptions) error {
	q := flags("personal", o.Personal)
	q.Set("format", string(o.Format))
	if o.After > 0 {
		q.Set("after", strconv.FormatUint(o.After, 10))
	}
	reply, err := c.send(ctx, http.MethodGet, "audit/export", q, "", nil)
	if err != nil {
		return err
	}
	defer func() { _ = reply.Body.Close() }()
	if n, err := io.Copy(w, reply.Body); err != nil {
		return fmt.Errorf("copy the audit, after %d bytes: %w", n, err)
	}
	return nil
}

// PruneAudit removes what happened before a time, or with dryRun says what would be.
func (c *Client) PruneAudit(ctx context.Context, before time.Time, dryRun bool) (Reply[audit.Pruned], error) {
	q := flags("dry_run", dryRun)
	q.Set("before", before.Format(time.RFC3339))
	return call[audit.Pruned](ctx, c, http.MethodPost, "audit/prune", q, "", nil)
}

// Erase forgets a person, named by id, userName or e-mail, or with dryRun only says whether that would be refused.
func (c *Client) Erase(ctx context.Context, person string, dryRun bool) (Reply[admin.EraseReply], error) {
	q := flags("dry_run", dryRun)
	q.Set("person", person)
	return call[admin.EraseReply](ctx, c, http.MethodPost, "erase", q, "", nil)
}
