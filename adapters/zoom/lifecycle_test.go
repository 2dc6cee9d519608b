package zoom_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/zoom"
	"github.com/usher-scim/usher/sandbox/wire"
	vendor "github.com/usher-scim/usher/sandbox/zoom"
)

// An invitation has no id of its own, whether Zoom tells one at creation or not, and whether
// it takes a profile or not; the id comes with the acceptance.
func TestInvitation(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]vendor.Settings{
		"id told":         {},
		"id hidden":       {PendingIDHidden: true},
		"profile ignored": {PendingPatchIgnored: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := start(t, vendor.Options{Settings: settings})
			a.cfg.CreateAction = zoom.Invite
			z := a.open(t, adapters.Deps{})
			const email = "mara.lindt@acme.example"
			made, err := z.Create(t.Context(), adapters.Profile{Email: email, Licence: zoom.Licensed, Attributes: map[string]string{"first_name": "Mara", "dept": "Support"}})
			if err != nil || made.ID != email || made.State != adapters.Invited {
				t.Fatalf("got %+v, %v, want an invitation by its address", made, err)
			}
			if found := find(t.Context(), t, z, email); found.ID != email || found.State != adapters.Invited {
				t.Errorf("got %+v, want the invitation", found)
			}
			if err = z.ChangeMembers(t.Context(), "Support", []string{email}, nil); err != nil {
				t.Error(err)
			}
			if !a.AcceptInvitation(email) {
				t.Fatal("the invitation was not valid")
			}
			found := find(t.Context(), t, z, email)
			if u, _ := a.User(email); found.ID != u.ID || found.State != adapters.Active || !slices.Contains(found.Teams, "Support") {
				t.Errorf("got %+v, want the active user %s in the team", found, u.ID)
			}
			// What Zoom may have ignored is sent again and now takes effect.
			if _, err = z.Update(t.Context(), email, adapters.Change{Attributes: map[string]string{"dept": "Support"}}); err != nil {
				t.Fatal(err)
			}
			if u, _ := a.User(email); u.Profile["dept"] != "Support" {
				t.Errorf("got department %q, want Support", u.Profile["dept"])
			}
		})
	}
}

func TestInvitationIsWithdrawn(t *testing.T) {
	t.Parallel()
	a := start(t, vendor.Options{})
	a.cfg.CreateAction = zoom.Invite
	z := a.open(t, adapters.Deps{})
	for name, end := range map[string]func(id string) error{
		"delete": func(id string) error { return z.Remove(t.Context(), id, adapters.Removal{Action: adapters.Delete}) },
		"disassociate": func(id string) error {
			return z.Remove(t.Context(), id, adapters.Removal{Action: adapters.Disassociate})
		},
		"suspend": func(id string) error { return z.Suspend(t.Context(), id) },
	} {
		made, err := z.Create(t.Context(), adapters.Profile{Email: name + "@acme.example"})
		if err != nil {
			t.Fatal(err)
		}
		err = end(made.ID)
		if name == "suspend" && adapters.IsKind(err, adapters.NotFound) {
			err = nil // nothing is left that could be suspended
		}
		if _, there := a.User(made.Email); err != nil || there {
			t.Errorf("%s: got error %v and the invitation there: %t, want none and gone", name, err, there)
		}
	}
}

// Every way to make a user goes through what Zoom checks.
func TestCreateActions(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]string{zoom.Invite: vendor.Pending, zoom.PreProvision: vendor.Active, zoom.WithPassword: vendor.Active} {
		a := start(t, vendor.Options{Settings: vendor.Settings{AutoCreate: true}})
		a.cfg.CreateAction = action
		if _, err := a.open(t, adapters.Deps{}).Create(t.Context(), adapters.Profile{Email: "mara@acme.example", Attributes: map[string]string{
			"first_name": "Mara", "last_name": "Lindt", "display_name": "Mara L.", "job_title": "Agent", "dept": "Support", "company": "Acme", "cost_center": "C1",
			"manager": "lead@acme.example", "location": "Vienna", "timezone": "Europe/Vienna", "language": "en-US",
			"phone": "+43 5550100", "mobile": "+1 416 555 0100", "fax": "+49 30 5550100",
		}}); err != nil {
			t.Errorf("%s: %v", action, err)
		}
		u, _ := a.User("mara@acme.example")
		if u.Status != want || u.HasPassword != (action == zoom.WithPassword) || u.Profile["job_title"] != "Agent" || len(u.Phones) != 3 {
			t.Errorf("%s: got %+v, want status %s and the whole profile", action, u, want)
		}
		for _, c := range a.Calls() {
			if len(c.Ignored) > 0 {
				t.Errorf("%s: %s %s: Zoom passes over %v", action, c.Method, c.Path, c.Ignored)
			}
		}
	}
	for name, c := range map[string]struct {
		settings vendor.Settings
		kind     adapters.Kind
	}{
		"no SSO":              {vendor.Settings{NoSSO: true}, adapters.Unsupported},
		"no pre-provisioning": {vendor.Settings{NoPreprovision: true}, adapters.Unsupported},
		"blocked domain":      {vendor.Settings{BlockedDomains: []string{"acme.example"}}, adapters.Invalid},
		"foreign account":     {vendor.Settings{OtherAccounts: []string{"mara@acme.example"}}, adapters.Conflict},
		"forbidden user":      {vendor.Settings{CreateRefusal: 2036}, adapters.Invalid},
	} {
		z := start(t, vendor.Options{Settings: c.settings}).open(t, adapters.Deps{})
		if _, err := z.Create(t.Context(), adapters.Profile{Email: "mara@acme.example"}); !adapters.IsKind(err, c.kind) {
			t.Errorf("%s: got %v, want %s", name, err, c.kind)
		}
	}
}

// The data goes to the receiver in the same call that ends the user; the admin role goes first.
func TestRemovalMovesTheData(t *testing.T) {
	t.Parallel()
	for _, action := range []adapters.Action{adapters.Delete, adapters.Disassociate} {
		a := start(t, vendor.Options{Settings: vendor.Settings{ManagedDomains: []string{}, ReadLag: 200 * time.Millisecond, DeleteTakes: 20 * time.Millisecond}})
		z := a.open(t, adapters.Deps{})
		admin := ""
		for _, r := range a.Roles() {
			if r.Name == "Admin" {
				admin = r.ID
			}
		}
		webinars := map[string]any{"webinar": true, "webinar_capacity": int64(500)}
		leaver := a.SeedUser(vendor.User{Email: "mara@acme.example", Type: vendor.Licensed, RoleID: admin, Feature: webinars,
			Data: vendor.Data{Meetings: 3, PMIMeetings: 1, Webinars: 2, Recordings: 7, Whiteboards: 4, Notes: 5}})
		lead := a.SeedUser(vendor.User{Email: "Lead@acme.example", Type: vendor.Licensed, Data: vendor.Data{Meetings: 1}})
		transfer := &adapters.Transfer{To: lead.ID, ToEmail: lead.Email, What: []string{"meetings", "webinars", "recordings"}}

		err := z.Remove(t.Context(), leaver.ID, adapters.Removal{Action: action, Transfer: transfer})
		if !adapters.IsKind(err, adapters.Conflict) || !strings.Contains(err.Error(), "webinar licence for 500") {
			t.Errorf("%s: got %v, want a conflict about the webinar licence", action, err)
		}
		if got := a.written(leaver.ID); len(got) != 0 {
			t.Errorf("%s: got writes %v before the receiver was right, want none", action, got)
		}
		a.SeedUser(vendor.User{ID: lead.ID, Email: lead.Email, Type: vendor.Licensed, Feature: webinars, Data: lead.Data})
		if err := z.Remove(t.Context(), leaver.ID, adapters.Removal{Action: action, Transfer: transfer}); err != nil {
			t.Fatalf("%s: %v", action, err)
		}
		if diff := cmp.Diff(a.written(leaver.ID), []string{"DELETE /roles/" + admin + "/members/{user}", "DELETE /users/{user}"}); diff != "" {
			t.Errorf("%s: writes (-got +want):\n%s", action, diff)
		}
		got, _ := a.User(lead.Email)
		if diff := cmp.Diff(got.Data, vendor.Data{Meetings: 4, Webinars: 2, Recordings: 7}); diff != "" {
			t.Errorf("%s: the receiver's data (-got +want):\n%s", action, diff)
		}
	}
}

func TestRefusedDeleteLeavesTheUserSuspended(t *testing.T) {
	t.Parallel()
	a := start(t, vendor.Options{Settings: vendor.Settings{RefuseDeleteSuspended: true}})
	z := a.open(t, adapters.Deps{})
	u := a.SeedUser(vendor.User{Email: "mara@acme.example", Type: vendor.Licensed})
	if err := z.Suspend(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	err := z.Remove(t.Context(), u.ID, adapters.Removal{Action: adapters.Delete})
	if !adapters.IsKind(err, adapters.Conflict) || !strings.Contains(err.Error(), "stays suspended") {
		t.Errorf("got %v, want a conflict", err)
	}
	if got := find(t.Context(), t, z, u.ID); got.State != adapters.Suspended {
		t.Errorf("got state %s, want suspended", got.State)
	}
}

func TestRefusedEndings(t *testing.T) {
	t.Parallel()
	a := start(t, vendor.Options{})
	z := a.open(t, adapters.Deps{})
	room := a.SeedUser(vendor.User{Email: "room@acme.example", Room: true})
	operator := a.SeedUser(vendor.User{Email: "operator@acme.example", Operator: true})
	host := a.SeedUser(vendor.User{Email: "host@acme.example", PublishedEvents: true})
	plain := a.SeedUser(vendor.User{Email: "plain@acme.example"})
	for _, c := range []struct {
		id     string
		action adapters.Action
		kind   adapters.Kind
	}{
		{room.ID, adapters.Delete, adapters.Protected},
		{operator.ID, adapters.Delete, adapters.Conflict},
		{host.ID, adapters.Delete, adapters.Conflict},
		{plain.ID, adapters.Disassociate, adapters.Conflict}, // of a managed domain
	} {
		err := z.Remove(t.Context(), c.id, adapters.Removal{Action: c.action})
		if !adapters.IsKind(err, c.kind) {
			t.Errorf("%s of %s: got %v, want %s", c.action, a.emailOf(c.id), err, c.kind)
		}
	}
	if err := z.Suspend(t.Context(), room.ID); !adapters.IsKind(err, adapters.Conflict) {
		t.Errorf("suspend the room: got %v, want a conflict", err)
	}
}

// An admin with licences comes back as before the suspension, out of what Find read.
func TestReturnWithRoleAndLicences(t *testing.T) {
	t.Parallel()
	a := start(t, vendor.Options{})
	z := a.open(t, adapters.Deps{})
	made, err := z.Create(t.Context(), adapters.Profile{Email: "mara@acme.example", Licence: zoom.Licensed, Role: zoom.RoleAdmin})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := a.User("mara@acme.example")
	u.Feature = map[string]any{"webinar": true, "webinar_capacity": int64(500), "large_meeting": true, "large_meeting_capacity": int64(500), "zoom_whiteboard": true}
	u.SignedIn = true
	a.SeedUser(u)

	before := find(t.Context(), t, z, made.ID)
	if err = z.Suspend(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	u, _ = a.User("mara@acme.example")
	if u.Status != vendor.Inactive || u.SignedIn || u.Feature["webinar"] == true {
		t.Errorf("got %+v, want inactive, signed out and without licences", u)
	}
	after, err := z.Resume(t.Context(), made.ID, before)
	if err != nil {
		t.Fatal(err)
	}
	if after.State != adapters.Active || after.Licence != zoom.Licensed || after.Role != zoom.RoleAdmin {
		t.Errorf("got %+v, want active, licensed, admin", after)
	}
	if diff := cmp.Diff(find(t.Context(), t, z, made.ID), before); diff != "" {
		t.Errorf("after the return (-got +want):\n%s", diff)
	}
	writes := len(a.Writes())
	if _, err := z.Resume(t.Context(), made.ID, before); err != nil || len(a.Writes()) != writes {
		t.Errorf("resume again: got %v and %d writes, want none", err, len(a.Writes())-writes)
	}
}

func TestEmailChange(t *testing.T) {
	t.Parallel()
	a := start(t, vendor.Options{})
	z := a.open(t, adapters.Deps{})
	u := a.SeedUser(vendor.User{Email: "mara.lindt@acme.example"})
	a.SeedUser(vendor.User{Email: "taken@acme.example"})
	to := func(email string) error {
		_, err := z.Update(t.Context(), u.ID, adapters.Change{Email: &email})
		return err
	}
	if err := to("taken@acme.example"); !adapters.IsKind(err, adapters.Conflict) {
		t.Errorf("got %v, want a conflict", err)
	}
	if err := to("mara@elsewhere.example"); !adapters.IsKind(err, adapters.Invalid) {
		t.Errorf("got %v, want invalid", err)
	}
	for _, email := range []string{"mara.a@acme.example", "mara.b@acme.example", "MARA.B@acme.example", "mara.c@acme.example"} {
		if err := to(email); err != nil {
			t.Errorf("%s: %v", email, err)
		}
	}
	err := to("mara.d@acme.example") // the fourth within 24 hours
	if !adapters.IsKind(err, adapters.Retry) {
		t.Errorf("got %v, want a retry", err)
	}
}

func TestMissingScopesAreNamed(t *testing.T) {
	t.Parallel()
	a := start(t, vendor.Options{Settings: vendor.Settings{Scopes: []string{"user:read:list_users:admin", "user:read:user:admin"}}})
	z := a.open(t, adapters.Deps{})
	id, err := z.Check(t.Context())
	if err != nil || id.Tenant != a.AccountID() || !slices.Contains(id.Missing, "user:write:user:admin") || slices.Contains(id.Missing, "user:read:user:admin") {
		t.Errorf("got %+v, %v, want the tenant and what is missing", id, err)
	}
	_, err = z.Create(t.Context(), adapters.Profile{Email: "mara@acme.example"})
	if !adapters.IsKind(err, adapters.Unauthorized) || !strings.Contains(err.Error(), "user:write:user:admin") {
		t.Errorf("got %v, want unauthorized with the scope's name", err)
	}
}

func TestTokenTroubleIsForPeople(t *testing.T) {
	t.Parallel()
	for says, settings := range map[string]vendor.Settings{
		"not a Server-to-Server": {NotServerToServer: true},
		"does not allow":         {AppTypeOff: true},
		"disabled":               {AppDisabled: true},
		"API is not enabled":     {APIClosed: true},
	} {
		_, err := start(t, vendor.Options{Settings: settings}).open(t, adapters.Deps{}).Check(t.Context())
		if !adapters.IsKind(err, adapters.Unauthorized) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want unauthorized, …%s…", err, says)
		}
	}
	a := start(t, vendor.Options{})
	a.cfg.AccountID = "another"
	if _, err := a.open(t, adapters.Deps{}).Check(t.Context()); !adapters.IsKind(err, adapters.Unauthorized) || !strings.Contains(err.Error(), "account id") {
		t.Errorf("got %v, want unauthorized about the account id", err)
	}
}

// A page token that ends in the middle of a pass begins the pass anew, without repeating anybody.
func TestListOutlivesItsPageToken(t *testing.T) {
	t.Parallel()
	var late atomic.Bool
	a := start(t, vendor.Options{Clock: wire.Clock{Now: func() time.Time {
		now := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
		if late.Load() {
			now = now.Add(20 * time.Minute)
		}
		return now
	}}})
	for i := range 400 {
		a.SeedUser(vendor.User{Email: strings.Repeat("x", i+1) + "@acme.example"})
	}
	z := a.open(t, adapters.Deps{})
	seen := map[string]int{}
	for acct, err := range z.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if len(seen) == 10 { // a slow reader, once
			late.Store(true)
		}
		seen[acct.ID]++
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("got %s %d times, want once", id, n)
		}
	}
	if len(seen) != 402 {
		t.Errorf("got %d accounts, want 402", len(seen))
	}
}
