package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/config"
)

func TestAlertsOfAFile(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Input{File: write(t, `
alerts:
  removal_late: 30m
  email:
    host: smtp.example.com
    from: usher@example.com
    to: [it@example.com, oncall@example.com]
    username: usher
    password: {secret: smtp}
  webhook:
    url: https://hooks.example.com/usher
    secret: "{file: /etc/usher/hook}"
`)})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Alerts{
		RemovalLate: 30 * time.Minute,
		Email: config.AlertEmail{
			Host: "smtp.example.com", Port: 587, TLS: "starttls", From: "usher@example.com", To: []string{"it@example.com", "oncall@example.com"},
			Username: "usher", Password: "{secret: smtp}",
		},
		Webhook: config.AlertWebhook{URL: "https://hooks.example.com/usher", Secret: "{file: /etc/usher/hook}"},
	}
	if diff := cmp.Diff(c.Alerts, want); diff != "" {
		t.Errorf("alerts (-got +want):\n%s", diff)
	}
	place, name := c.Alerts.Webhook.Secret.Parts()
	if got, want := place+" "+name, "file /etc/usher/hook"; got != want {
		t.Errorf("parts: got %q, want %q", got, want)
	}
}

func TestMistakesInAlerts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, alerts, want string }{
		{"a secret itself", "webhook: {url: https://a.example, secret: hunter2}", "alerts.webhook.secret: a secret is given as {env: NAME}"},
		{"a place that there is not", "webhook: {url: https://a.example, secret: {vault: x}}", "a secret is given as {env: NAME}"},
		{"unsigned", "webhook: {url: https://a.example}", "belong together: what is posted is always signed"},
		{"plain http to another machine", "webhook: {url: http://a.example, secret: {env: A}}", "it must begin with https://"},
		{"nobody to tell", "email: {host: mail.example, from: a@b.example}", "alerts.email needs from and to"},
		{"no server", "email: {to: [a@b.example]}", "alerts.email.host is missing"},
		{"no address", "email: {host: mail.example, from: a@b.example, to: [bob]}", `"bob" is not an address`},
		{"half a sign-in", "email: {host: m.example, from: a@b.example, to: [a@b.example], username: u}", "belong together: set both or none"},
		{"open mail over a network", "email: {host: m.example, from: a@b.example, to: [a@b.example], tls: off}", "off is for a relay on this machine"},
		{"a misspelt key", "email: {hots: m.example}", `unknown key "hots"; did you mean "host"?`},
		{"late at once", "removal_late: 5s", `"5s" is not 1m or more`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(config.Input{File: write(t, "alerts:\n  "+c.alerts+"\n")})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}
