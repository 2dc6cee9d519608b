package mapping_test

import (
	_ "embed"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
)

// acme is the document of the architecture's own example, word for word.
//
//go:embed testdata/acme.yaml
var acme string

// now is the moment of every test that does not say another.
var now = time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)

// id makes the same id from the same name, so that failures read alike.
func id(name string) uuid.UUID { return uuid.NewSHA1(uuid.Nil, []byte(name)) }

var (
	okta  = directory.Source{ID: id("okta"), Name: "okta", Kind: directory.Okta}
	entra = directory.Source{ID: id("entra"), Name: "entra", Kind: directory.Entra}
	both  = []directory.Source{okta, entra}
)

// catalog is a Catalog written down.
type catalog map[string]mapping.AppInfo

func (c catalog) AppInfo(connection string) (mapping.AppInfo, bool) {
	info, ok := c[connection]
	return info, ok
}

func (c catalog) Connections() []string { return slices.Sorted(maps.Keys(c)) }

// Extensions are an extension with an attribute of every type and form.
func (c catalog) Extensions() []mapping.Extension {
	return []mapping.Extension{{URN: "urn:acme:1", Attributes: []mapping.Attribute{
		{Name: "badge", Type: "string"}, {Name: "floor", Type: "integer"}, {Name: "remote", Type: "boolean"}, {Name: "since", Type: "dateTime"},
		{Name: "costCenters", Type: "string", Multi: true}, {Name: "levels", Type: "decimal", Multi: true},
		{Name: "building", Type: "complex", Sub: []mapping.Attribute{
			{Name: "name", Type: "string"}, {Name: "floor", Type: "integer"}, {Name: "doors", Type: "string", Multi: true},
		}},
		{Name: "certificates", Type: "complex", Multi: true, Sub: []mapping.Attribute{
			{Name: "value", Type: "string"}, {Name: "level", Type: "integer"}, {Name: "primary", Type: "boolean"},
		}},
	}}}
}

// apps is what the two apps of the example can do, and a third that can do little.
func apps() catalog {
	return catalog{
		"gorgias-prod": {
			Title: "Gorgias", Roles: []string{"admin", "agent", "basic-agent", "lite-agent", "observer-agent"},
			DefaultRole: "lite-agent", Teams: true, Actions: []string{"demote", "delete"},
			Rank:   []string{"admin", "agent", "basic-agent", "lite-agent", "observer-agent"},
			Fields: []mapping.FieldInfo{{Name: "name", Required: true, Default: "user.displayName ?? user.userName"}, {Name: "timezone"}, {Name: "language"}},
		},
		"zoom-prod": {
			Title: "Zoom", Roles: []string{"Owner", "Admin", "Member"}, OpenRoles: true, Licences: []string{"licensed", "basic"},
			DefaultRole: "Member", DefaultLicence: "basic", Rank: []string{"Owner", "Admin", "Member", "licensed", "basic"},
			Teams: true, Actions: []string{"suspend", "delete", "disassociate"}, Transfers: []string{"meetings", "webinars", "recordings"},
			Fields: []mapping.FieldInfo{{Name: "display_name", Default: "user.displayName"}, {Name: "dept", Default: "user.department"}},
		},
		"plain-prod": {Title: "Plain", Actions: []string{"delete"}, Fields: []mapping.FieldInfo{{Name: "login", Required: true}}},
	}
}

func parse(t testing.TB, src string) *mapping.Document {
	t.Helper()
	doc, err := mapping.Parse([]byte(src))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return doc
}

func compile(t testing.TB, src string, sources ...directory.Source) *mapping.Compiled {
	t.Helper()
	compiled, err := mapping.Compile(parse(t, src), apps(), sources)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	return compiled
}

// bound binds every name to the group whose id comes from its own name.
func bound(t testing.TB, src string, sources ...directory.Source) *mapping.Mapping {
	t.Helper()
	c := compile(t, src, sources...)
	b := mapping.Bindings{}
	for _, ref := range c.GroupRefs() {
		b[mapping.BindingKey{App: ref.App, Name: ref.Name}] = mapping.Binding{App: ref.App, Name: ref.Name, Source: ref.Source, Group: id(ref.Group)}
	}
	return c.With(1, b)
}

// member is a membership in a living group, deleted one in a group deleted at a moment.
func member(source directory.Source, group string) directory.Membership {
	return directory.Membership{Group: id(group), Source: source.ID, Name: group}
}

func deleted(source directory.Source, group string, at time.Time) directory.Membership {
	m := member(source, group)
	m.Deleted = at
	return m
}

// person is an active person who is in the groups.
func person(memberships ...directory.Membership) *directory.Person {
	return &directory.Person{
		ID: id("kim"), UserName: "Kim@acme.example", Emails: []string{"kim@acme.example", "k@acme.example"}, Active: true,
		Profile: map[string]any{"displayName": "Kim Lee"}, Memberships: memberships,
	}
}

func want(t testing.TB, m *mapping.Mapping, app string, p *directory.Person, at time.Time) mapping.Want {
	t.Helper()
	w, err := m.Want(app, p, at)
	if err != nil {
		t.Fatalf("Want(%s): %v", app, err)
	}
	return w
}
