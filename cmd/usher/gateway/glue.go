package gateway

import (
	"context"

	"github.com/usher-scim/usher/connections"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/scim"
	"github.com/usher-scim/usher/scim/schema"
)

// opener lets the engine open connections.
type opener struct{ c *connections.Connections }

func (o opener) Open(ctx context.Context, name string) (provision.Connection, error) {
	c, err := o.c.Open(ctx, name)
	return provision.Connection{Adapter: c.Adapter, Can: c.Can, Revision: c.Revision}, err
}

// catalog tells the mapping what the connections' apps can do, and which custom attributes people have.
type catalog struct {
	c          *connections.Connections
	extensions []mapping.Extension
}

func (c catalog) Extensions() []mapping.Extension { return c.extensions }

// userExtensions are the custom schemas of users, as mappings know them.
func userExtensions(custom []scim.CustomSchema) []mapping.Extension {
	var list []mapping.Extension
	for _, s := range custom {
		if s.Extends() == "User" {
			list = append(list, mapping.Extension{URN: s.URN(), Attributes: mappingAttributes(s.Attributes())})
		}
	}
	return list
}

func mappingAttributes(defined []*schema.Attribute) []mapping.Attribute {
	list := make([]mapping.Attribute, 0, len(defined))
	for _, a := range defined {
		list = append(list, mapping.Attribute{Name: a.Name, Type: string(a.Type), Multi: a.Multi, Sub: mappingAttributes(a.Sub)})
	}
	return list
}

func (c catalog) AppInfo(name string) (mapping.AppInfo, bool) {
	d, ok := c.c.Describe(context.Background(), name)
	return provision.AppInfo(d), ok
}

func (c catalog) Connections() []string {
	all, err := c.c.List(context.Background())
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(all))
	for _, conn := range all {
		names = append(names, conn.Name)
	}
	return names
}
