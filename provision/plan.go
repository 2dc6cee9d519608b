package provision

import (
	"fmt"
	"slices"
	"strings"
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
	Accounts []Account // the pair's ledger entries that are not over
	Holds    []Hold    // the pair's holds in any state
	Self     []string  // ids and e-mails of the connector's own account
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
	OpConfirm Op = "confirm" // look a second time for an account that the vendor's list left out
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

func (p *planner) wanted() {
	for i := range p.Accounts {
		if a := &p.Accounts[i]; a.unwanted() {
			p.plan.Returned = append(p.plan.Returned, a.ID)
		}
	}
	profile, ok := p.profile()
	if !ok {
		return
	}
	if len(p.Accounts) == 0 {
		if p.leftAlone() || !p.newcomer() || !p.returns() {
			return
		}
		profile.Role = p.newRole(nil, profile.Role)
		if p.effect(createEffect(profile.Email)) {
			p.step(Step{Op: OpObtain, Profile: profile})
		}
		return
	}
	for i := range p.Accounts {
		a := &p.Accounts[i]
		switch {
		case a.State == Creating: // the create was admitted when the entry was made
			made := profile
			made.Role = p.newRole(a, profile.Role)
			p.step(Step{Op: OpObtain, Account: a.ID, Profile: made})
		case a.State == Removing:
			p.step(Step{Op: OpVerify, Account: a.ID})
		case a.Missed != nil:
			p.confirm(a)
		case p.protection(a) != "":
			// Theirs as it is.
		case a.State == Suspended:
			p.resume(a)
		default:
			p.align(a, profile)
		}
	}
}

// profile is what a new account would be made of; false when something it needs is missing.
func (p *planner) profile() (adapters.Profile, bool) {
	out := adapters.Profile{
		ExternalID: p.Person.ID.String(),
		Email:      emailOf(p.Want, p.Person),
		Attributes: map[string]string{},
		Role:       p.Want.Role,
		Licence:    p.Want.Licence,
	}
	for k, v := range p.Want.Profile {
		if k != "email" {
			out.Attributes[k] = v
		}
	}
	var missing []string
	if out.Email == "" {
		missing = append(missing, "an e-mail address")
	}
	for _, f := range p.Can.Fields {
		if f.Required && f.Name != "email" && out.Attributes[f.Name] == "" {
			missing = append(missing, fmt.Sprintf("%q", f.Name))
		}
	}
	if len(missing) == 0 {
		return out, true
	}
	what := strings.Join(missing, " and ")
	p.plan.Holds = append(p.plan.Holds, HoldSpec{
		Kind: HoldProfile, Fingerprint: what,
		Text: fmt.Sprintf("%s needs %s for this person, and the directory has none", p.Can.Title, what),
		Fix:  "complete the user at the identity provider, or set the field under profile: in the mapping",
	})
	return out, false
}

// emailOf is the address an account gets: the mapping's, else the person's primary one, else a userName that is an address.
func emailOf(w mapping.Want, person directory.Person) string {
	if e := w.Profile["email"]; e != "" {
		return directory.Fold(e)
	}
	if len(person.Emails) > 0 {
		return directory.Fold(person.Emails[0])
	}
	if strings.Contains(person.UserName, "@") {
		return directory.Fold(person.UserName)
	}
	return ""
}

func (p *planner) resume(a *Account) {
	ours := a.did(adapters.Suspend)
	if a.Before != nil {
		ours = a.Before.State != adapters.Suspended // also when it left and came back meanwhile
	}
	if ours || p.hold(HoldSpec{
		Kind: HoldSuspended, Fingerprint: suspendedFingerprint(a),
		Text: fmt.Sprintf("the %s account %s is suspended, and not by Usher", p.Can.Title, a.Email),
		Fix:  "approve to reactivate it, or reactivate it at " + p.Can.Title,
	}) {
		p.step(Step{Op: OpResume, Account: a.ID})
	}
}

// suspendedFingerprint names one time of being suspended by others: the ledger entry is written when it is found so,
// and again after it was reactivated, so that an approval does not wake what is suspended anew.
func suspendedFingerprint(a *Account) string {
	return fmt.Sprintf("%s %d", a.ID, a.SuspendedAt.UnixMilli())
}

// align brings a usable account to what is wanted.
func (p *planner) align(a *Account, profile adapters.Profile) {
	p.asBefore(a, &profile)
	var c adapters.Change
	complete := true // nothing was left out for want of an approval
	cautious := a.Origin != Created && !a.Enforced
	// An update whose reply was lost may have set anything: what is wanted is written whole.
	unsure := a.Intent != nil && a.Intent.Sent && a.Intent.Op == OpUpdate

	if a.Email != profile.Email || unsure && p.Can.EmailChange {
		if p.Can.EmailChange {
			if a.Email == profile.Email || p.effect(identityEffect(a, profile.Email)) {
				c.Email = &profile.Email
			} else {
				complete = false
			}
		} else {
			p.hold(HoldSpec{
				Kind: HoldEmail, Fingerprint: a.ID.String() + " " + profile.Email,
				Text: fmt.Sprintf("the directory says %s, the account says %s, and %s does not let a connector change the address", profile.Email, a.Email, p.Can.Title),
				Fix:  "change it at " + p.Can.Title + " by hand, or approve to leave it",
			})
		}
	}
	if p.Can.ExternalID && a.ExternalID == "" {
		c.ExternalID = &profile.ExternalID
	}
	join, leave := p.teams(a)
	join = append(join, p.teamsBefore(a)...)
	lost := reduced{leave: leave}
	if r := profile.Role; r != "" && r != a.Role {
		switch {
		case p.raises(r, a.Role):
			if !p.Can.MayAdministrate(r) || p.effect(adminEffect(a, r)) {
				c.Role = &r
			} else {
				complete = false
			}
		case p.Can.MayAdministrate(r) && !p.Can.MayAdministrate(a.Role) && !p.effect(adminEffect(a, r)):
			complete = false
		default:
			lost.role = r
		}
	} else if unsure && r != "" {
		c.Role = &r
	}
	if l := profile.Licence; l != "" && l != a.Licence {
		if p.raises(l, a.Licence) {
			c.Licence = &l
		} else {
			lost.licence = l
		}
	} else if unsure && l != "" {
		c.Licence = &l
	}
	if cautious {
		complete = p.looked(a, &lost) && complete
	} else if !lost.none() && !p.effect(reductionEffect(a, lost)) {
		lost, complete = reduced{}, false
	}
	if lost.role != "" {
		c.Role = &lost.role
	}
	if lost.licence != "" {
		c.Licence = &lost.licence
	}
	leave = lost.leave
	for field, value := range profile.Attributes {
		if a.Profile[field] != value || unsure {
			if c.Attributes == nil {
				c.Attributes = map[string]string{}
			}
			c.Attributes[field] = value
		}
	}

	if len(join)+len(leave) > 0 {
		p.step(Step{Op: OpTeams, Account: a.ID, Join: join, Leave: leave})
	}
	settles := complete && !a.Enforced
	returned := complete && (a.State == Demoted || a.Before != nil)
	if !empty(c) || settles || returned {
		p.step(Step{Op: OpUpdate, Account: a.ID, Change: c, Settles: complete})
	}
}

// looked asks for each reduction of an adopted account that was never managed, and leaves in lost what
// somebody approved. It reports whether that was all.
func (p *planner) looked(a *Account, lost *reduced) bool {
	all := true
	if lost.role != "" && !p.reduction(a, "role", a.Role, lost.role) {
		lost.role, all = "", false
	}
	if lost.licence != "" && !p.reduction(a, "licence", a.Licence, lost.licence) {
		lost.licence, all = "", false
	}
	if len(lost.leave) > 0 && !p.reduction(a, "teams", strings.Join(lost.leave, ", "), "none of them") {
		lost.leave, all = nil, false
	}
	return all
}

// newRole is the role that a new account is made with: the granted one, or the app's ordinary one
// while nobody has approved that somebody becomes an administrator.
func (p *planner) newRole(a *Account, role string) string {
	if !p.Can.MayAdministrate(role) || p.effect(adminEffect(a, role)) {
		return role
	}
	if p.Can.MayAdministrate(p.Can.DefaultRole) {
		return weakest(p.Can)
	}
	return p.Can.DefaultRole
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

// raises reports whether going from have to want takes nothing away, as far as the app's rank tells.
func (p *planner) raises(want, have string) bool {
	if have == "" {
		return true
	}
	stronger, known := p.App.Stronger(want, have)
	return known && stronger
}

func (p *planner) reduction(a *Account, what, have, want string) (approved bool) {
	return p.hold(HoldSpec{
		Kind: HoldReduction, Fingerprint: fmt.Sprintf("%s %s %s>%s", a.ID, what, have, want),
		Text: fmt.Sprintf("the adopted %s account %s has %s %q; the mapping would reduce it to %q", p.Can.Title, a.Email, what, have, want),
		Fix:  "approve to reduce it, reject to leave it, or change the mapping",
	})
}

// teams compares the teams that the mapping manages; others are the app's own business.
func (p *planner) teams(a *Account) (join, leave []string) {
	for _, t := range p.Want.Teams {
		if !slices.Contains(a.Teams, t) {
			join = append(join, t)
		}
	}
	managed := p.App.ManagedTeams()
	for _, t := range a.Teams {
		if !slices.Contains(p.Want.Teams, t) && slices.Contains(managed, t) {
			leave = append(leave, t)
		}
	}
	return join, leave
}

func empty(c adapters.Change) bool {
	return c.ExternalID == nil && c.Email == nil && c.Role == nil && c.Licence == nil && len(c.Attributes) == 0
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

func (p *planner) unwanted(a *Account) {
	if a.State == Creating {
		if a.Intent == nil || !a.Intent.Sent {
			p.step(Step{Op: OpAbandon, Account: a.ID})
		} else {
			p.step(Step{Op: OpVerify, Account: a.ID})
		}
		return
	}
	if a.Missed != nil {
		p.step(Step{Op: OpConfirm, Account: a.ID})
		return
	}
	if why := p.protection(a); why != "" {
		p.plan.Holds = append(p.plan.Holds, HoldSpec{
			Kind: HoldProtected, Fingerprint: a.ID.String(),
			Text: fmt.Sprintf("the %s account %s is not wanted any more, but protected: %s", p.Can.Title, a.Email, why),
			Fix:  "lift the protection, or end the account by hand",
		})
		return
	}
	if !a.unwanted() {
		p.plan.Unwanted = append(p.plan.Unwanted, a.ID)
		p.plan.Effects = append(p.plan.Effects, endingEffect(p.App, p.Want, a))
		if a.Admitted.IsZero() {
			p.wait()
		}
		return
	}
	if p.Person.Terminated != nil {
		p.cut(a)
		return
	}
	if a.Admitted.IsZero() {
		p.plan.Effects = append(p.plan.Effects, endingEffect(p.App, p.Want, a))
	}
	if a.UnwantedWhy != mapping.Deactivated && p.Want.Reason == mapping.Deactivated {
		p.plan.Hardened = append(p.plan.Hardened, a.ID)
	}
	admitted := !a.Admitted.IsZero()
	if d := p.decision(HoldBudget, budgetFingerprint(a)); d != nil && !admitted {
		switch d.State {
		case HoldRejected:
			return
		case HoldApproved:
			admitted = true
		case HoldOpen:
			p.plan.Holds = append(p.plan.Holds, HoldSpec{Kind: d.Kind, Fingerprint: d.Fingerprint, Text: d.Text, Fix: d.Fix})
			return
		}
	}
	if a.Unconfirmed && !admitted && p.Want.Reason != mapping.Deactivated {
		if admitted = p.hold(HoldSpec{
			Kind: HoldMapping, Fingerprint: budgetFingerprint(a),
			Text: fmt.Sprintf("an edit of the mapping takes the %s account %s away, and nobody confirmed that: %s", p.Can.Title, a.Email, p.Want.Text),
			Fix:  "approve to end it as the mapping says, or change the mapping back",
		}); !admitted {
			return
		}
	}
	if a.Origin == Found && !a.Enforced && !admitted {
		p.foundLeaver(a)
		return
	}
	if a.Origin != Created && !a.Enforced && !admitted {
		// Somebody who looked at the very account has agreed to more than a budget asks.
		if admitted = p.hold(HoldSpec{
			Kind: HoldReduction, Fingerprint: budgetFingerprint(a),
			Text: fmt.Sprintf("the %s account %s was adopted and never managed, and is not wanted: %s", p.Can.Title, a.Email, p.Want.Text),
			Fix:  "approve to end it as the mapping says, reject to leave it",
		}); !admitted {
			return
		}
	}
	if !admitted {
		p.wait()
		return
	}
	if len(a.Returns) >= returnsCut && !p.cutAgain(a) {
		return
	}
	p.ending(a)
}

// wait puts the pair's removals before the quiet time and the budget.
func (p *planner) wait() { p.plan.Waiting, p.plan.Work = true, endingKind(p.App, p.Want) }

// budgetFingerprint names one episode of being unwanted, so that a decision on it does not outlive it.
func budgetFingerprint(a *Account) string {
	return fmt.Sprintf("%s %d", a.ID, a.UnwantedSince.UnixMilli())
}

// ending adds the due steps of when_deactivated or when_ungranted, in their order.
func (p *planner) ending(a *Account) {
	var due []mapping.Step
	at := a.UnwantedSince
	for _, s := range p.App.Steps(p.Want) {
		if t := a.UnwantedSince.Add(s.After); t.After(at) {
			at = t
		}
		if a.did(adapters.Action(s.Action)) {
			continue
		}
		if p.Now.Before(at) {
			p.next(at)
			break
		}
		if final(adapters.Action(s.Action)) {
			// What would come before a due ending only gets in its way (Zoom may refuse to delete a suspended user).
			due = nil
		}
		due = append(due, s)
		if final(adapters.Action(s.Action)) {
			break
		}
	}
	for _, s := range due {
		step := Step{Account: a.ID, Action: adapters.Action(s.Action)}
		switch step.Action {
		case adapters.Demote:
			step.Op = OpDemote
		case adapters.Suspend:
			step.Op = OpSuspend
		default:
			p.remove(a, s)
			continue
		}
		p.step(step)
	}
}

// remove adds a step that ends the account, unless somebody said no to it.
func (p *planner) remove(a *Account, s mapping.Step) {
	step := Step{Op: OpRemove, Account: a.ID, Action: adapters.Action(s.Action), Transfer: s.Transfer}
	if d := p.decision(HoldTransfer, transferFingerprint(a)); d != nil {
		if d.State == HoldRejected {
			return
		}
		if d.State == HoldApproved && d.WithoutTransfer {
			step.Transfer = nil
		}
	}
	if d := p.decision(HoldRefused, refusedFingerprint(a)); d != nil && d.State == HoldRejected {
		return
	}
	p.step(step)
}

func transferFingerprint(a *Account) string { return budgetFingerprint(a) }
func refusedFingerprint(a *Account) string  { return budgetFingerprint(a) }

func final(a adapters.Action) bool { return a == adapters.Delete || a == adapters.Disassociate }
