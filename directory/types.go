package directory

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Kind selects how a source's client is spoken to. Kinds lists those there are.
type Kind string

const (
	Generic   Kind = "generic" // speaks as the RFCs say
	Okta      Kind = "okta"
	Entra     Kind = "entra"
	OneLogin  Kind = "onelogin"
	JumpCloud Kind = "jumpcloud"
	Rippling  Kind = "rippling"
	Google    Kind = "google"
	PingOne   Kind = "pingone"
)

// Source tells us about people: an Okta tenant, an HR system.
type Source struct {
	ID      uuid.UUID `json:"id"`
	Name    string    `json:"name"` // unique without regard to case; [a-z0-9][a-z0-9._-]*, at most 64 bytes
	Kind    Kind      `json:"kind"`
	Rank    int       `json:"rank"`             // the lower number wins a merge; unique ranks are not required
	Strict  bool      `json:"strict,omitempty"` // unknown attributes are refused instead of ignored
	Tokens  []Token   `json:"tokens,omitempty"`
	Created time.Time `json:"created"`
	Removed time.Time `json:"removed,omitzero"` // set: tokens are void, records and denies stay as they are
}

// Token is a bearer token of a source; only the SHA-256 of its 256 random bits is kept.
type Token struct {
	ID       uuid.UUID `json:"id"`
	Hash     []byte    `json:"hash"`
	Created  time.Time `json:"created"`
	ReadOnly bool      `json:"readOnly,omitempty"`
	Expires  time.Time `json:"expires,omitzero"` // from then on it is refused; zero: never
}

// TokenTerms say what a token is good for.
type TokenTerms struct {
	ReadOnly bool          // it may read and search only
	Lasts    time.Duration // from now on; zero: until it is rotated away
}

// Record is what one source says of a person, as it wrote it.
type Record struct {
	Person     uuid.UUID `json:"person"` // the SCIM id
	Source     uuid.UUID `json:"source"`
	UserName   string    `json:"userName"` // as written; compared folded
	ExternalID string    `json:"externalId,omitempty"`
	Active     bool      `json:"active"`
	Emails     []string  `json:"emails,omitempty"` // as written, primary first
	// Attributes are the SCIM attributes as the source wrote them, as one JSON object in
	// canonical names, with extensions under their URN; without id, meta, schemas, groups and password.
	Attributes json.RawMessage `json:"attributes"`
	// Kept holds the identity attributes (userName, emails, displayName, name) of before a
	// write that changed them together with active:false (scim.md law 19). While
	// set, they stand in for the record's own in the merged profile. The next identity write that leaves the record
	// active clears it.
	Kept     json.RawMessage `json:"kept,omitempty"`
	Version  uint64          `json:"version"` // rises by one with each real change
	Created  time.Time       `json:"created"`
	Modified time.Time       `json:"modified"`
}

// UserWrite is the state a source wants its record to have.
type UserWrite struct {
	UserName   string
	ExternalID string
	Active     bool
	Emails     []string
	Attributes json.RawMessage
}

// User is a record as its source reads it back, or, where Record.Source is another's, a merged look at a person
// that the reading source does not hold.
type User struct {
	Record
	Groups []GroupRef // groups of this source that the person is a direct member of
	Held   bool       // false: the reading source does not hold the person, the record is the merge
}

// GroupRef names a group.
type GroupRef struct {
	ID   uuid.UUID
	Name string
}

// Group belongs to the source that made it.
type Group struct {
	ID         uuid.UUID       `json:"id"`
	Source     uuid.UUID       `json:"source"`
	Name       string          `json:"name"` // displayName; unique in the source without regard to case
	ExternalID string          `json:"externalId,omitempty"`
	Attributes json.RawMessage `json:"attributes,omitempty"` // further SCIM attributes as written
	Members    int             `json:"members,omitempty"`    // how many there are, pending ones left out; kept by the directory
	Version    uint64          `json:"version"`
	Created    time.Time       `json:"created"`
	Modified   time.Time       `json:"modified"`
	// Deleted is when the source deleted it. A deleted group answers 404 to its source, but it and its edges are
	// kept while grants bound to it are frozen (architecture section 7), and swept later.
	Deleted time.Time `json:"deleted,omitzero"`
}

// Member is one membership edge.
type Member struct {
	Person  uuid.UUID `json:"person"`            // zero while pending
	Value   string    `json:"value,omitempty"`   // what the client sent, while pending
	Display string    `json:"display,omitempty"` // as the client sent it
	Added   time.Time `json:"added"`
}

// GroupWrite is the state of a group's own attributes and, in order, what happens to its members.
type GroupWrite struct {
	Name       string
	ExternalID string
	Attributes json.RawMessage
	Members    []MemberOp
}

// MemberOp is one step of a membership change. Steps are applied in order, all or none.
type MemberOp struct {
	Kind    MemberOpKind
	Members []MemberRef       // for AddMembers, RemoveMembers, ReplaceMembers
	Match   func(Member) bool // for RemoveMatching; pure
}

// MemberRef is a member as a client names it: by the person's id, else by this source's externalId.
type MemberRef struct{ Value, Display string }

// MemberOpKind is the kind of a MemberOp.
type MemberOpKind int

const (
	AddMembers     MemberOpKind = iota // adding who is there changes nothing
	RemoveMembers                      // removing who is not there succeeds
	ReplaceMembers                     // the list becomes exactly Members; an empty one empties the group
	RemoveMatching                     // removes every member that Match accepts
)

// Person is the human: the merge of all records that share its id (scim.md law 16).
type Person struct {
	ID       uuid.UUID `json:"id"`
	UserName string    `json:"userName"`
	Emails   []string  `json:"emails"` // of the merged profile, primary first; empty when nobody holds the person
	// Profile is the merge, decoded: canonical attribute names, extensions as nested objects under their URN.
	Profile map[string]any `json:"profile"`
	// Active: at least one source holds the person, no holder says active:false, no deny stands, and nobody terminated the person.
	Active      bool         `json:"active"`
	Inactive    string       `json:"inactive"` // why not, in words with the source's name; "" when active
	Holders     []Holder     `json:"holders"`  // every source with a record, highest rank first
	Denies      []Deny       `json:"denies"`
	Terminated  *Termination `json:"terminated,omitempty"` // by an administrator; wins over every source
	Memberships []Membership `json:"memberships"`
}

// Holder is a source that has a record of a person.
type Holder struct {
	Source uuid.UUID `json:"source"`
	Name   string    `json:"name"`
	Active bool      `json:"active"`
}

// Deny is what a DELETE leaves behind while other sources still hold the person. Only the same source (by re-creating the
// user) or an administrator clears it.
type Deny struct {
	Person uuid.UUID `json:"person"`
	Source uuid.UUID `json:"source"`
	At     time.Time `json:"at"`
	// Version is the last one of the record that was deleted: a new one goes on from it.
	Version uint64 `json:"version,omitempty"`
}

// Membership is a group that a person is in, deleted ones included while they are kept.
type Membership struct {
	Group   uuid.UUID `json:"group"`
	Source  uuid.UUID `json:"source"`
	Name    string    `json:"name"`
	Deleted time.Time `json:"deleted,omitzero"` // zero for a living group
}

// NewSource describes a source to add.
type NewSource struct {
	Name   string
	Kind   Kind // Generic when empty
	Rank   int
	Strict bool
}

// CreateOptions says how the dialect of a source wants a create to be read.
type CreateOptions struct {
	// Reactivate: a create that meets an inactive record of the same source, by externalId
	// or userName, takes that record up again under its id, instead of failing with Uniqueness.
	Reactivate bool
}

// MemberPolicy says how the dialect of a source wants members to be read.
type MemberPolicy struct {
	// Early: the client names members before it creates them; what matches nobody is kept pending
	// (at most MaxPending a group, for PendingFor) instead of failing with Invalid.
	Early bool
}

// Lookup asks for the users or groups that have exactly a value.
type Lookup struct {
	Field LookupField
	Value string
}

// LookupField is an attribute by which users or groups are found without a scan.
type LookupField string

const (
	ByID          LookupField = "id"          // users, groups; exact
	ByUserName    LookupField = "userName"    // users; folded
	ByEmail       LookupField = "emails"      // users; folded
	ByExternalID  LookupField = "externalId"  // users, groups; exact; the reading source's own
	ByDisplayName LookupField = "displayName" // groups; folded
	ByMember      LookupField = "members"     // groups; the id of a person
)

// The bounds of what a source may write and ask.
const (
	MaxValue      = 1024      // bytes of a userName, externalId, group name, e-mail address, member reference
	MaxEmails     = 100       // e-mail addresses of one user
	MaxAttributes = 256 << 10 // bytes of the attributes of one user or group
	MaxFound      = 1000      // users or groups that one look-up returns
	MaxPage       = 1000      // users, groups or members in one page
	MaxTokens     = 4         // tokens of one source
	MaxPending    = 10_000    // pending members of one group

	MaxTokenLife = 10 * 365 * 24 * time.Hour // of a token that expires

	PendingFor = 30 * 24 * time.Hour // how long a pending member waits for its user
)
