package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/alerts"
	"github.com/usher-scim/usher/connections"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/secrets"
)

const (
	jsonType = "application/json"
	yamlType = "application/yaml"
)

// Sources lists the sources, removed ones included.
func (c *Client) Sources(ctx context.Context) (Reply[[]admin.SourceReply], error) {
	return get[[]admin.SourceReply](ctx, c, "sources", nil)
}

// AddSource adds a source. The reply holds its token, which is never shown again.
func (c *Client) AddSource(ctx context.Context, s admin.AddSource) (Reply[admin.TokenReply], error) {
	body, err := json.Marshal(s)
	if err != nil {
		return Reply[admin.TokenReply]{}, fmt.Errorf("write the source as JSON: %w", err)
	}
	return call[admin.TokenReply](ctx, c, http.MethodPost, "sources", nil, jsonType, body)
}

// RotateSource gives a source a new token. With keepOld the former ones stay valid.
func (c *Client) RotateSource(ctx context.Context, name string, keepOld bool) (Reply[admin.TokenReply], error) {
	return call[admin.TokenReply](ctx, c, http.MethodPost, "sources/"+url.PathEscape(name)+"/rotate", flags("keep_old", keepOld), "", nil)
}

// AddToken gives a source a further token.
func (c *Client) AddToken(ctx context.Context, name string, t admin.AddToken) (Reply[admin.TokenReply], error) {
	body, err := json.Marshal(t)
	if err != nil {
		return Reply[admin.TokenReply]{}, fmt.Errorf("write the token's terms as JSON: %w", err)
	}
	return call[admin.TokenReply](ctx, c, http.MethodPost, "sources/"+url.PathEscape(name)+"/tokens", nil, jsonType, body)
}

// Readmit lifts what a source left behind when it deleted a user whom other sources still hold.
func (c *Client) Readmit(ctx context.Context, source, user string) error {
	_, err := c.bytes(ctx, http.MethodDelete, "sources/"+url.PathEscape(source)+"/denies/"+url.PathEscape(user), nil, "", nil)
	return err
}

// Connections lists the connections, without their secrets.
func (c *Client) Connections(ctx context.Context) (Reply[[]connections.Connection], error) {
	return get[[]connections.Connection](ctx, c, "connections", nil)
}

// Connect checks a settings file against the vendor and keeps it under the name.
func (c *Client) Connect(ctx context.Context, name string, file []byte) (Reply[admin.ConnectionReply], error) {
	return call[admin.ConnectionReply](ctx, c, http.MethodPut, "connections/"+url.PathEscape(name), nil, yamlType, file)
}

// Plan says what a mapping document would do, for everybody or with a ring for those in it, and does nothing.
func (c *Client) Plan(ctx context.Context, document []byte, ring string) (Reply[admin.PlanReply], error) {
	return call[admin.PlanReply](ctx, c, http.MethodPost, "mapping/plan", Edit{Ring: ring}.query(), yamlType, document)
}

// Edit says under which conditions an edit of the mapping is carried out.
type Edit struct {
	Expect  int // the version that must be in force; 0 for any
	Confirm int // how many people the edit takes accounts from, as the plan gave it
	Comment string
	Ring    string // who follows it first; "" for everybody
}

// Apply puts a mapping document in force. With the wrong Confirm it changes nothing and
// fails with an *Error of code admin.Unconfirmed that holds the plan as it is now.
func (c *Client) Apply(ctx context.Context, document []byte, e Edit) (Reply[admin.ApplyReply], error) {
	return call[admin.ApplyReply](ctx, c, http.MethodPut, "mapping", e.query(), yamlType, document)
}

// Rollback puts the text of an older version in force, as a new version. Confirm counts as with Apply.
func (c *Client) Rollback(ctx context.Context, to int, e Edit) (Reply[admin.ApplyReply], error) {
	q := e.query()
	q.Set("to", strconv.Itoa(to))
	return call[admin.ApplyReply](ctx, c, http.MethodPost, "mapping/rollback", q, "", nil)
}

func (e Edit) query() url.Values {
	q := url.Values{}
	number(q, "expect", e.Expect)
	number(q, "confirm", e.Confirm)
	if e.Comment != "" {
		q.Set("comment", e.Comment)
	}
	if e.Ring != "" {
		q.Set("ring", e.Ring)
	}
	return q
}

// Export returns the text of a version of the mapping, of the one in force with 0.
func (c *Client) Export(ctx context.Context, version int) ([]byte, error) {
	q := url.Values{}
	number(q, "version", version)
	return c.bytes(ctx, http.MethodGet, "mapping", q, "", nil)
}

// Versions lists the versions of the mapping, oldest first.
func (c *Client) Versions(ctx context.Context) (Reply[[]versions.Version], error) {
	return get[[]versions.Version](ctx, c, "mapping/versions", nil)
}

// Status describes every app.
func (c *Client) Status(ctx context.Context) (Reply[admin.StatusReply], error) {
	return get[admin.StatusReply](ctx, c, "status", nil)
}

// Why explains one person's account in one app. The person is named by id, userName or e-mail address.
func (c *Client) Why(ctx context.Context, user, app string) (Reply[provision.Explanation], error) {
	return get[provision.Explanation](ctx, c, "why", url.Values{"user": {user}, "app": {app}})
}

// accountPage is how many accounts are asked for at a time.
const accountPage = 500

// Accounts lists an app's ledger, page by page; with history, accounts that are gone as well.
func (c *Client) Accounts(ctx context.Context, app string, history bool) (Reply[[]provision.Account], error) {
	all := Reply[[]provision.Account]{Value: []provision.Account{}}
	raw := []json.RawMessage{}
	q := flags("all", history)
	q.Set("limit", strconv.Itoa(accountPage))
	for {
		page, err := get[[]provision.Account](ctx, c, "apps/"+url.PathEscape(app)+"/accounts", q)
		if err != nil {
			return all, err
		}
		all.Value = append(all.Value, page.Value...)
		var entries []json.RawMessage
		if err := json.Unmarshal(page.JSON, &entries); err != nil {
			return all, fmt.Errorf("read a page of accounts: %w", err)
		}
		raw = append(raw, entries...)
		if len(page.Value) < accountPage {
			break
		}
		q.Set("after", page.Value[len(page.Value)-1].ID.String())
	}
	var err error
	if all.JSON, err = json.Marshal(raw); err != nil {
		return all, fmt.Errorf("join the pages of accounts: %w", err)
	}
	return all, nil
}

// RetryAll gives what failed or waits in every app another try at once.
func (c *Client) RetryAll(ctx context.Context) (Reply[admin.RetryReply], error) {
	return call[admin.RetryReply](ctx, c, http.MethodPost, "retry", flags("all", true), "", nil)
}

// Failures lists what fails, in one app or with "" in every app.
func (c *Client) Failures(ctx context.Context, app string) (Reply[admin.FailuresReply], error) {
	q := url.Values{}
	if app != "" {
		q.Set("app", app)
	}
	return get[admin.FailuresReply](ctx, c, "failures", q)
}

// Alerts lists the latest alerts, at most limit, and how the channels do; with 0 as many as the server thinks fit.
func (c *Client) Alerts(ctx context.Context, limit int) (Reply[admin.AlertsReply], error) {
	q := url.Values{}
	number(q, "limit", limit)
	return get[admin.AlertsReply](ctx, c, "alerts", q)
}

// TestAlerts sends a test to every channel and says what became of it.
func (c *Client) TestAlerts(ctx context.Context) (Reply[[]alerts.Outcome], error) {
	return call[[]alerts.Outcome](ctx, c, http.MethodPost, "alerts/test", nil, "", nil)
}

// Retry gives what failed or waits in an app another try at once: everybody's, or with user one person's.
func (c *Client) Retry(ctx context.Context, app, user string) (Reply[admin.RetryReply], error) {
	q := url.Values{"app": {app}}
	if user != "" {
		q.Set("user", user)
	}
	return call[admin.RetryReply](ctx, c, http.MethodPost, "retry", q, "", nil)
}

// HoldFilter selects holds; zero fields select all open ones.
type HoldFilter struct {
	App  string
	Kind provision.HoldKind
	// Source is a source's name, or admin:NAME.
	Source string
	All    bool // decided and closed ones as well
}

// Holds lists what waits for a person's decision.
func (c *Client) Holds(ctx context.Context, f HoldFilter) (Reply[[]admin.HoldReply], error) {
	q := flags("all", f.All)
	if f.App != "" {
		q.Set("app", f.App)
	}
	if f.Kind != "" {
		q.Set("kind", string(f.Kind))
	}
	if f.Source != "" {
		q.Set("source", f.Source)
	}
	return get[[]admin.HoldReply](ctx, c, "holds", q)
}

// Approve lets one hold go on; withoutTransfer gives up the leaver's data. Count is the number that
// the administrator typed, 0 where none was asked for.
func (c *Client) Approve(ctx context.Context, id string, withoutTransfer bool, count int) (Reply[provision.Hold], error) {
	q := flags("without_transfer", withoutTransfer)
	number(q, "count", count)
	return call[provision.Hold](ctx, c, http.MethodPost, "holds/"+url.PathEscape(id)+"/approve", q, "", nil)
}

// Reject leaves things as they are until the facts behind the hold change.
func (c *Client) Reject(ctx context.Context, id string) (Reply[provision.Hold], error) {
	return call[provision.Hold](ctx, c, http.MethodPost, "holds/"+url.PathEscape(id)+"/reject", nil, "", nil)
}

// Termination says why one person's access ends, and confirms how many people that makes within an hour.
type Termination struct {
	Reason string
	Count  int
}

// Terminate ends a person's access everywhere. It may be repeated.
func (c *Client) Terminate(ctx context.Context, user string, t Termination) (Reply[admin.TerminationReply], error) {
	q := url.Values{"reason": {t.Reason}}
	number(q, "count", t.Count)
	return call[admin.TerminationReply](ctx, c, http.MethodPut, "terminations/"+url.PathEscape(user), q, "", nil)
}

// Reinstate takes a termination back.
func (c *Client) Reinstate(ctx context.Context, user, reason string) error {
	_, err := c.bytes(ctx, http.MethodDelete, "terminations/"+url.PathEscape(user), url.Values{"reason": {reason}}, "", nil)
	return err
}

// Terminations lists who is terminated, the latest first.
func (c *Client) Terminations(ctx context.Context) (Reply[[]admin.TerminationReply], error) {
	return get[[]admin.TerminationReply](ctx, c, "terminations", nil)
}

// Undo says why a change is undone, or only asks what that would do.
type Undo struct {
	Reason string
	Plan   bool
}

// Undo brings back what a change took from an account and keeps it so. It may be repeated.
func (c *Client) Undo(ctx context.Context, change string, o Undo) (Reply[admin.UndoReply], error) {
	q := flags("plan", o.Plan)
	if o.Reason != "" {
		q.Set("reason", o.Reason)
	}
	return call[admin.UndoReply](ctx, c, http.MethodPost, "changes/"+url.PathEscape(change)+"/undo", q, "", nil)
}

// Switch names what can be paused by hand: an app, all removals, or everything.
type Switch struct {
	Kind provision.SwitchKind
	App  string // of provision.PauseApp
}

func (s Switch) query() url.Values {
	q := url.Values{}
	if s.App != "" {
		q.Set("app", s.App)
	}
	return q
}

// Pause sets a switch; with a length of 0 until it is lifted by hand.
func (c *Client) Pause(ctx context.Context, s Switch, reason string, length time.Duration) (Reply[provision.Switch], error) {
	q := s.query()
	q.Set("reason", reason)
	if length > 0 {
		q.Set("for", length.String())
	}
	return call[provision.Switch](ctx, c, http.MethodPut, "switches/"+url.PathEscape(string(s.Kind)), q, "", nil)
}

// Resume lifts a switch and returns what it was.
func (c *Client) Resume(ctx context.Context, s Switch) (Reply[provision.Switch], error) {
	return call[provision.Switch](ctx, c, http.MethodDelete, "switches/"+url.PathEscape(string(s.Kind)), s.query(), "", nil)
}

// Secrets lists names and times of the stored secrets.
func (c *Client) Secrets(ctx context.Context) (Reply[[]secrets.Info], error) {
	return get[[]secrets.Info](ctx, c, "secrets", nil)
}

// SetSecret stores a secret, replacing what was there.
func (c *Client) SetSecret(ctx context.Context, name string, value []byte) error {
	_, err := c.bytes(ctx, http.MethodPut, "secrets/"+url.PathEscape(name), nil, "application/octet-stream", value)
	return err
}

// RemoveSecret removes a stored secret.
func (c *Client) RemoveSecret(ctx context.Context, name string) error {
	_, err := c.bytes(ctx, http.MethodDelete, "secrets/"+url.PathEscape(name), nil, "", nil)
	return err
}

// Backup writes a consistent copy of the server's store to w and returns its size in
// bytes. An error means that the copy is of no use.
func (c *Client) Backup(ctx context.Context, w io.Writer) (int64, error) {
	reply, err := c.send(ctx, http.MethodGet, "backup", nil, "", nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = reply.Body.Close() }()
	n, err := io.Copy(w, reply.Body)
	if err != nil {
		return n, fmt.Errorf("copy the store, after %d bytes: %w", n, err)
	}
	if n == 0 {
		return n, fmt.Errorf("copy the store: the server sent nothing")
	}
	return n, nil
}

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (Reply[T], error) {
	return call[T](ctx, c, http.MethodGet, path, query, "", nil)
}

func flags(name string, on bool) url.Values {
	q := url.Values{}
	if on {
		q.Set(name, "true")
	}
	return q
}

func number(q url.Values, name string, n int) {
	if n != 0 {
		q.Set(name, strconv.Itoa(n))
	}
}
