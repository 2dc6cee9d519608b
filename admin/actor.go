package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/audit"
)

// peerKey is where a request's context holds the Peer.
type peerKey struct{}

// Peer is who is at the other end of the socket, by the system's word.
type Peer struct {
	UID  string // in digits
	Name string // the login name; "" where the system knows none for the uid
	Err  error  // why the system could not tell
}

// WithPeer returns a context that tells the API who speaks. Whoever serves it sets it for each connection.
func WithPeer(ctx context.Context, p Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, p)
}

// known lets only the listed administrators in, where there is a list.
func (s Services) known(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if len(s.Administrators) == 0 {
			return next(c)
		}
		p, _ := c.Request().Context().Value(peerKey{}).(Peer)
		name := p.listed(s.Administrators)
		if name == "" {
			who := p.Name
			if who == "" {
				who = "uid " + p.UID
			}
			if p.Err != nil || p.UID == "" {
				who = "you, as the system does not say who you are"
			}
			return &requestError{status: http.StatusForbidden, code: Forbidden,
				message: fmt.Sprintf("the setting administrators does not list %s", who)}
		}
		c.Set(actorKey, name)
		return next(c)
	}
}

const actorKey = "actor"

// listed returns the name under which a list has the peer; "" if it does not have it.
func (p Peer) listed(list []string) string {
	for _, name := range []string{p.Name, p.UID} {
		if p.Err == nil && name != "" && slices.Contains(list, name) {
			return name
		}
	}
	return ""
}

// actor is who made a request: the administrator at the socket where those are listed, else who the request says.
func actor(c echo.Context) audit.Actor {
	if name, ok := c.Get(actorKey).(string); ok {
		return audit.Actor{Kind: audit.ByAdmin, Name: name}
	}
	name := c.Request().Header.Get(ActorHeader)
	if name == "" || len(name) > 128 {
		name = "administrator"
	}
	return audit.Actor{Kind: audit.ByAdmin, Name: name}
}
