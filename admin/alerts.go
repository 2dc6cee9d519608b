package admin

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/alerts"
	"github.com/usher-scim/usher/provision"
)

// AlertsReply is what GET /alerts answers.
type AlertsReply struct {
	Channels []alerts.ChannelStatus `json:"channels"` // none: nobody is told
	Alerts   []alerts.Alert         `json:"alerts"`   // the newest first
	People   map[uuid.UUID]string   `json:"people,omitempty"`
}

// FailuresReply is what GET /failures answers.
type FailuresReply struct {
	provision.Failures
	People map[uuid.UUID]string `json:"people,omitempty"` // how those are called whom the list names
	// Stopped are the apps that nothing is sent to. Where nobody's work is due there, no failure tells of it.
	Stopped []StoppedApp `json:"stopped,omitempty"`
}

// StoppedApp says why nothing is sent to an app, and what to do.
type StoppedApp struct {
	App    string `json:"app"`
	Reason string `json:"reason"`
	Fix    string `json:"fix,omitempty"`
}

func (s Services) alertRoutes(v1 *echo.Group) {
	v1.GET("/alerts", s.listAlerts)
	v1.POST("/alerts/test", s.testAlerts)
	v1.GET("/failures", s.failures)
}

// listed is how many alerts are listed without a limit.
const listed = 20

func (s Services) listAlerts(c echo.Context) error {
	ctx := c.Request().Context()
	limit, err := number(c, "limit")
	if err != nil {
		return err
	}
	if limit == 0 {
		limit = listed
	}
	var r AlertsReply
	if r.Channels, err = s.Alerts.Status(ctx); err != nil {
		return err
	}
	if r.Alerts, err = s.Alerts.List(ctx, min(limit, maxPage)); err != nil {
		return err
	}
	if r.Alerts == nil {
		r.Alerts = []alerts.Alert{}
	}
	var persons []uuid.UUID
	for _, a := range r.Alerts {
		persons = append(persons, a.Persons...)
	}
	if r.People, err = s.Engine.Names(ctx, persons); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, r)
}

// testAlerts answers when every channel has taken the test or failed: 200 in both cases, the outcomes say which.
func (s Services) testAlerts(c echo.Context) error {
	return c.JSON(http.StatusOK, s.Alerts.Test(c.Request().Context(), actor(c).Name))
}

func (s Services) failures(c echo.Context) error {
	ctx := c.Request().Context()
	all, err := s.Engine.Failures(ctx, c.QueryParam("app"), maxPage)
	if err != nil {
		return err
	}
	if all.List == nil {
		all.List = []provision.Failing{}
	}
	persons := make([]uuid.UUID, len(all.List))
	for i := range all.List {
		persons[i] = all.List[i].Person
	}
	names, err := s.Engine.Names(ctx, persons)
	if err != nil {
		return err
	}
	r := FailuresReply{Failures: all, People: names}
	apps, err := s.Engine.Status(ctx)
	if err != nil {
		return err
	}
	for _, app := range apps {
		if only := c.QueryParam("app"); app.Stopped && (only == "" || only == app.App) {
			r.Stopped = append(r.Stopped, StoppedApp{App: app.App, Reason: app.Reason, Fix: app.Fix})
		}
	}
	return c.JSON(http.StatusOK, r)
}

// retryAll gives everything in every app another try.
func (s Services) retryAll(ctx context.Context, c echo.Context) error {
	apps, err := s.Engine.RetryAll(ctx, actor(c))
	if err != nil {
		return err
	}
	r := RetryReply{Apps: apps}
	for _, n := range apps {
		r.Moved += n
	}
	return c.JSON(http.StatusOK, r)
}
