package admin

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/provision"
)

// accountRoutes are what compares apps with their own lists, and what says whose their accounts are.
func (s Services) accountRoutes(v1 *echo.Group) {
	v1.GET("/drift", s.drift)
	v1.POST("/drift/:id/correct", s.correct)
	v1.GET("/apps/:app/reconciliation", s.reconciliation)
	v1.POST("/apps/:app/reconcile", s.reconcile)
	v1.POST("/apps/:app/links", s.link)
	v1.POST("/apps/:app/unlink", s.unlink)
	v1.POST("/apps/:app/ignore", s.ignore)
}

// DriftReply is a drift with the name behind its person's id.
type DriftReply struct {
	provision.Drift
	Who string `json:"who,omitempty"` // the person's userName or address
}

func (s Services) drift(c echo.Context) error {
	ctx := c.Request().Context()
	all, err := s.Engine.Drifts(ctx, provision.DriftFilter{
		App: c.QueryParam("app"), Kind: provision.DriftKind(c.QueryParam("kind")),
		All: c.QueryParam("all") == "true", Unlinked: c.QueryParam("unlinked") == "true",
	}, maxPage)
	if err != nil {
		return err
	}
	if err := s.knownApp(ctx, c.QueryParam("app"), len(all)); err != nil {
		return err
	}
	persons := make([]uuid.UUID, 0, len(all))
	for _, d := range all {
		if d.Person != uuid.Nil {
			persons = append(persons, d.Person)
		}
	}
	names, err := s.Engine.Names(ctx, persons)
	if err != nil {
		return err
	}
	replies := make([]DriftReply, len(all))
	for i, d := range all {
		replies[i] = DriftReply{Drift: d, Who: names[d.Person]}
	}
	return c.JSON(http.StatusOK, replies)
}

func (s Services) correct(c echo.Context) error {
	d, err := s.Engine.Correct(c.Request().Context(), actor(c), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, d)
}

func (s Services) reconciliation(c echo.Context) error {
	rec, err := s.Engine.Reconciliation(c.Request().Context(), c.Param("app"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, rec)
}

// reconcile answers when the request is durable; reconciliation tells how far it is.
func (s Services) reconcile(c echo.Context) error {
	rec, err := s.Engine.RequestReconcile(c.Request().Context(), actor(c), c.Param("app"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusAccepted, rec)
}

func (s Services) link(c echo.Context) error {
	ctx := c.Request().Context()
	account, who := c.QueryParam("account"), c.QueryParam("user")
	if account == "" || who == "" {
		return badRequest("account and user are needed")
	}
	person, err := s.Engine.Person(ctx, who)
	if err != nil {
		return err
	}
	a, err := s.Engine.Link(ctx, actor(c), c.Param("app"), account, person, c.QueryParam("confirm") == "true")
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, a)
}

func (s Services) unlink(c echo.Context) error {
	account := c.QueryParam("account")
	if account == "" {
		return badRequest("account is needed")
	}
	a, err := s.Engine.Unlink(c.Request().Context(), actor(c), c.Param("app"), account)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, a)
}

func (s Services) ignore(c echo.Context) error {
	account := c.QueryParam("account")
	if account == "" {
		return badRequest("account is needed")
	}
	d, err := s.Engine.Ignore(c.Request().Context(), actor(c), c.Param("app"), account, c.QueryParam("undo") == "true")
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, d)
}
