package provision

import (
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// Account is a ledger entry: a login at a vendor that Usher made or adopted. It
// stays until it is verified gone, whatever happens to groups, mappings, the
// connection or the SCIM user. A field that is added here gets a number in accountcodec.go.
type Account struct {
	ID       uuid.UUID    `json:"id"`
	App      string       `json:"app"`
	Person   uuid.UUID    `json:"person"`
	VendorID string       `json:"vendorId,omitempty"` // empty while creating
	Email    string       `json:"email"`              // folded; the address the vendor knows
	State    AccountState `json:"state"`
	Origin   Origin       `json:"origin,omitempty"`

	// What we last wrote, or read when we adopted it. The planner compares Want with these.
	ExternalID string            `json:"externalId,omitempty"`
	Role       string            `json:"role,omitempty"`
	Licence    string            `json:"licence,omitempty"`
	Profile    map[string]string `json:"profile,omitempty"`
	// Teams it was asked into; those the vendor has not confirmed yet stand in the team changes.
	Teams []string `json:"teams,omitempty"`
	// Entered are those of the teams that Usher put it into because the mapping said so, sorted. It leaves them when it should not be in them any more, also where no
	// line of the mapping names the team by then; a team entered by hand is left alone unless the mapping names it.
	Entered []string `json:"entered,omitempty"`
	// TeamsUnsure is when a removal or demotion that did not take place may have taken the account out of any of its teams; zero where nothing has, or
	// where it was seen since in which it is.
	TeamsUnsure time.Time `json:"teamsUnsure,omitzero"`

	// Shown is how the vendor writes fields that it keeps otherwise than they were sent (a time zone's other name), so
	// that its own way of writing is no drift.
	Shown map[string]string `json:"shown,omitempty"`

	// Protected says why the vendor's account must never be touched; "" for an ordinary one.
	Protected string `json:"protected,omitempty"`
	// Kind is the account's as the vendor shows it, else the person's userType when the entry was made, folded.
	Kind string `json:"kind,omitempty"`
	// Admin: the role may manage the tenant's users.
	Admin bool `json:"admin,omitempty"`
	// Enforced: the mapping was carried out on it once. Until then an adopted account is never reduced without approval.
	Enforced bool `json:"enforced,omitempty"`
	// Before is the account as the vendor showed it before we first reduced it, to restore on return.
	Before *adapters.Account `json:"before,omitempty"`

	// UnwantedSince is when it became unwanted; `after` counts from here. Zero while wanted.
	UnwantedSince time.Time      `json:"unwantedSince,omitzero"`
	UnwantedWhy   mapping.Reason `json:"unwantedWhy,omitempty"`
	// Unconfirmed: it is a mapping edit that took the account away, and nobody confirmed that.
	Unconfirmed bool `json:"unconfirmed,omitempty"`
	// Admitted is when its removal passed the quiet time and the budget, or was approved.
	Admitted time.Time         `json:"admitted,omitzero"`
	Done     []adapters.Action `json:"done,omitempty"` // steps carried out since UnwantedSince

	// SuspendedAt is when the vendor first showed it suspended, and not by us.
	SuspendedAt time.Time `json:"suspendedAt,omitzero"`
	// Restored is the time of the restore after which the vendor was found not to have the account any more.
	Restored time.Time `json:"restored,omitzero"`
	// Missed: the vendor's list left the account out, and a look-up by id did not find it; it is looked up once more
	// before anything follows.
	Missed *Missed `json:"missed,omitempty"`
	// Returns lists when the account of somebody not entitled could be used again although it had been cut.
	Returns []time.Time `json:"returns,omitempty"`

	Intent  *Intent      `json:"intent,omitempty"`
	From    AccountState `json:"from,omitempty"` // the state before Removing
	Created time.Time    `json:"created"`
	// Modified is when Usher last worked on it at the vendor or asked for a team; not when somebody came to be entitled or ceased to be.
	Modified time.Time `json:"modified"`
	Seen     time.Time `json:"seen,omitzero"` // when the vendor last showed it
}

// AccountState is where an account is in its life. docs/provisioning.md draws the transitions.
type AccountState string

const (
	// Creating: an account is being obtained. With Intent.Sent a create may have reached
	// the vendor; it is looked up before anything is sent again.
	Creating AccountState = "creating"
	// Active: the person can sign in, as far as we know.
	Active AccountState = "active"
	// Suspended: sign-in was ended and the account kept.
	Suspended AccountState = "suspended"
	// Demoted: the account was cut down to its weakest role.
	Demoted AccountState = "demoted"
	// Removing: a removal may have reached the vendor and is not confirmed.
	Removing AccountState = "removing"
	// Gone: the vendor confirmed that the account does not exist any more. Final.
	Gone AccountState = "gone"
	// Lost: the vendor says that it is not there although we did not remove it. Final; a person still entitled gets a new entry.
	Lost AccountState = "lost"
	// Unlinked: an administrator took the entry out of the ledger; the vendor's account stands as it is. Final.
	Unlinked AccountState = "unlinked"
)

// Over reports whether the entry is history: nothing stands at the vendor that Usher answers for.
func (s AccountState) Over() bool { return s == Gone || s == Lost || s == Unlinked }

// Origin says how an account came into the ledger.
type Origin string

const (
	Created Origin = "created"
	Adopted Origin = "adopted"
	// Linked: an administrator said whose it is.
	Linked Origin = "linked"
	// Found: the account of somebody who had left, found by reconciling; it is suspended and its deletion asked for.
	Found Origin = "found"
)

// Missed is what is known of an account that a list left out.
type Missed struct {
	At time.Time `json:"at"` // of the first look-up that did not find it
	// Correct: once it is confirmed, the entry ends, and who is entitled gets a new account. Else it is only reported.
	Correct bool `json:"correct,omitempty"`
	// Confirmed: the second look-up did not find it either.
	Confirmed bool `json:"confirmed,omitempty"`
}

// Intent is what was about to be done at the vendor, written before the call.
type Intent struct {
	Op Op        `json:"op"`
	At time.Time `json:"at"`
	// Sent: the call may have reached the vendor. Cleared by a definite answer.
	Sent bool `json:"sent,omitempty"`
	// Probes counts look-ups since a create or removal of unknown outcome that showed the time before it.
	Probes int `json:"probes,omitempty"`
}

// unwanted reports whether the account stands at the vendor against the mapping.
func (a *Account) unwanted() bool { return !a.UnwantedSince.IsZero() }

// unsure reports whether a call of a kind was sent for it and nobody knows whether it took effect.
func (a *Account) unsure(op Op) bool { return a.Intent != nil && a.Intent.Sent && a.Intent.Op == op }

// cutOff reports whether the sign-in was ended for certain: a suspension without an answer may not have taken place, and a resumption
// without one may have.
func (a *Account) cutOff() bool {
	return a.State == Suspended && !a.unsure(OpSuspend) && !a.unsure(OpResume)
}

func (a *Account) did(action adapters.Action) bool {
	for _, d := range a.Done {
		if d == action {
			return true
		}
	}
	return false
}

// observed takes over what the vendor shows.
func (a *Account) observed(v adapters.Account, now time.Time) {
	if v.ID != "" {
		a.VendorID = v.ID
	}
	if v.Email != "" {
		a.Email = directory.Fold(v.Email)
	}
	a.ExternalID = v.ExternalID
	a.Protected = v.Protected
	if v.Kind != "" {
		a.Kind = directory.Fold(v.Kind)
	}
	a.Admin = v.Admin
	a.Seen = now
	a.Modified = now
}

// adopt takes over everything the vendor shows as what we would have written.
func (a *Account) adopt(v adapters.Account, now time.Time) {
	if v.ID != a.VendorID {
		a.Entered = nil
	}
	if v.Teams != nil || v.ID != a.VendorID { // nil where the reply does not say; then the same account has what it had
		a.Teams, a.TeamsUnsure = v.Teams, time.Time{}
	}
	a.observed(v, now)
	a.Role, a.Licence, a.Profile = v.Role, v.Licence, v.Attributes
	if v.State == adapters.Suspended {
		if a.State != Suspended {
			a.SuspendedAt = now
		}
		a.State = Suspended
	} else {
		a.State, a.SuspendedAt = Active, time.Time{}
	}
	a.Intent = nil
}

// administers sets Admin by the role, where the app tells it.
func (a *Account) administers(can adapters.Description) {
	if a.Role != "" {
		a.Admin = can.Administrates(a.Role)
	}
}

func accountKey(id uuid.UUID) []byte { return id[:] }

func pairKey(app string, person uuid.UUID) []byte {
	return store.Key([]byte(app), person[:])
}

// Index names of the ledger.
const (
	byPair   = "pair"   // (app, person)
	byPerson = "person" // (person)
	byVendor = "vendor" // (app, vendor id), unique among accounts not over
	byEmail  = "email"  // (app, folded e-mail), unique among accounts not over
	byState  = "state"  // (app, state)
	byAdmin  = "admin"  // (app), active administrators whose outcome is not in doubt
	byFormer = "former" // (app, folded e-mail) of accounts that are gone or lost
)

var accounts = store.NewTable("accounts",
	func(a *Account) []byte { return accountKey(a.ID) }, compact[Account, *Account]{},
	store.Index[Account]{Name: byPair, Keys: func(a *Account) [][]byte {
		return [][]byte{pairKey(a.App, a.Person)}
	}},
	store.Index[Account]{Name: byPerson, Keys: func(a *Account) [][]byte {
		return [][]byte{store.Key(a.Person[:])}
	}},
	store.Index[Account]{Name: byVendor, Unique: true, Keys: func(a *Account) [][]byte {
		if a.VendorID == "" || a.State.Over() {
			return nil
		}
		return [][]byte{store.Key([]byte(a.App), []byte(a.VendorID))}
	}},
	store.Index[Account]{Name: byEmail, Unique: true, Keys: func(a *Account) [][]byte {
		if a.Email == "" || a.State.Over() {
			return nil
		}
		return [][]byte{store.Key([]byte(a.App), []byte(a.Email))}
	}},
	store.Index[Account]{Name: byAdmin, Keys: func(a *Account) [][]byte {
		if !a.Admin || a.State != Active || a.unwanted() || (a.Intent != nil && a.Intent.Sent) {
			return nil
		}
		return [][]byte{store.Key([]byte(a.App))}
	}},
	store.Index[Account]{Name: byFormer, Keys: func(a *Account) [][]byte {
		if a.Email == "" || a.State != Gone && a.State != Lost {
			return nil
		}
		return [][]byte{store.Key([]byte(a.App), []byte(a.Email))}
	}},
	store.Index[Account]{Name: byState, Keys: func(a *Account) [][]byte {
		return [][]byte{store.Key([]byte(a.App), []byte(a.State))}
	}},
)

// accountsOf returns the pair's ledger entries, history included, oldest first.
func accountsOf(r store.Reader, app string, person uuid.UUID) ([]Account, error) {
	var all []Account
	for a, err := range accounts.Find(r, byPair, pairKey(app, person)) {
		if err != nil {
			return nil, err
		}
		all = append(all, *a)
	}
	return all, nil
}

// standing drops entries that are over.
func standing(all []Account) []Account {
	var out []Account
	for _, a := range all {
		if !a.State.Over() {
			out = append(out, a)
		}
	}
	return out
}

// countStanding counts the accounts of an app that a person could sign in to, up to enough where that is not 0.
func countStanding(r store.Reader, app string, enough int) (int, error) {
	n := 0
	for _, s := range []AccountState{Active, Demoted, Suspended, Removing} {
		for _, err := range accounts.FindKeys(r, byState, store.Key([]byte(app), []byte(s))) {
			if err != nil {
				return 0, err
			}
			if n++; n == enough {
				return n, nil
			}
		}
	}
	return n, nil
}
