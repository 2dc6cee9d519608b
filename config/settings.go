package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting is one thing that can be set, in each of the ways in which it can be.
type Setting struct {
	Key     string // in usher.yaml, with a dot for each level: "log.format"
	Flag    string // on the command line, without dashes: "log-format"
	Env     string // in the environment: "USHER_LOG_FORMAT"
	Default string // as it would be written; "" for none
	Doc     string // one line for people
	List    bool   // several values: a sequence in the file, separated by commas elsewhere
	// Reference: the value stands for a secret, {env: NAME} say; in the file it may be written as a mapping.
	Reference bool

	set func(*Config, []string) error // gets exactly one value, or all of a list
}

// Settings returns all settings in the order in which they are documented.
func Settings() []Setting {
	settings := []Setting{
		one("listen", "127.0.0.1:8480", "address of the SCIM listener, host:port",
			func(c *Config) *string { return &c.Listen }, address),
		one("admin_listen", "127.0.0.1:8481", "address of the listener for metrics and health, host:port",
			func(c *Config) *string { return &c.AdminListen }, address),
		one("data", "./usher-data", "folder of the store, the socket and the key file; made if it is not there",
			func(c *Config) *string { return &c.Data }, required),
		one("public_url", "", "address under which clients reach the SCIM listener, if it is not the one they send",
			func(c *Config) *string { return &c.PublicURL }, publicURL),
		{Key: "trusted_proxies", Doc: "networks (CIDR) of reverse proxies whose X-Forwarded headers are believed", List: true,
			set: func(c *Config, values []string) error {
				prefixes := make([]netip.Prefix, len(values))
				for i, value := range values {
					var err error
					if prefixes[i], err = prefix(value); err != nil {
						return err
					}
				}
				c.TrustedProxies = prefixes
				return nil
			}},
		{Key: "schemas", Doc: "JSON files with custom attributes: extension schemas of users or groups, as RFC 7643 section 7 writes them", List: true,
			set: func(c *Config, values []string) error {
				for _, value := range values {
					if value == "" {
						return errors.New("the name of a file is empty")
					}
				}
				c.Schemas = slices.Clone(values)
				return nil
			}},
		{Key: "administrators", Doc: "login names (or uids) of those who may use the commands; with two or more, nobody approves what that person caused. Linux only", List: true,
			set: func(c *Config, values []string) error {
				for _, value := range values {
					if strings.TrimSpace(value) == "" {
						return errors.New("a name is empty")
					}
				}
				c.Administrators = slices.Clone(values)
				return nil
			}},
		one("key_file", "", "file with the keys that seal stored secrets, mode 0600; without it, usher.key in the data folder, made at the first start",
			func(c *Config) *string { return &c.KeyFile }, text),
		one("shutdown_timeout", "30s", "how long a stop waits for running requests and vendor calls",
			func(c *Config) *time.Duration { return &c.ShutdownTimeout }, duration),
		one("tls.cert", "", "PEM file with the certificate and its chain; makes the SCIM listener speak TLS",
			func(c *Config) *string { return &c.TLS.Cert }, text),
		one("tls.key", "", "PEM file with the certificate's key",
			func(c *Config) *string { return &c.TLS.Key }, text),
		one("log.format", "text", "text or json",
			func(c *Config) *string { return &c.Log.Format }, oneOf("text", "json")),
		one("log.level", "info", "debug, info, warn or error",
			func(c *Config) *slog.Level { return &c.Log.Level }, level),
		one("quiet.pause", "5s", "pushed removals wait until their source has sent none for this long; 0 makes none wait",
			func(c *Config) *time.Duration { return &c.Quiet.Pause }, duration),
		one("quiet.at_most", "2m", "but never longer than this",
			func(c *Config) *time.Duration { return &c.Quiet.AtMost }, duration),
		one("limits.requests_per_second", "0", "how many SCIM requests each token may send on average; more are answered 429; 0 sets no limit",
			func(c *Config) *float64 { return &c.Limits.RequestsPerSecond }, rate),
		one("limits.burst", "0", "how many of them may come at once; 0 stands for twice the rate",
			func(c *Config) *int { return &c.Limits.Burst }, whole(0, 1_000_000)),
		one("limits.user_body", "1MiB", "largest body of a request about a user",
			func(c *Config) *int64 { return &c.Limits.UserBody }, size),
		one("limits.group_body", "16MiB", "largest body of a request about a group",
			func(c *Config) *int64 { return &c.Limits.GroupBody }, size),
		one("limits.bulk_body", "4MiB", "largest body of a bulk request",
			func(c *Config) *int64 { return &c.Limits.BulkBody }, size),
		one("limits.bulk_operations", "1000", "most operations of a bulk request",
			func(c *Config) *int { return &c.Limits.BulkOperations }, whole(1, 100_000)),
		one("limits.scan", "100000", "how many users and groups a list may look at that is sorted, or whose filter no index answers",
			func(c *Config) *int { return &c.Limits.Scan }, whole(1, 10_000_000)),
		one("limits.cursor_timeout", "1h", "how long a cursor of a list can be used, at least 1s",
			func(c *Config) *time.Duration { return &c.Limits.CursorTimeout }, atLeastASecond),
		one("backup.folder", "", "folder for scheduled backups, which must be there; without it none are made",
			func(c *Config) *string { return &c.Backup.Folder }, text),
		one("backup.every", "24h", "from one scheduled backup to the next, from 1m to 168h",
			func(c *Config) *time.Duration { return &c.Backup.Every }, between(time.Minute, 7*24*time.Hour)),
		one("backup.keep", "14", "how many of them stay; older ones go when a newer one is whole",
			func(c *Config) *int { return &c.Backup.Keep }, whole(1, 10_000)),
	}
	settings = append(settings, alertSettings()...)
	for i := range settings {
		key := settings[i].Key
		settings[i].Flag = strings.NewReplacer(".", "-", "_", "-").Replace(key)
		settings[i].Env = "USHER_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
	}
	return settings
}

func one[T any](key, def, doc string, field func(*Config) *T, parse func(string) (T, error)) Setting {
	return Setting{Key: key, Default: def, Doc: doc, set: func(c *Config, values []string) error {
		v, err := parse(values[0])
		if err != nil {
			return err
		}
		*field(c) = v
		return nil
	}}
}

// check looks at what concerns several settings at once.
func (c Config) check() error {
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return errors.New("tls.cert and tls.key belong together: set both or none")
	}
	if c.Quiet.Pause > c.Quiet.AtMost {
		return fmt.Errorf("quiet.pause (%s) is longer than quiet.at_most (%s)", c.Quiet.Pause, c.Quiet.AtMost)
	}
	return c.Alerts.check()
}

func text(s string) (string, error) { return s, nil }

func required(s string) (string, error) {
	if s == "" {
		return "", errors.New("it must not be empty")
	}
	return s, nil
}

func address(s string) (string, error) {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", fmt.Errorf("%q is not an address such as 127.0.0.1:8480 or :8480", s)
	}
	return s, nil
}

func publicURL(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q is not an address such as https://usher.example.com", s)
	}
	return strings.TrimRight(s, "/"), nil
}

// prefix reads a network, or one address as the network of itself.
func prefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not a network such as 10.0.0.0/8", s)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q has bits beyond its length: did you mean %s?", s, p.Masked())
	}
	return p, nil
}

func duration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a time such as 30s, 2m or 1h30m", s)
	}
	if d < 0 || d > 24*time.Hour {
		return 0, fmt.Errorf("%q is not between 0 and 24h", s)
	}
	return d, nil
}

func atLeastASecond(s string) (time.Duration, error) {
	d, err := duration(s)
	if err == nil && (d < time.Second || d%time.Second != 0) {
		return 0, fmt.Errorf("%q is not 1s or more, in whole seconds", s)
	}
	return d, err
}

// between reads a time within bounds.
func between(least, most time.Duration) func(string) (time.Duration, error) {
	return func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, fmt.Errorf("%q is not a time such as 30m, 6h or 24h", s)
		}
		if d < least || d > most {
			return 0, fmt.Errorf("%q is not between %s and %s", s, short(least), short(most))
		}
		return d, nil
	}
}

// short writes a time without its zero parts.
func short(d time.Duration) string {
	return strings.Replace(strings.Replace(d.String(), "m0s", "m", 1), "h0m", "h", 1)
}

func rate(s string) (float64, error) {
	const most = 1_000_000
	r, err := strconv.ParseFloat(s, 64)
	if err != nil || !(r >= 0 && r <= most) {
		return 0, fmt.Errorf("%q is not a number from 0 to %d", s, most)
	}
	return r, nil
}

func whole(least, most int) func(string) (int, error) {
	return func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			return 0, fmt.Errorf("%q is not a whole number from %d to %d", s, least, most)
		}
		return n, nil
	}
}

// size reads a number of bytes: "65536", "64KiB" or "16MiB".
func size(s string) (int64, error) {
	const least, most = 1 << 10, 256 << 20
	digits, unit := s, int64(1)
	for suffix, bytes := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20} {
		if number, ok := strings.CutSuffix(s, suffix); ok {
			digits, unit = number, bytes
		}
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n*unit < least || n*unit > most {
		return 0, fmt.Errorf("%q is not a size from 1KiB to 256MiB, such as 65536 or 16MiB", s)
	}
	return n * unit, nil
}

func level(s string) (slog.Level, error) {
	switch s {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("%q is not one of debug, info, warn, error", s)
}

func oneOf(words ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		for _, w := range words {
			if s == w {
				return s, nil
			}
		}
		return "", fmt.Errorf("%q is not one of %s", s, strings.Join(words, ", "))
	}
}
