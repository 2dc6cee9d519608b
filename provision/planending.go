package provision

import (
	"fmt"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/mapping"
)

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
		p.stillAsked(a)
		return
	}
	if why := p.protection(a); why != "" {
		if again := a.Seen.Add(holdRetry); a.Protected != "" && p.Now.Before(again) {
			p.next(again)
		} else if a.Protected != "" {
			p.step(Step{Op: OpConfirm, Account: a.ID}) // only the vendor knows when its protection is lifted
		}
		p.stillAsked(a)
		p.plan.Holds = append(p.plan.Holds, protectedHold(p.Can.Title, a, why))
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

// stillAsked keeps the question open whether the account may end while it is only looked at: who is held together with others, as they
// would empty an app, must not be weighed alone after that.
func (p *planner) stillAsked(a *Account) {
	if d := p.decision(HoldBudget, budgetFingerprint(a)); d != nil && d.State == HoldOpen {
		p.plan.Holds = append(p.plan.Holds, HoldSpec{Kind: d.Kind, Fingerprint: d.Fingerprint, Work: d.Work, Text: d.Text, Fix: d.Fix, Leaver: d.Leaver})
	}
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
