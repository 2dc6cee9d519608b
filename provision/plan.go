package provision

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
)

// Situation is all that a plan depends on. Making a plan reads nothing else: no
// store, no vendor, no clock.
type Situation struct {
	App      *mapping.App
	Can      adapters.Description
	Person   directory.Person
	Want     mapping.Want
	Mapped   mapping.Want // what the mapping says; Want differs from it where an administrator undid what follows (Undone)
	Accounts []Account    // the pair's ledger entries that are not over
	Holds    []Hold       // the pair's holds in any state
	Self     []string     // ids and e-mails of the connector's own account
	// Namesake is a terminated person who had a name or address of this one, when this one has no account yet.
	Namesake *directory.Termination
	Now      time.Time
	// Missing is the pair's last account, if it was found missing after a restore and no source has spoken of the person since.
	Missing *Account
	// Guarded: what can hurt needs an admission by the budgets, or a person's approval. A plan of an unguarded
	// situation shows what would be done if all of that were given.
	Guarded  bool
	Admitted []Admission // the pair's
}

// Plan is the ordered way from have to want.
type Plan struct {
	Steps []Step
	Holds []HoldSpec // what waits for a person; steps that need it are left out
	// Leaving: the person is not to have the account.
	Leaving bool
	// Unwanted are accounts that turned unwanted, Returned ones that are wanted again, Hardened ones that were unwanted
	// for a lesser reason and whose person is deactivated now; all need a stamp in the ledger.
	Unwanted []uuid.UUID
	Returned []uuid.UUID
	Hardened []uuid.UUID
	// Waiting: an unwanted account still has to pass the quiet time and the budget, as work of the kind Work.
	Waiting bool
	Work    Kind
	// Effects are all that the plan does that can hurt, whether admitted, held or still to be judged.
	Effects []Effect
	// Pending are the effects, without those of accounts that end, which no budget has judged yet. Their steps are left out.
	Pending []Effect
	// Next is when the answer changes by itself. Zero: never.
	Next time.Time
}

// Op is one kind of vendor action.
type Op string

const (
	OpObtain  Op = "obtain"  // find and adopt, else create
	OpLook    Op = "look"    // find and adopt, nothing else (observe)
	OpAbandon Op = "abandon" // a create that was never sent; no call
	OpVerify  Op = "verify"  // see what became of a call of unknown outcome
	OpConfirm Op = "confirm" // look once more: for an account that the vendor's list left out, or whether it is still protected
	OpUpdate  Op = "update"  // an empty change makes no call and records that the account is as wanted
	OpTeams   Op = "teams"   // queue team changes; one write per team follows for everybody
	OpResume  Op = "resume"
	OpDemote  Op = "demote"
	OpSuspend Op = "suspend"
	OpRemove  Op = "remove"
)

// Step is one action of a plan.
type Step struct {
	Op      Op        `json:"op"`
	Account uuid.UUID `json:"account,omitzero"` // zero for an account that is to be obtained anew

	Profile  adapters.Profile  `json:"profile,omitzero"` // OpObtain
	Change   adapters.Change   `json:"change,omitzero"`  // OpUpdate
	Join     []string          `json:"join,omitempty"`   // OpTeams
	Leave    []string          `json:"leave,omitempty"`  // OpTeams
	Action   adapters.Action   `json:"action,omitempty"` // OpDemote, OpSuspend, OpRemove: the mapping's word
	Transfer *mapping.Transfer `json:"transfer,omitempty"`
	// WithoutRole: OpResume leaves out the role that the account had before.
	WithoutRole bool `json:"withoutRole,omitempty"`
	// Settles: after this step nothing is left to do, so an adopted account counts as enforced.
	Settles bool `json:"settles,omitempty"`
}

// HoldSpec is a hold that a plan asks for.
type HoldSpec struct {
	Kind        HoldKind `json:"kind"`
	Fingerprint string   `json:"fingerprint"`
	Text        string   `json:"text"`
	Fix         string   `json:"fix,omitempty"`
	Work        Kind     `json:"work,omitempty"`   // HoldBudget, HoldAdmin: what kind of effect waits
	Leaver      bool     `json:"leaver,omitempty"` // see Hold.Leaver
}

// Lane says how urgent the plan's steps are.
func (p Plan) Lane() Lane {
	lane := Update
	for _, s := range p.Steps {
		switch s.Op {
		case OpDemote, OpSuspend, OpRemove:
			return Removal
		case OpAbandon, OpVerify, OpConfirm:
			if p.Leaving { // who is not to have the account may be inside for as long as nobody knows what became of it
				return Removal
			}
		case OpObtain, OpLook:
			lane = Joiner
		}
	}
	return lane
}

// Plan says what has to be done. The same situation gives the same plan.
func (s Situation) Plan() Plan {
	p := planner{Situation: s}
	p.next(s.Want.Next)
	if s.Want.Wanted {
		p.wanted()
	} else {
		p.plan.Leaving = true
		for i := range s.Accounts {
			p.unwanted(&s.Accounts[i])
		}
	}
	if s.App.Mode == mapping.Observe {
		return p.observed()
	}
	return p.plan
}

// Situations are judged by a planner, which only collects.
type planner struct {
	Situation
	plan Plan
}

func (p *planner) next(t time.Time) {
	if !t.IsZero() && (p.plan.Next.IsZero() || t.Before(p.plan.Next)) {
		p.plan.Next = t
	}
}

func (p *planner) step(s Step) { p.plan.Steps = append(p.plan.Steps, s) }

// hold asks for a decision and reports whether it was already taken in favour.
func (p *planner) hold(h HoldSpec) (approved bool) {
	if d := p.decision(h.Kind, h.Fingerprint); d != nil {
		switch d.State {
		case HoldApproved:
			return true
		case HoldRejected:
			return false
		}
	}
	p.plan.Holds = append(p.plan.Holds, h)
	return false
}

func (p *planner) decision(k HoldKind, fingerprint string) *Hold {
	for i := range p.Situation.Holds {
		if h := &p.Situation.Holds[i]; h.Kind == k && h.Fingerprint == fingerprint {
			return h
		}
	}
	return nil
}

// observed reduces a plan to what `observe` may do: look accounts up and adopt them.
func (p *planner) observed() Plan {
	out := Plan{Next: p.plan.Next}
	for _, s := range p.plan.Steps {
		switch {
		case s.Op == OpObtain && s.Account == uuid.Nil:
			s.Op = OpLook
			out.Steps = append(out.Steps, s)
		case s.Op == OpConfirm: // it only looks
			out.Steps = append(out.Steps, s)
		}
	}
	return out
}

// effect notes what the plan would do and reports whether it may: in a guarded situation by an admission
// or an approval. What no budget has judged yet is pending.
func (p *planner) effect(e Effect) (allowed bool) {
	p.plan.Effects = append(p.plan.Effects, e)
	switch {
	case !p.Guarded:
		return true
	case e.Kind == AdminGrants:
		return p.hold(HoldSpec{
			Kind: HoldAdmin, Fingerprint: e.Fingerprint, Work: e.Kind,
			Text: fmt.Sprintf("somebody would %s in %s", e.Text, p.Can.Title),
			Fix:  "approve if the person is to be an administrator; reject leaves the person without that role",
		})
	case slices.ContainsFunc(p.Admitted, func(a Admission) bool { return a.Kind == e.Kind && a.Fingerprint == e.Fingerprint }):
		return true
	}
	d := p.decision(HoldBudget, e.Fingerprint)
	switch {
	case d == nil || d.State == HoldClosed:
		p.plan.Pending = append(p.plan.Pending, e)
	case d.State == HoldApproved:
		return true
	case d.State == HoldOpen:
		p.plan.Holds = append(p.plan.Holds, HoldSpec{Kind: d.Kind, Fingerprint: d.Fingerprint, Work: d.Work, Text: d.Text, Fix: d.Fix})
	}
	return false
}

// protection says why an account must not be touched, or "".
func (p *planner) protection(a *Account) string {
	switch {
	case a.Protected != "":
		return a.Protected
	case slices.ContainsFunc(p.Self, func(self string) bool {
		return self != "" && (self == a.VendorID || directory.Fold(self) == a.Email)
	}):
		return "the connector signs in with it"
	case p.App.Protects(a.Email, a.VendorID):
		return "on the app's protect list"
	case p.App.ProtectsRole(a.Role):
		return "the mapping protects the role " + a.Role
	case p.App.ProtectsKind(a.Kind):
		return "the mapping protects accounts of the kind " + a.Kind
	}
	return ""
}
