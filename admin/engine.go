package admin

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/alerts"
	"github.com/usher-scim/usher/provision"
)

// StatusReply is what GET /status answers.
type StatusReply struct {
	Mapping int                      `json:"mapping"`          // version in force
	Paused  []provision.Switch       `json:"paused,omitempty"` // by hand
	Apps    []provision.AppStatus    `json:"apps"`
	Rollout *provision.RolloutStatus `json:"rollout,omitempty"` // absent: no version is being rolled out
	Waiting []string                 `json:"waiting,omitempty"` // group names that no group has yet
	People  map[uuid.UUID]string     `json:"people,omitempty"`  // how those are called whom the apps list
	Backups *BackupStatus            `json:"backups,omitempty"` // absent: none are scheduled
	// Alerts says how the channels do that people are told on; none: nobody is told.
	Alerts []alerts.ChannelStatus `json:"alerts"`
}

func (s Services) status(c echo.Context) error {
	ctx := c.Request().Context()
	m, err := s.Mappings.Current(ctx)
	if err != nil {
		return err
	}
	apps, err := s.Engine.Status(ctx)
	if err != nil {
		return err
	}
	paused, err := s.Engine.Switches(ctx)
	if err != nil {
		return err
	}
	r := StatusReply{Mapping: m.Version(), Paused: paused, Apps: apps}
	if r.Apps == nil {
		r.Apps = []provision.AppStatus{}
	}
	for _, w := range m.Waiting() {
		r.Waiting = append(r.Waiting, w.App+": "+w.Name)
	}
	if r.Rollout, err = s.Engine.RolloutStatus(ctx); err != nil {
		return err
	}
	if s.Backups != nil {
		r.Backups = s.Backups()
	}
	if r.Alerts, err = s.Alerts.Status(ctx); err != nil {
		return err
	}
	var failing []uuid.UUID
	for _, app := range apps {
		for _, f := range app.Failures {
			failing = append(failing, f.Persons...)
		}
		failing = append(failing, app.Leavers...)
	}
	if r.People, err = s.Engine.Names(ctx, failing); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, r)
}

func (s Services) why(c echo.Context) error {
	who, app := c.QueryParam("user"), c.QueryParam("app")
	if who == "" || app == "" {
		return badRequest("user and app are needed")
	}
	x, err := s.Engine.Why(c.Request().Context(), who, app)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, x)
}

const maxPage = 1000

func (s Services) accounts(c echo.Context) error {
	var after uuid.UUID
	if a := c.QueryParam("after"); a != "" {
		var err error
		if after, err = uuid.Parse(a); err != nil {
			return badRequest("after: %q is not an account id", a)
		}
	}
	limit, err := number(c, "limit")
	if err != nil {
		return err
	}
	if limit == 0 || limit > maxPage {
		limit = maxPage
	}
	all, err := s.Engine.Accounts(c.Request().Context(), c.Param("app"), after, limit, c.QueryParam("all") == "true")
	if err != nil {
		return err
	}
	if after == uuid.Nil {
		if err := s.knownApp(c.Request().Context(), c.Param("app"), len(all)); err != nil {
			return err
		}
	}
	if all == nil {
		all = []provision.Account{}
	}
	return c.JSON(http.StatusOK, all)
}

// RetryReply says how many people and teams were given another try.
type RetryReply struct {
	Moved int            `json:"moved"`
	Apps  map[string]int `json:"apps,omitempty"` // by app, where all apps were asked for
}

func (s Services) retry(c echo.Context) error {
	app := c.QueryParam("app")
	if all := c.QueryParam("all") == "true"; all && app == "" {
		return s.retryAll(c.Request().Context(), c)
	} else if all || app == "" {
		return badRequest("app is needed, or all=true without it")
	}
	var person uuid.UUID
	if who := c.QueryParam("user"); who != "" {
		var err error
		if person, err = s.Engine.Person(c.Request().Context(), who); err != nil {
			return err
		}
	}
	n, err := s.Engine.Retry(c.Request().Context(), actor(c), app, person)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, RetryReply{Moved: n})
}
