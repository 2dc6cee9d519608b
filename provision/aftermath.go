package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
)

// Aftermath is what a vendor's list of accounts says about the time between a backup and its restore. Nothing is written to the vendor
// for it. In the ledger, accounts that carry the id of a person who is known here are taken in as ours, and those that
// the vendor confirms not to have any more are ended.
type Aftermath struct {
	App     string    `json:"app"`
	At      time.Time `json:"at,omitzero"`       // when it was done; zero: not yet
	Failed  string    `json:"failed,omitempty"`  // why the last try failed
	Next    time.Time `json:"next,omitzero"`     // when it is tried again
	Listed  int       `json:"listed,omitempty"`  // accounts that the vendor has
	Foreign int       `json:"foreign,omitempty"` // of those, how many neither the ledger knows nor a person's id marks as ours
	// Adopted carried the id of a person of this directory, and the ledger did not know them.
	Adopted Tally `json:"adopted"`
	// Strange carry an id as Usher writes it, of nobody in this directory: somebody who came after the backup.
	Strange Tally `json:"strange"`
	// Missing are in the ledger, and the vendor does not have them any more.
	Missing Tally `json:"missing"`
	// Changed have another role, licence or state than the ledger says.
	Changed Tally `json:"changed"`
}

// Done reports whether the whole list was seen.
func (a *Aftermath) Done() bool { return !a.At.IsZero() }

// waits reports whether it is not yet to be tried again. A time further ahead than that is from before the clock was set back.
func (a *Aftermath) waits(now time.Time) bool {
	return a.Next.After(now) && !a.Next.After(now.Add(stoppedRetry))
}

var aftermaths = store.NewTable("aftermaths", func(a *Aftermath) []byte { return []byte(a.App) }, nil)

const aftermathRetry = time.Minute

// aftermaths returns what is known of each app of the mapping.
func (e *Engine) aftermaths(ctx context.Context) ([]Aftermath, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return nil, err
	}
	out := []Aftermath{}
	err = e.o.Store.View(ctx, func(r store.Reader) error {
		out = out[:0]
		for _, app := range m.Apps() {
			a, err := aftermaths.Get(r, []byte(app.Key))
			if errors.Is(err, store.ErrNotFound) {
				a, err = &Aftermath{App: app.Key}, nil
			}
			if err != nil {
				return err
			}
			out = append(out, *a)
		}
		return nil
	})
	return out, err
}

// startAftermath begins the comparison of an app beside the passes, unless it is done, under way or not yet to be tried again.
func (e *Engine) startAftermath(ctx context.Context, app string, workers *sync.WaitGroup) error {
	all, err := e.aftermaths(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		a := &all[i]
		it := &Item{App: app, Subject: "aftermath"}
		if a.App != app || a.Done() || a.waits(e.o.Now()) || !e.claim(it) {
			continue
		}
		workers.Go(func() {
			defer e.release(it)
			if _, err := e.Aftermath(ctx, app); err != nil && ctx.Err() == nil {
				e.o.Logger.Error("comparing with the vendor's accounts after a restore failed; trying again", "app", app, "err", err)
			}
		})
	}
	return nil
}

// Aftermath compares an app's ledger with the vendor's list of accounts after a restore, and keeps what came of it. It may be
// cut at any moment and repeated. A vendor's failure stands in the result; an error means that the store failed or ctx ended.
func (e *Engine) Aftermath(ctx context.Context, app string) (Aftermath, error) {
	out := Aftermath{App: app}
	mark, err := e.restored(ctx)
	if err != nil || mark == nil {
		return out, err
	}
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return out, err
	}
	a, ok := m.App(app)
	if !ok {
		return out, nil
	}
	x := &aftermath{run: run{judge: judge{Engine: e, mapping: m, app: a, now: e.o.Now()}, rec: Reconciliation{Run: e.o.NewID(), Started: never}}, mark: mark, out: &out}
	err = x.compare(ctx)
	if err != nil && (ctx.Err() != nil || !isAdapterError(err)) {
		return out, err
	}
	now := e.o.Now()
	if err == nil {
		out.At = now
	} else {
		wait := aftermathRetry
		if errors.Is(err, errStopped) { // somebody has to do something about it
			wait = stoppedRetry
		}
		out = Aftermath{App: app, Failed: message(err), Next: now.Add(wait)}
	}
	err = e.o.Store.Update(ctx, func(tx store.Tx) error {
		still, err := RestoredIn(tx)
		if err != nil || still == nil {
			return err
		}
		return aftermaths.Put(tx, &out)
	})
	return out, err
}

// aftermath is one comparison under way. It reads the list and compares it as a reconciliation does, and only what follows is another: the
// ledger is older than the list, so nothing that differs is drift. Usher writes to no vendor meanwhile, so every account is judged, whatever
// the ledger says of work under way.
type aftermath struct {
	run
	mark *Restored
	out  *Aftermath
}

func (x *aftermath) compare(ctx context.Context) error {
	var err error
	if x.conn, err = x.open(ctx, x.app); err != nil {
		return err
	}
	x.can = x.conn.Can
	// "Not there" counts only in the tenant that the ledger is bound to.
	if err := x.confirm(ctx, x.app, x.conn); err != nil {
		return err
	}
	ctx = adapters.WithLane(ctx, Update.vendor())
	if err := x.list(ctx, x.slice); err != nil {
		return err
	}
	x.out.Listed = x.rec.Listed
	return x.unlisted(ctx, func(a *Account) bool { return a.VendorID != "" }, func(lacking []Account) error {
		for i := range lacking {
			if err := x.look(ctx, &lacking[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// slice looks at accounts that the vendor has.
func (x *aftermath) slice(ctx context.Context, listed []adapters.Account) error {
	var found Aftermath
	var ours []*adapters.Account
	err := x.commit(ctx, func(tx *txn) error {
		found, ours = Aftermath{}, nil
		for i := range listed {
			v := &listed[i]
			s, err := x.sight(tx, v)
			if err != nil {
				return err
			}
			switch {
			case s.account != nil:
				if len(s.found) > 0 {
					found.Changed.add(func() Affected { return Affected{Person: s.account.Person, Text: differing(s.found)} })
				}
			case !slices.ContainsFunc(ours, func(o *adapters.Account) bool { return o.ID == v.ID }):
				mine, err := x.made(tx, v, &found)
				if err != nil {
					return err
				}
				if mine {
					ours = append(ours, v)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	x.out.Foreign += found.Foreign
	x.out.Strange.join(found.Strange)
	x.out.Changed.join(found.Changed)
	for _, v := range ours {
		if err := x.adopt(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// made judges an account that the ledger does not know, and reports whether it was made for somebody here after the backup.
func (x *aftermath) made(r store.Reader, v *adapters.Account, found *Aftermath) (bool, error) {
	person := parseID(v.ExternalID)
	if person == uuid.Nil {
		found.Foreign++
		return false, nil
	}
	there, err := x.o.Directory.PersonExists(r, person)
	if err != nil {
		return false, err
	}
	if !there {
		found.Strange.add(func() Affected { return Affected{Person: person, Text: "account " + v.ID} })
		return false, nil
	}
	all, err := accountsOf(r, x.app.Key, person)
	if err != nil {
		return false, err
	}
	if len(standing(all)) > 0 || v.Protected != "" {
		found.Foreign++
		return false, nil
	}
	return true, nil
}

// differing says in words what differs.
func differing(found []Drift) string {
	words := make([]string, len(found))
	for i, d := range found {
		words[i] = fmt.Sprintf("%s: %s here, %s there", d.Field, orNothing(d.Ledger), orNothing(d.Seen))
	}
	return strings.Join(words, ", ")
}

// adopt takes an account into the ledger as one that Usher made.
func (x *aftermath) adopt(ctx context.Context, v *adapters.Account) error {
	person, now := parseID(v.ExternalID), x.o.Now()
	a := &Account{ID: x.o.NewID(), App: x.app.Key, Person: person, Created: now}
	a.adopt(*v, now)
	a.Email, a.Origin, a.Enforced = directory.Fold(v.Email), Created, true
	err := x.record(ctx, a, audit.AccountAdopted, "made after the backup that was restored")
	var unique *store.UniqueError
	if errors.As(err, &unique) {
		x.out.Foreign++
		return nil
	}
	if err == nil {
		x.out.Adopted.add(func() Affected { return Affected{Person: person, Text: "account " + v.ID} })
	}
	return err
}

// look asks the vendor for an account that its list left out, and ends the entry of one that is gone.
func (x *aftermath) look(ctx context.Context, a *Account) error {
	_, err := x.conn.Adapter.Find(ctx, adapters.Probe{ID: a.VendorID})
	if err == nil {
		return nil // the list merely passed over it
	}
	if !adapters.IsKind(err, adapters.NotFound) {
		return err
	}
	if err := x.confirm(ctx, x.app, x.conn); err != nil { // the list may have taken long
		return err
	}
	x.out.Missing.add(func() Affected { return Affected{Person: a.Person, Text: "account " + a.VendorID} })
	act := audit.AccountLost
	a.State, a.Restored, a.Intent, a.Modified = Lost, x.mark.At, nil, x.o.Now()
	if a.unwanted() {
		a.State, act = Gone, audit.AccountRemoved
	}
	return x.record(ctx, a, act, "not there after a restore: it ended after the backup")
}

// record writes an entry with its fact, and marks the pair.
func (x *aftermath) record(ctx context.Context, a *Account, act audit.Act, why string) error {
	now := x.o.Now()
	fact := x.fact(act, x.app.Key, a.Person, a.ID, nil, map[string]string{"vendorId": a.VendorID, "state": string(a.State), "why": why})
	return x.commit(ctx, func(tx *txn) error {
		if err := accounts.Put(tx, a); err != nil {
			return err
		}
		if _, err := x.stamp(tx, a.ID); err != nil {
			return err
		}
		if err := audit.Record(tx, fact); err != nil {
			return err
		}
		return mark(tx, x.app.Key, personSubject(a.Person), &fact, now)
	})
}

// missingSinceRestore returns the pair's last entry if it was found missing after a restore, and no source has written the
// person since that restore other than to take access away.
func missingSinceRestore(r store.Reader, all []Account) (*Account, error) {
	if len(all) == 0 || all[len(all)-1].Restored.IsZero() {
		return nil, nil
	}
	last := &all[len(all)-1]
	for c, err := range audit.OfPerson(r, last.Person) {
		if err != nil {
			return nil, err
		}
		if c.At.Before(last.Restored) {
			break
		}
		if c.Actor.Kind == audit.BySource && !c.Removing {
			return nil, nil
		}
	}
	return last, nil
}

// returns reports whether somebody whose account went missing between a backup and its restore may get a new one: the
// backup does not know whether they left in between.
func (p *planner) returns() bool {
	a := p.Missing
	return a == nil || p.hold(HoldSpec{
		Kind: HoldRestored, Fingerprint: a.ID.String(),
		Text: fmt.Sprintf("the %s account that the restored backup knows is not there any more, and no source has written this person since: they may have left in between", p.Can.Title),
		Fix:  "let the source push the person anew, which answers it; or approve to make a new account",
	})
}
