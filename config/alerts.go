package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Alerts says who is told of what needs a person, and when a removal counts as late. With neither channel nobody is told.
type Alerts struct {
	RemovalLate time.Duration `yaml:"removal_late"` // after its quiet time
	Email       AlertEmail    `yaml:"email"`
	Webhook     AlertWebhook  `yaml:"webhook"`
}

// AlertEmail is the mail server that alerts go through; without a Host none are sent by e-mail.
type AlertEmail struct {
	Host     string    `yaml:"host"`
	Port     int       `yaml:"port"`
	TLS      string    `yaml:"tls"` // "starttls", "tls" or "off"
	From     string    `yaml:"from"`
	To       []string  `yaml:"to"`
	Username string    `yaml:"username"`
	Password Reference `yaml:"password"`
}

// AlertWebhook is the address that alerts are posted to; without a URL none are posted.
type AlertWebhook struct {
	URL    string    `yaml:"url"`
	Secret Reference `yaml:"secret"`
}

// Reference stands for a secret that the server looks up: "{env: NAME}", "{file: PATH}" or "{secret: NAME}"; "" is none.
type Reference string

// Parts returns where the secret stands, and its name there.
func (r Reference) Parts() (place, name string) {
	place, name, _ = strings.Cut(strings.Trim(string(r), "{}"), ":")
	return strings.TrimSpace(place), strings.TrimSpace(name)
}

// alertSettings are the settings of who is told of what.
func alertSettings() []Setting {
	password := one("alerts.email.password", "", "that account's password, as {env: NAME}, {file: PATH} or {secret: NAME}",
		func(c *Config) *Reference { return &c.Alerts.Email.Password }, reference)
	secret := one("alerts.webhook.secret", "", "the secret that signs them, as {env: NAME}, {file: PATH} or {secret: NAME}",
		func(c *Config) *Reference { return &c.Alerts.Webhook.Secret }, reference)
	password.Reference, secret.Reference = true, true
	return []Setting{
		one("alerts.removal_late", "15m", "a removal that is not done this long after its quiet time is late, and told; at least 1m",
			func(c *Config) *time.Duration { return &c.Alerts.RemovalLate }, atLeastAMinute),
		one("alerts.email.host", "", "mail server that alerts are sent through; without one none are mailed",
			func(c *Config) *string { return &c.Alerts.Email.Host }, text),
		one("alerts.email.port", "587", "its port",
			func(c *Config) *int { return &c.Alerts.Email.Port }, whole(1, 65535)),
		one("alerts.email.tls", "starttls", "starttls, tls (from the first byte, mostly on port 465), or off (for a relay on this machine alone)",
			func(c *Config) *string { return &c.Alerts.Email.TLS }, oneOf("starttls", "tls", "off")),
		one("alerts.email.from", "", "address that alerts come from",
			func(c *Config) *string { return &c.Alerts.Email.From }, mailAddress),
		{Key: "alerts.email.to", Doc: "addresses that alerts go to", List: true,
			set: func(c *Config, values []string) error {
				for _, value := range values {
					if _, err := mailAddress(value); err != nil || value == "" {
						return fmt.Errorf("%q is not an address such as it@example.com", value)
					}
				}
				c.Alerts.Email.To = slices.Clone(values)
				return nil
			}},
		one("alerts.email.username", "", "account at the mail server; without one nothing is signed in",
			func(c *Config) *string { return &c.Alerts.Email.Username }, text),
		password,
		one("alerts.webhook.url", "", "address that alerts are posted to as signed JSON; without one none are posted",
			func(c *Config) *string { return &c.Alerts.Webhook.URL }, webhookURL),
		secret,
	}
}

var referenceForm = regexp.MustCompile(`^\{ *(env|file|secret) *: *[^{}]+\}$`)

func reference(s string) (Reference, error) {
	if s != "" && !referenceForm.MatchString(s) {
		return "", errors.New("a secret is given as {env: NAME}, {file: PATH} or {secret: NAME}; the secret itself does not stand here")
	}
	return Reference(s), nil
}

func mailAddress(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if a, err := mail.ParseAddress(s); err != nil || a.Address != s {
		return "", fmt.Errorf("%q is not an address such as usher@example.com", s)
	}
	return s, nil
}

func webhookURL(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", errors.New("it is not an address such as https://hooks.example.com/usher") // without the value: a path may hold a secret
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return "", errors.New("it must begin with https://, or lead to this machine")
	}
	return s, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func atLeastAMinute(s string) (time.Duration, error) {
	d, err := duration(s)
	if err == nil && d < time.Minute {
		return 0, fmt.Errorf("%q is not 1m or more", s)
	}
	return d, err
}

// check looks at what belongs together.
func (a Alerts) check() error {
	e, w := a.Email, a.Webhook
	switch {
	case e.Host == "" && (e.From != "" || len(e.To) > 0 || e.Username != "" || e.Password != ""):
		return errors.New("alerts.email.host is missing: without a mail server the other settings of alerts.email do nothing")
	case e.Host != "" && (e.From == "" || len(e.To) == 0):
		return errors.New("alerts.email needs from and to: who the mails come from and who gets them")
	case (e.Username == "") != (e.Password == ""):
		return errors.New("alerts.email.username and alerts.email.password belong together: set both or none")
	case e.Host != "" && e.TLS == "off" && !loopback(e.Host):
		return fmt.Errorf("alerts.email.tls: off is for a relay on this machine, and %s is another: mails and passwords would be readable on the way", e.Host)
	case (w.URL == "") != (w.Secret == ""):
		return errors.New("alerts.webhook.url and alerts.webhook.secret belong together: what is posted is always signed")
	}
	return nil
}
