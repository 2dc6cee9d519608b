package provision

import (
	"slices"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/mapping"
)

// Fate is what becomes of one person's account in one app.
type Fate string

const (
	FateNone    Fate = ""        // it stays as it is, or there is none and none is wanted
	FateCreate  Fate = "create"  // it is made, or adopted where it is there
	FateReturn  Fate = "return"  // it was on the way out and is wanted again
	FateChange  Fate = "change"  // it is kept and something of it changes
	FateDemote  Fate = "demote"  // it is cut down to the weakest role, and no more
	FateSuspend Fate = "suspend" // it loses its sign-in and is kept
	FateDelete  Fate = "delete"  // it ends for good, now or when the mapping's list comes to that
)

// strength orders the fates that take something away; the others are 0.
func (f Fate) strength() int { return 1 + slices.Index([]Fate{FateDemote, FateSuspend, FateDelete}, f) }

// Loses reports whether the person loses the account or what it can do.
func (f Fate) Loses() bool { return f.strength() > 0 }

// Outcome is what a mapping does to one person in one app when everything that waits for a budget or a person is given.
type Outcome struct {
	Fate    Fate
	Effects []Effect // what can hurt, as Plan.Effects
	Steps   []Step   // what is due at this moment
}

// Outcome judges the situation as if its app were enforced and everything that could be held were let through. It is pure: the same
// situation has the same outcome.
func (s Situation) Outcome() Outcome {
	if s.App.Mode != mapping.Enforce {
		enforced := *s.App
		enforced.Mode = mapping.Enforce
		s.App = &enforced
	}
	s.Guarded = false
	plan := s.Plan()
	return Outcome{Fate: s.fate(plan), Effects: plan.Effects, Steps: plan.Steps}
}

func (s Situation) fate(plan Plan) Fate {
	if !s.Want.Wanted {
		strongest := FateNone
		p := planner{Situation: s}
		for i := range s.Accounts {
			if f := p.ends(&s.Accounts[i]); f.strength() > strongest.strength() {
				strongest = f
			}
		}
		return strongest
	}
	switch {
	case len(plan.Returned) > 0:
		return FateReturn
	case has(plan, OpObtain) && len(s.Accounts) == 0:
		return FateCreate
	case has(plan, OpUpdate) && slices.ContainsFunc(plan.Steps, func(s Step) bool { return s.Op == OpUpdate && !empty(s.Change) }),
		has(plan, OpTeams), has(plan, OpResume):
		return FateChange
	}
	return FateNone
}

// ends says what is still to come for an account that is not wanted.
func (p *planner) ends(a *Account) Fate {
	if a.State == Creating || p.protection(a) != "" {
		return FateNone
	}
	fate := FateNone
	for _, step := range p.App.Steps(p.Want) {
		action := adapters.Action(step.Action)
		if a.unwanted() && a.did(action) {
			continue
		}
		f := FateDelete
		switch action {
		case adapters.Demote:
			f = FateDemote
		case adapters.Suspend:
			f = FateSuspend
		}
		if f.strength() > fate.strength() {
			fate = f
		}
	}
	return fate
}

func has(p Plan, op Op) bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Op == op })
}

// Caused returns the kinds of hurtful work that one person meets under the outcome next and not under the outcome now, each once: what an
// edit of the mapping brings when nothing else changes.
func Caused(now, next Outcome) []Kind {
	var kinds []Kind
	add := func(k Kind) {
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	if next.Fate.Loses() && next.Fate.strength() > now.Fate.strength() {
		if next.Fate == FateDelete {
			add(Removals)
		} else {
			add(Suspensions)
		}
	}
	for _, e := range next.Effects {
		if e.Kind != Removals && e.Kind != Suspensions && !slices.ContainsFunc(now.Effects, func(o Effect) bool {
			return o.Kind == e.Kind && o.Fingerprint == e.Fingerprint
		}) {
			add(e.Kind)
		}
	}
	return kinds
}
