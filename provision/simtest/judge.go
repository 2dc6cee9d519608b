package simtest

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/sandbox/wire"
)

// Whose account a call is about, and whether it may be ended or raised.

// accountOf is the ledger's entry that a write is about; nil for one about a team, or that the ledger does not know.
func (w *World) accountOf(app string, c wire.Call) (*provision.Account, error) {
	parts := strings.Split(strings.Trim(c.Path, "/"), "/")
	id := ""
	switch {
	case parts[0] == "users" && len(parts) == 1:
		email, err := newAddress(c)
		if err != nil {
			return nil, err
		}
		return w.entry(app, func(a *provision.Account) bool { return strings.EqualFold(a.Email, email) })
	case parts[0] == "users":
		id = parts[1]
	case parts[0] == "roles" && len(parts) == 4:
		id = parts[3]
	case parts[0] == "roles":
		var body struct {
			Members []struct{ ID, Email string } `json:"members"`
		}
		if err := decode(c.Body, &body); err != nil || len(body.Members) != 1 {
			return nil, broken("no unexpected error", "read who gets a role: %v", err)
		}
		id = body.Members[0].ID + body.Members[0].Email
	default:
		return nil, nil
	}
	id, err := url.PathUnescape(id)
	if err != nil {
		return nil, broken("no unexpected error", "read an id: %v", err)
	}
	email := w.logins(app)[id].email // of an account that was made by the call before, which the ledger knows by its address
	return w.entry(app, func(a *provision.Account) bool {
		return w.means(app, a.VendorID, id) || a.VendorID == "" && email != "" && strings.EqualFold(a.Email, email)
	})
}

// means reports whether the ledger's id of an account is a vendor's id, or an address under which that one was invited.
func (w *World) means(app, known, id string) bool {
	if known == "" {
		return false
	}
	if known == id || w.addresses[app][strings.ToLower(known)] == id {
		return true
	}
	return strings.Contains(known, "@") && strings.EqualFold(w.logins(app)[id].email, known) // an account that was there under the address
}

// entry finds an account of the ledger, one that stands before one that is over.
func (w *World) entry(app string, is func(*provision.Account) bool) (*provision.Account, error) {
	var found *provision.Account
	for a, err := range all[provision.Account](w, "accounts") {
		if err != nil {
			return nil, err
		}
		if a.App == app && is(a) && (found == nil || !a.State.Over()) {
			found = a
		}
	}
	return found, nil
}

// judgeRemoval: what ends or suspends an account was let through by the budgets, or approved, or is a termination.
func (w *World) judgeRemoval(app string, c wire.Call, a *provision.Account) error {
	if a == nil {
		return broken("no removal without admission", "%s %s at %s: nobody's account", c.Method, c.Path, app)
	}
	if w.model.ended[a.Person] || !a.Admitted.IsZero() || a.Origin == provision.Found && a.Intent != nil && a.Intent.Op != provision.OpRemove {
		return nil
	}
	approved := false
	for h, err := range all[provision.Hold](w, "holds") {
		if err != nil {
			return err
		}
		approved = approved || h.App == app && h.Person == a.Person && h.State == provision.HoldApproved && strings.Contains(h.Fingerprint, a.ID.String())
	}
	if approved {
		return nil
	}
	if a.UnwantedSince.IsZero() && a.Intent != nil && a.Intent.Sent && (w.ever[a.Person][provision.Removals][app] || w.ever[a.Person][provision.Suspensions][app]) {
		w.excuse("somebody was wanted again while the call that ends the account was on its way")
		return nil
	}
	return broken("no removal without admission", "%s %s at %s: %s since %s", c.Method, c.Path, app, a.State, a.UnwantedSince)
}

// judgeGrant: an administrator's role is given only where somebody approved it, also to whom it was taken from.
func (w *World) judgeGrant(app string, c wire.Call, a *provision.Account) error {
	if !w.grants(app, c) {
		return nil
	}
	if a == nil {
		return broken("administrators are approved", "%s %s at %s: nobody's account", c.Method, c.Path, app)
	}
	for h, err := range all[provision.Hold](w, "holds") {
		if err != nil {
			return err
		}
		if h.App == app && h.Person == a.Person && h.Kind == provision.HoldAdmin && h.State == provision.HoldApproved {
			return nil
		}
	}
	return broken("administrators are approved", "%s at %s gets the role: %s %s", w.name(a.Person), app, c.Method, c.Path)
}

// grants reports whether a call gives somebody an administrator's role.
func (w *World) grants(app string, c wire.Call) bool {
	if app == desk {
		var body struct{ Role struct{ Name string } }
		return strings.HasPrefix(c.Path, "/users") && c.Method != http.MethodDelete && decode(c.Body, &body) == nil && body.Role.Name == "admin"
	}
	parts := strings.Split(strings.Trim(c.Path, "/"), "/")
	if parts[0] != "roles" || c.Method != http.MethodPost {
		return false
	}
	for _, r := range w.meet.Roles() {
		if r.ID == parts[1] {
			return r.Name == "Admin"
		}
	}
	return false
}

// handTouchedAt reports whether somebody changed an account at the vendor, and when last.
func (w *World) handTouchedAt(app string, keys ...string) (at time.Time, touched bool) {
	for _, k := range keys {
		if t, known := w.byHand[app][strings.ToLower(k)]; known && !t.Before(at) {
			at, touched = t, true
		}
	}
	return at, touched
}

// handTouched reports whether somebody changed an account at the vendor since the app was last compared.
func (w *World) handTouched(app string, keys ...string) bool {
	at, touched := w.handTouchedAt(app, keys...)
	return touched && !w.comparedSince(app, at.Add(aMoment))
}
