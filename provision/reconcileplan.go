package provision

import (
	"context"
	"fmt"
	"slices"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
)

// What reconciling adds to a plan. What it adds to the ledger before that is told in reconcileact.go.

// confirm plans the second look-up for an account that a list left out; once it is confirmed and only reported,
// nothing is planned until it is there again.
func (p *planner) confirm(a *Account) {
	if !a.Missed.Confirmed {
		p.step(Step{Op: OpConfirm, Account: a.ID})
	}
}

// foundLeaver plans for the account of somebody who had left, found under their work address: it is cut as far as that
// can be undone, and the rest is asked for.
func (p *planner) foundLeaver(a *Account) {
	if action, op := cutOnly(p.Can); op != "" && !a.did(action) && (a.State == Active || a.unsure(op)) {
		p.step(Step{Op: op, Account: a.ID, Action: action})
	}
	if p.hold(HoldSpec{
		Kind: HoldLeaver, Fingerprint: budgetFingerprint(a),
		Text: fmt.Sprintf("the %s account %s was found under the address of somebody who has left: %s", p.Can.Title, a.Email, p.Want.Text),
		Fix:  "approve to end it as the mapping says, reject to leave it as it is now",
	}) {
		p.ending(a)
	}
}

// cutOnly is how an app ends access, or as much of it as it can, without ending the account; no op where it cannot.
func cutOnly(can adapters.Description) (adapters.Action, Op) {
	switch {
	case slices.Contains(can.Actions, adapters.Suspend):
		return adapters.Suspend, OpSuspend
	case slices.Contains(can.Actions, adapters.Demote):
		return adapters.Demote, OpDemote
	}
	return "", ""
}

// cutAgain asks before the account of a leaver is cut once more that keeps coming back.
func (p *planner) cutAgain(a *Account) bool {
	return p.hold(HoldSpec{
		Kind: HoldReturned, Fingerprint: fmt.Sprintf("%s %d", budgetFingerprint(a), len(a.Returns)),
		Text: fmt.Sprintf("the %s account %s of somebody who is not entitled came back %d times", p.Can.Title, a.Email, len(a.Returns)),
		Fix:  "turn off what makes it anew at " + p.Can.Title + " (automatic accounts at sign-in, another tool), then approve to cut it once more",
	})
}

// confirmMissed looks a second time for an account that a list left out. Found, it is as if nothing had been. Not found
// across the vendor's read lag, and in the right tenant, it is lost or gone, or reported where the mapping says so.
func (x *execution) confirmMissed(ctx context.Context, s *Situation, a *Account) error {
	if a.Missed == nil {
		return x.stillProtected(ctx, s, a)
	}
	if caught := a.Missed.At.Add(x.can.ReadLag); x.o.Now().Before(caught) {
		return &waitError{until: caught, why: "waits for the vendor's reads to catch up"}
	}
	_, err := x.conn.Adapter.Find(ctx, adapters.Probe{ID: a.VendorID})
	switch {
	case err == nil:
		a.Missed, a.Seen = nil, x.o.Now()
		return x.save(ctx, a, "", nil)
	case !adapters.IsKind(err, adapters.NotFound):
		return err
	case s.Want.Wanted && !a.Missed.Correct:
		if err := x.sameTenant(ctx); err != nil {
			return err
		}
		a.Missed.Confirmed = true
		return x.save(ctx, a, audit.AccountMissed, map[string]string{"vendorId": a.VendorID, "why": "the vendor does not have it any more; the mapping says to report that alone"})
	}
	return x.vanished(ctx, s, a)
}

// stillProtected looks whether the vendor still protects an account. Nothing else is taken over.
func (x *execution) stillProtected(ctx context.Context, s *Situation, a *Account) error {
	found, err := x.conn.Adapter.Find(ctx, adapters.Probe{ID: a.VendorID})
	switch {
	case err == nil:
		a.Protected, a.Seen = found.Protected, x.o.Now()
		if err := x.save(ctx, a, "", nil); err != nil || a.Protected == "" {
			return err
		}
		return x.protected(a, a.Protected)
	case adapters.IsKind(err, adapters.NotFound):
		return x.vanished(ctx, s, a)
	}
	return err
}

// mayAdopt asks before an account is adopted that is an administrator's or looks like somebody else's.
func (x *execution) mayAdopt(ctx context.Context, s *Situation, a *Account, found *adapters.Account, origin Origin) error {
	if origin == Created || found.Protected != "" {
		return nil // made by us; or never touched anyway, whoever it belongs to
	}
	var doubt string
	switch {
	case found.Admin:
		doubt = "is an administrator's"
	case looksLikeSomebodyElses(found, &s.Person):
		doubt = "looks like somebody else's: there it is called " + clip(nameOf(found.Attributes), 64)
	default:
		return nil
	}
	for i := range s.Holds {
		if h := &s.Holds[i]; h.Kind == HoldAdopt && h.Fingerprint == found.ID && h.State == HoldApproved {
			return nil
		}
	}
	if a.Intent != nil {
		a.Intent = nil
		if err := x.save(ctx, a, "", nil); err != nil {
			return err
		}
	}
	return &heldError{again: x.o.Now().Add(holdRetry), spec: HoldSpec{
		Kind: HoldAdopt, Fingerprint: found.ID,
		Text: fmt.Sprintf("the %s account %s is there already, and %s", x.can.Title, found.Email, doubt),
		Fix:  "approve to adopt it as this person's, reject to leave it alone, or `usher link` it to its owner",
	}}
}

// leftAlone reports whether an administrator said no to adopting the account that stands in the way of a new one.
func (p *planner) leftAlone() bool {
	for i := range p.Situation.Holds {
		if h := &p.Situation.Holds[i]; h.Kind == HoldAdopt && h.State == HoldRejected {
			return true
		}
	}
	return false
}
