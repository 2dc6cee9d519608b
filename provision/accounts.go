package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// UnconfirmedError is a link that an administrator has to confirm, with the reason in words.
type UnconfirmedError struct{ Text string }

func (e *UnconfirmedError) Error() string { return e.Text }

// Link says that a vendor's account, named by its id or address, is a person's. It is taken into the ledger as it is;
// where the mapping wants it otherwise, the ordinary work follows, which asks before it first reduces such an account. An
// administrator's account, one that looks like somebody else's and one of somebody who has left need confirmed, else
// nothing is done and an *UnconfirmedError says why. A person has one account in an app, and an account one person;
// a protected account is linked to nobody. Linking what is linked so already changes nothing.
func (e *Engine) Link(ctx context.Context, actor audit.Actor, app, account string, person uuid.UUID, confirmed bool) (Account, error) {
	a, conn, m, err := e.appNow(ctx, app)
	if err != nil {
		return Account{}, err
	}
	v, err := find(ctx, conn, account)
	if adapters.IsKind(err, adapters.NotFound) || adapters.IsKind(err, adapters.Invalid) {
		return Account{}, &DecisionError{fmt.Sprintf("%s has no account %s", conn.Can.Title, account)}
	}
	if err != nil {
		return Account{}, err
	}
	it := &Item{App: app, Subject: personSubject(person)}
	if !e.claim(it) {
		return Account{}, &DecisionError{"work on this person's account is under way at this moment: try again"}
	}
	defer e.release(it)
	var linked Account
	err = e.commit(ctx, func(tx *txn) error {
		p, err := e.o.Directory.PersonIn(tx, person)
		if err != nil {
			return err
		}
		if linked, err = e.linkable(tx, a, &v, &p, confirmed); err != nil || linked.ID != uuid.Nil {
			return err
		}
		want, werr := m.Want(app, &p, tx.now)
		if werr == nil && !want.Wanted && want.Reason == mapping.Deactivated && !confirmed {
			return &UnconfirmedError{fmt.Sprintf("%s is not active (%s): the account would be ended as the mapping says, after asking", p.UserName, want.Text)}
		}
		linked = Account{ID: tx.newID(), App: app, Person: person, Created: tx.now, Kind: kindOf(p)}
		linked.adopt(v, tx.now)
		linked.administers(conn.Can)
		linked.Origin = Linked
		if err := accounts.Put(tx, &linked); err != nil {
			return err
		}
		if err := forget(tx, app, v.ID); err != nil {
			return err
		}
		fact := tx.fact(audit.AccountLinked, app, person, linked.ID, nil, map[string]string{"vendorId": v.ID, "role": v.Role, "licence": v.Licence, "state": string(linked.State)})
		fact.Actor = actor
		if err := audit.Record(tx, fact); err != nil {
			return err
		}
		return mark(tx, app, personSubject(person), &fact, tx.now)
	})
	if err == nil {
		e.Wake()
	}
	return linked, err
}

// linkable says why an account cannot be a person's; a set account where it is already.
func (e *Engine) linkable(tx *txn, app *mapping.App, v *adapters.Account, p *directory.Person, confirmed bool) (Account, error) {
	_, self := e.knows(app.Key)
	switch {
	case v.Protected != "":
		return Account{}, &DecisionError{fmt.Sprintf("the account %s is protected (%s): it is nobody's to manage", v.Email, clip(v.Protected, 64))}
	case isSelf(self, v.ID, v.Email):
		return Account{}, &DecisionError{fmt.Sprintf("the connector signs in with the account %s: it is nobody's to manage", v.Email)}
	}
	known, err := e.o.Directory.PersonExists(tx, p.ID)
	if err != nil {
		return Account{}, err
	}
	if !known {
		return Account{}, &DecisionError{"the directory has no such person"}
	}
	all, err := accountsOf(tx, app.Key, p.ID)
	if err != nil {
		return Account{}, err
	}
	if have := standing(all); len(have) > 0 {
		a := have[0]
		if a.VendorID == v.ID {
			return a, nil
		}
		return Account{}, &DecisionError{fmt.Sprintf("%s has the account %s in %s already: `usher unlink` that first", p.UserName, a.Email, app.Key)}
	}
	other, err := accounts.Lookup(tx, byVendor, store.Key([]byte(app.Key), []byte(v.ID)))
	switch {
	case err == nil:
		return Account{}, &DecisionError{fmt.Sprintf("the account %s is linked to another person (%s): `usher unlink` it first", v.Email, other.Person)}
	case !errors.Is(err, store.ErrNotFound):
		return Account{}, err
	}
	if _, err := accounts.Lookup(tx, byEmail, store.Key([]byte(app.Key), []byte(directory.Fold(v.Email)))); err == nil {
		return Account{}, &DecisionError{fmt.Sprintf("another account of the ledger has the address %s", v.Email)}
	} else if !errors.Is(err, store.ErrNotFound) {
		return Account{}, err
	}
	if doubt := e.doubtIn(app, self, v, p); doubt != "" && !confirmed {
		return Account{}, &UnconfirmedError{fmt.Sprintf("the account %s: %s", v.Email, doubt)}
	}
	return Account{}, nil
}

// Unlink takes an account, named by its id at the vendor or its address, out of the ledger. The vendor's account stands
// as it is, is left alone from now on, as with Ignore, and may be linked again.
func (e *Engine) Unlink(ctx context.Context, actor audit.Actor, app, account string) (Account, error) {
	a, err := e.ledgerAccount(ctx, app, account)
	if err != nil {
		return Account{}, err
	}
	it := &Item{App: app, Subject: personSubject(a.Person)}
	if !e.claim(it) {
		return Account{}, &DecisionError{"work on this account is under way at this moment: try again"}
	}
	defer e.release(it)
	var gone Account
	err = e.commit(ctx, func(tx *txn) error {
		now, err := accounts.Get(tx, accountKey(a.ID))
		if err != nil {
			return err
		}
		switch {
		case now.State.Over():
			return &DecisionError{fmt.Sprintf("the account %s is not in the ledger any more", account)}
		case now.State == Creating || now.State == Removing || now.Intent != nil && now.Intent.Sent:
			return &DecisionError{fmt.Sprintf("a call about the account %s was not answered yet: try again when it is", account)}
		}
		shows := adapters.Account{
			ID: now.VendorID, Email: now.Email, ExternalID: now.ExternalID, Role: now.Role, Licence: now.Licence,
			Teams: now.Teams, Attributes: now.Profile, State: adapters.Active,
		}
		if now.State == Suspended {
			shows.State = adapters.Suspended
		}
		now.State, now.Intent, now.Missed, now.Modified = Unlinked, nil, nil, tx.now
		gone = *now
		if err := accounts.Put(tx, now); err != nil {
			return err
		}
		if err := e.leaveAlone(tx, actor, app, &shows, now.Person); err != nil {
			return err
		}
		fact := tx.fact(audit.AccountUnlinked, app, now.Person, now.ID, nil, map[string]string{"vendorId": now.VendorID})
		fact.Actor = actor
		if err := audit.Record(tx, fact); err != nil {
			return err
		}
		return mark(tx, app, personSubject(now.Person), &fact, tx.now)
	})
	if err == nil {
		e.Wake()
	}
	return gone, err
}

// Ignore says that a vendor's account, named by its id or address, is to be left alone: reconciling does not report it any
// more, and nobody is given it. With undo it is looked at again. It changes nothing at the vendor, and may be repeated.
func (e *Engine) Ignore(ctx context.Context, actor audit.Actor, app, account string, undo bool) (Drift, error) {
	_, conn, _, err := e.appNow(ctx, app)
	if err != nil {
		return Drift{}, err
	}
	v, err := find(ctx, conn, account)
	switch {
	case adapters.IsKind(err, adapters.NotFound), adapters.IsKind(err, adapters.Invalid):
		if !undo {
			return Drift{}, &DecisionError{fmt.Sprintf("%s has no account %s", conn.Can.Title, account)}
		}
		v = adapters.Account{ID: account} // it may be gone meanwhile
	case err != nil:
		return Drift{}, err
	}
	var out Drift
	err = e.commit(ctx, func(tx *txn) error {
		out = Drift{}
		if _, err := accounts.Lookup(tx, byVendor, store.Key([]byte(app), []byte(v.ID))); err == nil {
			return &DecisionError{fmt.Sprintf("usher keeps the account %s itself: to leave it alone, usher unlink %s %s", account, app, account)}
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		was, err := ignored(tx, app, v.ID)
		if err != nil {
			return err
		}
		switch {
		case undo && was == nil:
			return &DecisionError{fmt.Sprintf("the account %s is not ignored", account)}
		case undo:
			out = *was
			if err := forget(tx, app, v.ID); err != nil {
				return err
			}
		case was != nil:
			out = *was
			return nil
		default:
			person := uuid.Nil
			known, err := driftsOf(tx, app, vendorSubject(v.ID))
			if err != nil {
				return err
			}
			for _, d := range known {
				person = d.Person
			}
			if err := e.leaveAlone(tx, actor, app, &v, person); err != nil {
				return err
			}
			if was, err = ignored(tx, app, v.ID); err != nil {
				return err
			}
			out = *was
		}
		detail := map[string]string{"vendorId": clip(v.ID, driftText)}
		if undo {
			detail["why"] = "not ignored any more"
		}
		fact := tx.fact(audit.AccountIgnored, app, out.Person, uuid.Nil, nil, detail)
		fact.Actor = actor
		if err := audit.Record(tx, fact); err != nil || out.Person == uuid.Nil {
			return err
		}
		return mark(tx, app, personSubject(out.Person), &fact, tx.now)
	})
	if err == nil {
		e.Wake()
	}
	return out, err
}

// leaveAlone writes that an account is ignored, in place of what was known of it.
func (e *Engine) leaveAlone(tx *txn, actor audit.Actor, app string, v *adapters.Account, person uuid.UUID) error {
	if err := forget(tx, app, v.ID); err != nil {
		return err
	}
	return putDrift(tx, &Drift{
		App: app, Kind: DriftForeign, Person: person, VendorID: v.ID, Email: clip(directory.Fold(v.Email), driftText), Shown: shown(v),
		State: DriftIgnored, Since: tx.now, Last: tx.now, By: actor.Name,
		Text: actor.Name + " said to leave this account alone", Fix: "`usher link` it to its owner, or `usher ignore --undo`",
	})
}

// forget drops what is known of an account that the ledger does not have, also that it is ignored.
func forget(tx *txn, app, vendorID string) error {
	known, err := driftsOf(tx, app, vendorSubject(vendorID))
	if err != nil {
		return err
	}
	for _, d := range known {
		if err := drifts.Delete(tx, d.key()); err != nil {
			return err
		}
	}
	return nil
}

// appNow is an app of the mapping in force with its connection, whose tenant was checked.
func (e *Engine) appNow(ctx context.Context, app string) (*mapping.App, Connection, *mapping.Mapping, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return nil, Connection{}, nil, err
	}
	a, ok := m.App(app)
	if !ok {
		return nil, Connection{}, nil, &DecisionError{"the mapping has no app " + app}
	}
	conn, err := e.open(ctx, a)
	return a, conn, m, err
}

// find looks a vendor's account up as a person names it: by its id there, else by address.
func find(ctx context.Context, conn Connection, account string) (adapters.Account, error) {
	if !strings.Contains(account, "@") {
		return conn.Adapter.Find(ctx, adapters.Probe{ID: account})
	}
	return conn.Adapter.Find(ctx, adapters.Probe{Email: directory.Fold(account)})
}

// ledgerAccount finds a standing account of the ledger as a person names it: by its id at the vendor, its address or its id here.
func (e *Engine) ledgerAccount(ctx context.Context, app, account string) (Account, error) {
	var found *Account
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		found = nil
		for _, probe := range []struct{ index, value string }{{byVendor, account}, {byEmail, directory.Fold(account)}} {
			a, err := accounts.Lookup(r, probe.index, store.Key([]byte(app), []byte(probe.value)))
			if err == nil {
				found = a
				return nil
			}
			if !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		if id := parseID(account); id != uuid.Nil {
			a, err := accounts.Get(r, accountKey(id))
			if err == nil && a.App == app && !a.State.Over() {
				found = a
			}
			return ignoreNotFound(err)
		}
		return nil
	})
	if err == nil && found == nil {
		err = &DecisionError{fmt.Sprintf("the ledger of %s has no account %s", app, account)}
	}
	if err != nil {
		return Account{}, err
	}
	return *found, nil
}
