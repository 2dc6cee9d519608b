package zoom

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/usher-scim/usher/sandbox/wire"
)

// emailChanges is how often an address may change within 24 hours.
const emailChanges = 3

func (b backend) changeEmail(c *call) wire.Reply {
	c.query()
	u, refused := b.locate(c)
	if refused != nil {
		return *refused
	}
	f, refused := c.open()
	if refused != nil {
		return *refused
	}
	f.need("email")
	email := f.email("email")
	if refused = c.close(f); refused != nil {
		return *refused
	}
	switch other, exists := b.here.byEmail(email); {
	case u.Status == Pending:
		return noUser(c.params[0])
	case b.here.isAdmin(u) && !b.set.OwnerActs:
		return bad(1000, "Admin can not change other admins email.")
	case !domainIn(email, b.set.ManagedDomains):
		return invalid([]fieldError{{"email", "The email is not in a managed domain."}})
	case strings.EqualFold(u.Email, email):
		return done(false)
	case exists && other.ID != u.ID:
		return refuse(http.StatusConflict, 1005, fmt.Sprintf("Email %q has already been used.", email))
	}
	recent := slices.DeleteFunc(slices.Clone(b.here.changed[u.ID]), func(t time.Time) bool { return c.Now.Sub(t) >= 24*time.Hour })
	if len(recent) >= emailChanges {
		return *until(c.header, emailChanges, recent[0].Add(24*time.Hour))
	}
	b.here.changed[u.ID] = append(recent, c.Now)
	u.Email = email
	b.here.users.Put(u.ID, u, c.Now)
	return done(true)
}

func (b backend) changeStatus(c *call) wire.Reply {
	c.query()
	u, refused := b.locate(c)
	if refused != nil {
		return *refused
	}
	f, refused := c.open()
	if refused != nil {
		return *refused
	}
	f.need("action")
	action, _ := f.oneOf("action", "activate", "deactivate", "clock_in", "clock_out")
	if refused = c.close(f); refused != nil {
		return *refused
	}
	want := map[string]string{"activate": Active, "deactivate": Inactive}[action]
	switch {
	case want == "":
		return b.statusDone(false)
	case u.Status == Pending:
		return noUser(c.params[0])
	case u.Room || b.here.isAdmin(u):
		return bad(200, "Zoom Room and Admin users' status cannot be activated or deactivated.")
	case u.Status == want && b.set.RepeatStatusRefused:
		return bad(200, "The user's status is "+want+" already.")
	case u.Status == want:
		return b.statusDone(false)
	case want == Inactive && u.UpcomingEvents:
		return bad(300, "You cannot deactivate this user because the user has an upcoming Zoom Events scheduled.")
	}
	old := u
	u.Status = want
	if want == Inactive { // all licences go; the settings stay
		u = u.unlicensed().withFeature("zoom_phone", false).withFeature("zoom_whiteboard", false)
		u.SignedIn = false
		if u.Type == Licensed {
			u.Type = Basic
		}
	} else if refused = b.seatsFor(old, u, "activate"); refused != nil {
		return *refused
	}
	b.here.users.Put(u.ID, u, c.Now)
	return b.statusDone(true)
}

func (b backend) statusDone(changed bool) wire.Reply {
	reply := done(changed)
	if !b.set.StatusNoContent {
		reply.Status = http.StatusOK
	}
	return reply
}

// signOut ends the SSO token and with it the running session.
func (b backend) signOut(c *call) wire.Reply {
	c.query()
	u, refused := b.locate(c)
	if refused != nil {
		return *refused
	}
	was := u.SignedIn
	u.SignedIn = false
	b.here.users.Put(u.ID, u, c.Now)
	return done(was)
}

func (b backend) changePassword(c *call) wire.Reply {
	c.query()
	u, refused := b.locate(c)
	if refused != nil {
		return *refused
	}
	f, refused := c.open()
	if refused != nil {
		return *refused
	}
	f.need("password")
	password, _ := f.text("password", 32)
	if refused = c.close(f); refused != nil {
		return *refused
	}
	switch {
	case b.here.isAdmin(u):
		return bad(1117, "Can not update Admin's password")
	case !slices.Contains(u.LoginTypes, loginEmail):
		return bad(1123, "Can only update password of Zoom work email account")
	case len(password) < 8:
		return bad(1124, "Have at least 8 characters")
	case !strings.ContainsFunc(password, unicode.IsLetter):
		return bad(1125, "Have at least 1 letter (a, b, c…)")
	case !strings.ContainsFunc(password, unicode.IsDigit):
		return bad(1126, "Have at least 1 number (1, 2, 3…)")
	case !strings.ContainsFunc(password, unicode.IsUpper) || !strings.ContainsFunc(password, unicode.IsLower):
		return bad(1128, "Include both Upper case and Lower case characters")
	}
	u.HasPassword = true
	b.here.users.Put(u.ID, u, c.Now)
	return done(true)
}
