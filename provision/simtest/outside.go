package simtest

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-scim/usher/provision"
	gorgiasbox "github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/wire"
	zoombox "github.com/usher-scim/usher/sandbox/zoom"
)

// faultKinds are what may happen to a call, those that hurt most several times.
var faultKinds = []wire.Kind{
	wire.RateSeconds, wire.RateHTTPDate, wire.RateISODate, wire.RateReset, wire.ServerError, wire.ServerPage,
	wire.ErrorAfter, wire.ErrorAfter, wire.LostReply, wire.LostReply, wire.LostReply, wire.CutBody, wire.CutBody,
	wire.Slow, wire.SlowReply, wire.Hang, wire.HangReply, wire.HangReply, wire.Down, wire.ExpiredToken, wire.PageShift,
}

// playVendor plays what happens at the vendors.
func (w *World) playVendor(a Act) {
	app := apps()[a.A%2]
	front := w.front(app)
	if away := !w.elsewhere[app].IsZero() || !w.elsewhere[meet].IsZero(); away && slices.Contains([]string{"by hand", "changed by hand", "stranger", "works", "accept"}, a.What) {
		return // the people there are not ours
	}
	switch a.What {
	case "fault":
		f := wire.Fault{
			Kind:   faultKinds[a.B%len(faultKinds)],
			Method: []string{"", "", http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodGet}[a.C%7],
			Skip:   a.C % 3, Count: 1 + a.B%2, Delay: []time.Duration{time.Second, 90 * time.Second, 20 * time.Minute}[a.C%3],
		}
		w.say("fault at %s: %s of %q after %d", app, f.Kind, f.Method, f.Skip)
		front.Inject(f)
	case "chaos":
		rate := float64(a.B%4) / 10
		w.say("chaos at %s: %v", app, rate)
		front.SetChaos(wire.Chaos{Seed: a.Order, Rate: rate, Kinds: faultKinds, Delay: 2 * time.Second})
	case "outage":
		w.say("outage at %s", app)
		front.Inject(wire.Fault{Kind: []wire.Kind{wire.ServerError, wire.Down, wire.ServerPage}[a.B%3], Count: 5 + a.C%40})
	case "revoked":
		w.say("the credentials at %s are revoked", app)
		front.Inject(wire.Fault{Kind: wire.Revoked, Skip: a.B % 4})
	case "other tenant":
		if !w.bound(app) {
			return // Usher has no account there yet, so it would take either tenant for the right one
		}
		w.say("the credentials at %s reach another tenant", app)
		front.Inject(wire.Fault{Kind: wire.OtherTenant, Skip: a.B % 6})
	case "refused":
		w.refuse = 1 + a.B%5
		w.say("%d connections are refused", w.refuse)
	case "seats":
		n := a.B % 8
		w.say("%d seats at both", n)
		w.desk.Configure(func(s *gorgiasbox.Settings) { s.Seats = n })
		w.meet.Configure(func(s *zoombox.Settings) { s.Seats = map[string]int{"basic": n, "licensed": n / 2} })
	case "by hand":
		w.byHandRemoves(app, a)
	case "changed by hand":
		w.byHandChanges(app, a)
	case "stranger":
		w.stranger(app, a)
	case "works":
		w.works(a)
	case "accept":
		w.acceptAll()
	}
}

// acceptAll lets everybody who was invited to Zoom accept.
func (w *World) acceptAll() {
	logins := w.logins(meet)
	for _, id := range sortedIDs(logins) {
		if l := logins[id]; l.pending && w.meet.AcceptInvitation(l.email) {
			w.say("%s accepts the invitation", l.email)
		}
	}
	for id, l := range w.logins(meet) {
		w.addresses[meet][strings.ToLower(l.email)] = id
	}
	w.memberships[meet] = w.teamsNow(meet)
}

// someLogin picks an account at a vendor that is not foreign.
func (w *World) someLogin(app string, n int) (login, bool) {
	var could []login
	for _, l := range w.logins(app) {
		if _, theirs := w.foreign[app][l.id]; !theirs {
			could = append(could, l)
		}
	}
	if len(could) == 0 {
		return login{}, false
	}
	slices.SortFunc(could, func(a, b login) int { return strings.Compare(a.id, b.id) })
	return could[n%len(could)], true
}

// touched notes that somebody changed an account at the vendor.
func (w *World) touched(app string, l login) {
	now := w.clock.now()
	for _, k := range []string{l.id, l.email, l.external} {
		if k != "" {
			w.byHand[app][strings.ToLower(k)] = now
			w.lastWrite = vendorNow()
		}
	}
	w.admins[app] = w.countAdmins(app)
	w.memberships[app] = w.teamsNow(app)
}

// byHandChanges lets somebody change an account at the vendor: its name, its role or licence, or whether it can sign in.
func (w *World) byHandChanges(app string, a Act) {
	l, ok := w.someLogin(app, a.B)
	if !ok || l.pending {
		return
	}
	what := a.C % 3
	w.say("%s (%s) is changed by hand at %s: %s", l.email, l.id, app, []string{"name", "role or licence", "sign-in"}[what])
	if app == desk {
		u, _ := w.desk.User(l.email)
		if what == 0 {
			u.Name = "Changed " + l.name
		} else {
			u.Role = []string{"agent", "observer-agent", "basic-agent"}[a.A%3]
		}
		w.desk.SeedUser(u)
	} else {
		u, _ := w.meet.User(l.email)
		switch {
		case what == 0:
			u.DisplayName = "Changed " + l.name
		case what == 1 && u.Status == zoombox.Active:
			u.Type = zoombox.Basic + zoombox.Licensed - u.Type
		case u.Status == zoombox.Active:
			u.Status = zoombox.Inactive
		default:
			u.Status = zoombox.Active
		}
		w.meet.SeedUser(u)
	}
	w.touched(app, l)
}

// byHandRemoves lets somebody remove an account at the vendor.
func (w *World) byHandRemoves(app string, a Act) {
	l, ok := w.someLogin(app, a.B)
	if !ok {
		return
	}
	w.say("%s (%s) is removed by hand at %s", l.email, l.id, app)
	defer w.touched(app, l)
	if app == desk {
		id, err := strconv.ParseInt(l.id, 10, 64)
		if err != nil {
			panic(err) // we made it
		}
		w.desk.RemoveUser(id)
	} else {
		w.meet.RemoveUser(l.email)
	}
	w.data = w.countData()
}

// stranger lets an account of one of the humans have been there before.
func (w *World) stranger(app string, a Act) {
	email := address(humans[a.B%len(humans)])
	for _, l := range w.logins(app) {
		if strings.EqualFold(l.email, email) {
			return
		}
	}
	w.say("%s has had an account at %s of old", email, app)
	if app == desk {
		role := []string{"agent", "admin", "observer-agent"}[a.C%3]
		u := w.desk.SeedUser(gorgiasbox.User{Name: "Old " + email, Email: email, Role: role})
		w.strangers[app][strconv.FormatInt(u.ID, 10)] = true
		return
	}
	status := []string{zoombox.Active, zoombox.Active, zoombox.Inactive}[a.C%3]
	u := w.meet.SeedUser(zoombox.User{Email: email, FirstName: "Old", Status: status, Type: []int64{zoombox.Basic, zoombox.Licensed}[a.C%2]})
	w.strangers[app][u.ID] = true
}

// works lets people at Zoom have meetings and webinars that a removal must not lose.
func (w *World) works(a Act) {
	for i, u := range w.meet.Users() {
		if i%3 != a.A%3 || u.Status != zoombox.Active {
			continue
		}
		if _, theirs := w.foreign[meet][u.ID]; theirs {
			continue
		}
		u.Data.Meetings += 1 + a.B%3
		w.meet.SeedUser(u)
	}
	w.data = w.countData()
}

func (w *World) countData() int {
	n := 0
	for _, l := range w.logins(meet) {
		n += l.data
	}
	return n
}

// calm ends all faults: from now on the vendors do what they are asked.
func (w *World) calm() {
	w.crashIn, w.refuse = 0, 0
	away, revoked := map[string]bool{}, map[string]bool{}
	for app, since := range w.elsewhere {
		away[app] = !since.IsZero()
	}
	for _, c := range w.log.After(0) {
		app := appOf(c)
		switch c.Fault {
		case wire.OtherTenant:
			if c.Seq > w.seen { // the others are known, also those that the log has forgotten
				away[app] = !away[app]
			}
		case wire.Revoked:
			revoked[app] = true
		case wire.Restored:
			revoked[app] = false
		}
	}
	for _, app := range apps() {
		front := w.front(app)
		front.ClearFaults()
		if away[app] {
			w.disturb(app, wire.OtherTenant)
		}
		if revoked[app] {
			w.disturb(app, wire.Restored)
		}
	}
	w.desk.Configure(func(s *gorgiasbox.Settings) { s.Seats = 0 })
	w.meet.Configure(func(s *zoombox.Settings) { s.Seats = nil })
}

// disturb plays a fault that changes a vendor, by a call of the simulator's own.
func (w *World) disturb(app string, k wire.Kind) {
	front := w.front(app)
	front.Inject(wire.Fault{Kind: k})
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+deskHost+"/nowhere", http.NoBody)
	if err != nil {
		panic(err) // a plain address
	}
	newAnswer().serve(front, r)
}

// appOf is the app whose vendor was called.
func appOf(c wire.Call) string {
	return map[string]string{"gorgias": desk, "zoom": meet}[c.Vendor]
}

// bound reports whether the ledger of an app names accounts.
func (w *World) bound(app string) bool {
	for a, err := range all[provision.Account](w, "accounts") {
		if err == nil && a.App == app && a.VendorID != "" {
			return true
		}
	}
	return false
}
