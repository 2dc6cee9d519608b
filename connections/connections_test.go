package connections_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/registry"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/connections"
	"github.com/usher-scim/usher/secrets"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/storetest"
)

// desk is an adapter that only checks: its tenant is the host it was given.
type desk struct {
	host string
	key  string
}

func (d *desk) Check(context.Context) (adapters.Identity, error) {
	if d.key != "right" {
		return adapters.Identity{}, &adapters.Error{Kind: adapters.Unauthorized, Scope: adapters.WholeApp, Op: "check", Message: "the key is refused"}
	}
	return adapters.Identity{Tenant: d.host, Name: "Acme"}, nil
}

var errUnused = errors.New("not part of these tests")

func (d *desk) Find(context.Context, adapters.Probe) (adapters.Account, error) {
	return adapters.Account{}, errUnused
}
func (d *desk) Create(context.Context, adapters.Profile) (adapters.Account, error) {
	return adapters.Account{}, errUnused
}
func (d *desk) Update(context.Context, string, adapters.Change) (adapters.Account, error) {
	return adapters.Account{}, errUnused
}
func (d *desk) Remove(context.Context, string, adapters.Removal) error { return errUnused }
func (d *desk) List(context.Context) iter.Seq2[adapters.Account, error] {
	return func(func(adapters.Account, error) bool) {}
}

func deskEntry() registry.Entry {
	return registry.Entry{
		Describe: func() adapters.Description { return adapters.Description{Name: "desk", Title: "Desk"} },
		Settings: []adapters.Setting{{Key: "host"}, {Key: "key", Secret: true}},
		Hosts: func(s map[string]any) ([]string, error) {
			host, _ := s["host"].(string)
			if host == "" {
				return nil, errors.New("host is missing")
			}
			return []string{host}, nil
		},
		Open: func(s map[string]any, _ adapters.Deps) (adapters.Adapter, error) {
			host, _ := s["host"].(string)
			key, _ := s["key"].(string)
			return &desk{host, key}, nil
		},
	}
}

func open(t *testing.T, s store.Store) *connections.Connections {
	t.Helper()
	dir := t.TempDir()
	ring, err := secrets.EnsureKeyring(filepath.Join(dir, "usher.key"))
	if err != nil {
		t.Fatal(err)
	}
	vault, err := secrets.OpenVault(t.Context(), s, secrets.NewBox(ring), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	env := func(name string) (string, bool) { return "right", name == "DESK_KEY" }
	return connections.New(connections.Options{
		Store: s, Vault: vault, Resolver: secrets.NewResolver(vault, env),
		Registry: map[string]registry.Entry{"desk": deskEntry()}, Now: time.Now, NewID: audit.IDs(time.Now),
	})
}

var admin = audit.Actor{Kind: audit.ByAdmin, Name: "root"}

func TestSaveChecksKeepsAndOpens(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	c := open(t, s)
	conn, id, err := c.Save(t.Context(), admin, "desk-prod", []byte("adapter: desk\nhost: a.example\nkey: right\n"))
	if err != nil || id.Tenant != "a.example" {
		t.Fatalf("save: %+v, %v", id, err)
	}
	if strings.Contains(conn.Settings, "right") || !strings.Contains(conn.Settings, "secret: connection.desk-prod.key") {
		t.Errorf("stored settings: %q", conn.Settings)
	}
	o, err := c.Open(t.Context(), "desk-prod")
	if err != nil || o.Can.Title != "Desk" {
		t.Fatalf("open: %+v, %v", o, err)
	}
	if _, err := o.Adapter.Check(t.Context()); err != nil {
		t.Errorf("the stored secret does not work: %v", err)
	}
}

func TestSaveRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, connection, file, want string }{
		{"a name with a blank", "Desk Prod", "adapter: desk", "cannot be a connection's name"},
		{"no mapping", "d", "- a", "must be a YAML mapping"},
		{"broken YAML", "d", "a: [", "not YAML"},
		{"an unknown adapter", "d", "adapter: dusk", `"dusk" is not known; known are desk`},
		{"a missing host", "d", "adapter: desk\nkey: right", "host is missing"},
		{"an alias", "d", "adapter: &a desk\nhost: *a", "anchors or aliases"},
		{"a variable that is not there", "d", "adapter: desk\nhost: a.example\nkey: {env: NOPE}", "{env: NOPE}: the server's environment has no such variable"},
		{"an end that is no day", "d", "adapter: desk\nhost: a.example\nkey: right\nexpires: soon", `expires: "soon" is no day such as 2027-03-31`},
		{"an end that is a number", "d", "adapter: desk\nhost: a.example\nkey: right\nexpires: 3", "expires: write a day"},
		{"an end that is over", "d", "adapter: desk\nhost: a.example\nkey: right\nexpires: 2020-01-31", "expires: 2020-01-31 is over"},
		{"a wrong credential", "d", "adapter: desk\nhost: a.example\nkey: hunter2-wrong", "the key is refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := open(t, storetest.New(t))
			_, _, err := c.Save(t.Context(), admin, tt.connection, []byte(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error: got %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells the secret: %v", err)
			}
			if all, err := c.List(t.Context()); err != nil || len(all) != 0 {
				t.Errorf("kept: %v, %v", all, err)
			}
		})
	}
}

func TestWhenCredentialsEndIsKept(t *testing.T) {
	t.Parallel()
	c := open(t, storetest.New(t))
	for expires, want := range map[string]string{
		"": "0001-01-01T00:00:00Z", "expires: 2199-03-31\n": "2199-03-31T00:00:00Z",
		"expires: 2199-03-31T12:00:00+02:00\n": "2199-03-31T10:00:00Z", `expires: "2199-03-31"`: "2199-03-31T00:00:00Z",
	} {
		conn, _, err := c.Save(t.Context(), admin, "d", []byte("adapter: desk\nhost: a.example\nkey: right\n"+expires))
		if err != nil || conn.Expires.Format(time.RFC3339) != want || strings.Contains(conn.Settings, "expires") {
			t.Errorf("%q: got %v in %q, %v; want %s", expires, conn.Expires, conn.Settings, err, want)
		}
	}
}

func TestAHostChangeNeedsTheSecretAgain(t *testing.T) {
	t.Parallel()
	c := open(t, storetest.New(t))
	save := func(file string) error {
		_, _, err := c.Save(t.Context(), admin, "d", []byte(file))
		return err
	}
	if err := save("adapter: desk\nhost: a.example\nkey: right"); err != nil {
		t.Fatal(err)
	}
	if err := save("adapter: desk\nhost: a.example"); err != nil {
		t.Errorf("the same host without the secret: %v", err)
	}
	for _, file := range []string{
		"adapter: desk\nhost: evil.example",
		"adapter: desk\nhost: evil.example\nkey: {secret: connection.d.key}",
	} {
		if err := save(file); err == nil || !strings.Contains(err.Error(), "a stored secret is not sent to a new host") {
			t.Errorf("%q: got %v", file, err)
		}
	}
	if err := save("adapter: desk\nhost: b.example\nkey: {env: DESK_KEY}"); err != nil {
		t.Errorf("a new host with the secret given: %v", err)
	}
}

func TestOpenUnknown(t *testing.T) {
	t.Parallel()
	_, err := open(t, storetest.New(t)).Open(t.Context(), "nope")
	if !errors.Is(err, connections.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat("nope"); err == nil {
		t.Error("a file was made")
	}
}
