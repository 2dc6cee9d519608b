package gorgias

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-scim/usher/sandbox/wire"
)

// listing is a resource that can be listed: how its records are ordered and shown.
type listing[T any] struct {
	uri    string
	orders map[string]func(T) string // sort key by the first part of order_by
	order  string                    // the default order_by
	id     func(T) int64
	show   func(T) map[string]any
}

// place is what a cursor holds: the order of the list, the record next to which
// the page begins or ends, and when the cursor was given out.
type place struct {
	Order  string    `json:"o"`
	Key    string    `json:"k"`
	ID     int64     `json:"i"`
	Before bool      `json:"b"` // the page ends before the record, else it begins after it
	At     time.Time `json:"t"`
}

func (b backend) listUsers(r *wire.Request) wire.Reply {
	const msg = "Failed to list users."
	wrong := problems{}
	keep := filterUsers(r.Query, wrong)
	if len(wrong) > 0 {
		return failure(http.StatusBadRequest, msg, wrong)
	}
	all := slices.DeleteFunc(b.here.users.AllSeen(r.Now, b.set.ReadLag), func(u User) bool {
		return (b.set.HideInactive && !u.active()) || !keep(u)
	})
	return page(b, r, msg, all, listing[User]{
		uri: "/api/users",
		orders: map[string]func(User) string{
			"created_datetime": func(u User) string { return sortable(u.CreatedAt) },
			"name":             func(u User) string { return strings.ToLower(u.Name) },
			"email":            func(u User) string { return strings.ToLower(u.Email) },
			"role.name":        func(u User) string { return u.Role },
		},
		order: "name:asc",
		id:    func(u User) int64 { return u.ID },
		show:  b.here.showUser,
	}, "email", "external_id", "roles", "search", "available_first")
}

// filterUsers reads the filters of a list; all of them must hold.
func filterUsers(q url.Values, wrong problems) func(User) bool {
	if q.Has("email") && !isEmail(q.Get("email")) {
		wrong.add("email", "Not a valid email address.")
	}
	for _, name := range q["roles"] {
		if !slices.Contains(roles, name) {
			wrong.add("roles", "Must be one of: "+strings.Join(roles, ", ")+".")
		}
	}
	if v := q.Get("available_first"); v != "" && v != "true" && v != "false" {
		wrong.add("available_first", "Not a valid boolean.")
	}
	search := strings.ToLower(q.Get("search"))
	return func(u User) bool {
		return (!q.Has("email") || strings.EqualFold(u.Email, q.Get("email"))) &&
			(!q.Has("external_id") || u.ExternalID == q.Get("external_id")) &&
			(len(q["roles"]) == 0 || slices.Contains(q["roles"], u.Role)) &&
			(strings.Contains(strings.ToLower(u.Name), search) || strings.Contains(strings.ToLower(u.Email), search))
	}
}

func (b backend) listTeams(r *wire.Request) wire.Reply {
	return page(b, r, "Failed to list teams.", b.here.teams.AllSeen(r.Now, b.set.ReadLag), listing[Team]{
		uri: "/api/teams",
		orders: map[string]func(Team) string{
			"created_datetime": func(t Team) string { return sortable(t.CreatedAt) },
			"name":             func(t Team) string { return strings.ToLower(t.Name) },
		},
		order: "created_datetime:desc",
		id:    func(t Team) int64 { return t.ID },
		show:  b.here.showTeam,
	})
}

// sortable is a time as text that sorts as the time does.
func sortable(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000") }

// page answers one page of a list. A following page starts behind the last record
// of the one before, so that what comes or goes meanwhile shifts nothing.
func page[T any](b backend, r *wire.Request, msg string, all []T, l listing[T], filters ...string) wire.Reply {
	wrong := problems{}
	for k := range r.Query {
		if k != "cursor" && k != "limit" && k != "order_by" && !slices.Contains(filters, k) {
			wrong.add(k, "Unknown field.")
		}
	}
	limit := 30
	if r.Query.Has("limit") {
		n, err := strconv.Atoi(r.Query.Get("limit"))
		if err != nil || n < 1 || n > 100 {
			wrong.add("limit", "Must be between 1 and 100.")
		}
		limit = n
	}
	order := cmp.Or(r.Query.Get("order_by"), l.order)
	field, direction, _ := strings.Cut(order, ":")
	key := l.orders[field]
	if key == nil || (direction != "asc" && direction != "desc") {
		wrong.add("order_by", "Must be one of the documented orders.")
	}
	var from place
	if c := r.Query.Get("cursor"); c != "" && !from.read(c, order, r.Now, b.set.CursorLife) {
		wrong.add("cursor", "Invalid cursor.")
	}
	if len(wrong) > 0 {
		return failure(http.StatusBadRequest, msg, wrong)
	}
	compare := func(k1 string, id1 int64, k2 string, id2 int64) int {
		c := cmp.Or(strings.Compare(k1, k2), cmp.Compare(id1, id2))
		if direction == "desc" {
			return -c
		}
		return c
	}
	slices.SortFunc(all, func(x, y T) int { return compare(key(x), l.id(x), key(y), l.id(y)) })
	start, end := 0, min(limit, len(all))
	if b.set.BareList {
		end = len(all)
	} else if from.Order != "" {
		at := 0 // the first record behind the place or, for a page that ends before it, the first not before it
		for at < len(all) {
			c := compare(key(all[at]), l.id(all[at]), from.Key, from.ID)
			if c > 0 || (c == 0 && from.Before) {
				break
			}
			at++
		}
		if from.Before {
			start, end = max(0, at-limit), at
		} else {
			start = min(max(0, at-r.Shift), len(all))
			end = min(start+limit, len(all))
		}
	}
	data := make([]map[string]any, 0, end-start)
	for _, x := range all[start:end] {
		data = append(data, l.show(x))
	}
	if b.set.BareList {
		return wire.Reply{Status: http.StatusOK, JSON: data}
	}
	meta := map[string]any{"prev_cursor": nil, "next_cursor": nil, "total_resources": nil}
	if start > 0 && start < len(all) {
		meta["prev_cursor"] = place{Order: order, Key: key(all[start]), ID: l.id(all[start]), Before: true, At: r.Now}.cursor()
	}
	if end < len(all) && end > 0 {
		meta["next_cursor"] = place{Order: order, Key: key(all[end-1]), ID: l.id(all[end-1]), At: r.Now}.cursor()
	}
	return wire.Reply{Status: http.StatusOK, JSON: map[string]any{
		"object": "list", "uri": l.uri + "?" + r.Query.Encode(), "data": data, "meta": meta,
	}}
}

func (p place) cursor() string {
	b, err := json.Marshal(p)
	if err != nil {
		return ""
	}
	return base64.URLEncoding.EncodeToString(b)
}

// read takes a cursor apart; false if it is none, has ended, or belongs to another order.
func (p *place) read(cursor, order string, now time.Time, life time.Duration) bool {
	b, err := base64.URLEncoding.DecodeString(cursor)
	if err != nil || json.Unmarshal(b, p) != nil {
		return false
	}
	return p.Order == order && now.Sub(p.At) < life
}
