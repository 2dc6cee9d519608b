package provision_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usher-scim/usher/adapters"
)

// vendor is an app as the engine sees one: accounts in memory, faults on demand, a log of calls.
type vendor struct {
	mu       sync.Mutex
	tenant   string
	self     []string
	accounts map[string]*adapters.Account
	teams    map[string][]string
	serial   int
	calls    []string
	faults   map[string][]fault
	down     error
	lag      int // look-ups that miss a new account
	stale    int // look-ups by id that show an account which was removed
	receives func(leaver, receiver string, what []string) error
	removals []adapters.Removal
	removed  map[string]*adapters.Account
	resumed  []string // the roles that were given back with a reactivation
	can      adapters.Description
	crash    func() (before, after error) // the process dies at this call
	most     int                          // accounts at one time
	made     []string                     // ids of the accounts that were created
	dupes    bool                         // one address may have several accounts
	strict   bool                         // an address is one account's, also when it changes

	showTeams bool // a look-up says in which teams an account is

	barred map[string]adapters.Kind // ids that no team takes, and what it says to that

	missAfterCreate int // look-ups without an id that miss what was created last, after the next create
	missing         string
	misses          int

	meanwhile func() // what happens elsewhere during the next call
	slow      func() // what each call takes

	stream  iter.Seq2[adapters.Account, error]          // in place of what is there, for a long list
	listing func([]adapters.Account) []adapters.Account // what a list shows of what is there
}

// fault is what happens to the next call of an operation: before or after its effect, or after a part of it.
type fault struct {
	err   error
	after bool
	part  func()
}

// lag is how long a read of a vendor whose reads lag may miss a write.
const lag = 2 * time.Second

func newVendor() *vendor {
	return &vendor{
		tenant: "t-1", accounts: map[string]*adapters.Account{}, teams: map[string][]string{}, faults: map[string][]fault{}, removed: map[string]*adapters.Account{},
		can: adapters.Description{
			Name: "fake", Title: "Fakedesk", Roles: []string{"admin", "agent", "observer"}, Rank: []string{"admin", "agent", "observer"},
			DefaultRole: "agent", Teams: true, ExternalID: true, EmailChange: true, Concurrency: 2,
			Actions:   []adapters.Action{adapters.Demote, adapters.Suspend, adapters.Delete},
			Transfers: []string{"meetings"},
			Fields:    []adapters.Field{{Name: "name", Required: true, Default: "user.displayName"}},
		},
	}
}

func (v *vendor) fail(op string, err error) { v.faults[op] = append(v.faults[op], fault{err: err}) }
func (v *vendor) failAfter(op string, err error) {
	v.faults[op] = append(v.faults[op], fault{err: err, after: true})
}

// failPart lets the next call of an operation do a part of it before it fails.
func (v *vendor) failPart(op string, err error, part func()) {
	v.faults[op] = append(v.faults[op], fault{err: err, part: part})
}

// permitted asks the permit of a call whose turn at the vendor has come.
func permitted(ctx context.Context, op string) error {
	if err := adapters.Permitted(ctx); err != nil {
		return &adapters.Error{Kind: adapters.Retry, Scope: adapters.OneAccount, Op: op, Message: err.Error(), Err: err}
	}
	return nil
}

// before plays a fault that comes before the effect of a call, or after a part of it.
func (f fault) before(ctx context.Context, op string) error {
	if f.part != nil {
		f.part()
		adapters.LogCall(ctx, adapters.Call{Op: op, Method: http.MethodPut, Route: "/" + op, Status: http.StatusOK, Outcome: "ok"})
	}
	if f.err != nil && !f.after {
		return f.err
	}
	return nil
}

// call logs an operation and returns the fault that waits for it.
func (v *vendor) call(op, what string) fault {
	v.calls = append(v.calls, op+" "+what)
	if v.slow != nil {
		v.slow()
	}
	if then := v.meanwhile; then != nil {
		v.meanwhile = nil
		then()
	}
	if v.crash != nil {
		if before, after := v.crash(); before != nil || after != nil {
			return fault{err: errors.Join(before, after), after: after != nil}
		}
	}
	if v.down != nil {
		return fault{err: v.down}
	}
	if q := v.faults[op]; len(q) > 0 {
		v.faults[op] = q[1:]
		return q[0]
	}
	return fault{}
}

// writes lists the calls that change something.
func (v *vendor) writes() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []string
	for _, c := range v.calls {
		if !strings.HasPrefix(c, "check") && !strings.HasPrefix(c, "find") && !strings.HasPrefix(c, "list") {
			out = append(out, c)
		}
	}
	return out
}

func (v *vendor) count(op string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, c := range v.calls {
		if strings.HasPrefix(c, op+" ") {
			n++
		}
	}
	return n
}

// have describes the accounts by e-mail: state, role and teams.
func (v *vendor) have() map[string]string {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := map[string]string{}
	for _, a := range v.accounts {
		s := string(a.State) + " " + a.Role
		var teams []string
		for t, members := range v.teams {
			if slices.Contains(members, a.ID) {
				teams = append(teams, t)
			}
		}
		slices.Sort(teams)
		if len(teams) > 0 {
			s += " in " + strings.Join(teams, ",")
		}
		out[a.Email] = s
	}
	return out
}

func (v *vendor) seed(a adapters.Account) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.serial++
	a.ID = fmt.Sprintf("v%d", v.serial)
	if a.State == "" {
		a.State = adapters.Active
	}
	v.accounts[a.ID] = &a
	return a.ID
}

func problem(kind adapters.Kind, op string) error {
	scope := adapters.OneAccount
	if kind == adapters.Unavailable || kind == adapters.Unauthorized {
		scope = adapters.WholeApp
	}
	return &adapters.Error{Kind: kind, Scope: scope, Op: op, Message: "injected " + string(kind)}
}

func (v *vendor) Check(context.Context) (adapters.Identity, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if f := v.call("check", ""); f.err != nil {
		return adapters.Identity{}, f.err
	}
	return adapters.Identity{Tenant: v.tenant, Name: "Acme", Self: v.self}, nil
}

func (v *vendor) Find(_ context.Context, p adapters.Probe) (adapters.Account, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if f := v.call("find", p.Email); f.err != nil {
		return adapters.Account{}, f.err
	}
	if v.lag > 0 && p.ID == "" {
		v.lag--
		return adapters.Account{}, problem(adapters.NotFound, "find")
	}
	if was := v.removed[p.ID]; was != nil && v.stale > 0 {
		v.stale--
		return *was, nil
	}
	for _, match := range []func(*adapters.Account) bool{
		func(a *adapters.Account) bool { return p.ID != "" && a.ID == p.ID },
		func(a *adapters.Account) bool {
			return p.ID == "" && p.ExternalID != "" && a.ExternalID == p.ExternalID
		},
		func(a *adapters.Account) bool { return p.ID == "" && p.Email != "" && a.Email == p.Email },
	} {
		for _, a := range v.accounts {
			if !match(a) {
				continue
			}
			if p.ID == "" && a.ID == v.missing && v.misses > 0 {
				v.misses--
				return adapters.Account{}, problem(adapters.NotFound, "find")
			}
			found := *a
			found.Attributes = maps.Clone(a.Attributes)
			if v.showTeams {
				found.Teams = []string{}
				for team, members := range v.teams {
					if slices.Contains(members, a.ID) {
						found.Teams = append(found.Teams, team)
					}
				}
				slices.Sort(found.Teams)
			}
			return found, nil
		}
	}
	return adapters.Account{}, problem(adapters.NotFound, "find")
}

func (v *vendor) Create(_ context.Context, p adapters.Profile) (adapters.Account, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f := v.call("create", p.Email)
	if f.err != nil && !f.after {
		return adapters.Account{}, f.err
	}
	for _, a := range v.accounts {
		if a.Email == p.Email && !v.dupes {
			return adapters.Account{}, problem(adapters.AlreadyExists, "create")
		}
	}
	v.serial++
	a := &adapters.Account{
		ID: fmt.Sprintf("v%d", v.serial), ExternalID: p.ExternalID, Email: p.Email,
		State: adapters.Active, Role: p.Role, Attributes: maps.Clone(p.Attributes),
	}
	if !v.can.ExternalID {
		a.ExternalID = ""
	}
	v.missing, v.misses, v.missAfterCreate = a.ID, v.missAfterCreate, 0
	v.made = append(v.made, a.ID)
	v.accounts[a.ID] = a
	v.most = max(v.most, len(v.accounts))
	return *a, f.err
}

func (v *vendor) Update(ctx context.Context, id string, c adapters.Change) (adapters.Account, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f := v.call("update", id)
	if err := f.before(ctx, "update"); err != nil {
		return adapters.Account{}, err
	}
	a := v.accounts[id]
	if a == nil {
		return adapters.Account{}, problem(adapters.NotFound, "update")
	}
	for _, other := range v.accounts {
		if v.strict && c.Email != nil && other != a && other.Email == *c.Email {
			return adapters.Account{}, problem(adapters.Conflict, "update")
		}
	}
	if c.Role != nil {
		a.Role = *c.Role
	}
	if c.Email != nil {
		a.Email = *c.Email
	}
	if c.ExternalID != nil {
		a.ExternalID = *c.ExternalID
	}
	for k, val := range c.Attributes {
		if a.Attributes == nil {
			a.Attributes = map[string]string{}
		}
		a.Attributes[k] = val
	}
	return *a, f.err
}

func (v *vendor) Remove(ctx context.Context, id string, r adapters.Removal) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	f := v.call("remove", id)
	if err := permitted(ctx, "remove"); err != nil {
		return err
	}
	if err := f.before(ctx, "remove"); err != nil {
		return err
	}
	if v.accounts[id] == nil {
		return problem(adapters.NotFound, "remove")
	}
	v.removed[id] = v.accounts[id]
	delete(v.accounts, id)
	v.removals = append(v.removals, r)
	return f.err
}

func (v *vendor) Suspend(ctx context.Context, id string) error {
	return v.set(ctx, "suspend", id, func(a *adapters.Account) {
		a.State = adapters.Suspended
		if slices.Contains(v.can.AdminRoles, a.Role) {
			a.Role = "agent"
		}
	})
}

func (v *vendor) Demote(ctx context.Context, id string) error {
	return v.set(ctx, "demote", id, func(a *adapters.Account) {
		a.Role = "observer"
		for t, members := range v.teams {
			v.teams[t] = slices.DeleteFunc(members, func(m string) bool { return m == id })
		}
	})
}

func (v *vendor) Resume(ctx context.Context, id string, before adapters.Account) (adapters.Account, error) {
	v.resumed = append(v.resumed, before.Role)
	err := v.set(ctx, "resume", id, func(a *adapters.Account) {
		a.State = adapters.Active
		if before.Role != "" {
			a.Role = before.Role
		}
	})
	if err != nil {
		return adapters.Account{}, err
	}
	return *v.accounts[id], nil
}

func (v *vendor) set(ctx context.Context, op, id string, change func(*adapters.Account)) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := permitted(ctx, op); err != nil {
		return err
	}
	f := v.call(op, id)
	if err := f.before(ctx, op); err != nil {
		return err
	}
	if v.accounts[id] == nil {
		return problem(adapters.NotFound, op)
	}
	change(v.accounts[id])
	return f.err
}

func (v *vendor) ChangeMembers(_ context.Context, team string, add, remove []string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	f := v.call("team", fmt.Sprintf("%s +%d -%d", team, len(add), len(remove)))
	if f.err != nil && !f.after {
		return f.err
	}
	var refusal *adapters.Error
	var left []string
	for _, id := range add {
		switch kind, barred := v.barred[id]; {
		case barred:
			left = append(left, id)
			refusal = &adapters.Error{Kind: kind, Scope: adapters.OneAccount, Op: "change team members", Message: "not everybody can enter"}
		case !slices.Contains(v.teams[team], id):
			v.teams[team] = append(v.teams[team], id)
		}
	}
	v.teams[team] = slices.DeleteFunc(v.teams[team], func(id string) bool { return slices.Contains(remove, id) })
	switch {
	case refusal == nil:
		return f.err
	case len(left) < len(add)+len(remove):
		return adapters.Partly(refusal, left)
	}
	return refusal
}

func (v *vendor) CheckReceiver(_ context.Context, leaver, receiver string, what []string) error {
	if v.receives == nil {
		return nil
	}
	return v.receives(leaver, receiver, what)
}

// listed is what a list shows, in the order in which accounts were made, with their teams.
func (v *vendor) listed() []adapters.Account {
	var all []adapters.Account
	for _, id := range slices.Sorted(maps.Keys(v.accounts)) {
		a := *v.accounts[id]
		a.Attributes = maps.Clone(a.Attributes)
		a.Teams = []string{}
		for _, t := range slices.Sorted(maps.Keys(v.teams)) {
			if slices.Contains(v.teams[t], id) {
				a.Teams = append(a.Teams, t)
			}
		}
		all = append(all, a)
	}
	if v.listing != nil {
		all = v.listing(all)
	}
	return all
}

func (v *vendor) List(context.Context) iter.Seq2[adapters.Account, error] {
	if v.stream != nil {
		return v.stream
	}
	return func(yield func(adapters.Account, error) bool) {
		v.mu.Lock()
		f := v.call("list", "")
		all := v.listed()
		v.mu.Unlock()
		if f.err != nil && !f.after {
			yield(adapters.Account{}, f.err)
			return
		}
		for i, a := range all {
			if f.err != nil && i == len(all)/2 {
				yield(adapters.Account{}, f.err)
				return
			}
			if !yield(a, nil) {
				return
			}
		}
	}
}
