package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/secrets"
	"github.com/usher-scim/usher/store"
)

// SourceReply is one source, without its tokens' hashes.
type SourceReply struct {
	Name    string         `json:"name"`
	Kind    directory.Kind `json:"kind"`
	Rank    int            `json:"rank"`
	Strict  bool           `json:"strict,omitempty"`
	Tokens  int            `json:"tokens"`
	Users   int            `json:"users"`
	Groups  int            `json:"groups"`
	Created time.Time      `json:"created"`
	Removed time.Time      `json:"removed,omitzero"`
	// Expires is when the first of its tokens expires, or did; zero if none does.
	Expires time.Time `json:"expires,omitzero"`
}

// AddToken is the body of POST /sources/{name}/tokens.
type AddToken struct {
	ReadOnly bool  `json:"readOnly"`
	Seconds  int64 `json:"seconds"` // how long it is valid; 0: until it is rotated away
}

// AddSource is the body of POST /sources.
type AddSource struct {
	Name   string         `json:"name"`
	Kind   directory.Kind `json:"kind"`
	Rank   int            `json:"rank"`
	Strict bool           `json:"strict"`
}

// TokenReply carries a new token. It is shown this once.
type TokenReply struct {
	Source SourceReply `json:"source"`
	Token  string      `json:"token"`
}

func sourceReply(s directory.Source) SourceReply {
	r := SourceReply{
		Name: s.Name, Kind: s.Kind, Rank: s.Rank, Strict: s.Strict, Tokens: len(s.Tokens), Created: s.Created, Removed: s.Removed,
	}
	for _, t := range s.Tokens {
		if !t.Expires.IsZero() && (r.Expires.IsZero() || t.Expires.Before(r.Expires)) {
			r.Expires = t.Expires
		}
	}
	return r
}

func (s Services) sources(c echo.Context) error {
	ctx := c.Request().Context()
	all, err := s.Directory.Sources(ctx)
	if err != nil {
		return err
	}
	out := make([]SourceReply, 0, len(all))
	for _, src := range all {
		r := sourceReply(src)
		if r.Users, err = s.Directory.CountUsers(ctx, src); err != nil {
			return err
		}
		if r.Groups, err = s.Directory.CountGroups(ctx, src); err != nil {
			return err
		}
		out = append(out, r)
	}
	return c.JSON(http.StatusOK, out)
}

func (s Services) addSource(c echo.Context) error {
	var body AddSource
	if err := readJSON(c, &body); err != nil {
		return err
	}
	src, token, err := s.Directory.AddSource(c.Request().Context(), actor(c),
		directory.NewSource{Name: body.Name, Kind: body.Kind, Rank: body.Rank, Strict: body.Strict})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, TokenReply{sourceReply(src), token})
}

func (s Services) rotateSource(c echo.Context) error {
	src, token, err := s.Directory.RotateToken(c.Request().Context(), actor(c), c.Param("name"), c.QueryParam("keep_old") == "true")
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, TokenReply{sourceReply(src), token})
}

func (s Services) addToken(c echo.Context) error {
	var body AddToken
	if err := readJSON(c, &body); err != nil {
		return err
	}
	if body.Seconds < 0 || body.Seconds > int64(directory.MaxTokenLife/time.Second) {
		return badRequest("seconds must be 0 to %d", int64(directory.MaxTokenLife/time.Second))
	}
	src, token, err := s.Directory.AddToken(c.Request().Context(), actor(c), c.Param("name"),
		directory.TokenTerms{ReadOnly: body.ReadOnly, Lasts: time.Duration(body.Seconds) * time.Second})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, TokenReply{sourceReply(src), token})
}

// clearDeny lifts what a source left behind when it deleted a user whom other sources still hold, or what a removed source said last.
func (s Services) clearDeny(c echo.Context) error {
	ctx := c.Request().Context()
	src, err := s.Directory.SourceByName(ctx, c.Param("name"))
	if directory.CodeOf(err) == directory.NotFound {
		src, err = s.removedSource(ctx, c.Param("name"), err)
	}
	if err != nil {
		return err
	}
	person, err := s.Engine.Person(ctx, c.Param("user"))
	if err != nil {
		return err
	}
	if err := s.Directory.ClearDeny(ctx, actor(c), person, src.ID); err != nil {
		return called(err, map[uuid.UUID]string{person: c.Param("user"), src.ID: src.Name})
	}
	s.Engine.Wake()
	return c.NoContent(http.StatusNoContent)
}

// removedSource is the source of a name that was removed last, else it fails with otherwise.
func (s Services) removedSource(ctx context.Context, name string, otherwise error) (directory.Source, error) {
	all, err := s.Directory.Sources(ctx)
	if err != nil {
		return directory.Source{}, err
	}
	var last directory.Source
	for _, src := range all {
		if directory.Fold(src.Name) == directory.Fold(name) && src.Removed.After(last.Removed) {
			last = src
		}
	}
	if last.Removed.IsZero() {
		return directory.Source{}, otherwise
	}
	return last, nil
}

func (s Services) listSecrets(c echo.Context) error {
	all, err := s.Vault.List(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, all)
}

func (s Services) setSecret(c echo.Context) error {
	if err := secrets.CheckName(c.Param("name")); err != nil {
		return badRequest("%v", err)
	}
	value, err := io.ReadAll(io.LimitReader(c.Request().Body, secrets.MaxValue+1))
	if err != nil {
		return err
	}
	if len(value) == 0 || len(value) > secrets.MaxValue {
		return badRequest("a secret has 1 to %d bytes", secrets.MaxValue)
	}
	if err := s.Vault.Set(c.Request().Context(), c.Param("name"), secrets.NewValue(string(value))); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s Services) deleteSecret(c echo.Context) error {
	err := s.Vault.Delete(c.Request().Context(), c.Param("name"))
	if errors.Is(err, store.ErrNotFound) {
		return &requestError{status: http.StatusNotFound, code: NotFound, message: fmt.Sprintf("no secret is stored as %q", c.Param("name"))}
	}
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s Services) backup(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderContentType, echo.MIMEOctetStream)
	c.Response().WriteHeader(http.StatusOK)
	return s.Backup(c.Request().Context(), c.Response())
}

// readJSON reads a body strictly: one object, no unknown keys.
func readJSON(c echo.Context, into any) error {
	dec := json.NewDecoder(c.Request().Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return badRequest("the body is not the JSON expected here: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
