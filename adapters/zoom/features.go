package zoom

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// plainFeatures are the licences that are on or off. Deprecated ones (cn_meeting, in_meeting,
// zoom_iq_for_sales, zoom_huddles) are left out: their successors are here.
var plainFeatures = []string{
	"webinar", "large_meeting", "zoom_events", "zoom_events_unlimited", "zoom_sessions_unlimited",
	"zoom_events_pay_per_attendee", "zoom_sessions_pay_per_attendee", "zoom_phone", "zoom_revenue_accelerator",
	"zoom_whiteboard", "zoom_whiteboard_plus", "zoom_translated_captions", "zoom_customer_managed_key",
	"zoom_quality_management", "zoom_workforce_management", "zoom_scheduler", "zoom_clips_plus",
	"zoom_mail_calendar", "zoom_compliance_management", "zoom_docs",
}

// details are the settings that say how large a licence is.
var details = map[string]string{
	"webinar":                 "webinar_capacity",
	"large_meeting":           "large_meeting_capacity",
	"zoom_events":             "zoom_events_capacity",
	"zoom_events_unlimited":   "zoom_events_unlimited_capacities",
	"zoom_sessions_unlimited": "zoom_sessions_unlimited_capacities",
}

// licences keeps of all features the licences that are on, in the form that
// PATCH /users/{id}/settings takes; nil for none. Of large meetings and the rest nothing is
// kept that the type of user brings along by itself (meeting_capacity).
func (f features) licences() features {
	out := features{}
	for _, name := range plainFeatures {
		if !f.on(name) {
			continue
		}
		out[name] = f[name]
		if d, ok := details[name]; ok && len(f[d]) > 0 && string(f[d]) != "null" {
			out[d] = f[d]
		}
	}
	if c := strings.Trim(string(f["concurrent_meeting"]), `"`); c == "Basic" || c == "Plus" {
		out["concurrent_meeting"] = f["concurrent_meeting"]
	}
	var list []json.RawMessage
	if json.Unmarshal(f["license_info_list"], &list) == nil && len(list) > 0 {
		out["license_info_list"] = f["license_info_list"]
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// lacking returns what of the wanted licences f has not.
func (f features) lacking(want features) features {
	out := features{}
	for name, value := range want {
		if !slices.Equal(f[name], value) {
			out[name] = value
		}
	}
	// A capacity without its licence, and a licence without its capacity, would be refused.
	for name, detail := range details {
		if _, ok := out[detail]; ok {
			out[name] = want[name]
		}
		if _, ok := out[name]; ok && want[detail] != nil {
			out[detail] = want[detail]
		}
	}
	return out
}

// on reports whether a licence that is on or off is on.
func (f features) on(name string) bool { return string(f[name]) == "true" }

// capacity returns a licence's size, 0 where it is not on or has none.
func (f features) capacity(name string) int64 {
	if !f.on(name) {
		return 0
	}
	n, err := strconv.ParseInt(string(f[details[name]]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
