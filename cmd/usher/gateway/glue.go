package gateway

import (
	"context"

	"github.com/usher-scim/usher/connections"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/provision"
)

// opener lets the engine open connections.
type opener struct{ c *connections.Connections }

func (o opener) Open(ctx context.Context, name string) (provision.Connection, error) {
	c, err := o.c.Open(ctx, name)
	return provision.Connection{Adapter: c.Adapter, Can: c.Can, Revision: c.Revision}, err
}

// catalog tells the mapping what the connections' apps can do.
type catalog struct{ c *connections.Connections }

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
