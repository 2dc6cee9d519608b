package admin

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/provision"
)

func (s Services) undoRoutes(v1 *echo.Group) {
	v1.POST("/changes/:id/undo", s.undo)
}

// UndoReply is an undo with the name behind the person's id.
type UndoReply struct {
	provision.Undoing
	Who string `json:"who,omitempty"` // the person's userName or address
}

// undo brings back what a change took: ?reason, and with ?plan=true it only says what that would be.
func (s Services) undo(c echo.Context) error {
	ctx := c.Request().Context()
	change, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return badRequest("%q is not the id of a change", c.Param("id"))
	}
	u, err := s.Engine.Undo(ctx, actor(c), change, provision.UndoOptions{
		Reason: c.QueryParam("reason"), Plan: c.QueryParam("plan") == "true",
	})
	if err != nil {
		return err
	}
	names, err := s.Engine.Names(ctx, []uuid.UUID{u.Person})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, UndoReply{Undoing: u, Who: names[u.Person]})
}
