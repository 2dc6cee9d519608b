package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
)

// Forgotten counts what Forget took the names of a person out of.
type Forgotten struct {
	Accounts int `json:"accounts"` // ledger entries that lost e-mail, profile and what was there before
	Holds    int `json:"holds"`    // holds about the person that were removed
	Drifts   int `json:"drifts"`   // drift about the person, or an account under one of the person's addresses, that was removed
	Texts    int `json:"texts"`    // texts of other people's holds, failures and drift that named the person
}

// erased stands where a name was.
const erased = "(erased)"

// Forgettable refuses, in words, a person who is still active in the directory or has an account that is not gone.
func (e *Engine) Forgettable(ctx context.Context, person uuid.UUID) error {
	return e.o.Store.View(ctx, func(r store.Reader) error { return e.forgettable(r, person) })
}

func (e *Engine) forgettable(r store.Reader, person uuid.UUID) error {
	p, err := e.o.Directory.PersonIn(r, person)
	if err != nil {
		return err
	}
	for _, h := range p.Holders {
		if h.Active {
			return &DecisionError{fmt.Sprintf("the person %s is still active in %s: deactivate or delete the user there first", person, h.Name)}
		}
	}
	var standing []string
	for a, err := range accounts.Find(r, byPerson, store.Key(person[:])) {
		if err != nil {
			return err
		}
		if !a.State.Over() {
			standing = append(standing, a.App+" ("+string(a.State)+")")
		}
	}
	if len(standing) > 0 {
		slices.Sort(standing)
		return &DecisionError{fmt.Sprintf("the person %s still has an account in %s: have it removed first, or nobody could find it any more", person, strings.Join(slices.Compact(standing), ", "))}
	}
	return nil
}

// Forget removes what the engine and the directory hold of a person beside ids and states: the records and
// their traces, e-mail addresses and profiles of the person's former accounts, the holds and drift about the person, and the person's
// addresses in the texts of other people's holds, failures and drift. Entries of the ledger stay, with the app's own id, so that an account that
// comes back is recognised. It refuses as Forgettable does, and may be repeated; it works in slices, the directory last, so that a
// repetition after an interruption still knows the names.
func (e *Engine) Forget(ctx context.Context, actor audit.Actor, person uuid.UUID) (Forgotten, error) {
	var f Forgotten
	var names []string
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		if err := e.forgettable(r, person); err != nil {
			return err
		}
		var err error
		names, err = e.names(r, person)
		return err
	})
	if err != nil {
		return f, err
	}
	if f.Texts, err = e.forgetTexts(ctx, person, names); err != nil {
		return f, fmt.Errorf("forget person %s: %w", person, err)
	}
	if f.Holds, err = e.forgetHolds(ctx, person); err != nil {
		return f, fmt.Errorf("forget person %s: %w", person, err)
	}
	drifts, texts, err := e.forgetDrifts(ctx, person, names)
	if err != nil {
		return f, fmt.Errorf("forget person %s: %w", person, err)
	}
	f.Drifts, f.Texts = drifts, f.Texts+texts
	if f.Accounts, err = e.forgetAccounts(ctx, person); err != nil {
		return f, fmt.Errorf("forget person %s: %w", person, err)
	}
	if err := e.o.Directory.Erase(ctx, actor, person); err != nil {
		return f, err
	}
	e.Wake()
	return f, nil
}

// names lists what the person is, or was, called: in the directory and in the apps. Only addresses are among
// them, as a short name may be a part of another word.
func (e *Engine) names(r store.Reader, person uuid.UUID) ([]string, error) {
	names, err := e.o.Directory.CalledIn(r, person)
	if err != nil {
		return nil, err
	}
	for a, err := range accounts.Find(r, byPerson, store.Key(person[:])) {
		if err != nil {
			return nil, err
		}
		names = append(names, a.Email)
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return !strings.Contains(name, "@") }), nil
}

// forgetTexts takes the names out of texts about others, page by page.
func (e *Engine) forgetTexts(ctx context.Context, person uuid.UUID, names []string) (int, error) {
	clean := func(text *string) bool {
		before := *text
		for _, name := range names {
			*text = without(*text, name)
		}
		return *text != before
	}
	n, err := rewrite(ctx, e.o.Store, holds, func(h *Hold) []byte { return []byte(h.ID) }, func(h *Hold) bool {
		if h.Person == person {
			return false // it goes as a whole
		}
		// The fingerprint of an open hold says what was asked; it stays until the hold is over.
		changed := clean(&h.Text)
		changed = clean(&h.Fix) || changed
		return h.State != HoldOpen && clean(&h.Fingerprint) || changed
	})
	if err != nil {
		return n, err
	}
	more, err := rewrite(ctx, e.o.Store, items, func(i *Item) []byte { return itemKey(i.App, i.Subject) }, func(i *Item) bool {
		if i.Failure == nil {
			return false
		}
		if about, _ := i.Person(); about == person {
			changed := i.Failure.Text != erased
			i.Failure.Text = erased
			return changed
		}
		changed := clean(&i.Failure.Text)
		return clean(&i.Failure.Fix) || changed
	})
	return n + more, err
}

// without replaces a folded name wherever it stands in a text, in whatever case. Bytes outside of ASCII must match exactly.
func without(text, name string) string {
	if name == "" {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		if len(text)-i >= len(name) && directory.Fold(text[i:i+len(name)]) == name {
			b.WriteString(erased)
			i += len(name)
			continue
		}
		b.WriteByte(text[i])
		i++
	}
	return b.String()
}

// rewrite changes the records of a table that change says it changed, in pages: read on a snapshot, then written in a transaction that
// looks at each again.
func rewrite[T any](ctx context.Context, s store.Store, table *store.Table[T], keyOf func(*T) []byte, change func(*T) bool) (int, error) {
	var after []byte
	total := 0
	for {
		var keys [][]byte
		seen := 0
		err := s.View(ctx, func(r store.Reader) error {
			keys, seen = nil, 0
			for record, err := range table.ScanAfter(r, nil, after) {
				if err != nil {
					return err
				}
				if seen == expandSlice {
					break
				}
				seen++
				key := keyOf(record)
				after = key
				if change(record) {
					keys = append(keys, key)
				}
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		if len(keys) > 0 {
			n := 0
			err := s.Update(ctx, func(tx store.Tx) error {
				n = 0
				for _, key := range keys {
					record, err := table.Get(tx, key)
					if errors.Is(err, store.ErrNotFound) {
						continue
					}
					if err != nil {
						return err
					}
					if change(record) {
						n++
						if err := table.Put(tx, record); err != nil {
							return err
						}
					}
				}
				return nil
			})
			if err != nil {
				return total, err
			}
			total += n
		}
		if seen < expandSlice {
			return total, nil
		}
	}
}

// forgetHolds removes the holds about the person: the facts tell that there were some, and how they were decided.
func (e *Engine) forgetHolds(ctx context.Context, person uuid.UUID) (int, error) {
	var ids [][]byte
	var after []byte
	for {
		seen := 0
		err := e.o.Store.View(ctx, func(r store.Reader) error {
			for h, err := range holds.ScanAfter(r, nil, after) {
				if err != nil {
					return err
				}
				if seen == expandSlice {
					break
				}
				seen++
				after = []byte(h.ID)
				if h.Person == person {
					ids = append(ids, []byte(h.ID))
				}
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		if seen < expandSlice {
			break
		}
	}
	for page := range slices.Chunk(ids, expandSlice) {
		err := e.o.Store.Update(ctx, func(tx store.Tx) error {
			for _, id := range page {
				if err := holds.Delete(tx, id); err != nil && !errors.Is(err, store.ErrNotFound) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

// forgetAccounts takes the personal values out of the person's entries in the ledger, all of which are over.
func (e *Engine) forgetAccounts(ctx context.Context, person uuid.UUID) (int, error) {
	n := 0
	err := e.o.Store.Update(ctx, func(tx store.Tx) error {
		n = 0
		if err := e.forgettable(tx, person); err != nil { // it may have changed since
			return err
		}
		var all []*Account
		for a, err := range accounts.Find(tx, byPerson, store.Key(person[:])) {
			if err != nil {
				return err
			}
			all = append(all, a)
		}
		for _, a := range all {
			if a.Email == "" && a.Profile == nil && a.Before == nil {
				continue
			}
			n++
			a.Email, a.Profile, a.Before = "", nil, nil
			if strings.Contains(a.VendorID, "@") { // an app whose ids are addresses
				a.VendorID = ""
			}
			if err := accounts.Put(tx, a); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}
