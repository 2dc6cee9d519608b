package zoom

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usher-scim/usher/sandbox/wire"
)

// Credentials of a new account. They are fakes and open nothing.
const (
	DemoAccountID    = "demo-zoom-account"
	DemoClientID     = "demo-zoom-client"
	DemoClientSecret = "demo-zoom-client-secret-not-a-secret"
)

// Options say how a Vendor is made.
type Options struct {
	Clock    wire.Clock
	Log      *wire.Log // shared with other vendors; nil makes one
	Settings Settings
}

// Vendor is the stand-in: an http.Handler for /v2/... and /oauth/..., with
// faults, log and reset from wire.Front. It is safe for concurrent use.
type Vendor struct {
	*wire.Front
	clock  wire.Clock
	opts   Options
	routes []route

	mu       sync.Mutex
	set      Settings
	here     *account // the account that credentials reach
	away     *account // the one they reach after the fault OtherTenant
	creds    credentials
	limits   limits
	sequence int64 // makes tokens unique; never reset
}

// account is one customer's Zoom account.
type account struct {
	id       string
	users    *wire.Table[string, User]
	groups   *wire.Table[string, Group]
	roles    []Role
	deleting map[string]bool        // users whose DELETE is under way
	changed  map[string][]time.Time // times of e-mail changes by user
	invited  counter                // invitations of the day
	grouped  counter                // groups made on the day
	features time.Time              // of the last POST /users/features
	next     int64
}

// New returns an account with an owner and an admin.
func New(o Options) *Vendor {
	o.Clock, o.Settings = o.Clock.WithDefaults(), o.Settings.withDefaults()
	v := &Vendor{clock: o.Clock, opts: o, routes: routes()}
	v.reset()
	v.Front = wire.NewFront(backend{v}, wire.Options{Name: "zoom", Base: "/v2", Clock: o.Clock, Log: o.Log})
	return v
}

func (v *Vendor) reset() {
	v.set = v.opts.Settings.withDefaults()
	v.here = v.newAccount(DemoAccountID, "acme.example")
	v.away = v.newAccount("demo-zoom-other-account", "umbrella.example")
	v.limits = limits{}
	v.creds = credentials{tokens: map[string]token{}, codes: map[string]time.Time{}, refresh: map[string]bool{}}
}

func (v *Vendor) newAccount(id, domain string) *account {
	a := &account{
		id: id, users: wire.NewTable[string, User](), groups: wire.NewTable[string, Group](),
		deleting: map[string]bool{}, changed: map[string][]time.Time{},
		roles: []Role{{ID: "0", Name: "Owner"}, {ID: "1", Name: "Admin"}, {ID: "2", Name: "Member"}},
	}
	if v.set.OpaqueRoleIDs {
		for i := range a.roles {
			a.roles[i].ID = a.newID("role")
		}
	}
	start := v.clock.Now().Add(-24 * time.Hour)
	a.seed(User{Email: "owner@" + domain, FirstName: "Olga", LastName: "Owner", Type: Licensed, RoleID: a.roleID("Owner"), CreatedAt: start})
	a.seed(User{Email: "it-admin@" + domain, FirstName: "Ida", LastName: "Admin", Type: Licensed, RoleID: a.roleID("Admin"), CreatedAt: start})
	return a
}

// newID makes an id that looks like Zoom's and differs between accounts.
func (a *account) newID(kind string) string {
	a.next++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", a.id, kind, a.next))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:22]
}

func (a *account) seed(u User) User {
	if u.ID == "" {
		u.ID = a.newID("user")
	}
	a.next++
	u.seq = a.next
	if u.Type == 0 {
		u.Type = Basic
	}
	if u.Status == "" {
		u.Status = Active
	}
	if u.RoleID == "" {
		u.RoleID = a.roleID("Member")
	}
	if u.DisplayName == "" {
		u.DisplayName = u.fullName()
	}
	if len(u.LoginTypes) == 0 && u.Status != Pending {
		u.LoginTypes = []int{loginSSO}
	}
	if u.PMI == 0 {
		u.PMI = 5_550_000_000 + a.next
	}
	if u.Status == Pending && u.InvitedAt.IsZero() {
		u.InvitedAt = u.CreatedAt
	}
	a.users.Put(u.ID, u, time.Time{})
	return u
}

func (a *account) byEmail(email string) (User, bool) {
	return a.users.Find(func(u User) bool { return strings.EqualFold(u.Email, email) })
}

// SeedUser puts a user into the account as if it had always been there, visible
// to every reader. What is left empty is filled in. It checks nothing.
func (v *Vendor) SeedUser(u User) User {
	v.mu.Lock()
	defer v.mu.Unlock()
	if u.CreatedAt.IsZero() {
		u.CreatedAt = v.clock.Now()
	}
	return v.here.seed(u)
}

// SeedGroup makes a group with the given members, by user id.
func (v *Vendor) SeedGroup(name string, members ...string) Group {
	v.mu.Lock()
	defer v.mu.Unlock()
	g := Group{ID: v.here.newID("group"), Name: name}
	v.here.next++
	g.seq = v.here.next
	v.here.groups.Put(g.ID, g, time.Time{})
	for _, id := range members {
		if u, ok := v.here.users.Get(id); ok {
			u.Groups = append(slices.Clone(u.Groups), g.ID)
			v.here.users.Put(id, u, time.Time{})
		}
	}
	return g
}

// SeedRole makes a role of the account's own.
func (v *Vendor) SeedRole(name string) Role {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := Role{ID: v.here.newID("role"), Name: name}
	v.here.roles = append(v.here.roles, r)
	return r
}

// AcceptInvitation lets a pending user follow the link in the invitation: from
// then on the user is active. It reports whether there was a valid invitation.
func (v *Vendor) AcceptInvitation(email string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.clock.Now()
	u, ok := v.here.byEmail(email)
	if !ok || u.Status != Pending || u.expired(now) {
		return false
	}
	u.Status, u.LoginTypes, u.SignedIn = Active, []int{loginEmail}, true
	v.here.users.Put(u.ID, u, now)
	return true
}

// RemoveUser takes a user away behind the API's back. It reports whether there was one.
func (v *Vendor) RemoveUser(email string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	u, ok := v.here.byEmail(email)
	if ok {
		v.here.users.Delete(u.ID, v.clock.Now())
	}
	return ok
}

// Users returns the account's users as they are, in the order of their creation.
func (v *Vendor) Users() []User {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.here.inOrder(v.here.users.All())
}

func (*account) inOrder(users []User) []User {
	slices.SortFunc(users, func(x, y User) int { return cmp.Compare(x.seq, y.seq) })
	return users
}

// User returns the user with an e-mail address, compared without regard to case.
func (v *Vendor) User(email string) (User, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.here.byEmail(email)
}

// Groups returns the account's groups, by name.
func (v *Vendor) Groups() []Group {
	v.mu.Lock()
	defer v.mu.Unlock()
	groups := v.here.groups.All()
	slices.SortFunc(groups, func(x, y Group) int { return strings.Compare(x.Name, y.Name) })
	return groups
}

// Roles returns the account's roles.
func (v *Vendor) Roles() []Role {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.here.roles)
}

// AccountID returns the id of the account that credentials reach.
func (v *Vendor) AccountID() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.here.id
}

// Configure changes the settings.
func (v *Vendor) Configure(change func(*Settings)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(&v.set)
	v.set = v.set.withDefaults()
}

// backend is the side of a Vendor that its Front calls.
type backend struct{ *Vendor }

func (b backend) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reset()
}

// Handle answers a call. What a call does is done under the vendor's lock; a call
// that takes time (DELETE of a user) gives it back in between.
func (b backend) Handle(ctx context.Context, r *wire.Request) wire.Reply {
	b.mu.Lock()
	reply, later := b.answer(r)
	b.mu.Unlock()
	if later == nil {
		return reply
	}
	if d := later.takes; d > 0 && b.clock.Wait(context.WithoutCancel(ctx), d) != nil {
		return b.Trouble(r, http.StatusInternalServerError, false)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	done := later.do()
	done.Header, done.Ignored = reply.Header, reply.Ignored
	return done
}

// Trouble words a failure that is not about the call's content.
func (b backend) Trouble(_ *wire.Request, status int, daily bool) wire.Reply {
	switch {
	case status == http.StatusTooManyRequests && daily:
		reply := refuse(status, status, tooManyToday)
		reply.Header = http.Header{}
		reply.Header.Set("X-RateLimit-Type", "Daily-limit")
		return reply
	case status == http.StatusTooManyRequests:
		reply := refuse(status, status, tooManyNow)
		reply.Header = http.Header{}
		reply.Header.Set("X-RateLimit-Type", "QPS")
		return reply
	default:
		return refuse(status, status, http.StatusText(status)+".")
	}
}

// Disturb plays the faults that change the account.
func (b backend) Disturb(k wire.Kind, r *wire.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch k {
	case wire.OtherTenant:
		b.here, b.away = b.away, b.here
	case wire.Revoked:
		b.creds.revoked = true
	case wire.Restored:
		b.creds.revoked = false
	case wire.ExpiredToken:
		if t, ok := b.creds.tokens[bearer(r)]; ok {
			t.until = r.Now
			b.creds.tokens[bearer(r)] = t
		}
	default: // the front plays the others
	}
}

// Control serves settings (a JSON object of Settings' fields), seed-user,
// seed-group {"name","members"}, accept {"email"} and remove-user {"email"}.
func (b backend) Control(act string, body []byte) (any, error) {
	read := func(v any) error {
		if err := json.Unmarshal(body, v); err != nil {
			return fmt.Errorf("read body of %s: %w", act, err)
		}
		return nil
	}
	switch act {
	case "settings":
		b.mu.Lock()
		defer b.mu.Unlock()
		now, err := json.Marshal(b.set) // a deep copy: the body is read over it
		if err != nil {
			return nil, fmt.Errorf("copy settings: %w", err)
		}
		var s Settings
		if err := errors.Join(json.Unmarshal(now, &s), read(&s)); err != nil {
			return nil, err
		}
		b.set = s.withDefaults()
		return b.set, nil
	case "seed-user":
		var u User
		if err := read(&u); err != nil {
			return nil, err
		}
		return b.SeedUser(u), nil
	case "seed-group":
		var g struct {
			Name    string   `json:"name"`
			Members []string `json:"members"`
		}
		if err := read(&g); err != nil {
			return nil, err
		}
		return b.SeedGroup(g.Name, g.Members...), nil
	case "accept", "remove-user":
		var u User
		if err := read(&u); err != nil {
			return nil, err
		}
		if act == "accept" {
			return map[string]bool{"accepted": b.AcceptInvitation(u.Email)}, nil
		}
		return map[string]bool{"removed": b.RemoveUser(u.Email)}, nil
	default:
		return nil, fmt.Errorf("zoom has no %q; it has settings, seed-user, seed-group, accept and remove-user", act)
	}
}

// State returns the account for the control API, users by e-mail and groups by name.
func (b backend) State() any {
	groups := b.Groups()
	b.mu.Lock()
	defer b.mu.Unlock()
	users := b.here.users.All()
	slices.SortFunc(users, func(x, y User) int { return cmp.Or(strings.Compare(x.Email, y.Email), strings.Compare(x.ID, y.ID)) })
	return map[string]any{
		"account_id": b.here.id, "users": users, "groups": groups, "roles": b.here.roles, "settings": b.set,
	}
}
