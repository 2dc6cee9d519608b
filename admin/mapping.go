package admin

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/connections"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
)

// ConnectionReply is what PUT /connections/{name} answers.
type ConnectionReply struct {
	connections.Connection
	Identity adapters.Identity `json:"identity"`
	Warning  string            `json:"warning,omitempty"` // an app stays stopped although the connection works
}

func (s Services) listConnections(c echo.Context) error {
	all, err := s.Connections.List(c.Request().Context())
	if err != nil {
		return err
	}
	if all == nil {
		all = []connections.Connection{}
	}
	return c.JSON(http.StatusOK, all)
}

func (s Services) saveConnection(c echo.Context) error {
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	conn, id, err := s.Connections.Save(c.Request().Context(), actor(c), c.Param("name"), body)
	if err != nil {
		return err
	}
	r := ConnectionReply{Connection: conn, Identity: id}
	if err := s.Engine.Recheck(c.Request().Context(), conn.Name); err != nil {
		r.Warning = "the connection is saved, but an app that uses it stays stopped: " + err.Error()
	}
	return c.JSON(http.StatusOK, r)
}

// PlanReply is what a mapping document would do.
type PlanReply struct {
	Version  int                `json:"version"` // of the mapping in force
	Diff     []string           `json:"diff"`
	Preview  provision.Preview  `json:"preview"`
	Warnings []mapping.Problem  `json:"warnings,omitempty"`
	Bindings []mapping.Binding  `json:"bindings,omitempty"`
	Waiting  []mapping.GroupRef `json:"waiting,omitempty"` // group names that no group has yet
}

// plan says what a document would do: for everybody, or with ?ring for those of a ring.
func (s Services) plan(c echo.Context, text []byte) (PlanReply, error) {
	next, err := s.Mappings.CheckIn(c.Request().Context(), text, c.QueryParam("ring"))
	if err != nil {
		return PlanReply{}, err
	}
	return s.compare(c, next)
}

// compare says what another mapping would do.
func (s Services) compare(c echo.Context, next *mapping.Mapping) (PlanReply, error) {
	ctx := c.Request().Context()
	current, err := s.Mappings.Current(ctx)
	if err != nil {
		return PlanReply{}, err
	}
	preview, err := s.Engine.Preview(ctx, next)
	if err != nil {
		return PlanReply{}, err
	}
	r := PlanReply{
		Version: current.Version(), Preview: preview, Diff: []string{},
		Warnings: next.Warnings(), Bindings: next.Bindings(), Waiting: next.Waiting(),
	}
	after := next.Document()
	if rolled, _ := next.RollsOut(); rolled != nil {
		after = rolled.Document()
	}
	for _, d := range mapping.Diff(current.Document(), after) {
		r.Diff = append(r.Diff, d.String())
	}
	return r, nil
}

func (s Services) planMapping(c echo.Context) error {
	text, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	r, err := s.plan(c, text)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, r)
}

// ApplyReply is what a new version of the mapping answers.
type ApplyReply struct {
	Version versions.Version `json:"version"`
	Plan    PlanReply        `json:"plan"`
}

// applyMapping puts a document in force. Where the edit takes accounts away, or does more of anything that can hurt than a budget allows, it
// has to be confirmed by the number of people (?confirm=N), as a plan gave it; a number that is not true any more is refused. ?expect=N
// names the version that must be in force, ?comment says why, ?ring who follows it first.
func (s Services) applyMapping(c echo.Context) error {
	text, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	plan, options, err := s.confirmed(c, func() (PlanReply, error) { return s.plan(c, text) })
	if err != nil {
		return err
	}
	options.Ring = c.QueryParam("ring")
	v, err := s.Mappings.Apply(c.Request().Context(), actor(c), text, options)
	if err != nil {
		return err
	}
	s.Engine.Wake()
	return c.JSON(http.StatusOK, ApplyReply{v, plan})
}

// confirmed plans an edit and reads on which conditions it is to be made.
func (s Services) confirmed(c echo.Context, planned func() (PlanReply, error)) (PlanReply, versions.ApplyOptions, error) {
	options := versions.ApplyOptions{Comment: c.QueryParam("comment")}
	if len(options.Comment) > versions.MaxComment {
		return PlanReply{}, options, badRequest("the comment is longer than %d bytes", versions.MaxComment)
	}
	var err error
	if options.Expect, err = number(c, "expect"); err != nil {
		return PlanReply{}, options, err
	}
	confirm, err := number(c, "confirm")
	if err != nil {
		return PlanReply{}, options, err
	}
	plan, err := planned()
	if err != nil {
		return plan, options, err
	}
	if v := plan.Preview; v.Confirm != confirm {
		message := fmt.Sprintf("this would take accounts from %d people; confirm that number", v.Confirm)
		switch {
		case confirm != 0:
			message = fmt.Sprintf("%d people were confirmed, but by now there are %d; plan again", confirm, v.Confirm)
		case v.Confirm > v.Removals:
			message = fmt.Sprintf("this goes beyond a budget and affects %d people, of whom %d lose accounts; confirm %d", v.Confirm, v.Removals, v.Confirm)
		}
		return plan, options, &requestError{status: http.StatusConflict, code: Unconfirmed, message: message, preview: &plan}
	}
	options.Confirmed, options.Exceeding = plan.Preview.Removals, plan.Preview.Exceeding
	return plan, options, nil
}

func (s Services) exportMapping(c echo.Context) error {
	n, err := number(c, "version")
	if err != nil {
		return err
	}
	text, err := s.Mappings.Export(c.Request().Context(), n)
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "application/yaml", text)
}

func (s Services) mappingVersions(c echo.Context) error {
	all, err := s.Mappings.List(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, all)
}

// rollbackMapping puts the text of the version ?to=N in force again, on the same conditions as applyMapping.
func (s Services) rollbackMapping(c echo.Context) error {
	to, err := number(c, "to")
	if err != nil {
		return err
	}
	old, err := s.Mappings.Get(c.Request().Context(), to)
	if err != nil {
		return err
	}
	plan, options, err := s.confirmed(c, func() (PlanReply, error) { return s.plan(c, []byte(old.Text)) })
	if err != nil {
		return err
	}
	v, err := s.Mappings.Rollback(c.Request().Context(), actor(c), to, options)
	if err != nil {
		return err
	}
	s.Engine.Wake()
	return c.JSON(http.StatusOK, ApplyReply{v, plan})
}

// number reads a whole number of the query; absent is 0.
func number(c echo.Context, name string) (int, error) {
	v := c.QueryParam(name)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, badRequest("%s: %q is not a whole number", name, v)
	}
	return n, nil
}
