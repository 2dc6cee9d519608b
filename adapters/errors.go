package adapters

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what kind of failure a call met; the engine decides by it what follows.
type Kind string

const (
	// Retry: nothing happened; try again after Error.After (a rate limit, a busy record). Not an attempt.
	Retry Kind = "retry"
	// Uncertain: the call may have taken effect (lost or cut reply, a timeout after the request was sent).
	Uncertain Kind = "uncertain"
	// NotFound: the vendor itself says that the thing is not there. Never from an unrecognised body.
	NotFound Kind = "not-found"
	// AlreadyExists: an account of that identity is there.
	AlreadyExists Kind = "already-exists"
	// Conflict: the state of something else forbids it (a licence of the receiver, another tenant's account).
	Conflict Kind = "conflict"
	// Invalid: the vendor refuses the values; repeating cannot help.
	Invalid Kind = "invalid"
	// Unauthorized: credentials or permissions do not suffice; its scope is the whole app.
	Unauthorized Kind = "unauthorized"
	// NoSeat: no free licence.
	NoSeat Kind = "no-seat"
	// Protected: the account may not be touched (owner, bot, the connector's own).
	Protected Kind = "protected"
	// Unsupported: the vendor has no such operation.
	Unsupported Kind = "unsupported"
	// Unavailable: the vendor is down or unreachable and nothing happened.
	Unavailable Kind = "unavailable"
)

// Scope says how far a failure reaches.
type Scope string

const (
	// OneAccount: other accounts are not affected.
	OneAccount Scope = "account"
	// WholeApp: every call of the connection would fail alike.
	WholeApp Scope = "app"
)

// Error is the failure of one operation at a vendor. Its text is for people and holds no secret
// and no more of the vendor's body than its own error message.
type Error struct {
	Kind    Kind
	Scope   Scope
	After   time.Duration // with Retry, and with Unavailable and Uncertain where the vendor said it: how long to wait from now; 0 leaves it to the engine
	Op      string        // what was being done: "create user"
	Message string        // what went wrong, in a sentence without a full stop
	Fix     string        // what a person can do about it; may be empty
	Status  int           // HTTP status, 0 if there was no reply
	Code    string        // the vendor's error code, if it has them
	Request string        // the vendor's request id, else ours
	Err     error         // the cause, for errors.Is; never shown
}

func (e *Error) Error() string {
	s := e.Op + ": " + e.Message
	if e.Status != 0 {
		s += fmt.Sprintf(" (HTTP %d", e.Status)
		if e.Code != "" {
			s += ", code " + e.Code
		}
		s += ")"
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of err, and Uncertain for one that no adapter made: what is
// not understood may have happened.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Uncertain
}

// IsKind reports whether err is an adapter's error of kind k.
func IsKind(err error, k Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == k
}
