package versions

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// Version is one applied mapping document.
type Version struct {
	Number  int         `json:"number"` // from 1, without gaps
	At      time.Time   `json:"at"`     // UTC
	Actor   audit.Actor `json:"actor"`
	Comment string      `json:"comment,omitempty"`
	// Confirmed is how many people lose an account or what it can do through the version, as the author had seen and confirmed.
	Confirmed int `json:"confirmed,omitempty"`
	// Exceeding is how many people the version touches in other ways of which there are more than a budget allows, as the author
	// had seen and confirmed. Somebody may be among both.
	Exceeding int    `json:"exceeding,omitempty"`
	Text      string `json:"-"` // the document as applied; List leaves it out
	// Rollout is how far the version has come that is being rolled out; List and Get set it.
	Rollout *Rollout `json:"rollout,omitempty"`
	// Withdrawn is the ring that followed the version when it was taken back, before it had reached everybody; nil for all others.
	Withdrawn *mapping.Ring `json:"withdrawn,omitempty"`
}

// record is a Version as it is stored, with the world it was found right for. So a version means the same for ever,
// whatever becomes of connections and sources: what differs takes effect when somebody applies again.
type record struct {
	Version
	Sources     []source                   `json:"sources"`
	Apps        map[string]mapping.AppInfo `json:"apps"` // by connection
	Connections []string                   `json:"connections"`
	// Extensions are the custom attributes of users that there were. Nil in a version that is older than this entry: those of now.
	Extensions []mapping.Extension `json:"extensions"`
}

// source is what a mapping needs to know of a source; tokens stay out of it.
type source struct {
	ID      uuid.UUID `json:"id"`
	Name    string    `json:"name"`
	Removed time.Time `json:"removed,omitzero"`
}

// catalog makes a record the Catalog of its own document.
func (r *record) catalog(now mapping.Catalog) frozen {
	f := frozen{apps: r.Apps, names: r.Connections, extensions: r.Extensions}
	if f.extensions == nil {
		f.extensions = mapping.Extensions(now)
	}
	return f
}

// frozen is a Catalog as it was at one moment. It is taken before a transaction, in which nothing outside may be asked.
type frozen struct {
	apps       map[string]mapping.AppInfo
	names      []string
	extensions []mapping.Extension
}

func (f frozen) Extensions() []mapping.Extension { return f.extensions }

func (f frozen) AppInfo(connection string) (mapping.AppInfo, bool) {
	info, ok := f.apps[connection]
	return info, ok
}

func (f frozen) Connections() []string { return slices.Clone(f.names) }

// freeze takes from a catalogue what a document needs.
func freeze(doc *mapping.Document, cat mapping.Catalog) frozen {
	f := frozen{apps: map[string]mapping.AppInfo{}, names: cat.Connections(), extensions: mapping.Extensions(cat)}
	for _, app := range doc.Apps {
		if info, ok := cat.AppInfo(app.Connection.Value); ok {
			f.apps[app.Connection.Value] = info
		}
	}
	return f
}

// state is the one record that says what is in force. Stamp differs after each apply and bind, so that a compiled
// mapping is known to be the current one by a single read.
type state struct {
	Version int       `json:"version"`
	Stamp   uuid.UUID `json:"stamp"`
	Rollout *Rollout  `json:"rollout,omitempty"` // of the next version; nil for none
}

// newest is the highest number of a version.
func (s *state) newest() int {
	if s.Rollout != nil {
		return s.Rollout.Version
	}
	return s.Version
}

const textTable = "mapping-texts"

type tables struct {
	records  *store.Table[record]
	bindings *store.Table[mapping.Binding]
	state    *store.Table[state]
}

func newTables() tables {
	return tables{
		records: store.NewTable("mappings", func(r *record) []byte { return versionKey(r.Number) }, nil),
		bindings: store.NewTable("mapping-bindings", func(b *mapping.Binding) []byte {
			return bindingKey(mapping.BindingKey{App: b.App, Name: b.Name})
		}, nil),
		state: store.NewTable[state]("mapping-state", func(*state) []byte { return stateKey() }, &stateCodec{}),
	}
}

// stateCodec is JSON that is not read again while it is the same: what is in force is asked for at every turn of the
// engine and changes with an apply or bind. Safe for concurrent use.
type stateCodec struct{ last atomic.Pointer[decodedState] }

type decodedState struct {
	data  []byte
	state state
}

// Encode implements [store.Codec].
func (*stateCodec) Encode(s *state) ([]byte, error) { return json.Marshal(s) }

// Decode implements [store.Codec].
func (c *stateCodec) Decode(data []byte) (*state, error) {
	if last := c.last.Load(); last != nil && bytes.Equal(last.data, data) {
		s := last.state
		return &s, nil
	}
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, err
	}
	c.last.Store(&decodedState{data: bytes.Clone(data), state: s})
	return &s, nil
}

func stateKey() []byte { return []byte("current") }

func versionKey(n int) []byte { return store.Uint64(uint64(max(n, 0))) }

// bindingKey hashes, as names of groups may be longer than a key.
func bindingKey(k mapping.BindingKey) []byte {
	sum := sha256.Sum256(store.Key([]byte(k.App), []byte(k.Name)))
	return sum[:]
}

// stateIn returns what is in force; the zero state before the first version.
func (t tables) stateIn(r store.Reader) (state, error) {
	s, err := t.state.Get(r, stateKey())
	if errors.Is(err, store.ErrNotFound) {
		return state{}, nil
	}
	if err != nil {
		return state{}, err
	}
	return *s, nil
}

// recordIn returns a version with its text; *UnknownVersionError when there is none.
func (t tables) recordIn(r store.Reader, number int) (*record, error) {
	rec, err := t.records.Get(r, versionKey(number))
	if errors.Is(err, store.ErrNotFound) || number < 1 {
		s, failed := t.stateIn(r)
		if failed != nil {
			return nil, failed
		}
		return nil, &UnknownVersionError{Number: number, Current: s.newest()}
	}
	if err != nil {
		return nil, err
	}
	text, err := r.Get(textTable, versionKey(number))
	if err != nil {
		return nil, fmt.Errorf("the text of version %d: %w", number, err)
	}
	rec.Text = string(text)
	return rec, nil
}

// bindingsIn reads all bindings, those of names that the current document does not use included: a binding survives
// new versions.
func (t tables) bindingsIn(r store.Reader) (mapping.Bindings, error) {
	all := mapping.Bindings{}
	for b, err := range t.bindings.Scan(r, nil) {
		if err != nil {
			return nil, err
		}
		all[mapping.BindingKey{App: b.App, Name: b.Name}] = *b
	}
	return all, nil
}

// compiled compiles a version in the world it was applied in.
func (r *record) compiled(now mapping.Catalog) (*mapping.Compiled, error) {
	compiled, err := r.compiledIn(r.catalog(now))
	if err != nil {
		return nil, fmt.Errorf("compile mapping version %d: %w", r.Number, err)
	}
	return compiled, nil
}

func (r *record) compiledIn(world frozen) (*mapping.Compiled, error) {
	doc, err := mapping.Parse([]byte(r.Text))
	if err != nil {
		return nil, err
	}
	sources := make([]directory.Source, len(r.Sources))
	for i, s := range r.Sources {
		sources[i] = directory.Source{ID: s.ID, Name: s.Name, Removed: s.Removed}
	}
	return mapping.Compile(doc, world, sources)
}

// sortedBindings orders bindings by app and name.
func sortedBindings(all mapping.Bindings) []mapping.Binding {
	return slices.SortedFunc(maps.Values(all), func(a, b mapping.Binding) int {
		if a.App != b.App {
			return strings.Compare(a.App, b.App)
		}
		return strings.Compare(a.Name, b.Name)
	})
}
