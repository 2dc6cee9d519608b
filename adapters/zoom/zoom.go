package zoom

import (
	"context"
	"crypto/rand"
	"io"
	"strings"
	"time"

	"github.com/usher-scim/usher/adapters"
)

// Zoom manages the users of one Zoom account. It is safe for concurrent use.
type Zoom struct {
	cfg    Config
	api    *api
	roles  *catalogue // by name
	groups *catalogue
	random io.Reader                                  // for passwords
	wait   func(context.Context, time.Duration) error // between read-backs
}

var (
	_ adapters.Adapter         = (*Zoom)(nil)
	_ adapters.Suspender       = (*Zoom)(nil)
	_ adapters.Teams           = (*Zoom)(nil)
	_ adapters.ReceiverChecker = (*Zoom)(nil)
	_ adapters.Describer       = (*Zoom)(nil)
)

// Open returns the adapter for a connection. It calls nobody; Check does.
func Open(cfg Config, deps adapters.Deps) (*Zoom, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	cfg.OwnerEmail = fold(cfg.OwnerEmail)
	if deps.Now == nil {
		deps.Now = time.Now
	}
	api, err := newAPI(cfg, deps)
	if err != nil {
		return nil, err
	}
	return &Zoom{
		cfg: cfg, api: api, random: rand.Reader, wait: wait,
		roles:  newCatalogue(api.listRoles, deps.Now),
		groups: newCatalogue(api.listGroups, deps.Now),
	}, nil
}

// Close lets idle connections go.
func (z *Zoom) Close() { z.api.close() }

// fold brings an e-mail address into the form it is compared and looked up in.
func fold(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// isEmail tells an invitation's handle, its e-mail address, from a user id.
func isEmail(id string) bool { return strings.Contains(id, "@") }

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
