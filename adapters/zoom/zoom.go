package zoom

import (
	"context"
	"crypto/rand"
	"io"
	"strings"
	"time"

	"github.com/usher-scim/usher/adapters"
)

// Adapter manages the users of one Zoom account. It is safe for concurrent use.
type Adapter struct {
	cfg    Config
	api    *api
	roles  *catalogue // by name
	groups *catalogue
	random io.Reader                                  // for passwords
	wait   func(context.Context, time.Duration) error // between read-backs
}

var (
	_ adapters.Adapter         = (*Adapter)(nil)
	_ adapters.Suspender       = (*Adapter)(nil)
	_ adapters.Teams           = (*Adapter)(nil)
	_ adapters.ReceiverChecker = (*Adapter)(nil)
	_ adapters.SeatCounter     = (*Adapter)(nil)
	_ adapters.Describer       = (*Adapter)(nil)
)

// Open returns the adapter for a connection. It calls nobody; Check does.
func Open(cfg Config, deps adapters.Deps) (*Adapter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	cfg.OwnerEmail = fold(cfg.OwnerEmail)
	if deps.Now == nil {
		deps.Now = time.Now //nolint:forbidigo // Deps says that nil is the real clock
	}
	api, err := newAPI(cfg, deps)
	if err != nil {
		return nil, err
	}
	return &Adapter{
		cfg: cfg, api: api, random: rand.Reader, wait: wait,
		roles:  newCatalogue(api.listRoles, deps.Now),
		groups: newCatalogue(api.listGroups, deps.Now),
	}, nil
}

// Close lets go of idle connections. Calls under way are not touched.
func (z *Adapter) Close() error {
	z.api.close()
	return nil
}

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
