package gorgias

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// Config is the settings of a Gorgias connection. Either Email and APIKey are given, or
// ClientID, ClientSecret and RefreshToken.
type Config struct {
	// Subdomain is the account's own name: "acme" for https://acme.gorgias.com.
	Subdomain string `yaml:"subdomain"`
	// BaseURL stands for everything before the resource path, instead of Subdomain; for tests.
	BaseURL string `yaml:"base_url"`

	Email  string          `yaml:"email"`   // of the user whose API key it is
	APIKey adapters.Secret `yaml:"api_key"` // from Settings → REST API

	ClientID     string          `yaml:"client_id"`
	ClientSecret adapters.Secret `yaml:"client_secret"`
	RefreshToken adapters.Secret `yaml:"refresh_token"` // comes with the scope offline

	// OwnerEmail names the account owner, who is then never touched. The API does not mark the owner.
	OwnerEmail string `yaml:"owner_email"`
	// CallsPerSecond is the pace; 0 means 1.5 with an API key and 3 with OAuth2, three quarters of what
	// the vendor allows.
	CallsPerSecond float64 `yaml:"calls_per_second"`
}

// The name goes into a host: nothing but these characters may pass, else a setting would choose the host.
var subdomains = regexp.MustCompile(`^[a-z0-9-]+$`)

// Validate returns what is wrong or missing, as one sentence.
func (c Config) Validate() error {
	switch {
	case c.Subdomain == "" && c.BaseURL == "":
		return errors.New("subdomain is missing: the first part of https://<subdomain>.gorgias.com")
	case c.Subdomain != "" && c.BaseURL != "":
		return errors.New("subdomain and base_url exclude each other")
	case c.Subdomain != "" && !subdomains.MatchString(c.Subdomain):
		return fmt.Errorf("subdomain %q may hold only a-z, 0-9 and -", c.Subdomain)
	case c.CallsPerSecond < 0 || c.CallsPerSecond > 1000:
		return errors.New("calls_per_second must lie between 0 and 1000")
	}
	if _, err := vendorhttp.ParseBase(c.base()); err != nil {
		return fmt.Errorf("base_url: %w", err)
	}
	key := c.Email != "" || c.APIKey != ""
	oauth := c.ClientID != "" || c.ClientSecret != "" || c.RefreshToken != ""
	switch {
	case key && oauth:
		return errors.New("give email and api_key, or client_id, client_secret and refresh_token, not both")
	case key && (c.Email == "" || c.APIKey == ""):
		return errors.New("an API key needs both email and api_key")
	case oauth && (c.ClientID == "" || c.ClientSecret == "" || c.RefreshToken == ""):
		return errors.New("OAuth2 needs client_id, client_secret and refresh_token")
	case !key && !oauth:
		return errors.New("credentials are missing: email and api_key, or client_id, client_secret and refresh_token")
	}
	return nil
}

// Hosts returns the host that the credentials are sent to.
func (c Config) Hosts() []string {
	u, err := url.Parse(c.base())
	if err != nil {
		return nil
	}
	return []string{u.Host}
}

// base is the address before /users.
func (c Config) base() string {
	if c.BaseURL != "" {
		return strings.TrimRight(c.BaseURL, "/")
	}
	return "https://" + c.Subdomain + ".gorgias.com/api"
}

func (c Config) oauth() bool { return c.ClientID != "" }

// pace returns the limit of the connection. The vendor's bucket holds 40 calls and leaks two a
// second for API keys, 80 and four for apps; others may share it.
func (c Config) pace() vendorhttp.Limit {
	l := vendorhttp.Limit{PerSecond: 1.5, Burst: 10}
	if c.oauth() {
		l = vendorhttp.Limit{PerSecond: 3, Burst: 20}
	}
	if c.CallsPerSecond > 0 {
		l.PerSecond = c.CallsPerSecond
	}
	return l
}
