package gorgias

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

var (
	_ adapters.Adapter   = (*Adapter)(nil)
	_ adapters.Demoter   = (*Adapter)(nil)
	_ adapters.Teams     = (*Adapter)(nil)
	_ adapters.Describer = (*Adapter)(nil)
	_ adapters.Settings  = Config{}
)

// Adapter manages the users of one helpdesk.
type Adapter struct {
	cfg    Config
	api    *vendorhttp.Client
	tokens *tokens // nil with an API key
	now    func() time.Time

	admins lock // held while an administrator is taken away, so that two cannot be the last but one at once
	teams  teamLocks

	mu      sync.Mutex
	me      user // the connector's own user
	meRead  time.Time
	ids     map[string]knownTeam  // by name as asked for
	written map[int64][]teamWrite // within the read lag, by team
}

// Open returns an adapter over a helpdesk. It sends nothing; an error says what is wrong with the settings.
func Open(cfg Config, deps adapters.Deps) (*Adapter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a := &Adapter{cfg: cfg, admins: newLock(), ids: map[string]knownTeam{}, written: map[int64][]teamWrite{}}
	auth := vendorhttp.Basic(cfg.Email, cfg.APIKey)
	if cfg.oauth() {
		t, err := newTokens(cfg, deps)
		if err != nil {
			return nil, err
		}
		a.tokens, auth = t, vendorhttp.Bearer(t.source)
	}
	api, err := vendorhttp.New(vendorhttp.Config{
		App: name, Title: title, BaseURL: cfg.base(), Auth: auth,
		Limits:      map[string]vendorhttp.Limit{"": cfg.pace()},
		Concurrency: concurrency,
		Classify:    classify,
		Secrets:     []adapters.Secret{cfg.APIKey, cfg.ClientSecret, cfg.RefreshToken},
	}, deps)
	if err != nil {
		return nil, err
	}
	a.api, a.now = api, api.Now
	return a, nil
}

// Close lets go of idle connections.
func (a *Adapter) Close() error {
	a.api.Close()
	if a.tokens != nil {
		a.tokens.client.Close()
	}
	return nil
}

// self returns the connector's own user, read at most every ten minutes.
func (a *Adapter) self(ctx context.Context) (user, error) {
	a.mu.Lock()
	me, fresh := a.me, a.me.ID != 0 && a.now().Sub(a.meRead).Abs() < 10*time.Minute
	a.mu.Unlock()
	if fresh {
		return me, nil
	}
	return a.readSelf(ctx)
}

// readSelf asks the vendor who the credential belongs to.
func (a *Adapter) readSelf(ctx context.Context) (user, error) {
	const op = "read the connector's own user"
	me, err := a.readUser(ctx, op, "0")
	if adapters.IsKind(err, adapters.NotFound) { // must not look as if the account in question were gone
		e := refusal(op, adapters.Unauthorized, "the credential belongs to no user any more")
		e.Scope, e.Fix, e.Err = adapters.WholeApp, "enter credentials of a user with the role admin", err
		return user{}, e
	}
	if err != nil {
		return user{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.me, a.meRead = me, a.now()
	return me, nil
}

// protected says why a user must never be touched, "" for an ordinary one.
func (a *Adapter) protected(u user, me user) string {
	switch {
	case u.bot():
		return "bot"
	case u.ClientID != "":
		return "service account of an app"
	case u.ID == me.ID:
		return "the connector's own account"
	case a.cfg.OwnerEmail != "" && strings.EqualFold(u.Email, a.cfg.OwnerEmail):
		return "account owner"
	}
	return ""
}

// guarded reads a user that is about to be changed, and refuses a protected one.
func (a *Adapter) guarded(ctx context.Context, op, id string) (user, error) {
	if err := usable(op, id); err != nil {
		return user{}, err
	}
	me, err := a.self(ctx)
	if err != nil {
		return user{}, err
	}
	u, err := a.readUser(ctx, op, id)
	if err != nil {
		return user{}, err
	}
	if why := a.protected(u, me); why != "" {
		return user{}, refusal(op, adapters.Protected, "this account is never touched: "+why)
	}
	return u, nil
}

// account is a user as the contract shows it.
func (a *Adapter) account(u user, me user) adapters.Account {
	state := adapters.Active
	if u.Active != nil && !*u.Active {
		state = adapters.Suspended
	}
	return adapters.Account{
		ID: u.id(), ExternalID: u.ExternalID, Email: u.Email, State: state, Role: u.Role.Name,
		Attributes: u.attributes(), Protected: a.protected(u, me), Admin: u.Role.Name == admin,
	}
}

// lock is a mutex that is waited for with a context.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

func (l lock) take(ctx context.Context, op string) (release func(), err error) {
	select {
	case l <- struct{}{}:
		return func() { <-l }, nil
	case <-ctx.Done():
		e := refusal(op, adapters.Retry, "stopped while waiting for another change; nothing was sent")
		e.Err = ctx.Err()
		return nil, e
	}
}

// refusal is an error that needed no answer of the vendor.
func refusal(op string, kind adapters.Kind, message string) *adapters.Error {
	return &adapters.Error{Kind: kind, Scope: adapters.OneAccount, Op: op, Message: message}
}
