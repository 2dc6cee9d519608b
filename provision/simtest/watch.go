package simtest

import (
	"encoding"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/sandbox/wire"
)

// watched is what the simulator remembers in order to judge.
type watched struct {
	seen      int64                           // the last call of the log that was looked at
	lastWrite time.Time                       // at any vendor, by its clock
	applying  int                             // the document that is being put in force
	foreign   map[string]map[string]login     // accounts that are none of Usher's business, as they were
	strangers map[string]map[string]bool      // accounts of people that were there before Usher
	stale     map[string]time.Time            // when the last comparison of each app began, of before the clock was set back
	byHand    map[string]map[string]time.Time // accounts that somebody removed or changed at the vendor, by id and address
	addresses map[string]map[string]string    // ids by address, also of accounts that are gone
	waived    map[uuid.UUID]bool              // whose data may be lost
	data      int                             // pieces of work at Zoom
	restored  time.Time                       // when a backup was put back last, by Usher's clock
	elsewhere map[string]time.Time            // since when an app's credentials reach another tenant
	astray    map[string]bool                 // something was written there before Usher could notice
	excuses   map[string]int
	audited
	guarded
	recorded
	counted
}

func newWatched() watched {
	sets := func() map[string]map[string]bool { return map[string]map[string]bool{desk: {}, meet: {}} }
	return watched{
		foreign:   map[string]map[string]login{desk: {}, meet: {}},
		addresses: map[string]map[string]string{desk: {}, meet: {}},
		strangers: sets(), stale: map[string]time.Time{}, byHand: map[string]map[string]time.Time{desk: {}, meet: {}}, waived: map[uuid.UUID]bool{},
		elsewhere: map[string]time.Time{}, astray: map[string]bool{},
		audited: audited{
			lets: map[let]bool{}, setTo: map[let]time.Time{}, older: map[let]bool{}, admitted: map[uuid.UUID]time.Time{}, unwanted: map[uuid.UUID]bool{}, returned: map[uuid.UUID]time.Time{},
			ever: map[uuid.UUID]map[provision.Kind]map[string]bool{}, limits: []document{{}},
		},
		counted: counted{recent: map[string]int{}, seenLogins: map[string]map[string]login{}, ran: map[string]time.Time{}, checked: map[string]time.Time{}},
		guarded: guarded{admins: map[string]int{}}, recorded: recorded{
			memberships: map[string]map[string][]string{}, asked: map[teamChange]time.Time{}, teamWrote: map[string]time.Time{},
		},
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
		w.seenLogins[app] = w.logins(app)
		w.admins[app], w.memberships[app] = w.countAdmins(app), w.teamsNow(app)
	}
}

// watch looks at the calls since it was last asked and at what they left.
func (w *World) watch() error {
	w.syncSwitches()
	if err := w.audit(true); err != nil {
		return err
	}
	if err := w.watchTeams(); err != nil {
		return err
	}
	calls := w.log.After(w.seen)
	if len(calls) == 0 {
		return nil
	}
	w.seen = calls[len(calls)-1].Seq
	wrote := map[string][]wire.Call{}
	for _, c := range calls {
		app := appOf(c)
		if !strings.HasPrefix(c.Path, "/oauth") {
			w.calls++
			w.recent[app]++
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
		wrote[app], w.lastWrite = append(wrote[app], c), vendorNow()
		if err := w.judgeWrite(app, c); err != nil {
			return err
		}
	}
	for _, app := range apps() {
		if len(wrote[app]) == 0 || !w.elsewhere[app].IsZero() {
			continue
		}
		if err := w.watchVendor(app); err != nil {
			return err
		}
		if err := w.judgeAdmins(app); err != nil {
			return err
		}
		if err := w.judgeTeams(app, wrote[app]); err != nil {
			return err
		}
	}
	if w.calls > tooMany {
		return broken("nothing is stuck", "more than %d calls in one history", tooMany)
	}
	return nil
}

// tooMany is how many calls no history can need.
const tooMany = 20000

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
	a, err := w.accountOf(app, c)
	if err != nil {
		return err
	}
	if err := w.judgeLeave(app, c, a); err != nil {
		return err
	}
	if err := w.judgeGrant(app, c, a); err != nil {
		return err
	}
	if err := w.judgeIntent(app, c, a); err != nil {
		return err
	}
	parts := strings.Split(strings.Trim(c.Path, "/"), "/")
	switch {
	case len(parts) == 1 && parts[0] == "users" && c.Method == http.MethodPost:
		return w.judgeCreate(app, c, a)
	case len(parts) == 2 && parts[0] == "users" && c.Method == http.MethodDelete:
		return w.judgeRemoval(app, c, a)
	case len(parts) == 3 && parts[2] == "status" && strings.Contains(string(c.Body), "deactivate"):
		return w.judgeRemoval(app, c, a)
	}
	return nil
}

// judgeCreate: an account is made only for somebody who was entitled at some time, and whom a budget or an administrator let through.
func (w *World) judgeCreate(app string, c wire.Call, a *provision.Account) error {
	email, err := newAddress(c)
	if err != nil {
		return err
	}
	w.model.remember(w.clock.now().Add(time.Hour)) // a denying group may have thawed since: a day, not the 25 hours of the others
	for p, ever := range w.model.entitled[app] {
		if !ever || !w.model.emails[p][email] {
			continue
		}
		if a != nil && a.Person == p {
			allowed, err := w.allowed(app, p, provision.Creates)
			if err == nil && !allowed {
				err = broken("work stays within the budgets", "%s was made at %s, and nobody let that through", email, app)
			}
			return err
		}
	}
	return broken("nobody who was never entitled gets an account", "%s at %s", email, app)
}

// newAddress is the address of the account that a call makes.
func newAddress(c wire.Call) (string, error) {
	var body struct {
		Email string `json:"email"`
		Info  struct {
			Email string `json:"email"`
		} `json:"user_info"`
	}
	if err := decode(c.Body, &body); err != nil {
		return "", broken("no unexpected error", "read a create: %v", err)
	}
	return strings.ToLower(body.Email + body.Info.Email), nil
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
		w.addresses[app][strings.ToLower(l.email)] = id
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

// sortedIDs lists the ids of accounts in a fixed order.
func sortedIDs(logins map[string]login) []string { return slices.Sorted(keys(logins)) }
