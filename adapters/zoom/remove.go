package zoom

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/usher-scim/usher/adapters"
)

// transfers are the kinds of data a removal can move, and their parameters of
// DELETE /users/{userId}.
var transfers = []struct{ name, parameter string }{
	{"meetings", "transfer_meeting"}, // upcoming ones; not those on a personal meeting id
	{"webinars", "transfer_webinar"},
	{"recordings", "transfer_recording"},
	{"whiteboards", "transfer_whiteboard"},
	{"clips", "transfer_clipfiles"},
	{"notes", "transfer_notes"},
	{"visitors", "transfer_visitors"},
	{"docs", "transfer_docs"},
}

func transferNames() []string {
	names := make([]string, len(transfers))
	for i, t := range transfers {
		names[i] = t.name
	}
	return names
}

// readBacks are the waits between the looks whether a removed user is gone; together they
// are longer than Zoom's reads lag behind.
var readBacks = []time.Duration{
	300 * time.Millisecond, 700 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second,
}

// Remove deletes the user for good (Delete) or out of the account, leaving the person an own
// free one (Disassociate), in the order that is safe at Zoom: read; refuse the owner; take a
// role away; check the receiver; delete with the transfer in the same call; read until Zoom
// says that the user is gone. It is done while the user is active where possible: Zoom may
// refuse to delete a suspended user, which is a Conflict and leaves the user suspended.
//
// Invitations are always disassociated, and nothing is moved: they have no data.
func (z *Adapter) Remove(ctx context.Context, id string, r adapters.Removal) error {
	const op = "remove user"
	if r.Action != adapters.Delete && r.Action != adapters.Disassociate {
		return &adapters.Error{
			Kind: adapters.Unsupported, Scope: adapters.OneAccount, Op: op,
			Message: fmt.Sprintf("Zoom cannot end an account by %q", r.Action), Fix: "use delete or disassociate",
		}
	}
	u, err := z.read(ctx, op, id)
	if err != nil {
		return err
	}
	if err = z.refuseProtected(op, u); err != nil {
		return err
	}
	receiver := ""
	if !u.pending() {
		if r.Transfer != nil {
			if receiver, err = z.checkReceiver(ctx, op, u, r.Transfer); err != nil {
				return err
			}
		}
		if err = z.dropRole(ctx, u); err != nil {
			return err
		}
	}
	err = z.api.deleteUser(ctx, u.handle(), removalQuery(u, r, receiver))
	if receiver != "" && adapters.IsKind(err, adapters.NotFound) {
		// "User does not exist" may mean the receiver, who left since the check.
		if _, readErr := z.api.getUser(ctx, u.handle()); readErr == nil {
			return conflict(op, "Zoom does not know the receiver of the data any more", "choose another receiver")
		}
	}
	if err != nil {
		return err
	}
	return z.awaitGone(ctx, op, u.handle())
}

// removalQuery is the query of DELETE /users/{userId}.
func removalQuery(u user, r adapters.Removal, receiver string) url.Values {
	if u.pending() {
		return url.Values{"action": {string(adapters.Disassociate)}}
	}
	q := url.Values{"action": {string(r.Action)}}
	if r.Transfer == nil {
		return q
	}
	q.Set("transfer_email", receiver)
	for _, t := range transfers {
		if slices.Contains(r.Transfer.What, t.name) {
			q.Set(t.parameter, "true")
		}
	}
	return q
}

// awaitGone returns nil when Zoom says that there is no such user, and Uncertain when it still
// shows one after the last look.
func (z *Adapter) awaitGone(ctx context.Context, op, key string) error {
	return z.await(ctx, op, key, "that the user is gone", func(_ user, err error) bool { return adapters.IsKind(err, adapters.NotFound) })
}

// awaitSuspended returns nil when Zoom shows the user as one who cannot sign in, and Uncertain when it
// still shows another state after the last look.
func (z *Adapter) awaitSuspended(ctx context.Context, op, key string) error {
	return z.await(ctx, op, key, "that the user cannot sign in any more", func(u user, err error) bool {
		return err == nil && u.state() == adapters.Suspended
	})
}

// await reads a user until it is as it should be after a request that Zoom took, a few times across its read lag.
func (z *Adapter) await(ctx context.Context, op, key, what string, done func(user, error) bool) error {
	for i := 0; ; i++ {
		u, err := z.api.getUser(ctx, key)
		switch {
		case done(u, err):
			return nil
		case err != nil && settled(err), i == len(readBacks):
			return unconfirmed(op, what, err)
		}
		if err := z.wait(ctx, readBacks[i]); err != nil {
			return unconfirmed(op, what, err)
		}
	}
}

func unconfirmed(op, what string, cause error) error {
	return &adapters.Error{
		Kind: adapters.Uncertain, Scope: adapters.OneAccount, Op: op,
		Message: "Zoom took the request, but does not confirm yet " + what, Err: cause,
	}
}
