package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// CalledIn returns what a person is called in the directory: userNames and e-mail addresses, folded, in the
// order of the alphabet, those that law 19 kept among them. It is empty for whom nobody holds.
func (d *Directory) CalledIn(r store.Reader, id uuid.UUID) ([]string, error) {
	_, holdings, err := d.merged(r, id)
	if err != nil {
		return nil, fmt.Errorf("read what person %s is called: %w", id, err)
	}
	var names []string
	for _, h := range holdings {
		all := append([]string{h.UserName}, h.Emails...)
		if len(h.Kept) > 0 {
			kept := parseIdentity(h.Kept)
			all = append(append(all, kept.UserName), kept.addresses()...)
		}
		for _, name := range all {
			if name != "" {
				names = append(names, Fold(name))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Erase forgets a person whom no source says to be active: the records of all sources, denies,
// memberships and traces. The person's id alone stays, in the change that says so. A person who is still active, whom a source could
// still sign in, is Invalid: the source must deactivate or delete the user first. It may be repeated; of a person of whom nothing is
// left, nothing happens. Records go in one transaction, the traces before it in slices.
//
// A source that still lists the user gets 404 for it afterwards; if it sends the user again, that is a new person.
func (d *Directory) Erase(ctx context.Context, actor audit.Actor, id uuid.UUID) error {
	if err := d.store.View(ctx, func(r store.Reader) error { return d.erasable(r, id) }); err != nil {
		return wrap("erase a person", err)
	}
	if err := d.dropTraces(ctx, id); err != nil {
		return wrap("erase a person", err)
	}
	a := d.act(actor, "")
	return wrap("erase a person", d.store.Update(ctx, func(tx store.Tx) error {
		if err := d.erasable(tx, id); err != nil {
			return err
		}
		_, holdings, err := d.merged(tx, id)
		if err != nil {
			return err
		}
		for _, h := range holdings {
			if err := d.records.Delete(tx, pair(h.Source, id)); err != nil {
				return err
			}
			if err := tally(tx, countedUsers, h.Source, id, -1); err != nil {
				return err
			}
		}
		var denies []Deny
		for deny, err := range d.denies.Scan(tx, id[:]) {
			if err != nil {
				return err
			}
			denies = append(denies, *deny)
		}
		for _, deny := range denies {
			if err := d.denies.Delete(tx, pair(deny.Person, deny.Source)); err != nil {
				return err
			}
		}
		left, err := d.dropMemberships(tx, a, id, func(uuid.UUID) bool { return true })
		if err != nil {
			return err
		}
		if len(holdings)+len(denies)+len(left) == 0 {
			return nil
		}
		change := a.begin(audit.UserDeleted)
		change.Persons, change.Removing = []uuid.UUID{id}, true
		if change.Detail, err = (detail{Left: left}).encode(); err != nil {
			return err
		}
		return audit.Append(tx, change)
	}))
}

// erasable refuses a person that a source says to be active.
func (d *Directory) erasable(r store.Reader, id uuid.UUID) error {
	person, _, err := d.merged(r, id)
	if err != nil {
		return err
	}
	var active []string
	for _, h := range person.Holders {
		if h.Active {
			active = append(active, h.Name)
		}
	}
	if len(active) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Message: fmt.Sprintf("the person %s is still active in %s: deactivate or delete the user there first", id, strings.Join(active, ", "))}
}

// dropTraces removes what deleted records of a person left. Traces have no index by person, as nobody else asks for one: all are read, in pages.
func (d *Directory) dropTraces(ctx context.Context, id uuid.UUID) error {
	var after []byte
	for {
		var keys [][]byte
		seen := 0
		if err := d.store.View(ctx, func(r store.Reader) error {
			keys, seen = nil, 0
			for t, err := range d.traces.ScanAfter(r, nil, after) {
				if err != nil {
					return err
				}
				if seen == MaxPage {
					break
				}
				seen++
				if t.Person == id {
					keys = append(keys, slices.Clone(t.Key))
				}
				after = slices.Clone(t.Key)
			}
			return nil
		}); err != nil {
			return err
		}
		if len(keys) > 0 {
			if err := d.store.Update(ctx, func(tx store.Tx) error {
				for _, key := range keys {
					t, err := found(d.traces.Get(tx, key))
					if err != nil {
						return err
					}
					if t == nil || t.Person != id {
						continue
					}
					if err := d.traces.Delete(tx, key); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				return err
			}
		}
		if seen < MaxPage {
			return nil
		}
	}
}
