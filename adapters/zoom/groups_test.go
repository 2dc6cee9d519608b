package zoom

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
)

func people(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("P%d", i)
	}
	return ids
}

func memberBody(ids ...string) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = fmt.Sprintf(`{"id":%q}`, id)
	}
	return `{"members":[` + strings.Join(list, ",") + `]}`
}

func TestThirtyMembersACall(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /groups?page_size=300", ok(groupList)).on("POST /groups/G1/members", reply{status: 201, body: `{"ids":"x"}`})
	ids := people(65)
	s.none(s.open().ChangeMembers(t.Context(), "Support", ids, nil))
	s.calls("GET /groups?page_size=300",
		"POST /groups/G1/members "+memberBody(ids[:30]...), "POST /groups/G1/members "+memberBody(ids[30:60]...), "POST /groups/G1/members "+memberBody(ids[60:]...))
}

func TestInvitedMembersGoByAddress(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /groups?page_size=300", ok(groupList)).on("POST /groups/G1/members", reply{status: 201, body: `{}`}).
		on("DELETE /groups/G1/members/jon@acme.example", done())
	s.none(s.open().ChangeMembers(t.Context(), "support", []string{"mara@acme.example"}, []string{"jon@acme.example"}))
	s.calls("GET /groups?page_size=300", "DELETE /groups/G1/members/jon@acme.example", `POST /groups/G1/members {"members":[{"email":"mara@acme.example"}]}`)
}

func TestOneBadMemberKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /groups?page_size=300", ok(groupList)).
		on("POST /groups/G1/members", gone(), reply{status: 201, body: `{}`}, gone(), reply{status: 201, body: `{}`})
	s.kind(s.open().ChangeMembers(t.Context(), "Support", people(3), nil), adapters.NotFound, "")
	s.calls("GET /groups?page_size=300", "POST /groups/G1/members "+memberBody(people(3)...),
		"POST /groups/G1/members "+memberBody("P0"), "POST /groups/G1/members "+memberBody("P1"), "POST /groups/G1/members "+memberBody("P2"))
}

// Whatever ends a change of many, those who were dealt with before it are not left.
func TestAChangeThatIsCutSaysWhoIsLeft(t *testing.T) {
	t.Parallel()
	added, busy := reply{status: 201, body: `{}`}, refuse(429, 429, "You have reached the maximum per-second rate limit for this API. Try again later.")
	ids := people(65)
	for name, tc := range map[string]struct {
		adds, removes []reply
		remove, left  []string
		kind          adapters.Kind
	}{
		"by a limit":                 {adds: []reply{added, busy}, kind: adapters.Retry, left: ids[30:]},
		"one by one, by a limit":     {adds: []reply{added, gone(), added, gone(), busy}, kind: adapters.Retry, left: append([]string{"P31"}, ids[32:]...)},
		"while people leave":         {removes: []reply{busy}, remove: []string{"Q0", "Q1"}, adds: []reply{added}, kind: adapters.Retry, left: append([]string{"Q1"}, ids...)},
		"not at all, one is refused": {adds: []reply{gone(), gone(), added}, kind: adapters.NotFound, left: []string{"P0"}},
	} {
		s := newStub(t).on("GET /groups?page_size=300", ok(groupList)).on("POST /groups/G1/members", tc.adds...)
		if len(tc.remove) > 0 {
			s.on("DELETE /groups/G1/members/Q0", done()).on("DELETE /groups/G1/members/Q1", tc.removes...)
		}
		err := s.open().ChangeMembers(t.Context(), "Support", ids, tc.remove)
		s.kind(err, tc.kind, "")
		part, ok := errors.AsType[*adapters.PartialError](err)
		if !ok || !slices.Equal(part.Undone, tc.left) {
			t.Errorf("%s: got %v (%+v), want %q left", name, err, part, tc.left)
		}
	}
	s := newStub(t).on("GET /groups?page_size=300", ok(groupList)).on("POST /groups/G1/members", busy)
	err := s.open().ChangeMembers(t.Context(), "Support", ids, nil)
	if part, ok := errors.AsType[*adapters.PartialError](err); ok {
		t.Errorf("got %+v where nothing was done", part)
	}
}

func TestMissingGroupIsMadeOnlyForSomebody(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /groups?page_size=300", ok(groupList)).
		on("POST /groups", reply{status: 201, body: `{"id":"G9","name":"French","total_members":0}`}).on("POST /groups/G9/members", reply{status: 201, body: `{}`})
	z := s.open()
	s.kind(z.ChangeMembers(t.Context(), "French", nil, []string{"P0"}), adapters.NotFound, "there is no group French")
	s.none(z.ChangeMembers(t.Context(), "French", []string{"P0"}, nil))
	s.calls("GET /groups?page_size=300", `POST /groups {"name":"French"}`, "POST /groups/G9/members "+memberBody("P0"))
	s.kind(z.ChangeMembers(t.Context(), "", []string{"P0"}, nil), adapters.Invalid, "no name")
}

func TestGroupMadeByAnotherMeanwhile(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /groups?page_size=300", ok(`{"groups":[]}`), ok(groupList)).
		on("POST /groups", refuse(409, 4132, "Group name is already in use.")).on("POST /groups/G1/members", reply{status: 201, body: `{}`})
	s.none(s.open().ChangeMembers(t.Context(), "Support", []string{"P0"}, nil))
	s.calls("GET /groups?page_size=300", `POST /groups {"name":"Support"}`, "GET /groups?page_size=300", "POST /groups/G1/members "+memberBody("P0"))

	// A list that lags behind does not show it yet.
	s = newStub(t).on("GET /groups?page_size=300", ok(`{"groups":[]}`)).on("POST /groups", refuse(409, 4132, "Group name is already in use."))
	s.kind(s.open().ChangeMembers(t.Context(), "Support", []string{"P0"}, nil), adapters.Retry, "not show it yet")
}

// A group of our own making is known before a list shows it.
func TestGroupJustMadeIsKnown(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /groups?page_size=300", ok(`{"groups":[]}`)).
		on("POST /groups", reply{status: 201, body: `{"id":"G9","name":"French"}`}).on("POST /groups/G9/members", reply{status: 201, body: `{}`})
	z := s.open()
	s.none(z.ChangeMembers(t.Context(), "French", []string{"P0"}, nil))
	s.none(z.ChangeMembers(t.Context(), "French", []string{"P1"}, nil))
	s.calls("GET /groups?page_size=300", `POST /groups {"name":"French"}`, "POST /groups/G9/members "+memberBody("P0"), "POST /groups/G9/members "+memberBody("P1"))
}

func TestGroupDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /groups?page_size=300", ok(groupList)).
		on("POST /groups/G1/members", refuse(404, 4130, "Group does not exist.")).
		on("POST /groups", reply{status: 201, body: `{"id":"G9","name":"Support"}`}).on("POST /groups/G9/members", reply{status: 201, body: `{}`})
	s.none(s.open().ChangeMembers(t.Context(), "Support", people(2), nil))
	s.calls("GET /groups?page_size=300", "POST /groups/G1/members "+memberBody("P0", "P1"), `POST /groups {"name":"Support"}`, "POST /groups/G9/members "+memberBody("P0", "P1"))
}

func TestStrangersAreOut(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /groups?page_size=300", ok(groupList)).
		on("DELETE /groups/G1/members/P0", refuse(404, 4131, "Group member does not exist.")).
		on("DELETE /groups/G1/members/P1", gone())
	s.none(s.open().ChangeMembers(t.Context(), "Support", nil, people(2)))
}

// That there is no such group may be another tenant's word, so it is told, unless somebody is to be added.
func TestAGroupThatIsNotThereIsTold(t *testing.T) {
	t.Parallel()
	noGroup := refuse(404, 4130, "Group does not exist.")
	s := newStub(t).on("GET /groups?page_size=300", ok(groupList)).on("DELETE /groups/G1/members/P0", noGroup)
	s.kind(s.open().ChangeMembers(t.Context(), "Support", nil, people(1)), adapters.NotFound, "there is no group Support")
	s.kind(s.open().ChangeMembers(t.Context(), "Nobody", nil, people(1)), adapters.NotFound, "there is no group Nobody")

	s = newStub(t).on("GET /groups?page_size=300", ok(groupList)).on("DELETE /groups/G1/members/P1", noGroup).on("POST /groups/G1/members", noGroup).
		on("POST /groups", reply{status: 201, body: `{"id":"G9","name":"Support"}`}).on("POST /groups/G9/members", reply{status: 201, body: `{}`})
	s.none(s.open().ChangeMembers(t.Context(), "Support", []string{"P0"}, []string{"P1"}))
}

// An invited user goes by an address, and is not out of the group because that address is not known any more.
func TestWhoWasInvitedUnderAnotherAddressIsNotTakenForOut(t *testing.T) {
	t.Parallel()
	const mara = "mara.lindt@acme.example"
	s := newStub(t).on("GET /groups?page_size=300", ok(groupList)).on("DELETE /groups/G1/members/"+mara, gone()).on("GET /users/"+mara, gone())
	s.kind(s.open().ChangeMembers(t.Context(), "Support", nil, []string{mara}), adapters.Retry, "not known by that address")
	s = newStub(t).on("GET /groups?page_size=300", ok(groupList)).on("DELETE /groups/G1/members/"+mara, gone()).on("GET /users/"+mara, ok(maraPending))
	s.none(s.open().ChangeMembers(t.Context(), "Support", nil, []string{mara}))
}

func TestTeamsNeedAPaidPlan(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /groups?page_size=300", refuse(400, 200, "Only available for Paid account."))
	s.kind(s.open().ChangeMembers(t.Context(), "Support", []string{"P0"}, nil), adapters.Unsupported, "paid accounts")
}

func TestGroupNamesArePagedAndKeptForAMinute(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /groups?page_size=300", ok(`{"groups":[{"id":"G8","name":"Eight"}],"next_page_token":"p2"}`)).
		on("GET /groups?next_page_token=p2&page_size=300", ok(groupList)).
		on("DELETE /groups/G1/members/P0", done())
	z := s.open()
	for _, passed := range []time.Duration{0, 59 * time.Second, 2 * time.Second} {
		s.mu.Lock()
		s.now = s.now.Add(passed)
		s.mu.Unlock()
		s.none(z.ChangeMembers(t.Context(), "Support", nil, []string{"P0"}))
	}
	s.calls("GET /groups?page_size=300", "GET /groups?next_page_token=p2&page_size=300", "DELETE /groups/G1/members/P0",
		"DELETE /groups/G1/members/P0",
		"GET /groups?page_size=300", "GET /groups?next_page_token=p2&page_size=300", "DELETE /groups/G1/members/P0")
}
