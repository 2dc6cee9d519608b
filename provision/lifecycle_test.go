package provision_test

import (
	"testing"

	"github.com/usher-scim/usher/directory"
)

func TestJoinersGetAnAccountMoversChangeLeaversGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(plainMapping)
	w.hire("ann", "bob")
	w.group("Support", "ann")
	w.settle()
	w.wantVendor(map[string]string{"ann": "active agent"})

	w.group("Leads", "ann")
	w.members(directory.AddMembers, "Support", "bob")
	w.settle()
	w.wantVendor(map[string]string{"ann": "active admin", "bob": "active agent"})

	w.activate("ann", false)
	w.settle()
	w.wantVendor(map[string]string{"bob": "active agent"})
	w.wantHolds()
}
