package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/alerts"
	"github.com/usher-scim/usher/config"
	"github.com/usher-scim/usher/connections"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/secrets"
	"github.com/usher-scim/usher/store"
)

// noChannel is what the log says at a start without a channel: a green tick at the identity provider is not a removal.
const noChannel = "nobody is told when a removal is held or late; set alerts: in usher.yaml (docs/alerts.md)"

// channels makes what the settings name. A secret that cannot be read now is told in the log: it may be stored later.
func channels(ctx context.Context, cfg config.Alerts, resolver *secrets.Resolver, log *slog.Logger, userAgent string) ([]alerts.Channel, error) {
	var all []alerts.Channel
	lookup := func(key string, ref config.Reference) (func(context.Context) (secrets.Value, error), error) {
		place, name := ref.Parts()
		parsed, err := secrets.NewReference(secrets.Place(place), name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if _, err := resolver.Resolve(ctx, parsed); err != nil {
			log.Warn("alerts cannot be sent yet: a secret is missing", "setting", key, "err", err)
		}
		return func(ctx context.Context) (secrets.Value, error) { return resolver.Resolve(ctx, parsed) }, nil
	}
	if e := cfg.Email; e.Host != "" {
		channel := &alerts.Email{Host: e.Host, Port: e.Port, Security: alerts.Security(e.TLS), From: e.From, To: e.To, Username: e.Username}
		if e.Username != "" {
			var err error
			if channel.Password, err = lookup("alerts.email.password", e.Password); err != nil {
				return nil, err
			}
		}
		all = append(all, channel)
	}
	if w := cfg.Webhook; w.URL != "" {
		address, err := url.Parse(w.URL)
		if err != nil {
			return nil, fmt.Errorf("alerts.webhook.url: it is not an address")
		}
		secret, err := lookup("alerts.webhook.secret", w.Secret)
		if err != nil {
			return nil, err
		}
		all = append(all, &alerts.Webhook{URL: address, Secret: secret, Now: time.Now, UserAgent: userAgent, Transport: alerts.WebhookTransport()})
	}
	if len(all) == 0 {
		log.Warn(noChannel)
	}
	return all, nil
}

// surroundings tell alerts how things stand.
type surroundings struct {
	engine *provision.Engine
	dir    *directory.Directory
	conns  *connections.Connections
	store  store.Store
	late   time.Duration
}

// maxHeld bounds how many holds are counted.
const maxHeld = 100_000

func (s surroundings) state(ctx context.Context) (alerts.State, error) {
	var state alerts.State
	late, err := s.engine.Late(ctx, s.late)
	if err != nil {
		return state, err
	}
	for _, l := range late {
		state.Late = append(state.Late, alerts.Late{App: l.App, Count: l.Count, Since: l.Since, Persons: l.Persons, Why: l.Why})
	}
	stuck, err := s.engine.Stuck(ctx)
	if err != nil {
		return state, err
	}
	for _, f := range stuck {
		state.Failed = append(state.Failed, alerts.Failed{App: f.App, Cause: string(f.Kind), Words: f.Words, Fix: f.Fix, Count: f.Count})
	}
	held, err := s.engine.Holds(ctx, provision.HoldFilter{Kind: provision.HoldBudget}, maxHeld)
	if err != nil {
		return state, err
	}
	at := map[[2]string]int{}
	for i := range held {
		h := &held[i]
		kind := [2]string{h.App, string(h.Work)}
		k, known := at[kind]
		if !known {
			k = len(state.Held)
			at[kind] = k
			state.Held = append(state.Held, alerts.Held{App: h.App, Work: string(h.Work), Since: h.Opened})
		}
		state.Held[k].Count++
		if h.Opened.Before(state.Held[k].Since) {
			state.Held[k].Since = h.Opened
		}
	}
	down, err := s.engine.Outages(ctx)
	if err != nil {
		return state, err
	}
	for _, d := range down {
		state.Down = append(state.Down, alerts.Down{App: d.App, Title: d.Title, Reason: d.Reason})
	}
	sources, err := s.dir.Sources(ctx)
	if err != nil {
		return state, err
	}
	state.Tokens = lastTokens(sources)
	conns, err := s.conns.List(ctx)
	for i := range conns {
		state.Logins = append(state.Logins, alerts.Login{Connection: conns[i].Name, Title: conns[i].Adapter, Expires: conns[i].Expires})
	}
	return state, err
}

// lastTokens returns, for each source and what a token may do, the one that expires last; none where one never does.
func lastTokens(sources []directory.Source) []alerts.Token {
	var all []alerts.Token
	for i := range sources {
		src := &sources[i]
		if !src.Removed.IsZero() {
			continue
		}
		for _, readOnly := range []bool{false, true} {
			var last time.Time
			for _, t := range src.Tokens {
				if t.ReadOnly != readOnly {
					continue
				}
				if t.Expires.IsZero() {
					last = time.Time{}
					break
				}
				if t.Expires.After(last) {
					last = t.Expires
				}
			}
			if !last.IsZero() {
				all = append(all, alerts.Token{Source: src.Name, ReadOnly: readOnly, Expires: last})
			}
		}
	}
	return all
}

// inside says where a terminated person still is.
func (s surroundings) inside(ctx context.Context, person uuid.UUID) ([]alerts.Inside, error) {
	var terminated bool
	err := s.store.View(ctx, func(r store.Reader) error {
		t, err := s.dir.TerminatedIn(r, person)
		terminated = t != nil
		return err
	})
	if err != nil || !terminated {
		return nil, err
	}
	cuts, err := s.engine.Cuts(ctx, person)
	if err != nil {
		return nil, err
	}
	var left []alerts.Inside
	for _, c := range cuts {
		if !c.Done {
			left = append(left, alerts.Inside{App: c.App, Text: c.Text})
		}
	}
	return left, nil
}
