package provision

import (
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Hold is work that waits for a person. Everything else flows on.
type Hold struct {
	ID     string    `json:"id"` // short, for people to type
	App    string    `json:"app"`
	Person uuid.UUID `json:"person"`
	Kind   HoldKind  `json:"kind"`
	// Fingerprint names exactly what is asked, so that a decision holds for that and nothing else.
	Fingerprint string `json:"fingerprint"`
	Text        string `json:"text"`           // what is held and why, one sentence
	Fix         string `json:"fix,omitempty"`  // what a person can do
	Work        Kind   `json:"work,omitempty"` // HoldBudget, HoldAdmin: what kind of effect waits
	// Leaver: a person was deactivated who is inside only because others are held: the budget alone had room.
	// Such a hold is shown first, is told as a fact of its own (audit.HoldLeaver), and is meant to be approved alone.
	Leaver  bool      `json:"leaver,omitempty"`
	Source  string    `json:"source,omitempty"` // whose change caused it
	State   HoldState `json:"state"`
	Opened  time.Time `json:"opened"`
	Decided time.Time `json:"decided,omitzero"`
	By      string    `json:"by,omitempty"`
	// WithoutTransfer: the approval of a transfer hold said to remove the account and lose its data.
	WithoutTransfer bool `json:"withoutTransfer,omitempty"`
	// Undone is what a hold of the kind HoldUndone keeps.
	Undone *Undone `json:"undone,omitempty"`
}

// HoldKind says why something is held.
type HoldKind string

const (
	// HoldBudget: more removals than the app's budget allows. Approving lets this one through.
	HoldBudget HoldKind = "budget"
	// HoldAdmin: somebody would become an administrator of the app. Approving grants that role.
	HoldAdmin HoldKind = "admin"
	// HoldMapping: a mapping edit takes the account away and nobody confirmed it. Approving ends the account as the mapping says.
	HoldMapping HoldKind = "mapping"
	// HoldReduction: an adopted account would be reduced by the first enforcement. Approving allows it.
	HoldReduction HoldKind = "reduction"
	// HoldForeign: the account found belongs to somebody else, or may. Cannot be approved; the conflict has to be resolved at the vendor or in the directory.
	HoldForeign HoldKind = "foreign"
	// HoldProtected: the account is protected. Cannot be approved; the protection has to be lifted first.
	HoldProtected HoldKind = "protected"
	// HoldLastAdmin: the account is the app's last administrator. Cannot be approved; somebody else has to become one first.
	HoldLastAdmin HoldKind = "last-admin"
	// HoldTransfer: nobody can receive the leaver's data. Approving looks again, or removes without moving the data when told so.
	HoldTransfer HoldKind = "transfer"
	// HoldRefused: the vendor refuses the removal. Approving tries again.
	HoldRefused HoldKind = "refused"
	// HoldEmail: the vendor does not let us change the e-mail address. Approving accepts the present one.
	HoldEmail HoldKind = "email"
	// HoldProfile: the directory lacks something the vendor insists on. Cannot be approved; it goes away when the user is completed.
	HoldProfile HoldKind = "profile"
	// HoldSuspended: the account was suspended by somebody else. Approving reactivates it.
	HoldSuspended HoldKind = "suspended"
	// HoldNamesake: somebody new has a name or address of a person whom an administrator terminated. Approving says that it is somebody else.
	HoldNamesake HoldKind = "namesake"
	// HoldRestored: after a restore, the account was found missing at the vendor. Approving makes a new one.
	HoldRestored HoldKind = "restored"
	// HoldAdopt: the account found is an administrator's, or looks like somebody else's. Approving adopts it.
	HoldAdopt HoldKind = "adopt"
	// HoldLeaver: an account under the address of somebody who left was found and suspended. Approving ends it as the mapping says.
	HoldLeaver HoldKind = "leaver"
	// HoldReturned: a leaver's account came back again and again. Approving cuts it once more.
	HoldReturned HoldKind = "returned"
	// HoldUndone: an administrator undid what followed from the directory or the mapping, and it is kept so. Approving lets go on what was undone.
	HoldUndone HoldKind = "undone"
)

// HoldKinds returns every kind of hold, those that can be decided first.
func HoldKinds() []HoldKind {
	return []HoldKind{
		HoldBudget, HoldAdmin, HoldMapping, HoldReduction, HoldTransfer, HoldRefused, HoldEmail, HoldSuspended, HoldNamesake, HoldRestored,
		HoldAdopt, HoldLeaver, HoldReturned, HoldUndone, HoldForeign, HoldProtected, HoldLastAdmin, HoldProfile,
	}
}

// Approvable reports whether a hold of this kind can be approved at all.
func (k HoldKind) Approvable() bool {
	return k != HoldForeign && k != HoldProtected && k != HoldProfile && k != HoldLastAdmin
}

// HoldState is where a hold is.
type HoldState string

const (
	HoldOpen     HoldState = "open"
	HoldApproved HoldState = "approved"
	HoldRejected HoldState = "rejected"
	HoldClosed   HoldState = "closed" // the reason went away by itself
)

const (
	byPairKind  = "pair"  // (app, person, kind, fingerprint), unique
	byHoldState = "state" // (state, app)
)

var holds = store.NewTable("holds",
	func(h *Hold) []byte { return []byte(h.ID) }, nil,
	store.Index[Hold]{Name: byPairKind, Unique: true, Keys: func(h *Hold) [][]byte {
		return [][]byte{holdKey(h.App, h.Person, h.Kind, h.Fingerprint)}
	}},
	store.Index[Hold]{Name: byHoldState, Keys: func(h *Hold) [][]byte {
		return [][]byte{store.Key([]byte(h.State), []byte(h.App))}
	}},
)

func holdKey(app string, person uuid.UUID, kind HoldKind, fingerprint string) []byte {
	return store.Key([]byte(app), person[:], []byte(kind), []byte(fingerprint))
}

// holdsOf returns all holds of a pair, decided and closed ones included.
func holdsOf(r store.Reader, app string, person uuid.UUID) ([]Hold, error) {
	var all []Hold
	for h, err := range holds.Find(r, byPairKind, pairKey(app, person)) {
		if err != nil {
			return nil, err
		}
		all = append(all, *h)
	}
	return all, nil
}
