package zoom

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/adapters"
)

// randomSource is a repeatable stream of bytes.
func randomSource(seed int) *rand.ChaCha8 {
	var s [32]byte
	s[0] = byte(seed)
	return rand.NewChaCha8(s)
}

func testConfig() Config {
	return Config{AccountID: "ACC-7Qm2xExample", ClientID: "cl-Example", ClientSecret: "se-Example-secret"}
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Config)
		says   string // "" for valid
	}{
		"the three values alone": {func(*Config) {}, ""},
		"without account id":     {func(c *Config) { c.AccountID = " " }, "account_id is missing"},
		"without client id":      {func(c *Config) { c.ClientID = "" }, "client_id is missing"},
		"without secret":         {func(c *Config) { c.ClientSecret = "" }, "client_secret is missing"},
		"regional host":          {func(c *Config) { c.BaseURL = "https://api-eu.zoom.us/v2" }, ""},
		"plain http to loopback": {func(c *Config) {
			c.BaseURL, c.TokenURL = "http://127.0.0.1:8080/v2", "http://localhost:8080/oauth/token"
		}, ""},
		"plain http elsewhere":     {func(c *Config) { c.BaseURL = "http://api.zoom.us/v2" }, "base_url: the base address must begin with https://"},
		"plain http for the token": {func(c *Config) { c.TokenURL = "http://zoom.us/oauth/token" }, "token_url: the base address must begin with https://"},
		"sso":                      {func(c *Config) { c.CreateAction = PreProvision }, ""},
		"unknown create action":    {func(c *Config) { c.CreateAction = "custCreate" }, "create_action"},
		"owner without @":          {func(c *Config) { c.OwnerEmail = "owner" }, "owner_email"},
		"negative rate":            {func(c *Config) { c.LightPerSecond = -1 }, "negative"},
	} {
		cfg := testConfig()
		c.change(&cfg)
		err := cfg.Validate()
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
		_, openErr := Open(cfg, adapters.Deps{})
		if (openErr == nil) != (err == nil) {
			t.Errorf("%s: Open got %v, Validate %v", name, openErr, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret-") {
			t.Errorf("%s: the error shows the secret", name)
		}
	}
}

func TestConfigHosts(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	if diff := cmp.Diff(cfg.Hosts(), []string{"api.zoom.us", "zoom.us"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	cfg.BaseURL, cfg.TokenURL = "http://127.0.0.1:4010", "http://127.0.0.1:4011/oauth/token"
	if diff := cmp.Diff(cfg.Hosts(), []string{"127.0.0.1:4010", "127.0.0.1:4011"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestSettingsDecode(t *testing.T) {
	t.Parallel()
	var cfg Config
	err := adapters.DecodeSettings(map[string]any{
		"account_id": "a", "client_id": "b", "client_secret": "c", "create_action": "ssoCreate",
		"owner_email": "it@acme.example", "light_per_second": 4, "medium_per_second": 1.5,
		"base_url": "https://api-eu.zoom.us/v2", "token_url": "https://zoom.us/oauth/token",
	}, &cfg)
	want := Config{
		AccountID: "a", ClientID: "b", ClientSecret: "c", CreateAction: PreProvision, OwnerEmail: "it@acme.example",
		LightPerSecond: 4, MediumPerSecond: 1.5, BaseURL: "https://api-eu.zoom.us/v2", TokenURL: "https://zoom.us/oauth/token",
	}
	if diff := cmp.Diff(cfg, want); err != nil || diff != "" {
		t.Errorf("got error %v (-got +want):\n%s", err, diff)
	}
	if err := adapters.DecodeSettings(map[string]any{"account": "a"}, &cfg); err == nil {
		t.Error("got no error for an unknown setting, want one")
	}
}

// Zoom's limits are the account's, shared by all its apps: what Usher takes by itself, a burst
// included, stays well under those of a Pro plan (light 30 a second, medium 20).
func TestOwnLimitsLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	c := testConfig().withDefaults()
	for name, l := range map[string]struct{ ours, pro float64 }{light: {c.LightPerSecond, 30}, medium: {c.MediumPerSecond, 20}} {
		if most := l.ours + float64(burst(l.ours)); most > l.pro/2 {
			t.Errorf("%s: got up to %g calls in a second, want at most half of %g", name, most, l.pro)
		}
	}
}
