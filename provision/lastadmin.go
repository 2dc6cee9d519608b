package provision

import (
	"context"
	"fmt"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
)

// notLast makes sure, just before an administrator is cut down, that another one stays: in the ledger, active, of an active
// person, not on the way out and not the connector's own; else at the vendor, by its own list. Until the execution ends no
// other administrator of the app is cut down. Without another one it is a hold, which is looked at again every hour.
func (x *execution) notLast(ctx context.Context, a *Account) error {
	if !a.Admin || a.State == Suspended || a.State == Removing || len(x.can.AdminRoles) == 0 {
		return nil
	}
	if err := x.guard(ctx); err != nil {
		return err
	}
	stays, err := x.knownAdmin(ctx, a)
	if err != nil || stays {
		return err
	}
	stays, err = x.listedAdmin(ctx, a)
	if err != nil || stays {
		return err
	}
	return &heldError{again: x.o.Now().Add(holdRetry), spec: HoldSpec{
		Kind: HoldLastAdmin, Fingerprint: a.ID.String(),
		Text: fmt.Sprintf("%s is the last administrator of %s and is left as it is, though it should end or lose that role", a.Email, x.can.Title),
		Fix:  "make somebody else an administrator there; it is looked at again every hour and on `usher retry`",
	}}
}

// guard waits until no other administrator of the app is being cut down, or ctx ends.
func (x *execution) guard(ctx context.Context) error {
	if x.guarding != nil {
		return nil
	}
	x.Engine.mu.Lock()
	turn := x.run(x.app.Key).admins
	x.Engine.mu.Unlock()
	select {
	case turn <- struct{}{}:
		x.guarding = turn
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unguard lets the next administrator be cut down.
func (x *execution) unguard() {
	if x.guarding != nil {
		<-x.guarding
		x.guarding = nil
	}
}

// knownAdmin reports whether the ledger knows another administrator who stays.
func (x *execution) knownAdmin(ctx context.Context, leaving *Account) (stays bool, err error) {
	err = x.o.Store.View(ctx, func(r store.Reader) error {
		stays = false
		for other, err := range accounts.Find(r, byAdmin, store.Key([]byte(x.app.Key))) {
			if err != nil {
				return err
			}
			if other.ID == leaving.ID || x.isSelf(other.VendorID, other.Email) {
				continue
			}
			person, err := x.o.Directory.PersonIn(r, other.Person)
			if err != nil {
				return err
			}
			if person.Active {
				stays = true
				return nil
			}
		}
		return nil
	})
	return stays, err
}

// listedAdmin reports whether the vendor shows an active administrator whom the ledger does not know, or only as one who stays.
func (x *execution) listedAdmin(ctx context.Context, leaving *Account) (bool, error) {
	for shown, err := range x.conn.Adapter.List(ctx) {
		if err != nil {
			return false, err
		}
		if !shown.Admin || shown.State != adapters.Active || shown.ID == leaving.VendorID || x.isSelf(shown.ID, shown.Email) {
			continue
		}
		known := false
		err := x.o.Store.View(ctx, func(r store.Reader) error {
			known = false
			for _, err := range accounts.FindKeys(r, byVendor, store.Key([]byte(x.app.Key), []byte(shown.ID))) {
				if err != nil {
					return err
				}
				known = true
			}
			return nil
		})
		if err != nil {
			return false, err
		}
		if !known { // one of the ledger was asked about above, with what is known of the person
			return true, nil
		}
	}
	return false, nil
}

func (x *execution) isSelf(id, email string) bool {
	_, self := x.knows(x.app.Key)
	return isSelf(self, id, email)
}

// kindOf is what the directory says of a person's kind of account: the attribute userType.
func kindOf(p directory.Person) string {
	kind, _ := p.Profile["userType"].(string)
	return directory.Fold(kind)
}
