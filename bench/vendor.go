package main

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usher-scim/usher/adapters"
)

// vendor is an app in this process: accounts in memory, and calls that take their time. It stands for a vendor where
// the engine is measured and not HTTP.
type vendor struct {
	can  adapters.Description
	took time.Duration // by each call

	calls, teamWrites atomic.Int64
	// called, when set, is told of each call when it is sent, and of its person's address or account.
	called func(op, who string)

	mu       sync.Mutex
	serial   int
	accounts map[string]adapters.Account
	byEmail  map[string]string
	teams    map[string]map[string]bool
}

// newVendor returns an app without accounts that takes so many calls at once, each for so long.
func newVendor(atOnce int, took time.Duration) *vendor {
	return &vendor{
		took: took, accounts: make(map[string]adapters.Account), byEmail: make(map[string]string), teams: make(map[string]map[string]bool),
		can: adapters.Description{
			Name: "desk", Title: "Desk", Roles: []string{"admin", "agent"}, Rank: []string{"admin", "agent"}, DefaultRole: "agent",
			Teams: true, ExternalID: true, EmailChange: true, Concurrency: atOnce,
			Actions: []adapters.Action{adapters.Delete},
			Fields:  []adapters.Field{{Name: "name", Required: true, Default: "user.displayName"}},
		},
	}
}

// Describe implements [adapters.Describer].
func (v *vendor) Describe() adapters.Description { return v.can }

// call takes the time of a call.
func (v *vendor) call(ctx context.Context, op, who string) error {
	v.calls.Add(1)
	if v.called != nil {
		v.called(op, who)
	}
	if v.took == 0 {
		return nil
	}
	select {
	case <-time.After(v.took):
		return nil
	case <-ctx.Done():
		return &adapters.Error{Kind: adapters.Uncertain, Scope: adapters.OneAccount, Op: op, Message: "cut", Err: ctx.Err()}
	}
}

func notFound(op string) error {
	return &adapters.Error{Kind: adapters.NotFound, Scope: adapters.OneAccount, Op: op, Message: "there is no such account"}
}

// Check implements [adapters.Adapter].
func (v *vendor) Check(ctx context.Context) (adapters.Identity, error) {
	return adapters.Identity{Tenant: "t-1", Name: "Acme"}, v.call(ctx, "check", "")
}

// Find implements [adapters.Adapter].
func (v *vendor) Find(ctx context.Context, p adapters.Probe) (adapters.Account, error) {
	if err := v.call(ctx, "find", p.ID+strings.ToLower(p.Email)); err != nil {
		return adapters.Account{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	id := p.ID
	if id == "" {
		id = v.byEmail[strings.ToLower(p.Email)]
	}
	a, ok := v.accounts[id]
	if !ok {
		return a, notFound("find")
	}
	return a, nil
}

// Create implements [adapters.Adapter].
func (v *vendor) Create(ctx context.Context, p adapters.Profile) (adapters.Account, error) {
	if err := v.call(ctx, "create", strings.ToLower(p.Email)); err != nil {
		return adapters.Account{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.serial++
	a := adapters.Account{
		ID: fmt.Sprintf("v%d", v.serial), ExternalID: p.ExternalID, Email: p.Email, State: adapters.Active, Role: p.Role, Attributes: p.Attributes,
	}
	v.accounts[a.ID], v.byEmail[strings.ToLower(p.Email)] = a, a.ID
	return a, nil
}

// Update implements [adapters.Adapter].
func (v *vendor) Update(ctx context.Context, id string, c adapters.Change) (adapters.Account, error) {
	if err := v.call(ctx, "update", id); err != nil {
		return adapters.Account{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	a, ok := v.accounts[id]
	if !ok {
		return a, notFound("update")
	}
	if c.Role != nil {
		a.Role = *c.Role
	}
	attributes := make(map[string]string, len(a.Attributes)+len(c.Attributes))
	for _, from := range []map[string]string{a.Attributes, c.Attributes} {
		for key, value := range from {
			attributes[key] = value
		}
	}
	a.Attributes = attributes
	v.accounts[id] = a
	return a, nil
}

// Remove implements [adapters.Adapter].
func (v *vendor) Remove(ctx context.Context, id string, _ adapters.Removal) error {
	if err := v.call(ctx, "remove", id); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	a, ok := v.accounts[id]
	if !ok {
		return notFound("remove")
	}
	delete(v.accounts, id)
	delete(v.byEmail, strings.ToLower(a.Email))
	return nil
}

// ChangeMembers implements [adapters.Teams].
func (v *vendor) ChangeMembers(ctx context.Context, team string, add, remove []string) error {
	v.teamWrites.Add(1)
	if err := v.call(ctx, "team", team); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	members := v.teams[team]
	if members == nil {
		members = make(map[string]bool)
		v.teams[team] = members
	}
	for _, id := range add {
		members[id] = true
	}
	for _, id := range remove {
		delete(members, id)
	}
	return nil
}

// List implements [adapters.Adapter].
func (v *vendor) List(ctx context.Context) iter.Seq2[adapters.Account, error] {
	return func(yield func(adapters.Account, error) bool) {
		if err := v.call(ctx, "list", ""); err != nil {
			yield(adapters.Account{}, err)
			return
		}
		v.mu.Lock()
		all := make([]adapters.Account, 0, len(v.accounts))
		for _, a := range v.accounts {
			all = append(all, a)
		}
		v.mu.Unlock()
		for _, a := range all {
			if !yield(a, nil) {
				return
			}
		}
	}
}

// members returns how many accounts a team has.
func (v *vendor) members(team string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.teams[team])
}

// standing returns how many accounts there are.
func (v *vendor) standing() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.accounts)
}

var (
	_ adapters.Adapter = (*vendor)(nil)
	_ adapters.Teams   = (*vendor)(nil)
)
