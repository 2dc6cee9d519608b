package adapters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Adapter manages the accounts of one connected app: one tenant at one vendor.
// Its methods are safe for concurrent use and hold no lock while they wait for
// the vendor, but where a method says so. Every error is an *Error.
//
// Calls are paced by the shared client; a method therefore waits, at most until
// ctx ends. Apart from one repetition after an expired token and the loop of a
// compare-and-set, an adapter repeats nothing: that is the engine's decision.
type Adapter interface {
	// Check proves the credentials and says which tenant they reach. It changes nothing at the vendor.
	Check(ctx context.Context) (Identity, error)
	// Find looks an account up, by Probe.ID if set, else by external id where the
	// vendor keeps one, else by e-mail. NotFound is returned only on the vendor's own word.
	Find(ctx context.Context, p Probe) (Account, error)
	// Create makes the account. An account that exists already is AlreadyExists; a
	// lost or cut reply is Uncertain, and the engine then looks the account up.
	Create(ctx context.Context, p Profile) (Account, error)
	// Update sets what Change names and returns the account as it is afterwards. It may be repeated.
	Update(ctx context.Context, id string, c Change) (Account, error)
	// Remove ends the account for good, moving data first or with it as Removal says,
	// and returns nil only when the vendor confirms by read-back that the account is gone.
	// An account that is not there is NotFound, so that the caller can tell "we
	// removed it" from "nothing was there". It may be repeated.
	Remove(ctx context.Context, id string, r Removal) error
	// List yields every account of the tenant, protected ones included, in an order
	// in which accounts that come meanwhile shift nothing. After an error it ends.
	List(ctx context.Context) iter.Seq2[Account, error]
}

// Suspender is implemented where the vendor can end sign-in and keep the account.
type Suspender interface {
	// Suspend ends sign-in; roles that forbid it, and those that may manage the tenant's users, are taken away first. Nil means that the vendor was asked again and shows the
	// account suspended; where it took the request and does not show that yet, the error is Uncertain. It may be repeated.
	Suspend(ctx context.Context, id string) error
	// Resume gives sign-in back and restores licence, role and extras from before, which
	// is the account as it was read before it was first reduced; a role that before does not name is not given. It may be repeated.
	Resume(ctx context.Context, id string, before Account) (Account, error)
}

// Demoter is implemented where an account can be cut down to its weakest role.
type Demoter interface {
	// Demote gives the account the weakest role and takes it out of every team. Nil means that the vendor's answer shows
	// that role; where it shows another, the error is Uncertain. It may be repeated.
	Demote(ctx context.Context, id string) error
}

// ErrNoTeam is in the chain of a NotFound of ChangeMembers: the vendor has no team of that name.
var ErrNoTeam = errors.New("no such team")

// PartialError is in the chain of an error of ChangeMembers after which a part of the change stands: it was made for every account of the
// call but those in Undone. Each account is added or removed whole; the team was made, where it had to be.
type PartialError struct {
	Undone []string // ids as they were given: refused, not come to, or of unknown outcome, as the error's kind says
	Err    error    // the cause of the error that it is in the chain of; may be nil
}

func (e *PartialError) Error() string {
	return fmt.Sprintf("%d accounts of the team change are left", len(e.Undone))
}

func (e *PartialError) Unwrap() error { return e.Err }

// Partly returns err with a PartialError in its chain. It leaves err itself as it is.
func Partly(err *Error, undone []string) *Error {
	e := *err
	e.Err = &PartialError{Undone: undone, Err: err.Err}
	return &e
}

// Teams is implemented where accounts can be put into teams (groups, in some vendors' words).
type Teams interface {
	// ChangeMembers adds and removes accounts of one team, named as in the mapping, with as few
	// calls as the vendor allows, and leaves its other members as they are. A team that does
	// not exist is created when there is somebody to add. Adding a member and removing a stranger
	// both succeed. Where there is no such team and nobody to add, the error is NotFound because of ErrNoTeam:
	// whoever asked makes sure that it was the right tenant that said so. An account that cannot be added keeps nobody else out: the rest is done, then the
	// first such failure is returned, with a PartialError in its chain that names all who are left. After an error without one, the change was
	// made for nobody, or, where the kind is Uncertain, nobody knows for whom. It may be repeated; two calls for one team must not run at once.
	ChangeMembers(ctx context.Context, team string, add, remove []string) error
}

// ReceiverChecker is implemented where data can be moved to somebody else's account.
type ReceiverChecker interface {
	// CheckReceiver says whether leaver's data of the given kinds can go to the receiver's
	// account now: nil, or an error of kind Conflict whose text a person can act on.
	CheckReceiver(ctx context.Context, leaver, receiver string, what []string) error
}

// SeatCounter is implemented where the vendor tells how many licences the tenant has.
type SeatCounter interface {
	// Seats returns what the vendor says of the licences that a grant may name; one that it says nothing of is left out. It changes nothing.
	Seats(ctx context.Context) ([]Seats, error)
}

// Seats is what a tenant has of one licence.
type Seats struct {
	Licence string // as in Description.Licences
	Bought  int
	Used    int // invitations that nobody has accepted yet included
}

// Identity says which tenant a connection reaches and as whom.
type Identity struct {
	Tenant string   `json:"tenant"`         // the vendor's stable id of the tenant; never empty
	Name   string   `json:"name"`           // how people call the tenant
	Self   []string `json:"self,omitempty"` // ids and e-mails of the account that the connector itself signs in with
	// Missing lists permissions the connection lacks, in the vendor's words; with one missing, Check still succeeds.
	Missing []string `json:"missing,omitempty"`
}

// Probe says whom Find looks for. Empty fields are not used.
type Probe struct {
	ID         string // the vendor's id, when known
	ExternalID string // ours: the person's id
	Email      string // compared without regard to case
}

// Profile is an account to be made.
type Profile struct {
	ExternalID string            `json:"externalID"` // the person's id, stored at the vendor where it has a place for it
	Email      string            `json:"email"`
	Attributes map[string]string `json:"attributes"` // by the field names of Description.Fields
	Role       string            `json:"role"`       // "" where the app has none or leaves it to the vendor
	Licence    string            `json:"licence"`
}

// Change is what Update sets; nil pointers and absent keys stay as they are, an empty attribute is cleared.
type Change struct {
	ExternalID *string           `json:"externalID,omitempty"`
	Email      *string           `json:"email,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Role       *string           `json:"role,omitempty"`
	Licence    *string           `json:"licence,omitempty"`
}

// Removal says how an account ends.
type Removal struct {
	Action   Action    // Delete, or another ending the app's Description lists (Zoom: disassociate)
	Transfer *Transfer // nil: nothing is moved
}

// Transfer names who gets the data of a removed account.
type Transfer struct {
	To      string   // the receiver's account, by the vendor's id
	ToEmail string   // and by e-mail
	What    []string // kinds of data, as in Description.Transfers
}

// Account is a login as the vendor shows it.
type Account struct {
	ID         string            `json:"id,omitempty"` // the vendor's id; "" for an invitation that has none yet
	ExternalID string            `json:"externalId,omitempty"`
	Email      string            `json:"email,omitempty"`
	State      State             `json:"state"`
	Role       string            `json:"role,omitempty"`
	Licence    string            `json:"licence,omitempty"`
	Teams      []string          `json:"teams,omitempty"` // by name; nil where the reply does not say
	Attributes map[string]string `json:"attributes,omitempty"`
	// Protected says in a few words why the account must never be changed or removed
	// ("bot", "account owner"); "" for an ordinary one.
	Protected string `json:"protected,omitempty"`
	Admin     bool   `json:"admin,omitempty"` // may manage the tenant's users
	// Kind says what uses the account, in one word: "bot", "service", "shared"; "" for a human or where the vendor does not tell.
	Kind string `json:"kind,omitempty"`
	// Extra is the adapter's own: what it needs to restore the account. Others keep it and look away.
	Extra json.RawMessage `json:"extra,omitempty"`
}

// State is an account's state at the vendor.
type State string

const (
	Active    State = "active"
	Suspended State = "suspended"
	Invited   State = "invited" // made, and waiting for the person to accept
)

// Action is a step of `when_deactivated` and `when_ungranted`.
type Action string

const (
	Demote       Action = "demote"
	Suspend      Action = "suspend"
	Delete       Action = "delete"
	Disassociate Action = "disassociate"
)

// Description tells the catalogue what an adapter can do. It is constant for an opened adapter.
type Description struct {
	Name           string   // "gorgias"
	Title          string   // "Gorgias"
	Roles          []string // role names a grant may give; nil when the app takes none
	OpenRoles      bool     // the tenant may have further roles that Roles does not list
	AdminRoles     []string // roles, given or only found, that may manage the tenant's users; nil where the vendor has none or does not say
	Licences       []string // licence names a grant may give
	DefaultRole    string   // given where no grant names a role; "" for none
	DefaultLicence string
	Rank           []string      // default strength, strongest first, over roles or licences, as the app's mapping `rank`
	Teams          bool          // grants may name teams
	Actions        []Action      // what may end access, weakest first; without Suspend the app has no suspension
	Transfers      []string      // kinds of data that a removal can move
	Fields         []Field       // what `profile` may set
	EmailChange    bool          // the vendor lets a connector change an account's e-mail
	ExternalID     bool          // the vendor stores our id
	ReadLag        time.Duration // how long a read may miss a write
	Concurrency    int           // how many calls at once are sensible
}

// Administrates reports whether a role is known to manage the tenant's users.
func (d Description) Administrates(role string) bool { return slices.Contains(d.AdminRoles, role) }

// MayAdministrate reports whether giving a role may make an administrator: a known one, or one of the
// tenant's own of which nobody can tell what it may do.
func (d Description) MayAdministrate(role string) bool {
	return d.Administrates(role) || role != "" && d.OpenRoles && len(d.AdminRoles) > 0 && !slices.Contains(d.Roles, role)
}

// Field is one attribute of an account that `profile` may set.
type Field struct {
	Name     string // as in the mapping document
	Required bool   // Create refuses an account without it
	Default  string // the mapping expression used when the document has none; "" for none
	Doc      string // one line for people
}

// Describer is what an opened adapter and a registry entry both offer.
type Describer interface{ Describe() Description }
