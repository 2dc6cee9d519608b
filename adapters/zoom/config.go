package zoom

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// Where Zoom is when the settings do not say otherwise.
const (
	DefaultBaseURL  = "https://api.zoom.us/v2"
	DefaultTokenURL = "https://zoom.us/oauth/token" //nolint:gosec // an address, no credential
)

// The ways to make a user (POST /users, `action`).
const (
	// Invite mails the person; the user is pending until the person accepts.
	Invite = "create"
	// PreProvision makes a user who signs in through SSO, at once; a Zoom option is needed.
	PreProvision = "ssoCreate"
	// WithPassword makes a user at once with a password that nobody knows; for Enterprise
	// customers with a managed domain.
	WithPassword = "autoCreate"
)

// Config is a connection's settings.
type Config struct {
	AccountID    string          `yaml:"account_id"`
	ClientID     string          `yaml:"client_id"`
	ClientSecret adapters.Secret `yaml:"client_secret"`

	// BaseURL stands for everything before the resource path, TokenURL is the whole address
	// of the token endpoint; "" means Zoom's own. Plain http is taken to loopback only.
	BaseURL  string `yaml:"base_url"`
	TokenURL string `yaml:"token_url"`

	// CreateAction is Invite, PreProvision or WithPassword; "" means Invite.
	CreateAction string `yaml:"create_action"`
	// OwnerEmail is the user who made the app, so that the connection hangs on that account.
	// It is never touched, like the account owner that Zoom itself names.
	OwnerEmail string `yaml:"owner_email"`

	// Calls per second of Zoom's rate-limit classes; 0 takes a third of what a Pro plan
	// allows. The limits belong to the Zoom account and are shared by all its apps.
	LightPerSecond  float64 `yaml:"light_per_second"`
	MediumPerSecond float64 `yaml:"medium_per_second"`
}

var _ adapters.Settings = Config{}

// Validate returns one sentence about the first setting that is missing or wrong.
func (c Config) Validate() error {
	for _, need := range []struct{ key, value string }{
		{"account_id", c.AccountID}, {"client_id", c.ClientID}, {"client_secret", string(c.ClientSecret)},
	} {
		if strings.TrimSpace(need.value) == "" {
			return fmt.Errorf("%s is missing; it stands on the App Credentials page of the Server-to-Server OAuth app", need.key)
		}
	}
	c = c.withDefaults()
	for _, address := range []struct{ key, value string }{{"base_url", c.BaseURL}, {"token_url", c.TokenURL}} {
		if _, err := vendorhttp.ParseBase(address.value); err != nil {
			return fmt.Errorf("%s: %w", address.key, err)
		}
	}
	switch c.CreateAction {
	case Invite, PreProvision, WithPassword:
	default:
		return fmt.Errorf("create_action %q is not known; use %s, %s or %s", c.CreateAction, Invite, PreProvision, WithPassword)
	}
	if c.OwnerEmail != "" && !strings.Contains(c.OwnerEmail, "@") {
		return fmt.Errorf("owner_email is not an e-mail address")
	}
	if c.LightPerSecond < 0 || c.MediumPerSecond < 0 {
		return fmt.Errorf("light_per_second and medium_per_second must not be negative")
	}
	return nil
}

// Hosts returns the hosts that are given the client secret or a token.
func (c Config) Hosts() []string {
	c = c.withDefaults()
	var hosts []string
	for _, address := range []string{c.BaseURL, c.TokenURL} {
		if u, err := url.Parse(address); err == nil {
			hosts = append(hosts, u.Host)
		}
	}
	return hosts
}

func (c Config) withDefaults() Config {
	set := func(s *string, def string) {
		if *s == "" {
			*s = def
		}
	}
	set(&c.BaseURL, DefaultBaseURL)
	set(&c.TokenURL, DefaultTokenURL)
	set(&c.CreateAction, Invite)
	if c.LightPerSecond == 0 {
		c.LightPerSecond = 10
	}
	if c.MediumPerSecond == 0 {
		c.MediumPerSecond = 6
	}
	return c
}
