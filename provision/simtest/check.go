package simtest

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
)

// checkAll checks what must hold when everything has settled. soon excuses what a visible reason explains.
func (w *World) checkAll(soon bool) error {
	if err := w.acknowledged(); err != nil {
		return err
	}
	for _, app := range apps() {
		if err := w.watchVendor(app); err != nil {
			return err
		}
	}
	if err := w.nothingStuck(soon); err != nil {
		return err
	}
	for _, app := range apps() {
		if w.astray[app] {
			continue // the ledger speaks of two tenants
		}
		v, err := w.view(app, soon)
		if err != nil {
			return err
		}
		if err := v.check(); err != nil {
			return err
		}
	}
	return nil
}

// acknowledged: every write that Usher said yes to is there, and nothing else.
func (w *World) acknowledged() error {
	now, err := w.learn(w.p.ctx)
	if err != nil {
		return broken("no unexpected error", "read the directory: %v", err)
	}
	if d := differences(w.model, now); len(d) > 0 {
		return broken("acknowledged writes are present", "%s", strings.Join(d, "; "))
	}
	return nil
}

// nothingStuck: the outbox is empty, and nothing lies in the queue whose time has come.
func (w *World) nothingStuck(soon bool) error {
	err := w.disk.Open().View(w.p.ctx, func(r store.Reader) error {
		pending, err := audit.Pending(r, 10)
		if err == nil && len(pending) > 0 {
			return broken("nothing is stuck", "%d changes are not expanded, the first is %+v", len(pending), pending[0])
		}
		return err
	})
	if err != nil {
		return err
	}
	d, _ := w.model.document()
	now := w.clock.now()
	for it, err := range all[provision.Item](w, "items") {
		if err != nil {
			return err
		}
		if a, there := d.apps[it.App]; !there || a.mode == "paused" {
			continue
		}
		waits := it.Due.After(now)
		switch it.State {
		case provision.Later:
		case provision.Quiet:
			waits = now.Before(it.Marked.Add(quiet.AtMost))
		case provision.Held:
			waits = true
		case provision.Failed:
			waits = soon || it.Failure != nil && it.Failure.Text != ""
		case provision.Ready:
			waits = waits && (soon || it.Failure == nil)
		default:
			waits = false
		}
		if !waits {
			return broken("nothing is stuck", "%+v %+v, %s", it, it.Failure, w.subject(it))
		}
	}
	return nil
}

func (w *World) subject(it *provision.Item) string {
	if p, ok := it.Person(); ok {
		return w.name(p)
	}
	return it.Subject
}

// view is an app as it stands at the vendor, in the ledger and in the queue.
type view struct {
	w      *World
	app    string
	soon   bool
	mode   string
	logins map[string]login
	ledger []provision.Account
	items  map[uuid.UUID]provision.Item
	holds  map[uuid.UUID][]provision.Hold
	teams  map[string]bool // those with a failure
}

func (w *World) view(app string, soon bool) (*view, error) {
	d, _ := w.model.document()
	v := &view{
		w: w, app: app, soon: soon, mode: d.apps[app].mode, logins: w.logins(app),
		items: map[uuid.UUID]provision.Item{}, holds: map[uuid.UUID][]provision.Hold{}, teams: map[string]bool{},
	}
	for a, err := range all[provision.Account](w, "accounts") {
		if err != nil {
			return nil, err
		}
		if a.App == app {
			v.ledger = append(v.ledger, *a)
		}
	}
	for it, err := range all[provision.Item](w, "items") {
		if err != nil {
			return nil, err
		}
		if p, ok := it.Person(); ok && it.App == app {
			v.items[p] = *it
		} else if t, ok := it.Team(); ok && it.App == app && it.Failure != nil {
			v.teams[t] = true
		}
	}
	for h, err := range all[provision.Hold](w, "holds") {
		if err != nil {
			return nil, err
		}
		if h.App == app && (h.State == provision.HoldOpen || h.State == provision.HoldRejected) {
			v.holds[h.Person] = append(v.holds[h.Person], *h)
		}
	}
	return v, nil
}

func (v *view) check() error {
	if err := v.checkLedger(); err != nil {
		return err
	}
	if v.mode != "enforce" {
		return nil
	}
	for _, p := range v.w.model.persons() {
		if err := v.checkPerson(p); err != nil {
			return err
		}
	}
	return nil
}

// checkLedger: every account that Usher made is in the ledger, and what the ledger calls gone is gone.
func (v *view) checkLedger() error {
	standing, over := map[string]*provision.Account{}, map[string]*provision.Account{}
	for i := range v.ledger {
		a := &v.ledger[i]
		switch {
		case a.VendorID == "":
		case a.State.Over():
			over[a.VendorID] = a
		default:
			standing[a.VendorID] = a
		}
	}
	for _, id := range sortedIDs(v.logins) {
		l := v.logins[id]
		if _, theirs := v.w.foreign[v.app][id]; theirs || standing[id] != nil || v.w.strangers[v.app][id] || v.w.restored {
			continue
		}
		if a := over[id]; a != nil {
			return broken("what is gone is gone", "%s stands at %s, and the ledger says %s", l.email, v.app, a.State)
		}
		if v.pendingOf(l) || v.soon && v.excusedEmail(l.email) {
			continue
		}
		return broken("every account is in the ledger", "%s (%s) at %s is not", l.email, id, v.app)
	}
	return nil
}

// pendingOf: an invitation that was accepted has another id than the ledger knows until it is looked at again.
func (v *view) pendingOf(l login) bool {
	for i := range v.ledger {
		if a := &v.ledger[i]; !a.State.Over() && strings.EqualFold(a.VendorID, l.email) {
			return true
		}
	}
	return false
}

func (v *view) excusedEmail(email string) bool {
	for p, of := range v.w.model.emails {
		if of[email] && v.excused(p) {
			return true
		}
	}
	return false
}

// excused reports whether something visible says why a person's account may not be as it should be.
func (v *view) excused(p uuid.UUID) bool {
	it, there := v.items[p]
	if there && (it.Failure != nil || it.State == provision.Failed || it.Due.After(v.w.clock.now())) {
		return true
	}
	if len(v.holds[p]) > 0 {
		return true
	}
	for i := range v.ledger {
		if a := &v.ledger[i]; a.Person == p && !a.State.Over() && v.w.byHand[v.app][a.VendorID] {
			return true // nobody can know yet
		}
	}
	return false
}

// answerable are kinds of hold that somebody with all rights can answer; in the end none of them is open.
func answerable(k provision.HoldKind) bool {
	return k.Approvable() && k != provision.HoldTransfer && k != provision.HoldRefused
}

func (v *view) checkPerson(p uuid.UUID) error {
	if v.soon && (v.excused(p) || v.w.restored) {
		return nil // after a restore the vendors are ahead, which shows once an account is written to
	}
	who := v.w.name(p)
	var standing []provision.Account
	for _, a := range v.ledger {
		if a.Person == p && !a.State.Over() {
			standing = append(standing, a)
		}
	}
	rejected := map[provision.HoldKind]bool{}
	for _, h := range v.holds[p] {
		if h.State == provision.HoldRejected {
			rejected[h.Kind] = true
			continue
		}
		if answerable(h.Kind) {
			return broken("approved questions go away", "%s at %s: %+v", who, v.app, h)
		}
		if !v.soon {
			return nil // nobody can answer it; it is visible
		}
	}
	if it, there := v.items[p]; there && it.Failure != nil && !v.soon {
		if it.State == provision.Failed && it.Failure.Kind != adapters.Protected { // the last administrator stays one
			return broken("nobody is stuck when faults have ended", "%s at %s: %s, %+v", who, v.app, it.State, it.Failure)
		}
		return nil
	}
	want, entitled := v.w.model.want(p, v.app, v.w.clock.now().Add(-24*time.Hour))
	if human(who) == protectedOne {
		return nil
	}
	if !entitled {
		return v.checkUnwanted(p, who, standing, len(rejected) > 0)
	}
	if len(standing) != 1 {
		return broken("who is entitled has one account", "%s has %d in the ledger of %s", who, len(standing), v.app)
	}
	return v.checkWanted(p, who, want, standing[0], rejected)
}

// checkUnwanted: who is not entitled has no account, but one that the mapping's last step leaves behind.
func (v *view) checkUnwanted(p uuid.UUID, who string, standing []provision.Account, rejected bool) error {
	d, _ := v.w.model.document()
	endings := d.apps[v.app].ungranted
	if !v.w.model.active(p) {
		endings = d.apps[v.app].deactivated
	}
	last := ""
	if n := len(endings); n > 0 {
		last = endings[n-1].action
	}
	for _, a := range standing {
		l, there := v.login(a.VendorID)
		switch {
		case !there || rejected:
		case last == "delete" && !v.later(p):
			return broken("who is not entitled has no account", "%s has %+v at %s; ledger: %s since %s, done %v", who, l, v.app, a.State, a.UnwantedSince, a.Done)
		case last == "suspend" && l.active:
			return broken("who is not entitled cannot sign in", "%s has %+v at %s; ledger: %s", who, l, v.app, a.State)
		}
	}
	return nil
}

// login finds an account by the id in the ledger. An invitation is known by its address, also after it was accepted.
func (v *view) login(id string) (login, bool) {
	if l, there := v.logins[id]; there || !strings.Contains(id, "@") {
		return l, there
	}
	for _, l := range v.logins {
		if strings.EqualFold(l.email, id) {
			return l, true
		}
	}
	return login{}, false
}

// later reports whether the next step of a person is not due yet.
func (v *view) later(p uuid.UUID) bool {
	it, there := v.items[p]
	return there && it.State == provision.Later && it.Due.After(v.w.clock.now())
}

// checkWanted: an entitled person has what the mapping says.
func (v *view) checkWanted(p uuid.UUID, who string, want wanted, a provision.Account, rejected map[provision.HoldKind]bool) error {
	l, there := v.login(a.VendorID)
	u, _ := v.w.model.profile(p)
	switch {
	case !there:
		return broken("who is entitled has one account", "%s: %s has no %s, the ledger says %+v", who, v.app, a.VendorID, a)
	case a.Protected != "" || l.pending:
		return nil
	case !l.active && !rejected[provision.HoldSuspended]:
		return broken("who is entitled can sign in", "%s at %s: %+v, ledger %s", who, v.app, l, a.State)
	case !l.active || rejected[provision.HoldReduction]:
		return nil
	case want.role != "" && l.role != want.role, want.licence != "" && l.licence != want.licence:
		return broken("the vendor has what the directory says", "%s at %s: role %q licence %q, want %+v; ledger %q %q", who, v.app, l.role, l.licence, want, a.Role, a.Licence)
	case l.name != u.display:
		return broken("the vendor has what the directory says", "%s at %s: name %q, want %q", who, v.app, l.name, u.display)
	case v.app == meet && !strings.EqualFold(l.email, u.userName):
		return broken("the vendor has what the directory says", "%s at %s: address %q, want %q", who, v.app, l.email, u.userName)
	}
	for _, t := range v.managed() {
		has, should := slices.Contains(l.teams, t), slices.Contains(want.teams, t)
		if has && !should && v.app == desk && a.Origin == provision.Adopted {
			continue // Gorgias does not say of a user which teams it is in
		}
		if has != should && !v.teams[t] {
			return broken("teams are as wanted", "%s at %s: %q, want %q; ledger %q", who, v.app, l.teams, want.teams, a.Teams)
		}
	}
	return nil
}

// managed lists the teams that some grant of the app names.
func (v *view) managed() []string {
	d, _ := v.w.model.document()
	var teams []string
	for _, g := range d.apps[v.app].grants {
		teams = append(teams, g.teams...)
	}
	return teams
}
