package admin

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/provision"
)

func (s Services) switchRoutes(v1 *echo.Group) {
	v1.GET("/switches", s.switches)
	v1.PUT("/switches/:kind", s.pause)
	v1.DELETE("/switches/:kind", s.resume)
}

// switches lists what is paused by hand.
func (s Services) switches(c echo.Context) error {
	all, err := s.paused(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, all)
}

func (s Services) paused(c echo.Context) ([]provision.Switch, error) {
	all, err := s.Engine.Switches(c.Request().Context())
	if all == nil {
		all = []provision.Switch{}
	}
	return all, err
}

// pause answers when the switch is durable: what it stops does not start any more. The kind is app, with the app's
// name in the query, removals or all; "for" is a length of time such as 2h.
func (s Services) pause(c echo.Context) error {
	o := provision.PauseOptions{Reason: c.QueryParam("reason")}
	if d := c.QueryParam("for"); d != "" {
		var err error
		if o.For, err = time.ParseDuration(d); err != nil || o.For <= 0 {
			return badRequest("for: %q is not a length of time such as 2h or 30m", d)
		}
	}
	set, err := s.Engine.Pause(c.Request().Context(), actor(c), provision.SwitchKind(c.Param("kind")), c.QueryParam("app"), o)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, set)
}

// resume lifts a switch and answers what it was.
func (s Services) resume(c echo.Context) error {
	lifted, err := s.Engine.Resume(c.Request().Context(), actor(c), provision.SwitchKind(c.Param("kind")), c.QueryParam("app"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, lifted)
}
