package gorgias

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// teamWrites bounds how often a team's list is written anew because others changed it.
const teamWrites = 5

// teamLocks has one lock per team name. It only grows, by the team names of the mapping.
type teamLocks struct {
	mu     sync.Mutex
	byName map[string]lock
}

func (l *teamLocks) take(ctx context.Context, op, name string) (func(), error) {
	key := strings.ToLower(name)
	l.mu.Lock()
	if l.byName == nil {
		l.byName = map[string]lock{}
	}
	one, ok := l.byName[key]
	if !ok {
		one = newLock()
		l.byName[key] = one
	}
	l.mu.Unlock()
	return one.take(ctx, op)
}

// ChangeMembers reads the team, writes its list whole, since the vendor has no other way, and
// reads again: if another hand has overwritten the list it is written anew, from what is there then.
// A change of another hand in the moment between the read and the write is lost; the vendor
// offers no condition that could prevent it. A team is matched by its exact name, else
// without regard to case. Calls for one team wait for each other.
func (a *Adapter) ChangeMembers(ctx context.Context, name string, add, remove []string) error {
	const op = "change team members"
	joins, err := numbers(op, add)
	if err != nil {
		return err
	}
	leaves, err := numbers(op, remove)
	if err != nil {
		return err
	}
	if strings.TrimSpace(name) == "" {
		return refusal(op, adapters.Invalid, "the team has no name")
	}
	release, err := a.teams.take(ctx, op, name)
	if err != nil {
		return err
	}
	defer release()
	for range 2 {
		// A team that is deleted between the read and the write is looked for once more.
		if err = a.change(ctx, op, name, joins, leaves); !adapters.IsKind(err, adapters.NotFound) || errors.Is(err, adapters.ErrNoTeam) {
			return err
		}
	}
	e := refusal(op, adapters.Retry, "the team is deleted while it is being written")
	e.After, e.Err = time.Minute, err
	return e
}

// change is ChangeMembers under the team's lock. Gorgias refuses a whole list for one id that it
// does not know: then those who are gone are left out, and reported at the end.
func (a *Adapter) change(ctx context.Context, op, name string, add, remove []int64) error {
	err := a.apply(ctx, op, name, add, remove)
	if len(add) == 0 || !adapters.IsKind(err, adapters.Invalid) {
		return err
	}
	gone, lookErr := a.gonePeople(ctx, op, add)
	if lookErr != nil {
		return lookErr
	}
	if len(gone) == 0 {
		return err
	}
	refused := refusal(op, adapters.Conflict, fmt.Sprintf("%d of the accounts to add to the team %q are not in Gorgias any more", len(gone), name))
	rest := slices.DeleteFunc(slices.Clone(add), func(id int64) bool { return slices.Contains(gone, id) })
	if len(rest)+len(remove) == 0 {
		return refused
	}
	if err := a.apply(ctx, op, name, rest, remove); err != nil {
		return err
	}
	left := make([]string, len(gone))
	for i, id := range gone {
		left[i] = strconv.FormatInt(id, 10)
	}
	return adapters.Partly(refused, left)
}

// apply makes the change, and the team if there is somebody to add.
func (a *Adapter) apply(ctx context.Context, op, name string, add, remove []int64) error {
	t, there, err := a.team(ctx, op, name)
	switch {
	case err != nil:
		return err
	case there:
		return a.rewrite(ctx, op, t, add, remove)
	case len(add) == 0:
		e := refusal(op, adapters.NotFound, fmt.Sprintf("there is no team %q", name))
		e.Err = adapters.ErrNoTeam
		return e
	}
	body := map[string]any{"name": name, "members": asMembers(merge(nil, add, remove))}
	t, err = one[team](ctx, a.api, vendorhttp.Request{Op: "create team", Method: http.MethodPost, Path: "/teams", Body: body})
	if err != nil {
		return err
	}
	a.remember(name, knownTeam{id: t.ID, made: a.now()})
	a.wrote(t.ID, nil, merge(nil, add, remove))
	return nil
}

// gonePeople returns those of ids that the vendor does not know. Many are looked up in the list, and
// only who is not in it by itself: a list may leave people out.
func (a *Adapter) gonePeople(ctx context.Context, op string, ids []int64) ([]int64, error) {
	unsure := slices.Clone(ids)
	if len(unsure) > 5 {
		for u, err := range records[user](ctx, a, op, "/users") {
			if err != nil {
				return nil, err
			}
			unsure = slices.DeleteFunc(unsure, func(id int64) bool { return id == u.ID })
		}
	}
	var gone []int64
	for _, id := range unsure {
		_, err := a.readUser(ctx, op, strconv.FormatInt(id, 10))
		if adapters.IsKind(err, adapters.NotFound) {
			gone = append(gone, id)
		} else if err != nil {
			return nil, err
		}
	}
	return gone, nil
}

// leaveTeams takes a user out of every team. Each team is locked only while it is written.
func (a *Adapter) leaveTeams(ctx context.Context, op string, u user) error {
	for t, err := range records[team](ctx, a, op, "/teams") {
		if err != nil {
			return err
		}
		if !slices.Contains(t.Members, member{u.ID}) {
			continue
		}
		release, err := a.teams.take(ctx, op, t.Name)
		if err != nil {
			return err
		}
		// Read again under the lock: the list may be old by now.
		if t, err = a.readTeam(ctx, op, t.ID); err == nil {
			err = a.rewrite(ctx, op, t, nil, []int64{u.ID})
		}
		release()
		if err != nil && !adapters.IsKind(err, adapters.NotFound) { // a team that was deleted has no members
			return err
		}
	}
	return nil
}

// knownTeam is a team that was found or made before.
type knownTeam struct {
	id   int64
	made time.Time // by us; zero where it was found
}

// team finds a team by name and reads it as it is now. It reports whether there is one.
func (a *Adapter) team(ctx context.Context, op, name string) (team, bool, error) {
	a.mu.Lock()
	known := a.ids[name]
	a.mu.Unlock()
	if known.id != 0 {
		t, err := a.readTeam(ctx, op, known.id)
		missing := adapters.IsKind(err, adapters.NotFound)
		switch {
		case err == nil && strings.EqualFold(t.Name, name):
			return t, true, nil
		case missing && a.now().Sub(known.made).Abs() < readLag:
			// Made a moment ago and not shown yet: a second one must not be made.
			e := refusal(op, adapters.Retry, "the new team is not shown yet")
			e.After = readLag
			return team{}, false, e
		case err != nil && !missing:
			return team{}, false, err
		}
		a.remember(name, knownTeam{}) // deleted or renamed
	}
	var exact, folded []team
	for t, err := range records[team](ctx, a, op, "/teams") {
		switch {
		case err != nil:
			return team{}, false, err
		case t.Name == name:
			exact = append(exact, t)
		case strings.EqualFold(t.Name, name):
			folded = append(folded, t)
		}
	}
	found := exact
	if len(found) == 0 {
		found = folded
	}
	switch len(found) {
	case 0:
		return team{}, false, nil
	case 1:
		a.remember(name, knownTeam{id: found[0].ID})
		t, err := a.readTeam(ctx, op, found[0].ID)
		return t, err == nil, err
	}
	e := refusal(op, adapters.Conflict, fmt.Sprintf("%d teams are called %q", len(found), name))
	e.Fix = "rename all but one of them in Gorgias"
	return team{}, false, e
}

func (a *Adapter) remember(name string, t knownTeam) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.id == 0 {
		delete(a.ids, name)
		return
	}
	a.ids[name] = t
}

func (a *Adapter) readTeam(ctx context.Context, op string, id int64) (team, error) {
	return one[team](ctx, a.api, vendorhttp.Request{Op: op, Method: http.MethodGet, Path: "/teams/{id}", Args: []string{strconv.FormatInt(id, 10)}})
}

// rewrite writes a team's list until a read shows add in it and remove not. t is as just read; the
// caller holds its lock.
func (a *Adapter) rewrite(ctx context.Context, op string, t team, add, remove []int64) error {
	before := a.latest(t.ID, t.numbers())
	for range teamWrites {
		want := merge(before, add, remove)
		if slices.Equal(want, before) {
			return nil
		}
		path, args := "/teams/{id}", []string{strconv.FormatInt(t.ID, 10)}
		body := map[string]any{"members": asMembers(want)}
		if _, err := one[team](ctx, a.api, vendorhttp.Request{Op: op, Method: http.MethodPut, Path: path, Args: args, Body: body}); err != nil {
			return err
		}
		a.wrote(t.ID, before, want)
		// A read that still shows an old list is likely behind, not another hand: look again.
		for _, wait := range []time.Duration{0, 500 * time.Millisecond, time.Second} {
			if err := pause(ctx, wait); err != nil {
				return uncompared(op, err)
			}
			var err error
			if t, err = a.readTeam(ctx, op, t.ID); err != nil {
				return uncompared(op, err)
			}
			if !a.behind(t.ID, t.numbers()) {
				before = t.numbers()
				break
			}
		}
	}
	if now := t.numbers(); slices.Equal(merge(now, add, remove), now) {
		return nil
	}
	e := refusal(op, adapters.Retry, fmt.Sprintf("another hand keeps changing the team %q", t.Name))
	e.After = time.Minute
	return e
}

// uncompared is a write that took effect as far as its reply says, and was not read back. That the team is not there is no proof against
// it: another tenant may have said so.
func uncompared(op string, cause error) error {
	e := refusal(op, adapters.Uncertain, "the team was written, but reading it back failed")
	e.Err = cause
	return e
}

// numbers are the team's members in a stable order.
func (t team) numbers() []int64 {
	ids := make([]int64, 0, len(t.Members))
	for _, m := range t.Members {
		ids = append(ids, m.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// merge returns the sorted list with add and without remove.
func merge(now, add, remove []int64) []int64 {
	all := slices.Concat(now, add)
	all = slices.DeleteFunc(all, func(id int64) bool { return slices.Contains(remove, id) })
	slices.Sort(all)
	return slices.Compact(all)
}

func asMembers(ids []int64) []member {
	members := make([]member, 0, len(ids)) // never null: an empty list empties the team
	for _, id := range ids {
		members = append(members, member{id})
	}
	return members
}

// numbers reads account ids as the vendor writes them.
func numbers(op string, ids []string) ([]int64, error) {
	out := make([]int64, 0, len(ids))
	for _, id := range ids {
		if err := usable(op, id); err != nil {
			return nil, err
		}
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return nil, refusal(op, adapters.Invalid, "the account's id is not one of Gorgias")
		}
		out = append(out, n)
	}
	return out, nil
}
