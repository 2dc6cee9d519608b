package gorgias

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/usher-scim/usher/sandbox/wire"
)

// Team is a team as the account keeps it.
type Team struct {
	ID          int64     `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Emoji       string    `json:"emoji,omitempty"`
	Members     []int64   `json:"members"` // user ids, in the order they were sent
	CreatedAt   time.Time `json:"created_at,omitzero"`
}

func (t Team) without(user int64) Team {
	t.Members = slices.DeleteFunc(slices.Clone(t.Members), func(id int64) bool { return id == user })
	return t
}

func (a *account) showTeam(t Team) map[string]any {
	members := make([]map[string]any, 0, len(t.Members))
	for _, id := range t.Members {
		if u, ok := a.users.Get(id); ok {
			members = append(members, map[string]any{"id": u.ID, "name": u.Name, "email": u.Email, "meta": nil})
		}
	}
	var decoration any
	if t.Emoji != "" {
		decoration = map[string]any{"emoji": t.Emoji}
	}
	return map[string]any{
		"id": t.ID, "uri": uri("teams", t.ID), "name": t.Name, "description": orNull(t.Description), "decoration": decoration,
		"members": members, "created_datetime": t.CreatedAt.UTC().Format(stamp),
	}
}

func (b backend) readTeam(r *wire.Request, id int64) wire.Reply {
	t, ok := b.here.teams.Seen(id, r.Now, b.set.ReadLag)
	if !ok {
		return notFound()
	}
	return wire.Reply{Status: http.StatusOK, JSON: b.here.showTeam(t)}
}

func (b backend) createTeam(r *wire.Request) wire.Reply {
	t := Team{CreatedAt: r.Now}
	if reply := b.writeTeam(&t, r.Body, true, "Failed to create team."); reply != nil {
		return *reply
	}
	t.ID = b.here.nextTeam
	b.here.nextTeam += 3
	b.here.teams.Put(t.ID, t, r.Now)
	return wire.Reply{Status: b.created(), JSON: b.here.showTeam(t), Changed: true}
}

// updateTeam changes the fields that were sent; a list of members replaces the former list.
func (b backend) updateTeam(r *wire.Request, id int64) wire.Reply {
	t, ok := b.here.teams.Get(id)
	if !ok {
		return notFound()
	}
	if reply := b.writeTeam(&t, r.Body, false, "Failed to update team."); reply != nil {
		return *reply
	}
	b.here.teams.Put(id, t, r.Now)
	return wire.Reply{Status: http.StatusOK, JSON: b.here.showTeam(t), Changed: true}
}

func (b backend) deleteTeam(r *wire.Request, id int64) wire.Reply {
	if _, ok := b.here.teams.Get(id); !ok {
		return notFound()
	}
	b.here.teams.Delete(id, r.Now)
	return wire.Reply{Status: http.StatusNoContent, Changed: true}
}

func (b backend) writeTeam(t *Team, body []byte, create bool, msg string) *wire.Reply {
	o, err := wire.Object(body)
	if err != nil {
		reply := failure(http.StatusBadRequest, "Invalid JSON body.", nil)
		return &reply
	}
	wrong := problems{}
	if _, ok := o["name"]; create && !ok {
		wrong.add("name", "Missing data for required field.")
	}
	for f, v := range o {
		switch f {
		case "name":
			if s, ok := text(v, false, f, wrong); ok {
				if s == "" {
					wrong.add(f, "Shorter than minimum length 1.")
				}
				t.Name = s
			}
		case "description":
			if s, ok := text(v, true, f, wrong); ok {
				t.Description = s
			}
		case "decoration":
			t.Emoji = decoration(v, wrong)
		case "members":
			t.Members = b.members(v, wrong)
		default:
			wrong.add(f, "Unknown field.")
		}
	}
	if len(wrong) > 0 {
		reply := failure(http.StatusBadRequest, msg, wrong)
		return &reply
	}
	return nil
}

func decoration(v any, wrong problems) string {
	if v == nil {
		return ""
	}
	o, ok := v.(map[string]any)
	if !ok {
		wrong.add("decoration", "Invalid input type.")
		return ""
	}
	s, _ := text(o["emoji"], true, "decoration.emoji", wrong)
	return s
}

// members reads a list of {"id": …}, each the id of a user; the same one twice counts once.
func (b backend) members(v any, wrong problems) []int64 {
	list, ok := v.([]any)
	if !ok {
		wrong.add("members", "Not a valid list.")
		return nil
	}
	ids := make([]int64, 0, len(list))
	for i, e := range list {
		field := "members." + strconv.Itoa(i) + ".id"
		o, isObject := e.(map[string]any)
		n, isNumber := o["id"].(json.Number)
		if !isObject || !isNumber {
			wrong.add(field, "Not a valid integer.")
			continue
		}
		id, isID := number(n.String())
		if _, known := b.here.users.Get(id); !isID || !known {
			wrong.add(field, "User does not exist.")
			continue
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
