package demo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-scim/usher/sandbox"
	"github.com/usher-scim/usher/sandbox/zoom"
)

// standing is what one e-mail address has at the vendors, in words that can be compared and
// read; "" is no account.
type standing struct {
	gorgias string // role and teams
	zoom    string // licence, status unless active, and counts of data
}

// outcome is what every address has at the vendors.
type outcome map[string]standing

// monday is what is there before anybody pushes: the vendors' own accounts, which are nobody's business.
func monday() outcome {
	return outcome{
		"owner@acme.example":         {"Olga Owner: admin", "Olga Owner: licensed"},
		"usher-service@acme.example": {"Usher Service: admin", ""},
		"support@acme.example":       {"Gorgias Bot: bot", ""},
		"workflows@acme.example":     {"Gorgias Workflows Bot: internal-agent", ""},
		"it-admin@acme.example":      {"", "Ida Admin: licensed"},
	}
}

// sunday is how the week must end, for every account there is: whoever is not in it has none.
func sunday() outcome {
	o := monday()
	for email, s := range map[string]standing{
		"ida.torres@acme.example":   {"", "Ida Torres: licensed, 1 meeting, 3 recordings"},
		"mara.lind@acme.example":    {"Mara Lind: agent in Leads", "Mara Lind: licensed"},
		"samir.haddad@acme.example": {"", "Samir Haddad: licensed, 6 meetings, 2 webinars, 8 recordings"},
		// Gorgias lets no connector change an address: the account keeps the old one until a person decides.
		"kim.sato@acme.example":     {"Kim Berger: basic-agent in Tier 1", ""},
		"kim.berger@acme.example":   {"", "Kim Berger: basic"},
		"lee.novak@acme.example":    {"Lee Novak: agent in Leads", "Lee Novak: basic"},
		"rosa.vidal@acme.example":   {"", "Rosa Vidal: licensed"},
		"noor.aziz@acme.example":    {"Noor Aziz: basic-agent in Tier 1", "Noor Aziz: basic"},
		"dina.ray@acme.example":     {"Dina Ray: basic-agent in French, Tier 1", "Dina Ray: basic"},
		"chloe.martin@acme.example": {"Chloé Martin: basic-agent in French, Tier 1", "Chloé Martin: basic"},
		"ben.okafor@acme.example":   {"Ben Okafor: basic-agent in Tier 1", "Ben Okafor: basic"},
	} {
		o[email] = s
	}
	return o
}

// standings reads the vendors' state. An address that has several accounts at one vendor gets them all, so that it
// compares equal to nothing.
func standings(s *sandbox.Sandbox) outcome {
	o := outcome{}
	teams := s.Gorgias.Teams()
	for _, u := range s.Gorgias.Users() {
		var in []string
		for _, t := range teams {
			if slices.Contains(t.Members, u.ID) {
				in = append(in, t.Name)
			}
		}
		text := u.Name + ": " + u.Role
		if len(in) > 0 {
			slices.Sort(in)
			text += " in " + strings.Join(in, ", ")
		}
		o.add(u.Email, standing{gorgias: text})
	}
	for _, u := range s.Zoom.Users() {
		o.add(u.Email, standing{zoom: u.DisplayName + ": " + zoomText(u)})
	}
	return o
}

func (o outcome) add(email string, s standing) {
	key := strings.ToLower(email)
	have := o[key]
	join := func(a, b string) string {
		if a != "" && b != "" {
			return a + " and again " + b
		}
		return a + b
	}
	o[key] = standing{join(have.gorgias, s.gorgias), join(have.zoom, s.zoom)}
}

func zoomText(u zoom.User) string {
	parts := []string{map[int64]string{zoom.Basic: "basic", zoom.Licensed: "licensed"}[u.Type]}
	if parts[0] == "" {
		parts[0] = fmt.Sprintf("type %d", u.Type)
	}
	if u.Status != zoom.Active {
		parts = append(parts, u.Status)
	}
	for _, d := range []struct {
		n    int
		what string
	}{{u.Data.Meetings, "meeting"}, {u.Data.Webinars, "webinar"}, {u.Data.Recordings, "recording"}} {
		if d.n > 0 {
			parts = append(parts, count(d.n, d.what))
		}
	}
	return strings.Join(parts, ", ")
}

// count is a number with its noun.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// differences lists, by address, where got is not as o says.
func (o outcome) differences(got outcome) []string {
	emails := map[string]bool{}
	for e := range o {
		emails[e] = true
	}
	for e := range got {
		emails[e] = true
	}
	var out []string
	for e := range emails {
		out = append(out, difference(e, "Gorgias", o[e].gorgias, got[e].gorgias)...)
		out = append(out, difference(e, "Zoom", o[e].zoom, got[e].zoom)...)
	}
	slices.Sort(out)
	return out
}

func difference(email, vendor, want, got string) []string {
	switch {
	case want == got:
		return nil
	case want == "":
		return []string{fmt.Sprintf("%s has a %s account (%s) and must have none", email, vendor, got)}
	case got == "":
		return []string{fmt.Sprintf("%s has no %s account and must have one (%s)", email, vendor, want)}
	default:
		return []string{fmt.Sprintf("%s at %s is %q and must be %q", email, vendor, got, want)}
	}
}

// of keeps the addresses named: what a scene is about.
func (o outcome) of(emails outcome) outcome {
	out := outcome{}
	for e := range emails {
		out[e] = o[e]
	}
	return out
}
