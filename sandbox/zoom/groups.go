package zoom

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usher-scim/usher/sandbox/wire"
)

const (
	groupsPerDay = 100
	groupsInAll  = 5000
)

// Group is a group of the account. Who is in it stands with the users.
type Group struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	seq  int64
}

// group finds the group of a path.
func (b backend) group(c *call) (Group, *wire.Reply) {
	var reply wire.Reply
	g, found := b.here.groups.Get(c.params[0])
	switch {
	case b.set.Plan == "free":
		reply = bad(200, "Only available for Paid account.")
	case slices.Contains(b.set.ForeignGroups, c.params[0]):
		reply = bad(1010, "Group does not belong to your account.")
	case !found:
		reply = noGroup(c.params[0])
	default:
		return g, nil
	}
	return g, &reply
}

func (b backend) showGroup(g Group, now time.Time) map[string]any {
	return map[string]any{"id": g.ID, "name": g.Name, "total_members": len(b.inGroup(g.ID, now))}
}

// inGroup are the members as a reader sees them.
func (b backend) inGroup(id string, now time.Time) []User {
	return b.here.inOrder(slices.DeleteFunc(b.here.users.AllSeen(now, b.set.ReadLag), func(u User) bool {
		return !slices.Contains(u.Groups, id)
	}))
}

func (b backend) listGroups(c *call) wire.Reply {
	c.query("page_size", "next_page_token")
	if b.set.Plan == "free" {
		return bad(200, "Only available for Paid account.")
	}
	all := b.here.groups.AllSeen(c.Now, b.set.ReadLag)
	slices.SortFunc(all, func(x, y Group) int { return cmp.Compare(x.seq, y.seq) })
	reply := page(b, c, "groups", 300, all, func(g Group) int64 { return g.seq }, func(g Group) map[string]any { return b.showGroup(g, c.Now) })
	if body, isList := reply.JSON.(map[string]any); isList && reply.Status == http.StatusOK {
		for _, k := range []string{"page_count", "page_number", "page_size"} { // this list has no page numbers
			delete(body, k)
		}
	}
	return reply
}

func (b backend) readGroup(c *call) wire.Reply {
	c.query()
	if g, found := b.here.groups.Seen(c.params[0], c.Now, b.set.ReadLag); found && b.set.Plan != "free" {
		return ok(b.showGroup(g, c.Now))
	}
	_, refused := b.group(c)
	if refused == nil { // there, but not yet for this reader
		return noGroup(c.params[0])
	}
	return *refused
}

// groupName reads and checks a name.
func (b backend) groupName(c *call, own string) (string, *wire.Reply) {
	f, refused := c.open()
	if refused != nil {
		return "", refused
	}
	f.need("name")
	name, sent := f.text("name", 0)
	if sent && (strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > 127) {
		f.fail("name")
	}
	if refused = c.close(f); refused != nil {
		return "", refused
	}
	if g, taken := b.here.groups.Find(func(g Group) bool { return strings.EqualFold(g.Name, name) }); taken && g.ID != own {
		r := refuse(http.StatusConflict, 4132, fmt.Sprintf("The group name %q is already in use.", name))
		return "", &r
	}
	return name, nil
}

func (b backend) createGroup(c *call) wire.Reply {
	c.query()
	if b.set.Plan == "free" {
		return bad(200, "Only available for Paid account.")
	}
	name, refused := b.groupName(c, "")
	if refused != nil {
		return *refused
	}
	if len(b.here.groups.All()) >= groupsInAll {
		return bad(300, "It has reached the maximum number of groups. You can clean up some groups then add.")
	}
	if !b.set.Unlimited && b.here.grouped.add(c.Now.UTC().Truncate(24*time.Hour)) > groupsPerDay {
		return *daily(c.header, groupsPerDay, c.Now)
	}
	g := Group{ID: b.here.newID("group"), Name: name}
	g.seq = b.here.next
	b.here.groups.Put(g.ID, g, c.Now)
	return created(map[string]any{"id": g.ID, "name": g.Name, "total_members": 0})
}

func (b backend) renameGroup(c *call) wire.Reply {
	c.query()
	g, refused := b.group(c)
	if refused != nil {
		return *refused
	}
	if g.Name, refused = b.groupName(c, g.ID); refused != nil {
		return *refused
	}
	b.here.groups.Put(g.ID, g, c.Now)
	return done(true)
}

func (b backend) deleteGroup(c *call) wire.Reply {
	c.query()
	g, refused := b.group(c)
	if refused != nil {
		return *refused
	}
	if slices.Contains(b.set.BarrierGroups, g.ID) {
		return bad(200, "Group cannot be deleted. Information Barriers policies have been applied to this group.")
	}
	b.here.groups.Delete(g.ID, c.Now)
	for _, u := range b.here.users.All() {
		if slices.Contains(u.Groups, g.ID) {
			b.here.users.Put(u.ID, u.leave(g.ID), c.Now)
		}
	}
	return done(true)
}

func (u User) leave(group string) User {
	u.Groups = slices.DeleteFunc(slices.Clone(u.Groups), func(id string) bool { return id == group })
	return u
}

// memberRow is a user as lists of members have it; a pending one has no id.
func memberRow(u User) map[string]any {
	m := map[string]any{"email": u.Email, "first_name": u.FirstName, "last_name": u.LastName, "type": u.Type}
	if u.Status != Pending {
		m["id"] = u.ID
	}
	return m
}

func (b backend) listMembers(c *call) wire.Reply {
	c.query("page_size", "next_page_token", "page_number")
	g, refused := b.group(c)
	if refused != nil {
		return *refused
	}
	return page(b, c, "members", 2000, b.inGroup(g.ID, c.Now), func(u User) int64 { return u.seq }, memberRow)
}

// named is a user named in a body, by id or by e-mail address.
type named struct{ id, email string }

func (n named) name() string { return cmp.Or(n.id, n.email) }

// readMembers reads a list of up to 30 {"id"} or {"email"}.
func readMembers(f *form, name string) []named {
	list, _ := f.list(name, 30)
	var out []named
	for _, o := range list {
		var n named
		n.id, _ = o.text("id", 0)
		n.email, _ = o.text("email", 0)
		if n.id == "" && n.email == "" {
			o.fail("id")
		}
		o.close()
		out = append(out, n)
	}
	return out
}

// member finds a user named in a body; the id goes before the address.
func (b backend) member(n named, now time.Time) (User, bool) {
	u, found := b.here.users.Get(n.id)
	if found && u.Status == Pending && b.set.PendingIDHidden {
		found = false
	}
	if !found && n.email != "" {
		u, found = b.here.byEmail(n.email)
	}
	return u, found && !u.expired(now)
}

// addMembers adds those who exist; ids is one text, with commas between several.
func (b backend) addMembers(c *call) wire.Reply {
	c.query()
	g, refused := b.group(c)
	if refused != nil {
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
		if !found {
			continue
		}
		ids = append(ids, u.ID)
		if !slices.Contains(u.Groups, g.ID) {
			u.Groups = append(slices.Clone(u.Groups), g.ID)
			b.here.users.Put(u.ID, u, c.Now)
			changed = true
		}
	}
	reply := created(map[string]any{"ids": strings.Join(ids, ","), "added_at": zulu(c.Now)})
	reply.Changed = changed
	return reply
}

// inside finds the group and the member of a path.
func (b backend) inside(c *call) (Group, User, *wire.Reply) {
	g, refused := b.group(c)
	if refused != nil {
		return g, User{}, refused
	}
	u, found := b.member(named{id: c.params[1], email: c.params[1]}, c.Now)
	if !found || !slices.Contains(u.Groups, g.ID) {
		r := refuse(http.StatusNotFound, 4131, "Group member does not exist.")
		return g, u, &r
	}
	return g, u, nil
}

func (b backend) removeMember(c *call) wire.Reply {
	c.query()
	g, u, refused := b.inside(c)
	if refused != nil {
		return *refused
	}
	b.here.users.Put(u.ID, u.leave(g.ID), c.Now)
	return done(true)
}

// updateMember moves a member to another group, or makes the group its primary one.
func (b backend) updateMember(c *call) wire.Reply {
	c.query()
	g, u, refused := b.inside(c)
	if refused != nil {
		return *refused
	}
	f, refused := c.open()
	if refused != nil {
		return *refused
	}
	f.need("action")
	action, _ := f.oneOf("action", "move", "set_primary")
	target, _ := f.text("target_group_id", 0)
	if refused = c.close(f); refused != nil {
		return *refused
	}
	u = u.leave(g.ID)
	if action == "set_primary" {
		u.Groups = append([]string{g.ID}, u.Groups...)
	} else {
		if target == "" {
			return bad(300, "The target_group_id can not be empty.")
		}
		if _, found := b.here.groups.Get(target); !found {
			return noGroup(target)
		}
		if !slices.Contains(u.Groups, target) {
			u.Groups = append(u.Groups, target)
		}
	}
	b.here.users.Put(u.ID, u, c.Now)
	return done(true)
}
