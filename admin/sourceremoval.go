package admin

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"
)

func (s Services) sourceRemovalRoutes(v1 *echo.Group) {
	v1.GET("/sources/:name/removal", s.planSourceRemoval)
	v1.DELETE("/sources/:name", s.removeSource)
}

func (s Services) planSourceRemoval(c echo.Context) error {
	plan, err := s.Engine.PlanSourceRemoval(c.Request().Context(), c.Param("name"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, plan)
}

// removeSource makes a source's tokens void. Where more accounts rest on its word alone than a budget for removals allows to end, their
// number has to be confirmed (?confirm=N), as the plan gave it; a number that is not true any more is refused.
func (s Services) removeSource(c echo.Context) error {
	confirm, err := number(c, "confirm")
	if err != nil {
		return err
	}
	plan, err := s.Engine.PlanSourceRemoval(c.Request().Context(), c.Param("name"))
	if err != nil {
		return err
	}
	if plan.Confirm != confirm {
		message := fmt.Sprintf("%d people have accounts by the word of %s alone, and nobody could say any more that they left; confirm that number", plan.Confirm, plan.Source)
		if confirm != 0 {
			message = fmt.Sprintf("%d people were confirmed, but by now there are %d; plan again", confirm, plan.Confirm)
		}
		return &requestError{status: http.StatusConflict, code: Unconfirmed, message: message}
	}
	if err := s.Directory.RemoveSource(c.Request().Context(), actor(c), c.Param("name")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
