package provision

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
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
		if a.App != app || a.Done() || a.Next.After(e.o.Now()) || !e.claim(it) {
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
	x := &aftermath{Engine: e, app: a, mark: mark, out: &out, seen: map[uuid.UUID]bool{}}
	err = x.compare(ctx)
	if err != nil && (ctx.Err() != nil || !isAdapterError(err)) {
		return out, err
	}
	now := e.o.Now()
	if err == nil {
		out.At = now
	} else {
		out = Aftermath{App: app, Failed: message(err), Next: now.Add(aftermathRetry)}
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

// aftermath is one comparison under way.
type aftermath struct {
	*Engine
	app  *mapping.App
	mark *Restored
	conn Connection
	out  *Aftermath
	seen map[uuid.UUID]bool // accounts of the ledger that the list showed
}

func (x *aftermath) compare(ctx context.Context) error {
	var err error
	if x.conn, err = x.open(ctx, x.app); err != nil {
		return err
	}
	ctx = adapters.WithLane(ctx, Update.vendor())
	for v, err := range x.conn.Adapter.List(ctx) {
		if err != nil {
			return err
		}
		if v.ID == "" {
			continue // an invitation without a handle; work on it finds it by its address
		}
		x.out.Listed++
		if err := x.listed(ctx, v); err != nil {
			return err
		}
	}
	// "Not there" counts only in the tenant that the ledger is bound to.
	if err := x.confirm(ctx, x.app, x.conn); err != nil {
		return err
	}
	return x.missing(ctx)
}

// listed looks at one account that the vendor has.
func (x *aftermath) listed(ctx context.Context, v adapters.Account) error {
	var known *Account
	var stranger, ours bool
	person := parseID(v.ExternalID)
	err := x.o.Store.View(ctx, func(r store.Reader) error {
		stranger, ours = false, false
		var err error
		known, err = accounts.Lookup(r, byVendor, store.Key([]byte(x.app.Key), []byte(v.ID)))
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		known = nil
		if person == uuid.Nil {
			return nil
		}
		there, err := x.o.Directory.PersonExists(r, person)
		if err != nil || !there {
			stranger = true
			return err
		}
		all, err := accountsOf(r, x.app.Key, person)
		ours = len(standing(all)) == 0
		return err
	})
	switch {
	case err != nil:
		return err
	case known != nil:
		x.seen[known.ID] = true
		if what := x.differs(known, &v); what != "" {
			x.out.Changed.add(func() Affected { return Affected{Person: known.Person, Text: what} })
		}
		return nil
	case stranger:
		x.out.Strange.add(func() Affected { return Affected{Person: person, Text: "account " + v.ID} })
		return nil
	case !ours || v.Protected != "":
		x.out.Foreign++
		return nil
	}
	return x.adopt(ctx, person, v)
}

func (x *aftermath) differs(a *Account, v *adapters.Account) string {
	switch {
	case (v.State == adapters.Suspended) != (a.State == Suspended):
		return fmt.Sprintf("state: %s here, %s there", a.State, v.State)
	case a.Role != "" && v.Role != "" && a.Role != v.Role:
		return fmt.Sprintf("role: %s here, %s there", a.Role, v.Role)
	case a.Licence != "" && v.Licence != "" && a.Licence != v.Licence:
		return fmt.Sprintf("licence: %s here, %s there", a.Licence, v.Licence)
	}
	return ""
}

// adopt takes an account into the ledger that Usher made after the backup. An address that another entry has is left to the engine's
// own questions.
func (x *aftermath) adopt(ctx context.Context, person uuid.UUID, v adapters.Account) error {
	now := x.o.Now()
	a := &Account{ID: x.o.NewID(), App: x.app.Key, Person: person, Created: now}
	a.adopt(v, now)
	a.Email, a.Origin, a.Enforced = directory.Fold(v.Email), Created, true
	err := x.record(ctx, a, audit.AccountAdopted, "made after the backup that was restored")
	var unique *store.UniqueError
	if errors.As(err, &unique) {
		x.out.Foreign++
		return nil
	}
	if err == nil {
		x.seen[a.ID] = true
		x.out.Adopted.add(func() Affected { return Affected{Person: person, Text: "account " + v.ID} })
	}
	return err
}

// missing asks the vendor for each account that its list left out, and ends the entries of those that are gone.
func (x *aftermath) missing(ctx context.Context) error {
	for _, state := range []AccountState{Active, Demoted, Suspended} {
		var lacking []Account
		err := x.o.Store.View(ctx, func(r store.Reader) error {
			lacking = nil
			for a, err := range accounts.Find(r, byState, store.Key([]byte(x.app.Key), []byte(state))) {
				if err != nil {
					return err
				}
				if !x.seen[a.ID] && a.VendorID != "" {
					lacking = append(lacking, *a)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i := range lacking {
			if err := x.look(ctx, &lacking[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *aftermath) look(ctx context.Context, a *Account) error {
	_, err := x.conn.Adapter.Find(ctx, adapters.Probe{ID: a.VendorID})
	if err == nil {
		return nil // the list merely passed over it
	}
	if !adapters.IsKind(err, adapters.NotFound) {
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
	return x.o.Store.Update(ctx, func(tx store.Tx) error {
		if err := accounts.Put(tx, a); err != nil {
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
