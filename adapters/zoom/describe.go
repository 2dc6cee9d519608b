package zoom

import (
	"time"

	"github.com/usher-scim/usher/adapters"
)

// Name is the adapter's name in connections and in the registry.
const Name = "zoom"

// The licences a grant may name. They are Zoom's user types.
const (
	Licensed = "licensed" // type 2
	Basic    = "basic"    // type 1
	None     = "none"     // type 4: in the account, without meetings
)

// The roles every Zoom account has. The owner is never given and never taken.
const (
	RoleOwner  = "owner"
	RoleAdmin  = "admin"
	RoleMember = "member"
)

// Describe says what the adapter can do.
func Describe() adapters.Description {
	return adapters.Description{
		Name:           Name,
		Title:          "Zoom",
		Roles:          []string{RoleAdmin, RoleMember},
		OpenRoles:      true,
		AdminRoles:     []string{RoleOwner, RoleAdmin},
		Licences:       []string{Licensed, Basic, None},
		DefaultLicence: Basic,
		Rank:           []string{RoleAdmin, RoleMember, Licensed, Basic, None},
		Teams:          true,
		Actions:        []adapters.Action{adapters.Suspend, adapters.Disassociate, adapters.Delete},
		Transfers:      transferNames(),
		Fields:         fieldDescriptions(),
		EmailChange:    true,
		ReadLag:        3 * time.Second,
		Concurrency:    concurrency,
	}
}

// Describe says what the adapter can do.
func (z *Adapter) Describe() adapters.Description { return Describe() }
