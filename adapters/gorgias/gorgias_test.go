package gorgias_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/adaptertest"
	"github.com/usher-scim/usher/adapters/gorgias"
	vendor "github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/wire"
)

// helpdesk is a stand-in that listens, and the settings that reach it.
type helpdesk struct {
	*vendor.Vendor
	url string
	key gorgias.Config // with the API key of the service user
}

func start(t *testing.T, o vendor.Options) *helpdesk {
	t.Helper()
	o.Settings.Unlimited = true
	v := vendor.New(o)
	s := httptest.NewServer(v)
	t.Cleanup(s.Close)
	return &helpdesk{Vendor: v, url: s.URL, key: gorgias.Config{
		BaseURL: s.URL + "/api", Email: vendor.DemoEmail, APIKey: vendor.DemoKey,
		OwnerEmail: "owner@acme.example", CallsPerSecond: 1000,
	}}
}

// oauth returns settings of an app that the service user has installed with scopes.
func (h *helpdesk) oauth(t *testing.T, scopes ...string) gorgias.Config {
	t.Helper()
	form := url.Values{
		"grant_type": {"authorization_code"}, "redirect_uri": {"https://usher.example/installed"},
		"code": {h.IssueCode(vendor.DemoEmail, append(scopes, "offline")...)},
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(vendor.DemoClientID, vendor.DemoClientSecret)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var token struct {
		Refresh adapters.Secret `json:"refresh_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&token); err != nil || token.Refresh == "" {
		t.Fatalf("install the app: got status %d, error %v and no refresh token", resp.StatusCode, err)
	}
	cfg := h.key
	cfg.Email, cfg.APIKey = "", ""
	cfg.ClientID, cfg.ClientSecret, cfg.RefreshToken = vendor.DemoClientID, vendor.DemoClientSecret, token.Refresh
	return cfg
}

func (h *helpdesk) open(t *testing.T, cfg gorgias.Config, deps adapters.Deps) *gorgias.Adapter {
	t.Helper()
	a, err := gorgias.Open(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func TestConformance(t *testing.T) {
	t.Run("API key", func(t *testing.T) {
		t.Parallel()
		adaptertest.Run(t, func(t *testing.T) *adaptertest.Vendor {
			h := start(t, vendor.Options{})
			return h.underTest(h.key)
		})
	})
	t.Run("OAuth2", func(t *testing.T) {
		t.Parallel()
		adaptertest.Run(t, func(t *testing.T) *adaptertest.Vendor {
			h := start(t, vendor.Options{})
			return h.underTest(h.oauth(t, "users:read", "users:write", "account:read"))
		})
	})
	t.Run("bare lists and 201", func(t *testing.T) {
		t.Parallel()
		adaptertest.Run(t, func(t *testing.T) *adaptertest.Vendor {
			h := start(t, vendor.Options{Settings: vendor.Settings{BareList: true, Created: true, OwnerStatus: 403, SeatStatus: 402}})
			return h.underTest(h.key)
		})
	})
}

// underTest shows the helpdesk to the suite.
func (h *helpdesk) underTest(cfg gorgias.Config) *adaptertest.Vendor {
	var seeded int
	v := &adaptertest.Vendor{
		Open:    func(t *testing.T, deps adapters.Deps) adapters.Adapter { return h.open(t, cfg, deps) },
		Secrets: []string{string(cfg.APIKey), string(cfg.ClientSecret), string(cfg.RefreshToken)},
		Fault: func(f adaptertest.Fault) {
			h.Inject(wire.Fault{
				Kind: wire.Kind(f.Kind), Method: f.Route.Method, Path: f.Route.Path,
				Skip: f.Skip, Count: f.Count, Delay: f.Delay, Status: f.Status, Shift: f.Shift,
			})
		},
		Writes: func() int { return len(h.Writes()) },
		Calls:  func() int { return len(h.Calls()) },
		Routes: adaptertest.Routes{
			Create: adaptertest.Route{Method: "POST", Path: "/users"},
			Read:   adaptertest.Route{Method: "GET", Path: "/users/*"},
			List:   adaptertest.Route{Method: "GET", Path: "/users"},
			Delete: adaptertest.Route{Method: "DELETE", Path: "/users/*"},

			TeamWrite: adaptertest.Route{Method: "PUT", Path: "/teams/*"},
		},
		Person: func(n int) adapters.Profile {
			return adapters.Profile{
				ExternalID: fmt.Sprintf("person-%d", n), Email: fmt.Sprintf("Mara.%d@acme.example", n), Role: "agent",
				Attributes: map[string]string{"name": fmt.Sprintf("Mara Lindt %d", n), "timezone": "Europe/Vienna"},
			}
		},
		Change:   map[string]string{"name": "Mara Berg", "language": "fr"},
		PageSize: 100,
		Seed: func(n int) []string {
			var made []string
			for range n {
				seeded++
				u := h.SeedUser(vendor.User{Name: "Seed", Email: fmt.Sprintf("seed-%d@acme.example", seeded), CreatedAt: time.Unix(int64(1.7e9)+int64(seeded), 0)})
				made = append(made, strconv.FormatInt(u.ID, 10))
			}
			return made
		},
		Drop: func(id string) { h.RemoveUser(number(id)) },
		Emails: func() []string {
			var all []string
			for _, u := range h.Users() {
				all = append(all, u.Email)
			}
			return all
		},
		Renews:    cfg.ClientID != "",
		FillSeats: func() { h.Configure(func(s *vendor.Settings) { s.Seats = 2 }) }, // the owner's and ours
		TeamMembers: func(team string) ([]string, bool) {
			for _, t := range h.Teams() {
				if t.Name == team {
					return texts(t.Members), true
				}
			}
			return nil, false
		},
		SetTeam: func(team string, members []string) {
			for _, t := range h.Teams() {
				if t.Name == team {
					t.Members = nil
					for _, m := range members {
						t.Members = append(t.Members, number(m))
					}
					h.SeedTeam(t)
				}
			}
		},
	}
	for _, u := range h.Users() { // before anybody was added: owner, bots and the connector's own
		v.Protected = append(v.Protected, strconv.FormatInt(u.ID, 10))
	}
	return v
}

func number(id string) int64 {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		panic(err) // the suite passes ids that the vendor gave
	}
	return n
}

func texts(ids []int64) []string {
	var out []string
	for _, id := range ids {
		out = append(out, strconv.FormatInt(id, 10))
	}
	slices.Sort(out)
	return out
}
