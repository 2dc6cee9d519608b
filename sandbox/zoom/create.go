package zoom

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/usher-scim/usher/sandbox/wire"
)

// inviteCaps are the invitations (action create) of one day, by plan.
var inviteCaps = map[string]int{"free": 50, "pro": 1500, "business": 10_000}

func (b backend) createUser(c *call) wire.Reply {
	c.query()
	f, refused := c.open()
	if refused != nil {
		return *refused
	}
	f.need("action", "user_info")
	action, _ := f.oneOf("action", "create", "autoCreate", "custCreate", "ssoCreate")
	u := User{Status: Active, RoleID: b.here.roleID("Member"), CreatedAt: c.Now}
	password := ""
	if info, sent := f.object("user_info"); sent {
		password = readInfo(info, &u, action)
		info.close()
	}
	if refused = c.close(f); refused != nil {
		return *refused
	}
	if refused = b.mayCreate(action, u, password); refused != nil {
		return *refused
	}
	old, exists := b.here.byEmail(u.Email)
	if exists && !old.expired(c.Now) {
		return refuse(http.StatusConflict, 1005, fmt.Sprintf("Email %q has already been used.", u.Email))
	}
	foreign := slices.ContainsFunc(b.set.OtherAccounts, func(e string) bool { return strings.EqualFold(e, u.Email) })
	if foreign && (action != "create" || !b.set.InviteOthers) {
		return bad(1009, "The user "+u.Email+" already holds an active account.")
	}
	if refused = b.seatsFor(User{Status: Inactive}, u, "add"); refused != nil {
		return *refused
	}
	switch action {
	case "create":
		today := c.Now.UTC().Truncate(24 * time.Hour)
		if allowed := inviteCaps[b.set.Plan]; !b.set.Unlimited && b.here.invited.add(today) > allowed {
			return *daily(c.header, allowed, c.Now)
		}
		u.Status, u.InvitedAt = Pending, c.Now
	case "autoCreate":
		u.LoginTypes, u.HasPassword = []int{loginEmail}, true
	case "ssoCreate":
		u.LoginTypes = []int{loginSSO}
	default:
		u.LoginTypes = []int{loginAPI}
	}
	if exists {
		b.here.users.Delete(old.ID, c.Now)
	}
	u.ID = b.here.newID("user")
	u.seq, u.PMI = b.here.next, 5_550_000_000+b.here.next
	if u.DisplayName == "" {
		u.DisplayName = u.fullName()
	}
	b.here.users.Put(u.ID, u, c.Now)
	body := map[string]any{"id": u.ID, "email": u.Email, "first_name": u.FirstName, "last_name": u.LastName, "type": u.Type}
	if u.Status == Pending && b.set.PendingIDHidden {
		delete(body, "id")
	}
	return created(body)
}

// readInfo reads user_info into u and returns the password.
func readInfo(f *form, u *User, action string) (password string) {
	f.need("email", "type")
	u.Email = f.email("email")
	u.Type, _ = f.number("type", Basic, Licensed, Unassigned, None)
	if u.Type == None && action != "ssoCreate" {
		f.fail("type")
	}
	u.FirstName, _ = f.name("first_name", 64, 5)
	u.LastName, _ = f.name("last_name", 64, 5)
	u.DisplayName, _ = f.name("display_name", 128, 10)
	password, sent := f.text("password", 32)
	if action == "autoCreate" && (!sent || !goodPassword(password)) {
		f.fail("password")
	}
	u.Divisions, _ = f.texts("division_ids", 1)
	if o, has := f.object("feature"); has {
		if on, set := o.flag("zoom_phone"); set {
			*u = u.withFeature("zoom_phone", on)
		}
		u.ZoomOne, _ = o.number("zoom_one_type", zoomOnePlans...)
		o.close()
	}
	u.PlanUnited, _ = f.oneOf("plan_united_type", unitedPlans...)
	u.Licences = readLicences(f)
	return password
}

func readLicences(f *form) []Licence {
	list, _ := f.list("license_info_list", 2)
	var out []Licence
	for _, o := range list {
		o.need("license_type", "license_option", "subscription_id")
		var l Licence
		l.Type, _ = o.oneOf("license_type", "MEETING", "ZOOM_WORKPLACE_BUNDLE")
		l.Option, _ = o.number("license_option")
		l.Subscription, _ = o.text("subscription_id", 0)
		o.close()
		out = append(out, l)
	}
	return out
}

// goodPassword wants 8 to 32 characters, letters of both cases, digits, and no
// run of four characters that are alike or follow each other.
func goodPassword(s string) bool {
	if len(s) < 8 || len(s) > 32 {
		return false
	}
	var upper, lower, digit bool
	alike, following := 1, 1
	for i, r := range s {
		upper, lower, digit = upper || unicode.IsUpper(r), lower || unicode.IsLower(r), digit || unicode.IsDigit(r)
		if i > 0 && rune(s[i-1]) == r {
			alike++
		} else {
			alike = 1
		}
		if i > 0 && rune(s[i-1])+1 == r {
			following++
		} else {
			following = 1
		}
		if alike > 3 || following > 3 {
			return false
		}
	}
	return upper && lower && digit
}

// mayCreate checks what the account allows.
func (b backend) mayCreate(action string, u User, password string) *wire.Reply {
	refused := func(code int, message string) *wire.Reply {
		r := bad(code, message)
		return &r
	}
	switch {
	case b.set.CreateRefusal != 0:
		return refused(b.set.CreateRefusal, "The user cannot be added to this account.")
	case password != "" && action != "autoCreate":
		return refused(300, "Invalid parameter: password")
	case action == "autoCreate" && (!b.set.AutoCreate || !domainIn(u.Email, b.set.ManagedDomains)):
		return refused(200, "No permission.")
	case action == "custCreate" && !b.set.CustCreate:
		return refused(200, "No privilege.")
	case action == "ssoCreate" && b.set.NoSSO:
		return refused(2002, "SSO is not enabled for this account.")
	case action == "ssoCreate" && b.set.NoPreprovision:
		return refused(2032, "Pre-provisioning of SSO users is not permitted for this account.")
	case domainIn(u.Email, b.set.BlockedDomains):
		return refused(1107, "Email domain is blocked.")
	case domainIn(u.Email, b.set.DistrustedDomain):
		return refused(11321, "The email domain is blocked by Trust and Safety.")
	case len(b.set.PermittedDomains) > 0 && !domainIn(u.Email, b.set.PermittedDomains):
		return refused(1116, "The email is outside of the domains that are permitted for this account.")
	}
	return b.goodName(u)
}

// goodName refuses names with a word that Zoom does not allow.
func (b backend) goodName(u User) *wire.Reply {
	for _, word := range b.set.ForbiddenWords {
		for _, name := range []string{u.FirstName, u.LastName, u.DisplayName} {
			if strings.Contains(strings.ToLower(name), strings.ToLower(word)) {
				r := bad(300, "Your request could not be completed because the name contains an invalid word: "+name+".")
				return &r
			}
		}
	}
	return nil
}

// zoomOnePlans are the numbers of zoom_one_type.
var zoomOnePlans = []int64{
	16, 32, 64, 128, 33554432, 134217728, 268435456, 536870912, 1073741824, 4398046511104, 4294967296, 8589934592, 17179869184,
	34359738368, 68719476736, 137438953472, 274877906944, 549755813888, 1099511627776, 2199023255552, 18014398509481984,
	72057594037927936, 144115188075855872, 576460752303423488,
}

// unitedPlans are the texts of plan_united_type: the powers of two up to 2^17.
var unitedPlans = []string{
	"1", "2", "4", "8", "16", "32", "64", "128", "256", "512", "1024", "2048", "4096", "8192", "16384", "32768", "65536", "131072",
}

func plan(n int64) string { return strconv.FormatInt(n, 10) }
