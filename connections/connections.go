package connections

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/registry"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/secrets"
	"github.com/usher-scim/usher/store"
)

// MaxFile is the largest settings file, in bytes.
const MaxFile = 64 << 10

// Connection is one vendor tenant's credentials and address, without the secrets themselves.
type Connection struct {
	Name    string `json:"name"`
	Adapter string `json:"adapter"`
	// Settings is the YAML of the adapter's settings; every secret in it is a reference.
	Settings   string    `json:"settings"`
	Hosts      []string  `json:"hosts"` // where the secrets are sent to
	Revision   uuid.UUID `json:"revision"`
	Saved      time.Time `json:"saved"`
	By         string    `json:"by"`
	Tenant     string    `json:"tenant"` // what Check reported when it was saved
	TenantName string    `json:"tenantName"`
	Missing    []string  `json:"missing,omitempty"`
	// Expires is when the credentials end, as the settings say (`expires:`); zero: nobody said. Usher only tells of it.
	Expires time.Time `json:"expires,omitzero"`
}

// Opened is a connection ready for calls.
type Opened struct {
	Adapter  adapters.Adapter
	Can      adapters.Description
	Revision string
}

// Error is a mistake in a connection's settings, in words for the administrator. It holds no secret.
type Error struct{ Text string }

func (e *Error) Error() string { return e.Text }

// ErrUnknown means that no connection has that name.
var ErrUnknown = errors.New("no such connection")

// Options are what Connections are made of.
type Options struct {
	Store    store.Store
	Vault    *secrets.Vault
	Resolver *secrets.Resolver
	Registry map[string]registry.Entry
	Deps     adapters.Deps
	Now      func() time.Time
	NewID    func() uuid.UUID
}

// Connections keeps and opens connections. It is safe for concurrent use.
type Connections struct {
	o     Options
	table *store.Table[Connection]

	mu     sync.Mutex
	opened map[string]Opened
}

// New returns the connections of a store.
func New(o Options) *Connections {
	return &Connections{
		o: o, opened: map[string]Opened{},
		table: store.NewTable("connections", func(c *Connection) []byte { return []byte(c.Name) }, nil),
	}
}

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// Save checks a settings file against the vendor and, when the tenant answers, keeps
// it under the name. The file is YAML: `adapter:` and that adapter's settings; a secret is
// written as a reference or in plain, and then sealed into the vault. A secret that an existing
// connection has may be left out while the hosts stay the same; when they change, every
// secret must be given again. A failed check keeps nothing.
func (c *Connections) Save(ctx context.Context, actor audit.Actor, name string, file []byte) (Connection, adapters.Identity, error) {
	if !validName.MatchString(name) {
		return Connection{}, adapters.Identity{}, &Error{fmt.Sprintf("%q cannot be a connection's name: use lower-case letters, digits, - and _, at most 40", name)}
	}
	d, err := c.read(ctx, name, file)
	if err != nil {
		return Connection{}, adapters.Identity{}, err
	}
	adapter, err := d.entry.Open(d.resolved, c.o.Deps)
	if err != nil {
		return Connection{}, adapters.Identity{}, &Error{err.Error()}
	}
	id, err := adapter.Check(ctx)
	if err != nil {
		return Connection{}, adapters.Identity{}, err
	}
	if err := closeAdapter(adapter); err != nil {
		return Connection{}, id, err
	}
	conn := Connection{
		Name: name, Adapter: d.adapter, Hosts: d.hosts, Revision: c.o.NewID(), Saved: c.o.Now(), By: actor.Name,
		Tenant: id.Tenant, TenantName: id.Name, Missing: id.Missing, Expires: d.expires,
	}
	for _, s := range d.plain {
		vaultName := vaultName(name, s.key)
		if err := c.o.Vault.Set(ctx, vaultName, s.value); err != nil {
			return Connection{}, id, err
		}
		d.kept[s.key] = map[string]any{"secret": vaultName}
	}
	text, err := yaml.Marshal(d.kept)
	if err != nil {
		return Connection{}, id, err
	}
	conn.Settings = string(text)
	fact := audit.Change{
		ID: c.o.NewID(), At: conn.Saved.UTC().Truncate(time.Millisecond), Actor: actor, Act: audit.ConnectionSaved,
		Detail: []byte(fmt.Sprintf(`{"connection":%q,"adapter":%q,"tenant":%q}`, name, d.adapter, id.Tenant)),
	}
	err = c.o.Store.Update(ctx, func(tx store.Tx) error {
		if err := c.table.Put(tx, &conn); err != nil {
			return err
		}
		return audit.Record(tx, fact)
	})
	return conn, id, err
}

func vaultName(connection, key string) string { return "connection." + connection + "." + key }

// draft is a settings file on its way to a connection.
type draft struct {
	adapter  string
	entry    registry.Entry
	kept     map[string]any // as it will be stored
	resolved map[string]any // with the secrets
	plain    []plainSecret
	hosts    []string
	expires  time.Time
}

type plainSecret struct {
	key   string
	value secrets.Value
}

func (c *Connections) read(ctx context.Context, name string, file []byte) (*draft, error) {
	if len(file) > MaxFile {
		return nil, &Error{fmt.Sprintf("the settings are longer than %d bytes", MaxFile)}
	}
	var root yaml.Node
	if err := yaml.Unmarshal(file, &root); err != nil {
		return nil, &Error{"the settings are not YAML: " + yamlReason(err)}
	}
	if len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return nil, &Error{"the settings must be a YAML mapping with `adapter:` and that adapter's keys"}
	}
	if refs := aliases(&root); refs {
		return nil, &Error{"the settings use YAML anchors or aliases, which are not allowed"}
	}
	raw := map[string]any{}
	if err := root.Content[0].Decode(&raw); err != nil {
		return nil, &Error{"the settings cannot be read: " + yamlReason(err)}
	}
	d := &draft{kept: raw}
	d.adapter, _ = raw["adapter"].(string)
	delete(raw, "adapter")
	var err error
	if d.expires, err = expiry(raw["expires"], c.o.Now()); err != nil {
		return nil, err
	}
	delete(raw, "expires")
	var ok bool
	if d.entry, ok = c.o.Registry[d.adapter]; !ok {
		return nil, &Error{fmt.Sprintf("adapter: %q is not known; known are %s", d.adapter, strings.Join(slices.Sorted(maps.Keys(c.o.Registry)), ", "))}
	}
	var old *Connection
	if old, err = c.get(ctx, name); err != nil && !errors.Is(err, ErrUnknown) {
		return nil, err
	}
	if old != nil && old.Adapter != d.adapter {
		return nil, &Error{fmt.Sprintf("connection %q belongs to the adapter %q: connect %q under another name", name, old.Adapter, d.adapter)}
	}
	if err := c.fill(d, old); err != nil {
		return nil, err
	}
	return d, c.resolve(ctx, d, old)
}

// expiry reads `expires:`, a day (its beginning in UTC) or a moment as RFC 3339 writes it.
func expiry(value any, now time.Time) (time.Time, error) {
	var at time.Time
	switch v := value.(type) {
	case nil:
		return at, nil
	case time.Time: // YAML knows dates
		at = v.UTC()
	case string:
		var err error
		if at, err = time.Parse(time.DateOnly, v); err != nil {
			if at, err = time.Parse(time.RFC3339, v); err != nil {
				return at, &Error{fmt.Sprintf("expires: %q is no day such as 2027-03-31", v)}
			}
		}
	default:
		return at, &Error{"expires: write a day such as 2027-03-31"}
	}
	if !at.After(now) {
		return at, &Error{fmt.Sprintf("expires: %s is over", at.UTC().Format(time.DateOnly))}
	}
	return at.UTC(), nil
}

// fill takes over the secrets that an existing connection has and the file leaves out.
func (c *Connections) fill(d *draft, old *Connection) error {
	if old == nil {
		return nil
	}
	stored := map[string]any{}
	if err := yaml.Unmarshal([]byte(old.Settings), &stored); err != nil {
		return err
	}
	for _, s := range d.entry.Settings {
		if _, given := d.kept[s.Key]; s.Secret && !given && stored[s.Key] != nil {
			d.kept[s.Key] = stored[s.Key]
		}
	}
	return nil
}

// resolve checks the settings with their secrets and refuses to send a stored secret to a new host.
func (c *Connections) resolve(ctx context.Context, d *draft, old *Connection) error {
	var err error
	if d.resolved, err = c.secretsOf(ctx, d.kept); err != nil {
		return &Error{err.Error()}
	}
	if d.hosts, err = d.entry.Hosts(d.resolved); err != nil {
		return &Error{err.Error()}
	}
	moved := old != nil && !slices.Equal(old.Hosts, d.hosts)
	for _, s := range d.entry.Settings {
		value, given := d.kept[s.Key]
		if !s.Secret || !given {
			continue
		}
		if text, ok := value.(string); ok {
			d.plain = append(d.plain, plainSecret{s.Key, secrets.NewValue(text)})
			continue
		}
		if ref, ok := value.(map[string]any); moved && ok && ref["secret"] == vaultName(old.Name, s.Key) {
			return &Error{fmt.Sprintf("the host changes from %s to %s: give %s again, a stored secret is not sent to a new host",
				strings.Join(old.Hosts, ", "), strings.Join(d.hosts, ", "), s.Key)}
		}
	}
	return nil
}

// secretsOf returns settings with every reference resolved.
func (c *Connections) secretsOf(ctx context.Context, settings map[string]any) (map[string]any, error) {
	text, err := yaml.Marshal(settings)
	if err != nil {
		return nil, errors.New("the settings cannot be written as YAML")
	}
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		return nil, errors.New("the settings cannot be read as YAML")
	}
	if len(n.Content) == 0 {
		return map[string]any{}, nil
	}
	if err := c.o.Resolver.ResolveYAML(ctx, n.Content[0]); err != nil {
		return nil, withoutLine(err)
	}
	out := map[string]any{}
	err = n.Content[0].Decode(&out)
	if err != nil {
		return nil, errors.New("the settings cannot be read")
	}
	return out, nil
}

var leadingLine = regexp.MustCompile(`^(line \d+: )+`)

// withoutLine drops line numbers that count in our own rendering, not in the administrator's file.
func withoutLine(err error) error {
	return errors.New(leadingLine.ReplaceAllString(err.Error(), ""))
}

// yamlReason shortens yaml's text, which may quote a value, to its place.
func yamlReason(err error) string {
	place := regexp.MustCompile(`line \d+`).FindString(err.Error())
	if place == "" {
		return "it cannot be parsed"
	}
	return "see " + place
}

func aliases(n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return true
	}
	return slices.ContainsFunc(n.Content, aliases)
}

func (c *Connections) get(ctx context.Context, name string) (*Connection, error) {
	var conn *Connection
	err := c.o.Store.View(ctx, func(r store.Reader) error {
		var err error
		conn, err = c.table.Get(r, []byte(name))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: %q", ErrUnknown, name)
	}
	return conn, err
}

// List returns all connections by name.
func (c *Connections) List(ctx context.Context) ([]Connection, error) {
	var all []Connection
	err := c.o.Store.View(ctx, func(r store.Reader) error {
		all = nil
		for conn, err := range c.table.Scan(r, nil) {
			if err != nil {
				return err
			}
			all = append(all, *conn)
		}
		return nil
	})
	return all, err
}

// Open returns an opened connection. It sends nothing. The adapter of one revision is shared by all callers.
func (c *Connections) Open(ctx context.Context, name string) (Opened, error) {
	conn, err := c.get(ctx, name)
	if err != nil {
		return Opened{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if o, ok := c.opened[name]; ok && o.Revision == conn.Revision.String() {
		return o, nil
	}
	entry, ok := c.o.Registry[conn.Adapter]
	if !ok {
		return Opened{}, &Error{fmt.Sprintf("this build has no adapter %q", conn.Adapter)}
	}
	settings := map[string]any{}
	if err := yaml.Unmarshal([]byte(conn.Settings), &settings); err != nil {
		return Opened{}, fmt.Errorf("read the settings of connection %q: %w", name, err)
	}
	resolved, err := c.secretsOf(ctx, settings)
	if err != nil {
		return Opened{}, &Error{fmt.Sprintf("connection %q: %v", name, err)}
	}
	adapter, err := entry.Open(resolved, c.o.Deps)
	if err != nil {
		return Opened{}, &Error{fmt.Sprintf("connection %q: %v", name, err)}
	}
	o := Opened{Adapter: adapter, Can: describe(entry, adapter), Revision: conn.Revision.String()}
	former := c.opened[name].Adapter
	c.opened[name] = o
	return o, closeAdapter(former)
}

// closeAdapter lets go of what an adapter holds (idle connections to the vendor). Calls that run on it end by themselves.
func closeAdapter(a adapters.Adapter) error {
	if closer, ok := a.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

func describe(e registry.Entry, a adapters.Adapter) adapters.Description {
	if d, ok := a.(adapters.Describer); ok {
		return d.Describe()
	}
	return e.Describe()
}

// Describe returns what a connection's app can do, without opening it; false when there is no such connection.
func (c *Connections) Describe(ctx context.Context, name string) (adapters.Description, bool) {
	conn, err := c.get(ctx, name)
	if err != nil {
		return adapters.Description{}, false
	}
	c.mu.Lock()
	o, opened := c.opened[name]
	c.mu.Unlock()
	if opened && o.Revision == conn.Revision.String() {
		return o.Can, true
	}
	e, ok := c.o.Registry[conn.Adapter]
	if !ok {
		return adapters.Description{}, false
	}
	return e.Describe(), true
}
