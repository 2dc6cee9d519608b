package simtest

import (
	"encoding"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/sandbox/wire"
	"github.com/usher-scim/usher/store/memory"
)

// watched is what the simulator remembers in order to judge.
type watched struct {
	seen       int64 // the last call of the log that was looked at
	calls      int
	minimum    int
	applying   int                          // the document that is being put in force
	foreign    map[string]map[string]login  // accounts that are none of Usher's business, as they were
	strangers  map[string]map[string]bool   // accounts of people that were there before Usher
	byHand     map[string]map[string]bool   // accounts that somebody removed at the vendor
	addresses  map[string]map[string]string // by id, also of accounts that are gone
	waived     map[uuid.UUID]bool           // whose data may be lost
	data       int                          // pieces of work at Zoom
	admitted   map[uuid.UUID]map[time.Time]bool
	restored   bool                 // a backup was put back
	confirming bool                 // a document whose removals were confirmed was applied
	elsewhere  map[string]time.Time // since when an app's credentials reach another tenant
	astray     map[string]bool      // something was written there before Usher could notice
	ledgerAt   memory.Snapshot      // as it was looked at last
}

func newWatched() watched {
	sets := func() map[string]map[string]bool { return map[string]map[string]bool{desk: {}, meet: {}} }
	return watched{
		foreign:   map[string]map[string]login{desk: {}, meet: {}},
		addresses: map[string]map[string]string{desk: {}, meet: {}},
		strangers: sets(), byHand: sets(), waived: map[uuid.UUID]bool{},
		admitted: map[uuid.UUID]map[time.Time]bool{}, elsewhere: map[string]time.Time{}, astray: map[string]bool{},
	}
}

func decode(data []byte, into any) error {
	if record, ok := into.(encoding.BinaryUnmarshaler); ok {
		return record.UnmarshalBinary(data)
	}
	return json.Unmarshal(data, into)
}

// untouchable notes the accounts that stand at the vendors before Usher comes.
func (w *World) untouchable() {
	for _, app := range apps() {
		for id, l := range w.logins(app) {
			w.foreign[app][id] = l
		}
	}
}

// watch looks at the calls since it was last asked and at what they left.
func (w *World) watch() error {
	calls := w.log.After(w.seen)
	if len(calls) == 0 {
		return nil
	}
	w.seen = calls[len(calls)-1].Seq
	wrote := map[string]bool{}
	for _, c := range calls {
		app := appOf(c)
		if !strings.HasPrefix(c.Path, "/oauth") {
			w.calls++
		}
		if w.tracing {
			w.say("    %s %s %s %d %s%s %s", app, c.Method, c.Path, c.Status, c.Fault, map[bool]string{true: " WROTE"}[c.Changed], short(c))
		}
		if c.Fault == wire.OtherTenant {
			w.moved(app, c.Time)
		}
		if !c.Changed {
			continue
		}
		wrote[app] = true
		if err := w.judgeWrite(app, c); err != nil {
			return err
		}
	}
	for _, app := range apps() {
		if !wrote[app] || !w.elsewhere[app].IsZero() {
			continue
		}
		if err := w.watchVendor(app); err != nil {
			return err
		}
	}
	if w.calls > tooMany {
		return broken("nothing is stuck", "more than %d calls in one history", tooMany)
	}
	return w.watchLedger()
}

// tooMany is how many calls no history can need.
const tooMany = 10000

func short(c wire.Call) string {
	if c.Method == http.MethodGet {
		return c.Query
	}
	body := string(c.Body)
	return body[:min(len(body), 160)]
}

// moved notes when credentials began to reach another tenant; once more leads back.
func (w *World) moved(app string, at time.Time) {
	if w.elsewhere[app].IsZero() {
		w.elsewhere[app] = at
	} else {
		w.elsewhere[app] = time.Time{}
	}
}

// trust is how long Usher believes that a connection still reaches the same tenant.
const trust = time.Minute

// judgeWrite judges one call that changed something.
func (w *World) judgeWrite(app string, c wire.Call) error {
	if since := w.elsewhere[app]; !since.IsZero() {
		if c.Time.Sub(since) > trust {
			return broken("nothing is written in another tenant", "%s %s at %s, %s after the credentials moved", c.Method, c.Path, app, c.Time.Sub(since))
		}
		w.astray[app] = true
		return nil
	}
	parts := strings.Split(strings.Trim(c.Path, "/"), "/")
	switch {
	case len(parts) == 1 && parts[0] == "users" && c.Method == http.MethodPost:
		return w.judgeCreate(app, c)
	case len(parts) == 2 && parts[0] == "users" && c.Method == http.MethodDelete:
		return w.judgeRemoval(app, parts[1], c)
	case len(parts) == 3 && parts[2] == "status" && strings.Contains(string(c.Body), "deactivate"):
		return w.judgeRemoval(app, parts[1], c)
	}
	return nil
}

// judgeCreate: an account is made only for somebody who was entitled at some time.
func (w *World) judgeCreate(app string, c wire.Call) error {
	var body struct {
		Email string `json:"email"`
		Info  struct {
			Email string `json:"email"`
		} `json:"user_info"`
	}
	if err := decode(c.Body, &body); err != nil {
		return broken("no unexpected error", "read a create: %v", err)
	}
	email := strings.ToLower(body.Email + body.Info.Email)
	for p, ever := range w.model.entitled[app] {
		if ever && w.model.emails[p][email] {
			return nil
		}
	}
	return broken("nobody who was never entitled gets an account", "%s at %s", email, app)
}

// judgeRemoval: what ends an account was admitted by the budget, or approved.
func (w *World) judgeRemoval(app, id string, c wire.Call) error {
	id, err := url.PathUnescape(id)
	if err != nil {
		return broken("no unexpected error", "read a removal: %v", err)
	}
	for a, err := range all[provision.Account](w, "accounts") {
		if err != nil {
			return err
		}
		if a.App != app || a.VendorID != id && (a.VendorID == "" || a.VendorID != w.addresses[app][id]) {
			continue
		}
		if a.UnwantedSince.IsZero() {
			continue // history, or a return that came during the call
		}
		if !a.Admitted.IsZero() {
			return nil
		}
		approved, err := w.approved(a)
		if err != nil || approved {
			return err
		}
	}
	if w.ended(app, id) {
		return nil
	}
	return broken("no removal without admission", "%s %s at %s", c.Method, c.Path, app)
}

// ended reports whether a ledger entry that was admitted turned wanted again during the call, or was moved by a rollback of the store.
func (w *World) ended(app, id string) bool {
	for a, err := range all[provision.Account](w, "accounts") {
		if err == nil && a.App == app && (a.VendorID == id || a.VendorID == w.addresses[app][id]) && (a.State == provision.Removing || a.State == provision.Suspended || w.restored || a.UnwantedSince.IsZero()) {
			return true
		}
	}
	return false
}

func (w *World) approved(a *provision.Account) (bool, error) {
	for h, err := range all[provision.Hold](w, "holds") {
		if err != nil {
			return false, err
		}
		if h.App == a.App && h.Person == a.Person && h.State == provision.HoldApproved {
			return true, nil
		}
	}
	return false, nil
}

// watchVendor looks at all accounts of a vendor after a write.
func (w *World) watchVendor(app string) error {
	now := w.logins(app)
	for id, was := range w.foreign[app] {
		l, there := now[id]
		if !there || l.email != was.email || l.role != was.role || l.active != was.active || l.name != was.name || l.licence != was.licence {
			return broken("protected and foreign accounts are untouched", "%s at %s: %+v, was %+v", was.email, app, l, was)
		}
	}
	addresses, externals := map[string]string{}, map[string]string{}
	for id, l := range now {
		w.addresses[app][id] = l.email
		if other := addresses[strings.ToLower(l.email)]; other != "" {
			return broken("nobody has two accounts", "%s at %s: %s and %s", l.email, app, id, other)
		}
		addresses[strings.ToLower(l.email)] = id
		if other := externals[l.external]; l.external != "" && other != "" {
			return broken("nobody has two accounts", "%s at %s: %s and %s", l.external, app, id, other)
		}
		externals[l.external] = id
	}
	if app == meet {
		if n := w.countData(); n < w.data && len(w.waived) == 0 {
			return broken("no removal before its transfer", "%d pieces of work, %d before", n, w.data)
		}
		w.data = w.countData()
	}
	return nil
}

// watchLedger: the people whose removal was let through without approval stay within the budget of every window.
func (w *World) watchLedger() error {
	now := w.disk.Snapshot()
	if now.Same(w.ledgerAt, "accounts") {
		return nil
	}
	w.ledgerAt = now
	for a, err := range all[provision.Account](w, "accounts") {
		if err != nil {
			return err
		}
		if a.Admitted.IsZero() {
			continue
		}
		if w.admitted[a.ID] == nil {
			w.admitted[a.ID] = map[time.Time]bool{}
		}
		if _, known := w.admitted[a.ID][a.Admitted]; known {
			continue
		}
		counted := !w.confirmed(a)
		w.admitted[a.ID][a.Admitted] = counted
		if !counted {
			continue
		}
		if err := w.withinBudget(a); err != nil {
			return err
		}
	}
	return nil
}

// confirmed reports whether a removal was let through by an administrator's word at apply.
func (w *World) confirmed(a *provision.Account) bool {
	for s, err := range all[spending](w, "spendings") {
		if err == nil && s.App == a.App && s.Person == a.Person && s.At.Equal(a.Admitted) {
			return false
		}
	}
	return w.confirming
}

// spending is a person who counts towards an app's budget.
type spending struct {
	App    string    `json:"app"`
	Person uuid.UUID `json:"person"`
	At     time.Time `json:"at"`
}

const budget = 3 // of the default budget, for as few accounts as these histories have

func (w *World) withinBudget(a *provision.Account) error {
	people := map[uuid.UUID]bool{}
	for b, err := range all[provision.Account](w, "accounts") {
		if err != nil {
			return err
		}
		for at, counted := range w.admitted[b.ID] {
			if counted && b.App == a.App && !at.After(a.Admitted) && at.After(a.Admitted.Add(-24*time.Hour)) {
				people[b.Person] = true
			}
		}
	}
	if len(people) > budget {
		return broken("removals stay within the budget", "%d people of %s within a day: %s", len(people), a.App, w.names(people))
	}
	return nil
}

// sortedIDs lists the ids of accounts in a fixed order.
func sortedIDs(logins map[string]login) []string { return slices.Sorted(keys(logins)) }
