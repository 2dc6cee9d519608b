package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
)

// reduce demotes or suspends an account and keeps what it was before.
func (x *execution) reduce(ctx context.Context, step Step, a *Account) error {
	var (
		call  func(context.Context, string) error
		state = Demoted
		act   = audit.AccountDemoted
	)
	switch step.Op {
	case OpDemote:
		d, ok := x.conn.Adapter.(adapters.Demoter)
		if !ok {
			return x.cannot("demote")
		}
		call = d.Demote
	default:
		s, ok := x.conn.Adapter.(adapters.Suspender)
		if !ok {
			return x.cannot("suspend")
		}
		call, state, act = s.Suspend, Suspended, audit.AccountSuspended
	}
	if err := x.caughtUp(ctx, a); err != nil {
		return err
	}
	if err := x.notLast(ctx, a); err != nil {
		return err
	}
	if err := x.remember(ctx, a); err != nil {
		return x.orGone(ctx, a, err)
	}
	// From the call on the account counts as reduced, so that a return restores it also when the reply was lost.
	was := *a
	if a.State != Suspended { // demoting a suspended account gives no sign-in back
		a.State = state
	}
	if step.Op == OpDemote {
		a.Role, a.Teams = weakest(x.can), nil
	}
	if err := x.intend(ctx, a, step.Op); err != nil {
		return err
	}
	switch err := call(ctx, a.VendorID); {
	case err == nil:
	case adapters.KindOf(err) == adapters.Uncertain:
		return err
	case x.inPart():
		return x.orGone(ctx, a, err) // as after a lost reply: a return restores it, else it is repeated
	default: // this one did nothing; an earlier one of unknown outcome stays unknown
		a.State, a.Role, a.Teams, a.Intent = was.State, was.Role, was.Teams, was.Intent
		if serr := x.save(ctx, a, "", nil); serr != nil {
			return serr
		}
		return x.orGone(ctx, a, err)
	}
	a.Intent, a.Seen = nil, x.o.Now()
	a.Done = append(a.Done, step.Action)
	return x.save(ctx, a, act, x.detail(a))
}

func weakest(can adapters.Description) string {
	for _, r := range slices.Backward(can.Rank) {
		if slices.Contains(can.Roles, r) {
			return r
		}
	}
	return ""
}

// remember reads the account before it is first reduced.
func (x *execution) remember(ctx context.Context, a *Account) error {
	if a.Before != nil {
		return nil
	}
	found, err := x.conn.Adapter.Find(ctx, adapters.Probe{ID: a.VendorID})
	if err != nil {
		return err
	}
	if found.Protected != "" {
		a.Protected = found.Protected
		if err := x.save(ctx, a, "", nil); err != nil {
			return err
		}
		return x.protected(a, found.Protected)
	}
	if found.ID != "" {
		a.VendorID = found.ID
	}
	if found.Teams == nil {
		found.Teams = a.Teams
	}
	a.Before = &found
	return nil
}

// protectedHold says that an unwanted account stays. The mapping's protection is judged with the next version of it, the vendor's is looked at
// every holdRetry.
func protectedHold(title string, a *Account, why string) HoldSpec {
	return HoldSpec{
		Kind: HoldProtected, Fingerprint: a.ID.String(),
		Text: fmt.Sprintf("the %s account %s is not wanted any more, but protected: %s", title, a.Email, why),
		Fix:  "lift the protection (what the app says of it is looked at once an hour), or end the account by hand",
	}
}

func (x *execution) protected(a *Account, why string) error {
	return &heldError{again: x.o.Now().Add(holdRetry), spec: protectedHold(x.can.Title, a, why)}
}

// orGone handles an unwanted account that is not there: after a second look-up and a look
// at the tenant, that is what was wanted. Protected becomes a hold.
func (x *execution) orGone(ctx context.Context, a *Account, err error) error {
	var ae *adapters.Error
	switch {
	case adapters.IsKind(err, adapters.NotFound):
		return x.vanished(ctx, &Situation{}, a)
	case errors.As(err, &ae) && ae.Kind == adapters.Protected:
		return x.protected(a, ae.Message)
	}
	return err
}

// remove ends an account, its data moved first or with it. "Removing" is durable before the
// call; only the vendor's word, in the tenant the ledger is bound to, makes it gone.
func (x *execution) remove(ctx context.Context, s *Situation, step Step, a *Account) error {
	if err := x.notLast(ctx, a); err != nil {
		return err
	}
	removal := adapters.Removal{Action: step.Action}
	if step.Transfer != nil {
		transfer, err := x.receiver(ctx, s, step.Transfer, a)
		if adapters.IsKind(err, adapters.NotFound) {
			return x.vanished(ctx, s, a) // the leaver's own account: a receiver that is not there is a reason, no error
		}
		if err != nil {
			return err
		}
		removal.Transfer = transfer
	}
	doubtful := a.State == Removing // an earlier call may have ended it
	if !doubtful {
		a.From = a.State
	}
	a.State = Removing
	if err := x.intend(ctx, a, OpRemove); err != nil {
		return err
	}
	err := x.conn.Adapter.Remove(ctx, a.VendorID, removal)
	var ae *adapters.Error
	switch {
	case err == nil:
		detail := x.detail(a)
		if t := removal.Transfer; t != nil {
			detail["transferTo"] = t.To
		}
		detail["action"], detail["reason"] = string(step.Action), string(a.UnwantedWhy)
		a.State, a.Intent, a.Teams = Gone, nil, nil
		return x.save(ctx, a, audit.AccountRemoved, detail)
	case adapters.IsKind(err, adapters.NotFound):
		return x.vanished(ctx, s, a)
	case adapters.KindOf(err) == adapters.Uncertain:
		return err // stays removing: the call is repeated, which is safe
	}
	partly := x.inPart()
	if (doubtful || partly) && !aboutTheAccount(err) {
		return err
	}
	switch {
	case partly:
		if rerr := x.leftOver(ctx, a); rerr != nil {
			return rerr
		}
	case doubtful:
		a.leftTeams(nil, x.o.Now()) // an earlier one may have taken them
	}
	a.State, a.Intent = a.From, nil
	if serr := x.save(ctx, a, "", nil); serr != nil {
		return serr
	}
	if errors.As(err, &ae) {
		switch ae.Kind {
		case adapters.Protected:
			return x.protected(a, ae.Message)
		case adapters.Conflict, adapters.Invalid, adapters.Unsupported:
			if err := x.overtaken(ctx, s, a); err != nil {
				return err
			}
			return x.refused(a, ae)
		}
	}
	return err
}

// leftOver reads what a removal that was refused in the end has taken before: roles and teams go before the account does.
func (x *execution) leftOver(ctx context.Context, a *Account) error {
	found, err := x.conn.Adapter.Find(ctx, adapters.Probe{ID: a.VendorID})
	if err != nil {
		return err // stays removing: it is looked at again
	}
	a.observed(found, x.o.Now())
	a.Role, a.Licence = found.Role, found.Licence
	if found.Teams != nil {
		a.Teams = found.Teams
	}
	a.leftTeams(found.Teams, x.o.Now())
	return nil
}

// leftTeams notes that a removal did not take place that may have taken the account out of its teams first. shown are
// those that it was seen in since, nil where nothing tells them.
func (a *Account) leftTeams(shown []string, now time.Time) {
	a.TeamsUnsure = time.Time{}
	if shown == nil && len(a.Teams) > 0 {
		a.TeamsUnsure = now
	}
}

// aboutTheAccount reports whether an error was said of an account that is there.
func aboutTheAccount(err error) bool {
	switch adapters.KindOf(err) {
	case adapters.Protected, adapters.Conflict, adapters.Invalid, adapters.Unsupported:
		return true
	default:
		return false
	}
}

func (x *execution) refused(a *Account, cause *adapters.Error) error {
	fix := cause.Fix
	if fix == "" {
		fix = "resolve it at " + x.can.Title + ", then approve to try again"
	}
	return &heldError{again: x.o.Now().Add(holdRetry), spec: HoldSpec{
		Kind: HoldRefused, Fingerprint: refusedFingerprint(a),
		Text: fmt.Sprintf("%s refuses to end the account %s (%s now): %s", x.can.Title, a.Email, a.State, cause.Error()),
		Fix:  fix,
	}}
}

// cutFirst ends sign-in of an account whose removal has to wait for a receiver: a leaver
// does not stay inside because of data. Where the app cannot do that, the steps before the removal have to do.
func (x *execution) cutFirst(ctx context.Context, s *Situation, a *Account) error {
	if a.cutOff() || a.State == Removing {
		return nil
	}
	if _, ok := x.conn.Adapter.(adapters.Suspender); !ok {
		return x.overtaken(ctx, s, a)
	}
	return reducedOr(x.reduce(ctx, Step{Op: OpSuspend, Account: a.ID, Action: adapters.Suspend}, a))
}

// overtaken carries out the steps in front of an ending that were left out because it was due as well: it cannot be, and nobody
// stays as they were for that.
func (x *execution) overtaken(ctx context.Context, s *Situation, a *Account) error {
	for _, step := range s.App.Steps(s.Want) {
		action := adapters.Action(step.Action)
		if final(action) {
			return nil
		}
		if a.did(action) {
			continue
		}
		op := OpSuspend
		if action == adapters.Demote {
			op = OpDemote
		}
		if err := reducedOr(x.reduce(ctx, Step{Op: op, Account: a.ID, Action: action}, a)); err != nil {
			return err
		}
	}
	return nil
}

// reducedOr leaves out that an account cannot be reduced (an invitation, say), where something else is held for it: the hold says the rest.
func reducedOr(err error) error {
	if adapters.IsKind(err, adapters.Invalid) || adapters.IsKind(err, adapters.Conflict) {
		return nil
	}
	return err
}
