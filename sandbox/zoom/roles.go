package zoom

import (
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/sandbox/wire"
)

// Role is a role of the account. Owner, Admin and Member are always there.
type Role struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (a *account) roleID(name string) string {
	for _, r := range a.roles {
		if r.Name == name {
			return r.ID
		}
	}
	return ""
}

func (a *account) role(id string) Role {
	for _, r := range a.roles {
		if r.ID == id {
			return r
		}
	}
	return Role{}
}

// isAdmin tells owner and administrators.
func (a *account) isAdmin(u User) bool {
	return u.RoleID == a.roleID("Owner") || u.RoleID == a.roleID("Admin")
}

func noRole() wire.Reply { return bad(1034, "Provided role_id does not exist.") }

func (b backend) withRole(id string, now time.Time) []User {
	return b.here.inOrder(slices.DeleteFunc(b.here.users.AllSeen(now, b.set.ReadLag), func(u User) bool {
		return u.RoleID != id || u.Status == Pending
	}))
}

func (b backend) showRole(r Role, now time.Time) map[string]any {
	return map[string]any{"id": r.ID, "name": r.Name, "description": "", "type": "common", "total_members": len(b.withRole(r.ID, now))}
}

func (b backend) listRoles(c *call) wire.Reply {
	c.query("type")
	if t := c.Query.Get("type"); t != "" && t != "common" && t != "iq" {
		return invalid([]fieldError{{"type", "Invalid field."}})
	}
	list := []map[string]any{}
	if c.Query.Get("type") != "iq" {
		for _, r := range b.here.roles {
			list = append(list, b.showRole(r, c.Now))
		}
	}
	return ok(map[string]any{"roles": list, "total_records": len(list)})
}

func (b backend) readRole(c *call) wire.Reply {
	r := b.here.role(c.params[0])
	if r.ID == "" {
		return noRole()
	}
	return ok(b.showRole(r, c.Now))
}

func (b backend) listRoleMembers(c *call) wire.Reply {
	c.query("page_size", "next_page_token", "page_number", "page_count")
	if b.here.role(c.params[0]).ID == "" {
		return noRole()
	}
	return page(b, c, "members", 300, b.withRole(c.params[0], c.Now), func(u User) int64 { return u.seq }, memberRow)
}

// assignable checks that people can be put into a role and taken out of it.
func (b backend) assignable(id string) *wire.Reply {
	var reply wire.Reply
	switch r := b.here.role(id); {
	case r.ID == "":
		reply = noRole()
	case r.Name == "Owner" || r.Name == "Member":
		reply = bad(300, "Can't delete or add members for Normal/Owner roles.")
	default:
		return nil
	}
	return &reply
}

// giveRole replaces the former role of those who exist; nobody takes the owner's away.
func (b backend) giveRole(c *call) wire.Reply {
	c.query()
	if refused := b.assignable(c.params[0]); refused != nil {
		return *refused
	}
	f, refused := c.open()
	if refused != nil {
		return *refused
	}
	f.need("members")
	members := readMembers(f, "members")
	if refused = c.close(f); refused != nil {
		return *refused
	}
	ids, changed := []string{}, false
	for _, m := range members {
		u, found := b.member(m, c.Now)
		if !found || u.Status == Pending {
			continue
		}
		if u.RoleID == b.here.roleID("Owner") {
			return bad(300, "Can't delete or add members for Normal/Owner roles.")
		}
		ids = append(ids, u.ID)
		if u.RoleID != c.params[0] {
			u.RoleID = c.params[0]
			b.here.users.Put(u.ID, u, c.Now)
			changed = true
		}
	}
	reply := created(map[string]any{"ids": strings.Join(ids, ","), "add_at": zulu(c.Now)})
	reply.Changed = changed
	return reply
}

// takeRole makes a member of the role an ordinary member of the account.
func (b backend) takeRole(c *call) wire.Reply {
	c.query()
	if refused := b.assignable(c.params[0]); refused != nil {
		return *refused
	}
	u, found := b.member(named{id: c.params[1], email: c.params[1]}, c.Now)
	if !found || u.RoleID != c.params[0] {
		return noUser(c.params[1])
	}
	u.RoleID = b.here.roleID("Member")
	b.here.users.Put(u.ID, u, c.Now)
	return done(true)
}
