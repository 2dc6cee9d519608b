package zoom

import "encoding/json"

// user is a user as Zoom shows one, in a list or alone. Only email and type are
// always there; a field without a value is left out of the reply.
type user struct {
	ID          string   `json:"id"` // absent for an invitation nobody has accepted
	AccountID   string   `json:"account_id"`
	AccountNo   int64    `json:"account_number"`
	Email       string   `json:"email"`
	Status      string   `json:"status"`
	Type        int      `json:"type"`
	RoleID      string   `json:"role_id"`
	RoleName    string   `json:"role_name"` // only when read alone
	FirstName   string   `json:"first_name"`
	LastName    string   `json:"last_name"`
	DisplayName string   `json:"display_name"`
	Dept        string   `json:"dept"`
	Timezone    string   `json:"timezone"`
	JobTitle    string   `json:"job_title"`
	Company     string   `json:"company"`
	Location    string   `json:"location"`
	Manager     string   `json:"manager"`
	CostCenter  string   `json:"cost_center"`
	Language    string   `json:"language"`
	Phones      []phone  `json:"phone_numbers"`
	GroupIDs    []string `json:"group_ids"`
	// Plan numbers exceed what a float holds exactly (2^53).
	ZoomOneType    int64  `json:"zoom_one_type"`
	PlanUnitedType string `json:"plan_united_type"`
}

// The states of a user, in Zoom's words.
const (
	statusActive   = "active"
	statusInactive = "inactive"
	statusPending  = "pending"
)

// phone is one entry of a user's phone_numbers; Zoom keeps at most three.
type phone struct {
	Country string `json:"country"` // ISO 3166, "AT"
	Code    string `json:"code"`    // "+43"
	Number  string `json:"number"`  // without the code
	Label   string `json:"label"`   // Mobile, Office, Home or Fax
}

// userPage is a page of GET /users.
type userPage struct {
	Next  string `json:"next_page_token"`
	Users []user `json:"users"`
}

// newUser is the body of POST /users.
type newUser struct {
	Action string      `json:"action"`
	Info   newUserInfo `json:"user_info"`
}

type newUserInfo struct {
	Email       string `json:"email"`
	Type        int    `json:"type"`
	FirstName   string `json:"first_name,omitempty"`
	LastName    string `json:"last_name,omitempty"`
	DisplayName string `json:"display_name,omitempty"`
	Password    string `json:"password,omitempty"`
}

// settings is the part of a user's settings that holds licences.
type settings struct {
	Feature features `json:"feature"`
}

// features are the `feature` settings by their names at Zoom, undecoded: they are
// kept and given back as they came, and plan numbers must not pass through a float.
type features map[string]json.RawMessage

// named is a role or a group: what the adapter needs of either.
type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type rolePage struct {
	Roles []named `json:"roles"`
}

type groupPage struct {
	Next   string  `json:"next_page_token"`
	Groups []named `json:"groups"`
}

// members is the body that adds users to a group or a role.
type members struct {
	Members []member `json:"members"`
}

// member names a user by id, or by e-mail while the user is an invitation.
type member struct {
	ID    string `json:"id,omitempty"`
	Email string `json:"email,omitempty"`
}

// maxMembers is how many members one call may add to a group or role.
const maxMembers = 30
