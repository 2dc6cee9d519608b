package zoom

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/sandbox/wire"
)

// Types of users.
const (
	Basic      int64 = 1
	Licensed   int64 = 2
	Unassigned int64 = 4 // "Unassigned without Meetings Basic"
	None       int64 = 99
)

// Statuses of users.
const (
	Active   = "active"
	Inactive = "inactive"
	Pending  = "pending"
)

// Login types.
const (
	loginAPI   = 99
	loginEmail = 100
	loginSSO   = 101
)

// invitationLife is how long an invitation can be accepted.
const invitationLife = 30 * 24 * time.Hour

// User is a user as the account keeps it.
type User struct {
	ID          string            `json:"id"`
	Email       string            `json:"email"`
	FirstName   string            `json:"first_name,omitempty"`
	LastName    string            `json:"last_name,omitempty"`
	DisplayName string            `json:"display_name,omitempty"`
	Type        int64             `json:"type"`
	Status      string            `json:"status"`
	RoleID      string            `json:"role_id"`
	EmployeeID  string            `json:"employee_unique_id,omitempty"` // set by SSO, read-only here
	LoginTypes  []int             `json:"login_types,omitempty"`
	Groups      []string          `json:"group_ids,omitempty"` // the first is the primary one
	Profile     map[string]string `json:"profile,omitempty"`   // dept, job_title, company, location, manager, cost_center, language, timezone, …
	Phones      []Phone           `json:"phone_numbers,omitempty"`
	Custom      []CustomAttribute `json:"custom_attributes,omitempty"`
	Divisions   []string          `json:"division_ids,omitempty"`
	PMI         int64             `json:"pmi,omitempty"`
	UsePMI      bool              `json:"use_pmi,omitempty"`
	HasPassword bool              `json:"has_password,omitempty"`

	ZoomOne    int64          `json:"zoom_one_type,omitempty"`
	PlanUnited string         `json:"plan_united_type,omitempty"`
	Licences   []Licence      `json:"license_info_list,omitempty"`
	Feature    map[string]any `json:"feature,omitempty"` // licences and options of the settings: booleans, int64 capacities, texts

	SignedIn   bool      `json:"signed_in,omitempty"`  // an SSO session is running
	Assistants []string  `json:"assistants,omitempty"` // ids of users who schedule for this one
	CreatedAt  time.Time `json:"user_created_at,omitzero"`
	InvitedAt  time.Time `json:"invited_at,omitzero"` // while pending

	Room            bool `json:"room,omitempty"`     // a Zoom Room
	Operator        bool `json:"operator,omitempty"` // call-queue manager or auto-receptionist operator
	PublishedEvents bool `json:"published_events,omitempty"`
	UpcomingEvents  bool `json:"upcoming_events,omitempty"`
	Data            Data `json:"data,omitzero"`

	seq int64 // order of creation
}

// Data counts what a user owns and can hand over.
type Data struct {
	Meetings    int `json:"meetings,omitempty"`     // upcoming ones
	PMIMeetings int `json:"pmi_meetings,omitempty"` // on the personal meeting id; never handed over
	Webinars    int `json:"webinars,omitempty"`
	Recordings  int `json:"recordings,omitempty"`
	Whiteboards int `json:"whiteboards,omitempty"`
	Clips       int `json:"clips,omitempty"`
	Notes       int `json:"notes,omitempty"`
	Visitors    int `json:"visitors,omitempty"`
	Docs        int `json:"docs,omitempty"`
	Hubs        int `json:"hubs,omitempty"` // items of Zoom Events and Sessions
}

// Phone is a phone number of a profile.
type Phone struct {
	Country string `json:"country"`
	Code    string `json:"code"`
	Number  string `json:"number"`
	Label   string `json:"label"`
}

// CustomAttribute is a value of an attribute that the admin has defined.
type CustomAttribute struct {
	Key   string `json:"key"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Licence is a licence of one of several like subscriptions.
type Licence struct {
	Type         string `json:"license_type"`
	Option       int64  `json:"license_option"`
	Subscription string `json:"subscription_id"`
}

func (u User) fullName() string { return strings.TrimSpace(u.FirstName + " " + u.LastName) }

// expired tells an invitation that nobody can accept any more.
func (u User) expired(now time.Time) bool {
	return u.Status == Pending && now.Sub(u.InvitedAt) >= invitationLife
}

func (u User) on(feature string) bool {
	b, _ := u.Feature[feature].(bool)
	return b
}

func (u User) capacity(feature string) int64 {
	n, _ := u.Feature[feature].(int64)
	return n
}

// withFeature returns the user with one feature set.
func (u User) withFeature(name string, v any) User {
	u.Feature = maps.Clone(u.Feature)
	if u.Feature == nil {
		u.Feature = map[string]any{}
	}
	u.Feature[name] = v
	return u
}

// locate finds the user of a path, by id or e-mail address, as of the present.
func (b backend) locate(c *call) (User, *wire.Reply) {
	name := c.params[0]
	u, found := b.here.users.Get(name)
	if found && u.Status == Pending && b.set.PendingIDHidden {
		found = false
	}
	if !found && strings.Contains(name, "@") {
		u, found = b.here.byEmail(name)
	}
	return b.checked(u, found, name, c.Now)
}

func (backend) checked(u User, found bool, name string, now time.Time) (User, *wire.Reply) {
	switch {
	case !found:
		reply := noUser(name)
		return u, &reply
	case u.expired(now):
		reply := noInvitation()
		return u, &reply
	default:
		return u, nil
	}
}

// see is locate for readers, who may lag behind.
func (b backend) see(c *call) (User, *wire.Reply) {
	name := c.params[0]
	u, found := b.here.users.Seen(name, c.Now, b.set.ReadLag)
	if found && u.Status == Pending && b.set.PendingIDHidden {
		found = false
	}
	if !found && strings.Contains(name, "@") {
		for _, v := range b.here.users.AllSeen(c.Now, b.set.ReadLag) {
			if strings.EqualFold(v.Email, name) {
				u, found = v, true
			}
		}
	}
	return b.checked(u, found, name, c.Now)
}

func (b backend) readUser(c *call) wire.Reply {
	c.query("login_type", "encrypted_email", "search_by_unique_id")
	if c.Query.Get("search_by_unique_id") == "true" {
		for _, u := range b.here.users.AllSeen(c.Now, b.set.ReadLag) {
			if u.EmployeeID != "" && u.EmployeeID == c.params[0] {
				return ok(b.show(u, c.Now))
			}
		}
		return noUser(c.params[0])
	}
	u, refused := b.see(c)
	if refused != nil {
		return *refused
	}
	return ok(b.show(u, c.Now))
}

// row is the user as lists have it. Fields without a value are left out, and so is the id of a pending user.
func (b backend) row(u User) map[string]any {
	m := map[string]any{
		"email": u.Email, "type": u.Type, "status": u.Status, "role_id": u.RoleID, "verified": 0,
		"user_created_at": zulu(u.CreatedAt), "created_at": zulu(u.CreatedAt),
	}
	if u.Status != Pending {
		m["id"], m["verified"], m["pmi"] = u.ID, 1, u.PMI
		m["group_ids"], m["im_group_ids"] = orEmpty(u.Groups), []string{}
		if slices.Contains(u.LoginTypes, loginSSO) && u.EmployeeID != "" {
			m["employee_unique_id"] = u.EmployeeID
		}
	}
	set := func(name, value string) {
		if value != "" {
			m[name] = value
		}
	}
	set("first_name", u.FirstName)
	set("last_name", u.LastName)
	set("display_name", u.DisplayName)
	set("dept", u.Profile["dept"])
	set("timezone", u.Profile["timezone"])
	set("plan_united_type", u.PlanUnited)
	if len(u.Divisions) > 0 {
		m["division_ids"] = u.Divisions
	}
	if len(u.Licences) > 0 {
		m["license_info_list"] = u.Licences
	}
	return m
}

// show is the user as a read of one has it.
func (b backend) show(u User, now time.Time) map[string]any {
	m := b.row(u)
	for _, f := range []string{
		"job_title", "company", "location", "manager", "cost_center", "language", "pronouns", "phone_country", "phone_number", "cms_user_id",
	} {
		if v := u.Profile[f]; v != "" {
			m[f] = v
		}
	}
	m["account_id"], m["role_name"], m["use_pmi"] = b.here.id, b.here.role(u.RoleID).Name, u.UsePMI
	m["login_types"], m["cluster"], m["jid"] = orEmpty(u.LoginTypes), "us04", strings.ToLower(u.ID)+"@xmpp.zoom.us"
	m["phone_numbers"], m["custom_attributes"] = orEmpty(u.Phones), orEmpty(u.Custom)
	if u.ZoomOne != 0 {
		m["zoom_one_type"] = u.ZoomOne
	}
	if v := u.Profile["vanity_name"]; v != "" {
		m["vanity_url"] = "https://zoom.us/my/" + v
	}
	if u.Status == Pending { // the time of this very call
		m["created_at"] = zulu(now)
		delete(m, "jid")
	}
	return m
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func zulu(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// checkEmail is the weak existence check: true only for a user of this account who signed up by e-mail.
func (b backend) checkEmail(c *call) wire.Reply {
	if c.Query.Get("email") == "" {
		return bad(300, "Email is required.")
	}
	u, found := b.here.byEmail(c.Query.Get("email"))
	return ok(map[string]any{"existed_email": found && slices.Contains(u.LoginTypes, loginEmail)})
}

func (b backend) summary(*call) wire.Reply {
	m := map[string]any{}
	n := map[string]int{}
	for _, u := range b.here.users.All() {
		n["total_users_count"]++
		switch {
		case u.Room:
			n["room_users_count"]++
		case u.Status == Pending:
			n["pending_users_count"]++
		case u.Type == Licensed:
			n["licensed_users_count"]++
		case u.Type == Basic:
			n["basic_users_count"]++
		default:
			n["join_only_users_count"]++
		}
	}
	for _, k := range []string{"licensed", "basic", "on_prem", "room", "pending", "join_only", "total"} {
		m[k+"_users_count"] = n[k+"_users_count"]
	}
	return ok(m)
}

func (b backend) permissions(c *call) wire.Reply {
	u, refused := b.see(c)
	if refused != nil {
		return *refused
	}
	list := []string{}
	if b.here.isAdmin(u) {
		list = []string{"User:Edit", "User:Read"}
	}
	return ok(map[string]any{"permissions": list})
}

// domains needs the option of a master account.
func (b backend) domains(c *call) wire.Reply {
	if !b.here.is(c.params[0]) {
		return refuse(http.StatusNotFound, 2001, "Account does not exist: "+c.params[0])
	}
	if !b.set.MasterAccount {
		return bad(200, "No permission.")
	}
	list := []map[string]any{}
	for _, d := range b.set.ManagedDomains {
		list = append(list, map[string]any{"domain": d, "status": "verified"})
	}
	return ok(map[string]any{"domains": list, "total_records": len(list)})
}

// is tells whether an account id of a path is this account.
func (a *account) is(id string) bool { return id == "me" || id == a.id }
