package gorgias

import (
	"time"

	"github.com/usher-scim/usher/adapters"
)

const (
	name        = "gorgias"
	title       = "Gorgias"
	concurrency = 4
	// readLag is not documented; this much is assumed.
	readLag = 5 * time.Second

	admin    = "admin"
	weakest  = "observer-agent"
	ordinary = "basic-agent"
)

// roles are what a person can have, strongest first. bot and internal-agent are the vendor's own.
func roles() []string { return []string{admin, "agent", ordinary, "lite-agent", weakest} }

// Describe says what the adapter can do in any helpdesk. There is no suspension: the API has
// no call that ends sign-in and keeps the user.
func Describe() adapters.Description {
	return adapters.Description{
		Name: name, Title: title,
		Roles: roles(), DefaultRole: ordinary, Rank: roles(), AdminRoles: []string{admin},
		Teams:   true,
		Actions: []adapters.Action{adapters.Demote, adapters.Delete},
		Fields: []adapters.Field{
			{Name: "name", Required: true, Default: `user.displayName ?? user.name.formatted ?? user.userName`, Doc: "full name; first and last name follow from it"},
			{Name: "timezone", Default: `user.timezone`, Doc: "name of a time zone (Europe/Vienna); left alone when empty"},
			{Name: "language", Default: `user.preferredLanguage`, Doc: "en or fr, also with a region (en-US); anything else is left out"},
			{Name: "country", Doc: "two letters (AT)"},
			{Name: "bio", Doc: "free text"},
		},
		ExternalID: true, ReadLag: readLag, Concurrency: concurrency,
	}
}

// Describe returns what the package's Describe does.
func (*Adapter) Describe() adapters.Description { return Describe() }
