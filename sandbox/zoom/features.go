package zoom

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-scim/usher/sandbox/wire"
)

// bulkFeatures changes one licence of up to 30 users, once in ten seconds. It
// answers 201 even when some or all of them failed.
func (b backend) bulkFeatures(c *call) wire.Reply {
	c.query()
	if end := b.here.features.Add(10 * time.Second); !b.set.Unlimited && c.Now.Before(end) {
		reply := refuse(http.StatusTooManyRequests, 429, tooManyNow)
		c.header.Set("X-RateLimit-Reset", strconv.FormatInt(end.Add(time.Second-1).Unix(), 10))
		reply.Header = c.header
		return reply
	}
	f, refused := c.open()
	if refused != nil {
		return *refused
	}
	f.need("feature_type", "feature_value", "users")
	feature, _ := f.oneOf("feature_type", "user_type", "concurrent_meeting", "large_meeting", "webinar", "zoom_events", "zoom_whiteboard",
		"plan_united_type", "zoom_one_type", "zoom_iq_for_sales", "zoom_revenue_accelerator", "zoom_clips_plus")
	value, sent := f.text("feature_value", 0)
	if sent && !knownValue(feature, value) {
		f.fail("feature_value")
	}
	members := readMembers(f, "users")
	if refused = c.close(f); refused != nil {
		return *refused
	}
	if b.set.Plan == "free" {
		return bad(200, "Current account must be a paid account.")
	}
	b.here.features = c.Now
	succeeded, failed, order := []string{}, map[string][]string{}, []string{}
	for _, m := range members {
		u, found := b.member(m, c.Now)
		name, reason := m.name(), "Users not found"
		if found && u.Status != Pending {
			name = u.ID
			reason = b.changeFeature(u, feature, value, c.Now)
		}
		if reason == "" {
			succeeded = append(succeeded, name)
			continue
		}
		if failed[reason] == nil {
			order = append(order, reason)
		}
		failed[reason] = append(failed[reason], name)
	}
	details := []map[string]any{}
	for _, reason := range order {
		details = append(details, map[string]any{"user_ids": failed[reason], "reason": reason})
	}
	reply := created(map[string]any{"success_user_ids": succeeded, "fail_details": details})
	reply.Changed = len(succeeded) > 0
	return reply
}

// capacities by feature_value; "0" is off.
var capacities = map[string]map[string]int64{
	"webinar": {
		"16": 100, "1": 500, "64": 1000, "128": 3000, "256": 5000, "512": 10000, "1024": 20000, "2048": 30000, "4096": 40000, "8192": 50000,
		"16384": 501, "32768": 1001, // promotional
	},
	"large_meeting": {"1": 100, "32": 200, "64": 300, "128": 500, "256": 1000, "1024": 3000, "2048": 5000},
	"zoom_events": {
		"500": 500, "1000": 1000, "3000": 3000, "5000": 5000, "10000": 10000, "20000": 20000, "30000": 30000, "50000": 50000,
	},
}

func knownValue(feature, value string) bool {
	if of, has := capacities[feature]; has {
		return value == "0" || of[value] != 0
	}
	switch feature {
	case "user_type":
		return value == "1" || value == "2"
	case "concurrent_meeting":
		return value == "Basic" || value == "Plus" || value == "None"
	case "plan_united_type":
		return value == "0" || slices.Contains(unitedPlans, value)
	case "zoom_one_type":
		n, err := strconv.ParseInt(value, 10, 64)
		return err == nil && (n == 0 || slices.Contains(zoomOnePlans, n))
	default:
		return value == "true" || value == "false"
	}
}

// changeFeature gives one user the value, or returns the reason why not.
func (b backend) changeFeature(old User, feature, value string, now time.Time) string {
	u := old
	switch feature {
	case "user_type":
		switch {
		case old.ZoomOne != 0:
			return "Can't update for Zoom One users"
		case old.PlanUnited != "":
			return "Can't update for Zoom United users"
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return "Users not found"
		}
		u = u.retyped(n)
	case "webinar", "large_meeting", "zoom_events":
		u = u.withFeature(feature, value != "0").withFeature(feature+"_capacity", capacities[feature][value])
	case "concurrent_meeting":
		u = u.withFeature(feature, value)
	case "plan_united_type":
		u = u.united(strings.TrimPrefix(value, "0"))
	case "zoom_one_type":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return "Users not found"
		}
		u = u.zoomOne(n)
	default:
		u = u.withFeature(feature, value == "true")
	}
	paid := feature == "webinar" || feature == "large_meeting" || feature == "zoom_events"
	switch {
	case old.Room:
		return "Can't update for Zoom Room users"
	case sameLicences(old, u):
		return "No need to update"
	case old.UpcomingEvents && (u.Type == Basic || (old.on("zoom_events") && !u.on("zoom_events"))):
		return "Have upcoming events"
	case paid && value != "0" && u.Type != Licensed:
		return "Unpaid user"
	case b.seatsFor(old, u, "add") != nil:
		if u.Type == Basic {
			return "Not allowed to add basic users"
		}
		return "Not enough seats"
	}
	b.here.users.Put(u.ID, u, now)
	return ""
}

// sameLicences tells whether a change of licences leaves everything as it was.
func sameLicences(x, y User) bool {
	if x.Type != y.Type || x.ZoomOne != y.ZoomOne || x.PlanUnited != y.PlanUnited || !slices.Equal(x.seats(), y.seats()) {
		return false
	}
	for f, v := range y.Feature {
		if x.Feature[f] != v && v != false && v != int64(0) {
			return false
		}
		if x.on(f) != y.on(f) {
			return false
		}
	}
	return true
}
