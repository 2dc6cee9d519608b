package audit

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Change is one thing that happened: who did what to whom. It is both the audit
// fact and the outbox entry from which provision learns what needs a look.
// It holds ids, names of attributes, states, and values of attributes before and after; never a password, token or secret.
type Change struct {
	ID      uuid.UUID `json:"id"` // UUIDv7: sorts by time
	At      time.Time `json:"at"` // UTC, milliseconds
	Actor   Actor     `json:"actor"`
	Act     Act       `json:"act"`
	Request string    `json:"request,omitempty"` // id of the request that caused it

	// Persons are those whose access may differ now, at most PersonsInline. Where
	// more are touched, Parts counts the part records that list the others.
	Persons []uuid.UUID `json:"persons,omitempty"`
	Parts   int         `json:"parts,omitempty"`
	Group   uuid.UUID   `json:"group,omitzero"`
	// WholeGroup: every member of Group, as its edges stand, needs a look. The reader expands it in slices.
	WholeGroup bool `json:"wholeGroup,omitempty"`
	// Everybody: every person needs a look, in App alone if App is set (a mapping was applied).
	Everybody bool   `json:"everybody,omitempty"`
	App       string `json:"app,omitempty"`
	// Removing: the change takes access away, so its marks go first.
	Removing bool `json:"removing,omitempty"`

	// Confirmed: an administrator saw and confirmed the removals that follow from it (a mapping edit).
	Confirmed bool `json:"confirmed,omitempty"`
	// Exceeding: an administrator saw and confirmed that it does more of something else than a budget allows (a mapping edit).
	// It says nothing of removals.
	Exceeding bool `json:"exceeding,omitempty"`

	Account uuid.UUID   `json:"account,omitzero"` // ledger account, for acts on one
	Causes  []uuid.UUID `json:"causes,omitempty"` // changes that led to this one
	// Detail is small and of the act's own form. Of a change of one person, what openDetail does not name is personal: sealing
	// puts it under the person's key. That of a change of several persons holds nothing personal.
	Detail json.RawMessage `json:"detail,omitempty"`

	// Shut holds the personal part of Detail of a sealed fact, encrypted under the person's key; Chain.Open opens it.
	Shut []byte `json:"-"`
	// Erased: the person was erased, and the personal part of Detail can be read by nobody any more.
	Erased bool `json:"erased,omitempty"`
}

// PersonsInline is how many persons one change lists itself.
const PersonsInline = 1000

// Actor is who caused a change.
type Actor struct {
	Kind ActorKind `json:"kind"`
	ID   string    `json:"id,omitempty"`   // the source's id for a source
	Name string    `json:"name,omitempty"` // the source's name, the administrator's login name
}

// ActorKind is the kind of an Actor.
type ActorKind string

const (
	BySource ActorKind = "source"
	ByAdmin  ActorKind = "admin"
	ByEngine ActorKind = "engine" // Usher itself, following facts and mapping
)

// Act names what was done.
type Act string

const (
	UserCreated     Act = "user.created"
	UserLinked      Act = "user.linked" // a source became a further holder of a person
	UserUpdated     Act = "user.updated"
	UserActivated   Act = "user.activated"
	UserDeactivated Act = "user.deactivated"
	UserDeleted     Act = "user.deleted"
	GroupCreated    Act = "group.created"
	GroupUpdated    Act = "group.updated" // name or external id
	GroupMembers    Act = "group.members"
	GroupDeleted    Act = "group.deleted"
	SourceAdded     Act = "source.added"
	SourceRotated   Act = "source.rotated"
	SourceRemoved   Act = "source.removed"
	SourceMigrated  Act = "source.migrated" // another source took over from it
	DenyCleared     Act = "deny.cleared"

	PersonTerminated Act = "person.terminated" // by an administrator: access ends everywhere at once
	PersonReinstated Act = "person.reinstated"

	MappingApplied    Act = "mapping.applied"
	MappingBound      Act = "mapping.bound"  // a group name was bound to a group
	MappingRolled     Act = "mapping.rolled" // more people follow a version that is rolled out, or all do
	RolloutStopped    Act = "mapping.rollout-stopped"
	RolloutResumed    Act = "mapping.rollout-resumed"
	ConnectionSaved   Act = "connection.saved"
	AccountCreated    Act = "account.created"
	AccountAdopted    Act = "account.adopted"
	AccountUpdated    Act = "account.updated"
	AccountTeams      Act = "account.teams" // it entered or left a team
	AccountDemoted    Act = "account.demoted"
	AccountSuspended  Act = "account.suspended"
	AccountResumed    Act = "account.resumed"
	AccountRemoved    Act = "account.removed"
	AccountLost       Act = "account.lost"
	AccountKept       Act = "account.kept"     // a removal without an answer did not end it, and it is wanted again
	AccountMissed     Act = "account.missed"   // it is not at the vendor, and that is only reported
	AccountLinked     Act = "account.linked"   // an administrator said whose it is
	AccountUnlinked   Act = "account.unlinked" // an administrator took it out of the ledger; it stands at the vendor
	AccountIgnored    Act = "account.ignored"  // an administrator said to leave a vendor's account alone, or not any more
	AccountReturned   Act = "account.returned" // the account of somebody not entitled came back
	DriftFound        Act = "drift.found"
	DriftCorrected    Act = "drift.corrected" // it was handed to the queue
	DriftForced       Act = "drift.forced"    // an administrator asked to correct a drift
	AppReconciled     Act = "app.reconciled"
	AccountUnwanted   Act = "account.unwanted"
	AccountWanted     Act = "account.wanted"
	AccountStepFailed Act = "account.step-failed"
	HoldOpened        Act = "hold.opened"
	HoldLeaver        Act = "hold.leaver" // like hold.opened, of a deactivated person who is inside only because others are held: look at once
	HoldApproved      Act = "hold.approved"
	HoldRejected      Act = "hold.rejected"
	AppStopped        Act = "app.stopped"
	AppResumed        Act = "app.resumed"
	RetryRequested    Act = "retry.requested"
	ChangeUndone      Act = "change.undone" // an administrator undid the change that is its cause
	WorkPaused        Act = "work.paused"   // a switch was set: an app, all removals, or everything waits
	WorkResumed       Act = "work.resumed"

	StoreRestored  Act = "store.restored"  // the store is a backup put in place; what happened after Detail's newest is not in it
	StoreResumed   Act = "store.resumed"   // after a restore, vendors are written to again
	SourceResynced Act = "source.resynced" // after a restore: an administrator says that the source has pushed everything anew

	PersonErased Act = "person.erased" // the person's key was destroyed
	AuditPruned  Act = "audit.pruned"  // old facts were removed behind a checkpoint
)
