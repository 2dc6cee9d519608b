package provision

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// PersonStatus is what became of a person in one app.
type PersonStatus struct {
	App       string
	State     string    // one of the Status words
	AccountID string    // the app's own id of the account, "" while there is none
	Since     time.Time // when it came into this state
	// Error is one sentence: what went wrong last, or what a person must decide; "" for nothing. It tells the kind and no
	// more: identity providers read it, and the texts of holds and failures name other people and quote vendors.
	Error string
}

// The words for what became of a person in an app. A decision that is missing and a failure go before what the account is.
const (
	StatusHeld      = "held"      // an administrator must decide; Error says what
	StatusFailed    = "failed"    // repeating cannot help; Error says why
	StatusWaiting   = "waiting"   // no account yet, work for it is queued
	StatusObserved  = "observed"  // the app is in observe: nothing is done
	StatusCreating  = "creating"  // the account is being obtained
	StatusActive    = "active"    // the person can sign in
	StatusSuspended = "suspended" // sign-in was ended, the account kept
	StatusDemoted   = "demoted"   // cut down to the weakest role
	StatusEnding    = "ending"    // the account stands, and its end is due
	StatusRemoved   = "removed"   // the app confirmed that the account is gone
	StatusLost      = "lost"      // the account is gone, and it was not us who removed it
)

// PersonStatus tells what became of a person in each app in which there is an account, work or a decision to make, in the order of the
// apps' names. It reads a few records of the ledger, the queue and the holds, all of one moment, and asks no vendor.
func (e *Engine) PersonStatus(ctx context.Context, person uuid.UUID) ([]PersonStatus, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return nil, err
	}
	modes := map[string]mapping.Mode{}
	for _, app := range m.Apps() {
		modes[app.Key] = app.Mode
	}
	var all []PersonStatus
	err = e.o.Store.View(ctx, func(r store.Reader) error {
		all = nil
		latest := map[string]Account{}
		for key := range modes {
			latest[key] = Account{}
		}
		for a, err := range accounts.Find(r, byPerson, store.Key(person[:])) {
			if err != nil {
				return err
			}
			// What stands goes before what is over, the later before the earlier.
			if had := latest[a.App]; had.ID == uuid.Nil || had.State.Over() || !a.State.Over() {
				latest[a.App] = *a
			}
		}
		for key, account := range latest {
			it, err := items.Get(r, itemKey(key, personSubject(person)))
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			held, err := holdsOf(r, key, person)
			if err != nil {
				return err
			}
			if s, ok := personStatus(account, it, held, modes[key]); ok {
				s.App = key
				all = append(all, s)
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b PersonStatus) int { return strings.Compare(a.App, b.App) })
	return all, err
}

// personStatus puts a pair into words; false if there is nothing to say. A zero account is none, a nil item too.
func personStatus(a Account, it *Item, held []Hold, mode mapping.Mode) (PersonStatus, bool) {
	s := PersonStatus{AccountID: a.VendorID}
	if it != nil && it.Failure != nil {
		s.Error = failureWords(it.Failure.Kind)
	}
	for _, h := range held {
		if h.State == HoldOpen && h.Kind != HoldUndone { // an undo is decided: the account is what it is
			s.State, s.Since, s.Error = StatusHeld, h.Opened, holdWords(h.Kind)
			return s, true
		}
	}
	switch {
	case it != nil && it.State == Failed && it.Failure != nil:
		s.State, s.Since = StatusFailed, it.Failure.At
	case a.ID != uuid.Nil && (!a.State.Over() || it == nil || it.State == Later):
		s.State, s.Since = accountStatus(a)
	case it == nil:
		return s, false
	case mode == mapping.Observe:
		s.State, s.Since = StatusObserved, it.Marked
	case it.State == Later: // an end or a beginning that lies ahead, with nothing at the vendor
		return s, false
	default:
		s.State, s.Since, s.AccountID = StatusWaiting, it.Marked, ""
	}
	return s, true
}

// holdWords says what an administrator must decide, without names.
func holdWords(k HoldKind) string {
	switch k {
	case HoldBudget:
		return "the removal waits for an administrator: more removals came than the budget allows"
	case HoldMapping, HoldReduction:
		return "the reduction waits for an administrator's approval"
	case HoldForeign:
		return "the account found in the app belongs to somebody else"
	case HoldProtected:
		return "the account is protected and is not touched"
	case HoldTransfer:
		return "the removal waits: nobody can receive the data yet"
	case HoldRefused:
		return "the app refuses to end the account; an administrator has to look"
	case HoldEmail:
		return "the app does not let a connector change the e-mail address"
	case HoldSuspended:
		return "the account was suspended by somebody else; an administrator has to look"
	case HoldProfile:
		return "the user lacks an attribute that the app insists on"
	default:
		return "an administrator has to decide"
	}
}

// failureWords says what kind of failure it was.
func failureWords(k adapters.Kind) string {
	switch k {
	case adapters.Retry, adapters.Unavailable, adapters.Uncertain:
		return "the app could not be reached or asks to wait; it is tried again"
	case adapters.Unauthorized:
		return "the connection to the app does not work; an administrator has to repair it"
	case adapters.NoSeat:
		return "the app has no free licence"
	case adapters.Invalid:
		return "the app refuses a value of this user"
	default:
		return "the app refuses; an administrator has to look"
	}
}

func accountStatus(a Account) (string, time.Time) {
	switch a.State {
	case Creating:
		return StatusCreating, a.Created
	case Suspended:
		return StatusSuspended, a.Modified
	case Demoted:
		return StatusDemoted, a.Modified
	case Removing:
		return StatusEnding, a.UnwantedSince
	case Gone:
		return StatusRemoved, a.Modified
	case Lost:
		return StatusLost, a.Modified
	default:
		if a.unwanted() {
			return StatusEnding, a.UnwantedSince
		}
		return StatusActive, a.Modified
	}
}
