package gorgias_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/gorgias"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	key := gorgias.Config{Subdomain: "acme", Email: "it@acme.example", APIKey: "k3y-value"}
	app := gorgias.Config{Subdomain: "acme", ClientID: "id", ClientSecret: "s3cret-value", RefreshToken: "r3fresh-value"}
	with := func(c gorgias.Config, change func(*gorgias.Config)) gorgias.Config {
		change(&c)
		return c
	}
	tests := map[string]struct {
		cfg  gorgias.Config
		want string // part of the error; "" for none
	}{
		"an API key":              {key, ""},
		"an OAuth2 app":           {app, ""},
		"a base address":          {with(key, func(c *gorgias.Config) { c.Subdomain, c.BaseURL = "", "http://127.0.0.1:8490/gorgias/api" }), ""},
		"no address":              {with(key, func(c *gorgias.Config) { c.Subdomain = "" }), "subdomain is missing"},
		"two addresses":           {with(key, func(c *gorgias.Config) { c.BaseURL = "https://acme.example/api" }), "exclude each other"},
		"capitals":                {with(key, func(c *gorgias.Config) { c.Subdomain = "Acme" }), "may hold only"},
		"a whole host":            {with(key, func(c *gorgias.Config) { c.Subdomain = "acme.gorgias.com" }), "may hold only"},
		"a host of somebody else": {with(key, func(c *gorgias.Config) { c.Subdomain = "evil.example/x?" }), "may hold only"},
		"a line break":            {with(key, func(c *gorgias.Config) { c.Subdomain = "acme\n" }), "may hold only"},
		"plain http":              {with(key, func(c *gorgias.Config) { c.Subdomain, c.BaseURL = "", "http://acme.example/api" }), "base_url: the base address must begin with https"},
		"no credentials":          {gorgias.Config{Subdomain: "acme"}, "credentials are missing"},
		"a key without e-mail":    {with(key, func(c *gorgias.Config) { c.Email = "" }), "needs both email and api_key"},
		"an e-mail without key":   {with(key, func(c *gorgias.Config) { c.APIKey = "" }), "needs both email and api_key"},
		"an app without refresh":  {with(app, func(c *gorgias.Config) { c.RefreshToken = "" }), "needs client_id, client_secret and refresh_token"},
		"both kinds":              {with(app, func(c *gorgias.Config) { c.APIKey = "k3y-value" }), "not both"},
		"an absurd pace":          {with(key, func(c *gorgias.Config) { c.CallsPerSecond = -1 }), "between 0 and 1000"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := gorgias.Open(tc.cfg, adapters.Deps{})
			switch {
			case tc.want == "" && err != nil, tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want %q", err, tc.want)
			case err != nil && strings.Contains(err.Error(), "-value"):
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
	if got, want := key.Hosts(), []string{"acme.gorgias.com"}; !slices.Equal(got, want) {
		t.Errorf("got hosts %v, want %v", got, want)
	}
}
