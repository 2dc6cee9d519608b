package zoom

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/adapters"
)

const receiverJSON = `{"id":"U2","email":"Lead@acme.example","type":2,"status":"active","role_id":"2","role_name":"Member"}`

func TestRemoveWithTransfer(t *testing.T) {
	t.Parallel()
	const del = "DELETE /users/U1?action=delete&transfer_email=lead%40acme.example&transfer_meeting=true&transfer_recording=true&transfer_webinar=true"
	s := newStub(t).on("GET /users/U1", ok(maraAdmin), gone()).on("GET /users/U2", ok(receiverJSON)).
		on("GET /users/U1/settings", ok(`{"feature":{"webinar":true,"webinar_capacity":500}}`)).
		on("GET /users/U2/settings", ok(`{"feature":{"webinar":true,"webinar_capacity":1000}}`)).
		on("DELETE /roles/1/members/U1", done()).on(del, done())
	s.none(s.open().Remove(t.Context(), "U1", adapters.Removal{
		Action: adapters.Delete, Transfer: &adapters.Transfer{To: "U2", What: []string{"meetings", "webinars", "recordings"}},
	}))
	s.calls("GET /users/U1", "GET /users/U2", "GET /users/U1/settings", "GET /users/U2/settings", "DELETE /roles/1/members/U1", del, "GET /users/U1")
}

func TestRemovalQueries(t *testing.T) {
	t.Parallel()
	all := &adapters.Transfer{ToEmail: "lead@acme.example", What: transferNames()}
	for name, c := range map[string]struct {
		user    user
		removal adapters.Removal
		want    string
	}{
		"delete":                     {user{ID: "U1", Status: statusActive}, adapters.Removal{Action: adapters.Delete}, "action=delete"},
		"disassociate":               {user{ID: "U1", Status: statusActive}, adapters.Removal{Action: adapters.Disassociate}, "action=disassociate"},
		"an invitation is withdrawn": {user{Email: "m@acme.example", Status: statusPending}, adapters.Removal{Action: adapters.Delete, Transfer: all}, "action=disassociate"},
		"address alone":              {user{ID: "U1"}, adapters.Removal{Action: adapters.Delete, Transfer: &adapters.Transfer{}}, "action=delete&transfer_email=lead%40acme.example"},
		"everything": {user{ID: "U1"}, adapters.Removal{Action: adapters.Delete, Transfer: all},
			"action=delete&transfer_clipfiles=true&transfer_docs=true&transfer_email=lead%40acme.example&transfer_meeting=true&transfer_notes=true&transfer_recording=true&transfer_visitors=true&transfer_webinar=true&transfer_whiteboard=true"},
	} {
		if got := removalQuery(c.user, c.removal, "lead@acme.example").Encode(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

func TestRemoveReadsBack(t *testing.T) {
	t.Parallel()
	const del = "DELETE /users/U1?action=delete"
	r := adapters.Removal{Action: adapters.Delete}
	// Reads lag: gone at the third look.
	s := newStub(t).on("GET /users/U1", ok(mara), ok(mara), ok(mara), gone()).on(del, done())
	s.none(s.open().Remove(t.Context(), "U1", r))
	if diff := cmp.Diff(s.waits, readBacks[:2]); diff != "" {
		t.Errorf("waits (-got +want):\n%s", diff)
	}
	// Never gone: nobody says that it is.
	s = newStub(t).on("GET /users/U1", ok(mara)).on(del, done())
	s.kind(s.open().Remove(t.Context(), "U1", r), adapters.Uncertain, "does not confirm yet")
	if diff := cmp.Diff(s.waits, readBacks); diff != "" {
		t.Errorf("waits (-got +want):\n%s", diff)
	}
	var total time.Duration
	for _, d := range readBacks {
		total += d
	}
	if lag := Describe().ReadLag; total <= 2*lag {
		t.Errorf("got %s of looking, want well over the read lag, %s", total, lag)
	}
	// A reply that is none of Zoom's proves nothing.
	s = newStub(t).on("GET /users/U1", ok(mara), reply{status: 404, body: `{"message":"no route"}`}, gone()).on(del, done())
	s.none(s.open().Remove(t.Context(), "U1", r))
}

func TestRemoveOutcomes(t *testing.T) {
	t.Parallel()
	const del = "DELETE /users/U1?action=delete"
	for name, c := range map[string]struct {
		user   string
		delete reply
		kind   adapters.Kind
		says   string
	}{
		"was gone in between":       {mara, gone(), adapters.NotFound, ""},
		"invitation ended":          {mara, refuse(400, 1120, "A valid invitation was not found."), adapters.NotFound, ""},
		"suspended and refused":     {maraInactive, refuse(400, 200, "Unable to delete this deactivated user. Please contact Zoom support team."), adapters.Conflict, "stays suspended"},
		"the same under status 200": {maraInactive, refuse(200, 200, "Unable to delete this deactivated user."), adapters.Conflict, "stays suspended"},
		"operator":                  {mara, refuse(400, 1000, "Call-queue manager"), adapters.Conflict, "call-queue"},
		"room":                      {mara, refuse(400, 200, "Cannot delete a Zoom Rooms user."), adapters.Protected, "Zoom Room"},
		"one under way":             {mara, refuse(429, 429, "Too many concurrent requests."), adapters.Retry, "still working"},
		"lost":                      {mara, reply{status: 502}, adapters.Uncertain, ""},
	} {
		s := newStub(t).on("GET /users/U1", ok(c.user)).on("GET /groups?page_size=300", ok(groupList)).on(del, c.delete)
		err := s.open().Remove(t.Context(), "U1", adapters.Removal{Action: adapters.Delete})
		if !adapters.IsKind(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %s …%s…", name, err, c.kind, c.says)
		}
		s.calls("GET /users/U1", del)
	}
}

func TestRemoveRefusesBeforeSending(t *testing.T) {
	t.Parallel()
	s := newStub(t)
	s.kind(s.open().Remove(t.Context(), "U1", adapters.Removal{Action: adapters.Demote}), adapters.Unsupported, "cannot end")
	s.calls()
	s = newStub(t).on("GET /users/U1", ok(maraAdmin))
	s.kind(s.open().Remove(t.Context(), "U1", adapters.Removal{Action: adapters.Delete, Transfer: &adapters.Transfer{To: "U2", What: []string{"chats"}}}),
		adapters.Invalid, `"chats"`)
	s.calls("GET /users/U1")
}

// 404 to a DELETE with a receiver may be about the receiver.
func TestRemoveWhoseReceiverLeft(t *testing.T) {
	t.Parallel()
	const del = "DELETE /users/U1?action=delete&transfer_email=lead%40acme.example&transfer_meeting=true"
	r := adapters.Removal{Action: adapters.Delete, Transfer: &adapters.Transfer{ToEmail: "Lead@acme.example", What: []string{"meetings"}}}
	s := newStub(t).on("GET /users/U1", ok(mara)).on("GET /users/lead@acme.example", ok(receiverJSON)).
		on("GET /users/U1/settings", ok(`{}`)).on(del, gone())
	s.kind(s.open().Remove(t.Context(), "U1", r), adapters.Conflict, "receiver")
	s = newStub(t).on("GET /users/U1", ok(mara), gone()).on("GET /users/lead@acme.example", ok(receiverJSON)).
		on("GET /users/U1/settings", ok(`{}`)).on(del, gone())
	s.kind(s.open().Remove(t.Context(), "U1", r), adapters.NotFound, "")
}

func TestCheckReceiver(t *testing.T) {
	t.Parallel()
	const leaver, to = "GET /users/U1", "GET /users/U2"
	licensed := func(feature string) string { return `{"feature":{` + feature + `}}` }
	person := func(t int, status string) string {
		return fmt.Sprintf(`{"id":"U2","email":"lead@acme.example","type":%d,"status":%q,"role_name":"Member"}`, t, status)
	}
	all := []string{"meetings", "webinars", "recordings"}
	for name, c := range map[string]struct {
		leaver, to   string
		leaverF, toF string
		what         []string
		kind         adapters.Kind
		says         string
	}{
		"fine":                      {mara, person(2, "active"), licensed(``), licensed(``), all, "", ""},
		"the same webinar licence":  {mara, person(2, "active"), licensed(`"webinar":true,"webinar_capacity":500`), licensed(`"webinar":true,"webinar_capacity":500`), all, "", ""},
		"meetings to a basic user":  {mara, person(1, "active"), licensed(``), licensed(``), []string{"meetings"}, "", ""},
		"webinars left out":         {mara, person(2, "active"), licensed(`"webinar":true,"webinar_capacity":500`), licensed(``), []string{"recordings"}, "", ""},
		"suspended leaver":          {maraInactive, person(2, "active"), "", "", all, "", ""},
		"invitation":                {maraPending, "", "", "", all, "", ""},
		"recordings to a basic":     {mara, person(1, "active"), licensed(``), licensed(``), all, adapters.Conflict, "receiver is basic"},
		"no webinar licence":        {mara, person(2, "active"), licensed(`"webinar":true,"webinar_capacity":500`), licensed(`"webinar":false`), all, adapters.Conflict, "webinar licence for 500, and the receiver has none"},
		"smaller webinar licence":   {mara, person(2, "active"), licensed(`"webinar":true,"webinar_capacity":500`), licensed(`"webinar":true,"webinar_capacity":100`), all, adapters.Conflict, "has one for 100"},
		"events go with every move": {mara, person(2, "active"), licensed(`"zoom_events":true,"zoom_events_capacity":500`), licensed(``), []string{"meetings"}, adapters.Conflict, "Zoom Events licence"},
		"suspended receiver":        {mara, person(2, "inactive"), "", "", all, adapters.Conflict, "suspended"},
		"invited receiver":          {mara, person(2, "pending"), "", "", all, adapters.Conflict, "accepted"},
		"the leaver":                {mara, `{"id":"U1","email":"x@acme.example","type":2,"status":"active","role_name":"Member"}`, "", "", all, adapters.Conflict, "is the leaver"},
		"unknown kind":              {mara, "", "", "", []string{"chats"}, adapters.Invalid, "chats"},
	} {
		s := newStub(t).on(leaver, ok(c.leaver)).on(to, ok(c.to)).
			on("GET /users/U1/settings", ok(c.leaverF)).on("GET /users/U2/settings", ok(c.toF))
		err := s.open().CheckReceiver(t.Context(), "U1", "U2", c.what)
		if c.kind == "" && err != nil || c.kind != "" && (!adapters.IsKind(err, c.kind) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: got %v, want %s …%s…", name, err, c.kind, c.says)
		}
	}
	s := newStub(t).on(leaver, ok(mara)).on(to, gone())
	s.kind(s.open().CheckReceiver(t.Context(), "U1", "U2", all), adapters.Conflict, "no account")
	s.kind(s.open().CheckReceiver(t.Context(), "U1", "", all), adapters.Conflict, "nobody is named")
}
