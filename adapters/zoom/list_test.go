package zoom

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/adapters"
)

const (
	pendingPage  = "GET /users?page_size=300&status=pending"
	activePage   = "GET /users?page_size=300&status=active"
	inactivePage = "GET /users?page_size=300&status=inactive"
)

func page(next string, users ...string) reply {
	return ok(fmt.Sprintf(`{"users":[%s],"next_page_token":%q}`, strings.Join(users, ","), next))
}

// listed collects "id state" of a List until its error.
func listed(t *testing.T, z *Adapter) (got []string, err error) {
	t.Helper()
	for a, listErr := range z.List(t.Context()) {
		if listErr != nil {
			return got, listErr
		}
		got = append(got, a.ID+" "+string(a.State))
	}
	return got, nil
}

func listStub(t *testing.T) *stub {
	return newStub(t).on("GET /roles?type=common", ok(roleList)).on("GET /groups?page_size=300", ok(groupList))
}

func TestListHasThreePasses(t *testing.T) {
	t.Parallel()
	s := listStub(t).
		on(pendingPage, page("", `{"email":"Ivo@acme.example","type":1,"status":"pending"}`)).
		on(activePage, page("p2", `{"id":"U0","email":"o@acme.example","type":2,"role_id":"0"}`)).
		on("GET /users?next_page_token=p2&page_size=300&status=active", page("", `{"id":"U1","email":"m@acme.example","type":2,"role_id":"R7","dept":"Sales","group_ids":["G2","G1","G7"]}`)).
		on(inactivePage, page("", `{"id":"U3","email":"x@acme.example","type":1,"role_id":"2"}`))
	var got []adapters.Account
	for a, err := range s.open().List(t.Context()) {
		s.none(err)
		got = append(got, a)
	}
	want := []adapters.Account{
		{ID: "ivo@acme.example", Email: "ivo@acme.example", State: adapters.Invited, Licence: Basic,
			Attributes: map[string]string{"first_name": "", "last_name": "", "dept": "", "timezone": ""}},
		{ID: "U0", Email: "o@acme.example", State: adapters.Active, Role: RoleOwner, Licence: Licensed, Admin: true, Protected: "account owner", Teams: []string{},
			Attributes: map[string]string{"first_name": "", "last_name": "", "dept": "", "timezone": ""}},
		{ID: "U1", Email: "m@acme.example", State: adapters.Active, Role: "Help Desk", Licence: Licensed, Teams: []string{"Sales", "Support"},
			Attributes: map[string]string{"first_name": "", "last_name": "", "dept": "Sales", "timezone": ""}},
		{ID: "U3", Email: "x@acme.example", State: adapters.Suspended, Role: RoleMember, Licence: Basic, Teams: []string{},
			Attributes: map[string]string{"first_name": "", "last_name": "", "dept": "", "timezone": ""}},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestListBeginsAPassAnewWhenItsTokenEnds(t *testing.T) {
	t.Parallel()
	const second = "GET /users?next_page_token=p2&page_size=300&status=active"
	ended := refuse(400, 300, "The next page token is invalid or expired.")
	a, b, c := `{"id":"A","email":"a@x.example","type":1}`, `{"id":"B","email":"b@x.example","type":1}`, `{"id":"C","email":"c@x.example","type":1}`
	s := listStub(t).on(pendingPage, page("")).on(inactivePage, page("")).
		on(activePage, page("p2", a, b)).on(second, ended, page("", b, c))
	got, err := listed(t, s.open())
	s.none(err)
	if diff := cmp.Diff(got, []string{"A active", "B active", "C active"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}

	s = listStub(t).on(pendingPage, page("")).on(activePage, page("p2", a)).on(second, ended)
	got, err = listed(t, s.open())
	s.kind(err, adapters.Retry, "page token")
	if len(got) != 1 || strings.Count(strings.Join(s.log, "\n"), second) != passTries {
		t.Errorf("got %v after %v, want one account and %d tries", got, s.log, passTries)
	}
}

// A user whom a later pass shows in another status comes again: the later one is right.
func TestListLetsTheLaterPassWin(t *testing.T) {
	t.Parallel()
	s := listStub(t).on(pendingPage, page("")).
		on(activePage, page("", `{"id":"A","email":"a@x.example","type":2,"status":"active"}`)).
		on(inactivePage, page("", `{"id":"A","email":"a@x.example","type":1,"status":"inactive"}`))
	got, err := listed(t, s.open())
	s.none(err)
	if diff := cmp.Diff(got, []string{"A active", "A suspended"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestListNeedsTheRoles(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /roles?type=common", refuse(400, 4700, "Invalid access token, does not contain role:read:admin scope."))
	got, err := listed(t, s.open())
	s.kind(err, adapters.Unauthorized, "role:read:admin")
	if len(got) != 0 {
		t.Errorf("got %v, want nobody: the owner could not be told apart", got)
	}
}

func TestListWithoutGroups(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /roles?type=common", ok(roleList)).
		on("GET /groups?page_size=300", refuse(400, 200, "Only available for Paid account.")).
		on(pendingPage, page("")).on(activePage, page("", `{"id":"A","email":"a@x.example","type":1,"group_ids":["G1"]}`)).on(inactivePage, page(""))
	for a, err := range s.open().List(t.Context()) {
		s.none(err)
		if a.Teams != nil {
			t.Errorf("got teams %v, want nil: not known", a.Teams)
		}
	}
}
