package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"runtime"
	"time"
)

// Config is the settings of one process, complete and valid once Load has returned it.
// The yaml tags are the keys of usher.yaml.
type Config struct {
	// Listen is the host:port of the SCIM listener; port 0 takes a free one.
	Listen string `yaml:"listen"`
	// AdminListen is the host:port of the listener for metrics and health.
	AdminListen string `yaml:"admin_listen"`
	// Data is the folder that holds the store, the socket and, unless KeyFile says otherwise, the key file.
	Data string `yaml:"data"`
	// PublicURL is the address that clients know, without a slash at its end; "" takes the address of each request.
	PublicURL string `yaml:"public_url"`
	// TrustedProxies are the networks whose X-Forwarded-* headers are believed.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	// Schemas are files with extension schemas (RFC 7643 section 7) that users or groups have besides those of the RFC.
	Schemas []string `yaml:"schemas"`
	// Administrators are the login names, or uids, of those who may use the socket; empty: whoever can open it.
	Administrators []string `yaml:"administrators"`
	// KeyFile is the key file to read; "" stands for one in Data that is made at the first start.
	KeyFile string `yaml:"key_file"`
	// ShutdownTimeout is how long a stop waits for running requests and vendor calls.
	ShutdownTimeout time.Duration `yaml:"shutdown_timeout"`
	TLS             TLS           `yaml:"tls"`
	Log             Log           `yaml:"log"`
	Quiet           Quiet         `yaml:"quiet"`
	Limits          Limits        `yaml:"limits"`
	Backup          Backup        `yaml:"backup"`
	Alerts          Alerts        `yaml:"alerts"`
}

// Backup says where the running server keeps copies of its store.
type Backup struct {
	Folder string        `yaml:"folder"` // must be there; "": no copies are made
	Every  time.Duration `yaml:"every"`  // from one copy to the next
	Keep   int           `yaml:"keep"`   // how many of them stay
}

// Limits bound what SCIM clients may ask for.
type Limits struct {
	RequestsPerSecond float64       `yaml:"requests_per_second"` // of one token, on average; 0: no limit
	Burst             int           `yaml:"burst"`               // requests of one token at once; 0: twice the rate
	UserBody          int64         `yaml:"user_body"`           // bytes of a request about a user
	GroupBody         int64         `yaml:"group_body"`          // bytes of a request about a group
	BulkBody          int64         `yaml:"bulk_body"`           // bytes of a bulk request
	BulkOperations    int           `yaml:"bulk_operations"`     // of one bulk request
	Scan              int           `yaml:"scan"`                // resources that a list without an index looks at
	CursorTimeout     time.Duration `yaml:"cursor_timeout"`      // whole seconds
}

// TLS names the certificate of the SCIM listener; both or none are set.
type TLS struct {
	Cert string `yaml:"cert"` // PEM file, with the chain
	Key  string `yaml:"key"`  // PEM file
}

// Enabled reports whether the SCIM listener speaks TLS.
func (t TLS) Enabled() bool { return t.Cert != "" }

// Log says how the process logs.
type Log struct {
	Format string     `yaml:"format"` // "text" or "json"
	Level  slog.Level `yaml:"level"`
}

// Quiet is how long removals that a source pushes wait, so that a burst is seen whole
// before any of it is carried out. A zero Pause makes nothing wait.
type Quiet struct {
	Pause  time.Duration `yaml:"pause"`   // removals wait until the source has sent none for this long,
	AtMost time.Duration `yaml:"at_most"` // but never longer than this
}

// Keys returns the path of the key file, and whether a missing one may be made: only
// the one in the data folder, as a given path that is not there is a mistake.
func (c Config) Keys() (path string, create bool) {
	if c.KeyFile != "" {
		return c.KeyFile, false
	}
	return filepath.Join(c.Data, "usher.key"), true
}

// Socket returns the path of the unix socket over which the commands reach the server. It
// fails when the path is longer than the system allows.
func (c Config) Socket() (string, error) { return socket(c.Data, runtime.GOOS) }

func socket(data, goos string) (string, error) {
	// The size of sun_path less the zero byte at its end: unix(7), and unix(4) of the BSDs.
	most := 103
	if goos == "linux" || goos == "android" {
		most = 107
	}
	path := filepath.Join(data, "usher.sock")
	if len(path) > most {
		return "", fmt.Errorf("the socket's path %s has %d bytes, and this system allows %d: choose a shorter data folder, or give it relative to where you are", path, len(path), most)
	}
	return path, nil
}
