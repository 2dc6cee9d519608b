package mapping

import (
	"time"

	"github.com/google/uuid"
)

// Want is what one person's account in one app should be at a moment.
type Want struct {
	Wanted bool       `json:"wanted"`
	Reason Reason     `json:"reason"`
	Text   string     `json:"text"`             // the reason as a sentence for people, with the names of groups and sources
	Grants []GrantHit `json:"grants,omitempty"` // the grant lines that apply, in document order
	// Role and Licence are the strongest of the granted ones by the app's rank, else the app's default; "" where the app has none.
	Role    string            `json:"role,omitempty"`
	Licence string            `json:"licence,omitempty"`
	Teams   []string          `json:"teams,omitempty"`   // sorted, without duplicates
	Profile map[string]string `json:"profile,omitempty"` // by field name; a field that the document and the defaults leave out is absent
	// Next is when Want would answer differently though nothing changed (an `until`, the end of a freeze). Zero: never.
	Next time.Time `json:"next,omitzero"`
}

// Reason says why an account is wanted or not.
type Reason string

const (
	Granted     Reason = "granted"
	Frozen      Reason = "frozen"      // granted only through a deleted group, for 24 hours
	Deactivated Reason = "deactivated" // a holder says active:false, a deny stands, or nobody holds the person
	Ungranted   Reason = "ungranted"   // no grant applies
	Denied      Reason = "denied"      // a deny line applies
	Excluded    Reason = "excluded"    // people.exclude applies
)

// GrantHit names a grant line that applies to a person.
type GrantHit struct {
	Line  int       `json:"line"` // in the document as applied
	By    string    `json:"by"`   // the group's name as written, or the person
	Until time.Time `json:"until,omitzero"`
}

// Freeze is how long grants bound to a deleted group go on (architecture section 7).
const Freeze = 24 * time.Hour

// Mode says what Usher does with an app.
type Mode string

const (
	Observe Mode = "observe" // show, adopt, change nothing
	Enforce Mode = "enforce"
	Paused  Mode = "paused" // work queues up
)

// Step is one line of when_deactivated or when_ungranted.
type Step struct {
	Action   string        // one of AppInfo.Actions
	After    time.Duration // counted from the moment the account became unwanted
	Transfer *Transfer
}

// Catalog answers what a connection's app can do. Whoever wires the program implements it.
type Catalog interface {
	// AppInfo returns what the connection's app can do; false when no such connection is there.
	AppInfo(connection string) (AppInfo, bool)
	// Connections lists the names of all connections, sorted, for error texts.
	Connections() []string
}

// AppInfo is what the mapping needs to know of an app.
type AppInfo struct {
	Title          string
	Roles          []string
	OpenRoles      bool // roles that Roles does not list are allowed
	Licences       []string
	DefaultRole    string
	DefaultLicence string
	Rank           []string // strongest first, over roles or licences
	Teams          bool
	Actions        []string // weakest first
	Transfers      []string
	Fields         []FieldInfo
}

// FieldInfo is one attribute that `profile` may set.
type FieldInfo struct {
	Name     string
	Required bool
	Default  string // an expression; "" for none
}

// Binding ties a group name, as one app's lines write it, to a group.
type Binding struct {
	App    string    `json:"app"`
	Name   string    `json:"name"` // as written in the document
	Source uuid.UUID `json:"source"`
	Group  uuid.UUID `json:"group"`
	// Previous are deleted groups that the binding had before; their members' grants go on until the
	// membership's deletion plus Freeze.
	Previous []uuid.UUID `json:"previous,omitempty"`
	Bound    time.Time   `json:"bound"`
	// Named is the group's name when it was last seen: a rename keeps the binding, and a group that is
	// deleted after one is re-created under its last name.
	Named string `json:"named,omitempty"`
}

// Bindings holds the bindings of a document by app and name.
type Bindings map[BindingKey]Binding

// BindingKey names a Binding.
type BindingKey struct{ App, Name string }

// Transfer says who receives a leaver's data and which kinds.
type Transfer struct {
	To   string   `json:"to"`             // an expression such as user.manager, or an e-mail address
	Else string   `json:"else,omitempty"` // used when To gives nobody
	What []string `json:"what"`           // of AppInfo.Transfers

	to, otherwise *receiver // compiled
}
