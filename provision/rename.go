package provision

import (
	"context"
	"errors"

	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// renameApps moves what is known of an app whose key the mapping renamed (`renamed_from`)
// to its new key: the ledger first of all. Each slice is one transaction, and
// it may be repeated: what has moved is not found under the old key any more.
//
// A rollback across a rename finds the ledger by the key that it had before.
func (e *Engine) renameApps(ctx context.Context, m *mapping.Mapping) error {
	former, err := e.formerKeys(ctx)
	if err != nil {
		return err
	}
	for _, app := range m.Apps() {
		from := app.RenamedFrom
		if from == "" {
			from = former[app.Key]
		}
		if from == "" {
			continue
		}
		if _, used := m.App(from); used {
			continue // the old key names another app by now
		}
		for {
			moved := 0
			err := e.o.Store.Update(ctx, func(tx store.Tx) error {
				var err error
				moved, err = renameSlice(tx, from, app.Key)
				return err
			})
			if err != nil {
				return err
			}
			if moved == 0 {
				break
			}
			e.o.Logger.Info("app renamed", "from", from, "to", app.Key, "records", moved)
		}
	}
	return nil
}

// formerKeys returns for each key that was renamed away the key that has the ledger now.
func (e *Engine) formerKeys(ctx context.Context) (map[string]string, error) {
	former := map[string]string{}
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		clear(former)
		for s, err := range appStates.Scan(r, nil) {
			if err != nil {
				return err
			}
			if s.Former != "" {
				former[s.Former] = s.App
			}
		}
		return nil
	})
	return former, err
}

func renameSlice(tx store.Tx, from, to string) (int, error) {
	moved := 0
	for _, move := range []func(store.Tx, string, string) (int, error){
		renameAccounts, renameHolds, renameItems, renameTeams, renameSpendings, renameAdmissions, renameSwitch,
		renameDrifts, renameReconciliation, renameState,
	} {
		n, err := move(tx, from, to)
		if err != nil {
			return 0, err
		}
		moved += n
	}
	return moved, nil
}

// few collects at most a slice of records, so that none is written while a range is open.
func few[T any](seq func(yield func(*T, error) bool)) ([]*T, error) {
	var out []*T
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		if out = append(out, v); len(out) == triageSlice {
			break
		}
	}
	return out, nil
}

func renameAccounts(tx store.Tx, from, to string) (int, error) {
	all, err := few(accounts.Find(tx, byState, store.Key([]byte(from))))
	if err != nil {
		return 0, err
	}
	for _, a := range all {
		a.App = to
		if err := accounts.Put(tx, a); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

func renameHolds(tx store.Tx, from, to string) (int, error) {
	all, err := few(holds.Find(tx, byPairKind, store.Key([]byte(from))))
	if err != nil {
		return 0, err
	}
	for _, h := range all {
		h.App = to
		if err := holds.Put(tx, h); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

func renameItems(tx store.Tx, from, to string) (int, error) {
	all, err := few(items.Scan(tx, store.Key([]byte(from))))
	if err != nil {
		return 0, err
	}
	for _, i := range all {
		if err := items.Delete(tx, itemKey(i.App, i.Subject)); err != nil {
			return 0, err
		}
		i.App = to
		if err := items.Put(tx, i); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

func renameTeams(tx store.Tx, from, to string) (int, error) {
	all, err := few(teamChanges.Scan(tx, store.Key([]byte(from))))
	if err != nil {
		return 0, err
	}
	for _, c := range all {
		if err := teamChanges.Delete(tx, append(teamPrefix(c.App, c.Team), store.Key(c.Account[:])...)); err != nil {
			return 0, err
		}
		c.App = to
		if err := teamChanges.Put(tx, c); err != nil {
			return 0, err
		}
	}
	sent, err := few(teamsSent.Scan(tx, store.Key([]byte(from))))
	if err != nil {
		return 0, err
	}
	for _, s := range sent {
		if err := teamsSent.Delete(tx, teamPrefix(from, s.Team)); err != nil {
			return 0, err
		}
		s.App = to
		if err := teamsSent.Put(tx, s); err != nil {
			return 0, err
		}
	}
	return len(all) + len(sent), nil
}

func renameSpendings(tx store.Tx, from, to string) (int, error) {
	all, err := few(spendings.Scan(tx, store.Key([]byte(appPurse(from)))))
	if err != nil {
		return 0, err
	}
	for _, s := range all {
		if err := spendings.Delete(tx, s.key()); err != nil {
			return 0, err
		}
		s.Scope = appPurse(to)
		if err := spendings.Put(tx, s); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

// renameSwitch keeps a paused app paused under its new key.
func renameSwitch(tx store.Tx, from, to string) (int, error) {
	s, err := switchTable.Get(tx, switchKey(PauseApp, from))
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if err := switchTable.Delete(tx, switchKey(PauseApp, from)); err != nil {
		return 0, err
	}
	s.App = to
	return 1, switchTable.Put(tx, s)
}

func renameAdmissions(tx store.Tx, from, to string) (int, error) {
	all, err := few(admissions.Scan(tx, store.Key([]byte(from))))
	if err != nil {
		return 0, err
	}
	for _, a := range all {
		if err := admissions.Delete(tx, a.key()); err != nil {
			return 0, err
		}
		a.App = to
		if err := admissions.Put(tx, a); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

func renameState(tx store.Tx, from, to string) (int, error) {
	s, err := appState(tx, from)
	if err != nil || s.Tenant == "" {
		return 0, err
	}
	if err := appStates.Delete(tx, []byte(from)); err != nil {
		return 0, err
	}
	s.App, s.Former = to, from
	return 1, appStates.Put(tx, s)
}

func renameDrifts(tx store.Tx, from, to string) (int, error) {
	all, err := few(drifts.Scan(tx, store.Key([]byte(from))))
	if err != nil {
		return 0, err
	}
	for _, d := range all {
		if err := drifts.Delete(tx, d.key()); err != nil {
			return 0, err
		}
		d.App = to
		if err := drifts.Put(tx, d); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

func renameReconciliation(tx store.Tx, from, to string) (int, error) {
	rec, err := reconciliations.Get(tx, []byte(from))
	if err != nil {
		return 0, ignoreNotFound(err)
	}
	if err := reconciliations.Delete(tx, []byte(from)); err != nil {
		return 0, err
	}
	rec.App = to
	return 1, reconciliations.Put(tx, rec)
}
