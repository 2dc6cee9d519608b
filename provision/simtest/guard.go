package simtest

import (
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/provision"
	gorgiasbox "github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/wire"
)

// What a write must not do while something forbids it: a switch, a mapping that only observes, a restore that nobody ended.

// guarded is what the simulator remembers for it.
type guarded struct {
	latest   time.Time // the furthest that Usher's clock ever showed
	underWay []string  // calls that were on their way when something began to forbid them
	before   []*worker // that were alive when the mapping last changed
	admins   map[string]int
}

// allowUnderWay lets the calls end that are on their way at this moment. Whoever has not asked for leave yet gets none.
func (w *World) allowUnderWay() {
	w.underWay = nil
	for _, k := range w.p.workers {
		if !k.done.Load() && strings.Contains(k.at, " /") {
			w.underWay = append(w.underWay, k.at)
		}
	}
}

// wasUnderWay reports whether a call was on its way when it began to be forbidden; each counts once.
func (w *World) wasUnderWay(c wire.Call) bool {
	i := slices.IndexFunc(w.underWay, func(at string) bool {
		return strings.HasPrefix(at, c.Method+" ") && strings.HasSuffix(at, c.Path)
	})
	if i < 0 {
		return false
	}
	w.underWay = slices.Delete(w.underWay, i, i+1)
	return true
}

// mappingChanged notes whose work began under the document before.
func (w *World) mappingChanged() { w.before = slices.Clone(w.p.workers) }

// judgeLeave judges whether a write was allowed at its moment. for whom it was and what it is part of, the ledger's intent says.
func (w *World) judgeLeave(app string, c wire.Call, a *provision.Account) error {
	if w.restoredMark() != nil {
		return broken("nothing is written after a restore before somebody says so", "%s %s at %s", c.Method, c.Path, app)
	}
	removal, cut := ends(c), false
	if a != nil {
		cut = w.model.ended[a.Person]
		if a.Intent != nil && a.Intent.Sent {
			removal = removal || slices.Contains([]provision.Op{provision.OpDemote, provision.OpSuspend, provision.OpRemove}, a.Intent.Op)
		}
	}
	if a != nil && a.Email == address(protectedOne) && a.Intent != nil && a.Intent.Op != provision.OpObtain {
		return broken("protected and foreign accounts are untouched", "%s %s at %s (%s), of %s, whom the mapping protects", c.Method, c.Path, app, a.Intent.Op, a.Email)
	}
	if by := w.stopped(app, false, false); by != "" && !w.wasUnderWay(c) {
		return broken("nothing is written to a paused app", "%s %s at %s, while %s is paused", c.Method, c.Path, app, by)
	}
	if by := w.stopped(app, removal, cut); by != "" && w.stopped(app, false, false) == "" && !w.wasUnderWay(c) {
		return broken("nobody is removed while removals are paused", "%s %s at %s", c.Method, c.Path, app)
	}
	d, _ := w.model.document()
	if doc, there := d.apps[app]; there && doc.mode != "enforce" {
		for _, k := range w.before {
			if slices.Contains(w.p.workers, k) {
				w.excuse("a write ends that was under way when the mapping changed")
				return nil
			}
		}
		return broken("nothing is written to an app that the mapping does not enforce", "%s %s at %s, in %s", c.Method, c.Path, app, doc.mode)
	}
	return nil
}

// ends reports whether a call ends or suspends an account.
func ends(c wire.Call) bool {
	parts := strings.Split(strings.Trim(c.Path, "/"), "/")
	return len(parts) == 2 && parts[0] == "users" && c.Method == "DELETE" ||
		len(parts) == 3 && parts[2] == "status" && strings.Contains(string(c.Body), "deactivate")
}

// syncSwitches forgets the switches whose time was over and which Usher has dropped for it.
func (w *World) syncSwitches() {
	if now := w.clock.now(); now.After(w.latest) {
		w.latest = now
	}
	for name, s := range w.model.switches {
		if s.Until.IsZero() || w.latest.Before(s.Until) {
			continue
		}
		there := false
		for set, err := range all[provision.Switch](w, "switches") {
			there = there || err == nil && set.Kind == s.Kind && set.App == s.App
		}
		if !there {
			delete(w.model.switches, name)
		}
	}
}

// countAdmins counts those beside the connector who can sign in to an app as an administrator.
func (w *World) countAdmins(app string) int {
	n := 0
	for _, l := range w.logins(app) {
		if l.active && (l.role == "admin" || l.role == "owner") && l.email != gorgiasbox.DemoEmail {
			n++
		}
	}
	return n
}

// judgeAdmins: no write of Usher's takes the last administrator away.
func (w *World) judgeAdmins(app string) error {
	n, was := w.countAdmins(app), w.admins[app]
	w.admins[app] = n
	if n > 0 || was == 0 {
		return nil
	}
	for a, err := range all[provision.Account](w, "accounts") { // whom the ledger takes for an administrator who stays
		if err != nil {
			return err
		}
		if a.App == app && a.Admin && !a.State.Over() && w.handTouched(app, a.VendorID, a.Email) {
			w.excuse("an administrator of the ledger was changed by hand, and nobody has compared since")
			return nil
		}
	}
	return broken("the last administrator stays", "%s had %d", app, was)
}

// firstInLine: the item that is picked is a terminated person's while one of those waits.
func (w *World) firstInLine(it *provision.Item) error {
	if it.Cut || len(w.model.ended) == 0 {
		return nil
	}
	now := w.clock.now()
	for other, err := range all[provision.Item](w, "items") {
		if err != nil {
			return err
		}
		if other.App == it.App && other.Cut && other.Lane == provision.Removal && other.State == provision.Ready && !other.Due.After(now) && !w.p.working(other) {
			if w.p.comparing["due"] {
				w.excuse("a comparison looks at the account of a terminated person at that moment")
				continue
			}
			return broken("who is terminated goes first", "%s %s was picked before %s", it.App, w.subject(it), w.subject(other))
		}
	}
	return nil
}
