package provision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// slice compares listed accounts in one transaction. It writes the stamps, and of drift what is new.
func (r *run) slice(ctx context.Context, listed []adapters.Account) error {
	if len(listed) == 0 {
		return nil
	}
	var tally run
	err := r.commit(ctx, func(tx *txn) error {
		tally = run{judge: r.judge, rec: Reconciliation{Run: r.rec.Run, Started: r.rec.Started, Found: driftCounts{}}, kept: map[DriftKind]int{}}
		for kind, n := range r.kept {
			tally.kept[kind] = n
		}
		for i := range listed {
			if err := tally.one(tx, &listed[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.kept = tally.kept
	r.rec.Known += tally.rec.Known
	r.rec.Untold += tally.rec.Untold
	return nil
}

// one compares one listed account.
func (r *run) one(tx *txn, v *adapters.Account) error {
	s, err := r.sight(tx, v)
	if err != nil {
		return err
	}
	a := s.account
	if a == nil {
		return r.unknown(tx, v)
	}
	if !s.again {
		r.rec.Known++
	}
	if a.Missed != nil {
		a.Missed = nil
		a.Modified = tx.now
		if err := accounts.Put(tx, a); err != nil {
			return err
		}
	}
	return r.note(tx, ledgerSubject(a.ID), s.found)
}

// sighting is an account that the list showed, against the ledger.
type sighting struct {
	account *Account // nil: the ledger does not have it
	again   bool     // the list showed it before
	found   []Drift  // in what they differ
}

// sight looks a listed account up in the ledger, notes that the list showed it, and compares the two.
func (r *run) sight(tx *txn, v *adapters.Account) (sighting, error) {
	a, err := accounts.Lookup(tx, byVendor, store.Key([]byte(r.app.Key), []byte(v.ID)))
	if errors.Is(err, store.ErrNotFound) {
		return sighting{}, nil
	}
	if err != nil {
		return sighting{}, err
	}
	s := sighting{account: a}
	if s.again, err = r.stamp(tx, a.ID); err != nil {
		return s, err
	}
	if r.still(a) {
		c, err := r.comparison(tx, a, v)
		if err != nil {
			return s, err
		}
		s.found = c.differences()
	}
	return s, nil
}

// still reports whether Usher had left an account alone for long enough before the list began, so that the vendor's reads show what it
// is. What was changed since is judged by the next run.
func (r *run) still(a *Account) bool { return a.Modified.Add(r.can.ReadLag).Before(r.rec.Started) }

// stamp notes that the list showed an account and reports whether it did so before.
func (r *run) stamp(tx *txn, id uuid.UUID) (before bool, err error) {
	before, err = r.stamped(tx, id)
	if err != nil || before {
		return before, err
	}
	return false, tx.Put(stamps, id[:], r.rec.Run[:])
}

func (r *run) stamped(reader store.Reader, id uuid.UUID) (bool, error) {
	value, err := reader.Get(stamps, id[:])
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return bytes.Equal(value, r.rec.Run[:]), err
}

func (r *run) comparison(reader store.Reader, a *Account, v *adapters.Account) (comparison, error) {
	app, err := r.appOf(reader, a.Person)
	if err != nil {
		return comparison{}, err
	}
	c := comparison{App: app, Can: r.can, Account: a, Seen: v}
	for _, t := range app.ManagedTeams() {
		_, err := teamChanges.Get(reader, append(teamPrefix(a.App, t), store.Key(a.ID[:])...))
		if err == nil {
			c.Moving = append(c.Moving, t)
		} else if !errors.Is(err, store.ErrNotFound) {
			return c, err
		}
	}
	return c, nil
}

// appOf is the app as the version of the mapping has it that a person follows.
func (r *run) appOf(reader store.Reader, person uuid.UUID) (*mapping.App, error) {
	if next, _ := r.mapping.RollsOut(); next == nil {
		return r.app, nil
	}
	p, err := r.o.Directory.PersonIn(reader, person)
	if err != nil {
		return nil, err
	}
	if app, ok := r.mapping.AppFor(r.app.Key, &p); ok {
		return app, nil
	}
	return r.app, nil
}

// note writes what was found of one account, and settles what is not found any more.
func (r *run) note(tx *txn, subject []byte, found []Drift) error {
	old, err := driftsOf(tx, r.app.Key, subject)
	if err != nil {
		return err
	}
	now := tx.now
	for i := range found {
		d := &found[i]
		var was *Drift
		for _, o := range old {
			if o.same(d) {
				was = o
			}
		}
		if err := r.found(tx, d, was, now); err != nil {
			return err
		}
	}
	for _, o := range old {
		if o.State == DriftIgnored {
			continue
		}
		still := false
		for i := range found {
			still = still || found[i].same(o)
		}
		if still {
			continue
		}
		if o.Run == r.rec.Run && o.State == DriftFound {
			r.kept[o.Kind]-- // the list showed it twice, and the later is right
		}
		if err := settleDrift(tx, o, now); err != nil {
			return err
		}
	}
	return nil
}

// found writes one drift over what was known of it.
func (r *run) found(tx *txn, d, was *Drift, now time.Time) error {
	news := was == nil || !was.State.Open()
	d.Since, d.Last, d.Run, d.State = now, now, r.rec.Run, DriftFound
	if was != nil {
		d.ID, d.Turned, d.Forced = was.ID, recently(was.Turned, now), was.Forced
		if !news {
			d.Since = was.Since
		}
		if was.State == DriftContested { // until an administrator says otherwise
			d.State = DriftContested
		}
		if was.State == DriftQuestion && was.Doubt == d.Doubt {
			d.State = DriftQuestion
		}
	}
	if was == nil || was.Run != r.rec.Run {
		if r.kept[d.Kind] >= driftKept {
			r.rec.Untold++
			return nil
		}
		r.kept[d.Kind]++
		// A field that stands reported is not turned back each time that it is seen again.
		if d.Kind == DriftChanged && (was == nil || was.State != DriftReported && was.State != DriftFound && was.State != DriftContested) {
			d.Turned = append(d.Turned, now)
		}
	}
	if err := putDrift(tx, d); err != nil {
		return err
	}
	if !news || d.Person == uuid.Nil {
		return nil
	}
	detail := map[string]string{"drift": d.ID, "kind": string(d.Kind), "vendorId": clip(d.VendorID, driftText)}
	if d.Field != "" {
		detail["changed"] = d.Field // never the values, which may be personal
	}
	return audit.Record(tx, tx.fact(audit.DriftFound, r.app.Key, d.Person, d.Account, nil, detail))
}

// settleDrift ends a drift that is not there any more. It is kept while its history counts.
func settleDrift(tx *txn, d *Drift, now time.Time) error {
	d.Turned = recently(d.Turned, now)
	if len(d.Turned) == 0 {
		return drifts.Delete(tx, d.key())
	}
	if d.State == DriftSettled {
		return nil
	}
	d.State, d.Last, d.Forced = DriftSettled, now, false
	return putDrift(tx, d)
}

// unknown judges an account that the ledger does not have.
func (r *run) unknown(tx *txn, v *adapters.Account) error {
	d, err := r.whose(tx, v)
	if err != nil {
		return err
	}
	subject := vendorSubject(v.ID)
	if d == nil {
		return r.note(tx, subject, nil)
	}
	if was, err := ignored(tx, r.app.Key, v.ID); err != nil || was != nil {
		return err
	}
	d.App, d.VendorID, d.Email, d.Shown = r.app.Key, v.ID, clip(directory.Fold(v.Email), driftText), shown(v)
	return r.note(tx, subject, []Drift{*d})
}

// whose says whose account an unknown one is; nil where work of our own is under way about it.
func (r *run) whose(tx store.Reader, v *adapters.Account) (*Drift, error) {
	title := r.can.Title
	foreign := func(text string) *Drift {
		return &Drift{Kind: DriftForeign, Text: text, Fix: "`usher link` it to its owner, `usher ignore` it, or end it at " + title}
	}
	person, certain, err := r.owner(tx, v)
	switch {
	case err != nil:
		return nil, err
	case person == uuid.Nil && v.Protected != "":
		return foreign(fmt.Sprintf("the %s account belongs to nobody in the directory, and is protected: %s", title, clip(v.Protected, 64))), nil
	case person == uuid.Nil && !certain:
		return foreign(fmt.Sprintf("the address of the %s account is that of several people", title)), nil
	case person == uuid.Nil:
		return foreign(fmt.Sprintf("the %s account belongs to nobody in the directory", title)), nil
	}
	p, err := r.o.Directory.PersonIn(tx, person)
	if err != nil {
		return nil, err
	}
	all, err := accountsOf(tx, r.app.Key, person)
	if err != nil {
		return nil, err
	}
	d := &Drift{Person: person, Doubt: r.doubt(v, &p)}
	have := standing(all)
	if len(have) > 0 {
		a := &have[0]
		if a.VendorID == "" || a.State == Creating || a.Intent != nil && a.Intent.Sent {
			return nil, nil
		}
		d.Kind, d.Ledger = DriftDuplicated, a.VendorID
		d.Text = fmt.Sprintf("a further %s account of somebody whose account is %s", title, clip(a.VendorID, 64))
		d.Fix = "end one of the two at " + title + ", or `usher ignore` this one"
		return d, nil
	}
	want, err := r.mapping.Want(r.app.Key, &p, r.now)
	switch {
	case err != nil:
		d.Kind, d.Text = DriftExtra, fmt.Sprintf("the %s account of somebody for whom the mapping cannot be evaluated", title)
	case want.Wanted:
		d.Kind, d.Text = DriftUnlinked, fmt.Sprintf("a %s account of somebody entitled, which Usher does not keep", title)
	case want.Reason == mapping.Deactivated:
		r.leaver(d, v, &p, all, want)
	default:
		d.Kind, d.Text = DriftExtra, fmt.Sprintf("a %s account of somebody who is not entitled: %s", title, want.Text)
	}
	if d.Fix == "" {
		d.Fix = "`usher link` it to its owner, or `usher ignore` it"
	}
	if d.Doubt != "" {
		d.Text += "; " + d.Doubt
	}
	return d, nil
}

// leaver judges an unknown account of somebody who has left.
func (r *run) leaver(d *Drift, v *adapters.Account, p *directory.Person, history []Account, want mapping.Want) {
	title := r.can.Title
	exact := parseID(v.ExternalID) == p.ID
	email := directory.Fold(v.Email)
	exact = exact || email != "" && (email == emailOf(want, *p) || email == directory.Fold(p.UserName))
	for i := range history {
		if h := &history[i]; h.State != Unlinked && (h.VendorID == v.ID || h.Email == email && email != "" || exact) {
			d.Kind, d.Text = DriftReturned, fmt.Sprintf("the %s account of somebody who has left is there again", title)
			d.Fix = "find out what makes it anew; often it is the automatic creation of accounts at sign-in"
			return
		}
	}
	if exact {
		d.Kind, d.Text = DriftLeaver, fmt.Sprintf("a %s account under the work address of somebody who has left", title)
		return
	}
	d.Kind, d.Text = DriftLeaver, fmt.Sprintf("a %s account under a former address of somebody who has left", title)
	if d.Doubt == "" {
		d.Doubt = "the address is not the present one, so somebody has to say whether it is theirs"
	}
}

// owner finds the person of a vendor's account: by our id, else by address. certain is false where several could be.
func (r *run) owner(tx store.Reader, v *adapters.Account) (person uuid.UUID, certain bool, err error) {
	if id := parseID(v.ExternalID); id != uuid.Nil {
		known, err := r.o.Directory.PersonExists(tx, id)
		if err != nil || known {
			return id, true, err
		}
	}
	if v.Email == "" {
		return uuid.Nil, true, nil
	}
	ids, err := r.o.Directory.LookupIn(tx, v.Email)
	if err != nil {
		return uuid.Nil, true, err
	}
	if len(ids) == 0 { // whoever had it last may have left the directory
		var last *Account
		for a, err := range accounts.Find(tx, byFormer, store.Key([]byte(r.app.Key), []byte(directory.Fold(v.Email)))) {
			if err != nil {
				return uuid.Nil, true, err
			}
			if last == nil || a.Modified.After(last.Modified) {
				last = a
			}
		}
		if last == nil {
			return uuid.Nil, true, nil
		}
		return last.Person, true, nil
	}
	if len(ids) > 1 {
		return uuid.Nil, false, nil
	}
	return ids[0], true, nil
}

// doubtIn says why an account is not taken for the person's without being asked, or "".
func (e *Engine) doubtIn(app *mapping.App, self []string, v *adapters.Account, p *directory.Person) string {
	switch {
	case v.Protected != "":
		return "it is protected: " + clip(v.Protected, 64)
	case app.Protects(v.Email, v.ID):
		return "it is on the app's protect list"
	case app.ProtectsRole(v.Role):
		return "the mapping protects the role " + clip(v.Role, 64)
	case app.ProtectsKind(kindShown(v, p)):
		return "the mapping protects accounts of the kind " + clip(kindShown(v, p), 64)
	case isSelf(self, v.ID, v.Email):
		return "the connector signs in with it"
	case v.Admin:
		return "it is an administrator's"
	case looksLikeSomebodyElses(v, p):
		return "it looks like somebody else's: " + clip(nameOf(v.Attributes), 64)
	}
	return ""
}

// kindShown is the kind of an account that is not in the ledger, as Account.Kind would have it.
func kindShown(v *adapters.Account, p *directory.Person) string {
	if v.Kind != "" {
		return directory.Fold(v.Kind)
	}
	return kindOf(*p)
}

func (r *run) doubt(v *adapters.Account, p *directory.Person) string {
	_, self := r.knows(r.app.Key)
	return r.doubtIn(r.app, self, v, p)
}

// isSelf reports whether the connector signs in with an account.
func isSelf(self []string, id, email string) bool {
	for _, s := range self {
		if s != "" && (s == id || directory.Fold(s) == directory.Fold(email)) {
			return true
		}
	}
	return false
}
