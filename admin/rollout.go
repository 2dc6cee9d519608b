package admin

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
)

func (s Services) rolloutRoutes(v1 *echo.Group) {
	v1.GET("/mapping/rollout", s.rollout)
	v1.POST("/mapping/rollout/plan", s.planRollout)
	v1.POST("/mapping/rollout", s.widenRollout)
	v1.POST("/mapping/rollout/stop", s.stopRollout)
	v1.POST("/mapping/rollout/resume", s.resumeRollout)
}

// RolloutReply is what a rollout is at.
type RolloutReply struct {
	Rollout *provision.RolloutStatus `json:"rollout,omitempty"` // absent: nothing is being rolled out
	Version int                      `json:"version"`           // in force, but for those in the ring
	People  map[uuid.UUID]string     `json:"people,omitempty"`  // how those in trouble are called
}

func (s Services) rollout(c echo.Context) error {
	ctx := c.Request().Context()
	m, err := s.Mappings.Current(ctx)
	if err != nil {
		return err
	}
	r := RolloutReply{Version: m.Version()}
	if r.Rollout, err = s.Engine.RolloutStatus(ctx); err != nil {
		return err
	}
	if r.Rollout != nil {
		var troubled []uuid.UUID
		for _, t := range r.Rollout.Troubles {
			troubled = append(troubled, t.Person)
		}
		if r.People, err = s.Engine.Names(ctx, troubled); err != nil {
			return err
		}
	}
	return c.JSON(http.StatusOK, r)
}

// share reads ?to: "all", or a share of everybody such as "5%".
func share(c echo.Context) (int, error) {
	to := c.QueryParam("to")
	if to == "all" {
		return mapping.Whole, nil
	}
	n, err := mapping.ParseShare(to)
	if err != nil {
		return 0, badRequest("to: %v; or all", err)
	}
	return n, nil
}

// planRollout says what a wider ring would change.
func (s Services) planRollout(c echo.Context) error {
	to, err := share(c)
	if err != nil {
		return err
	}
	r, err := s.planWider(c, to)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, r)
}

func (s Services) planWider(c echo.Context, to int) (PlanReply, error) {
	next, err := s.Mappings.CheckWiden(c.Request().Context(), to)
	if err != nil {
		return PlanReply{}, err
	}
	return s.compare(c, next)
}

// widenRollout lets what is rolled out reach more, on the same conditions as applyMapping.
func (s Services) widenRollout(c echo.Context) error {
	ctx := c.Request().Context()
	to, err := share(c)
	if err != nil {
		return err
	}
	if err := s.Engine.WatchRollout(ctx); err != nil {
		return err
	}
	_, options, err := s.confirmed(c, func() (PlanReply, error) { return s.planWider(c, to) })
	if err != nil {
		return err
	}
	ro, err := s.Mappings.Widen(ctx, actor(c), to, options)
	if err != nil {
		return err
	}
	s.Engine.Wake()
	return c.JSON(http.StatusOK, ro)
}

func (s Services) stopRollout(c echo.Context) error {
	ro, err := s.Mappings.StopRollout(c.Request().Context(), actor(c), 0, c.QueryParam("reason"))
	return replyRollout(c, ro, err)
}

func (s Services) resumeRollout(c echo.Context) error {
	ro, err := s.Engine.ResumeRollout(c.Request().Context(), actor(c))
	return replyRollout(c, ro, err)
}

func replyRollout(c echo.Context, ro versions.Rollout, err error) error {
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, ro)
}
