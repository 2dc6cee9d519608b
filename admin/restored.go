package admin

import (
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/provision"
)

// RestoredReply is what GET /restored answers.
type RestoredReply struct {
	Restored bool                     `json:"restored"` // a restore waits to be ended
	Status   *provision.RestoreStatus `json:"status,omitempty"`
	People   map[string]string        `json:"people,omitempty"` // how those are called whom the comparisons list, by id
}

func (s Services) restoredRoutes(v1 *echo.Group) {
	v1.GET("/restored", s.restored)
	v1.PUT("/restored/sources/:name", s.resynced)
	v1.DELETE("/restored", s.resumeRestored)
}

func (s Services) restored(c echo.Context) error {
	ctx := c.Request().Context()
	status, err := s.Engine.RestoreStatus(ctx)
	if err != nil {
		return err
	}
	r := RestoredReply{Restored: status != nil, Status: status, People: map[string]string{}}
	if status == nil {
		return c.JSON(http.StatusOK, r)
	}
	var people []uuid.UUID
	for _, a := range status.Apps {
		for _, t := range []provision.Tally{a.Adopted, a.Missing, a.Changed} {
			for _, f := range t.First {
				people = append(people, f.Person)
			}
		}
	}
	names, err := s.Engine.Names(ctx, people)
	if err != nil {
		return err
	}
	for id, name := range names {
		r.People[id.String()] = name
	}
	return c.JSON(http.StatusOK, r)
}

// resynced takes the administrator's word that a source has pushed everything anew.
func (s Services) resynced(c echo.Context) error {
	if err := s.Engine.Resynced(c.Request().Context(), actor(c), c.Param("name"), c.QueryParam("unchanged") == "true"); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// resumeRestored lets the vendors be written to again, when count is the number of accounts that touches.
func (s Services) resumeRestored(c echo.Context) error {
	count, err := number(c, "count")
	if err != nil {
		return err
	}
	err = s.Engine.ResumeRestored(c.Request().Context(), actor(c), count, c.QueryParam("unchecked") == "true")
	var wrong *provision.CountError
	if errors.As(err, &wrong) {
		return &requestError{status: http.StatusConflict, code: Unconfirmed, message: wrong.Error()}
	}
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
