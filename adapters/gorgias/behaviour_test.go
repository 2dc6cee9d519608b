package gorgias_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/gorgias"
	vendor "github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/wire"
)

// direct carries requests to a stand-in without a network, so that time can be the bubble's.
type direct struct{ to http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	d.to.ServeHTTP(w, r)
	return w.Result(), nil
}

// inBubble opens an adapter with its own pace on a helpdesk with its own limits.
func inBubble(t *testing.T, o vendor.Options) (*vendor.Vendor, *gorgias.Adapter) {
	t.Helper()
	v := vendor.New(o)
	a, err := gorgias.Open(gorgias.Config{Subdomain: "acme", Email: vendor.DemoEmail, APIKey: vendor.DemoKey}, adapters.Deps{Transport: direct{v}})
	if err != nil {
		t.Fatal(err)
	}
	return v, a
}

func id(u vendor.User) string { return strconv.FormatInt(u.ID, 10) }

// failsWith checks kind and a part of the text.
func failsWith(t *testing.T, err error, kind adapters.Kind, text string) {
	t.Helper()
	if e := cause(t, err); e.Kind != kind || !strings.Contains(e.Message, text) {
		t.Fatalf("got %v (%+v), want %s with %q", err, e, kind, text)
	}
}

// cause is the adapter's error in err.
func cause(t *testing.T, err error) *adapters.Error {
	t.Helper()
	e, ok := errors.AsType[*adapters.Error](err)
	if !ok {
		t.Fatalf("got %v, want an adapter's error", err)
	}
	return e
}

func TestOwnPaceStaysBelowTheBucket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, a := inBubble(t, vendor.Options{})
		u := v.SeedUser(vendor.User{Name: "Mara", Email: "mara@acme.example"})
		start := time.Now()
		for range 150 {
			if _, err := a.Find(t.Context(), adapters.Probe{ID: id(u)}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took > 2*time.Minute {
			t.Errorf("got 150 reads in %s, want about 1.5 a second", took)
		}
	})
}

func TestRemovalSurvivesReadLag(t *testing.T) {
	t.Parallel()
	for lag, want := range map[time.Duration]adapters.Kind{0: "", 3 * time.Second: "", 30 * time.Second: adapters.Uncertain} {
		t.Run(lag.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v, a := inBubble(t, vendor.Options{Settings: vendor.Settings{ReadLag: lag}})
				u := v.SeedUser(vendor.User{Name: "Mara", Email: "mara@acme.example"})
				err := a.Remove(t.Context(), id(u), adapters.Removal{Action: adapters.Delete})
				if want == "" && err != nil || want != "" && !adapters.IsKind(err, want) {
					t.Errorf("got %v, want kind %q", err, want)
				}
			})
		})
	}
}

func TestNewTeamIsNotMadeTwiceWithinTheReadLag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, a := inBubble(t, vendor.Options{Settings: vendor.Settings{ReadLag: 3 * time.Second}})
		one := v.SeedUser(vendor.User{Name: "Mara", Email: "mara@acme.example"})
		two := v.SeedUser(vendor.User{Name: "Nils", Email: "nils@acme.example"})
		if err := a.ChangeMembers(t.Context(), "Tier 1", []string{id(one)}, nil); err != nil {
			t.Fatal(err)
		}
		err := a.ChangeMembers(t.Context(), "Tier 1", []string{id(two)}, nil)
		failsWith(t, err, adapters.Retry, "not shown yet")
		<-time.After(cause(t, err).After)
		if err := a.ChangeMembers(t.Context(), "Tier 1", []string{id(two)}, nil); err != nil {
			t.Fatal(err)
		}
		if teams := v.Teams(); len(teams) != 1 || len(teams[0].Members) != 2 {
			t.Errorf("got teams %+v, want one with two members", teams)
		}
	})
}

func TestListSurvivesARefusedCursor(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{})
	want := h.underTest(h.key).Seed(250)
	a := h.open(t, h.key, adapters.Deps{})
	seen := map[string]int{}
	for u, err := range a.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen[u.ID]++
		if len(seen) == 100 { // the first page is through; its cursor is refused once
			h.Inject(wire.Fault{Kind: wire.ServerError, Status: 400, Method: "GET", Path: "/users"})
		}
	}
	for _, id := range want {
		if seen[id] != 1 {
			t.Errorf("user %s: got %d times, want once", id, seen[id])
		}
	}
}

func TestListGivesUpOnCursorsThatNeverHold(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{Settings: vendor.Settings{CursorLife: time.Nanosecond}})
	h.underTest(h.key).Seed(150)
	n := 0
	var last error
	for _, err := range h.open(t, h.key, adapters.Deps{}).List(t.Context()) {
		if last = err; err == nil {
			n++
		}
	}
	failsWith(t, last, adapters.Unavailable, "cursor")
	if n != 100 {
		t.Errorf("got %d users before the error, want the 100 of the first page, each once", n)
	}
}

func TestListShowsTeamsRolesAndStates(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{})
	u := h.SeedUser(vendor.User{Name: "Mara", Email: "mara@acme.example", Role: "admin", DeactivatedAt: time.Unix(1.7e9, 0), ExternalID: "emp-1042"})
	h.SeedTeam(vendor.Team{Name: "Tier 1", Members: []int64{u.ID}})
	h.SeedTeam(vendor.Team{Name: "French", Members: []int64{u.ID}})
	for got, err := range h.open(t, h.key, adapters.Deps{}).List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if got.ID != id(u) {
			continue
		}
		want := adapters.Account{
			ID: id(u), ExternalID: "emp-1042", Email: "mara@acme.example", State: adapters.Suspended, Role: "admin", Admin: true,
			Teams: []string{"Tier 1", "French"}, Attributes: map[string]string{"name": "Mara", "timezone": "UTC"},
		}
		slices.Sort(got.Teams)
		slices.Sort(want.Teams)
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("got -, want +:\n%s", diff)
		}
		return
	}
	t.Error("the user is not in the list")
}

func TestLastAdministratorStays(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{Empty: true}) // the service user alone
	one := h.SeedUser(vendor.User{Name: "Ann Admin", Email: "ann@acme.example", Role: "admin"})
	two := h.SeedUser(vendor.User{Name: "Ben Admin", Email: "ben@acme.example", Role: "admin"})
	a := h.open(t, h.key, adapters.Deps{})
	if err := a.Demote(t.Context(), id(one)); err != nil {
		t.Fatalf("the first of two: %v", err)
	}
	agent := "agent"
	_, err := a.Update(t.Context(), id(two), adapters.Change{Role: &agent})
	failsWith(t, err, adapters.Protected, "last administrator")
	failsWith(t, a.Demote(t.Context(), id(two)), adapters.Protected, "last administrator")
	failsWith(t, a.Remove(t.Context(), id(two), adapters.Removal{Action: adapters.Delete}), adapters.Protected, "last administrator")
	// Another name is no matter of roles.
	if _, err := a.Update(t.Context(), id(two), adapters.Change{Attributes: map[string]string{"name": "Ben Admin-Berg"}}); err != nil {
		t.Error(err)
	}
}

func TestTwoAdministratorsAtOnceLeaveOne(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{Empty: true})
	a := h.open(t, h.key, adapters.Deps{})
	ids := []string{
		id(h.SeedUser(vendor.User{Name: "Ann Admin", Email: "ann@acme.example", Role: "admin"})),
		id(h.SeedUser(vendor.User{Name: "Ben Admin", Email: "ben@acme.example", Role: "admin"})),
	}
	errs := make(chan error, len(ids))
	for _, id := range ids {
		go func() { errs <- a.Remove(t.Context(), id, adapters.Removal{Action: adapters.Delete}) }()
	}
	first, second := <-errs, <-errs
	if (first == nil) == (second == nil) {
		t.Errorf("got %v and %v, want one success and one refusal", first, second)
	}
	failsWith(t, errors.Join(first, second), adapters.Protected, "last administrator")
}

func TestOwnerWhoIsNotNamedIsRefusedByGorgias(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403} {
		h := start(t, vendor.Options{Settings: vendor.Settings{OwnerStatus: status}})
		h.SeedUser(vendor.User{Name: "Ann Admin", Email: "ann@acme.example", Role: "admin"})
		cfg := h.key
		cfg.OwnerEmail = ""
		a := h.open(t, cfg, adapters.Deps{})
		owner := strconv.FormatInt(h.OwnerID(), 10)
		for what, err := range map[string]error{
			"remove": a.Remove(t.Context(), owner, adapters.Removal{Action: adapters.Delete}),
			"demote": a.Demote(t.Context(), owner),
		} {
			failsWith(t, err, adapters.Protected, "Gorgias says")
			if e := cause(t, err); e.Scope != adapters.OneAccount || !strings.Contains(e.Fix, "owner_email") {
				t.Errorf("%s with %d: got scope %s and fix %q, want one account and owner_email", what, status, e.Scope, e.Fix)
			}
		}
	}
}

func TestCredentialWithoutTheRoleStopsTheApp(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{})
	u := h.SeedUser(vendor.User{Name: "Mara", Email: "mara@acme.example", Role: "admin"})
	h.SeedUser(vendor.User{Name: "Agent", Email: "agent@acme.example", Role: "agent"})
	h.SetKey("agent@acme.example", "k3y-of-the-agent")
	cfg := h.key
	cfg.Email, cfg.APIKey = "agent@acme.example", "k3y-of-the-agent"
	a := h.open(t, cfg, adapters.Deps{})
	identity, err := a.Check(t.Context())
	if err != nil || !slices.Equal(identity.Missing, []string{"role admin (the credential's user has agent)"}) {
		t.Errorf("got %+v and %v, want the role admin missing", identity, err)
	}
	err = a.Remove(t.Context(), id(u), adapters.Removal{Action: adapters.Delete})
	failsWith(t, err, adapters.Unauthorized, "Forbidden")
	if e := cause(t, err); e.Scope != adapters.WholeApp {
		t.Errorf("got scope %s, want the whole app", e.Scope)
	}
}

func TestCheckNamesMissingScopesAndFindsTheTenant(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{})
	a := h.open(t, h.oauth(t, "users:read"), adapters.Deps{})
	got, err := a.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	self, _ := h.User(vendor.DemoEmail)
	want := adapters.Identity{
		Tenant: "acme", Name: "acme.gorgias.com", Self: []string{id(self), vendor.DemoEmail},
		Missing: []string{"users:write", "account:read"},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
}

func TestTokenWhoseLifeIsNotSaid(t *testing.T) {
	t.Parallel()
	now := time.Now()
	h := start(t, vendor.Options{
		Clock: wire.Clock{Now: func() time.Time { return now }}, Settings: vendor.Settings{ExpiresInZero: true, TokenLife: time.Hour},
	})
	a := h.open(t, h.oauth(t, "users:read", "users:write", "account:read"), adapters.Deps{Now: func() time.Time { return now }})
	tokens := func() (n int) {
		for _, c := range h.Calls() {
			if c.Path == "/oauth/token" {
				n++
			}
		}
		return n
	}
	before := tokens()
	for _, step := range []struct {
		later time.Duration
		want  int
	}{{0, 1}, {50 * time.Minute, 1}, {6 * time.Minute, 2}} {
		now = now.Add(step.later)
		if _, err := a.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := tokens() - before; got != step.want {
			t.Errorf("%s later: got %d tokens, want %d", step.later, got, step.want)
		}
	}
}

func TestWrongSubdomainProvesNobodyGone(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{Settings: vendor.Settings{WrongSubdomain: true}})
	a := h.open(t, h.key, adapters.Deps{})
	_, err := a.Check(t.Context())
	failsWith(t, err, adapters.Unauthorized, "no such Gorgias subdomain")
	if e := cause(t, err); e.Scope != adapters.WholeApp {
		t.Errorf("got scope %s, want the whole app", e.Scope)
	}
	_, err = a.Find(t.Context(), adapters.Probe{ID: "70100234"})
	failsWith(t, err, adapters.Unauthorized, "no such Gorgias subdomain")
	err = a.Remove(t.Context(), "70100234", adapters.Removal{Action: adapters.Delete})
	failsWith(t, err, adapters.Unauthorized, "no such Gorgias subdomain")
}

func TestFindingAmongSimilarOnes(t *testing.T) {
	t.Parallel()
	h := start(t, vendor.Options{})
	h.SeedUser(vendor.User{Name: "A", Email: "a@acme.example", ExternalID: "emp-1"})
	h.SeedUser(vendor.User{Name: "B", Email: "b@acme.example", ExternalID: "twice"})
	h.SeedUser(vendor.User{Name: "C", Email: "c@acme.example", ExternalID: "twice"})
	h.SeedUser(vendor.User{Name: "Bot", Email: "chat@acme.example", Role: "bot"})
	a := h.open(t, h.key, adapters.Deps{})
	for name, tc := range map[string]struct {
		probe adapters.Probe
		kind  adapters.Kind
		email string
	}{
		"exact external id":                {adapters.Probe{ExternalID: "emp-1"}, "", "a@acme.example"},
		"external id in another case":      {adapters.Probe{ExternalID: "EMP-1"}, adapters.NotFound, ""},
		"external id before e-mail":        {adapters.Probe{ExternalID: "emp-1", Email: "b@acme.example"}, "", "a@acme.example"},
		"e-mail after unknown external id": {adapters.Probe{ExternalID: "emp-9", Email: "B@ACME.example"}, "", "b@acme.example"},
		"external id of two":               {adapters.Probe{ExternalID: "twice", Email: "b@acme.example"}, adapters.Conflict, ""},
		"a bot's e-mail":                   {adapters.Probe{Email: "chat@acme.example"}, adapters.NotFound, ""},
		"an id that is none":               {adapters.Probe{ID: "7/../0"}, adapters.Invalid, ""},
		"the id of the connector's own":    {adapters.Probe{ID: "0"}, adapters.Invalid, ""},
		"an id of nobody":                  {adapters.Probe{ID: "1", Email: "a@acme.example"}, adapters.NotFound, ""},
	} {
		got, err := a.Find(t.Context(), tc.probe)
		if tc.kind == "" && (err != nil || got.Email != tc.email) || tc.kind != "" && !adapters.IsKind(err, tc.kind) {
			t.Errorf("%s: got %q and %v, want %q and kind %q", name, got.Email, err, tc.email, tc.kind)
		}
	}
}
