package provision

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// forgetDrifts removes drift about a person, and about accounts under one of the person's addresses, and takes the addresses
// out of the texts of other drift. That an account is ignored stays, without its names, unless its id at the vendor is one.
// An account that still stands at the vendor is found again by the next run: as nobody's.
func (e *Engine) forgetDrifts(ctx context.Context, person uuid.UUID, names []string) (removed, texts int, err error) {
	var after []byte
	for {
		var keys [][]byte
		seen := 0
		err := e.o.Store.View(ctx, func(r store.Reader) error {
			keys, seen = nil, 0
			for d, err := range drifts.ScanAfter(r, nil, after) {
				if err != nil {
					return err
				}
				if seen == expandSlice {
					break
				}
				seen++
				after = d.key()
				if d.forget(person, names) != driftKeeps {
					keys = append(keys, after)
				}
			}
			return nil
		})
		if err != nil {
			return removed, texts, err
		}
		gone, cleaned := 0, 0
		err = e.o.Store.Update(ctx, func(tx store.Tx) error {
			gone, cleaned = 0, 0
			for _, key := range keys {
				d, err := drifts.Get(tx, key)
				if errors.Is(err, store.ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				switch d.forget(person, names) {
				case driftGoes:
					gone++
					err = drifts.Delete(tx, key)
				case driftCleaned:
					cleaned++
					err = drifts.Put(tx, d)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return removed, texts, err
		}
		removed, texts = removed+gone, texts+cleaned
		if seen < expandSlice {
			return removed, texts, nil
		}
	}
}

type driftFate int

const (
	driftKeeps driftFate = iota
	driftCleaned
	driftGoes
)

// forget takes a person's names out of a drift and says what is to be done with it.
func (d *Drift) forget(person uuid.UUID, names []string) driftFate {
	named := func(email string) bool { return email != "" && slices.Contains(names, email) }
	about := d.Person == person || named(d.Email) || named(d.VendorID)
	if about && (d.State != DriftIgnored || strings.Contains(d.VendorID, "@")) {
		return driftGoes
	}
	fate := driftKeeps
	if about && (d.Shown != nil || d.Email != "" || d.Text != erased || d.Person != uuid.Nil) {
		d.Shown, d.Email, d.Text, d.Person = nil, "", erased, uuid.Nil
		fate = driftCleaned
	}
	for _, text := range []*string{&d.Text, &d.Fix, &d.Ledger, &d.Seen, &d.Doubt} {
		before := *text
		for _, name := range names {
			*text = without(*text, name)
		}
		if *text != before {
			fate = driftCleaned
		}
	}
	return fate
}
