package zoom_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/adaptertest"
	"github.com/usher-scim/usher/adapters/zoom"
	"github.com/usher-scim/usher/sandbox/wire"
	vendor "github.com/usher-scim/usher/sandbox/zoom"
)

// account is a stand-in of a Zoom account that listens, and the settings that reach it.
type account struct {
	*vendor.Vendor
	cfg zoom.Config
}

func start(t *testing.T, o vendor.Options) *account {
	t.Helper()
	o.Settings.Unlimited = true
	v := vendor.New(o)
	s := httptest.NewServer(v)
	t.Cleanup(s.Close)
	return &account{Vendor: v, cfg: zoom.Config{
		AccountID: vendor.DemoAccountID, ClientID: vendor.DemoClientID, ClientSecret: vendor.DemoClientSecret,
		BaseURL: s.URL + "/v2", TokenURL: s.URL + "/oauth/token", OwnerEmail: "it-admin@acme.example",
		CreateAction: zoom.PreProvision, LightPerSecond: 1e6, MediumPerSecond: 1e6,
	}}
}

func (a *account) open(t *testing.T, deps adapters.Deps) *zoom.Adapter {
	t.Helper()
	z, err := zoom.Open(a.cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := z.Close(); err != nil {
			t.Error(err)
		}
	})
	return z
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]vendor.Settings{
		"as documented": {},
		"the other way": {
			TokenStatus400: true, NewTokenEndsFormer: true, StatusNoContent: true, RepeatStatusRefused: true,
			OpaqueRoleIDs: true, SeatCode: 3412, ScopeCode: 4700, MissingTargetIs404: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adaptertest.Run(t, func(t *testing.T) *adaptertest.Vendor {
				return start(t, vendor.Options{Settings: settings}).underTest()
			})
		})
	}
}

// underTest shows the account to the suite.
func (a *account) underTest() *adaptertest.Vendor {
	var seeded int
	v := &adaptertest.Vendor{
		Open:    func(t *testing.T, deps adapters.Deps) adapters.Adapter { return a.open(t, deps) },
		Secrets: []string{string(a.cfg.ClientSecret)},
		Fault: func(f adaptertest.Fault) {
			a.Inject(wire.Fault{
				Kind: wire.Kind(f.Kind), Method: f.Route.Method, Path: f.Route.Path,
				Skip: f.Skip, Count: f.Count, Delay: f.Delay, Status: f.Status, Shift: f.Shift,
			})
		},
		Writes: func() int { return len(a.Writes()) },
		Calls:  func() int { return len(a.Calls()) },
		Routes: adaptertest.Routes{
			Create:    adaptertest.Route{Method: "POST", Path: "/users"},
			Read:      adaptertest.Route{Method: "GET", Path: "/users/*"},
			List:      adaptertest.Route{Method: "GET", Path: "/users"},
			Delete:    adaptertest.Route{Method: "DELETE", Path: "/users/*"},
			TeamWrite: adaptertest.Route{Method: "DELETE", Path: "/groups/*/members/*"},
		},
		Person: func(n int) adapters.Profile {
			return adapters.Profile{
				ExternalID: fmt.Sprintf("person-%d", n), Email: fmt.Sprintf("Mara.%d@acme.example", n), Licence: zoom.Licensed,
				Attributes: map[string]string{"first_name": "Mara", "last_name": fmt.Sprintf("Lindt %d", n), "dept": "Support", "timezone": "Europe/Vienna"},
			}
		},
		Change:   map[string]string{"last_name": "Berg", "job_title": "Lead", "phone": "+435550100"},
		PageSize: 300,
		Seed: func(n int) []string {
			var made []string
			for range n {
				seeded++
				made = append(made, a.SeedUser(vendor.User{FirstName: "Seed", Email: fmt.Sprintf("seed-%d@acme.example", seeded)}).ID)
			}
			return made
		},
		Drop: func(id string) { a.RemoveUser(a.emailOf(id)) },
		Emails: func() []string {
			var all []string
			for _, u := range a.Users() {
				all = append(all, u.Email)
			}
			return all
		},
		Renews:    true,
		FillSeats: func() { a.Configure(func(s *vendor.Settings) { s.Seats = map[string]int{"licensed": 2, "basic": 10} }) }, // owner and admin
		TeamMembers: func(team string) ([]string, bool) {
			for _, g := range a.Groups() {
				if g.Name != team {
					continue
				}
				var in []string
				for _, u := range a.Users() {
					if slices.Contains(u.Groups, g.ID) {
						in = append(in, u.ID)
					}
				}
				return in, true
			}
			return nil, false
		},
	}
	for _, u := range a.Users() { // before anybody was added: the owner and the owner of the app
		v.Protected = append(v.Protected, u.ID)
	}
	return v
}

func (a *account) emailOf(id string) string {
	for _, u := range a.Users() {
		if u.ID == id {
			return u.Email
		}
	}
	return ""
}

// written returns "METHOD path" of the calls that changed something, without the user's id.
func (a *account) written(id string) []string {
	var all []string
	for _, c := range a.Writes() {
		all = append(all, c.Method+" "+strings.ReplaceAll(c.Path, id, "{user}"))
	}
	return all
}

func find(ctx context.Context, t *testing.T, z *zoom.Adapter, key string) adapters.Account {
	t.Helper()
	a, err := z.Find(ctx, adapters.Probe{ID: key})
	if err != nil {
		t.Fatalf("find %s: %v", key, err)
	}
	return a
}
