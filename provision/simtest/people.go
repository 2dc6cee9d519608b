package simtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping/versions"
)

// who is the source that an act comes from.
func (w *World) who(a Act) string {
	if w.kind.sources > 1 && a.C%4 == 0 {
		return entra
	}
	return okta
}

// tell lets a source or an administrator do something. Once it is acknowledged the model knows it. If the process died
// over it, it may have been done or not, and nothing else may have changed.
func (w *World) tell(do func() error, told func(), touches ...string) error {
	err := do()
	switch {
	case err == nil:
		told()
		w.model.remember(w.clock.now())
		w.model.remember(vendorNow())
		return nil
	case errors.Is(err, errCrash):
		if err := w.restart(); err != nil {
			return err
		}
		return w.relearn(touches)
	case slices.Contains([]directory.Code{directory.NotFound, directory.Uniqueness, directory.Invalid, directory.TooMany}, directory.CodeOf(err)):
		w.say("  refused: %v", err)
		return nil
	}
	return broken("no unexpected error", "%v", err)
}

// relearn takes over what became of the act that a crash cut.
func (w *World) relearn(touches []string) error {
	now, err := w.learn(w.p.ctx)
	if err != nil {
		return broken("no unexpected error", "read the directory after a crash: %v", err)
	}
	for _, d := range differences(w.model, now) {
		if !slices.ContainsFunc(touches, func(s string) bool { return strings.Contains(d, s) }) {
			return broken("acknowledged writes are present", "after a crash: %s", d)
		}
	}
	for _, source := range []string{okta, entra} {
		for name, g := range w.model.groups[source] {
			if _, still := now.groups[source][name]; !still {
				w.freeze(now, g)
			}
		}
		for p, u := range now.users[source] {
			now.setUser(source, p, u)
		}
	}
	if denied, err := w.learn(w.p.ctx); err == nil { // of a person who is new to the model
		now.denies = denied.denies
	}
	w.model = now
	w.model.remember(w.clock.now())
	return nil
}

func (w *World) write(u user, external string) directory.UserWrite {
	attrs, err := json.Marshal(map[string]any{
		"userName": u.userName, "displayName": u.display, "active": u.active,
		"emails": []any{map[string]any{"value": u.userName, "primary": true, "type": "work"}},
	})
	if err != nil {
		panic(err) // plain strings
	}
	return directory.UserWrite{UserName: u.userName, ExternalID: external, Active: u.active, Emails: []string{u.userName}, Attributes: attrs}
}

func address(name string) string { return name + "@acme.example" }

func (w *World) hire(a Act, other bool) error {
	name, source := humans[a.A%len(humans)], w.who(a)
	u := user{userName: address(name), display: strings.ToUpper(name[:1]) + name[1:], active: true}
	external := "ext-" + name
	if other {
		external = fmt.Sprintf("ext-%s-%d", name, a.B%3)
	}
	w.say("%s hires %s (%s)", source, name, external)
	touches := []string{u.userName}
	if p, known := w.model.last[source][name]; known {
		touches = append(touches, "deny "+p.String()) // whom the source takes on again it does not keep out
	}
	var made directory.User
	return w.tell(func() (err error) {
		made, err = w.p.dir.CreateUser(w.p.ctx, w.sources[source], "hire", w.write(u, external), directory.CreateOptions{Reactivate: a.B%2 == 0})
		return err
	}, func() { w.model.setUser(source, made.Person, u) }, touches...)
}

// edit changes a source's record of a human.
func (w *World) edit(a Act, what string, change func(user) user) error {
	name, source := humans[a.A%len(humans)], w.who(a)
	p, known := w.model.last[source][name]
	before, held := w.model.users[source][p]
	if !known || !held {
		return nil
	}
	after := change(before)
	if after == before {
		return nil
	}
	w.say("%s: %s %s, from %+v to %+v", source, what, name, before, after)
	return w.tell(func() error {
		_, _, err := w.p.dir.UpdateUser(w.p.ctx, w.sources[source], what, p, func(now directory.User) (directory.UserWrite, error) {
			return w.write(after, now.ExternalID), nil
		})
		return err
	}, func() { w.model.setUser(source, p, after) }, p.String())
}

func (w *World) activity(a Act, active bool) error {
	what := map[bool]string{true: "activate", false: "deactivate"}[active]
	return w.edit(a, what, func(u user) user {
		u.active = active
		return u
	})
}

// identity changes what a person is called. Who is inactive keeps the name, as clients scramble it then.
func (w *World) identity(a Act) error {
	return w.edit(a, a.What, func(u user) user {
		switch {
		case !u.active:
		case a.What == "rename":
			u.userName = address(human(u.userName) + []string{"", "0", "1"}[a.B%3])
		default:
			u.display = fmt.Sprintf("%s %d", human(u.userName), a.B)
		}
		return u
	})
}

func (w *World) deleteUser(a Act) error {
	name, source := humans[a.A%len(humans)], w.who(a)
	p, known := w.model.last[source][name]
	if !known {
		return nil
	}
	w.say("%s deletes %s", source, name)
	return w.tell(func() error {
		return w.p.dir.DeleteUser(w.p.ctx, w.sources[source], "delete", p)
	}, func() { w.model.deleteUser(source, p) }, p.String())
}

// readmit lifts what a delete by one of several sources left behind.
func (w *World) readmit() error {
	for _, p := range w.model.persons() {
		for _, source := range []string{okta, entra} {
			if !w.model.denies[p][source] {
				continue
			}
			w.say("readmit %s, whom %s deleted", p, source)
			return w.tell(func() error {
				return w.p.dir.ClearDeny(w.p.ctx, admin, p, w.sources[source].ID)
			}, func() { delete(w.model.denies[p], source) }, p.String())
		}
	}
	return nil
}

func (w *World) createGroup(a Act) error {
	name, source := groupNames[a.A%len(groupNames)], w.who(a)
	members := map[uuid.UUID]bool{}
	for i, h := range humans {
		if p, known := w.model.last[source][h]; known && a.B>>i&1 == 1 {
			if _, held := w.model.users[source][p]; held {
				members[p] = true
			}
		}
	}
	w.say("%s makes the group %s with %s", source, name, w.names(members))
	var made directory.Group
	return w.tell(func() (err error) {
		made, err = w.p.dir.CreateGroup(w.p.ctx, w.sources[source], "group", directory.GroupWrite{
			Name: name, Members: []directory.MemberOp{{Kind: directory.AddMembers, Members: refs(members)}},
		}, directory.MemberPolicy{})
		return err
	}, func() {
		w.model.groups[source][name] = group{id: made.ID, source: source, name: name, members: members}
	}, source+" group "+name)
}

func (w *World) deleteGroup(a Act) error {
	name, source := groupNames[a.B%len(groupNames)], w.who(a)
	g, there := w.model.groups[source][name]
	if !there {
		return nil
	}
	w.say("%s deletes the group %s", source, name)
	return w.tell(func() error {
		return w.p.dir.DeleteGroup(w.p.ctx, w.sources[source], "group", g.id)
	}, func() {
		delete(w.model.groups[source], name)
		w.freeze(w.model, g)
	}, source+" group "+name)
}

// members lets a human join or leave a group, or a group have exactly some members.
func (w *World) members(a Act, kind directory.MemberOpKind) error {
	name, source := groupNames[a.B%len(groupNames)], w.who(a)
	g, there := w.model.groups[source][name]
	if !there {
		return nil
	}
	these := map[uuid.UUID]bool{}
	for i, h := range humans {
		chosen := i == a.A%len(humans) || kind == directory.ReplaceMembers && a.B>>i&1 == 1
		p, known := w.model.last[source][h]
		if _, held := w.model.users[source][p]; chosen && known && held {
			these[p] = true
		}
	}
	w.say("%s: %s of %s: %s", source, []string{"joins", "leaves", "exactly"}[kind], name, w.names(these))
	return w.tell(func() error {
		_, _, err := w.p.dir.UpdateGroup(w.p.ctx, w.sources[source], "members", g.id, directory.MemberPolicy{}, func(now directory.Group) (directory.GroupWrite, error) {
			return directory.GroupWrite{
				Name: now.Name, ExternalID: now.ExternalID, Attributes: now.Attributes,
				Members: []directory.MemberOp{{Kind: kind, Members: refs(these)}},
			}, nil
		})
		return err
	}, func() {
		if kind == directory.ReplaceMembers {
			clear(g.members)
		}
		for p := range these {
			if kind == directory.RemoveMembers {
				delete(g.members, p)
			} else {
				g.members[p] = true
			}
		}
	}, source+" group "+name)
}

func refs(persons map[uuid.UUID]bool) []directory.MemberRef {
	var out []directory.MemberRef
	for _, p := range sorted(persons) {
		out = append(out, directory.MemberRef{Value: p.String()})
	}
	return out
}

func sorted(persons map[uuid.UUID]bool) []uuid.UUID {
	var out []uuid.UUID
	for p := range persons {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return out
}

// names says who persons are, for the trace.
func (w *World) names(persons map[uuid.UUID]bool) []string {
	var out []string
	for _, p := range sorted(persons) {
		out = append(out, w.name(p))
	}
	return out
}

func (w *World) name(p uuid.UUID) string {
	if u, held := w.model.profile(p); held {
		return u.userName
	}
	for _, address := range slices.Sorted(keys(w.model.emails[p])) {
		return address
	}
	return p.String()
}

// applyDocument puts a document in force.
func (w *World) applyDocument(n int, confirmed bool) error {
	w.say("mapping %d, confirmed %v", n, confirmed)
	w.applying = n
	w.confirming = w.confirming || confirmed
	w.inForce(documents()[n])
	return w.tell(func() error {
		_, err := w.p.maps.Apply(w.p.ctx, admin, []byte(documents()[n].text()), versions.ApplyOptions{Confirmed: confirmedCount(confirmed), Exceeding: confirmedCount(confirmed)})
		return err
	}, func() {
		w.model.applied = append(w.model.applied, n)
		w.mappingChanged()
	}, "mapping")
}

func (w *World) rollback(a Act) error {
	if len(w.model.applied) == 0 {
		return nil
	}
	to := a.A % len(w.model.applied)
	confirmed := a.C%4 == 3
	w.applying = w.model.applied[to]
	w.confirming = w.confirming || confirmed
	w.inForce(documents()[w.applying])
	w.say("rollback to version %d, confirmed %v", to+1, confirmed)
	return w.tell(func() error {
		_, err := w.p.maps.Rollback(w.p.ctx, admin, to+1, versions.ApplyOptions{Confirmed: confirmedCount(confirmed), Exceeding: confirmedCount(confirmed)})
		return err
	}, func() {
		w.model.applied = append(w.model.applied, w.applying)
		w.mappingChanged()
	}, "mapping")
}

// confirmedCount is a number of removals that covers all there can be.
func confirmedCount(confirmed bool) int {
	if confirmed {
		return 1000
	}
	return 0
}
