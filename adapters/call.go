package adapters

import (
	"context"
	"net/http"
	"time"
)

// Call tells of one exchange with a vendor after it ended. It holds no secret and
// no personal data: the route is the template, never the address with its values.
type Call struct {
	App      string // the adapter's name: "gorgias"
	Op       string // what it was for: "create user"
	Method   string // "POST"
	Route    string // "/users/{id}"
	Status   int    // HTTP status; 0 if there was no reply
	Outcome  string // "ok", or the Kind of the error
	Request  string // the vendor's request id, else ours
	Lane     Lane
	Attempts int           // how often the request was sent; more than 1 only for safe methods; 0 if never
	Duration time.Duration // from the first attempt to the last byte, without the wait for the rate limit
}

// OpCredential is the Call.Op of fetching a credential, which changes no account.
const OpCredential = "get access token"

// MayHaveEffect reports whether the vendor may have changed something: the call was no read, and was not refused.
func (c Call) MayHaveEffect() bool {
	switch {
	case c.Method == http.MethodGet, c.Method == http.MethodHead, c.Op == OpCredential:
		return false
	default:
		return c.Outcome == "ok" || c.Outcome == string(Uncertain)
	}
}

type callLogKey struct{}

// WithCallLog returns a context whose vendor calls are told to log, in the order in
// which they end. The engine keeps them in the record of a step. log must be fast and,
// as an adapter may call in parallel, safe for concurrent use. A log already in ctx is told too.
func WithCallLog(ctx context.Context, log func(Call)) context.Context {
	if outer, ok := ctx.Value(callLogKey{}).(func(Call)); ok {
		inner := log
		log = func(c Call) { inner(c); outer(c) }
	}
	return context.WithValue(ctx, callLogKey{}, log)
}

// LogCall tells c to the log of ctx, if it has one.
func LogCall(ctx context.Context, c Call) {
	if log, ok := ctx.Value(callLogKey{}).(func(Call)); ok {
		log(c)
	}
}
