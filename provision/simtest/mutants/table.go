package main

// The invariants of package simtest that mutants are caught by.
const (
	agreement     = "the vendor has what the directory says"
	teams         = "teams are as wanted"
	oneAccount    = "who is entitled has one account"
	canSignIn     = "who is entitled can sign in"
	noTwo         = "nobody has two accounts"
	neverEntitled = "nobody who was never entitled gets an account"
	noAccount     = "who is not entitled has no account"
	noSignIn      = "who is not entitled cannot sign in"
	untouched     = "protected and foreign accounts are untouched"
	admission     = "no removal without admission"
	withinBudget  = "work stays within the budgets"
	emptied       = "an app is never emptied unasked"
	administrator = "administrators are approved"
	lastStays     = "the last administrator stays"
	terminated    = "who is terminated cannot sign in"
	intended      = "every write has an intent"
	notEnforced   = "nothing is written to an app that the mapping does not enforce"
	pausedApp     = "nothing is written to a paused app"
	transferFirst = "no removal before its transfer"
	otherTenant   = "nothing is written in another tenant"
	inLedger      = "every account is in the ledger"
	isGone        = "what is gone is gone"
)

// Mutants are the breakages, in the order of an account's life.
var Mutants = []Mutant{
	{
		Name: "an item leaves the queue before its work is done",
		Edits: []Edit{{
			File: "provision/execute.go",
			Old: `	checks := e.checks(it.App)
	conn, err := e.open(ctx, app)`,
			New: `	drop := func(tx store.Tx) error { return items.Delete(tx, itemKey(it.App, it.Subject)) }
	if err := e.o.Store.Update(ctx, drop); err != nil {
		return err
	}
	checks := e.checks(it.App)
	conn, err := e.open(ctx, app)`,
		}},
		Caught: []string{agreement, oneAccount, noAccount, noSignIn, canSignIn, teams},
	},
	{
		Name: "a change during a vendor call is lost",
		Edits: []Edit{{
			File: "provision/outcome.go",
			Old:  `return items.Replace(tx, was, &done) // marked meanwhile: triage judges it anew`,
			New:  `return items.Delete(tx, itemKey(it.App, it.Subject))`,
		}},
		Caught: []string{agreement, oneAccount, noAccount, noSignIn, canSignIn, teams},
	},
	{
		Name: "a create is sent before its intent is durable",
		Edits: []Edit{{
			File: "provision/obtain.go",
			Old: `	if err := x.intend(ctx, a, OpObtain); err != nil {
		return err
	}
	made, err := x.conn.Adapter.Create(ctx, step.Profile)`,
			New: `	made, err := x.conn.Adapter.Create(ctx, step.Profile)`,
		}},
		Caught: []string{intended, inLedger, noTwo},
	},
	{
		Name: "the directory lets in whom one source calls inactive",
		Edits: []Edit{{
			File: "directory/merge.go",
			Old:  `		if !h.Active {`,
			New:  `		if !h.Active && len(holdings) == 1 {`,
		}},
		Caught: []string{neverEntitled, noAccount, noSignIn},
	},
	{
		Name: "a deny line of the mapping is passed over",
		Edits: []Edit{{
			File: "mapping/evaluate.go",
			Old:  `	if len(denies) > 0 {`,
			New:  `	if len(denies) > len(e.app.denies) {`,
		}},
		Caught: []string{neverEntitled, noAccount, noSignIn},
	},
	{
		Name: "leaving a team is forgotten",
		Edits: []Edit{{
			File: "provision/planalign.go",
			Old: `			leave = append(leave, t)
		case`,
			New: `		case`,
		}},
		Caught: []string{teams},
	},
	{
		Name: "the budget counts this moment, not the window",
		Edits: []Edit{{
			File: "provision/budget.go",
			Old:  `store.Time(b.now.Add(-rule.Window)))`,
			New:  `store.Time(b.now))`,
		}},
		Caught: []string{withinBudget},
	},
	{
		Name: "an app is emptied where the budget has room",
		Edits: []Edit{{
			File: "provision/empties.go",
			Old:  `	if len(persons) < fewest {`,
			New:  `	if len(persons) < fewest || len(list) > 0 {`,
		}},
		Caught: []string{emptied},
	},
	{
		Name: "an administrator's role is given unasked",
		Edits: []Edit{{
			File: "provision/plan.go",
			Old:  `	case !p.Guarded:`,
			New:  `	case !p.Guarded || e.Kind == AdminGrants:`,
		}},
		Caught: []string{administrator},
	},
	{
		Name: "a source lets a terminated person in again",
		Edits: []Edit{{
			File: "directory/merge.go",
			Old:  `	if t := person.Terminated; t != nil {`,
			New:  `	if t := person.Terminated; t != nil && person.Inactive != "" {`,
		}},
		Caught: []string{terminated},
	},
	{
		Name: "a hold releases itself",
		Edits: []Edit{{
			File: "provision/planending.go",
			Old: `		case HoldOpen:
			p.plan.Holds = append(p.plan.Holds, HoldSpec{Kind: d.Kind, Fingerprint: d.Fingerprint, Text: d.Text, Fix: d.Fix})
			return
		}`,
			New: `		case HoldOpen:
			p.plan.Holds = append(p.plan.Holds, HoldSpec{Kind: d.Kind, Fingerprint: d.Fingerprint, Text: d.Text, Fix: d.Fix})
			admitted = true
		}`,
		}},
		Caught: []string{admission},
	},
	{
		Name: "the protect list is passed over",
		Edits: []Edit{{
			File: "provision/plan.go",
			Old: `	case p.App.Protects(a.Email, a.VendorID):
		return "on the app's protect list"
`,
			New: ``,
		}},
		Caught: []string{untouched},
	},
	{
		Name: "the last administrator is cut down",
		Edits: []Edit{
			{
				File: "provision/lastadmin.go",
				Old:  `	stays, err := x.knownAdmin(ctx, a)`,
				New:  `	stays, err := true, error(nil)`,
			},
			{
				File: "adapters/gorgias/removal.go",
				Old:  `	if err == nil && others == 0 {`,
				New:  `	if err == nil && others < 0 {`,
			},
		},
		Caught: []string{lastStays},
	},
	{
		Name: "an account is deleted before its work is moved",
		Edits: []Edit{{
			File: "provision/remove.go",
			Old:  `	if step.Transfer != nil {`,
			New:  `	if step.Transfer != nil && a.State == Removing {`,
		}},
		Caught: []string{transferFirst},
	},
	{
		Name: "another tenant is taken for the same",
		Edits: []Edit{{
			File: "provision/app.go",
			Old:  `		if state.Tenant != "" && state.Tenant != id.Tenant {`,
			New:  `		if state.Tenant != "" && id.Tenant == "" {`,
		}},
		Caught: []string{otherTenant, isGone},
	},
	{
		Name: "an app that is only observed is written to",
		Edits: []Edit{{
			File: "provision/plan.go",
			Old:  `	if s.App.Mode == mapping.Observe {`,
			New:  `	if s.App.Mode == mapping.Observe && len(s.Accounts) == 0 {`,
		}},
		Caught: []string{notEnforced},
	},
	{
		Name: "the pause of an app stops newcomers alone",
		Edits: []Edit{{
			File: "provision/switches.go",
			Old:  `		case s.Kind == PauseApp && s.App == app:`,
			New:  `		case s.Kind == PauseApp && s.App == app && lane == Joiner:`,
		}},
		Caught: []string{pausedApp},
	},
}

// Unnoticed are breakages that the histories played so far did not come upon: what they break takes several rare things in
// one history. They wait for histories that do, and then move up.
var Unnoticed = []Mutant{
	{
		Name: "a change leaves the outbox before it is expanded",
		Edits: []Edit{{
			File: "provision/expand.go",
			Old: `	return e.o.Store.Update(ctx, func(tx store.Tx) error {
		for i := range changes {
			c := &changes[i]
			if err := markAll(tx, m, c, c.Persons, now); err != nil {
				return err
			}
			if err := audit.Settle(tx, *c); err != nil {
				return err
			}
		}
		return nil
	})`,
			New: `	err := e.o.Store.Update(ctx, func(tx store.Tx) error {
		for i := range changes {
			if err := audit.Settle(tx, changes[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.o.Store.Update(ctx, func(tx store.Tx) error {
		for i := range changes {
			c := &changes[i]
			if err := markAll(tx, m, c, c.Persons, now); err != nil {
				return err
			}
		}
		return nil
	})`,
		}},
		Caught: []string{agreement, oneAccount, noAccount, noSignIn, canSignIn, teams},
	},
	{
		Name: "a create without an answer is taken for one that never took place",
		Edits: []Edit{{
			File: "provision/obtain.go",
			Old: `		found, err := x.recover(ctx, a)
		if err != nil {
			return err
		}
		if found != nil {
			why, err`,
			New: `		var found *adapters.Account
		if found != nil {
			why, err`,
		}},
		Caught: []string{inLedger, isGone},
	},
	{
		Name: "a deletion without an answer is not read back",
		Edits: []Edit{{
			File: "adapters/gorgias/removal.go",
			Old:  `	gone, readErr := a.gone(ctx, id)`,
			New:  `	gone, readErr := true, error(nil)`,
		}},
		Caught: []string{isGone},
	},
	{
		Name: "a create without an answer is sent again unlooked",
		Edits: []Edit{{
			File: "provision/obtain.go",
			Old:  `	if a.Intent != nil && a.Intent.Sent {`,
			New:  `	if a.Intent != nil && a.Intent.Sent && a.Intent.Probes < 0 {`,
		}},
		Caught: []string{inLedger, noTwo},
	},
	{
		Name: "reading lag is taken for gone",
		Edits: []Edit{
			{
				File: "provision/change.go",
				Old: `	if err := x.caughtUp(ctx, a); err != nil {
		return err
	}
	if err := x.sameTenant(ctx); err != nil {
		return err
	}
	found, err := x.conn.Adapter.Find(ctx, adapters.Probe{ExternalID: a.Person`,
				New: `	if err := x.sameTenant(ctx); err != nil {
		return err
	}
	found, err := x.conn.Adapter.Find(ctx, adapters.Probe{ExternalID: a.Person`,
			},
			{
				File: "provision/obtain.go",
				Old:  `	if a.Intent.Probes < 2 {`,
				New:  `	if a.Intent.Probes < 1 {`,
			},
		},
		Caught: []string{inLedger, isGone, noTwo, oneAccount, terminated},
	},
}
