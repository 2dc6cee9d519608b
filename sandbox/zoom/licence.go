package zoom

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-scim/usher/sandbox/wire"
)

// seats are the kinds of licences a user takes up. A deactivated user takes none.
func (u User) seats() []string {
	if u.Status == Inactive {
		return nil
	}
	var s []string
	switch {
	case u.ZoomOne != 0:
		s = append(s, "zoom_one:"+plan(u.ZoomOne))
	case u.PlanUnited != "":
		s = append(s, "plan_united:"+u.PlanUnited)
	case u.Type == Licensed:
		s = append(s, "licensed")
	case u.Type == Basic:
		s = append(s, "basic")
	}
	for _, f := range []string{"webinar", "large_meeting", "zoom_events"} {
		if u.on(f) {
			s = append(s, f+":"+plan(u.capacity(f+"_capacity")))
		}
	}
	for _, f := range []string{"phone", "whiteboard", "revenue_accelerator", "clips_plus"} {
		if u.on("zoom_" + f) {
			s = append(s, f)
		}
	}
	return s
}

// used counts the licences of each kind that users take up; pending ones count, for they are promised.
func (a *account) used() map[string]int {
	n := map[string]int{}
	for _, u := range a.users.All() {
		for _, s := range u.seats() {
			n[s]++
		}
	}
	return n
}

// seatsFor checks that there is a free seat for every licence that after has and before has not.
// act is "add" or "activate" and words the refusal.
func (b backend) seatsFor(before, after User, act string) *wire.Reply {
	had, used := before.seats(), b.here.used()
	for _, s := range after.seats() {
		if slices.Contains(had, s) || used[s] < b.set.Seats[s] {
			continue
		}
		reply := b.noSeat(s, act)
		return &reply
	}
	return nil
}

func (b backend) noSeat(seat, act string) wire.Reply {
	code := func(otherwise int) int {
		if b.set.SeatCode != 0 {
			return b.set.SeatCode
		}
		return otherwise
	}
	most := b.set.Seats[seat]
	switch kind, size, _ := strings.Cut(seat, ":"); kind {
	case "basic":
		if act == "activate" {
			return bad(code(3412), fmt.Sprintf("Your request to activate the user was not approved at this time because your account has reached the permitted maximum number of %d \"Basic\" users.", most))
		}
		return bad(code(2033), "Your request to add a basic user wasn't approved because you've already reached the maximum basic user limit allowed in your account.")
	case "licensed", "zoom_one", "plan_united":
		return bad(code(2034), fmt.Sprintf("Your request to add a new Licensed user could not be approved at this time because your account has reached the permitted maximum number of %d users.", most))
	case "phone":
		return refuse(http.StatusNotFound, 1102, "You cannot enable the Zoom Phone feature because you do not have any available licenses.")
	default:
		name := map[string]string{"webinar": "Webinar", "large_meeting": "Large Meeting", "zoom_events": "Zoom Events"}[kind]
		return bad(200, fmt.Sprintf("You can add max %d %s users.", most, strings.TrimSpace(name+" "+size)))
	}
}

// unlicensed takes every licence away that only a Licensed user may have.
func (u User) unlicensed() User {
	u.ZoomOne, u.PlanUnited, u.Licences = 0, "", nil
	for _, f := range []string{"webinar", "large_meeting", "zoom_events", "zoom_revenue_accelerator", "zoom_clips_plus"} {
		if u.on(f) {
			u = u.withFeature(f, false)
		}
	}
	return u
}

// featureFlags are the booleans of the settings' feature object.
var featureFlags = []string{
	"large_meeting", "webinar", "zoom_events", "zoom_events_unlimited", "zoom_sessions_unlimited", "zoom_events_pay_per_attendee",
	"zoom_sessions_pay_per_attendee", "zoom_phone", "zoom_iq_for_sales", "zoom_revenue_accelerator", "zoom_whiteboard", "zoom_whiteboard_plus",
	"zoom_translated_captions", "zoom_customer_managed_key", "zoom_huddles", "zoom_quality_management", "zoom_workforce_management",
	"zoom_scheduler", "zoom_clips_plus", "zoom_mail_calendar", "zoom_compliance_management", "zoom_docs",
}

func (b backend) readSettings(c *call) wire.Reply {
	c.query("login_type", "option", "custom_query_fields")
	u, refused := b.see(c)
	if refused != nil {
		return *refused
	}
	if u.Status == Pending {
		return stillPending()
	}
	m := map[string]any{"meeting_capacity": max(100, u.capacity("meeting_capacity"))}
	for _, f := range featureFlags {
		m[f] = u.on(f)
	}
	for _, f := range []string{"webinar", "large_meeting", "zoom_events"} {
		if u.on(f) {
			m[f+"_capacity"] = u.capacity(f + "_capacity")
		}
	}
	if s, isText := u.Feature["concurrent_meeting"].(string); isText {
		m["concurrent_meeting"] = s
	}
	return ok(map[string]any{"feature": m})
}

func stillPending() wire.Reply {
	return bad(1000, "You can not access settings of users that are still in pending state.")
}

func (b backend) updateSettings(c *call) wire.Reply {
	c.query("option")
	old, refused := b.locate(c)
	if refused != nil {
		return *refused
	}
	if old.Status == Pending {
		return stillPending()
	}
	f, refused := c.open()
	if refused != nil {
		return *refused
	}
	u := old
	if o, sent := f.object("feature"); sent {
		u = readFeatures(o, u)
		o.close()
	}
	if refused = c.close(f); refused != nil {
		return *refused
	}
	if refused = checkFeatures(old, u); refused != nil {
		return *refused
	}
	if refused = b.seatsFor(old, u, "add"); refused != nil {
		return *refused
	}
	b.here.users.Put(u.ID, u, c.Now)
	return done(true)
}

func readFeatures(o *form, u User) User {
	for _, f := range featureFlags {
		if on, set := o.flag(f); set {
			u = u.withFeature(f, on)
		}
	}
	capacities := map[string][]int64{
		"webinar_capacity": {100, 500, 501, 1000, 1001, 3000, 5000, 10000}, "large_meeting_capacity": {500, 1000},
		"zoom_events_capacity": {500, 1000, 3000, 5000, 10000, 20000, 30000, 50000}, "meeting_capacity": nil,
	}
	for f, of := range capacities {
		if n, set := o.number(f, of...); set {
			u = u.withFeature(f, n)
		}
	}
	if s, set := o.oneOf("concurrent_meeting", "Basic", "Plus", "None"); set {
		u = u.withFeature("concurrent_meeting", s)
	}
	for f, smallest := range map[string]int64{"webinar": 500, "large_meeting": 500, "zoom_events": 500} {
		if u.on(f) && u.capacity(f+"_capacity") == 0 {
			u = u.withFeature(f+"_capacity", smallest)
		}
	}
	return u
}

// checkFeatures are the conditions among licences.
func checkFeatures(old, u User) *wire.Reply {
	newly := func(f string) bool { return u.on(f) && !old.on(f) }
	refused := func(code int, message string) *wire.Reply {
		r := bad(code, message)
		return &r
	}
	switch {
	case newly("large_meeting") && u.Type != Licensed:
		return refused(1108, "Only Licensed or On-prem users can enable the large meeting feature.")
	case newly("webinar") && u.Type != Licensed:
		return refused(1122, "Webinar feature can only be enabled for Licensed or On-prem users.")
	case newly("zoom_events") && u.Type != Licensed:
		return refused(1206, "You can only enable the Zoom Events feature for Licensed or On-prem users.")
	case newly("webinar") && u.on("zoom_events"):
		return refused(1204, "You can't enable the Webinar feature because you already have the Zoom Events feature.")
	case newly("zoom_events") && u.on("webinar"):
		return refused(1205, "You can't enable the Zoom Events feature because you already have the Webinar feature.")
	case old.on("zoom_events") && !u.on("zoom_events") && u.UpcomingEvents:
		return refused(300, "You cannot remove the Zoom Events feature because this user has an upcoming Zoom Events scheduled.")
	default:
		return nil
	}
}

// usage shows the seats bought and taken.
func (b backend) usage(c *call) wire.Reply {
	c.query()
	if !b.here.is(c.params[0]) {
		return refuse(http.StatusNotFound, 2001, "Account does not exist: "+c.params[0])
	}
	if b.set.Plan == "free" {
		return bad(200, "Only available for paid account.")
	}
	pending := map[string]int{}
	for _, u := range b.here.users.All() {
		if u.Status == Pending {
			for _, s := range u.seats() {
				pending[s]++
			}
		}
	}
	used := b.here.used()
	line := func(seat, kind string) map[string]any {
		return map[string]any{"type": kind, "hosts": b.set.Seats[seat], "usage": used[seat] - pending[seat], "pending": pending[seat]}
	}
	base := line("licensed", "yearly")
	base["active_hosts"] = base["usage"]
	body := map[string]any{"plan_base": base}
	lists := map[string][]map[string]any{}
	bought := make([]string, 0, len(b.set.Seats))
	for s := range b.set.Seats {
		bought = append(bought, s)
	}
	slices.Sort(bought)
	for _, s := range bought {
		kind, size, sized := strings.Cut(s, ":")
		if sized {
			lists["plan_"+kind] = append(lists["plan_"+kind], line(s, strings.ReplaceAll(kind, "_", "")+size+"_monthly"))
		} else if kind == "whiteboard" {
			body["plan_whiteboard"] = line(s, "zwb_monthly")
		}
	}
	for name, list := range lists {
		if name == "plan_plan_united" {
			body["plan_united"] = list[0]
			continue
		}
		body[name] = list
	}
	return ok(body)
}
