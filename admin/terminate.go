package admin

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
)

// TerminationReply is a termination and how far it has come in each app.
type TerminationReply struct {
	directory.Terminated
	Apps []provision.Cut `json:"apps"`
}

func (s Services) terminationRoutes(v1 *echo.Group) {
	v1.GET("/terminations", s.terminations)
	v1.PUT("/terminations/:user", s.terminate)
	v1.DELETE("/terminations/:user", s.reinstate)
}

func (s Services) terminations(c echo.Context) error {
	ctx := c.Request().Context()
	all, err := s.Directory.Terminations(ctx)
	if err != nil {
		return err
	}
	replies := make([]TerminationReply, len(all))
	for i, t := range all {
		replies[i].Terminated = t
		if replies[i].Apps, err = s.Engine.Cuts(ctx, t.Person); err != nil {
			return err
		}
	}
	return c.JSON(http.StatusOK, replies)
}

// terminate answers when the termination is durable, with how far it has come in each app by then: the first
// time hardly anywhere. It may be repeated until all is done.
func (s Services) terminate(c echo.Context) error {
	ctx := c.Request().Context()
	count, err := number(c, "count")
	if err != nil {
		return err
	}
	person, err := s.Engine.Person(ctx, c.Param("user"))
	if err != nil {
		return err
	}
	t, cuts, err := s.Engine.Terminate(ctx, actor(c), person, directory.TerminateOptions{Reason: c.QueryParam("reason"), Count: count})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, TerminationReply{Terminated: directory.Terminated{Termination: t}, Apps: cuts})
}

func (s Services) reinstate(c echo.Context) error {
	ctx := c.Request().Context()
	person, err := s.Engine.Person(ctx, c.Param("user"))
	if err != nil {
		return err
	}
	if err := s.Engine.Reinstate(ctx, actor(c), person, c.QueryParam("reason")); err != nil {
		return called(err, map[uuid.UUID]string{person: c.Param("user")})
	}
	return c.NoContent(http.StatusNoContent)
}
