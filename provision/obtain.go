package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
)

// obtain gives a person without a ledger entry an account: the one that is there,
// else a new one. The vendor is asked before the entry is written, so that an
// account that was there before us is known as adopted.
func (x *execution) obtain(ctx context.Context, s *Situation, step Step) error {
	found, err := x.conn.Adapter.Find(ctx, adapters.Probe{ExternalID: step.Profile.ExternalID, Email: step.Profile.Email})
	if err != nil && !adapters.IsKind(err, adapters.NotFound) {
		return err
	}
	a := &Account{
		ID: x.o.NewID(), App: x.app.Key, Person: s.Person.ID, Email: step.Profile.Email,
		State: Creating, Created: x.o.Now(), Kind: kindOf(s.Person),
	}
	if err == nil {
		return x.adopt(ctx, s, a, found, Adopted)
	}
	if step.Op == OpLook {
		return nil
	}
	return x.create(ctx, s, step, a)
}

// create makes the account of an entry in the state creating. If an earlier create may
// have reached the vendor, the account is looked up first, twice across the vendor's read lag.
func (x *execution) create(ctx context.Context, s *Situation, step Step, a *Account) error {
	if a.Intent != nil && a.Intent.Sent {
		found, err := x.recover(ctx, a)
		if err != nil {
			return err
		}
		if found != nil {
			return x.adopt(ctx, s, a, *found, Created)
		}
	}
	a.Email, a.Role, a.Licence, a.Profile = step.Profile.Email, step.Profile.Role, step.Profile.Licence, step.Profile.Attributes
	if err := x.intend(ctx, a, OpObtain); err != nil {
		return err
	}
	made, err := x.conn.Adapter.Create(ctx, step.Profile)
	switch {
	case err == nil:
		return x.created(ctx, a, made)
	case adapters.IsKind(err, adapters.AlreadyExists):
		return x.exists(ctx, s, a, err)
	case adapters.KindOf(err) == adapters.Uncertain:
		return err // the intent stays: the account is looked up before anything is sent again
	}
	// A definite no: nothing was made.
	a.Intent = nil
	return errors.Join(x.save(ctx, a, "", nil), err)
}

func (x *execution) created(ctx context.Context, a *Account, made adapters.Account) error {
	wroteID := a.Person.String()
	a.observed(made, x.o.Now())
	if a.ExternalID == "" && x.can.ExternalID {
		a.ExternalID = wroteID
	}
	a.State, a.Origin, a.Enforced, a.Intent = Active, Created, true, nil
	a.rendered(a.Profile, made.Attributes)
	return x.conclude(ctx, a, audit.AccountCreated, x.made(a))
}

// recover looks for the account of a create whose outcome is unknown. Nil without an
// error means that it was looked up often enough to be sure that it does not exist.
func (x *execution) recover(ctx context.Context, a *Account) (*adapters.Account, error) {
	if err := x.sinceLook(ctx, a); err != nil {
		return nil, err
	}
	found, err := x.conn.Adapter.Find(ctx, adapters.Probe{ExternalID: a.Person.String(), Email: a.Email})
	if err == nil {
		return &found, nil
	}
	if !adapters.IsKind(err, adapters.NotFound) {
		return nil, err
	}
	return nil, x.missed(ctx, a)
}

// missed notes that the account of a create whose outcome is unknown was looked up and is not there. Nil means: often enough.
func (x *execution) missed(ctx context.Context, a *Account) error {
	if err := x.sameTenant(ctx); err != nil {
		return err
	}
	if err := x.secondLook(ctx, a, "looks a second time for an account whose creation was not answered"); err != nil {
		return err
	}
	a.Intent = nil
	return nil
}

// sinceLook makes the second look at what became of a call wait until reads show what the first may have missed. Where the clock was set
// back since, the wait begins now.
func (x *execution) sinceLook(ctx context.Context, a *Account) error {
	now := x.o.Now()
	if a.Intent.At.After(now) {
		a.Intent.At = now
		if err := x.save(ctx, a, "", nil); err != nil {
			return err
		}
	}
	if again := a.Intent.At.Add(x.can.ReadLag); a.Intent.Probes > 0 && now.Before(again) {
		return &waitError{until: again, why: "waits for the vendor's reads to catch up"}
	}
	return nil
}

// secondLook notes a look at what became of a call, and asks for another when it was the first: reads may not have shown the call yet.
func (x *execution) secondLook(ctx context.Context, a *Account, why string) error {
	now := x.o.Now()
	a.Intent.Probes++
	a.Intent.At = now
	if err := x.save(ctx, a, "", nil); err != nil {
		return err
	}
	if a.Intent.Probes < 2 {
		return &waitError{until: now.Add(max(x.can.ReadLag, time.Second)), why: why}
	}
	return nil
}

// exists handles a create that the vendor refused because the account is there.
func (x *execution) exists(ctx context.Context, s *Situation, a *Account, refusal error) error {
	found, err := x.conn.Adapter.Find(ctx, adapters.Probe{ExternalID: a.Person.String(), Email: a.Email})
	if err == nil {
		return x.adopt(ctx, s, a, found, Adopted)
	}
	if !adapters.IsKind(err, adapters.NotFound) {
		return err
	}
	a.Intent = nil
	if err := x.save(ctx, a, "", nil); err != nil {
		return err
	}
	return &heldError{again: x.o.Now().Add(holdRetry), spec: HoldSpec{
		Kind: HoldForeign, Fingerprint: "exists " + a.Email,
		Text: fmt.Sprintf("%s says that %s is taken, and shows no such account: %s", x.can.Title, a.Email, message(refusal)),
		Fix:  "look for the address at " + x.can.Title + ", perhaps in another tenant or among deleted users; it is tried again every hour",
	}}
}

// adopt takes an account that stands at the vendor into the ledger, as it is.
func (x *execution) adopt(ctx context.Context, s *Situation, a *Account, found adapters.Account, origin Origin) error {
	why, err := x.foreign(ctx, s.Person.ID, found)
	if err != nil {
		return err
	}
	if why != "" {
		if a.Intent != nil {
			a.Intent = nil
			if err := x.save(ctx, a, "", nil); err != nil {
				return err
			}
		}
		return x.foreignHold(found.Email, why)
	}
	if err := x.mayAdopt(ctx, s, a, &found, origin); err != nil {
		return err
	}
	a.adopt(found, x.o.Now())
	a.Origin = origin
	a.Enforced = origin == Created
	act := audit.AccountAdopted
	if origin == Created {
		act = audit.AccountCreated
	}
	return x.save(ctx, a, act, x.made(a))
}

// byIgnore ends the reason of what an administrator said to leave alone.
const byIgnore = " (usher ignore)"

// foreignHold holds what would need somebody else's account. It is looked at again, as the other account may end.
func (x *execution) foreignHold(email, why string) error {
	title := x.can.Title
	fix := "give one of the two another address, or end the other account first"
	if strings.HasSuffix(why, byIgnore) {
		fix = fmt.Sprintf("if it is this person's after all: usher link %s %s USER; else give the person another address", x.app.Key, email)
	}
	return &heldError{again: x.o.Now().Add(holdRetry), spec: HoldSpec{
		Kind: HoldForeign, Fingerprint: email,
		Text: fmt.Sprintf("the %s account %s %s", title, email, why),
		Fix:  fix + "; it is looked at again every hour and on `usher retry`",
	}}
}

// foreign says why a found account cannot be this person's, or "".
func (x *execution) foreign(ctx context.Context, person uuid.UUID, found adapters.Account) (string, error) {
	why := ""
	err := x.o.Store.View(ctx, func(r store.Reader) error {
		var err error
		why, err = x.foreignIn(r, x.app.Key, person, found)
		return err
	})
	return why, err
}

// foreignIn says why an account of an app cannot be a person's, or "".
func (e *Engine) foreignIn(r store.Reader, app string, person uuid.UUID, found adapters.Account) (string, error) {
	for _, probe := range []struct {
		index string
		value string
	}{{byVendor, found.ID}, {byEmail, directory.Fold(found.Email)}} {
		if probe.value == "" {
			continue
		}
		other, err := accounts.Lookup(r, probe.index, store.Key([]byte(app), []byte(probe.value)))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", err
		}
		if other.Person != person {
			return "belongs to another person in Usher's ledger (" + other.Person.String() + ")", nil
		}
	}
	if d, err := ignored(r, app, found.ID); err != nil || d != nil {
		return "is to be left alone: " + orUsher(byOf(d)) + " said so" + byIgnore, err
	}
	id := parseID(found.ExternalID)
	if id == uuid.Nil || id == person {
		return "", nil
	}
	known, err := e.o.Directory.PersonExists(r, id)
	if err == nil && known {
		return "carries the external id of another person of this directory (" + id.String() + ")", nil
	}
	return "", err
}

func byOf(d *Drift) string {
	if d == nil {
		return ""
	}
	return d.By
}

// parseID reads one of our ids; uuid.Nil for anything else that a vendor's external id may hold.
func parseID(s string) uuid.UUID {
	id, err := uuid.Parse(s)
	if err != nil {
		return uuid.Nil
	}
	return id
}

// claimed turns a unique violation into a hold: the address or the vendor's account is another person's.
func (x *execution) claimed(ctx context.Context, a *Account, err error) error {
	var unique *store.UniqueError
	if !errors.As(err, &unique) {
		return err
	}
	other := ""
	verr := x.o.Store.View(ctx, func(r store.Reader) error {
		o, err := accounts.Get(r, unique.Key)
		if err == nil {
			other = o.Person.String()
		}
		return err
	})
	if verr != nil {
		return verr
	}
	return x.foreignHold(a.Email, "belongs to another person in Usher's ledger ("+other+")")
}

// verify finds out what became of a call whose outcome is unknown.
func (x *execution) verify(ctx context.Context, a *Account) error {
	if a.State == Creating {
		found, err := x.recover(ctx, a)
		if err != nil {
			return err
		}
		if found != nil {
			why, err := x.foreign(ctx, a.Person, *found)
			if err != nil {
				return err
			}
			if why != "" { // what stands under its address is somebody else's
				if err := x.missed(ctx, a); err != nil {
					return err
				}
				found = nil
			}
		}
		if found == nil {
			return x.end(ctx, a, Gone, audit.AccountRemoved, "its creation never took place")
		}
		a.adopt(*found, x.o.Now())
		a.Origin, a.Enforced = Created, true
		return x.save(ctx, a, audit.AccountCreated, x.made(a))
	}
	if a.Intent == nil {
		a.Intent = &Intent{Op: OpRemove, At: x.o.Now(), Sent: true}
	}
	if err := x.sinceLook(ctx, a); err != nil {
		return err
	}
	found, err := x.conn.Adapter.Find(ctx, adapters.Probe{ID: a.VendorID})
	switch {
	case err == nil:
		if err := x.secondLook(ctx, a, "looks a second time for an account whose removal was not answered"); err != nil {
			return err
		}
		before := *a
		a.adopt(found, x.o.Now())
		a.Enforced, a.Before = before.Enforced, before.Before
		a.leftTeams(found.Teams, x.o.Now().Add(-x.can.ReadLag)) // it was looked at twice since
		detail := x.detail(a)
		detail["why"] = "it is wanted again, and a removal without an answer did not end it"
		return x.save(ctx, a, audit.AccountKept, detail)
	case adapters.IsKind(err, adapters.NotFound):
		if err := x.sameTenant(ctx); err != nil {
			return err
		}
		return x.end(ctx, a, Gone, audit.AccountRemoved, "an earlier removal took effect")
	}
	return err
}

// sameTenant makes sure, now, that "not found" was said by the tenant that the ledger is bound to.
func (x *execution) sameTenant(ctx context.Context) error { return x.confirm(ctx, x.app, x.conn) }

// madeText bounds each value that the fact of a new account tells, in bytes.
const madeText = 512

// made is the detail of an account that entered the ledger: beside what each fact tells, its address and its profile as the vendor shows it.
func (x *execution) made(a *Account) map[string]string {
	detail := x.detail(a)
	detail["email"] = clip(a.Email, madeText)
	for name, value := range a.Profile {
		detail["profile."+name] = clip(value, madeText)
	}
	return detail
}

// detail is what an account's fact tells: ids and states, and the vendor calls that were made.
func (x *execution) detail(a *Account) map[string]string {
	return map[string]string{"vendorId": a.VendorID, "role": a.Role, "licence": a.Licence, "state": string(a.State)}
}
