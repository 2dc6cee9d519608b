package zoom

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/usher-scim/usher/sandbox/wire"
)

// place is what a page token holds: the record after which the page begins, the
// query it belongs to, and when it was given out.
type place struct {
	After int64     `json:"a"`
	Query string    `json:"q"`
	At    time.Time `json:"t"`
}

func (b backend) listUsers(c *call) wire.Reply {
	c.query("status", "page_size", "next_page_token", "role_id", "include_fields", "license")
	status := c.Query.Get("status")
	if status == "" {
		status = Active
	}
	if !slices.Contains([]string{Active, Inactive, Pending}, status) {
		return invalid([]fieldError{{"status", "Invalid field."}})
	}
	users := slices.DeleteFunc(b.here.users.AllSeen(c.Now, b.set.ReadLag), func(u User) bool {
		return u.Status != status || u.expired(c.Now) ||
			(c.Query.Get("role_id") != "" && u.RoleID != c.Query.Get("role_id")) ||
			(c.Query.Get("license") != "" && !u.on(c.Query.Get("license")))
	})
	custom := c.Query.Get("include_fields") == "custom_attributes"
	return page(b, c, "users", 2000, b.here.inOrder(users), func(u User) int64 { return u.seq }, func(u User) map[string]any {
		m := b.row(u)
		if custom && len(u.Custom) > 0 {
			m["custom_attributes"] = u.Custom
		}
		return m
	})
}

// page answers one page of records, which are in the order of seq. A following
// page begins behind the last record of the one before.
func page[T any](b backend, c *call, name string, most int, all []T, seq func(T) int64, show func(T) map[string]any) wire.Reply {
	size := 30
	if s := c.Query.Get("page_size"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > most {
			return invalid([]fieldError{{"page_size", "Invalid field."}})
		}
		size = n
	}
	start := 0
	if t := c.Query.Get("next_page_token"); t != "" {
		var p place
		if !p.read(t, c, b.set.PageTokenLife) {
			return bad(300, "The next page token is invalid or expired.")
		}
		for start < len(all) && seq(all[start]) <= p.After {
			start++
		}
		start = min(max(0, start-c.Shift), len(all))
	}
	end := min(start+size, len(all))
	rows := make([]map[string]any, 0, end-start)
	for _, x := range all[start:end] {
		rows = append(rows, show(x))
	}
	next := ""
	if end < len(all) {
		next = place{After: seq(all[end-1]), Query: same(c.Query), At: c.Now}.token()
	}
	return ok(map[string]any{
		name: rows, "next_page_token": next, "page_count": (len(all) + size - 1) / size, "page_number": 1, "page_size": size,
		"total_records": len(all),
	})
}

// same is the part of a query that must not change while paging.
func same(q url.Values) string {
	rest := url.Values{}
	for k, v := range q {
		if k != "next_page_token" {
			rest[k] = v
		}
	}
	return rest.Encode()
}

func (p place) token() string {
	b, err := json.Marshal(p)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func (p *place) read(t string, c *call, life time.Duration) bool {
	b, err := base64.RawURLEncoding.DecodeString(t)
	return err == nil && json.Unmarshal(b, p) == nil && p.Query == same(c.Query) && c.Now.Sub(p.At) < life
}
