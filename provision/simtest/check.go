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
	w.syncSwitches()
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
		_, team := it.Team()
		if a, there := d.apps[it.App]; !there || a.mode == "paused" || team && a.mode == "observe" {
			continue
		}
		waits := it.Due.After(now)
		switch it.State {
		case provision.Later:
		case provision.Quiet:
			waits = now.Before(it.Marked.Add(quiet.AtMost)) || w.restoredMark() != nil || w.stopped(it.App, true, it.Cut) != ""
		case provision.Held:
			waits = true
		case provision.Failed:
			waits = it.Failure != nil && it.Failure.Text != ""
		case provision.Ready:
			_, about := it.Person()
			stopped := w.restoredMark() != nil || w.stopped(it.App, about && it.Lane == provision.Removal, it.Cut) != ""
			waits = stopped || waits && (soon || it.Failure == nil)
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
	teams  map[string]bool   // those with a failure
	drift  []provision.Drift // that is open
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
	for d, err := range all[provision.Drift](w, "drifts") {
		if err != nil {
			return nil, err
		}
		if d.App == app && d.State.Open() {
			v.drift = append(v.drift, *d)
		}
	}
	return v, nil
}

func (v *view) check() error {
	if v.w.restoredMark() != nil {
		v.w.excuse("nobody has ended a restore, which stops everything")
		return nil
	}
	if err := v.checkLedger(); err != nil {
		return err
	}
	if v.mode != "enforce" {
		return nil
	}
	if by := v.w.stopped(v.app, false, false); by != "" {
		v.w.excuse("a switch stops the app")
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
		if _, theirs := v.w.foreign[v.app][id]; theirs || standing[id] != nil || v.w.strangers[v.app][id] || v.pendingOf(l) || v.beingMade(l) {
			continue
		}
		if v.unknownAfterRestore(l) || v.soon && v.excusedEmail(l.email) {
			continue
		}
		if over[id] != nil && l.pending && v.w.invitationOver(l.email) {
			continue // nobody can accept it any more
		}
		if a := over[id]; a != nil {
			return broken("what is gone is gone", "%s stands at %s, and the ledger says %s", l.email, v.app, a.State)
		}
		return broken("every account is in the ledger", "%s (%s) at %s is not", l.email, id, v.app)
	}
	return nil
}

// invitationOver reports whether an invitation to Zoom has ended by itself, which takes thirty days.
func (w *World) invitationOver(email string) bool {
	u, there := w.meet.User(email)
	return there && vendorNow().Sub(u.InvitedAt) >= 30*day
}

// unknownAfterRestore: what was made since the backup is found by the first comparison; whom it cannot be given to it shows.
func (v *view) unknownAfterRestore(l login) bool {
	if v.w.restored.IsZero() {
		return false
	}
	if !v.w.comparedSince(v.app, v.w.restored) && v.soon {
		v.w.excuse("the app was not compared since a restore")
		return true
	}
	for i := range v.drift {
		if d := &v.drift[i]; d.Account == uuid.Nil && (d.VendorID == l.id || strings.EqualFold(d.Email, l.email)) {
			v.w.excuse("an account of after the backup is shown as drift")
			return true
		}
	}
	return false
}

// pendingOf: an invitation that was accepted has another id than the ledger knows until it is looked at again.
func (v *view) pendingOf(l login) bool {
	for i := range v.ledger {
		if a := &v.ledger[i]; !a.State.Over() && strings.EqualFold(a.VendorID, l.email) {
			v.w.excuse("an invitation was accepted, and the ledger knows it by its address")
			return true
		}
	}
	return false
}

// beingMade: a creation was sent and its answer not read when the mapping turned the app off. The ledger has it as one that is being made, and
// looks it up when the app is enforced again.
func (v *view) beingMade(l login) bool {
	for i := range v.ledger {
		if a := &v.ledger[i]; v.mode != "enforce" && a.State == provision.Creating && a.Intent != nil && a.Intent.Sent && strings.EqualFold(a.Email, l.email) {
			v.w.excuse("a creation was not answered, and its app is not enforced any more")
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

// excused reports whether something visible says why a person's account may not be as it should be, soon after the last act.
func (v *view) excused(p uuid.UUID) bool {
	why := v.reason(p)
	if why != "" {
		v.w.excuse(why)
	}
	return why != ""
}

func (v *view) reason(p uuid.UUID) string {
	if it, there := v.items[p]; there {
		switch {
		case it.State == provision.Failed:
			return "a failure waits for a change"
		case it.Failure != nil:
			return "a failure is shown, and is tried again"
		case it.Due.After(v.w.clock.now()) && it.State != provision.Held:
			return "a step is not due yet"
		case it.State == provision.Quiet && v.w.clock.now().Sub(it.Marked) < aMoment:
			return "a step is not due yet" // it is waited for others, who may leave at the same moment
		case it.Lane == provision.Removal && v.w.stopped(v.app, true, v.w.model.ended[p]) != "":
			return "removals are paused"
		}
	}
	for _, h := range v.holds[p] {
		if v.w.model.ended[p] && (h.Kind == provision.HoldBudget || h.Kind == provision.HoldMapping || h.Kind == provision.HoldReduction) {
			continue // a termination does not wait for these
		}
		return "a question is open or was answered with no: " + string(h.Kind)
	}
	for i := range v.ledger {
		a := &v.ledger[i]
		if a.Person != p || a.State.Over() {
			continue
		}
		at, touched := v.w.handTouchedAt(v.app, a.VendorID, a.Email)
		if touched && strings.Contains(a.VendorID, "@") {
			return "an invitation was accepted and the account changed by hand, and the ledger knows it by its address"
		}
		if touched && a.Modified.After(at) {
			at = a.Modified // what Usher itself changed a moment before a comparison is left to the next one
		}
		if back := v.w.returned[a.ID]; touched && back.After(at) {
			at = back // of whoever is not entitled a comparison looks only at whether what was cut stays so
		}
		if touched && !v.w.comparedSince(v.app, at.Add(aMoment)) {
			return "changed by hand, and not compared since"
		}
		if back := v.w.returned[a.ID]; !v.w.restored.IsZero() && back.After(v.w.restored) && !v.w.comparedSince(v.app, back.Add(aMoment)) {
			return "the app was not compared since a restore"
		}
	}
	if !v.w.restored.IsZero() && !v.w.comparedSince(v.app, v.w.restored) {
		return "the app was not compared since a restore"
	}
	return v.driftOf(p)
}

// aMoment is how long the vendors' reads may lag behind a write.
const aMoment = 10 * time.Second

// driftOf names an open difference of a person's account that the vendor's side made.
func (v *view) driftOf(p uuid.UUID) string {
	for i := range v.drift {
		d := &v.drift[i]
		if d.Person != p || d.State == provision.DriftCorrecting {
			continue
		}
		if d.State == provision.DriftContested {
			return "contested: turned back again and again"
		}
		if v.soon || !v.w.restored.IsZero() {
			return "a difference is shown as drift: " + string(d.Kind)
		}
	}
	return ""
}

// answerable are kinds of hold that somebody with all rights can answer; in the end none of them is open.
func answerable(k provision.HoldKind) bool {
	return k.Approvable() && k != provision.HoldTransfer && k != provision.HoldRefused
}

func (v *view) checkPerson(p uuid.UUID) error {
	who := v.w.name(p)
	if v.soon && v.excused(p) {
		return nil
	}
	var standing []provision.Account
	for _, a := range v.ledger {
		if a.Person == p && !a.State.Over() {
			standing = append(standing, a)
		}
	}
	no := map[string]bool{}
	for _, h := range v.holds[p] {
		switch {
		case h.State == provision.HoldRejected:
			no[strings.TrimSpace(string(h.Kind)+" "+string(h.Work))] = true
		case answerable(h.Kind):
			return broken("approved questions go away", "%s at %s: %+v", who, v.app, h)
		default:
			v.w.excuse("in the end: a question that nobody can answer: " + string(h.Kind))
			return nil
		}
	}
	if it, there := v.items[p]; there && it.Failure != nil && !v.soon {
		why := v.addressRefused(p, &it)
		switch {
		case it.Failure.Kind == adapters.Protected:
			v.w.excuse("in the end: the vendor protects the account")
			return nil
		case why == "":
			return broken("nobody is stuck when faults have ended", "%s at %s: %s, %+v", who, v.app, it.State, it.Failure)
		}
		v.w.excuse("in the end: " + why)
		no["address"] = true
	}
	if !v.soon {
		if why := v.driftOf(p); why != "" {
			v.w.excuse("in the end: " + why)
			return nil
		}
	}
	if human(who) == protectedOne {
		return nil
	}
	want, entitled := v.w.model.want(p, v.app, v.w.clock.now().Add(-24*time.Hour))
	if !entitled {
		return v.checkUnwanted(p, who, standing, no)
	}
	if len(standing) == 0 && (no["budget create"] || no["adopt"] || no["namesake"] || no["restored"]) {
		v.w.excuse("in the end: an administrator said no to an account")
		return nil
	}
	if len(standing) != 1 {
		return broken("who is entitled has one account", "%s has %d in the ledger of %s", who, len(standing), v.app)
	}
	return v.checkWanted(p, who, want, standing[0], no)
}

// addressRefused says why Zoom cannot give an account the address that the directory says, and the failure that is shown says so: another
// account has it, or the account is an administrator's. "" where neither is so.
func (v *view) addressRefused(p uuid.UUID, it *provision.Item) string {
	if v.app != meet || it.State != provision.Failed || it.Failure.Kind != adapters.Conflict {
		return ""
	}
	u, _ := v.w.model.profile(p)
	for i := range v.ledger {
		a := &v.ledger[i]
		l, there := v.login(a.VendorID)
		if a.Person != p || a.State.Over() || !there || strings.EqualFold(l.email, u.userName) {
			continue
		}
		if l.role == "admin" {
			return "an administrator's address at Zoom can be changed only by that administrator"
		}
		for _, id := range sortedIDs(v.logins) {
			if id != l.id && strings.EqualFold(v.logins[id].email, u.userName) {
				return "another account has the address"
			}
		}
	}
	return ""
}

// checkUnwanted: who is not entitled has no account, but one that the mapping's last step leaves behind. Whom an administrator
// terminated cannot sign in, whatever the mapping says.
func (v *view) checkUnwanted(p uuid.UUID, who string, standing []provision.Account, no map[string]bool) error {
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
		case !there:
		case v.w.model.ended[p]:
			if l.active {
				return broken("who is terminated cannot sign in", "%s has %+v at %s; ledger: %s since %s, done %v", who, l, v.app, a.State, a.UnwantedSince, a.Done)
			}
		case no["budget removal"] || no["budget suspension"] || no["mapping"] || no["reduction"] || no["transfer"] || no["refused"] || no["leaver"] || no["returned"]:
			v.w.excuse("an administrator said no to ending the account")
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

// checkWanted: an entitled person has what the mapping says, but for what an administrator said no to.
func (v *view) checkWanted(p uuid.UUID, who string, want wanted, a provision.Account, no map[string]bool) error {
	l, there := v.login(a.VendorID)
	u, _ := v.w.model.profile(p)
	switch {
	case !there:
		return broken("who is entitled has one account", "%s: %s has no %s, the ledger says %+v", who, v.app, a.VendorID, a)
	case a.Protected != "":
		v.w.excuse("the vendor protects the account, and nothing is written to it")
		return nil
	case l.pending:
		v.w.excuse("an invitation is not accepted yet")
		return nil
	case !l.active && no["suspended"]:
		v.w.excuse("an administrator said no to reactivating the account")
		return nil
	case !l.active:
		return broken("who is entitled can sign in", "%s at %s: %+v, ledger %s", who, v.app, l, a.State)
	case no["reduction"] || no["budget reduction"] || no["admin admin-grant"]:
		v.w.excuse("an administrator said no to another role, licence or team")
	case want.role != "" && l.role != want.role, want.licence != "" && l.licence != want.licence:
		return broken("the vendor has what the directory says", "%s at %s: role %q licence %q, want %+v; ledger %q %q", who, v.app, l.role, l.licence, want, a.Role, a.Licence)
	}
	switch {
	case l.name != u.display:
		return broken("the vendor has what the directory says", "%s at %s: name %q, want %q", who, v.app, l.name, u.display)
	case no["address"]:
	case v.app == meet && no["budget identity"]:
		v.w.excuse("an administrator said no to another address")
	case v.app == meet && !strings.EqualFold(l.email, u.userName):
		return broken("the vendor has what the directory says", "%s at %s: address %q, want %q", who, v.app, l.email, u.userName)
	}
	for _, t := range v.managed() {
		has, should := slices.Contains(l.teams, t), slices.Contains(want.teams, t)
		switch {
		case has == should:
		case v.teams[t]:
			v.w.excuse("a team has a failure of its own")
		case has && (no["reduction"] || no["budget reduction"]):
		default:
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
