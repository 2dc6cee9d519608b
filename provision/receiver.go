package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// receiver finds who gets a leaver's data: the first of the mapping's candidates who is
// active, has an account in the app and may receive it in the vendor's eyes. When
// nobody can, the leaver's sign-in is ended and the removal is held, with each candidate's reason.
func (x *execution) receiver(ctx context.Context, s *Situation, t *mapping.Transfer, leaver *Account) (*adapters.Transfer, error) {
	var reasons []string
	for _, ref := range t.Receivers(&s.Person) {
		account, why, err := x.candidate(ctx, s, ref, leaver)
		if err != nil {
			return nil, err
		}
		if why == "" {
			why, err = x.mayReceive(ctx, leaver, account, t.What)
			if err != nil {
				return nil, err
			}
		}
		if why == "" {
			return &adapters.Transfer{To: account.VendorID, ToEmail: account.Email, What: t.What}, nil
		}
		reasons = append(reasons, ref+": "+why)
	}
	if len(reasons) == 0 {
		reasons = []string{"the mapping's transfer names nobody for this person"}
	}
	if err := x.cutFirst(ctx, s, leaver); err != nil {
		return nil, err
	}
	return nil, &heldError{again: x.o.Now().Add(holdRetry), spec: HoldSpec{
		Kind: HoldTransfer, Fingerprint: transferFingerprint(leaver),
		Text: fmt.Sprintf("nobody can receive the %s data of %s (%s): %s", x.can.Title, leaver.Email, strings.Join(t.What, ", "), strings.Join(reasons, "; ")),
		Fix:  "give a receiver what is missing (it is looked at again every hour and on approve), or approve with --without-transfer to lose the data",
	}}
}

// candidate returns the ledger account behind a reference, or why there is none to use.
func (x *execution) candidate(ctx context.Context, s *Situation, ref string, leaver *Account) (account *Account, why string, err error) {
	err = x.o.Store.View(ctx, func(r store.Reader) error {
		account, why = nil, ""
		person, err := x.resolve(r, s, ref)
		if err != nil {
			return err
		}
		switch person {
		case uuid.Nil:
			why = "is not in the directory"
			return nil
		case leaver.Person:
			why = "is the leaver"
			return nil
		}
		p, err := x.o.Directory.PersonIn(r, person)
		if err != nil {
			return err
		}
		if !p.Active {
			why = "is not active (" + p.Inactive + ")"
			return nil
		}
		all, err := accountsOf(r, x.app.Key, person)
		if err != nil {
			return err
		}
		for _, a := range standing(all) {
			if a.State == Active && !a.unwanted() && a.VendorID != "" {
				account = &a
				return nil
			}
			why = "has an account that is " + string(a.State)
			if a.unwanted() {
				why = "is leaving " + x.can.Title + " as well"
			}
		}
		if why == "" {
			why = "has no " + x.can.Title + " account"
		}
		return nil
	})
	return account, why, err
}

// resolve finds the person behind a reference: a person's id or an external id of the sources that hold
// the leaver (what they write into `manager`), else a userName or an e-mail address. uuid.Nil when it names nobody.
func (x *execution) resolve(r store.Reader, s *Situation, ref string) (uuid.UUID, error) {
	var sources []uuid.UUID
	for _, h := range s.Person.Holders {
		sources = append(sources, h.Source)
	}
	id, err := x.o.Directory.ResolveIn(r, ref, sources...)
	if err == nil || directory.CodeOf(err) != directory.NotFound {
		return id, err
	}
	ids, err := x.o.Directory.LookupIn(r, ref)
	if err != nil || len(ids) != 1 {
		return uuid.Nil, err
	}
	return ids[0], nil
}

func (x *execution) mayReceive(ctx context.Context, leaver, receiver *Account, what []string) (why string, err error) {
	checker, ok := x.conn.Adapter.(adapters.ReceiverChecker)
	if !ok {
		return "", nil
	}
	err = checker.CheckReceiver(ctx, leaver.VendorID, receiver.VendorID, what)
	var ae *adapters.Error
	if errors.As(err, &ae) && (ae.Kind == adapters.Conflict || ae.Kind == adapters.Invalid) {
		return ae.Message, nil
	}
	return "", err
}
