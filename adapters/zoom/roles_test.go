package zoom

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
)

// A reply with a role's id alone is completed from the list of roles, so that an owner is known as one.
func TestOwnerIsKnownByTheRolesID(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(`{"id":"U1","email":"m@acme.example","type":2,"status":"active","role_id":"0"}`)).
		on("GET /roles?type=common", ok(roleList))
	s.kind(s.open().Suspend(t.Context(), "U1"), adapters.Protected, "account owner")
	s.calls("GET /users/U1", "GET /roles?type=common")
}

func TestRoleIsTakenAwayByItsName(t *testing.T) {
	t.Parallel()
	const admin = `{"id":"U1","email":"m@acme.example","type":2,"status":"active","role_name":"Administrator"}`
	s := newStub(t).on("GET /users/U1", ok(admin), ok(maraInactive)).on("GET /roles?type=common", ok(roleList)).
		on("DELETE /roles/1/members/U1", gone()). // somebody else took it away just now
		on("DELETE /users/U1/token", done()).on("PUT /users/U1/status", done())
	s.none(s.open().Suspend(t.Context(), "U1"))
	s.calls("GET /users/U1", "GET /roles?type=common", "DELETE /roles/1/members/U1", "DELETE /users/U1/token", `PUT /users/U1/status {"action":"deactivate"}`, "GET /users/U1")

	s = newStub(t).on("GET /users/U1", ok(admin)).on("GET /roles?type=common", ok(`{"roles":[]}`))
	s.kind(s.open().Suspend(t.Context(), "U1"), adapters.Invalid, `no role "Administrator"`)

	s = newStub(t).on("GET /users/U1", ok(maraAdmin)).on("DELETE /roles/1/members/U1", reply{status: 502})
	s.kind(s.open().Suspend(t.Context(), "U1"), adapters.Uncertain, "")
	s.calls("GET /users/U1", "DELETE /roles/1/members/U1")
}

func TestRemovalThatIsStoppedWhileLooking(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(mara)).on("DELETE /users/U1?action=delete", done())
	z := s.open()
	ctx, stop := context.WithCancel(t.Context())
	wait := z.wait
	z.wait = func(ctx context.Context, d time.Duration) error { stop(); return wait(ctx, d) }
	err := z.Remove(ctx, "U1", adapters.Removal{Action: adapters.Delete})
	s.kind(err, adapters.Uncertain, "does not confirm yet")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the cause kept", err)
	}
	// Losing the permission to look proves nothing either.
	s = newStub(t).on("GET /users/U1", ok(mara), refuse(400, 4717, "The app is disabled.")).on("DELETE /users/U1?action=delete", done())
	s.kind(s.open().Remove(t.Context(), "U1", adapters.Removal{Action: adapters.Delete}), adapters.Uncertain, "does not confirm yet")
}

func TestReplyThatNamesNobodyProvesNothing(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(`{}`))
	_, err := s.open().Find(t.Context(), adapters.Probe{ID: "U1"})
	s.kind(err, adapters.Unavailable, "names no user")
}
