package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// membersPerGroup is how large a large group is, if there are so many users.
const membersPerGroup = 100_000

// maxGroupReply is the most that a large group's body may have.
const maxGroupReply = 64 << 20

func (t *target) getUser(i int) request {
	u := t.users[i]
	return request{wire: t.wire("GET", "/scim/v2/Users/"+u.id, nil), status: 200, has: []byte(u.name)}
}

// newGroup makes a group with one replace of its members, and returns its id and how long the replace took.
func (t *target) newGroup(c *conn, name string, members []user) (id string, filled time.Duration, err error) {
	body, _, err := c.ask(request{
		wire:   t.wire("POST", "/scim/v2/Groups", fmt.Appendf(nil, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":%q}`, name)),
		status: 201,
	})
	if err != nil {
		return "", 0, err
	}
	var made struct{ ID string }
	if err := json.Unmarshal(body, &made); err != nil {
		return "", 0, err
	}
	if len(members) > 0 {
		_, filled, err = c.ask(t.patchGroup(made.ID, len(members), replaceMembers(members)))
	}
	return made.ID, filled, err
}

// patchGroup is a PATCH of a group's members, of which there may be so many afterwards.
func (t *target) patchGroup(id string, members int, operation []byte) request {
	status := 200
	if members > 100 {
		status = 204 // a large group is not sent back
	}
	body := fmt.Appendf(nil, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[%s]}`, operation)
	return request{wire: t.wire("PATCH", "/scim/v2/Groups/"+id, body), status: status}
}

func addMember(u user) []byte {
	return fmt.Appendf(nil, `{"op":"add","path":"members","value":[{"value":%q}]}`, u.id)
}

func removeMember(u user) []byte {
	return fmt.Appendf(nil, `{"op":"remove","path":%q}`, fmt.Sprintf("members[value eq %q]", u.id))
}

func replaceMembers(users []user) []byte {
	var b bytes.Buffer
	b.WriteString(`{"op":"replace","path":"members","value":[`)
	for i, u := range users {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"value":%q}`, u.id)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// members returns how many members a group has in a reply.
func members(body []byte) (int, error) {
	var g struct {
		Members []struct{ Value string }
	}
	err := json.Unmarshal(body, &g)
	distinct := make(map[string]bool, len(g.Members))
	for _, m := range g.Members {
		distinct[strings.ToLower(m.Value)] = true
	}
	return len(distinct), err
}
