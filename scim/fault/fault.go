package fault

import (
	"fmt"
	"net/http"
)

// Type is a scimType (RFC 7644 table 9); it is empty where the RFC has none for the situation.
type Type string

// The values of scimType that are in use; those about cursors are of RFC 9865.
const (
	ExpiredCursor Type = "expiredCursor"
	InvalidCount  Type = "invalidCount"
	InvalidCursor Type = "invalidCursor"
	InvalidFilter Type = "invalidFilter"
	InvalidPath   Type = "invalidPath"
	InvalidSyntax Type = "invalidSyntax"
	InvalidValue  Type = "invalidValue"
	Mutability    Type = "mutability"
	NoTarget      Type = "noTarget"
	TooMany       Type = "tooMany"
	Uniqueness    Type = "uniqueness"
)

// Error is a refusal that the client caused and may read. Detail names attributes and positions; it holds no
// text that came from inside.
type Error struct {
	Status int
	Type   Type
	Detail string
}

// Error returns the detail.
func (e *Error) Error() string { return e.Detail }

// New makes an error of a scimType; its status is 409 for uniqueness and 400 for all others.
func New(t Type, format string, args ...any) *Error {
	status := http.StatusBadRequest
	if t == Uniqueness {
		status = http.StatusConflict
	}
	return &Error{Status: status, Type: t, Detail: fmt.Sprintf(format, args...)}
}

// Status makes an error that has a status and no scimType.
func Status(status int, format string, args ...any) *Error {
	return &Error{Status: status, Detail: fmt.Sprintf(format, args...)}
}
