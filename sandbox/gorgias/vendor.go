package gorgias

import (
	"cmp"
	"context"
	"encoding/json"
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
	DemoEmail        = "usher-service@acme.example"
	DemoKey          = "demo-gorgias-key-not-a-secret"
	DemoClientID     = "demo-gorgias-client"
	DemoClientSecret = "demo-gorgias-client-secret-not-a-secret"
)

// Options say how a Vendor is made.
type Options struct {
	Clock    wire.Clock
	Log      *wire.Log // shared with other vendors; nil makes one
	Settings Settings
	Empty    bool // no bots and no owner: only the service user, who then owns the account
}

// Vendor is the stand-in: an http.Handler for /api/... and /oauth/..., with
// faults, log and reset from wire.Front. It is safe for concurrent use.
type Vendor struct {
	*wire.Front
	clock wire.Clock
	opts  Options

	mu       sync.Mutex
	set      Settings
	here     *account // the account that credentials reach
	away     *account // the one they reach after the fault OtherTenant
	creds    credentials
	buckets  map[string]*bucket
	sequence int64 // makes tokens and codes unique; never reset
}

// account is one customer's helpdesk.
type account struct {
	domain     string
	users      *wire.Table[int64, User]
	teams      *wire.Table[int64, Team]
	nextUser   int64
	nextTeam   int64
	owner      int64
	unassigned int // tickets of deleted users
}

// New returns a helpdesk with an owner, the service user whose API key is
// DemoKey, and two bots.
func New(o Options) *Vendor {
	o.Clock, o.Settings = o.Clock.WithDefaults(), o.Settings.withDefaults()
	v := &Vendor{clock: o.Clock, opts: o}
	v.reset()
	v.Front = wire.NewFront(backend{v}, wire.Options{Name: "gorgias", Base: "/api", Clock: o.Clock, Log: o.Log})
	return v
}

func (v *Vendor) reset() {
	v.set = v.opts.Settings
	v.buckets = map[string]*bucket{}
	v.here = v.newAccount(v.set.Domain, 70100200, 600)
	v.away = v.newAccount("umbrella", 80500100, 9100)
	service := v.here.byEmail(DemoEmail)
	v.creds = credentials{
		keys:    map[string]string{strings.ToLower(DemoEmail): DemoKey},
		clients: map[string]string{DemoClientID: DemoClientSecret},
		access:  map[string]grant{}, refresh: map[string]grant{}, codes: map[string]grant{},
	}
	if v.opts.Empty {
		v.here.owner = service.ID
	}
}

// newAccount makes a helpdesk; first ids tell accounts apart.
func (v *Vendor) newAccount(domain string, firstUser, firstTeam int64) *account {
	a := &account{
		domain: domain, users: wire.NewTable[int64, User](), teams: wire.NewTable[int64, Team](),
		nextUser: firstUser, nextTeam: firstTeam,
	}
	start := v.clock.Now().Add(-24 * time.Hour)
	seed := func(u User) int64 {
		u.CreatedAt, u.UpdatedAt = start, start
		return a.seedUser(u).ID
	}
	if !v.opts.Empty || domain != v.set.Domain {
		a.owner = seed(User{Name: "Olga Owner", Email: "owner@" + domain + ".example", Role: "admin", HasPassword: true})
		seed(User{Name: "Gorgias Bot", Email: "support@" + domain + ".example", Role: "bot"})
		seed(User{Name: "Gorgias Workflows Bot", Email: "workflows@" + domain + ".example", Role: "internal-agent"})
	}
	seed(User{Name: "Usher Service", Email: DemoEmail, Role: "admin"})
	return a
}

func (a *account) byEmail(email string) User {
	u, _ := a.users.Find(func(u User) bool { return strings.EqualFold(u.Email, email) })
	return u
}

func (a *account) seedUser(u User) User {
	if u.ID == 0 {
		u.ID = a.nextUser
	}
	a.nextUser = max(a.nextUser, u.ID) + 17
	if u.Timezone == "" {
		u.Timezone = "UTC"
	}
	if u.Meta == nil {
		u.Meta = map[string]any{}
	}
	a.users.Put(u.ID, u, time.Time{})
	return u
}

// SeedUser puts a user into the account as if it had always been there, visible
// to every reader. ID and times are filled in when zero. It checks nothing.
func (v *Vendor) SeedUser(u User) User {
	v.mu.Lock()
	defer v.mu.Unlock()
	if u.CreatedAt.IsZero() {
		u.CreatedAt = v.clock.Now()
	}
	if u.UpdatedAt.IsZero() {
		u.UpdatedAt = u.CreatedAt
	}
	if u.Role == "" {
		u.Role = "basic-agent"
	}
	return v.here.seedUser(u)
}

// SeedTeam puts a team into the account. ID and time are filled in when zero.
func (v *Vendor) SeedTeam(t Team) Team {
	v.mu.Lock()
	defer v.mu.Unlock()
	if t.ID == 0 {
		t.ID = v.here.nextTeam
	}
	v.here.nextTeam = max(v.here.nextTeam, t.ID) + 3
	if t.CreatedAt.IsZero() {
		t.CreatedAt = v.clock.Now()
	}
	v.here.teams.Put(t.ID, t, time.Time{})
	return t
}

// RemoveUser deletes a user behind the API's back, as another admin would in the
// web page. It reports whether there was one.
func (v *Vendor) RemoveUser(id int64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	u, ok := v.here.users.Get(id)
	if ok {
		v.here.remove(u, v.clock.Now())
	}
	return ok
}

// Users returns the account's users as they are, by id.
func (v *Vendor) Users() []User {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.here.users.All()
}

// User returns the user with an e-mail address, compared without regard to case.
func (v *Vendor) User(email string) (User, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	u := v.here.byEmail(email)
	return u, u.ID != 0
}

// Teams returns the account's teams as they are, by id.
func (v *Vendor) Teams() []Team {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.here.teams.All()
}

// OwnerID returns the account owner's id.
func (v *Vendor) OwnerID() int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.here.owner
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

// Handle answers a call under the vendor's lock: Gorgias' calls take no time here.
func (b backend) Handle(_ context.Context, r *wire.Request) wire.Reply {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.set.WrongSubdomain || b.foreignHost(r.Host) {
		return unknownHost()
	}
	if !r.API {
		return b.oauth(r)
	}
	who, refused := b.authenticate(r)
	if refused != nil {
		return *refused
	}
	head, full := b.draw(who, r.Now)
	if full != nil {
		return *full
	}
	reply := b.route(r, who)
	if reply.Header == nil {
		reply.Header = http.Header{}
	}
	reply.Header.Set(limitHeader, head)
	return reply
}

// foreignHost tells a subdomain that is not this account's. Other hosts (loopback) are not judged.
func (b backend) foreignHost(host string) bool {
	sub, ok := strings.CutSuffix(host, ".gorgias.com")
	return ok && sub != b.here.domain
}

// route finds the resource. Ids that are no numbers are not found.
func (b backend) route(r *wire.Request, who caller) wire.Reply {
	seg := r.Segments
	switch {
	case len(seg) == 1 && seg[0] == "account":
		return b.guard(r, who, "account:read", map[string]func() wire.Reply{http.MethodGet: b.readAccount})
	case len(seg) == 1 && seg[0] == "users":
		return b.guard(r, who, "users", map[string]func() wire.Reply{
			http.MethodGet:  func() wire.Reply { return b.listUsers(r) },
			http.MethodPost: func() wire.Reply { return b.createUser(r) },
		})
	case len(seg) == 2 && seg[0] == "users":
		id, ok := b.userID(seg[1], r.Method, who)
		if !ok {
			return notFound()
		}
		return b.guard(r, who, "users", map[string]func() wire.Reply{
			http.MethodGet:    func() wire.Reply { return b.readUser(r, id) },
			http.MethodPut:    func() wire.Reply { return b.updateUser(r, id, who) },
			http.MethodDelete: func() wire.Reply { return b.deleteUser(r, id) },
		})
	case len(seg) == 1 && seg[0] == "teams":
		return b.guard(r, who, "users", map[string]func() wire.Reply{
			http.MethodGet:  func() wire.Reply { return b.listTeams(r) },
			http.MethodPost: func() wire.Reply { return b.createTeam(r) },
		})
	case len(seg) == 2 && seg[0] == "teams":
		id, ok := number(seg[1])
		if !ok {
			return notFound()
		}
		return b.guard(r, who, "users", map[string]func() wire.Reply{
			http.MethodGet:    func() wire.Reply { return b.readTeam(r, id) },
			http.MethodPut:    func() wire.Reply { return b.updateTeam(r, id) },
			http.MethodDelete: func() wire.Reply { return b.deleteTeam(r, id) },
		})
	default:
		return notFound()
	}
}

// guard checks method, scope and role before the call is done: reading is for
// every user, writing for admins only.
func (b backend) guard(r *wire.Request, who caller, scope string, methods map[string]func() wire.Reply) wire.Reply {
	do, ok := methods[r.Method]
	if !ok {
		return failure(http.StatusMethodNotAllowed, "Method not allowed.", nil)
	}
	writes := r.Method != http.MethodGet
	if scope == "users" {
		scope = "users:read"
		if writes {
			scope = "users:write"
		}
	}
	if !who.may(scope) || (writes && who.user.Role != "admin") {
		return failure(http.StatusForbidden, "Forbidden.", nil)
	}
	return do()
}

func (b backend) readAccount() wire.Reply {
	return wire.Reply{Status: http.StatusOK, JSON: map[string]any{"domain": b.here.domain}}
}

// Trouble words a failure that is not about the call's content.
func (b backend) Trouble(_ *wire.Request, status int, _ bool) wire.Reply {
	msg := http.StatusText(status) + "."
	if status == http.StatusTooManyRequests {
		msg = "Too many requests."
	}
	return failure(status, msg, nil)
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
		b.creds.expire(bearer(r), r.Now)
	default: // the front plays the others
	}
}

// Control serves settings (a JSON object of Settings' fields), seed-user and seed-team.
func (b backend) Control(act string, body []byte) (any, error) {
	switch act {
	case "settings":
		b.mu.Lock()
		defer b.mu.Unlock()
		s := b.set
		if err := json.Unmarshal(body, &s); err != nil {
			return nil, fmt.Errorf("read settings: %w", err)
		}
		b.set = s.withDefaults()
		return b.set, nil
	case "seed-user":
		var u User
		if err := json.Unmarshal(body, &u); err != nil {
			return nil, fmt.Errorf("read user: %w", err)
		}
		return b.SeedUser(u), nil
	case "seed-team":
		var t Team
		if err := json.Unmarshal(body, &t); err != nil {
			return nil, fmt.Errorf("read team: %w", err)
		}
		return b.SeedTeam(t), nil
	case "remove-user":
		var u User
		if err := json.Unmarshal(body, &u); err != nil {
			return nil, fmt.Errorf("read user: %w", err)
		}
		return map[string]bool{"removed": b.RemoveUser(u.ID)}, nil
	default:
		return nil, fmt.Errorf("gorgias has no %q; it has settings, seed-user, seed-team and remove-user", act)
	}
}

// State returns the account for the control API, users by e-mail and teams by name.
func (b backend) State() any {
	b.mu.Lock()
	defer b.mu.Unlock()
	users, teams := b.here.users.All(), b.here.teams.All()
	slices.SortFunc(users, func(x, y User) int { return cmp.Or(strings.Compare(x.Email, y.Email), cmp.Compare(x.ID, y.ID)) })
	slices.SortFunc(teams, func(x, y Team) int { return cmp.Or(strings.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID)) })
	return map[string]any{
		"domain": b.here.domain, "owner": b.here.owner, "users": users, "teams": teams,
		"unassigned_tickets": b.here.unassigned, "settings": b.set,
	}
}
