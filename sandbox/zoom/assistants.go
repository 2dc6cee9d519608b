package zoom

import (
	"slices"
	"strings"

	"github.com/usher-scim/usher/sandbox/wire"
)

func (b backend) listAssistants(c *call) wire.Reply {
	u, refused := b.see(c)
	if refused != nil {
		return *refused
	}
	list := []map[string]any{}
	for _, id := range u.Assistants {
		if a, found := b.here.users.Get(id); found {
			list = append(list, map[string]any{"id": a.ID, "email": a.Email, "can_manage_host_private_event": false})
		}
	}
	return ok(map[string]any{"assistants": list})
}

// addAssistants lets others schedule for a user; both sides must be Licensed.
func (b backend) addAssistants(c *call) wire.Reply {
	u, refused := b.locate(c)
	if refused != nil {
		return *refused
	}
	f, refused := c.open()
	if refused != nil {
		return *refused
	}
	f.need("assistants")
	list, _ := f.list("assistants", 30)
	var names []named
	for _, o := range list {
		var n named
		n.id, _ = o.text("id", 0)
		n.email, _ = o.text("email", 0)
		o.flag("can_manage_host_private_event")
		o.close()
		names = append(names, n)
	}
	if refused = c.close(f); refused != nil {
		return *refused
	}
	if u.Type != Licensed {
		return bad(200, "The user must either be a Licensed user or an On-prem user : "+c.params[0]+".")
	}
	ids := []string{}
	for _, n := range names {
		a, found := b.member(n, c.Now)
		switch {
		case !found:
			return bad(200, "Can't find user "+n.name()+".")
		case a.ID == u.ID:
			return bad(200, "Can't assign scheduling privilege to yourself.")
		case slices.Contains(u.Assistants, a.ID):
			return bad(200, "User "+a.Email+" has already granted scheduling privilege.")
		case a.Type != Licensed:
			return bad(200, "The user must either be a Licensed user or an On-prem user : "+a.Email+".")
		}
		ids = append(ids, a.ID)
	}
	u.Assistants = append(slices.Clone(u.Assistants), ids...)
	b.here.users.Put(u.ID, u, c.Now)
	return created(map[string]any{"ids": strings.Join(ids, ","), "add_at": zulu(c.Now)})
}

// removeAssistants ends the right of all, or of one, to schedule for a user.
func (b backend) removeAssistants(c *call) wire.Reply {
	u, refused := b.locate(c)
	if refused != nil {
		return *refused
	}
	before := len(u.Assistants)
	if len(c.params) == 1 {
		u.Assistants = nil
	} else {
		u.Assistants = slices.DeleteFunc(slices.Clone(u.Assistants), func(id string) bool { return id == c.params[1] })
	}
	b.here.users.Put(u.ID, u, c.Now)
	return done(len(u.Assistants) != before)
}

func (b backend) listSchedulers(c *call) wire.Reply {
	u, refused := b.see(c)
	if refused != nil {
		return *refused
	}
	list := []map[string]any{}
	for _, host := range b.here.inOrder(b.here.users.All()) {
		if slices.Contains(host.Assistants, u.ID) {
			list = append(list, map[string]any{"id": host.ID, "email": host.Email, "pmi": host.PMI})
		}
	}
	return ok(map[string]any{"schedulers": list})
}

// removeSchedulers ends a user's right to schedule for everybody, or for one.
func (b backend) removeSchedulers(c *call) wire.Reply {
	u, refused := b.locate(c)
	if refused != nil {
		return *refused
	}
	changed := false
	for _, host := range b.here.users.All() {
		if !slices.Contains(host.Assistants, u.ID) || (len(c.params) == 2 && host.ID != c.params[1]) {
			continue
		}
		host.Assistants = slices.DeleteFunc(slices.Clone(host.Assistants), func(id string) bool { return id == u.ID })
		b.here.users.Put(host.ID, host, c.Now)
		changed = true
	}
	return done(changed)
}
