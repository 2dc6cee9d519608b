package zoom

import (
	"maps"
	"slices"
	"time"
)

// Settings are the account's properties and options, and the points on which the
// vendor's behaviour is not known. They may be changed while calls are running;
// see Vendor.Configure.
type Settings struct {
	Plan      string        `json:"plan"`      // "free", "pro" or "business" (default): chooses the rate limits
	Unlimited bool          `json:"unlimited"` // no rate limits
	ReadLag   time.Duration `json:"read_lag"`  // for how long reads miss a write
	// DeleteTakes is how long a DELETE of a user runs; a second one meanwhile gets 429.
	DeleteTakes time.Duration `json:"delete_takes"`
	// Seats are the licences bought: "basic", "licensed", "phone", "webinar:500", "large_meeting:500", "zoom_events:500",
	// "zoom_one:64", "plan_united:1", "whiteboard", … A kind that is not there has no seat; nil takes a default set.
	Seats map[string]int `json:"seats"`
	// SeatCode is the code of a refusal for want of a meeting seat; 0 means 2033 for Basic and
	// 2034 for Licensed at creation and change, 3412 at activation. 3412 occurs in all places.
	SeatCode int `json:"seat_code"`

	ManagedDomains   []string `json:"managed_domains"`    // nil is acme.example; empty switches the option off
	PermittedDomains []string `json:"permitted_domains"`  // when set, creations elsewhere get 1116
	BlockedDomains   []string `json:"blocked_domains"`    // creations get 1107
	DistrustedDomain []string `json:"distrusted_domains"` // creations get 11321
	// OtherAccounts are e-mail addresses that live in another Zoom account: creations get 1009, or,
	// with InviteOthers and the action create, an invitation.
	OtherAccounts  []string `json:"other_accounts"`
	InviteOthers   bool     `json:"invite_others"`
	ForbiddenWords []string `json:"forbidden_words"` // names with one of them get 300
	NoSSO          bool     `json:"no_sso"`          // ssoCreate gets 2002
	NoPreprovision bool     `json:"no_preprovision"` // ssoCreate gets 2032
	AutoCreate     bool     `json:"auto_create"`     // an Enterprise customer with a managed domain
	CustCreate     bool     `json:"cust_create"`     // an integrator's contract
	CreateRefusal  int      `json:"create_refusal"`  // when set, every creation gets 400 with this code (2016, 2035, 2036, 2037, 2038)
	TypeLocked     bool     `json:"type_locked"`     // changes of type get 1108
	CustomFields   []string `json:"custom_fields"`   // keys of the custom attributes the admin has defined

	RefuseDeleteSuspended bool `json:"refuse_delete_suspended"` // "Unable to delete this deactivated user"
	// MissingTargetIs404 answers a transfer to a stranger with 404/1001, which reads like "already gone"; else 400/300.
	MissingTargetIs404  bool `json:"missing_target_is_404"`
	PendingIDHidden     bool `json:"pending_id_hidden"`     // POST does not tell the id of a pending user, and the id does not work yet
	PendingPatchIgnored bool `json:"pending_patch_ignored"` // PATCH of a pending user's profile answers 204 and does nothing
	StatusNoContent     bool `json:"status_no_content"`     // PUT status answers 204, as earlier texts say, instead of 200
	RepeatStatusRefused bool `json:"repeat_status_refused"` // deactivating the inactive, activating the active: 400/200
	OwnerActs           bool `json:"owner_acts"`            // the app acts for the owner, who may change other admins' e-mail
	MasterAccount       bool `json:"master_account"`        // managed domains may be read

	BarrierGroups []string `json:"barrier_groups"` // ids of groups that Information Barriers policies use
	ForeignGroups []string `json:"foreign_groups"` // ids of groups of other accounts: 1010

	Scopes             []string      `json:"scopes"`                // of the app's tokens; nil is all that the API knows
	ScopeCode          int           `json:"scope_code"`            // of a call that lacks a scope: 4711 (default) or 4700
	TokenStatus400     bool          `json:"token_status_400"`      // code 124 under status 400 instead of 401
	NewTokenEndsFormer bool          `json:"new_token_ends_former"` // as reports of 2022 and 2023 have it
	APIClosed          bool          `json:"api_closed"`            // 403 for the whole account
	AppTypeOff         bool          `json:"app_type_off"`          // "Account does not enabled the OAuth app type"
	NotServerToServer  bool          `json:"not_server_to_server"`  // account_credentials is an unsupported grant type
	AppDisabled        bool          `json:"app_disabled"`          // 4717
	TokenLife          time.Duration `json:"token_life"`            // default 1 h
	PageTokenLife      time.Duration `json:"page_token_life"`       // default 15 min
	OpaqueRoleIDs      bool          `json:"opaque_role_ids"`       // owner, admin and member are not 0, 1 and 2; read when the account is made
}

func (s Settings) withDefaults() Settings {
	def(&s.Plan, "business")
	def(&s.ScopeCode, 4711)
	def(&s.TokenLife, time.Hour)
	def(&s.PageTokenLife, 15*time.Minute)
	if s.ManagedDomains == nil {
		s.ManagedDomains = []string{"acme.example"}
	}
	if s.Seats == nil {
		s.Seats = map[string]int{
			"basic": 5000, "licensed": 5000, "phone": 20, "webinar:500": 20, "webinar:1000": 5, "large_meeting:500": 20,
			"zoom_events:500": 5, "whiteboard": 50,
		}
	}
	s.Seats = maps.Clone(s.Seats)
	return s
}

func def[T comparable](p *T, otherwise T) {
	var zero T
	if *p == zero {
		*p = otherwise
	}
}

// domainIn tells whether an address is of one of the domains.
func domainIn(email string, domains []string) bool { return slices.Contains(domains, domainOf(email)) }
