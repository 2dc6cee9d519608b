package gorgias

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// readBacks are the waits before each look whether a deleted user is really gone. Together they
// stay below what a step of the queue takes for granted.
var readBacks = []time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second}

// Remove takes the user out of all teams, deletes it for good, and reads until it is gone. A user
// that is still shown afterwards is Uncertain. It waits for other removals of administrators.
func (a *Adapter) Remove(ctx context.Context, id string, r adapters.Removal) error {
	const op = "delete user"
	if r.Action != adapters.Delete {
		return refusal(op, adapters.Unsupported, "Gorgias cannot "+string(r.Action)+" an account here; it has demote and delete")
	}
	if r.Transfer != nil {
		return refusal(op, adapters.Unsupported, "Gorgias moves nothing to another user; open tickets become unassigned")
	}
	u, err := a.guarded(ctx, op, id)
	if err != nil {
		return err
	}
	if u.Role.Name == admin {
		release, lerr := a.lastAdmin(ctx, op, u)
		if lerr != nil {
			return lerr
		}
		defer release()
	}
	if err = a.leaveTeams(ctx, op, u); err != nil {
		return err
	}
	_, err = a.api.Do(ctx, vendorhttp.Request{Op: op, Method: http.MethodDelete, Path: "/users/{id}", Args: []string{id}})
	if err != nil && !adapters.IsKind(err, adapters.Uncertain) {
		return a.refused(ctx, u, err, "")
	}
	// After a lost reply the read decides as well: only "not found" makes it a success.
	gone, readErr := a.gone(ctx, id)
	switch {
	case gone:
		return nil
	case err != nil:
		return err
	case readErr != nil:
		e := refusal(op, adapters.Uncertain, "the deletion was accepted, but reading back failed")
		e.Err = readErr
		return e
	}
	return refusal(op, adapters.Uncertain, "Gorgias accepted the deletion and still shows the user")
}

// gone reads until the vendor says that the user is not there.
func (a *Adapter) gone(ctx context.Context, id string) (bool, error) {
	var last error
	for _, wait := range readBacks {
		if err := pause(ctx, wait); err != nil {
			return false, err
		}
		_, err := a.readUser(ctx, "read back the deleted user", id)
		if adapters.IsKind(err, adapters.NotFound) {
			return true, nil
		}
		last = err
	}
	return false, last
}

// Demote gives the user the weakest role and takes it out of all teams. The person can still sign in.
func (a *Adapter) Demote(ctx context.Context, id string) error {
	const op = "demote user"
	u, err := a.guarded(ctx, op, id)
	if err != nil {
		return err
	}
	if u.Role.Name != weakest {
		after, err := a.write(ctx, op, u, map[string]any{"role": roleName{weakest}})
		if err != nil {
			return err
		}
		if after.Role.Name != weakest {
			return refusal(op, adapters.Uncertain, fmt.Sprintf("Gorgias took the request, and still shows the role %q", after.Role.Name))
		}
	}
	return a.leaveTeams(ctx, op, u)
}

// lastAdmin refuses to take away the only administrator beside the connector. On success the
// caller holds the lock of such changes until release.
func (a *Adapter) lastAdmin(ctx context.Context, op string, u user) (release func(), err error) {
	if release, err = a.admins.take(ctx, op); err != nil {
		return nil, err
	}
	others, err := a.otherAdmins(ctx, op, u)
	if err == nil && others == 0 {
		e := refusal(op, adapters.Protected, "this is the last administrator of the helpdesk beside the connector")
		e.Fix = "give another person the role admin first"
		err = e
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// otherAdmins counts the people with the role admin who can sign in, without u and the connector.
func (a *Adapter) otherAdmins(ctx context.Context, op string, u user) (int, error) {
	me, err := a.self(ctx)
	if err != nil {
		return 0, err
	}
	found, _, err := page[user](ctx, a.api, op, "/users", url.Values{"roles": {admin}})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, other := range found {
		active := other.Active == nil || *other.Active
		if other.Role.Name == admin && active && other.ID != u.ID && other.ID != me.ID && other.ClientID == "" && !strings.EqualFold(other.Email, u.Email) {
			n++
		}
	}
	return n, nil
}

// pause waits for d; it fails when ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return errors.Join(errors.New("stopped"), ctx.Err())
	}
}
