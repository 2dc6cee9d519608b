package provision

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
)

// Drift is one thing in which a vendor's own list of accounts differs from the ledger. What was put right is kept as
// history for driftMemory, so that a field that is turned back again and again is noticed.
type Drift struct {
	ID      string    `json:"id"` // short, for people to type
	App     string    `json:"app"`
	Kind    DriftKind `json:"kind"`
	Account uuid.UUID `json:"account,omitzero"` // the ledger's; zero for one that the ledger does not have
	Person  uuid.UUID `json:"person,omitzero"`  // whose it is, or may be
	// Subject is the account at the vendor: its id there, and its address.
	VendorID string `json:"vendorId"`
	Email    string `json:"email,omitempty"`
	// Of DriftChanged: what differs, as the ledger and as the vendor have it.
	Field  string `json:"field,omitempty"`
	Ledger string `json:"ledger,omitempty"`
	Seen   string `json:"seen,omitempty"`

	Text  string     `json:"text"`          // what it is, in one sentence
	Fix   string     `json:"fix,omitempty"` // what a person can do
	State DriftState `json:"state"`
	Since time.Time  `json:"since"` // first found
	Last  time.Time  `json:"last"`  // last found, or when its state last changed
	Run   uuid.UUID  `json:"run"`   // that found it last
	By    string     `json:"by,omitempty"`
	// Turned lists when the vendor's side turned the field away from what Usher wrote, of the last driftMemory.
	Turned []time.Time `json:"turned,omitempty"`
	// Forced: an administrator asked to correct it, whatever the mapping says of its kind.
	Forced bool `json:"forced,omitempty"`

	// Teams are those that the vendor shows, where the field is "teams".
	Teams []string `json:"teams,omitempty"`
	// Shown is what the vendor's list shows of an account that the ledger does not have.
	Shown *adapters.Account `json:"shown,omitempty"`
	// Doubt says why the account is not taken for the person's without being asked; "" for none.
	Doubt string `json:"doubt,omitempty"`
}

// DriftKind says how the vendor's list differs from the ledger.
type DriftKind string

const (
	// DriftMissing: an account of the ledger is not there any more.
	DriftMissing DriftKind = "missing"
	// DriftChanged: a role, licence, address, field or team is another than Usher last wrote or read.
	DriftChanged DriftKind = "changed"
	// DriftSuspended: an account that is wanted was suspended, and not by Usher.
	DriftSuspended DriftKind = "suspended"
	// DriftReturned: the account of somebody who left can be used again, or is there again.
	DriftReturned DriftKind = "returned"
	// DriftLeaver: an account that Usher never kept, under the work address of somebody who left.
	DriftLeaver DriftKind = "leaver"
	// DriftUnlinked: an account of somebody entitled, not in the ledger yet.
	DriftUnlinked DriftKind = "unlinked"
	// DriftExtra: an account of somebody in the directory who is not entitled to it.
	DriftExtra DriftKind = "extra"
	// DriftDuplicated: a further account of somebody whose account the ledger has.
	DriftDuplicated DriftKind = "duplicated"
	// DriftForeign: an account of nobody in the directory, or a protected one that no person has.
	DriftForeign DriftKind = "foreign"
)

// DriftKinds lists the kinds, the most urgent first.
func DriftKinds() []DriftKind {
	return []DriftKind{DriftReturned, DriftLeaver, DriftMissing, DriftSuspended, DriftChanged, DriftDuplicated, DriftUnlinked, DriftExtra, DriftForeign}
}

// DriftState says what became of a drift.
type DriftState string

const (
	DriftFound      DriftState = "found"      // by a run that has not ended, or corrected nothing
	DriftReported   DriftState = "reported"   // listed, and left as it is
	DriftQuestion   DriftState = "question"   // an administrator has to say what it is: link or ignore
	DriftCorrecting DriftState = "correcting" // handed to the queue
	DriftAdopted    DriftState = "adopted"    // taken into the ledger
	DriftContested  DriftState = "contested"  // the vendor's side keeps turning it back; left alone until `usher correct`
	DriftIgnored    DriftState = "ignored"    // an administrator said to leave the account alone
	DriftSettled    DriftState = "settled"    // not there any more; kept for its history
)

// Open reports whether somebody may want to look at a drift in this state.
func (s DriftState) Open() bool {
	return s == DriftFound || s == DriftReported || s == DriftQuestion || s == DriftContested || s == DriftCorrecting
}

const (
	driftMemory    = 7 * 24 * time.Hour
	contestedAfter = 3    // times turned back within driftMemory
	returnsCut     = 3    // times a leaver's account that comes back is cut without asking
	driftKept      = 5000 // of one kind and app; what is beyond is counted
	driftText      = 256  // bytes of a value that are kept
	driftIDTries   = 8    // for an id that nobody has
	reconcileSlice = 250  // accounts compared in one transaction
	maxListed      = 5e6  // bounds a list that never ends
	maxVendorID    = 1 << 10
)

const byDriftID = "id"

var drifts = store.NewTable("drifts",
	func(d *Drift) []byte { return d.key() }, nil,
	store.Index[Drift]{Name: byDriftID, Unique: true, Keys: func(d *Drift) [][]byte {
		if d.ID == "" {
			return nil
		}
		return [][]byte{[]byte(d.ID)}
	}},
)

func (d *Drift) key() []byte {
	subject := vendorSubject(d.VendorID)
	if d.Account != uuid.Nil {
		subject = ledgerSubject(d.Account)
	}
	return append(driftPrefix(d.App, subject), store.Key([]byte(d.Kind), []byte(clip(d.Field, 64)))...)
}

func ledgerSubject(id uuid.UUID) []byte { return append([]byte("a/"), id[:]...) }

// vendorSubject is short whatever a vendor takes for an id.
func vendorSubject(id string) []byte {
	sum := sha256.Sum256([]byte(id))
	return append([]byte("v/"), sum[:16]...)
}

func driftPrefix(app string, subject []byte) []byte { return store.Key([]byte(app), subject) }

// driftsOf returns what is known of one account's drift, settled ones included.
func driftsOf(r store.Reader, app string, subject []byte) ([]*Drift, error) {
	var all []*Drift
	for d, err := range drifts.Scan(r, driftPrefix(app, subject)) {
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// ignored reports whether an administrator said to leave a vendor's account alone.
func ignored(r store.Reader, app, vendorID string) (*Drift, error) {
	all, err := driftsOf(r, app, vendorSubject(vendorID))
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		if d.State == DriftIgnored && d.VendorID == vendorID {
			return d, nil
		}
	}
	return nil, nil
}

// same reports whether two drifts are about the same thing.
func (d *Drift) same(other *Drift) bool { return bytes.Equal(d.key(), other.key()) }

// putDrift writes a drift, a new one under an id that nobody has.
func putDrift(tx *txn, d *Drift) error {
	if d.ID != "" {
		return drifts.Put(tx, d)
	}
	var unique *store.UniqueError
	for range driftIDTries {
		d.ID = tx.holdID()
		if err := drifts.Put(tx, d); !errors.As(err, &unique) {
			return err
		}
	}
	return unique
}

// recently leaves out what is older than driftMemory.
func recently(times []time.Time, now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(times), func(t time.Time) bool { return now.Sub(t) > driftMemory })
}

// clip bounds what comes from a vendor and is kept for people to read.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// DriftFilter selects drift; zero fields select all.
type DriftFilter struct {
	App  string
	Kind DriftKind
	All  bool // ignored, adopted and settled ones as well
	// Unlinked leaves out what is about accounts of the ledger.
	Unlinked bool
}

// Drifts lists drift, the most urgent kinds first, within a kind the oldest first, at most limit.
func (e *Engine) Drifts(ctx context.Context, f DriftFilter, limit int) ([]Drift, error) {
	var out []Drift
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		out = nil
		var prefix []byte
		if f.App != "" {
			prefix = store.Key([]byte(f.App))
		}
		for d, err := range drifts.Scan(r, prefix) {
			if err != nil {
				return err
			}
			switch {
			case f.Kind != "" && d.Kind != f.Kind, !f.All && !d.State.Open(), f.Unlinked && d.Account != uuid.Nil:
				continue
			}
			out = append(out, *d)
		}
		return nil
	})
	kinds := DriftKinds()
	slices.SortStableFunc(out, func(a, b Drift) int {
		if c := strings.Compare(a.App, b.App); c != 0 {
			return c
		}
		if c := slices.Index(kinds, a.Kind) - slices.Index(kinds, b.Kind); c != 0 {
			return c
		}
		return a.Since.Compare(b.Since)
	})
	return out[:min(len(out), limit)], err
}

// Bounds of what is kept of a listed account.
const (
	shownFields = 64
	shownTeams  = 500
)

// shown keeps of a listed account what tells whose it is, and what it is adopted with.
func shown(v *adapters.Account) *adapters.Account {
	out := *v
	out.Extra = nil
	out.Teams = out.Teams[:min(len(out.Teams), shownTeams)]
	if len(v.Attributes) > 0 {
		out.Attributes = map[string]string{}
	}
	for _, k := range slices.Sorted(maps.Keys(v.Attributes)) {
		if len(out.Attributes) < shownFields && len(v.Attributes[k]) <= 4*driftText {
			out.Attributes[k] = v.Attributes[k]
		}
	}
	for _, text := range []*string{&out.Role, &out.Licence, &out.Email, &out.ExternalID, &out.Protected} {
		*text = clip(*text, driftText)
	}
	return &out
}

// nameOf is how a vendor calls the owner of an account; "" where the reply does not say.
func nameOf(attributes map[string]string) string {
	for _, field := range []string{"name", "display_name"} {
		if n := attributes[field]; n != "" {
			return n
		}
	}
	return strings.TrimSpace(attributes["first_name"] + " " + attributes["last_name"])
}

// looksLikeSomebodyElses compares how the vendor calls the owner with every name that the directory has for the
// person. It holds only when both have names and share no word: a reused address, a shared mailbox.
func looksLikeSomebodyElses(v *adapters.Account, p *directory.Person) bool {
	theirs := words(nameOf(v.Attributes))
	if len(theirs) == 0 {
		return false
	}
	ours := words(text(p.Profile, "displayName"))
	name, _ := p.Profile["name"].(map[string]any)
	for _, part := range []string{"formatted", "givenName", "familyName"} {
		ours = append(ours, words(text(name, part))...)
	}
	ours = append(ours, words(text(p.Profile, "nickName"))...)
	if len(ours) == 0 {
		return false
	}
	ours = append(ours, words(p.UserName)...)
	for _, address := range p.Emails {
		local, _, _ := strings.Cut(address, "@")
		ours = append(ours, words(local)...)
	}
	return !slices.ContainsFunc(theirs, func(w string) bool { return slices.Contains(ours, w) })
}

func text(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}

// words are the folded words of a name, without signs.
func words(name string) []string {
	return strings.FieldsFunc(directory.Fold(name), func(r rune) bool {
		return strings.ContainsRune(" .,;:_-+@/()'\"\t", r)
	})
}
