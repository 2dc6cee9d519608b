package admin

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
)

// MigrationReply is what it means that a source takes over from another, and what became of it.
type MigrationReply struct {
	Migration provision.Migration `json:"migration"`
	Plan      PlanReply           `json:"plan"` // of the mapping with the other names
	// Version is what the mapping is then; nil while it is only planned, or where it names no group of the former source.
	Version *versions.Version `json:"version,omitempty"`
}

func (s Services) migrationRoutes(v1 *echo.Group) {
	v1.GET("/sources/:name/migration/:to", s.planMigration)
	v1.POST("/sources/:name/migration/:to", s.migrate)
}

func (s Services) planMigration(c echo.Context) error {
	r, _, err := s.migration(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, r)
}

// migration plans, and returns the text of the mapping with the other names.
func (s Services) migration(c echo.Context) (MigrationReply, []byte, error) {
	ctx := c.Request().Context()
	current, err := s.Mappings.Current(ctx)
	if err != nil {
		return MigrationReply{}, nil, err
	}
	var text []byte
	var next *mapping.Mapping
	m, err := s.Engine.PlanMigration(ctx, c.Param("name"), c.Param("to"), func(names map[string]string) (*mapping.Mapping, error) {
		if current.Version() == 0 {
			return current, nil
		}
		old, err := s.Mappings.Get(ctx, current.Version())
		if err != nil {
			return nil, err
		}
		if text, err = mapping.RenameGroups([]byte(old.Text), names); err != nil {
			return nil, err
		}
		if len(names) == 0 {
			text, next = nil, current
			return current, nil
		}
		next, err = s.Mappings.Check(ctx, text)
		return next, err
	})
	if err != nil {
		return MigrationReply{}, nil, err
	}
	r := MigrationReply{Migration: m, Plan: PlanReply{Version: m.Version, Preview: m.Preview, Diff: []string{}}}
	if next != nil {
		r.Plan.Warnings, r.Plan.Bindings, r.Plan.Waiting = next.Warnings(), next.Bindings(), next.Waiting()
		for _, d := range mapping.Diff(current.Document(), next.Document()) {
			r.Plan.Diff = append(r.Plan.Diff, d.String())
		}
	}
	return r, text, nil
}

// migrate lets a source take over from another. Where it does more than a budget allows, the number of people has to be confirmed (?confirm=N)
// as the plan gave it; ?expect=N names the version of the mapping that must be in force.
func (s Services) migrate(c echo.Context) error {
	ctx := c.Request().Context()
	confirm, err := number(c, "confirm")
	if err != nil {
		return err
	}
	expect, err := number(c, "expect")
	if err != nil {
		return err
	}
	r, text, err := s.migration(c)
	if err != nil {
		return err
	}
	if expect != 0 && expect != r.Plan.Version {
		return &versions.ConflictError{Expected: expect, Current: r.Plan.Version}
	}
	if v := r.Plan.Preview; len(r.Migration.Blocked) == 0 && v.Confirm != confirm {
		message := fmt.Sprintf("this goes beyond a budget and affects %d people; confirm that number", v.Confirm)
		if confirm != 0 {
			message = fmt.Sprintf("%d people were confirmed, but by now there are %d; plan again", confirm, v.Confirm)
		}
		return &requestError{status: http.StatusConflict, code: Unconfirmed, message: message, preview: &r.Plan}
	}
	err = s.Engine.Migrate(ctx, actor(c), r.Migration, func() (int, error) {
		if text == nil {
			return 0, nil
		}
		v, err := s.Mappings.Apply(ctx, actor(c), text, versions.ApplyOptions{
			Expect: r.Plan.Version, Comment: r.Migration.To + " takes over from " + r.Migration.From,
			Confirmed: r.Plan.Preview.Removals, Exceeding: r.Plan.Preview.Exceeding,
		})
		if err != nil {
			return 0, err
		}
		r.Version = &v
		return v.Number, nil
	})
	s.Engine.Wake()
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, r)
}
