package provision

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// teamChange is one account that should enter or leave a team. All that wait for one
// team go to the vendor in one write, because some vendors take only whole member lists.
type teamChange struct {
	App     string    `json:"app"`
	Team    string    `json:"team"`
	Account uuid.UUID `json:"account"`
	Join    bool      `json:"join"`
	Stamp   uuid.UUID `json:"stamp"` // whoever carried it out removes it only if it is still the same
	// Dropped: a join that was not made, as the account was leaving at its turn. It waits for nothing; whoever
	// plans for the account sees by it that the account is not in the team.
	Dropped bool `json:"dropped,omitempty"`
}

var teamChanges = store.NewTable("team-changes", func(c *teamChange) []byte {
	return append(teamPrefix(c.App, c.Team), store.Key(c.Account[:])...)
}, nil)

func teamPrefix(app, team string) []byte { return store.Key([]byte(app), []byte(team)) }

const (
	// teamSlice is how many accounts one team write takes at most.
	teamSlice = 1000
	// teamPatience is how long those who entered an app just now wait for their teams while the app has others to let in.
	teamPatience = 5 * time.Minute
)

// queueTeams asks for team changes: in one transaction the account remembers what was
// asked, and each team gets an item of its own in the queue. app is as the person's version of the mapping has it.
func (x *execution) queueTeams(ctx context.Context, app *mapping.App, step Step, a *Account) error {
	// Who was taken out of teams a moment ago is still shown in them, which would make the write look needless.
	if a.State == Demoted {
		if err := x.caughtUp(ctx, a); err != nil {
			return err
		}
		if a.Intent != nil {
			if err := x.shows(ctx, a, &a.Intent.At); err != nil {
				return err
			}
		}
	}
	if err := x.shows(ctx, a, &a.TeamsUnsure); err != nil {
		return err
	}
	now, managed := x.o.Now(), app.ManagedTeams()
	for _, t := range step.Join {
		if !slices.Contains(a.Teams, t) {
			a.Teams = append(a.Teams, t)
			if slices.Contains(managed, t) { // the others are given back, as they were given by hand
				a.Entered = append(a.Entered, t)
			}
		}
	}
	left := func(t string) bool { return slices.Contains(step.Leave, t) }
	a.Teams, a.Entered, a.TeamsUnsure = slices.DeleteFunc(a.Teams, left), slices.DeleteFunc(a.Entered, left), time.Time{}
	slices.Sort(a.Entered)
	a.Entered = slices.Compact(a.Entered)
	a.Modified = now
	cause := audit.Change{Actor: engineActor}
	if n := len(x.item.Causes); n > 0 {
		cause.ID = x.item.Causes[n-1]
	}
	stamp := x.o.NewID()
	return x.o.Store.Update(ctx, func(tx store.Tx) error {
		if err := keepApp(tx, a); err != nil {
			return err
		}
		if err := accounts.Put(tx, a); err != nil {
			return err
		}
		for _, team := range append(slices.Clone(step.Join), step.Leave...) {
			c := teamChange{App: a.App, Team: team, Account: a.ID, Join: slices.Contains(step.Join, team), Stamp: stamp}
			if err := teamChanges.Put(tx, &c); err != nil {
				return err
			}
			if err := mark(tx, a.App, teamSubject(team), &cause, now); err != nil {
				return err
			}
			if c.Join && now.Sub(a.Created) < teamPatience {
				continue
			}
			if err := hurry(tx, a.App, teamSubject(team)); err != nil {
				return err
			}
		}
		return nil
	})
}

// hurry says that not only newcomers wait for a team.
func hurry(tx store.Tx, app, subject string) error {
	it, err := items.Get(tx, itemKey(app, subject))
	if err != nil || it.Prompt {
		return err
	}
	it.Prompt = true
	return items.Put(tx, it)
}

// settleTeam gives a team's item its place: work while changes wait for it.
func (j *judge) settleTeam(tx store.Tx, was, it *Item, team string) error {
	waits := false
	for c, err := range teamChanges.Scan(tx, teamPrefix(it.App, team)) {
		if err != nil {
			return err
		}
		if waits = !c.Dropped; waits {
			break
		}
	}
	if !waits {
		return items.Remove(tx, was)
	}
	it.State, it.Lane, it.Due, it.Urgent = Ready, Update, j.now, false
	if !it.Prompt && j.now.Sub(it.Marked) < teamPatience {
		// Behind the joiners that are due by now, most of whom will enter the team as well: one write takes them together.
		it.Lane = Joiner
	}
	if it.NotBefore.After(j.now) && (it.Failure == nil || it.Failure.Kind != adapters.Conflict) {
		it.Due = it.NotBefore // a conflict is about those who waited before, and not about whoever comes now
	}
	return items.Replace(tx, was, it)
}

// changeTeam carries out what waits for a team, at most teamSlice accounts, with one call of the adapter.
func (x *execution) changeTeam(ctx context.Context, team string) error {
	teams, ok := x.conn.Adapter.(adapters.Teams)
	if !ok {
		return x.cannot("change teams of")
	}
	waiting, sent, err := x.waiting(ctx, team)
	if err != nil || len(waiting) == 0 {
		return err
	}
	doubt := !sent.At.IsZero() && !sent.Done
	if doubt || !x.wroteTeam(team, false) {
		if err := x.teamCaughtUp(ctx, sent); err != nil {
			return err
		}
	}
	var add, remove []string
	for i := range waiting {
		w := &waiting[i]
		switch {
		case w.account == nil || w.account.State.Over():
			// Gone, and with it its memberships.
		case w.change.Join && !w.account.joinable():
			w.change.Dropped = true // leaving meanwhile: nothing is given any more
			if doubt && w.account.VendorID != "" {
				remove, w.sent = append(remove, w.account.VendorID), true // an earlier write may have put it in
			}
		case w.account.VendorID == "":
			// It was never there.
		case w.change.Join:
			add, w.sent = append(add, w.account.VendorID), true
		default:
			remove, w.sent = append(remove, w.account.VendorID), true
		}
	}
	if len(add)+len(remove) > 0 {
		x.op = OpTeams
		if err := x.permit(ctx); err != nil {
			return err
		}
		if len(add) > 0 {
			if err := x.intendTeam(ctx, team); err != nil {
				return err
			}
		}
		began := x.o.Now()
		err := teams.ChangeMembers(ctx, team, add, remove)
		if errors.Is(err, adapters.ErrNoTeam) && len(add) == 0 {
			err = x.sameTenant(ctx) // then nobody is in it, if that was said by the right tenant
		}
		outcome := "ok"
		if err != nil {
			outcome = string(adapters.KindOf(err))
		}
		x.o.Observe(x.app.Key, OpTeams, outcome, x.o.Now().Sub(began))
		if err != nil {
			return errors.Join(x.teamFailed(ctx, team, waiting, doubt, err), err)
		}
		x.vendorAnswered()
		x.wroteTeam(team, len(add) > 0)
	}
	return x.teamDone(ctx, team, waiting, true)
}

// teamCaughtUp makes a write wait until the vendor's reads show what became of the one before. Where the clock was set back since, nobody
// can tell how long ago that was, and the wait begins now.
func (x *execution) teamCaughtUp(ctx context.Context, last teamSent) error {
	now := x.o.Now()
	if last.At.After(now) {
		last.At = now
		if err := x.o.Store.Update(ctx, func(tx store.Tx) error { return teamsSent.Put(tx, &last) }); err != nil {
			return err
		}
	}
	if caught := last.At.Add(x.can.ReadLag); now.Before(caught) {
		return &waitError{until: caught, why: "waits for the vendor's reads to show what became of a team that was written"}
	}
	return nil
}

// teamSent is the last write to a team that added somebody, and so may have made the team. Reads do not show that at once: another write
// would make a second one. The adapter knows what it made; a process that starts right after has nothing but this.
type teamSent struct {
	App  string    `json:"app"`
	Team string    `json:"team"`
	At   time.Time `json:"at"`
	Done bool      `json:"done,omitempty"` // the vendor said yes; else nobody has written down what came of it
}

var teamsSent = store.NewTable("teams-sent", func(s *teamSent) []byte { return teamPrefix(s.App, s.Team) }, nil)

// wroteTeam reports whether this process has written a team with success, and notes that it has.
func (x *execution) wroteTeam(team string, now bool) bool {
	x.Engine.mu.Lock()
	defer x.Engine.mu.Unlock()
	run := x.run(x.app.Key)
	if now {
		if run.teams == nil {
			run.teams = map[string]bool{}
		}
		run.teams[team] = true
	}
	return run.teams[team]
}

// intendTeam writes down that a team is about to be written.
func (x *execution) intendTeam(ctx context.Context, team string) error {
	sent := teamSent{App: x.app.Key, Team: team, At: x.o.Now()}
	return x.o.Store.Update(ctx, func(tx store.Tx) error { return teamsSent.Put(tx, &sent) })
}

// teamFailed keeps what a write that failed did nevertheless: whoever the adapter does not name as left is where they should be, and waits
// no longer for the others. A write that the vendor refused whole is forgotten, as nothing of it can appear later, unless an earlier one is
// in doubt.
func (x *execution) teamFailed(ctx context.Context, team string, waiting []waitingChange, doubt bool, cause error) error {
	if part, ok := errors.AsType[*adapters.PartialError](cause); ok {
		left := make(map[string]bool, len(part.Undone))
		for _, id := range part.Undone {
			left[id] = true
		}
		done := slices.DeleteFunc(slices.Clone(waiting), func(w waitingChange) bool { return w.sent && left[w.account.VendorID] })
		return x.teamDone(ctx, team, done, !doubt && adapters.KindOf(cause) != adapters.Uncertain)
	}
	switch adapters.KindOf(cause) {
	case adapters.Conflict, adapters.Invalid, adapters.NotFound, adapters.Unsupported, adapters.Protected:
	default:
		return nil
	}
	if doubt {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeGrace)
	defer cancel()
	return x.o.Store.Update(ctx, func(tx store.Tx) error { return ignoreNotFound(teamsSent.Delete(tx, teamPrefix(x.app.Key, team))) })
}

// joinable reports whether an account can be given a team.
func (a *Account) joinable() bool {
	return !a.unwanted() && (a.State == Active || a.State == Demoted) && a.VendorID != "" // a demoted one is on its way back
}

// waitingChange is a team change with the account it is about; nil when the account is unknown.
type waitingChange struct {
	change  teamChange
	account *Account
	sent    bool // to the vendor; a dropped one is taken out
}

// waiting returns the changes that wait for a team, and its last write; zero for none.
func (x *execution) waiting(ctx context.Context, team string) (out []waitingChange, last teamSent, err error) {
	err = x.o.Store.View(ctx, func(r store.Reader) error {
		out, last = out[:0], teamSent{}
		switch sent, err := teamsSent.Get(r, teamPrefix(x.app.Key, team)); {
		case err == nil:
			last = *sent
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		for c, err := range teamChanges.Scan(r, teamPrefix(x.app.Key, team)) {
			if err != nil {
				return err
			}
			a, err := accounts.Get(r, accountKey(c.Account))
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if c.Dropped && a != nil && !a.State.Over() {
				continue
			}
			if out = append(out, waitingChange{change: *c, account: a}); len(out) == teamSlice {
				break
			}
		}
		return nil
	})
	return out, last, err
}

// drop settles a join that was not made: it is remembered while the account stands, and waits on if the account
// can be given the team after all.
func drop(tx store.Tx, c *teamChange) error {
	a, err := accounts.Get(tx, accountKey(c.Account))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	switch {
	case err != nil || a.State.Over():
		return teamChanges.Delete(tx, append(teamPrefix(c.App, c.Team), store.Key(c.Account[:])...))
	case a.joinable():
		return nil
	}
	c.Dropped = true
	return teamChanges.Put(tx, c)
}

// teamFact tells that the vendor confirmed a team change.
func (x *execution) teamFact(tx *txn, w waitingChange, calls string) audit.Change {
	what := "left"
	if w.change.Join && !w.change.Dropped {
		what = "joined"
	}
	detail := map[string]string{what: w.change.Team, "calls": calls}
	if w.change.Dropped {
		detail["why"] = "a write before it, of unknown outcome, may have put the account in"
	}
	return tx.fact(audit.AccountTeams, x.app.Key, w.account.Person, w.account.ID, nil, detail)
}

// joined leaves out of an account's teams those that it was asked into and did not get.
func joined(r store.Reader, a *Account) error {
	var teams, dropped []string
	for _, t := range a.Teams {
		c, err := teamChanges.Get(r, append(teamPrefix(a.App, t), store.Key(a.ID[:])...))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil && c.Dropped {
			dropped = append(dropped, t)
		} else {
			teams = append(teams, t)
		}
	}
	a.Teams = teams
	a.Entered = slices.DeleteFunc(a.Entered, func(t string) bool { return slices.Contains(dropped, t) })
	return nil
}

// teamDone removes the changes that were carried out. sure says that nothing of the write may still appear for anybody else.
func (x *execution) teamDone(ctx context.Context, team string, done []waitingChange, sure bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeGrace)
	defer cancel()
	calls := x.told()
	return x.commit(ctx, func(tx *txn) error {
		switch sent, err := teamsSent.Get(tx, teamPrefix(x.app.Key, team)); {
		case err == nil:
			sent.Done = sure
			if err := teamsSent.Put(tx, sent); err != nil {
				return err
			}
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		for _, w := range done {
			if w.sent {
				if err := audit.Record(tx, x.teamFact(tx, w, calls)); err != nil {
					return err
				}
			}
			key := append(teamPrefix(x.app.Key, team), store.Key(w.change.Account[:])...)
			c, err := teamChanges.Get(tx, key)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if c.Stamp != w.change.Stamp {
				continue
			}
			if w.change.Dropped {
				if err := drop(tx, c); err != nil {
					return err
				}
				continue
			}
			if err := teamChanges.Delete(tx, key); err != nil {
				return err
			}
		}
		return nil
	})
}
