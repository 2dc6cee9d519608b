package gorgias

import (
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/usher-scim/usher/sandbox/wire"
)

// User is a helpdesk user as the account keeps it.
type User struct {
	ID            int64          `json:"id"`
	Name          string         `json:"name"`
	Email         string         `json:"email"`
	Role          string         `json:"role"`
	ExternalID    string         `json:"external_id,omitempty"`
	Bio           string         `json:"bio,omitempty"`
	Country       string         `json:"country,omitempty"`
	Language      string         `json:"language,omitempty"`
	Timezone      string         `json:"timezone,omitempty"`
	Meta          map[string]any `json:"meta,omitempty"`
	HasPassword   bool           `json:"has_password,omitempty"`
	DeactivatedAt time.Time      `json:"deactivated_at,omitzero"` // zero while active
	CreatedAt     time.Time      `json:"created_at,omitzero"`
	UpdatedAt     time.Time      `json:"updated_at,omitzero"`
	Tickets       int            `json:"tickets,omitempty"` // assigned to the user; they lose their assignee with it
}

func (u User) active() bool { return u.DeactivatedAt.IsZero() }

// bot tells Gorgias' own accounts, which take no seat.
func (u User) bot() bool { return u.Role == "bot" || u.Role == "internal-agent" }

// stamp is the recorded form of times: microseconds and a zone.
const stamp = "2006-01-02T15:04:05.000000-07:00"

// show is the user as replies have it. First and last name are words of the name.
func (a *account) showUser(u User) map[string]any {
	words := strings.Fields(u.Name)
	first, last := "", ""
	if len(words) > 0 {
		first = words[0]
	}
	if len(words) > 1 {
		last = words[len(words)-1]
	}
	var deactivated any
	if !u.active() {
		deactivated = u.DeactivatedAt.UTC().Format(stamp)
	}
	meta := map[string]any{"sso": nil, "profile_picture_url": nil}
	maps.Copy(meta, u.Meta)
	return map[string]any{
		"id": u.ID, "active": u.active(), "bio": orNull(u.Bio), "country": orNull(u.Country),
		"created_datetime": u.CreatedAt.UTC().Format(stamp), "deactivated_datetime": deactivated,
		"email": u.Email, "external_id": orNull(u.ExternalID), "firstname": first, "lastname": last, "name": u.Name,
		"has_password": u.HasPassword, "has_2fa_enabled": false, "language": orNull(u.Language), "meta": meta,
		"role": map[string]any{"name": u.Role}, "timezone": orNull(u.Timezone),
		"updated_datetime": u.UpdatedAt.UTC().Format(stamp), "client_id": nil,
		"uri": "https://" + a.domain + ".gorgias.com" + uri("users", u.ID),
	}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// userID reads the id of a path. 0 stands for the owner of the credential, in reads and updates only.
func (b backend) userID(s, method string, who caller) (int64, bool) {
	id, ok := number(s)
	if id == 0 && ok {
		return who.user.ID, method != http.MethodDelete
	}
	return id, ok
}

func (b backend) readUser(r *wire.Request, id int64) wire.Reply {
	u, ok := b.here.users.Seen(id, r.Now, b.set.ReadLag)
	if !ok {
		return notFound()
	}
	return wire.Reply{Status: http.StatusOK, JSON: b.here.showUser(u)}
}

func (b backend) createUser(r *wire.Request) wire.Reply {
	const msg = "Failed to create user."
	body, err := wire.Object(r.Body)
	if err != nil {
		return failure(http.StatusBadRequest, "Invalid JSON body.", nil)
	}
	u := User{Meta: map[string]any{}, CreatedAt: r.Now, UpdatedAt: r.Now}
	wrong := problems{}
	for _, f := range []string{"name", "email", "role"} {
		if _, ok := body[f]; !ok {
			wrong.add(f, "Missing data for required field.")
		}
	}
	for f, value := range body {
		set, ok := userFields()[f]
		if !ok {
			wrong.add(f, "Unknown field.")
			continue
		}
		set(&u, value, false, wrong)
	}
	if len(wrong) > 0 {
		return failure(http.StatusBadRequest, msg, wrong)
	}
	if b.here.byEmail(u.Email).ID != 0 {
		return conflict()
	}
	if b.set.Seats > 0 && !u.bot() && b.here.people() >= b.set.Seats {
		return failure(b.set.SeatStatus, "The maximum number of users of your plan is reached.", nil)
	}
	if u.Timezone == "" {
		u.Timezone = "UTC"
	}
	u.ID = b.here.nextUser
	b.here.nextUser += 17
	b.here.users.Put(u.ID, u, r.Now)
	return wire.Reply{Status: b.created(), JSON: b.here.showUser(u), Changed: true}
}

func (b backend) created() int {
	if b.set.Created {
		return http.StatusCreated
	}
	return http.StatusOK
}

func (a *account) people() int {
	n := 0
	for _, u := range a.users.All() {
		if !u.bot() && u.active() {
			n++
		}
	}
	return n
}

// updateUser changes the fields that were sent and no others, for all that it is a PUT.
func (b backend) updateUser(r *wire.Request, id int64, who caller) wire.Reply {
	const msg = "Failed to update user."
	old, ok := b.here.users.Get(id)
	if !ok {
		return notFound()
	}
	body, err := wire.Object(r.Body)
	if err != nil {
		return failure(http.StatusBadRequest, "Invalid JSON body.", nil)
	}
	u, wrong := old, problems{}
	if len(body) == 0 {
		return failure(http.StatusBadRequest, msg, nil)
	}
	for f, value := range body {
		set, known := userFields()[f]
		switch {
		case known:
			set(&u, value, true, wrong)
		case f == "active" && b.set.ActiveWritable:
			setActive(&u, value, r.Now, wrong)
		case f == "two_fa_code" && value == nil:
		case passwordFields[f]:
			if _, isText := value.(string); !isText {
				wrong.add(f, notString)
			}
		default:
			wrong.add(f, "Unknown field.")
		}
	}
	b.checkPasswords(&u, old, body, who, wrong)
	if len(wrong) > 0 {
		return failure(http.StatusBadRequest, msg, wrong)
	}
	if u.Email != old.Email {
		if other := b.here.byEmail(u.Email); other.ID != 0 && other.ID != id {
			return conflict()
		}
	}
	if reply := b.keepAdmins(old, u.Role == "admin" && u.active(), msg); reply != nil {
		return *reply
	}
	u.UpdatedAt = r.Now
	b.here.users.Put(id, u, r.Now)
	return wire.Reply{Status: http.StatusOK, JSON: b.here.showUser(u), Changed: true}
}

// checkPasswords wants a confirmation for a new e-mail address, and lets only the user itself change its password.
func (b backend) checkPasswords(u *User, old User, body map[string]any, who caller, wrong problems) {
	if u.Email != old.Email {
		switch given, sent := body["password_confirmation"]; {
		case !sent:
			wrong.add("password_confirmation", "Missing data for required field.")
		case b.set.Password == "" || given != b.set.Password:
			wrong.add("password_confirmation", "Invalid password.")
		}
	}
	if _, sent := body["new_password"]; sent {
		switch given := body["old_password"]; {
		case who.user.ID != u.ID:
			wrong.add("new_password", "Not allowed for another user.")
		case b.set.Password == "" || given != b.set.Password:
			wrong.add("old_password", "Invalid password.")
		default:
			u.HasPassword = true
		}
	}
}

// keepAdmins refuses to take the owner's role, and the last admin's.
func (b backend) keepAdmins(u User, stays bool, msg string) *wire.Reply {
	if stays || u.Role != "admin" {
		return nil
	}
	wrong := problems{}
	switch {
	case u.ID == b.here.owner:
		wrong.add("role", "The account owner cannot be changed or deleted.")
	case b.here.admins() == 1 && u.active():
		wrong.add("role", "The last admin cannot be changed or deleted.")
	default:
		return nil
	}
	reply := failure(b.set.OwnerStatus, msg, wrong)
	return &reply
}

func (a *account) admins() int {
	n := 0
	for _, u := range a.users.All() {
		if u.Role == "admin" && u.active() {
			n++
		}
	}
	return n
}

// deleteUser ends a user at once and for good; nothing is handed over.
func (b backend) deleteUser(r *wire.Request, id int64) wire.Reply {
	u, ok := b.here.users.Get(id)
	if !ok {
		return notFound()
	}
	if reply := b.keepAdmins(u, false, "Failed to delete user."); reply != nil {
		return *reply
	}
	b.here.remove(u, r.Now)
	return wire.Reply{Status: http.StatusNoContent, Changed: true}
}

func (a *account) remove(u User, now time.Time) {
	a.users.Delete(u.ID, now)
	a.unassigned += u.Tickets
	for _, t := range a.teams.All() {
		if without := t.without(u.ID); len(without.Members) != len(t.Members) {
			a.teams.Put(t.ID, without, now)
		}
	}
}
