package zoom

import (
	"maps"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/usher-scim/usher/sandbox/wire"
)

var (
	timezones = regexp.MustCompile(`^[A-Za-z_]+(/[A-Za-z0-9_+-]+){0,2}$`)
	html      = regexp.MustCompile(`<[A-Za-z/][^>]*>`)
)

// profileTexts are the plain texts of a profile and their limits; 0 is none.
var profileTexts = map[string]int{
	"dept": 0, "job_title": 128, "company": 255, "location": 256, "manager": 0, "cost_center": 0, "language": 0, "timezone": 0,
	"vanity_name": 0, "pronouns": 0, "about_me": 150, "linkedin_url": 0, "host_key": 10, "cms_user_id": 0, "phone_country": 0, "phone_number": 0,
}

// change is a PATCH of a user, read.
type change struct {
	user     User // as it will be
	names    bool // first, last or display name was sent
	hosting  bool // host_key or vanity_name was sent
	pmi      bool
	plans    int // how many of type, zoom_one_type and plan_united_type were sent
	retype   bool
	group    string
	grouping bool
}

func (b backend) updateUser(c *call) wire.Reply {
	c.query("login_type", "remove_tsp_credentials")
	old, refused := b.locate(c)
	if refused != nil {
		return *refused
	}
	f, refused := c.open()
	if refused != nil {
		return *refused
	}
	ch := change{user: old}
	readNames(f, &ch)
	b.readProfile(f, &ch)
	b.readPlans(f, &ch)
	ch.group, ch.grouping = f.text("group_id", 0)
	if ch.grouping && old.Status != Pending { // only for pending users
		c.ignored = append(c.ignored, "group_id")
		ch.grouping = false
	}
	if refused = c.close(f); refused != nil {
		return *refused
	}
	if refused = b.mayChange(old, ch); refused != nil {
		return *refused
	}
	u := ch.user
	if old.Status == Pending && b.set.PendingPatchIgnored {
		u = old
	}
	if ch.grouping {
		if _, found := b.here.groups.Get(ch.group); !found {
			return noGroup(ch.group)
		}
		u.Groups = []string{ch.group}
	}
	b.here.users.Put(u.ID, u, c.Now)
	return done(true)
}

func readNames(f *form, ch *change) {
	u := &ch.user
	set := func(name string, limit, chinese int, into *string) bool {
		s, sent := f.name(name, limit, chinese)
		if sent {
			*into, ch.names = s, true
		}
		return sent
	}
	set("first_name", 64, 5, &u.FirstName)
	set("last_name", 64, 5, &u.LastName)
	if set("display_name", 128, 10, &u.DisplayName) && u.DisplayName == "" {
		u.DisplayName = u.fullName()
	}
}

func (b backend) readProfile(f *form, ch *change) {
	u := &ch.user
	u.Profile = maps.Clone(u.Profile)
	if u.Profile == nil {
		u.Profile = map[string]string{}
	}
	for name, limit := range profileTexts {
		s, sent := f.text(name, limit)
		if !sent {
			continue
		}
		if !goodProfile(name, s) {
			f.fail(name)
		}
		u.Profile[name] = s
		ch.hosting = ch.hosting || name == "host_key" || name == "vanity_name"
	}
	if n, sent := f.number("pronouns_option", 1, 2, 3); sent {
		u.Profile["pronouns_option"] = plan(n)
	}
	if n, sent := f.number("pmi"); sent {
		if n < 1_000_000_000 || n > 9_999_999_999 {
			f.fail("pmi")
		}
		u.PMI, ch.pmi = n, true
	}
	if on, sent := f.flag("use_pmi"); sent {
		u.UsePMI, ch.pmi = on, true
	}
	if list, sent := f.texts("division_ids", 1); sent {
		u.Divisions = list
	}
	if list, sent := f.list("phone_numbers", 3); sent {
		u.Phones = nil
		for _, o := range list {
			var p Phone
			p.Country, _ = o.text("country", 0)
			p.Code, _ = o.text("code", 0)
			p.Number, _ = o.text("number", 0)
			p.Label, _ = o.oneOf("label", "Mobile", "Office", "Home", "Fax")
			o.close()
			u.Phones = append(u.Phones, p)
		}
	}
	if list, sent := f.list("custom_attributes", 5); sent {
		u.Custom = nil
		for _, o := range list {
			var a CustomAttribute
			a.Key, _ = o.text("key", 0)
			a.Name, _ = o.text("name", 0)
			a.Value, _ = o.text("value", 0)
			o.close()
			if !slices.Contains(b.set.CustomFields, a.Key) {
				o.fail("key")
			}
			u.Custom = append(u.Custom, a)
		}
	}
}

// goodProfile checks the texts that have a form; an empty text clears.
func goodProfile(name, s string) bool {
	if s == "" {
		return true
	}
	switch name {
	case "timezone":
		return timezones.MatchString(s)
	case "about_me":
		return !html.MatchString(s)
	case "linkedin_url":
		u, err := url.Parse(s)
		return err == nil && (u.Hostname() == "linkedin.com" || strings.HasSuffix(u.Hostname(), ".linkedin.com"))
	case "host_key":
		return len(s) >= 6
	case "manager": // an address, or a display name
		_, err := mail.ParseAddress(s)
		return err == nil || !strings.Contains(s, "@")
	default:
		return true
	}
}

func (b backend) readPlans(f *form, ch *change) {
	if n, sent := f.number("type", Basic, Licensed, Unassigned, None); sent {
		ch.plans++
		ch.retype = n != ch.user.Type
		if ch.retype {
			ch.user = ch.user.retyped(n)
		}
	}
	if n, sent := f.number("zoom_one_type", append([]int64{0}, zoomOnePlans...)...); sent {
		ch.plans++
		ch.user = ch.user.zoomOne(n)
	}
	if s, sent := f.oneOf("plan_united_type", append([]string{"none"}, unitedPlans...)...); sent {
		ch.plans++
		ch.user = ch.user.united(strings.TrimPrefix(s, "none"))
	}
	if o, sent := f.object("feature"); sent {
		if on, set := o.flag("zoom_phone"); set {
			ch.user = ch.user.withFeature("zoom_phone", on)
		}
		o.close()
	}
	if f.has("license_info_list") {
		ch.user.Licences = readLicences(f)
	}
}

// retyped is the user with another type; going below Licensed ends what only Licensed users may have.
func (u User) retyped(t int64) User {
	u.Type = t
	if t != Licensed {
		u = u.unlicensed()
	}
	return u
}

func (u User) zoomOne(n int64) User {
	if n == 0 {
		if u.ZoomOne != 0 {
			u = u.retyped(Basic)
		}
		return u
	}
	u.ZoomOne, u.PlanUnited, u.Type = n, "", Licensed
	return u
}

func (u User) united(s string) User {
	if s == "" {
		if u.PlanUnited != "" {
			u = u.retyped(Basic)
		}
		return u
	}
	u.PlanUnited, u.ZoomOne, u.Type = s, 0, Licensed
	return u
}

// mayChange are the rules of a change that are not about single values.
func (b backend) mayChange(old User, ch change) *wire.Reply {
	refused := func(code int, message string) *wire.Reply {
		r := bad(code, message)
		return &r
	}
	u := ch.user
	switch {
	case ch.plans > 1:
		return refused(300, `You can't change the "type" or "plan_united_type" or "zoom_one_type" at the same time.`)
	case ch.retype && old.Room && u.Type == Basic:
		return refused(200, "A Zoom Room user cannot be changed to a free user type: "+u.ID)
	case ch.retype && old.Room && u.Type == Unassigned:
		return refused(200, "A Zoom Room user cannot be changed to a no-meeting-license user type: "+u.ID+".")
	case ch.retype && b.set.TypeLocked:
		return refused(1108, "You are not allowed to change the type of this user.")
	case u.Type == Basic && old.Type != Basic && old.UpcomingEvents:
		return refused(300, `You cannot change the user type to "Basic" because this user has an upcoming Zoom Events scheduled.`)
	case ch.pmi && u.Type == Unassigned:
		return refused(200, `You cannot change PMI information for a "No Meetings License" user.`)
	case ch.hosting && u.Type != Licensed:
		return refused(1109, "The user is not a paid user.")
	}
	if ch.names {
		if r := b.goodName(u); r != nil {
			return r
		}
	}
	return b.seatsFor(old, u, "add")
}
