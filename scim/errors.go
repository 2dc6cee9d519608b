package scim

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/schema"
)

const errorURN = "urn:ietf:params:scim:api:messages:2.0:Error"

// refusal is what a code of the directory is on the wire.
func refusal(code directory.Code) (status int, kind fault.Type, known bool) {
	switch code {
	case directory.NotFound:
		return http.StatusNotFound, "", true
	case directory.Uniqueness:
		return http.StatusConflict, fault.Uniqueness, true
	case directory.Invalid, directory.TooMany:
		return http.StatusBadRequest, fault.InvalidValue, true
	case directory.Mutability:
		return http.StatusBadRequest, fault.Mutability, true
	case directory.Forbidden:
		return http.StatusForbidden, "", true
	case directory.Unauthorized:
		return http.StatusUnauthorized, "", true
	}
	return 0, "", false
}

// told returns what a client may read of an error, and whether it is one that the client caused. What is not is for the log.
func told(err error, request string) (*fault.Error, bool) {
	var known *fault.Error
	if errors.As(err, &known) {
		return known, true
	}
	var theirs *directory.Error
	if errors.As(err, &theirs) {
		if status, kind, ok := refusal(theirs.Code); ok {
			return &fault.Error{Status: status, Type: kind, Detail: theirs.Message}, true
		}
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), directory.Unavailable(err):
		return fault.Status(http.StatusServiceUnavailable, "the request could not be completed, try again; id %s", request), false
	}
	return fault.Status(http.StatusInternalServerError, "internal error, id %s", request), false
}

// fail answers with an Error body (RFC 7644 section 3.12), or cuts the connection when part of another answer is out: a
// client must not take half of a list for all of it.
func (x *exchange) fail(err error) {
	e, theirs := told(err, x.request)
	if !theirs {
		x.log.Error("scim request failed", "request", x.request, "err", err)
	}
	if x.w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	switch e.Status {
	case http.StatusUnauthorized:
		x.w.Header().Set("WWW-Authenticate", `Bearer realm="scim"`)
	case http.StatusServiceUnavailable:
		x.w.Header().Set("Retry-After", "5")
	}
	x.send(e.Status, errorBody(e))
}

// errorBody writes an Error (RFC 7644 section 3.12).
func errorBody(e *fault.Error) []byte {
	body := append([]byte(`{"schemas":["`+errorURN+`"],"status":"`), strconv.Itoa(e.Status)...)
	body = append(body, '"')
	if e.Type != "" {
		body = append(append(append(body, `,"scimType":"`...), e.Type...), '"')
	}
	return append(schema.AppendString(append(body, `,"detail":`...), e.Detail), '}')
}
