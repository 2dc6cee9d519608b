package simtest

import (
	"slices"
	"strconv"

	gorgiasbox "github.com/usher-scim/usher/sandbox/gorgias"
	zoombox "github.com/usher-scim/usher/sandbox/zoom"
)

// login is an account as it stands at a vendor, in the words that both vendors share.
type login struct {
	id, email, external string
	role, licence, name string
	active, pending     bool
	teams               []string
	data                int // pieces of work that a removal could lose
}

// logins returns all accounts of an app, by id.
func (w *World) logins(app string) map[string]login {
	if app == desk {
		return deskLogins(w.desk)
	}
	return meetLogins(w.meet)
}

func deskLogins(v *gorgiasbox.Vendor) map[string]login {
	all := map[string]login{}
	teams := v.Teams()
	for _, u := range v.Users() {
		l := login{
			id: strconv.FormatInt(u.ID, 10), email: u.Email, external: u.ExternalID, role: u.Role, name: u.Name,
			active: u.DeactivatedAt.IsZero(),
		}
		for _, t := range teams {
			if slices.Contains(t.Members, u.ID) {
				l.teams = append(l.teams, t.Name)
			}
		}
		slices.Sort(l.teams)
		all[l.id] = l
	}
	return all
}

func meetLogins(v *zoombox.Vendor) map[string]login {
	all := map[string]login{}
	names, roles := map[string]string{}, map[string]string{}
	for _, g := range v.Groups() {
		names[g.ID] = g.Name
	}
	for _, r := range v.Roles() {
		roles[r.ID] = map[string]string{"Owner": "owner", "Admin": "admin", "Member": "member"}[r.Name]
	}
	for _, u := range v.Users() {
		l := login{
			id: u.ID, email: u.Email, role: roles[u.RoleID], name: u.DisplayName,
			licence: map[int64]string{zoombox.Basic: "basic", zoombox.Licensed: "licensed"}[u.Type],
			active:  u.Status == zoombox.Active, pending: u.Status == zoombox.Pending,
			data: u.Data.Meetings + u.Data.Webinars,
		}
		if l.pending {
			l.id = u.Email
		}
		for _, g := range u.Groups {
			l.teams = append(l.teams, names[g])
		}
		slices.Sort(l.teams)
		all[l.id] = l
	}
	return all
}
