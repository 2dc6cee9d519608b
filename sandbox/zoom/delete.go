package zoom

import (
	"net/http"
	"slices"
	"strings"

	"github.com/usher-scim/usher/sandbox/wire"
)

// kinds of data that a DELETE can hand over, by query parameter.
func transfers() map[string]func(d *Data) *int {
	return map[string]func(d *Data) *int{
		"transfer_meeting":    func(d *Data) *int { return &d.Meetings },
		"transfer_webinar":    func(d *Data) *int { return &d.Webinars },
		"transfer_recording":  func(d *Data) *int { return &d.Recordings },
		"transfer_whiteboard": func(d *Data) *int { return &d.Whiteboards },
		"transfer_clipfiles":  func(d *Data) *int { return &d.Clips },
		"transfer_notes":      func(d *Data) *int { return &d.Notes },
		"transfer_visitors":   func(d *Data) *int { return &d.Visitors },
		"transfer_docs":       func(d *Data) *int { return &d.Docs },
	}
}

// deleteUser disassociates or deletes a user. It takes Settings.DeleteTakes, and
// a second one for the same user meanwhile is refused.
func (b backend) deleteUser(c *call) wire.Reply {
	known := []string{"action", "transfer_email", "encrypted_email"}
	var errs []fieldError
	for name := range transfers() {
		known = append(known, name)
		if v := c.Query.Get(name); c.Query.Has(name) && v != "true" && v != "false" {
			errs = append(errs, fieldError{name, "Invalid field."})
		}
	}
	c.query(known...)
	action := "disassociate"
	if c.Query.Has("action") {
		action = c.Query.Get("action")
	}
	if action != "disassociate" && action != "delete" {
		errs = append(errs, fieldError{"action", "Invalid field."})
	}
	if len(errs) > 0 {
		return invalid(errs)
	}
	u, refused := b.locate(c)
	if refused != nil {
		if slices.ContainsFunc(b.set.OtherAccounts, func(e string) bool { return strings.EqualFold(e, c.params[0]) }) {
			return bad(200, "Cannot delete a user out of your account.")
		}
		return *refused
	}
	if b.here.deleting[u.ID] {
		reply := refuse(http.StatusTooManyRequests, 429, "Too many concurrent requests. A request to disassociate this user has already been made.")
		reply.Header = c.header
		return reply
	}
	if refused = b.mayDelete(u, action, c); refused != nil {
		return *refused
	}
	here := b.here // the account may be swapped while the call runs
	here.deleting[u.ID] = true
	c.later = &later{takes: b.set.DeleteTakes, do: func() wire.Reply {
		delete(here.deleting, u.ID)
		now := b.clock.Now()
		still, found := here.users.Get(u.ID)
		if !found {
			return noUser(c.params[0])
		}
		if to, has := here.byEmail(c.Query.Get("transfer_email")); has {
			to.take(still.Data, c)
			here.users.Put(to.ID, to, now)
		}
		here.users.Delete(u.ID, now)
		for _, other := range here.users.All() {
			if slices.Contains(other.Assistants, u.ID) {
				other.Assistants = slices.DeleteFunc(slices.Clone(other.Assistants), func(id string) bool { return id == u.ID })
				here.users.Put(other.ID, other, now)
			}
		}
		return done(true)
	}}
	return wire.Reply{}
}

// take adds what the query asks for to the receiver's data. Events move with the
// address alone; meetings on a personal meeting id never do.
func (u *User) take(from Data, c *call) {
	for name, field := range transfers() {
		if c.Query.Get(name) == "true" {
			*field(&u.Data) += *field(&from)
		}
	}
	u.Data.Hubs += from.Hubs
}

// mayDelete are the refusals, in the order in which they are looked at.
func (b backend) mayDelete(u User, action string, c *call) *wire.Reply {
	refused := func(code int, message string) *wire.Reply {
		r := bad(code, message)
		return &r
	}
	switch {
	case u.Room:
		return refused(200, "Cannot delete a Zoom Rooms user.")
	case u.RoleID == b.here.roleID("Owner"):
		return refused(200, "No permission.")
	case u.Status == Pending && action != "disassociate":
		r := invalid([]fieldError{{"action", "Invalid field."}})
		return &r
	case u.Status == Pending:
		return nil
	case u.Status == Inactive && b.set.RefuseDeleteSuspended:
		return refused(200, "Unable to delete this deactivated user. Please contact Zoom support team for more information.")
	case u.Operator:
		return refused(1000, "The user cannot be changed because they are a Call-queue manager or Auto-receptionist operator.")
	case action == "disassociate" && slices.Contains(u.LoginTypes, loginAPI):
		return refused(300, "Unable to unlink API user(s).")
	case action == "disassociate" && b.here.isAdmin(u):
		return refused(1117, "You can not disassociate an Admin user.")
	case action == "disassociate" && domainIn(u.Email, b.set.ManagedDomains):
		return refused(1107, "You can not disassociate a user with managed domain.")
	}
	email := c.Query.Get("transfer_email")
	if email == "" {
		if u.PublishedEvents || u.Data.Hubs > 0 {
			return refused(300, "This user has published events on Zoom Events and you do not specify a target user to transfer data.")
		}
		return nil
	}
	to, found := b.here.byEmail(email)
	switch {
	case found && to.ID == u.ID:
		return refused(300, "The transfer-to email address cannot be the same as the unlinked or deleted user's email address.")
	case (!found || to.Status != Active) && b.set.MissingTargetIs404:
		r := noUser(email)
		return &r
	case !found || to.Status != Active:
		r := invalid([]fieldError{{"transfer_email", "Invalid field."}})
		return &r
	case (u.PublishedEvents || u.Data.Hubs > 0) && !to.on("zoom_events"):
		return refused(300, "The destination user does not have a Zoom Events license and cannot receive this data.")
	case c.Query.Get("transfer_recording") == "true" && u.Data.Recordings > 0 && to.Type != Licensed:
		return refused(300, lacksLicence("Licensed"))
	case c.Query.Get("transfer_webinar") == "true" && (u.Data.Webinars > 0 || u.on("webinar")) &&
		(!to.on("webinar") || to.capacity("webinar_capacity") < u.capacity("webinar_capacity")):
		return refused(300, lacksLicence("Webinar"))
	default:
		return nil
	}
}

func lacksLicence(name string) string {
	return "The destination user does not have a " + name + " or higher license and cannot receive this data."
}
