package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// CreateUser makes what a source says of a person a record (scim.md law 12).
//
// A record of the same source with this externalId or userName is Uniqueness, or, where it is inactive and
// o.Reactivate, is taken up again under its id. A person that others hold under this userName
// and this source does not is linked. A source that deleted a user of both the same
// externalId and the same userName gets the same person again. Else the person is new.
//
// It clears the deny that a delete by this source left, and fulfils members of this source's groups that
// wait for the externalId.
func (d *Directory) CreateUser(ctx context.Context, src Source, request string, w UserWrite, o CreateOptions) (User, error) {
	if err := w.check(); err != nil {
		return User{}, err
	}
	a, fresh := d.bySource(src, request), d.newID()
	var user User
	err := d.write(ctx, src, "create user", func(tx store.Tx) error {
		person, own, err := d.linkByUserName(tx, src, w.UserName)
		if err == nil && !own && w.ExternalID != "" {
			own, err = d.knows(tx, src, w.ExternalID)
		}
		if err != nil {
			return err
		}
		if !own {
			user, err = d.createRecord(tx, a, src, person, fresh, w)
			return err
		}
		known, err := d.sameUser(tx, src, w)
		if err != nil {
			return err
		}
		if known.Active || !o.Reactivate {
			field, value := "userName", w.UserName
			if w.ExternalID != "" && known.ExternalID == w.ExternalID {
				field, value = "externalId", w.ExternalID
			}
			return &Error{Code: Uniqueness, Field: field, Message: fmt.Sprintf("a user with the %s %q exists already", field, value)}
		}
		current, err := d.userOf(tx, *known)
		if err != nil {
			return err
		}
		user, _, err = d.rewriteRecord(tx, a, src, current, w)
		return err
	})
	return user, err
}

// sameUser returns the source's own record with the externalId or the userName of a write, of which there is one.
func (d *Directory) sameUser(r store.Reader, src Source, w UserWrite) (*Record, error) {
	name, err := found(d.records.Lookup(r, byUserName, in(Fold(w.UserName), src.ID)))
	if err != nil || w.ExternalID == "" {
		return name, err
	}
	external, err := found(d.records.Lookup(r, byExternalID, in(w.ExternalID, src.ID)))
	switch {
	case err != nil || name == nil:
		return external, err
	case external != nil && external.Person != name.Person:
		return nil, &Error{Code: Uniqueness, Field: "userName", Message: fmt.Sprintf(
			"the userName %q and the externalId %q belong to two different users", w.UserName, w.ExternalID)}
	}
	return name, nil
}

// createRecord adds a record for the person that the write means: whom others hold under
// its userName, if anybody, else whom an earlier delete left, else the fresh one.
func (d *Directory) createRecord(tx store.Tx, a act, src Source, person, fresh uuid.UUID, w UserWrite) (User, error) {
	if person == uuid.Nil && w.ExternalID != "" {
		left, err := found(d.traces.Get(tx, traceKey(src.ID, w.ExternalID, w.UserName)))
		if err != nil {
			return User{}, err
		}
		if left != nil {
			held, err := d.holds(tx, src.ID, left.Person)
			if err != nil {
				return User{}, err
			}
			if !held {
				person = left.Person
			}
		}
	}
	if person == uuid.Nil {
		person = fresh
	}
	return d.addRecord(tx, a, src, person, w, person != fresh)
}

// addRecord adds the source's record of a person. known says that the person was there before.
func (d *Directory) addRecord(tx store.Tx, a act, src Source, person uuid.UUID, w UserWrite, known bool) (User, error) {
	record := Record{
		Person: person, Source: src.ID,
		UserName: w.UserName, ExternalID: w.ExternalID, Active: w.Active,
		Emails: w.Emails, Attributes: w.attributes(),
		Version: 1, Created: a.at, Modified: a.at,
	}
	change := a.begin(audit.UserCreated)
	change.Persons = []uuid.UUID{person}
	if known {
		held, err := d.heldBy(tx, person, src.ID)
		if err != nil {
			return User{}, err
		}
		if held {
			change.Act = audit.UserLinked
			change.Removing = !w.Active
		}
		last, err := d.dropLeft(tx, record)
		if err != nil {
			return User{}, err
		}
		record.Version += last
	}
	if err := d.records.Insert(tx, &record); err != nil {
		return User{}, d.userTaken(err)
	}
	if err := tally(tx, countedUsers, src.ID, person, 1); err != nil {
		return User{}, err
	}
	joined, err := d.fulfil(tx, a, src, record)
	if err != nil {
		return User{}, err
	}
	if change.Detail, err = (detail{Joined: joined}).encode(); err != nil {
		return User{}, err
	}
	if err := audit.Append(tx, change); err != nil {
		return User{}, err
	}
	if !known && len(joined) == 0 {
		return User{Record: record, Held: true}, nil
	}
	return d.userOf(tx, record)
}

// UpdateUser lets edit say what the source's record should be, given what it is,
// and makes it so in the same transaction. edit is pure and may run more than once; an error of
// it changes nothing and is returned as it is. changed is false when the write changed
// nothing. A person that only others hold is given to edit as the merge, and the write
// makes this source a holder (scim.md law 16).
func (d *Directory) UpdateUser(ctx context.Context, src Source, request string, id uuid.UUID, edit func(User) (UserWrite, error)) (user User, changed bool, err error) {
	a := d.bySource(src, request)
	early, err := d.editEarly(ctx, src, id, edit)
	if err != nil {
		return User{}, false, err
	}
	err = d.write(ctx, src, "update user", func(tx store.Tx) (failed error) {
		current, w, failed := early.again(tx, d, src, id, edit)
		if failed != nil {
			return failed
		}
		if !current.Held {
			changed = true
			user, failed = d.addRecord(tx, a, src, current.Person, w, true)
			return failed
		}
		user, changed, failed = d.rewriteRecord(tx, a, src, current, w)
		return failed
	})
	if err != nil {
		return User{}, false, err
	}
	return user, changed, nil
}

// earlyEdit is what an edit made of a user before the transaction began.
type earlyEdit struct {
	stored []byte // the record of the user as it stood then, encoded
	seen   User
	w      UserWrite
}

// editEarly runs an edit on the user as it stands now, outside of the transaction: decoding and changing a
// user takes longer than writing it, and transactions take turns. An edit that fails on a user
// that the source holds fails for good, as if the request had come a moment earlier. Other failures are left to the transaction.
func (d *Directory) editEarly(ctx context.Context, src Source, id uuid.UUID, edit func(User) (UserWrite, error)) (*earlyEdit, error) {
	var e earlyEdit
	err := d.store.View(ctx, func(r store.Reader) error {
		stored, err := r.Get(d.records.Name(), pair(src.ID, id))
		if err != nil {
			return err
		}
		record, err := recordCodec{}.Decode(stored)
		if err != nil {
			return err
		}
		e.stored = bytes.Clone(stored)
		e.seen, err = d.userOf(r, *record)
		return err
	})
	if err != nil {
		return nil, nil //nolint:nilerr // the transaction looks again, and says what is wrong
	}
	if e.w, err = editOne(e.seen, edit); err != nil {
		return nil, wrap("update user", err)
	}
	return &e, nil
}

// again returns the user as it stands in the transaction and what the edit makes of it: of a user whose record and groups are what they
// were, the early result. Its record is compared as it is stored, and not decoded again.
func (e *earlyEdit) again(tx store.Reader, d *Directory, src Source, id uuid.UUID, edit func(User) (UserWrite, error)) (User, UserWrite, error) {
	if e != nil {
		stored, err := tx.Get(d.records.Name(), pair(src.ID, id))
		if err == nil && bytes.Equal(stored, e.stored) {
			current, err := d.userOf(tx, e.seen.Record)
			if err != nil || slices.Equal(current.Groups, e.seen.Groups) {
				return current, e.w, err
			}
		}
	}
	current, err := d.userIn(tx, src, id)
	if err != nil {
		return User{}, UserWrite{}, err
	}
	w, err := editOne(current, edit)
	return current, w, err
}

func editOne(current User, edit func(User) (UserWrite, error)) (UserWrite, error) {
	w, err := edit(current)
	if err != nil {
		return UserWrite{}, edited{err}
	}
	return w, w.check()
}

// rewriteRecord makes the record of a user what a write says.
func (d *Directory) rewriteRecord(tx store.Tx, a act, src Source, user User, w UserWrite) (User, bool, error) {
	record := user.Record
	next, names, err := record.apply(w, a.at)
	if err != nil || len(names) == 0 {
		return user, false, err
	}
	if err = d.records.Replace(tx, &record, &next); err != nil {
		return User{}, false, d.userTaken(err)
	}
	what := detail{Attributes: names, Values: changedValues(record, next, names)}
	change := a.begin(audit.UserUpdated)
	change.Persons = []uuid.UUID{record.Person}
	if next.Active != record.Active {
		what.Active = &flip{From: record.Active, To: next.Active}
		change.Removing = !next.Active
		change.Act = audit.UserDeactivated
		if next.Active {
			change.Act = audit.UserActivated
		}
	}
	if next.ExternalID != record.ExternalID {
		if what.Joined, err = d.fulfil(tx, a, src, next); err != nil {
			return User{}, false, err
		}
	}
	if change.Detail, err = what.encode(); err != nil {
		return User{}, false, err
	}
	if err = audit.Append(tx, change); err != nil {
		return User{}, false, err
	}
	user.Record = next
	if len(what.Joined) > 0 {
		user, err = d.userOf(tx, next)
	}
	return user, true, err
}

// DeleteUser ends the source's record of a person and the person's memberships in
// the source's groups. While others still hold the person, a deny stays behind; when nobody does,
// all memberships end. A user that the source does not hold is NotFound.
//
// What checks are given look at the user in the same transaction, without its groups; they are pure, may run more than once,
// and an error of one of them deletes nothing and is returned as it is.
func (d *Directory) DeleteUser(ctx context.Context, src Source, request string, id uuid.UUID, checks ...func(User) error) error {
	a := d.bySource(src, request)
	return d.write(ctx, src, "delete user", func(tx store.Tx) error {
		id, err := d.meant(tx, src.ID, id)
		if err != nil {
			return err
		}
		record, err := d.records.Get(tx, pair(src.ID, id))
		if errors.Is(err, store.ErrNotFound) {
			return noUser(id)
		}
		if err != nil {
			return err
		}
		for _, check := range checks {
			if err = check(User{Record: *record, Held: true}); err != nil {
				return edited{err}
			}
		}
		held, err := d.heldBy(tx, id, src.ID)
		if err != nil {
			return err
		}
		if err = d.records.Delete(tx, pair(src.ID, id)); err != nil {
			return err
		}
		if err = tally(tx, countedUsers, src.ID, id, -1); err != nil {
			return err
		}
		if held {
			if err = d.denies.Put(tx, &Deny{Person: id, Source: src.ID, At: a.at, Version: record.Version}); err != nil {
				return err
			}
		}
		if record.ExternalID != "" {
			left := trace{Key: traceKey(src.ID, record.ExternalID, record.knownAs()), Person: id, At: a.at, Version: record.Version}
			if err = d.traces.Put(tx, &left); err != nil {
				return err
			}
		}
		dropped, err := d.dropMemberships(tx, a, id, func(source uuid.UUID) bool { return !held || source == src.ID })
		if err != nil {
			return err
		}
		change := a.begin(audit.UserDeleted)
		change.Persons, change.Removing = []uuid.UUID{id}, true
		what := detail{Left: dropped, Values: changedValues(*record, Record{}, identityNames)}
		if change.Detail, err = what.encode(); err != nil {
			return err
		}
		return audit.Append(tx, change)
	})
}

// ClearDeny lifts what a delete by a source left behind, so that the other holders decide
// alone. Of a source that was removed it likewise takes away a record that says inactive, which nobody could set right any more.
// Without either it is NotFound.
func (d *Directory) ClearDeny(ctx context.Context, actor audit.Actor, person, source uuid.UUID) error {
	a := d.act(actor, "")
	return wrap("clear a deny", d.store.Update(ctx, func(tx store.Tx) error {
		err := d.denies.Delete(tx, pair(person, source))
		if errors.Is(err, store.ErrNotFound) {
			err = d.dropLastWord(tx, person, source)
		}
		if err != nil {
			return err
		}
		change := a.begin(audit.DenyCleared)
		change.Persons = []uuid.UUID{person}
		if change.Detail, err = (detail{Source: source}).encode(); err != nil {
			return err
		}
		return audit.Append(tx, change)
	}))
}

// dropLastWord removes the record with which a removed source keeps out a person whom others hold.
func (d *Directory) dropLastWord(tx store.Tx, person, source uuid.UUID) error {
	record, err := found(d.records.Get(tx, pair(source, person)))
	if err != nil {
		return err
	}
	src, err := d.sharedSource(tx, source)
	if err != nil {
		return err
	}
	others, err := d.heldBy(tx, person, source)
	if err != nil {
		return err
	}
	if record == nil || record.Active || src.Removed.IsZero() || !others {
		return &Error{Code: NotFound, Message: fmt.Sprintf("nothing of source %s that could be lifted stands against the person %s", source, person)}
	}
	if err := d.records.Delete(tx, pair(source, person)); err != nil {
		return err
	}
	return tally(tx, countedUsers, source, person, -1)
}

// linkByUserName returns the person that others hold under a userName and this
// source does not hold: of several the one of the best-ranked holder. Nil for none. own says that
// the source itself has a user of this name.
func (d *Directory) linkByUserName(r store.Reader, src Source, userName string) (person uuid.UUID, own bool, err error) {
	if !searchable(userName) {
		return uuid.Nil, false, nil
	}
	var candidates []holding
	for key, err := range d.records.FindKeys(r, byUserName, anywhere(Fold(userName))) {
		if err != nil {
			return uuid.Nil, false, err
		}
		source, person := uuid.UUID(key[:16]), second(key)
		if source == src.ID {
			own = true
			continue
		}
		if held, err := d.holds(r, src.ID, person); err != nil {
			return uuid.Nil, false, err
		} else if held {
			continue
		}
		candidates = append(candidates, holding{Record: Record{Person: person, Source: source}})
	}
	switch len(candidates) {
	case 0:
		return uuid.Nil, own, nil
	case 1:
		return candidates[0].Person, own, nil
	}
	for i := range candidates {
		if candidates[i].source, err = d.sharedSource(r, candidates[i].Source); err != nil {
			return uuid.Nil, false, err
		}
	}
	sortHoldings(candidates)
	return candidates[0].Person, own, nil
}

// knows reports whether a source has a user of an externalId.
func (d *Directory) knows(r store.Reader, src Source, externalID string) (bool, error) {
	person, err := d.byExternalID(r, src.ID, externalID)
	return person != uuid.Nil, err
}

// dropLeft removes what an earlier delete of the same user left, the deny of the source and the trace, and returns the version that
// the record had then; zero for none.
func (d *Directory) dropLeft(tx store.Tx, record Record) (last uint64, err error) {
	key := pair(record.Person, record.Source)
	deny, err := found(d.denies.Get(tx, key))
	if err != nil {
		return 0, err
	}
	if deny != nil {
		last = deny.Version
		if err := d.denies.Delete(tx, key); err != nil {
			return 0, err
		}
	}
	if record.ExternalID == "" {
		return last, nil
	}
	key = traceKey(record.Source, record.ExternalID, record.UserName)
	left, err := found(d.traces.Get(tx, key))
	if err != nil || left == nil {
		return last, err
	}
	if left.Person == record.Person {
		last = max(last, left.Version)
	}
	return last, d.traces.Delete(tx, key)
}

func (d *Directory) userTaken(err error) error {
	return uniqueness(err, "user", map[string]string{byUserName: "userName", byExternalID: "externalId"})
}

func noUser(id uuid.UUID) error {
	return &Error{Code: NotFound, Field: "id", Message: fmt.Sprintf("there is no user %s", id)}
}

// found turns ErrNotFound into nil.
func found[T any](record *T, err error) (*T, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return record, err
}
