package provision

import (
	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/mapping"
)

// AppInfo tells the mapping what an adapter can do.
func AppInfo(d adapters.Description) mapping.AppInfo {
	info := mapping.AppInfo{
		Title: d.Title, Roles: d.Roles, OpenRoles: d.OpenRoles, Licences: d.Licences,
		DefaultRole: d.DefaultRole, DefaultLicence: d.DefaultLicence, Rank: d.Rank,
		Teams: d.Teams, Transfers: d.Transfers,
	}
	for _, a := range d.Actions {
		info.Actions = append(info.Actions, string(a))
	}
	for _, f := range d.Fields {
		info.Fields = append(info.Fields, mapping.FieldInfo{Name: f.Name, Required: f.Required, Default: f.Default})
	}
	return info
}
