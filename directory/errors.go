package directory

import (
	"errors"

	"github.com/usher-scim/usher/store"
)

// Code says what kind of failure an Error is; the edges map it to their own status.
type Code string

const (
	NotFound     Code = "not-found"    // no such source, user or group, as far as the caller may see
	Uniqueness   Code = "uniqueness"   // another record or group has the value (RFC 7644 section 3.12)
	Invalid      Code = "invalid"      // a value cannot be accepted; Field names its attribute
	Forbidden    Code = "forbidden"    // what it concerns belongs to another source
	Mutability   Code = "mutability"   // the value must not be changed
	TooMany      Code = "too-many"     // a bound is reached
	Unauthorized Code = "unauthorized" // the token is unknown, or its source was removed
)

// Error is a failure that the caller can do something about. Its message is one
// sentence for people and holds nothing but what the caller itself sent or may see.
type Error struct {
	Code    Code
	Field   string // the attribute concerned, as SCIM names it; may be empty
	Message string
	Err     error // the cause; may be nil
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of err, "" for an error of another kind.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// uniqueness turns the refusal of a unique index into an Error; fields gives the
// attribute of each index. Other errors stay as they are.
func uniqueness(err error, what string, fields map[string]string) error {
	var u *store.UniqueError
	if !errors.As(err, &u) {
		return err
	}
	field := fields[u.Index]
	return &Error{Code: Uniqueness, Field: field, Message: "another " + what + " has this " + field, Err: err}
}

// Unavailable reports whether err says that the store takes no writes or is closed: the
// request was right, nothing is wrong with what it named, and it may be repeated later.
func Unavailable(err error) bool {
	return errors.Is(err, store.ErrUncertain) || errors.Is(err, store.ErrClosed)
}
