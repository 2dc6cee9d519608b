package admin

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
)

func (s Services) auditRoutes(v1 *echo.Group) {
	v1.GET("/audit", s.facts)
	v1.GET("/audit/export", s.exportAudit)
	v1.GET("/audit/verify", s.verifyAudit)
	v1.GET("/audit/key", s.auditKey)
	v1.POST("/audit/prune", s.pruneAudit)
	v1.POST("/erase", s.erase)
}

// FactsReply is what GET /audit answers.
type FactsReply struct {
	Facts  []audit.Change       `json:"facts"`            // newest first
	People map[uuid.UUID]string `json:"people,omitempty"` // how those are called whom the facts are about
	Groups map[uuid.UUID]string `json:"groups,omitempty"` // how the groups are called that the facts are about
	Next   uuid.UUID            `json:"next,omitzero"`    // give it as before to go on; absent at the end
}

func (s Services) facts(c echo.Context) error {
	ctx := c.Request().Context()
	f := audit.Filter{App: c.QueryParam("app"), Act: c.QueryParam("kind")}
	var err error
	if f.Limit, err = number(c, "limit"); err != nil {
		return err
	}
	if f.Since, err = moment(c, "since"); err != nil {
		return err
	}
	if f.Until, err = moment(c, "until"); err != nil {
		return err
	}
	if before := c.QueryParam("before"); before != "" {
		if f.Before, err = uuid.Parse(before); err != nil {
			return badRequest("before: %q is not the id of a fact", before)
		}
	}
	if who := c.QueryParam("person"); who != "" {
		if f.Person, err = s.Engine.Person(ctx, who); err != nil {
			return err
		}
	}
	r := FactsReply{}
	if r.Facts, r.Next, err = s.Audit.Find(ctx, f); err != nil {
		return err
	}
	if r.Facts == nil {
		r.Facts = []audit.Change{}
	}
	var sole, groups []uuid.UUID
	for _, fact := range r.Facts {
		groups = append(groups, fact.Group)
		if len(fact.Persons) == 1 {
			sole = append(sole, fact.Persons[0])
		}
	}
	if r.People, err = s.Engine.Names(ctx, sole); err != nil {
		return err
	}
	if r.Groups, err = s.Engine.GroupNames(ctx, groups); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, r)
}

// moment reads a time of RFC 3339, zero where there is none.
func moment(c echo.Context, name string) (time.Time, error) {
	text := c.QueryParam(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, badRequest("%s: %q is not a time like 2026-11-21T09:00:00Z", name, text)
	}
	return t, nil
}

func (s Services) exportAudit(c echo.Context) error {
	o := audit.ExportOptions{Format: audit.Format(c.QueryParam("format")), Personal: c.QueryParam("personal") == "true"}
	contentType := "application/jsonl"
	switch o.Format {
	case "", audit.JSONLines:
		o.Format = audit.JSONLines
	case audit.CSV:
		contentType = "text/csv; charset=utf-8"
	default:
		return badRequest("format: %q is neither jsonl nor csv", string(o.Format))
	}
	if after := c.QueryParam("after"); after != "" {
		var err error
		if o.After, err = strconv.ParseUint(after, 10, 64); err != nil {
			return badRequest("after: %q is not a position", after)
		}
	}
	c.Response().Header().Set(echo.HeaderContentType, contentType)
	err := s.Audit.Export(c.Request().Context(), c.Response(), o)
	if errors.Is(err, store.ErrNotFound) && !c.Response().Committed {
		return badRequest("after: there is no sealed fact at position %d", o.After)
	}
	return err
}

func (s Services) verifyAudit(c echo.Context) error {
	report, err := s.Audit.Verify(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, report)
}

func (s Services) auditKey(c echo.Context) error {
	text, err := audit.MarshalKey(s.Audit.PublicKey())
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "application/x-pem-file", text)
}

// pruneAudit removes what happened before a time, or with dry_run says what would be.
func (s Services) pruneAudit(c echo.Context) error {
	ctx := c.Request().Context()
	before, err := moment(c, "before")
	if err != nil {
		return err
	}
	if before.IsZero() {
		return badRequest("before is needed: the time from which on facts are kept")
	}
	var pruned audit.Pruned
	if c.QueryParam("dry_run") == "true" {
		pruned, err = s.Audit.Prunable(ctx, before)
	} else {
		pruned, err = s.Audit.Prune(ctx, actor(c), before)
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, pruned)
}

// EraseReply is what POST /erase answers.
type EraseReply struct {
	Person    uuid.UUID           `json:"person"`
	Erasure   audit.Erasure       `json:"erasure,omitzero"` // absent with dry_run
	Forgotten provision.Forgotten `json:"forgotten,omitzero"`
}

// erase forgets a person everywhere, or with dry_run only says whether that would be refused. The audit's key goes last, so that an
// interruption leaves somebody who can be erased again by id.
func (s Services) erase(c echo.Context) error {
	ctx := c.Request().Context()
	who := c.QueryParam("person")
	if who == "" {
		return badRequest("person is needed")
	}
	person, err := s.Engine.Person(ctx, who)
	if err != nil {
		return err
	}
	r := EraseReply{Person: person}
	if c.QueryParam("dry_run") == "true" {
		if err := s.Engine.Forgettable(ctx, person); err != nil {
			return called(err, map[uuid.UUID]string{person: who})
		}
		return c.JSON(http.StatusOK, r)
	}
	if r.Forgotten, err = s.Engine.Forget(ctx, actor(c), person); err != nil {
		return called(err, map[uuid.UUID]string{person: who})
	}
	if r.Erasure, err = s.Audit.Erase(ctx, actor(c), person); err != nil {
		return fmt.Errorf("the person %s is out of directory and ledger, the audit's key is still there; erase the id again: %w", person, err)
	}
	return c.JSON(http.StatusOK, r)
}
