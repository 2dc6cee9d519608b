package gorgias

import "time"

// Settings are the account's properties and the points on which the vendor's
// behaviour is not known or differs between accounts. They may be changed while
// calls are running; see Vendor.Configure.
type Settings struct {
	Domain string `json:"domain"` // the account's name, as in acme.gorgias.com
	// ReadLag is for how long reads miss a write.
	ReadLag time.Duration `json:"read_lag"`
	// Seats is how many people (not bots) the plan allows; 0 is no limit. What the vendor
	// answers above it is not documented: SeatStatus chooses (default 400).
	Seats      int `json:"seats"`
	SeatStatus int `json:"seat_status"`
	// Unlimited switches the leaky bucket off. KeyBucket and AppBucket are its sizes for API
	// keys and OAuth apps (defaults 40 and 80), Window the time in which a full one empties (20 s).
	Unlimited bool          `json:"unlimited"`
	KeyBucket int           `json:"key_bucket"`
	AppBucket int           `json:"app_bucket"`
	Window    time.Duration `json:"window"`
	// BareList answers lists without the {object, uri, data, meta} around them: all records in one page.
	BareList bool `json:"bare_list"`
	// Created answers creations with 201 instead of the recorded 200.
	Created bool `json:"created"`
	// ActiveWritable lets PUT set `active`, which the reference does not list.
	ActiveWritable bool `json:"active_writable"`
	// HideInactive leaves users with active=false out of lists.
	HideInactive bool `json:"hide_inactive"`
	// OwnerStatus is the refusal to delete or demote the owner or the last admin (default 400).
	OwnerStatus int `json:"owner_status"`
	// Password is what password_confirmation must be for an e-mail change; "" means that nothing is right.
	Password string `json:"-"`
	// WrongSubdomain answers every call with the HTML page of an unknown subdomain.
	WrongSubdomain bool `json:"wrong_subdomain"`
	// Cursors live this long (default 10 minutes).
	CursorLife time.Duration `json:"cursor_life"`
	// TokenLife is the life of an access token (default 24 h); ExpiresInZero reports expires_in 0,
	// as a published sample does, so that only the token itself tells.
	TokenLife     time.Duration `json:"token_life"`
	ExpiresInZero bool          `json:"expires_in_zero"`
}

func (s Settings) withDefaults() Settings {
	def(&s.Domain, "acme")
	def(&s.SeatStatus, 400)
	def(&s.OwnerStatus, 400)
	def(&s.KeyBucket, 40)
	def(&s.AppBucket, 80)
	def(&s.Window, 20*time.Second)
	def(&s.CursorLife, 10*time.Minute)
	def(&s.TokenLife, 24*time.Hour)
	return s
}

func def[T comparable](p *T, otherwise T) {
	var zero T
	if *p == zero {
		*p = otherwise
	}
}
