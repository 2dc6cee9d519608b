package admin

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/provision"
)

// holdRoutes are about what waits for a person's decision.
func (s Services) holdRoutes(v1 *echo.Group) {
	v1.GET("/holds", s.holds)
	v1.POST("/holds/:id/approve", s.approve)
	v1.POST("/holds/:id/reject", s.reject)
}

// HoldReply is a hold with the names behind its ids.
type HoldReply struct {
	provision.Hold
	Who        string `json:"who,omitempty"`        // the person's userName or address
	SourceName string `json:"sourceName,omitempty"` // of Hold.Source, where that is a source
	Yours      bool   `json:"yours,omitempty"`      // it follows from what the one who asks did
}

// holds lists holds: ?app, ?kind, ?source (a source's name, or admin:NAME) and ?all=true.
func (s Services) holds(c echo.Context) error {
	ctx := c.Request().Context()
	sources, err := s.Directory.Sources(ctx)
	if err != nil {
		return err
	}
	asked := c.QueryParam("source")
	byID, source := map[string]string{}, asked
	for _, src := range sources {
		byID[src.ID.String()] = src.Name
		if src.Name == asked {
			source = src.ID.String()
		}
	}
	if source == asked && asked != "" && byID[asked] == "" && !strings.HasPrefix(asked, "admin:") {
		return &requestError{status: http.StatusNotFound, code: NotFound, message: fmt.Sprintf("there is no source %q; an administrator is written as admin:NAME", asked)}
	}
	all, err := s.Engine.Holds(ctx, provision.HoldFilter{
		App: c.QueryParam("app"), Kind: provision.HoldKind(c.QueryParam("kind")), Source: source, All: c.QueryParam("all") == "true",
	}, maxPage)
	if err != nil {
		return err
	}
	if err := s.knownApp(ctx, c.QueryParam("app"), len(all)); err != nil {
		return err
	}
	persons := make([]uuid.UUID, len(all))
	for i, h := range all {
		persons[i] = h.Person
	}
	names, err := s.Engine.Names(ctx, persons)
	if err != nil {
		return err
	}
	replies := make([]HoldReply, len(all))
	for i, h := range all {
		replies[i] = HoldReply{Hold: h, Who: names[h.Person], SourceName: byID[h.Source], Yours: h.CausedBy(actor(c))}
	}
	return c.JSON(http.StatusOK, replies)
}

// approve lets one hold go on. ?count is the number that the administrator typed.
func (s Services) approve(c echo.Context) error {
	count, err := number(c, "count")
	if err != nil {
		return err
	}
	h, err := s.Engine.ApproveWith(c.Request().Context(), actor(c), c.Param("id"), provision.Approval{
		WithoutTransfer: c.QueryParam("without_transfer") == "true", Count: count,
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, h)
}

func (s Services) reject(c echo.Context) error {
	h, err := s.Engine.Reject(c.Request().Context(), actor(c), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, h)
}
