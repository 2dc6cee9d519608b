package admin

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/connections"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
)

// Code is the kind of a failure, for programs.
type Code string

const (
	BadRequest  Code = "bad-request"
	NotFound    Code = "not-found"
	Conflict    Code = "conflict"
	Forbidden   Code = "forbidden"   // the setting `administrators` does not list who asks
	Unconfirmed Code = "unconfirmed" // what the edit does has to be confirmed; Preview says what
	Vendor      Code = "vendor"      // the app's own API refused or failed
	Unavailable Code = "unavailable"
	Internal    Code = "internal"
)

// ErrorReply is the body of every failed request.
type ErrorReply struct {
	Error struct {
		Code     Code              `json:"code"`
		Message  string            `json:"message"` // for people, complete in itself
		Fix      string            `json:"fix,omitempty"`
		Problems []mapping.Problem `json:"problems,omitempty"` // with line and column
	} `json:"error"`
	Preview *PlanReply `json:"preview,omitempty"` // with Unconfirmed
}

// requestError is a request that cannot be carried out, decided by a handler.
type requestError struct {
	status  int
	code    Code
	message string
	preview *PlanReply
}

func (e *requestError) Error() string { return e.message }

func badRequest(format string, args ...any) error {
	return &requestError{status: http.StatusBadRequest, code: BadRequest, message: fmt.Sprintf(format, args...)}
}

// called makes an error speak of people and sources as the administrator did: by the names that were typed, not by ids.
func called(err error, names map[uuid.UUID]string) error {
	speak := func(text string) string {
		for id, name := range names {
			text = strings.ReplaceAll(text, "the person "+id.String(), name)
			text = strings.ReplaceAll(text, id.String(), name)
		}
		return text
	}
	var dir *directory.Error
	var decision *provision.DecisionError
	switch {
	case errors.As(err, &dir):
		said := *dir
		said.Message = speak(dir.Message)
		return &said
	case errors.As(err, &decision):
		return &provision.DecisionError{Text: speak(decision.Text)}
	}
	return err
}

// answerError is the one place where a failure becomes a reply. What is not known is logged with an id and answered with nothing but it.
func (s Services) answerError(err error, c echo.Context) {
	if c.Response().Committed {
		s.Logger.Error("request failed after its reply began", "path", c.Path(), "err", err)
		panic(http.ErrAbortHandler) // the client must not take what it got for the whole
	}
	status, reply := s.classify(err)
	if jsonErr := c.JSON(status, reply); jsonErr != nil {
		s.Logger.Error("error reply not sent", "err", jsonErr)
	}
}

func (s Services) classify(err error) (int, ErrorReply) {
	var r ErrorReply
	set := func(status int, code Code, message string) (int, ErrorReply) {
		r.Error.Code, r.Error.Message = code, message
		return status, r
	}
	var (
		request  *requestError
		problems *mapping.Problems
		dir      *directory.Error
		conn     *connections.Error
		decision *provision.DecisionError
		doubt    *provision.UnconfirmedError
		vendor   *adapters.Error
		conflict *versions.ConflictError
		unknown  *versions.UnknownVersionError
		rollout  *versions.RolloutError
		tooLarge *http.MaxBytesError
		he       *echo.HTTPError
	)
	switch {
	case errors.As(err, &request):
		r.Preview = request.preview
		return set(request.status, request.code, request.message)
	case errors.As(err, &problems):
		r.Error.Problems = problems.List
		return set(http.StatusBadRequest, BadRequest, problems.Error())
	case errors.As(err, &dir):
		return set(directoryStatus(dir.Code), directoryCode(dir.Code), dir.Message)
	case errors.As(err, &conn):
		return set(http.StatusBadRequest, BadRequest, conn.Text)
	case errors.As(err, &doubt):
		return set(http.StatusConflict, Unconfirmed, doubt.Text)
	case errors.As(err, &decision):
		return set(http.StatusConflict, Conflict, decision.Text)
	case errors.As(err, &vendor):
		r.Error.Fix = vendor.Fix
		return set(http.StatusBadGateway, Vendor, vendor.Error())
	case errors.As(err, &conflict):
		return set(http.StatusConflict, Conflict, conflict.Error())
	case errors.As(err, &rollout):
		return set(http.StatusConflict, Conflict, rollout.Text)
	case errors.As(err, &unknown):
		return set(http.StatusNotFound, NotFound, unknown.Error())
	case errors.As(err, &tooLarge):
		return set(http.StatusRequestEntityTooLarge, BadRequest, fmt.Sprintf("the request is longer than %d bytes", tooLarge.Limit))
	case errors.Is(err, provision.ErrNoHold), errors.Is(err, provision.ErrNoDrift), errors.Is(err, provision.ErrNoChange), errors.Is(err, connections.ErrUnknown):
		return set(http.StatusNotFound, NotFound, err.Error())
	case errors.Is(err, audit.ErrPruned):
		return set(http.StatusConflict, Conflict, err.Error())
	case errors.Is(err, store.ErrUncertain):
		return set(http.StatusServiceUnavailable, Unavailable, "the store cannot write (is the disk full?); free space and restart usher")
	case errors.As(err, &he):
		return set(he.Code, BadRequest, fmt.Sprint(he.Message))
	}
	id := uuid.NewString()
	s.Logger.Error("request failed", "error_id", id, "err", err)
	return set(http.StatusInternalServerError, Internal, "internal error, id "+id)
}

func directoryStatus(c directory.Code) int {
	switch c {
	case directory.NotFound:
		return http.StatusNotFound
	case directory.Uniqueness, directory.TooMany:
		return http.StatusConflict
	default:
		return http.StatusBadRequest
	}
}

func directoryCode(c directory.Code) Code {
	switch c {
	case directory.NotFound:
		return NotFound
	case directory.Uniqueness, directory.TooMany:
		return Conflict
	default:
		return BadRequest
	}
}
