package config_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usher-scim/usher/config"
)

// write puts text into a file named usher.yaml in a folder of its own.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usher.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// environ is an environment with these variables.
func environ(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, pair := range pairs {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value, true
			}
		}
		return "", false
	}
}

func defaults() config.Config {
	return config.Config{
		Listen: "127.0.0.1:8480", AdminListen: "127.0.0.1:8481", Data: "./usher-data",
		ShutdownTimeout: 30 * time.Second,
		Log:             config.Log{Format: "text", Level: slog.LevelInfo},
		Quiet:           config.Quiet{Pause: 5 * time.Second, AtMost: 2 * time.Minute},
		Alerts:          config.Alerts{RemovalLate: 15 * time.Minute, Email: config.AlertEmail{Port: 587, TLS: "starttls"}},
		Limits: config.Limits{
			UserBody: 1 << 20, GroupBody: 16 << 20, BulkBody: 4 << 20, BulkOperations: 1000, Scan: 100_000, CursorTimeout: time.Hour,
		},
		Backup: config.Backup{Every: 24 * time.Hour, Keep: 14},
	}
}

func TestWhereASettingComesFrom(t *testing.T) {
	t.Parallel()
	set := func(change func(*config.Config)) config.Config { c := defaults(); change(&c); return c }
	for _, tc := range []struct {
		name, file string
		env        []string
		flags      map[string]string
		want       config.Config
	}{
		{"nowhere: the default", "", nil, nil, defaults()},
		{"only comments", "# nothing\n", nil, nil, defaults()},
		{"an empty document", "---\n", nil, nil, defaults()},
		{"the file beats the default", "listen: :1\n", nil, nil,
			set(func(c *config.Config) { c.Listen = ":1" })},
		{"the environment beats the file", "listen: :1\n", []string{"USHER_LISTEN=:2"}, nil,
			set(func(c *config.Config) { c.Listen = ":2" })},
		{"the flag beats all", "listen: :1\n", []string{"USHER_LISTEN=:2"}, map[string]string{"listen": ":3"},
			set(func(c *config.Config) { c.Listen = ":3" })},
		{"an empty variable is none", "listen: :1\n", []string{"USHER_LISTEN="}, nil,
			set(func(c *config.Config) { c.Listen = ":1" })},
		{"an empty flag is one", "public_url: https://a.example\n", nil, map[string]string{"public-url": ""}, defaults()},
		{"what an orchestrator sets is ignored", "", []string{"USHER_SERVICE_HOST=10.0.0.1", "USHER_PORT=tcp://10.0.0.1:80"}, nil, defaults()},
		{"nested keys", "log: {format: json, level: warn}\ntls:\n  cert: c\n  key: k\n", []string{"USHER_LOG_LEVEL=debug"}, nil,
			set(func(c *config.Config) {
				c.Log = config.Log{Format: "json", Level: slog.LevelDebug}
				c.TLS = config.TLS{Cert: "c", Key: "k"}
			})},
		{"scheduled backups", "backup: {folder: /backups, every: 6h, keep: 30}\n", []string{"USHER_BACKUP_KEEP=7"}, nil,
			set(func(c *config.Config) {
				c.Backup = config.Backup{Folder: "/backups", Every: 6 * time.Hour, Keep: 7}
			})},
		{"no quiet time", "quiet: {pause: 0}\n", nil, nil,
			set(func(c *config.Config) { c.Quiet.Pause = 0 })},
		{"lists in the file", "trusted_proxies: [10.0.0.0/8, '::1']\n", nil, nil,
			set(func(c *config.Config) {
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
			})},
		{"lists are replaced", "trusted_proxies: [10.0.0.0/8]\n", []string{"USHER_TRUSTED_PROXIES=192.0.2.1, 198.51.100.0/24"}, nil,
			set(func(c *config.Config) {
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("198.51.100.0/24")}
			})},
		{"a list can be emptied", "trusted_proxies: [10.0.0.0/8]\n", nil, map[string]string{"trusted-proxies": ""}, defaults()},
		{"no slash at the end of an address", "public_url: https://a.example/base/\n", nil, nil,
			set(func(c *config.Config) { c.PublicURL = "https://a.example/base" })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := config.Load(config.Input{File: write(t, tc.file), Flags: tc.flags, LookupEnv: environ(tc.env...)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, tc.want, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
				t.Errorf("settings (-got +want):\n%s", diff)
			}
		})
	}
}

func TestMistakesAreSaidWithTheirPlace(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, file string
		env        []string
		flags      map[string]string
		want       []string // one for each line of the error; FILE stands for the file
	}{
		{"a typo", "data: x\nlisen: :1\n", nil, nil, []string{`FILE:2:1: unknown key "lisen"; did you mean "listen"?`}},
		{"a dash", "admin-listen: :1\n", nil, nil, []string{`FILE:1:1: unknown key "admin-listen"; did you mean "admin_listen"?`}},
		{"a typo further in", "log:\n  fromat: json\n", nil, nil, []string{`FILE:2:3: unknown key "fromat"; did you mean "format"?`}},
		{"a section's typo", "quite: {pause: 0}\n", nil, nil, []string{`FILE:1:1: unknown key "quite"; did you mean "quiet"?`}},
		{"the right key in the wrong place", "at_most: 1m\n", nil, nil, []string{`FILE:1:1: unknown key "at_most"; did you mean "quiet.at_most"?`}},
		{"backups too often", "backup: {every: 30s}\n", nil, nil, []string{`FILE:1:17: backup.every: "30s" is not between 1m and 168h`}},
		{"backups too seldom", "", nil, map[string]string{"backup-every": "200h"}, []string{`--backup-every: "200h" is not between 1m and 168h`}},
		{"no time", "", []string{"USHER_BACKUP_EVERY=daily"}, nil, []string{`USHER_BACKUP_EVERY: "daily" is not a time such as 30m, 6h or 24h`}},
		{"no backup kept", "backup: {keep: 0}\n", nil, nil, []string{`FILE:1:16: backup.keep: "0" is not a whole number from 1 to 10000`}},
		{"nothing like it", "passwords: x\n", nil, nil, []string{`FILE:1:1: unknown key "passwords"`}},
		{"twice", "data: a\nlisten: :1\ndata: b\n", nil, nil, []string{"FILE:3:1: data is already set in line 1"}},
		{"twice further in", "log:\n  level: info\n  level: warn\n", nil, nil, []string{"FILE:3:3: log.level is already set in line 2"}},
		{"no value", "data:\n", nil, nil, []string{"FILE:1:6: data needs a plain value"}},
		{"an empty value", "data: ''\n", nil, nil, []string{"FILE:1:7: data: it must not be empty"}},
		{"a list where one is meant", "data: [a]\n", nil, nil, []string{"FILE:1:7: data needs a plain value"}},
		{"one where a list is meant", "trusted_proxies: 10.0.0.0/8\n", nil, nil, []string{"FILE:1:18: trusted_proxies must be a list, such as [a, b]"}},
		{"a section that is none", "log: json\n", nil, nil, []string{"FILE:1:6: log must be a list of `key: value` lines"}},
		{"a file that is a word", "hello\n", nil, nil, []string{"FILE:1:1: the file must be a list of `key: value` lines"}},
		{"an alias", "data: &x a\nkey_file: *x\n", nil, nil, []string{"FILE:2:11: key_file needs a plain value"}},
		{"two documents", "data: a\n---\ndata: b\n", nil, nil, []string{"FILE: there must be one document in the file, without a second --- line"}},
		{"broken YAML", "log: {\n", nil, nil, []string{"FILE: line 1: did not find expected node content"}},
		{"a port that is none", "listen: localhost:http\n", nil, nil, []string{`FILE:1:9: listen: "localhost:http" is not an address such as 127.0.0.1:8480 or :8480`}},
		{"a port alone", "listen: 8480\n", nil, nil, []string{`FILE:1:9: listen: "8480" is not an address such as 127.0.0.1:8480 or :8480`}},
		{"a bare number as a time", "quiet: {pause: 5}\n", nil, nil, []string{`FILE:1:16: quiet.pause: "5" is not a time such as 30s, 2m or 1h30m`}},
		{"a time before now", "quiet: {pause: -5s}\n", nil, nil, []string{`FILE:1:16: quiet.pause: "-5s" is not between 0 and 24h`}},
		{"a time too long", "shutdown_timeout: 25h\n", nil, nil, []string{`FILE:1:19: shutdown_timeout: "25h" is not between 0 and 24h`}},
		{"a level", "log: {level: loud}\n", nil, nil, []string{`FILE:1:14: log.level: "loud" is not one of debug, info, warn, error`}},
		{"a format", "log: {format: xml}\n", nil, nil, []string{`FILE:1:15: log.format: "xml" is not one of text, json`}},
		{"an address without a scheme", "public_url: usher.example.com\n", nil, nil, []string{`FILE:1:13: public_url: "usher.example.com" is not an address such as https://usher.example.com`}},
		{"the second network of two", "trusted_proxies:\n  - 10.0.0.0/8\n  - office\n", nil, nil, []string{`FILE:3:5: trusted_proxies: "office" is not a network such as 10.0.0.0/8`}},
		{"a network with bits beyond its length", "trusted_proxies: [10.1.2.3/8]\n", nil, nil, []string{`FILE:1:19: trusted_proxies: "10.1.2.3/8" has bits beyond its length: did you mean 10.0.0.0/8?`}},
		{"all at once", "lisen: :1\nlog: {level: loud}\n", []string{"USHER_LISTEN=x"}, map[string]string{"quiet-pause": "soon"},
			[]string{`FILE:1:1: unknown key "lisen"; did you mean "listen"?`, `FILE:2:14: log.level: "loud" is not one of debug, info, warn, error`,
				`USHER_LISTEN: "x" is not an address such as 127.0.0.1:8480 or :8480`, `--quiet-pause: "soon" is not a time such as 30s, 2m or 1h30m`}},
		{"a flag that is no setting", "", nil, map[string]string{"verbose": "1"}, []string{"--verbose is not a setting"}},
		{"half a certificate", "tls: {cert: c}\n", nil, nil, []string{"tls.cert and tls.key belong together: set both or none"}},
		{"a pause longer than its end", "quiet: {pause: 3m}\n", nil, nil, []string{"quiet.pause (3m0s) is longer than quiet.at_most (2m0s)"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			file := write(t, tc.file)
			_, err := config.Load(config.Input{File: file, Flags: tc.flags, LookupEnv: environ(tc.env...)})
			if err == nil {
				t.Fatal("it was accepted")
			}
			got := strings.Split(strings.ReplaceAll(err.Error(), file, "FILE"), "\n")
			if diff := cmp.Diff(got, tc.want); diff != "" {
				t.Errorf("mistakes (-got +want):\n%s", diff)
			}
		})
	}
}

func TestWhichFileIsRead(t *testing.T) {
	there := write(t, "listen: :7\n")
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	t.Chdir(filepath.Dir(there))

	for _, tc := range []struct {
		name string
		in   config.Input
		want string
	}{
		{"usher.yaml of the folder", config.Input{}, ":7"},
		{"the one that is named", config.Input{File: write(t, "listen: :8\n")}, ":8"},
		{"the one of the environment", config.Input{LookupEnv: environ("USHER_CONFIG=" + write(t, "listen: :9\n"))}, ":9"},
	} {
		got, err := config.Load(tc.in)
		if err != nil || got.Listen != tc.want {
			t.Errorf("%s: listen = %q, %v, want %q", tc.name, got.Listen, err, tc.want)
		}
	}
	for name, in := range map[string]config.Input{
		"named":              {File: missing},
		"of the environment": {LookupEnv: environ("USHER_CONFIG=" + missing)},
	} {
		_, err := config.Load(in)
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
			t.Errorf("a missing file, %s: error = %v, want one that names it", name, err)
		}
	}
	if _, err := config.Load(config.Input{File: write(t, strings.Repeat("#", 1<<20+1))}); err == nil || !strings.Contains(err.Error(), "is longer than 1048576 bytes") {
		t.Errorf("a file without end: error = %v, want one about its length", err)
	}
	t.Chdir(t.TempDir())
	got, err := config.Load(config.Input{})
	if err != nil || got.Listen != defaults().Listen {
		t.Errorf("no file: listen = %q, %v, want the default", got.Listen, err)
	}
}

func FuzzLoadFile(f *testing.F) {
	f.Add("listen: :1\n")
	f.Add("log: {format: json}\nquiet: {pause: 0}\ntrusted_proxies: ['::1']\n")
	f.Add("a: &a [*a]\n<<: {b: 1}\n? [x]\n: y\n---\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := config.Load(config.Input{File: write(t, text)})
		if err == nil && (c.Listen == "" || c.Data == "" || c.Quiet.Pause > c.Quiet.AtMost) {
			t.Errorf("%q gave settings that cannot be: %+v", text, c)
		}
	})
}

func TestLimitsAreReadWithTheirUnits(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Input{File: write(t, "limits: {requests_per_second: 2.5, burst: 40, user_body: 64KiB, group_body: 2MiB, bulk_body: 65536, bulk_operations: 10, scan: 500, cursor_timeout: 5m}")})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Limits{
		RequestsPerSecond: 2.5, Burst: 40, UserBody: 64 << 10, GroupBody: 2 << 20, BulkBody: 65536, BulkOperations: 10, Scan: 500, CursorTimeout: 5 * time.Minute,
	}
	if c.Limits != want {
		t.Errorf("got %+v, want %+v", c.Limits, want)
	}
	for _, wrong := range []string{
		"requests_per_second: -1", "requests_per_second: NaN", "requests_per_second: many", "burst: -1", "burst: 1.5", "user_body: 1", "user_body: 1GiB", "user_body: 1TB", "group_body: 1000MiB",
		"bulk_body: -4MiB", "bulk_operations: 0", "scan: 0", "cursor_timeout: 0", "cursor_timeout: 1500ms", "cursor_timeout: 48h",
	} {
		if _, err := config.Load(config.Input{File: write(t, "limits: {"+wrong+"}")}); err == nil || !strings.Contains(err.Error(), " is not ") {
			t.Errorf("%s: got %v, want what is wrong with it", wrong, err)
		}
	}
}
